/* Makes file locks fail below FOLDER with ERROR, as on network storage without a lock service.
 * gcc -shared -fPIC -DFOLDER='"/home/train/nfs"' -DERROR=37 -o flockless.so flockless.c */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static int is_below(int fd)
{
    char link[64], path[PATH_MAX];
    size_t length = strlen(FOLDER);
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = readlink(link, path, sizeof path - 1);
    if (size < (ssize_t)length)
        return 0;
    path[size] = 0;
    return !strncmp(path, FOLDER, length) && (path[length] == '/' || path[length] == 0);
}

static int is_lock(int command)
{
    return command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK ||
           command == F_OFD_SETLKW;
}

int flock(int fd, int operation)
{
    static int (*real)(int, int);
    if (!real)
        real = (int (*)(int, int))dlsym(RTLD_NEXT, "flock");
    if (!is_below(fd))
        return real(fd, operation);
    errno = ERROR;
    return -1;
}

static int refuse_or(int (*real)(int, int, ...), int fd, int command, void *argument)
{
    if (!is_lock(command) || !is_below(fd))
        return real(fd, command, argument);
    errno = ERROR;
    return -1;
}

#define INTERCEPT(name)                                                                            \
    int name(int fd, int command, ...)                                                             \
    {                                                                                              \
        static int (*real)(int, int, ...);                                                         \
        va_list arguments;                                                                         \
        va_start(arguments, command);                                                              \
        void *argument = va_arg(arguments, void *);                                                \
        va_end(arguments);                                                                         \
        if (!real)                                                                                 \
            real = (int (*)(int, int, ...))dlsym(RTLD_NEXT, #name);                                \
        return refuse_or(real, fd, command, argument);                                             \
    }

INTERCEPT(fcntl)
INTERCEPT(fcntl64)
