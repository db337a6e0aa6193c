"""Looks at a run, put together: what is noticed, and what ends it."""

from __future__ import annotations

from typing import Any

from overnight.node import growth, kernel, notices, seeing, vigil, vitals

SETTINGS = seeing.Settings(
    floor_s=10.0, pause_floor_s=20.0, setup_floor_s=60.0, pause_floor_steps=1.0, gpu_idle_s=100.0
)
GIB = 1 << 30


class Night:
    """A vigil with a look each second."""

    def __init__(self, **settings: Any) -> None:
        self.now = 1000.0
        self.vigil = vigil.Vigil(SETTINGS._replace(**settings), self.now)
        self.axis = 0
        self.noticed: list[notices.Notice] = []
        self.verdict: vigil.Verdict | None = None

    def look(self, passed_s: float = 1.0, **seen: Any) -> None:
        self.now += passed_s
        found = self.vigil.look(vigil.Look(self.now, **seen))
        self.noticed += found.notices
        self.verdict = self.verdict or found.verdict

    def looks(self, count: int, **seen: Any) -> None:
        for _ in range(count):
            self.look(**seen)

    def steps(self, count: int, **seen: Any) -> None:
        for _ in range(count):
            self.axis += 1
            self.look(heard=True, step=vigil.Step(True, self.axis, has_loss=True), **seen)

    def kinds(self) -> list[str]:
        return [each.kind for each in self.noticed]


def activity(cores: float = 0.0, written: int = 0) -> vitals.Activity:
    return vitals.Activity(1.0, cores, 0, written)


def test_a_run_that_spins_without_a_step_is_hung() -> None:
    """CPU time alone is no progress for a run that had steps."""
    night = Night()
    night.steps(20)
    night.looks(30, activity=activity(cores=1.0))
    assert night.verdict is not None
    assert (night.verdict.cause, night.verdict.facts["busy"]) == ("hang", True)
    assert night.verdict.facts["silent_s"] == 21


def test_output_files_and_large_writes_are_progress() -> None:
    """Each of them alone keeps a run alive."""
    for number, signs in enumerate(({"heard": True}, {}, {"activity": activity(0, 2 << 20)})):
        night = Night()
        night.steps(20)
        for each in range(60):
            files = growth.Seen(each, 1, each) if number == 1 else None
            night.look(files=files, **signs)
        assert night.verdict is None


def test_a_mute_run_that_works_is_told_and_left_alone() -> None:
    """Nobody can say what it does; one notice, and no end."""
    night = Night()
    night.looks(500, activity=activity(cores=0.9))
    assert night.verdict is None
    assert night.kinds() == ["silent"]


def test_a_setup_that_sleeps_is_hung() -> None:
    """Nothing read, nothing written, nothing computed for the whole floor."""
    night = Night()
    night.looks(70, activity=activity())
    assert night.verdict is not None and night.verdict.facts["phase"] == "setup"


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A laptop that slept, a supervisor that was starved, a clock that jumped either way."""
    night = Night()
    night.steps(20)
    night.look(36000.0, activity=activity())
    night.look(-36000.0, activity=activity())
    assert night.vigil.silent_s() <= vigil.LONGEST_GAP_S
    assert night.verdict is None


def test_a_suspended_run_is_noticed_once_and_waited_for() -> None:
    """Its time stands still; where the policy wants it ended, it does not."""
    night = Night()
    night.steps(20)
    night.looks(500, suspended=True, activity=activity())
    assert (night.verdict, night.kinds()) == (None, ["suspended"])
    night.steps(1)
    night.looks(2, suspended=True)
    assert night.kinds() == ["suspended", "suspended"]
    strict = Night(end_suspended=True)
    strict.steps(20)
    strict.looks(30, suspended=True, activity=activity())
    assert strict.verdict is not None


def test_what_the_policy_does_not_end_is_told_once() -> None:
    """Hang, NaN and a slow download become notices."""
    hung, lost = Night(end_hung=False), Night(end_nan=False)
    hung.steps(20)
    hung.looks(60, activity=activity())
    assert (hung.verdict, hung.kinds()) == (None, ["hang"])
    lost.steps(5, loss=vigil.Loss(lost=True))
    assert (lost.verdict, lost.kinds()) == (None, ["nan"])


def test_a_lost_loss_ends_the_run() -> None:
    """With the facts that say where it was sound last."""
    night = Night()
    night.steps(3, loss=vigil.Loss(lost=True, facts={"since": 7}))
    assert night.verdict is not None
    assert (night.verdict.cause, night.verdict.facts) == ("nan", {"since": 7})


def test_a_download_below_its_rate_is_stalled() -> None:
    """Declared in the policy; measured over a window; no hang before that."""
    night = Night(min_growth_mib_s=1.0, growth_window_s=50.0)
    for second in range(100):
        night.look(files=growth.Seen(second * (2 << 20), 1, second))
    assert night.verdict is None
    for second in range(100):
        night.look(files=growth.Seen(200 * (1 << 20) + second, 1, 100 + second))
    assert night.verdict is not None
    assert night.verdict.cause == "stalled"
    assert night.verdict.facts["mib_s"] < 1.0


def test_a_download_into_a_huge_tree_is_judged_by_what_is_written() -> None:
    """Looks that see only a part of the files say nothing about their sum."""
    night = Night(min_growth_mib_s=1.0, growth_window_s=50.0)
    for second in range(100):
        part = growth.Seen(1000, 2000, second, whole=False)
        night.look(files=part, activity=activity(0.2, written=2 << 20))
    assert night.verdict is None


def sight(utilization: int, foreign: tuple[tuple[int, int | None], ...] = ()) -> Any:
    return (notices.GpuSight("GPU-1", 3, utilization, foreign),)


def test_idle_gpus_are_told_once_per_incident() -> None:
    """After a long time without work on them, and again only after they worked."""
    night = Night()
    night.steps(20, gpus=sight(90))
    for _ in range(2):
        night.steps(150, gpus=sight(0))
        night.steps(5, gpus=sight(80))
    assert night.kinds() == ["gpu_idle", "gpu_idle"]
    assert "GPU 3" in night.noticed[0].text
    assert night.noticed[0].facts == {"gpus": ["GPU-1"], "idle_s": 100.0}


def test_gpus_may_be_idle_while_the_data_is_prepared() -> None:
    """Nothing is said before the first steps."""
    night = Night(setup_floor_s=1000.0)
    night.looks(300, gpus=sight(0), heard=True)
    assert night.kinds() == []


def test_strangers_on_our_gpus() -> None:
    """Told once; a process that holds next to nothing is none."""
    night = Night()
    night.steps(5, gpus=sight(90, ((77, 10),)))
    assert night.kinds() == []
    night.steps(5, gpus=sight(90, ((77, 3000),)))
    assert night.kinds() == ["gpu_shared"]
    assert night.noticed[0].facts["others"] == [{"gpu": "GPU-1", "pid": 77, "mib": 3000}]


def test_who_comes_onto_our_gpus_while_we_start_gets_them() -> None:
    """The last look before a start and the start are two moments; with no step done, we leave."""
    night = Night()
    night.looks(10, gpus=sight(0, ((77, 10),)), heard=True)
    assert night.verdict is None
    night.looks(1, gpus=sight(0, ((77, 3000),)), heard=True)
    assert night.verdict is not None and night.verdict.cause == "contended"
    assert night.verdict.facts["others"] == [{"gpu": "GPU-1", "pid": 77, "mib": 3000}]


def test_who_comes_later_ends_nothing() -> None:
    """After a minute, or the first step, it is only told."""
    late, going = Night(), Night()
    late.looks(1, gpus=sight(0, ((77, 3000),)), heard=True, age_s=61.0)
    going.steps(1)
    going.looks(1, gpus=sight(0, ((77, 3000),)))
    assert late.verdict is None and going.verdict is None
    assert late.kinds() == going.kinds() == ["gpu_shared"]


def test_output_without_steps_is_told() -> None:
    """Retries for ever are no hang, but no training either."""
    night = Night()
    night.steps(20)
    night.looks(100, heard=True, step=vigil.Step(False, 20, has_loss=True))
    assert (night.verdict, night.kinds()) == (None, ["no_step"])


def test_memory_disks_faults_and_kills_are_told() -> None:
    """Each once, however long it lasts."""
    night = Night()
    short = kernel.Memory(used=97, limit=100)
    full = (notices.Disk("/data", GIB, 1000 * GIB),)
    night.steps(3, memory=short, disks=full, oom_kills=1)
    night.steps(1, faults=("NVRM: Xid 79",))
    night.steps(1, oom_kills=2)
    kinds = ["disk_low", "memory_high", "oom_kill", "gpu_fault", "oom_kill"]
    assert night.kinds() == kinds


def test_what_was_told_before_is_not_told_again() -> None:
    """A supervisor that takes over knows what the one before has said."""
    told = vigil.Vigil(SETTINGS, 0.0, told=["disk_low", "suspended"])
    disks = (notices.Disk("/data", GIB, 1000 * GIB),)
    found = told.look(vigil.Look(1.0, disks=disks, suspended=True))
    assert found.notices == ()
