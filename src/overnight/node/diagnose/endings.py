"""How a log ends: well, still running, stopped by somebody, taken away by a scheduler."""

from __future__ import annotations

import re
from typing import Sequence

from overnight.node import families
from overnight.node import lines as training_lines
from overnight.node.diagnose.log import Line
from overnight.node.diagnose.rules import printed, raised

LAST_LINES = 40
LOOKED_AT = 160
MANY_BARS = 4

RULES = (
    raised(
        "interrupted",
        r"^(?:\w+\.)*KeyboardInterrupt\b|^(?:click\.exceptions\.)?Abort\b|got signal: 2\b",
        "CPython, torch elastic",
        0.95,
    ),
    raised(
        "preempted",
        r"got signal: (?P<signal>1|10|12|15|24)\b|SIGTERMException|SignalException"
        r"|TerminationSignal|[Rr]eceived (?:signal )?(?:SIGTERM|15)|"
        r"[Pp]reempt(?:ed|ion)|^SystemExit: (?:143|130)|time ?limit (?:reached"
        r"|exceeded)|spot instance|job[^\n]{0,30}cancel",
        "torch/distributed/elastic/multiprocessing/api.py, lightning",
        0.94,
    ),
    raised(
        "preempted",
        r"UNAVAILABLE[^\n]{0,80}(?:worker|preempt)|ActorDiedError|NodeDiedError"
        r"|ObjectLostError|node[^\n]{0,60}(?:died|preempted)",
        "ray, TPU runtimes",
        0.6,
    ),
    printed("interrupted", "^C", r"^\s*\^C|\^C(?:Traceback|\s*$)", "the terminal", 0.9, fatal=True),
    printed(
        "interrupted",
        "KeyboardInterrupt",
        r"^\s*KeyboardInterrupt|[Dd]etected KeyboardInterrupt|(?:[Cc]aught|[Rr]eceived"
        r"|[Gg]ot) (?:a )?KeyboardInterrupt|KeyboardInterrupt (?:received|caught"
        r"|detected)",
        "CPython, lightning",
        0.92,
        fatal=True,
    ),
    printed("interrupted", "Ctrl", r"\b[Cc]trl[-+ ]?[cC]\b", "user code", 0.75),
    printed(
        "interrupted",
        "nterrupted",
        r"[Ii]nterrupted by (?:the )?user|[Tt]raining (?:was )?(?:manually"
        r" )?(?:interrupted|aborted)|^Interrupted[.! ]*$|[Kk]eyboard"
        r" ?[Ii]nterrupt(?:ed)?|[Uu]ser interrupt",
        "user code",
        0.82,
        fatal=True,
    ),
    printed(
        "interrupted",
        "SIGINT",
        r"(?:[Rr]eceived|[Cc]aught|[Gg]ot|[Ss]ignal|by) (?:signal )?(?:\(?2\)?"
        r" )?\(?SIGINT|exitcode\s*: -2\b|SIGINT (?:received|caught)|signals? SIGINT",
        "user code, torchrun",
        0.85,
        fatal=True,
    ),
    printed(
        "preempted",
        "SIGTERM",
        r"^(?!.*(?:closing signal|received by PID|exitcode|[Ss]ending"
        r"|sigkill_handler)).*(?:[Rr]eceived|[Cc]aught|[Gg]ot|[Hh]andling|[Tt]rapped"
        r"|by|[Ss]ignal|on)\W{0,3}(?:a |signal |the )?(?:\(?15\)?\W{0,3})?\(?SIGTERM"
        r"|^(?!.*(?:closing signal|received by PID|exitcode)).*SIGTERM(?:: 15"
        r"|\W{0,3}(?:received|caught|15\b))",
        "lightning, user code",
        0.88,
        fatal=True,
    ),
    printed(
        "preempted",
        "SIGUSR",
        r"(?:[Rr]eceived|[Cc]aught|[Gg]ot|[Hh]andling|[Ss]ignal)\W{0,3}(?:a |signal "
        r"|the )?(?:\d+ ?)?\(?SIGUSR",
        "submitit, lightning",
        0.85,
    ),
    printed(
        "preempted",
        "SIGHUP",
        r"(?:[Rr]eceived|[Cc]aught|[Gg]ot|[Hh]andling|[Ss]ignal)\W{0,3}(?:a |signal "
        r"|the )?(?:\d+ ?)?\(?SIGHUP",
        "user code",
        0.8,
    ),
    printed(
        "preempted",
        "signal 15",
        r"(?:[Rr]eceived|[Cc]aught|[Gg]ot|by|[Tt]erminated (?:by|with)) (?:a )?signal 15",
        "user code",
        0.85,
        fatal=True,
    ),
    printed(
        "preempted",
        "CANCELLED",
        r"(?:slurmstepd|srun|JOB|STEP|Job|job)[^\n]*CANCELLED",
        "slurmstepd",
        0.93,
        fatal=True,
    ),
    printed(
        "preempted",
        "TIME LIMIT",
        r"DUE TO TIME LIMIT|reached its time limit",
        "slurmstepd",
        0.95,
        fatal=True,
    ),
    printed(
        "preempted",
        "ime limit",
        r"(?:job|step|walltime|task|cancel\w*)[^\n]{0,60}[Tt]ime limit|[Tt]ime limit"
        r" (?:reached|exceeded|exhausted)|[Tt]ime limit[^\n]{0,20}(?:cancel|kill"
        r"|terminat)",
        "slurm, PBS, user code",
        0.8,
    ),
    printed(
        "preempted",
        "alltime",
        r"(?:exceeded|reached|over|hit)[^\n]{0,40}[Ww]alltime|PBS: job killed: walltime",
        "PBS, LSF",
        0.9,
        fatal=True,
    ),
    printed("preempted", "TERM_RUNLIMIT", "", "LSF", 0.95, fatal=True),
    printed(
        "preempted",
        "reempt",
        r"(?:[Jj]ob|[Ii]nstance|[Nn]ode|[Ww]orker|VM|[Tt]ask|[Pp]od|[Rr]un|was|been"
        r"|being|to|SLURM|[Ss]lurm|due to)[^\n]{0,40}\b[Pp]reempt(?:ed|ion)|PREEMPTED"
        r"|[Pp]reemption (?:notice|signal|detected|warning)|^[Pp]reempted",
        "slurm, clouds",
        0.85,
        fatal=True,
    ),
    printed(
        "preempted",
        "spot",
        r"[Ss]pot (?:instance|interruption|VM)[^\n]{0,60}(?:terminat|interrupt|reclaim"
        r"|preempt)",
        "AWS, GCP",
        0.85,
    ),
    printed(
        "preempted",
        "Terminated",
        r"(?:line \d+:\s*)\d+ Terminated|(?:^|\]\s?)Terminated\s*$|^Terminated\b|\d+"
        r" Terminated  ",
        "bash jobs.c",
        0.85,
        fatal=True,
    ),
    printed(
        "preempted",
        "143",
        r"(?:ended|exit(?:ed|s)?|return(?:ed)?|status|code|failed)\W[^\n]{0,30}\b143\b",
        "shells, launchers",
        0.8,
        fatal=True,
    ),
    printed(
        "preempted",
        "Hangup",
        r"(?:line \d+:\s*)?\d+ Hangup|^Hangup\b",
        "bash jobs.c",
        0.85,
        fatal=True,
    ),
    printed(
        "preempted",
        "equeue",
        r"(?:job|Job|JOB)[^\n]{0,40}(?:is being |was |been |will be )?[Rr]equeued?",
        "submitit, slurm",
        0.75,
    ),
    printed(
        "preempted",
        "got signal:",
        r"got signal: (?P<signal>1|10|12|15|24)\b",
        "torch elastic",
        0.9,
        fatal=True,
    ),
)

DONE = re.compile(
    r"\b(?:train(?:ing)?(?: (?:run|job|loop|process|phase|script))?|fine-?tuning"
    r"|pre-?training|experiments?|optimi[sz]ation|job|fit|evaluation|testing"
    r"|inference|script|program|pipeline|search|sweep"
    r"|everything|all (?:epochs|experiments|runs|jobs|tasks|done|folds)|runs?"
    r"|process(?:ing)?|simulation|generation|validation|epochs?"
    r"|main)\b[^\n]{0,40}?"
    r"\b(?:complete[d]?|finished|done|ended|successful(?:ly)?|succeeded|concluded)\b"
    r"|^\W{0,9}(?:[\w:., /-]{0,60}\W{1,4})?(?:(?:all )?done|finished|complete[d]?"
    r"|success(?:ful(?:ly)?)?|finish|the end|bye|end of training)\b[.!\s]*$"
    r"|\bfinished (?:in|at|after|successfully|training|with|all|the)\b|\bcompleted"
    r" (?:in|at|after|successfully|training|all)\b"
    r"|['\"]?train_runtime['\"]?\s*[:=]"
    r"|`?Trainer\.fit`? stopped: `?max_|exits successfully|epochs completed in|Run"
    r" summary|wandb: Synced|Find logs at:|[Rr]esults saved to|[Tt]otal"
    r" (?:training |elapsed |run(?:ning)? )?time\b|[Tt]raining time\b"
    r"|[Tt]raining took|[Tt]otal time taken|[Ee]lapsed time|\bfinal\b[ _-](?:\w+["
    r" _-]){0,2}(?:acc|loss|score|result|metric|model|performance|f1|auc|reward"
    r"|miou|eval|test|accuracy|rmse|error|checkpoint)"
    r"|[Ss]aved? (?:the )?(?:final|trained) (?:model|weights|checkpoint|policy)"
    r"|(?:[Ee]arly stopping|EarlyStopping)[^\n]{0,60}(?:trigger|stop|reached"
    r"|epoch)|stopping (?:training )?early|Signaling Trainer to stop"
    r"|^\W{0,9}(?:total|overall|average|avg|mean|final|best"
    r"|test)\b[^\n]{0,80}\b(?:acc(?:uracy)?|score|f1|auc|map|miou|bleu|reward|dice"
    r"|recall|precision)\b\W{1,4}\d[\d.]*\s?%?\b[^\n]{0,60}$"
    r"|exit(?:ed|ing)? (?:with )?(?:code|status) 0\b|100%\W{1,9}complete|JOB COMPLETED"
    r"|COMPLETED|^\|\s*[\w ]+\|[^\n]*\|\s*(?:Metric|Value|Score|Accuracy)\s*\|",
    re.IGNORECASE,
)
NOT_DONE = re.compile(
    r"epoch\W{0,3}\d+\W{0,3}(?:/\W?\d+ )?[^\n]{0,20}(?:done|complete|finished"
    r"|ended)|setup|set-up|download|loading|load |init|preprocess|prepar|compil"
    r"|warm-?up|rollout|batch|iteration \d|step \d|sanity|eta\b|remaining"
    r"|saving|incomplete|not (?:complete|finished|done)|\bif\b|when|until|before"
    r"|will|token",
    re.IGNORECASE,
)
FULL_BAR = re.compile(r"(?<!\d)100%\W.{0,400}?(?P<n>\d+)/(?P=n)\b|(?<!\d)(?P<m>\d+)/(?P=m)\s?[\[━]")


def progress(lines: Sequence[Line], first: int) -> list[tuple[int, families.Sample]]:
    """What the lines from index `first` on say about the training's place, a bounded look."""
    parser = training_lines.Parser()
    found = []
    for index in range(max(first, len(lines) - LOOKED_AT), len(lines)):
        sample = parser.line(lines[index].text)
        if sample is not None and (
            sample.step is not None or sample.epoch is not None or sample.metrics
        ):
            found.append((index, sample))
    return found


def has_moved(lines: Sequence[Line], before: int) -> bool:
    """Whether the training had taken a step before the line with this index."""
    places = progress(lines[:before], 0)
    return any((s.step or 0) > 0 or (s.epoch or 0) > 1 for _, s in places)


def is_finished(lines: Sequence[Line]) -> int | None:
    """The index of the line that shows a good end, or None where the log just stops."""
    told = [index for index in range(len(lines)) if lines[index].text.strip()][-LAST_LINES:]
    places = progress(lines, told[0]) if told else []
    for index in reversed(told):
        if says_done(lines[index].text) and not _goes_on(places, index):
            return index
    return _counted_out(lines, told, places)


def says_done(text: str) -> bool:
    return DONE.search(text) is not None and NOT_DONE.search(text) is None


def _goes_on(places: list[tuple[int, families.Sample]], index: int) -> bool:
    """Whether the training moves on after this line."""
    after = [
        sample
        for at, sample in places
        if at > index and (sample.step is not None or sample.epoch is not None)
    ]
    unfinished = [s for s in after if not _is_last(s)]
    return len(unfinished) >= 1


def _is_last(sample: families.Sample) -> bool:
    if sample.epochs and sample.epoch is not None and sample.epoch < sample.epochs - 1:
        return False
    if sample.steps and sample.step is not None:
        return sample.step >= sample.steps - 1
    return bool(sample.epochs and sample.epoch is not None)


def _is_the_last_bar(lines: Sequence[Line], full: re.Match[str]) -> bool:
    """Not one of many on end that count the same, as one for each epoch."""
    total = int(full.group("n") or full.group("m"))
    before = [FULL_BAR.search(line.text) for line in lines[-LOOKED_AT:]]
    totals = [int(bar.group("n") or bar.group("m")) for bar in before if bar]
    return totals.count(total) < MANY_BARS or max(totals) > total


def _counted_out(
    lines: Sequence[Line], told: list[int], places: list[tuple[int, families.Sample]]
) -> int | None:
    """The last epoch of as many, with all its steps; or a full progress bar as the last word."""
    with_epochs = [(at, s) for at, s in places if s.epochs and s.epoch is not None]
    if with_epochs:
        at, last = with_epochs[-1]
        return (
            at
            if _is_last(last)
            and (last.epoch or 0) >= (last.epochs or 0)
            and not _goes_on(places, at)
            else None
        )
    counted = [(at, s) for at, s in places if s.step is not None and s.steps]
    if counted and not _is_last(counted[-1][1]):
        return None
    full = FULL_BAR.search(lines[told[-1]].text) if told else None
    if full:
        return told[-1] if _is_the_last_bar(lines, full) else None
    if (
        counted
        and (counted[-1][1].step or 0) >= (counted[-1][1].steps or 0)
        and counted[-1][1].epoch is None
    ):
        return counted[-1][0]
    return None
