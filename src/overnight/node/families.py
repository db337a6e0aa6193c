"""What one line of a training's output says: step, epoch, losses, other metrics.

Pure functions for lines that stand alone (`record`, `prose`, `cell`) and the parts that the
parser with a memory (`lines.Parser`) puts together (`bar`, `counters`). Every rule prefers
silence to a wrong number: configuration, paths, times and sizes look much like progress.
"""

from __future__ import annotations

import json
import re
from typing import Any, Iterable, NamedTuple

from overnight.node import names


class Sample(NamedTuple):
    """What one line said. Counters are as printed: from 0 or from 1, as the training counts.

    `epoch` may be a fraction (Hugging Face). `metrics` has the names as printed, in lower case
    and with `_` for spaces; NaN and infinity stay floats. `split` is 'train', 'val' or 'test'
    where the line says so for all of its metrics. `eta_s` is the time left as printed, in
    seconds. `nested` tells that `step` and `steps` count within the epoch.
    """

    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    split: str | None = None
    metrics: dict[str, float] = {}  # noqa: RUF012  a default that nobody changes
    eta_s: float | None = None
    nested: bool = False


class Bar(NamedTuple):
    """A progress bar taken apart: `text` stands before it, `postfix` behind the rate."""

    text: str
    step: int
    steps: int | None
    eta_s: float | None
    postfix: str


# A line without any of these cannot say anything; plain `in` is several times faster than `re`.
HINTS = ("epoch", "step", "loss", "iter", "it/s", "s/it", "acc", "updat", "episode", "reward", "━")
TALK = ('file "', "namespace(", "wandb:", "usage:", "argument")

COUNTER = re.compile(
    r"(global[ _]?step|epoch|ep|step|iteration|iters?|update|batch|episode|round)"
    r"(?: ?\((\w{1,20})\))?[\s:=#]{0,9}\[?\s{0,9}(\d{1,12}(?:\.\d{1,12})?)"
    r"(?:\s{0,9}(?:/|of)\s{0,9}(\d{1,12}))?(?![\w%/]|[-.:]\w)"
)
FRACTION = re.compile(r"[\[|]\s{0,9}(\d{1,12})\s{0,9}/\s{0,9}(\d{1,12})\s{0,9}(?:[\](|]|batches)")
PAIRED = re.compile(
    r"\[(\d{1,9}),\s{1,9}(\d{1,12})(?:\s{0,9}/\s{0,9}(\d{1,12}))?\]"
    r"|\[(\d{1,9})/(\d{1,9})\]\s{0,9}\[\s{0,9}(\d{1,12})/\s{0,9}(\d{1,12})\]"
)
TOTALS = re.compile(
    r"\b(?:num epochs|(total optimization steps|overriding: max_iters)) = (\d{1,12})"
)
ETA = re.compile(r"\beta:?\s+((?:\d+ days?, )?\d+:\d\d(?::\d\d)?)")
TQDM = re.compile(
    r"\d%\|[^|]*\|\s{0,9}([\d.]{1,15}[kMG]?)/([\d.]{1,15}[kMG]?) ?"
    r"\[[^]<]*<((?:\d+ days?, )?[^],]*),[^],]*,?([^]]*)"
    r"|(?:^|[\s:])(\d{1,12})it \[[\d:]+,[^],]*,?([^]]*)"
)
RICH = re.compile(r"[━╸╺]\s{1,99}(\d{1,12})/(\d{1,12})\s{1,9}\d{1,3}:\d\d:\d\d •\s+(\S*:\S*)?(.*)")
CELL = re.compile(r"\|\s+([\w/]+)\s+\|\s+(\S+)\s+\|\s*$")
PROSE = re.compile(r"[a-z]{2,}")
# Between counters and a metric, in the same clause: it is told again, of a checkpoint.
AGAIN = re.compile(r"\b(?:new best|best model|sav(?:ed|ing))\b[^|,;:=]*$")

STEP_KEYS = (
    "step", "global_step", "iteration", "iter", "update", "num_updates", "total_timesteps", "batch",
)  # fmt: skip
INSIDE = "_/.-'\""
SPLIT_KEYS = ("split", "mode", "phase", "_type")
OF_ALL = re.compile(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*\Z")


def interesting(low: str) -> bool:
    """False for the many lines that cannot say anything; `low` is in lower case."""
    for hint in HINTS:
        if hint in low:
            return True
    return low[:1] == "|" or "{" in low


def number(text: Any) -> float | None:
    """A float, also from text such as '1.107' or 'NaN' (newer Hugging Face); else None."""
    if isinstance(text, bool) or not isinstance(text, (int, float, str)):
        return None
    try:
        return float(text)
    except (ValueError, OverflowError):
        return None


def whole(text: Any) -> int | None:
    """A counter that is not negative, with tqdm's `12.1k`; else None."""
    factor = 1
    if isinstance(text, str) and text[-1:] in ("k", "M", "G"):
        factor = {"k": 10**3, "M": 10**6, "G": 10**9}[text[-1]]
        text = text[:-1]
    value = number(text)
    return int(value * factor) if value is not None and 0 <= value < 1e15 else None


def seconds(text: str | None) -> float | None:
    """Seconds of `3:43`, `1:24:44` or `2 days, 3:00:00`; None for `?`."""
    days, _, clock = (text or "").strip().rpartition(" day")
    try:
        total = 0.0
        for part in clock.lstrip("s, ").split(":"):
            total = total * 60 + int(part)
        return total + 86400 * int(days or 0)
    except ValueError:
        return None


def bar(text: str) -> Bar | None:
    """The progress bar of tqdm (with or without a total) or rich in the line, or None."""
    found = TQDM.search(text)
    if found and found[1]:
        step, steps = whole(found[1]), whole(found[2])
        start = text.rfind(" ", 0, found.start() + 1) + 1
        before = text[:start].rstrip()
        postfix, eta_s = found[4], seconds(found[3])
    elif found:
        step, steps, eta_s, postfix = whole(found[5]), None, None, found[6]
        before = text[: found.start(5)].rstrip()
    else:
        found = RICH.search(text)
        if not found:
            return None
        step, steps = int(found[1]), int(found[2])
        before, postfix = text[: text.find("━")].rstrip(), found[4]
        eta_s = seconds(found[3])
    return Bar(before, step, steps, eta_s, postfix) if step is not None else None


def record(text: str) -> Sample | None:
    """A line that is one JSON object or Python dict with a step or an epoch and a usual metric."""
    start = text.find("{")
    end = text.rstrip()
    if start < 0 or start > 80 or not end.endswith("}") or "=" in text[:start]:
        return None
    pairs = _pairs(end[start:])
    sample = from_mapping(pairs) if pairs else None
    if sample is None or (sample.step is None and sample.epoch is None):
        return None
    usual = any(names.is_metric(name, known_only=True) for name in sample.metrics)
    return sample if usual else None


DICT_PAIR = re.compile(r"'([\w./@ -]+)': '?(" + names.NUMBER + r"|[a-z]+)'?(?=[,}])", re.IGNORECASE)


def _pairs(text: str) -> dict[str, Any]:
    if text.startswith("{'"):  # a Python dict; `nan` in it is no literal, so no `literal_eval`
        return dict(DICT_PAIR.findall(text)) if "{" not in text[1:] else {}
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def from_mapping(pairs: dict[str, Any]) -> Sample | None:
    """A sample from the keys of a record: step, epoch, split, and every number that is a metric."""
    if "train_runtime" in pairs:  # Hugging Face's farewell: means over the run, not last values
        return None
    pairs = {key: _counted(key, value) for key, value in pairs.items()}
    step = next((whole(pairs[key]) for key in STEP_KEYS if key in pairs), None)
    split = next((names.split_of(str(pairs[key])) for key in SPLIT_KEYS if key in pairs), None)
    found: dict[str, float] = {}
    for name, raw in pairs.items():
        value = number(raw)
        if (
            value is None
            or len(found) >= names.MAX_METRICS
            or not names.is_metric(name, known_only=False)
        ):
            continue
        if not name.endswith(("_runtime", "_per_second")):
            found[name.strip().lower().replace(" ", "_")] = value
    epoch = number(pairs.get("epoch"))
    if epoch is not None and not 0 <= epoch < 1e9:
        epoch = None
    return Sample(
        step=step,
        steps=whole(pairs.get("steps", pairs.get("total_steps", pairs.get("max_steps")))) or None,
        epoch=epoch,
        epochs=whole(pairs.get("epochs", pairs.get("num_epochs"))) or None,
        split=split or line_split(found),
        metrics=found,
    )


def _counted(key: str, value: Any) -> Any:
    """`"epoch": "3/200"` as 3: SlowFast tells counters with their end."""
    if isinstance(value, str) and (key == "epoch" or key in STEP_KEYS):
        found = OF_ALL.match(value)
        return found[1] if found else value
    return value


def jsonl(text: str) -> Sample | None:
    """A line of `metrics.jsonl`, where a step or a metric alone is enough."""
    sample = from_mapping(_pairs(text)) if text.startswith("{") else None
    if sample and (sample.metrics or sample.step is not None or sample.epoch is not None):
        return sample
    return None


def line_split(found: Iterable[str]) -> str | None:
    """The split that the first name tells, for all names of the line.

    None where another name tells another split, or is the same metric without a split:
    `val_loss 0.5 loss 0.4`.
    """
    splits = {name: names.split_of(name) for name in found}
    told = {split for split in splits.values() if split}
    plain = [names.tokens(name) for name, split in splits.items() if not split]
    if len(told) != 1 or any(names.tokens(name)[1:] in plain for name in splits):
        return None
    return next(iter(splits.values()))


def cell(text: str) -> Sample | None:
    """A row of the table that stable-baselines3 prints."""
    found = CELL.match(text)
    value = number(found[2]) if found else None
    if not found or value is None:
        return None
    name = found[1].lower()
    if name == "total_timesteps":
        return Sample(step=whole(value))
    return Sample(metrics={name: value}) if names.is_metric(name, known_only=False) else None


class Counters(NamedTuple):
    """The counters of a line, and `begin` and `end` of the text that they take."""

    step: int | None = None
    steps: int | None = None
    epoch: float | None = None
    epochs: int | None = None
    phase: str = ""
    nested: bool = False
    begin: int = 0
    end: int = 0


def counters(low: str) -> Counters | None:
    """Step and epoch of a line in lower case, or None where none is said as a record."""
    found = _bracketed(low) or _spelled(low)
    return found if found and not names.MENTION.search(low, 0, found.begin) else None


def _bracketed(low: str) -> Counters | None:
    """`[1,  50/ 2562]` and `[0/25][3/1583]`: epoch and step without a word."""
    found = PAIRED.search(low) if "[" in low else None
    if not found or "epoch" in low[: found.start()]:
        return None
    epoch, step, steps, of_epochs, epochs, of_steps, all_steps = found.groups()
    return Counters(
        step=int(step or of_steps),
        steps=whole(steps or all_steps),
        epoch=float(epoch or of_epochs),
        epochs=whole(epochs),
        nested=True,
        begin=found.start(),
        end=found.end(),
    )


def _spelled(low: str) -> Counters | None:
    """`epoch 3/50`, `step:125/5100`; a batch or an episode where no step is said."""
    epoch = step = weak = first = last = None
    for match in COUNTER.finditer(low):
        begin = match.start()
        if begin and (low[begin - 1] in INSIDE or low[begin - 1].isalnum()):
            continue
        first, last = first or match, match
        if match[1] in ("epoch", "ep"):
            epoch = epoch or match
        elif match[1] in ("batch", "episode", "round"):
            weak = weak or match
        elif "." not in match[3]:
            step = step or match
    step = step or weak
    if not first or not last or not (epoch or step):
        return None
    return Counters(
        int(float(step[3])) if step else None,
        int(step[4]) if step and step[4] else None,
        float(epoch[3]) if epoch else None,
        int(epoch[4]) if epoch and epoch[4] else None,
        (epoch and epoch[2]) or (step and step[2]) or "",
        bool(epoch and step and epoch.start() < step.start()),
        first.start(),
        last.end(),
    )


def prose(low: str) -> Sample | None:
    """A line for people, in lower case: `epoch 3/50 loss 0.21`, `step:12/90 val_loss:4.1`."""
    for talk in TALK:
        if talk in low:
            return None
    totals = TOTALS.search(low) if " = " in low else None
    if totals:
        return Sample(steps=whole(totals[2])) if totals[1] else Sample(epochs=whole(totals[2]))
    said = counters(low)
    found, begin = names.values(low, headed=said is not None)
    return _headed(low, said, found, begin) if said else _headless(low, found, begin)


def _headed(low: str, said: Counters, found: dict[str, float], begin: int) -> Sample | None:
    step, steps, nested = said.step, said.steps, said.nested
    fraction = FRACTION.search(low, said.end) if step is None else None
    if fraction:
        step, steps, nested = int(fraction[1]), int(fraction[2]), True
    if not found and not _is_bare_record(low, said, step):
        return None
    if found and AGAIN.search(low, said.end, begin):
        return None
    word = names.SPLIT.search(low, 0, begin)
    said_split = names.split_of(said.phase or (word[0] if word else ""))
    after = word is not None and said.epoch is None and word.start() > said.begin
    if said_split in ("val", "test") and not after:
        step = steps = None  # a count of its own beside the training's
    split = _split(found, said_split)
    eta = ETA.search(low) if "eta" in low else None
    eta_s = seconds(eta[1]) if eta else None
    return Sample(step, steps, said.epoch, said.epochs, split, found, eta_s, nested)


def _split(found: Iterable[str], said: str | None) -> str | None:
    """The names know better than the line: `train` may be the name of a logger."""
    return line_split(found) if any(map(names.split_of, found)) else said


def _is_bare_record(low: str, said: Counters, step: int | None) -> bool:
    """Whether counters without any metric are progress and not the title of something else."""
    if said.epoch is not None:
        return True
    return step is not None and said.steps is not None and not PROSE.search(low, said.end)


def _headless(low: str, found: dict[str, float], begin: int) -> Sample | None:
    """Metrics without step or epoch count where little but a logger's prefix stands before."""
    before = low[:begin]
    if not found or names.MENTION.search(before) or any(mark in before for mark in "\"'={"):
        return None
    if before.endswith("(") and before.strip(" ("):  # told again beside something else
        return None
    if len(PROSE.findall(before)) > 3:
        return None
    word = names.SPLIT.search(before)
    split = _split(found, names.split_of(word[0]) if word else None)
    fraction = FRACTION.search(low) if split not in ("val", "test") else None
    return Sample(
        step=int(fraction[1]) if fraction else None,
        steps=int(fraction[2]) if fraction else None,
        split=split,
        metrics=found,
        nested=fraction is not None and fraction.start() > begin,
    )
