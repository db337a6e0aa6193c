"""Faults of any training: signals, reboots, torn files, full disks, cut links."""

from __future__ import annotations

from tests.chaos.case import Case

LOST = {"lost", "preempted"}
RUNNING = ("--epochs", "12", "--epoch-s", "0.15")


def killed(case: Case) -> None:
    """SIGKILL to the training."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_3.pt")
    case.signal("starts", "KILL")
    case.finishes([{"preempted"}], epochs=12)
    assert len(case.resumed()) == 1, case.story()


def killed_three_times(case: Case) -> None:
    """Each attempt gets a little further."""
    case.plain(*RUNNING)
    for number, epoch in enumerate((2, 5, 8), 1):
        case.wait_for_attempt(number)
        case.wait_for_file(f"outputs/ckpt_{epoch}.pt")
        case.signal("starts", "KILL")
    case.finishes([{"preempted"}] * 3, epochs=12)
    assert len(case.resumed()) == 3, case.story()


def terminated(case: Case) -> None:
    """SIGTERM from somebody else."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_4.pt")
    case.signal("starts", "TERM")
    case.finishes([{"preempted"}], epochs=12)


def all_killed(case: Case) -> None:
    """The training, its shim and its supervisor, at once."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_3.pt")
    for ours in (f"[s]upervise.*{case.name}", "overnight-[s]him", "[t]rain.py"):
        case.host.sh(f"pkill -9 -f '{ours}'", check=False)
    case.finishes([LOST], epochs=12)


def supervisor_killed(case: Case) -> None:
    """The training goes on, and is taken up again."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_2.pt")
    case.host.sh(f"pkill -9 -f '[s]upervise.*{case.name}'")
    case.finishes([], epochs=12)
    assert len(case.attempts()) == 1, case.story()


def watch_killed(case: Case) -> None:
    """Nobody needs it while all goes well; the laptop's next look starts it anew."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_2.pt")
    for ours in ("[w]atch .*overnight$", f"[s]upervise.*{case.name}"):
        case.host.sh(f"pkill -9 -f '{ours}'")
    case.laptop.run("status")
    case.finishes([], epochs=12)


def rebooted(case: Case) -> None:
    """A power cut; the laptop's next look is what starts the watch."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_4.pt")
    case.host.reboot()
    case.laptop.run("status")
    case.finishes([{"reboot"}], epochs=12)


def rebooted_orderly(case: Case) -> None:
    """SIGTERM to all, then off and on."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_4.pt")
    case.host.reboot(orderly=True)
    case.laptop.run("status")
    case.finishes([{"reboot", "preempted", "lost"}], epochs=12)


def out_of_memory(case: Case) -> None:
    """CUDA's message twice: two smaller batches."""
    case.plain(*RUNNING, "--oom", "16")
    case.finishes([{"cuda_oom"}] * 2, epochs=12)
    labels = [each["label"] for each in case.attempts()]
    assert labels == ["batch 64", "batch 32 x 2", "batch 16 x 4"], case.story()


def link_cut(case: Case) -> None:
    """It breaks and is mended while nobody can reach the server."""
    case.plain(*RUNNING)
    case.wait_for_file("outputs/ckpt_2.pt")
    case.host.cut()
    case.signal("starts", "KILL")
    case.finishes([{"preempted"}], epochs=12)
    case.host.heal()


def checkpoint_torn(case: Case) -> None:
    """The newest checkpoint ends early."""
    case.plain(*RUNNING)
    torn = case.wait_for_file("outputs/ckpt_4.pt")
    case.signal("starts", "STOP")
    torn.write_bytes(torn.read_bytes()[:20])
    for later in (5, 6):
        (torn.parent / f"ckpt_{later}.pt").unlink(missing_ok=True)
    case.signal("starts", "KILL")
    case.finishes([{"preempted"}], epochs=12)
    assert case.resumed() == ["ckpt_3.pt"], case.story()


def suspended(case: Case) -> None:
    """SIGSTOP, where the policy says that such a training counts as hung."""
    case.plain("--epochs", "24", "--epoch-s", "0.15")
    case.wait_for_file("outputs/ckpt_12.pt")
    case.signal("starts", "STOP")
    case.finishes([{"hang"}], epochs=24)


def hung(case: Case) -> None:
    """It waits for something that does not come; the next attempt finds it."""
    case.plain(*RUNNING, "--wait-for", "go")
    case.wait_for_attempt(2)
    (case.folder / "work" / "go").touch()
    case.finishes([{"hang"}], epochs=12)


def disk_full(case: Case) -> None:
    """It stops and reports; with space again, a person's word takes it on."""
    case.host.small_disk("/home/train/overnight", 64)
    case.plain("--epochs", "24", "--epoch-s", "0.15")
    case.host.sh(f"test -d {case.there}")
    case.host.sh("head -c 70000000 /dev/zero > overnight/filler", check=False)
    wait_for_published_failure(case)
    case.host.sh("rm overnight/filler")
    case.laptop.run("resume", case.name)
    case.laptop.wait(case.name)
    explained = case.laptop.explain(case.name)
    assert explained["state"] == "finished", explained
    assert explained["repairs"] == [], explained


def wait_for_published_failure(case: Case) -> None:
    case.laptop.run("wait", case.name, "--timeout", "100", code=3)
    explained = case.laptop.explain(case.name)
    assert explained["state"] == "failed", explained
    assert explained["failure"]["class"] == "disk_full", explained
