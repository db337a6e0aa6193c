"""One server of the testbed and all that a test can do to it."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
from pathlib import Path

from tests.testbed import gpus, machine, nvml, pythons

LABMATE_ID = 3001


class Host(machine.Machine):
    """A machine whose software, disks, users and cards can be made worse. `reset` undoes it all."""

    def __init__(self, folder: Path, number: int, controller: int, client_key: str) -> None:
        super().__init__(folder, number, controller, client_key)
        self.cards = gpus.Gpus(folder / "gpu" / "state.json")
        self._labmates = 0

    # The network

    def cut(self) -> None:
        """Every packet is lost from now on; neither end is told. A reboot does not mend it."""
        self.link.cut()

    def heal(self) -> None:
        self.link.heal()

    def delay(self, rtt_ms: float) -> None:
        """Adds to each round trip."""
        self.link.delay(rtt_ms)

    def new_host_key(self) -> None:
        """As after a reinstallation: the lab's known_hosts holds the old key."""
        self.make_host_key()
        self.sshd_stop()
        self.sshd_start()

    # The user's account

    def shell(self, path: str) -> None:
        """Sets the login shell of `train`."""
        self.change("login_shell", path)

    def bashrc(self, text: str) -> None:
        """Replaces the user's .bashrc, which bash also reads for commands given to ssh."""
        (self.home / ".bashrc").write_text(text)

    def labmate(self, name: str) -> None:
        """Adds another user without privileges, for `sh(…, user=name)`."""
        self.change("add_user", name, LABMATE_ID + self._labmates)
        self._labmates += 1

    # Software

    def without(self, *programs: str) -> None:
        """Removes programs from the host."""
        self.change("without", *programs)

    def python(self, executable: str | None) -> None:
        """Makes this interpreter of the machine's the only Python; None: the host has none."""
        if executable is None:
            self.change("without", "python", "python3", "python[23].*")
        else:
            self.change("python", os.path.realpath(executable))

    def old_python(self) -> None:
        """The host's only Python says that it is 3.7: a real one where the machine has one."""
        real = pythons.find("3.7")
        if real is None:
            self.change("calls_itself", "3.7.16", pythons.standard_library())
        else:
            self.python(str(real))

    def share(self, folder: str, place: str) -> None:
        """Shows a folder of the machine's at `place`, which lies below /usr."""
        self.change("share", folder, place)

    def cron(self) -> None:
        """Starts a real cron daemon, now and at each boot."""
        self.change("start_cron")

    def no_crontabs(self) -> None:
        """The administrator lets no user have a crontab."""
        self.change("forbid_crontab")

    # Disks

    def small_disk(self, path: str, mib: int) -> None:
        """A disk of the user's of that size at `path`, empty after a reboot.

        A second call resizes it and keeps what is there.
        """
        self.change("small_disk", path, mib)

    def read_only(self, path: str) -> None:
        """Makes the folder, which is created where it is missing, refuse to be written."""
        self.change("read_only", path)

    def flockless(self, path: str, error: int = errno.ENOLCK) -> None:
        """flock and fcntl locks below `path` fail with `error`, in programs started from now on."""
        library = self.folder / f"flockless{error}-{path.replace('/', '-')}.so"
        options = ["-shared", "-fPIC", "-O1", "-Wall", "-Werror"]
        values = [f'-DFOLDER="{path}"', f"-DERROR={error}"]
        source = machine.SOURCES / "flockless.c"
        subprocess.run(["gcc", *options, *values, "-o", library, source], check=True)
        self.change("preload", library.name)

    # GPUs

    def gpus(
        self, count: int, name: str = "NVIDIA H100 80GB HBM3", memory_mib: int = 81559
    ) -> list[str]:
        """Gives the host cards (as nvidia-smi tells) and returns their UUIDs. See `cards` also."""
        self.cards.install(count, name, memory_mib)
        shutil.copy(gpus.PROGRAM, self.folder / "nvidia-smi")
        self.change("nvidia_smi", pythons.INTERPRETER)
        return self.cards.uuids

    def nvml(self, *lines: str) -> None:
        """Gives the host a library of the driver's that says these lines; see `nvml.py`.

        Called again, it says others. nvidia-smi and `cards` know nothing of it.
        """
        told = self.folder / "gpu" / "nvml.txt"
        fresh = told.with_suffix(".new")
        fresh.write_text("".join(f"{line}\n" for line in lines))
        os.replace(fresh, told)
        library = nvml.compiled(self.folder)
        self.change("library", library.relative_to(self.folder))
