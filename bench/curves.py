"""How well files are read and curves judged: python -m bench.curves [CURVES] [--json] [--made N]

CURVES is a folder with `curves.jsonl` (`id`, `format`, `primary` with `name`, `split`, `best` and
`last`, `labels` with `label` and `confidence`) and `files/ID/…`. Without it only made-up curves are
judged (`bench/made_curves.py`), of which the truth is known.
"""

from __future__ import annotations

import argparse
import json
import math
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from bench import made_curves
from overnight.app import inspecting
from overnight.results import health, names
from overnight.results.health.finding import ASSERTED

SAME = {
    "healthy_converged": "converged",
    "plateau_early": "plateau",
    "noisy_inconclusive": "noisy",
    "multiple_runs_in_file": "several_runs",
}
OURS_ALONE = ("lr_schedule_drop", "resumed")  # labels that are no finding
EXACT = 1e-9
BAD = frozenset(("overfit", "nan", "diverged"))
COUNTED = ("diverged", "nan", "overfit", "plateau")
READ_TARGET, FOUND_TARGET = 0.95, 0.9
MADE_FOUND = {"diverged": 1.0, "nan": 1.0, "overfit": 0.95, "plateau": 0.9}
MADE_FALSE = {"overfit": 0.01}
SEED = 20261129


class File(NamedTuple):
    """One labelled file: what was read of its primary, and what is said of it with confidence."""

    id: str
    format: str
    reason: str | None
    primary: str  # "exact", "exact by folded name", or what is wrong
    said: frozenset[str]
    labels: tuple[tuple[str, str], ...]


def main() -> int:
    arguments = parse()
    told: dict[str, Any] = {"made": made(arguments.made, arguments.seed)}
    if arguments.curves:
        told["curves"] = str(arguments.curves)
        told.update(of_files(list(files(arguments.curves))))
    print(json.dumps(told, indent=2) if arguments.json else text(told))
    return 0


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.curves", description=__doc__)
    parser.add_argument("curves", type=Path, nargs="?")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--made", type=int, default=200, metavar="N", help="runs of each family")
    parser.add_argument("--seed", type=int, default=SEED)
    return parser.parse_args()


# -- labelled files ---------------------------------------------------------------------------


def files(folder: Path) -> Iterator[File]:
    for line in (folder / "curves.jsonl").read_text().splitlines():
        case = json.loads(line)
        for path in sorted((folder / "files" / case["id"]).iterdir()):
            yield judged(case, path)


def judged(case: dict[str, Any], path: Path) -> File:
    found = inspecting.one(path, path.name).to_json()
    return File(
        id=case["id"],
        format=case["format"],
        reason=found["reason"],
        primary=primary(case["primary"], found) if found["reason"] is None else "refused",
        said=frozenset(e["finding"] for e in found["health"] if e["confidence"] >= ASSERTED),
        labels=tuple(
            (SAME.get(e["label"], e["label"]), e["confidence"])
            for e in case["labels"]
            if e["label"] not in OURS_ALONE
        ),
    )


def primary(wanted: dict[str, Any], found: dict[str, Any]) -> str:
    """Of the series with the labelled name: whether best and last are the labelled ones.

    Where a label puts the split in front of the name and the file does not, the folded names count.
    """
    named = [each for each in found["series"] if each["name"] == wanted["name"]]
    by_name = "exact" if named else "exact by folded name"
    if not named:
        named = [e for e in found["series"] if folded(e) == folded(wanted)]
    if not named:
        return f"no series {wanted['name']!r}"
    split = [each for each in named if each["split"] == wanted["split"]]
    told = [wrong(wanted, each) for each in split or named]
    return min(told, key=len) if "" not in told else by_name


def folded(series: dict[str, Any]) -> tuple[str, str]:
    """Split and metric, however they are spelled: `val acc` is the `acc` of the split `val`."""
    return names.fold(series["name"].strip(), series["split"])


def wrong(wanted: dict[str, Any], got: dict[str, Any]) -> str:
    said = [
        f"{key} {got[key]} instead of {wanted[key]}"
        for key in ("best", "last")
        if got[key] is None or not math.isclose(got[key], wanted[key], rel_tol=EXACT)
    ]
    return "; ".join(said)


def of_files(found: list[File]) -> dict[str, Any]:
    exact = sum(each.primary.startswith("exact") for each in found)
    written = sum(each.primary == "exact" for each in found)
    return {
        "files": len(found),
        "refused": {each.id: each.reason for each in found if each.reason},
        "primary_exact": exact,
        "primary_exact_as_written": written,
        "primary_wrong": {e.id: f"{e.format}: {e.primary}" for e in found if e.primary != "exact"},
        "labels": labels(found),
        "asserted_on_sure_converged": {
            each.id: sorted(each.said & BAD)
            for each in found
            if ("converged", "sure") in each.labels and each.said & BAD - known(each)
        },
        "missed": {
            each.id: lost
            for each in found
            if (
                lost := [
                    f"{e} ({c})" for e, c in each.labels if c != "unsure" and e not in each.said
                ]
            )
        },
        "bad_without_label": {
            each.id: sorted(each.said & BAD - known(each))
            for each in found
            if each.said & BAD - known(each)
        },
        "said": dict(Counter(kind for each in found for kind in each.said).most_common()),
    }


def known(file: File) -> frozenset[str]:
    return frozenset(label for label, _ in file.labels)


def labels(found: Iterable[File]) -> dict[str, dict[str, list[int]]]:
    """{label: {confidence: [found, labelled]}}."""
    counts: dict[str, dict[str, list[int]]] = {}
    for each in found:
        for label, confidence in each.labels:
            row = counts.setdefault(label, {}).setdefault(confidence, [0, 0])
            row[0] += label in each.said
            row[1] += 1
    return dict(sorted(counts.items()))


# -- made-up curves ---------------------------------------------------------------------------


def made(count: int, seed: int) -> dict[str, Any]:
    """Of each finding: of those that have it the part found, of those that do not the part said."""
    families: dict[str, Counter[str]] = {}
    runs: Counter[str] = Counter()
    tally: Counter[tuple[str, str]] = Counter()
    took_s = 0.0
    for each in made_curves.made(seed, count):
        began = time.perf_counter()
        said = asserted(health.judge(each.series))
        took_s += time.perf_counter() - began
        runs[each.family] += 1
        families.setdefault(each.family, Counter()).update(said)
        for kind in COUNTED:
            if kind in each.truth:
                tally[kind, "found" if kind in said else "missed"] += 1
            elif kind not in each.open:
                tally[kind, "false" if kind in said else "rightly not"] += 1
    return {
        "runs": runs.total(),
        "seed": seed,
        "ms_per_run": round(1000 * took_s / max(1, runs.total()), 3),
        "findings": {kind: rates(tally, kind) for kind in COUNTED},
        "families": {name: dict(said.most_common()) for name, said in families.items()},
    }


def asserted(findings: Iterable[health.Finding]) -> set[str]:
    """A column that was never computed is no dead run."""
    return {
        each.finding
        for each in findings
        if each.is_asserted and each.evidence.get("dead") is not False
    }


def rates(tally: Counter[tuple[str, str]], kind: str) -> dict[str, Any]:
    has = tally[kind, "found"] + tally[kind, "missed"]
    has_not = tally[kind, "false"] + tally[kind, "rightly not"]
    return {
        "has": has,
        "found": tally[kind, "found"],
        "found_part": round(tally[kind, "found"] / has, 4) if has else None,
        "has_not": has_not,
        "false": tally[kind, "false"],
        "false_part": round(tally[kind, "false"] / has_not, 4) if has_not else None,
    }


# -- text -------------------------------------------------------------------------------------


def text(told: dict[str, Any]) -> str:
    return "\n".join([*made_lines(told["made"]), *(file_lines(told) if "files" in told else [])])


def made_lines(told: dict[str, Any]) -> Iterator[str]:
    yield f"{told['runs']} made-up runs, {told['ms_per_run']} ms each (seed {told['seed']})"
    for kind, each in told["findings"].items():
        found, false = each["found_part"] or 0.0, each["false_part"] or 0.0
        good = found >= MADE_FOUND[kind] and false <= MADE_FALSE.get(kind, 1.0)
        wanted = f">= {MADE_FOUND[kind]:.0%}"
        wanted += f", false <= {MADE_FALSE[kind]:.0%}" if kind in MADE_FALSE else ""
        yield (
            f"  {kind:10} found {each['found']}/{each['has']} {found:.1%}   false "
            f"{each['false']}/{each['has_not']} {false:.1%}   wanted {wanted}: "
            f"{'reached' if good else 'MISSED'}"
        )


def file_lines(told: dict[str, Any]) -> Iterator[str]:
    part = told["primary_exact"] / max(1, told["files"])
    yield f"{told['files']} labelled files, {len(told['refused'])} refused"
    yield from (f"  {name}: {why}" for name, why in told["refused"].items())
    exact = f"{told['primary_exact']}/{told['files']} {part:.1%}"
    yield f"  best and last of the primary exact: {exact}, wanted {READ_TARGET:.0%}"
    strict = told["primary_exact_as_written"]
    yield f"    of them under the name as labelled: {strict}, {strict / max(1, told['files']):.1%}"
    yield from (f"  {name}: {why}" for name, why in told["primary_wrong"].items())
    for label, by in told["labels"].items():
        row = "   ".join(
            f"{c} {by[c][0]}/{by[c][1]}" for c in ("sure", "likely", "unsure") if c in by
        )
        wanted = f"   (sure: wanted {FOUND_TARGET:.0%})" if label in ("overfit", "nan") else ""
        yield f"  {label:18} {row}{wanted}"
    yield f"  asserted on sure healthy_converged: {told['asserted_on_sure_converged'] or 'nothing'}"
    yield f"  bad news without such a label: {told['bad_without_label'] or 'none'}"
    for name, lost in told["missed"].items():
        yield f"  missed {name}: {', '.join(lost)}"


if __name__ == "__main__":
    sys.exit(main())
