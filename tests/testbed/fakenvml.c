/* A library of NVML's shape, as nvml.h describes it. It was not compared with a real one.
 *
 * The file that FAKENVML names (on hosts of the testbed: /run/gpu/nvml.txt) says what it answers, one
 * word or card or process a line:
 *
 *     driver VERSION
 *     init CODE                     what nvmlInit_v2 returns
 *     hang SECONDS                  how long the count of cards takes
 *     card UUID DOMAIN BUS DEVICE TOTAL_MIB RESERVED_MIB USED_MIB PERCENT MIG NAME…
 *     refuse CARD FUNCTION CODE     a call for one card that fails; FUNCTION without "nvmlDevice"
 *     process CARD Compute|Graphics PID BYTES     -1 bytes: not told
 *
 * At compile time: -DNEWEST=2 or 1 (the newest form of the process lists, else 3), -DNO_PROCESSES,
 * -DENTRY_BYTES=32 (drivers that append a field to each process), -DNO_MEMORY_V2.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef NEWEST
#define NEWEST 3
#endif
#ifndef ENTRY_BYTES
#define ENTRY_BYTES (NEWEST == 1 ? 16 : 24)
#endif
enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, TOO_SMALL = 7, WRONG_VERSION = 25, MOST = 512 };

typedef unsigned long long ull;
struct card { char uuid[96], name[96]; unsigned domain, bus, device, percent; ull total, reserved, used; int mig; };
struct process { int card; char kind[16]; unsigned pid; ull bytes; };
struct refusal { int card, code; char function[64]; };

static struct card cards[MOST];
static struct process processes[MOST];
static struct refusal refusals[MOST];
static unsigned card_count, process_count, refusal_count, hang_s;
static int init_code;
static char driver[96] = "550.54.15";

static void read_line(const char *line) {
    struct card *card = &cards[card_count];
    struct process *process = &processes[process_count];
    struct refusal *refusal = &refusals[refusal_count];
    long long bytes;
    if (sscanf(line, "card %95s %x %x %x %llu %llu %llu %u %d %95[^\n]", card->uuid, &card->domain, &card->bus,
               &card->device, &card->total, &card->reserved, &card->used, &card->percent, &card->mig, card->name) == 10)
        card_count++;
    else if (sscanf(line, "process %d %15s %u %lld", &process->card, process->kind, &process->pid, &bytes) == 4)
        processes[process_count++].bytes = (ull)bytes;
    else if (sscanf(line, "refuse %d %63s %d", &refusal->card, refusal->function, &refusal->code) == 3)
        refusal_count++;
    else if (sscanf(line, "driver %95s", driver) != 1 && sscanf(line, "init %d", &init_code) != 1 &&
             sscanf(line, "hang %u", &hang_s) != 1)
        abort(); /* a test wrote what nobody reads */
}

int nvmlInit_v2(void) {
    char line[512];
    const char *named = getenv("FAKENVML");
    FILE *file = fopen(named ? named : "/run/gpu/nvml.txt", "r");
    if (!file) abort();
    while (fgets(line, sizeof line, file)) read_line(line);
    fclose(file);
    return init_code;
}

static int refused(const struct card *card, const char *function) {
    for (unsigned n = 0; n < refusal_count; n++)
        if (refusals[n].card == card - cards && !strcmp(refusals[n].function, function)) return refusals[n].code;
    return OK;
}

static int text(char *target, unsigned length, const char *source) {
    if (strlen(source) >= length) return TOO_SMALL;
    strcpy(target, source);
    return OK;
}

int nvmlSystemGetDriverVersion(char *version, unsigned length) { return text(version, length, driver); }

int nvmlDeviceGetCount_v2(unsigned *count) {
    sleep(hang_s);
    *count = card_count;
    return OK;
}

int nvmlDeviceGetHandleByIndex_v2(unsigned index, struct card **card) {
    if (index >= card_count) return INVALID;
    *card = &cards[index];
    return refused(*card, "GetHandleByIndex");
}

int nvmlDeviceGetUUID(struct card *card, char *uuid, unsigned length) {
    int code = refused(card, "GetUUID");
    return code ? code : text(uuid, length, card->uuid);
}

int nvmlDeviceGetName(struct card *card, char *name, unsigned length) { return text(name, length, card->name); }

struct memory { ull total, free, used; };
int nvmlDeviceGetMemoryInfo(struct card *card, struct memory *memory) {
    int code = refused(card, "GetMemoryInfo");
    memory->total = card->total << 20;
    memory->used = (card->used + card->reserved) << 20;
    memory->free = memory->total - memory->used;
    return code;
}

#ifndef NO_MEMORY_V2
struct memory_v2 { unsigned version; ull total, reserved, free, used; };
int nvmlDeviceGetMemoryInfo_v2(struct card *card, struct memory_v2 *memory) {
    if (memory->version != (sizeof *memory | 2u << 24)) return WRONG_VERSION;
    memory->total = card->total << 20;
    memory->reserved = card->reserved << 20;
    memory->used = card->used << 20;
    memory->free = memory->total - memory->reserved - memory->used;
    return refused(card, "GetMemoryInfo");
}
#endif

struct rates { unsigned gpu, memory; };
int nvmlDeviceGetUtilizationRates(struct card *card, struct rates *rates) {
    rates->gpu = card->percent;
    rates->memory = 1;
    return refused(card, "GetUtilizationRates");
}

struct pci { char legacy[16]; unsigned domain, bus, device, id, subsystem; char text[32]; };
int nvmlDeviceGetPciInfo_v3(struct card *card, struct pci *pci) {
    memset(pci, 0, sizeof *pci);
    snprintf(pci->legacy, sizeof pci->legacy, "%04X:%02X:%02X.0", card->domain & 0xffff, card->bus & 0xff, card->device & 0xff);
    pci->domain = card->domain;
    pci->bus = card->bus;
    pci->device = card->device;
    return refused(card, "GetPciInfo");
}

int nvmlDeviceGetMigMode(struct card *card, unsigned *now, unsigned *pending) {
    if (card->mig < 0) return UNSUPPORTED;
    *now = *pending = (unsigned)card->mig;
    return OK;
}

#ifndef NO_PROCESSES
static int list(struct card *card, const char *kind, unsigned *count, char *entries) {
    unsigned room = *count, found = 0;
    for (unsigned n = 0; n < process_count; n++) {
        if (processes[n].card != card - cards || strcmp(processes[n].kind, kind)) continue;
        if (found < room) {
            char *entry = entries + found * ENTRY_BYTES;
            memset(entry, 0xff, ENTRY_BYTES); /* no instances, no protected memory */
            memset(entry + 4, 0, 4);
            memcpy(entry, &processes[n].pid, 4);
            memcpy(entry + 8, &processes[n].bytes, 8);
        }
        found++;
    }
    *count = found;
    return found > room ? TOO_SMALL : refused(card, "GetProcesses");
}

#define LIST(kind, suffix)                                                                         \
    int nvmlDeviceGet##kind##RunningProcesses##suffix(struct card *card, unsigned *count, void *entries) { \
        return list(card, #kind, count, entries);                                                  \
    }
#if NEWEST == 3
LIST(Compute, _v3)
LIST(Graphics, _v3)
#elif NEWEST == 2
LIST(Compute, _v2)
LIST(Graphics, _v2)
#else
LIST(Compute, )
LIST(Graphics, )
#endif
#endif
