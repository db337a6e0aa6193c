"""Deadlines of silence: learnt apart for each phase, with floors and a ceiling."""

from __future__ import annotations

from overnight.node import patience, seeing

SMALL = seeing.Settings(
    floor_s=2.0, pause_floor_s=3.0, pause_floor_steps=0.1, setup_floor_s=60.0, ceiling_s=5000.0
)


class Run:
    """Signs one after the other."""

    def __init__(self, settings: seeing.Settings = SMALL, prior_setup_s: float = 0.0) -> None:
        self.now = 0.0
        self.axis = 0
        self.watch = patience.Patience(settings, 0.0, prior_setup_s)

    def step(self, after_s: float, announced: str | None = None, finished: bool = False) -> None:
        self.now += after_s
        self.axis += 1
        self.watch.sign(
            patience.Sign(self.now, True, self.axis, None, announced, finished, has_loss=True)
        )

    def line(self, after_s: float, announced: str | None = None) -> None:
        self.now += after_s
        axis = self.axis or None
        has_loss = axis is not None
        sign = patience.Sign(self.now, False, axis, None, announced, has_loss=has_loss)
        self.watch.sign(sign)

    def steps(self, count: int, each_s: float = 10.0) -> None:
        for _ in range(count):
            self.step(each_s)

    def limit(self, busy: bool | None = True) -> float | None:
        return self.watch.deadline(busy).limit_s


def test_a_setup_has_no_end_while_it_works() -> None:
    """Before the first step CPU time is a sign of life; a set-up that sleeps has the floor."""
    run = Run()
    run.line(5)
    assert run.limit(busy=True) is None
    assert run.limit(busy=None) is None
    assert run.limit(busy=False) == SMALL.setup_floor_s


def test_a_mute_run_is_ended_only_where_the_policy_says_so() -> None:
    """`mute_s` is for those who know their training."""
    assert Run(SMALL._replace(mute_s=500.0)).limit(busy=True) == 500.0


def test_the_last_setup_teaches_the_next() -> None:
    """What the attempt before took is a measure for this one."""
    assert Run(prior_setup_s=100.0).limit(busy=False) == 500.0


def test_the_first_iterations_have_the_patience_of_the_setup() -> None:
    """Compilation may come with the second step as well, and teaches nothing about steps."""
    run = Run()
    run.step(50)
    run.step(70)
    assert run.limit() == 5 * 70
    run.steps(20)
    assert run.limit() == 5 * 10


def test_five_times_the_longest_usual_silence() -> None:
    """Jitter belongs to a step; the deadline grows with it."""
    run = Run()
    run.steps(20)
    run.step(18)
    run.steps(5)
    assert run.limit() == 5 * 18


def test_pauses_are_learnt_apart_from_steps() -> None:
    """Where pauses lie on a grid, a sleeping run between them has the deadline of a step."""
    run = Run()
    run.steps(10)
    for _ in range(6):
        run.step(200)
        run.steps(19)
    assert run.limit(busy=True) == 5 * 200  # the next pause may come early
    assert run.limit(busy=None) == 5 * 200
    run.steps(5)
    assert run.limit(busy=False) == 5 * 10
    run.steps(14)
    assert run.limit(busy=False) == 5 * 200  # here a pause is due


def test_pauses_without_a_grid_may_come_at_any_time() -> None:
    """Nothing proves that this is no place for one."""
    run = Run()
    run.steps(10)
    for between in (7, 12, 9, 20, 11, 8):
        run.step(200)
        run.steps(between)
    assert run.limit(busy=False) == 5 * 200


def test_an_announced_evaluation_has_its_own_measure() -> None:
    """Learnt from evaluations alone, and over with the next step."""
    run = Run()
    run.steps(20)
    for pause_s in (300, 280):
        run.step(10, announced=patience.EVALUATION)
        run.line(pause_s, announced=patience.EVALUATION)
        run.step(5)
        run.steps(5)
    assert run.limit() == 5 * 10
    run.step(10, announced=patience.EVALUATION)
    assert run.limit() == 5 * 300
    run.step(10, announced=patience.CHECKPOINT)
    assert run.watch.phase == patience.CHECKPOINT
    assert run.limit() == 5 * 10


def test_a_pause_never_seen_may_take_fifty_steps() -> None:
    """An evaluation and a checkpoint of twenty steps each may follow one another in silence."""
    run = Run(seeing.Settings(floor_s=1.0, pause_floor_s=1.0, setup_floor_s=1.0))
    run.steps(20)
    assert run.limit() == 50 * 10


def test_the_ceiling_holds_but_never_below_twice_what_was_seen() -> None:
    """A run of very long steps must not be ended by a rule for short ones."""
    run = Run(SMALL._replace(ceiling_s=100.0))
    run.steps(20, each_s=30)
    assert run.limit() == 100.0
    run.steps(20, each_s=80)
    assert run.limit() == 160.0


def test_after_the_last_step_there_is_time() -> None:
    """A last evaluation, an upload: the ceiling while it works, the set-up's floor where not."""
    run = Run()
    run.steps(20)
    run.step(10, finished=True)
    assert run.watch.phase == patience.ENDING
    assert run.limit(busy=True) == SMALL.ceiling_s
    assert run.limit(busy=False) == SMALL.setup_floor_s


def test_lines_of_a_setup_are_no_rhythm() -> None:
    """Fifty lines in a minute, then a training that is silent for hours: it is left alone."""
    run = Run()
    for _ in range(50):
        run.line(1)
    assert run.watch.phase == patience.SETUP
    assert run.limit(busy=True) is None


def test_lines_over_a_long_time_are_a_rhythm() -> None:
    """A training whose steps nobody recognises is known by its output alone."""
    run = Run()
    for _ in range(50):
        run.line(10)
    assert run.watch.phase == patience.STEP
    assert run.limit(busy=True) == 5 * 10


def test_steps_seen_together_are_told_apart() -> None:
    """A hundred steps in one look are a hundredth of a look each."""
    run = Run(seeing.Settings(floor_s=1.0, pause_floor_s=1.0, setup_floor_s=1.0))
    for _ in range(20):
        run.axis += 99
        run.step(1.0)
    assert run.watch.pace_s() == 0.01
    assert run.limit() == 5.0
