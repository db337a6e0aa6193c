"""What a table of a comparison tells, in words and rounded numbers; the formats only dress it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from overnight.results import wording
from overnight.results.comparison import remarks
from overnight.results.comparison.arms import (
    FINISHED,
    IMPORTED,
    Arm,
    Comparison,
    LeftOut,
    Outcome,
    Shown,
    Stat,
    Test,
)
from overnight.results.tables import rounding

MOST_OTHER_METRICS = 8
MOST_NAMED = 6
FEW_KEYS = 3
LONGEST = 120  # characters of a cell of what differed
ALTERED = "†"
PAIRED = "‡"
SPREAD = "mean ± standard deviation over n {of}, with the 95 % t interval of the mean"
OURS = " with the 95 % interval of our mean alone: the spread of that number is not known"
INTERVALS = " with their 95 % interval, which proves none where it holds 0"
ONE_SEED = "one seed, unproven"
TOP = "the best and those which a test cannot tell from it"
UNTESTED = "an arm without a test is not marked, and not proven worse"
ONLY_BEST = "the best, which no test has told from the others"
NO_METRIC = "no metric to compare: set primary and goal under [metrics] in overnight.toml"
GOALS = {"max": "higher is better", "min": "lower is better", None: "no goal known"}
WHICH = {
    "best": "best of each run's curve",
    "last": "last of each run's curve",
    "at best validation": "at each run's best validation",
}


@dataclass(frozen=True, kw_only=True)
class Row:
    """An arm, or the number it is measured against; "" where there is nothing to say.

    `mean` and `spread` share their decimals. `is_top`: the best, or not to be told from it.
    """

    label: str
    n: str
    mean: str
    spread: str
    interval: str
    difference: str
    difference_interval: str
    p: str
    remark: str
    is_top: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """Label, n, mean ± sd, interval, difference, p, remark: for tables of plain cells."""
        mean = f"{self.mean} ± {self.spread}" if self.spread else self.mean
        gap = f"{self.difference} {self.difference_interval}".rstrip()
        return (self.label, self.n, mean, self.interval, gap, self.p, self.remark)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A plain table of words; the first column names the rows."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    more: str = ""


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """`against`: what the differences are to; "" where nothing is compared."""

    title: str
    metric: str
    against: str
    rows: tuple[Row, ...]
    differences: Grid | None
    others: Grid | None
    footnotes: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def header(self) -> tuple[str, ...]:
        """Of `Row.cells`."""
        return ("", "n", self.metric, "95 %", self.to, "p", "")

    @property
    def to(self) -> str:
        """Over the differences."""
        has_interval = any(each.difference_interval for each in self.rows)
        return f"to {self.against}{' (95 %)' * has_interval}"


def sheet(found: Comparison) -> Sheet:
    rows = (*(row(found, each) for each in found.arms), *number_row(found))
    return Sheet(
        title=title(found),
        metric=f"{found.metric or '-'} ({found.which})",
        against=against(found),
        rows=rows,
        differences=differences(found),
        others=others(found),
        footnotes=tuple(footnotes(found)),
        notes=tuple(notes(found)),
    )


# -- the sentences ----------------------------------------------------------------------------


def title(found: Comparison) -> str:
    """val_acc (higher is better), best of each run's curve: 3 arms, 9 of 10 runs counted"""
    if found.metric is None:
        return NO_METRIC
    runs = len(found.outcomes)
    pooled = sum(len(arm.pooled) for arm in found.arms)
    counted = f"{pooled} of {wording.count(runs, 'run')} counted"
    if pooled == runs:
        counted = wording.count(runs, "run")
    arms = wording.count(len(found.arms), "arm")
    sweep = f"sweep {found.sweep.name}, " if found.sweep else ""
    goal = GOALS.get(found.goal, GOALS[None])
    return f"{sweep}{found.metric} ({goal}), {WHICH[found.which]}: {arms}, {counted}"


def against(found: Comparison) -> str:
    """`base`, `95.5 (paper, table 2)`: what the differences are measured from."""
    base = found.baseline
    if base is not None and base.arm is not None:
        return base.arm
    if base is not None and base.value is not None:
        source = f" ({base.source})" if base.source else ""
        return f"{rounding.plain(base.value)}{source}"
    return found.best.label if found.best and found.tests else ""


def method(found: Comparison) -> str:
    """How the numbers came about, for a caption: spread, interval, test and correction."""
    has_spread = any(stat.sd is not None for arm in found.arms if (stat := found.stat(arm)))
    parts = [
        SPREAD.format(of="seeds" if found.by == "seed" else "runs")
        if has_spread
        else "each row is one run"
    ]
    to = against(found) if any(test.difference is not None for test in found.tests) else ""
    if to:
        has_interval = any(test.low is not None for test in found.tests)
        is_number = any(test.kind == "number" for test in found.tests)
        parts.append(f"differences to {to}{(OURS if is_number else INTERVALS) * has_interval}")
    tests = [each for each in found.tests if each.p is not None]
    if tests:
        said = test_words(found.tests, " or, where marked ‡, ")
        many = f", Holm-corrected over {remarks.family(found)} (the intervals are not)"
        corrected = many if len(tests) > 1 else ""
        parts.append(f"the p values are of {said}{corrected}")
    elif to:
        against_it = " against it" if any(t.kind == "number" for t in found.tests) else ""
        parts.append(f"no test{against_it} is claimed")
    return ". ".join(f"{part[0].upper()}{part[1:]}" for part in parts) + "."


def test_words(tests: Sequence[Test], between: str = " or ") -> str:
    kinds = {test.kind for test in tests}
    named = {"welch": "Welch's t test", "paired": "a t test paired by seed"}
    return between.join(named[kind] for kind in ("welch", "paired") if kind in kinds)


def caption(found: Comparison) -> str:
    return f"{method(found)} {bold_words(found)}".rstrip()


def bold_words(found: Comparison) -> str:
    if not found.indistinguishable:
        return ""
    return f"Bold: {top_words(found)}."


def top_words(found: Comparison) -> str:
    """What the marked rows are. An arm that could not be tested is no equal of the best."""
    tested = [each.p is not None for each in found.to_best]
    if not any(tested):
        return ONLY_BEST
    told = TOP
    if found.to_best != found.tests:  # then the p values of the table are other ones
        family = f", Holm-corrected over {remarks.best_family(found)}" if sum(tested) > 1 else ""
        told += f" ({test_words(found.to_best)}{family})"
    return told if all(tested) else f"{told}; {UNTESTED}"


# -- rows -------------------------------------------------------------------------------------


def row(found: Comparison, arm: Arm) -> Row:
    stat = found.stat(arm)
    test = found.test(arm.label)
    places = rounding.decimals(stat.sd) if stat and stat.sd is not None else None
    if places is None:
        places = column_places(found)
    return Row(
        label=arm.label + (ALTERED if arm.altered else ""),
        n=counted(arm, stat),
        mean=rounding.fixed(stat.mean, places) if stat else "-",
        spread=rounding.fixed(stat.sd, places) if stat and stat.sd is not None else "",
        interval=interval(stat.low, stat.high, places) if stat else "",
        difference=difference(found, arm, test),
        difference_interval=interval(test.low, test.high, test_places(test), signed=True)
        if test
        else "",
        p=probability(found, test),
        remark="; ".join(remark_on(arm, stat)),
        is_top=arm.label in found.indistinguishable,
    )


def number_row(found: Comparison) -> Iterator[Row]:
    """A baseline that is a number from elsewhere."""
    base = found.baseline
    if base is None or base.value is None:
        return
    yield Row(
        label=base.source or "baseline",
        n="",
        mean=rounding.plain(base.value),
        spread="",
        interval="",
        difference="baseline",
        difference_interval="",
        p="",
        remark="; ".join(each for each in ("a number, so no test", base.note) if each),
        is_top=False,
    )


def column_places(found: Comparison) -> int | None:
    """For a mean that has no spread of its own: as fine as the finest that has one."""
    stats = [stat for arm in found.arms if (stat := found.stat(arm))]
    return rounding.common(rounding.decimals(each.sd) for each in stats if each.sd is not None)


def counted(arm: Arm, stat: Stat | None) -> str:
    """3, or 2 of 3 where not all of its runs are in the numbers."""
    n = stat.n if stat else 0
    return str(n) if n == len(arm.outcomes) else f"{n} of {len(arm.outcomes)}"


def interval(
    low: float | None, high: float | None, places: int | None, *, signed: bool = False
) -> str:
    if low is None or high is None:
        return ""
    ends = (rounding.fixed(each, places, signed=signed) for each in (low, high))
    return f"[{', '.join(ends)}]"


def test_places(test: Test) -> int | None:
    """By the half width of the interval of the difference."""
    if test.low is None or test.high is None:
        return None
    return rounding.decimals((test.high - test.low) / 2)


def difference(found: Comparison, arm: Arm, test: Test | None) -> str:
    if arm.is_baseline:
        return "baseline"
    if test is None:
        return "best" if found.tests and found.best is arm and found.baseline is None else ""
    places = test_places(test)
    places = column_places(found) if places is None else places
    return rounding.fixed(test.difference, places, signed=True)


def probability(found: Comparison, test: Test | None) -> str:
    if test is None or test.p is None:
        return ""
    p = test.p if test.p_holm is None else test.p_holm
    is_mixed = len({each.kind for each in found.tests if each.p is not None}) > 1
    return rounding.probability(p) + (PAIRED if is_mixed and test.kind == "paired" else "")


def remark_on(arm: Arm, stat: Stat | None) -> Iterator[str]:
    """What a reader has to know before believing the row."""
    if stat is not None and stat.n == 1:
        yield ONE_SEED
    states = Counter(state_of(each) for each in arm.left_out)
    for state, count in sorted(states.items()):
        yield f"{count} {state}"
    repaired = sum(bool(each.repairs) and not each.is_altered for each in arm.pooled)
    if repaired:
        yield f"{repaired} repaired"


def state_of(each: LeftOut) -> str:
    """What became of it; of a run that went well only that it does not count."""
    if each.outcome.is_altered:
        return "altered" + ALTERED
    return "not counted" if each.outcome.state in (FINISHED, IMPORTED) else each.outcome.said


# -- the other tables -------------------------------------------------------------------------


def differences(found: Comparison) -> Grid | None:
    """What differed between the arms, and which runs each is of.

    A row for each arm, or for each key where those are more.
    """
    labels = [arm.label for arm in found.arms]
    told = [(key_of(each.kind, each.key), each.values) for each in found.differences]
    runs = {arm.label: remarks.named([each.run for each in arm.outcomes]) for arm in found.arms}
    if any(runs[label] not in ("", label) for label in labels):
        told.insert(0, ("runs", runs))
    if not told:
        return None
    columns = [
        (key, *(short(values.get(label) or "-") for label in labels)) for key, values in told
    ]
    table = [("", *labels), *columns]
    if len(told) <= max(FEW_KEYS, len(labels)):
        table = [tuple(row) for row in zip(*table, strict=True)]
    return Grid(header=table[0], rows=tuple(table[1:]))


def short(words: str) -> str:
    """JSON has the whole."""
    return words if len(words) <= LONGEST else words[: LONGEST - 1] + "…"


def key_of(kind: str, key: str) -> str:
    """`lr`, `code: train.py`: what is no setting says what it is."""
    return key if kind == "config" else f"{kind}: {key}" if key and key != kind else kind


def others(found: Comparison) -> Grid | None:
    """The other metrics, mean ± sd (n where it is not that of the first metric)."""
    names = other_metrics(found)
    shown = names[:MOST_OTHER_METRICS]
    if not shown:
        return None
    header = ("", *(f"{each.name} ({each.which})" for each in shown))
    rows = [(arm.label, *(other(found, arm, each.name) for each in shown)) for arm in found.arms]
    left = len(names) - len(shown)
    more = f"{wording.count(left, 'further metric')}: --format csv or json has all" if left else ""
    return Grid(header=header, rows=tuple(rows), more=more)


def other_metrics(found: Comparison) -> list[Shown]:
    return [each for each in found.metrics if each.name != found.metric]


def other(found: Comparison, arm: Arm, name: str) -> str:
    stat, main = arm.stats.get(name), found.stat(arm)
    if stat is None:
        return "-"
    places = rounding.decimals(stat.sd) if stat.sd is not None else None
    mean = rounding.fixed(stat.mean, places)
    shown = mean if stat.sd is None else f"{mean} ± {rounding.fixed(stat.sd, places)}"
    return shown if main is not None and main.n == stat.n else f"{shown} (n = {stat.n})"


def footnotes(found: Comparison) -> Iterator[str]:
    """The runs that count in no number, and why; the repairs behind those that do count, unless
    they stand among what differed.
    """
    for arm in found.arms:
        for each in arm.left_out:
            if each.outcome.is_altered:
                value = own_value(found, each.outcome)
                yield f"{ALTERED} {each.outcome.run} is not counted: {each.why}{value}"
    for why, listed in other_reasons(found).items():
        yield f"not counted, {why}: {listed}"
    if not any(each.kind == "repairs" for each in found.differences):
        yield from repaired(found)
    yield from only_in_some(found)


def repaired(found: Comparison) -> Iterator[str]:
    for arm in found.arms:
        for outcome in arm.pooled:
            for repair in outcome.repairs:
                yield f"{outcome.run} was repaired: {wording.repair(repair)}"


def other_reasons(found: Comparison) -> dict[str, str]:
    """By why they are not counted, the runs with what they reached."""
    known: dict[str, list[str]] = {}
    for arm in found.arms:
        for each in arm.left_out:
            if not each.outcome.is_altered:
                said = f"{each.outcome.run}{own_value(found, each.outcome)}"
                known.setdefault(each.why, []).append(said)
    return {why: remarks.named(listed) for why, listed in known.items()}


def notes(found: Comparison) -> list[str]:
    """Without what the footnotes and the caption tell in other words."""
    told = {*remarks.methods(found), *remarks.left_out(found)} - {remarks.SURVIVORS}
    said = (*found.notes, *(each.words for each in found.power if each.n > 1))
    return [each for each in dict.fromkeys(said) if each not in told]


def own_value(found: Comparison, outcome: Outcome) -> str:
    measured = outcome.metrics.get(found.metric or "")
    value = measured.value(found.which) if measured else None
    if value is None or not outcome.has_ended:
        value = outcome.so_far if outcome.so_far is not None else value
        return f" (best so far {rounding.plain(value)})" if value is not None else ""
    return f" ({found.which} {rounding.plain(value)})"


def only_in_some(found: Comparison) -> Iterator[str]:
    """A metric that not every arm has cannot be compared with those."""
    shown = [each.name for each in other_metrics(found)[:MOST_OTHER_METRICS]]
    arms = [arm for arm in found.arms if arm.pooled]
    for name in [*([found.metric] if found.metric else []), *shown]:
        having = [arm.label for arm in arms if name in arm.stats]
        lacking = [arm.label for arm in arms if name not in arm.stats]
        if having and lacking:
            where = ("only in", having) if len(having) <= len(lacking) else ("not in", lacking)
            yield f"{name} {where[0]} {', '.join(where[1][:MOST_NAMED])}" + (
                f" and {len(where[1]) - MOST_NAMED} more" if len(where[1]) > MOST_NAMED else ""
            )
