from __future__ import annotations

import itertools
import shlex

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from overnight.core import invocation, knobs, variants

BATCH = knobs.Knob(template="-b|--batch-size {}", value=48)
ACCUMULATE = knobs.Knob(template="--accum {}", value=1)
BOTH = knobs.Knobs(micro_batch=BATCH, accumulation=ACCUMULATE)


def plan(command: str, declared: knobs.Knobs = BOTH) -> variants.Plan:
    return variants.compute(shlex.split(command), declared)


def in_shell(text: str, declared: knobs.Knobs = BOTH) -> variants.Plan:
    return variants.compute(["/bin/sh", "-c", text], declared)


def commands(plan: variants.Plan) -> list[str]:
    return [shlex.join(variant.argv) for variant in plan.variants]


def pairs(plan: variants.Plan) -> list[tuple[int | None, int | None]]:
    return [(variant.micro_batch, variant.accumulation) for variant in plan.variants]


def test_effective_batch_is_kept_down_to_one() -> None:
    """48 is halved while it divides; then the largest divisor below is taken."""
    got = plan("python train.py --batch-size 48 --accum 1")
    assert pairs(got) == [(48, 1), (24, 2), (12, 4), (6, 8), (3, 16), (1, 48)]
    assert [variant.label for variant in got.variants][:2] == ["batch 48", "batch 24 x 2"]
    assert not any(variant.changes_science for variant in got.variants)
    assert got.note == ""


def test_accumulation_given_by_the_user_is_part_of_the_product() -> None:
    """A prime batch still has smaller variants where the accumulation has divisors."""
    assert pairs(plan("t.py --batch-size 5 --accum 6")) == [(5, 6), (2, 15), (1, 30)]


@pytest.mark.parametrize(
    ("given", "second"),
    [
        ("t.py --batch-size 8 --lr 1", "t.py --batch-size 4 --lr 1 --accum 2"),
        ("t.py --batch-size=8", "t.py --batch-size=4 --accum 2"),
        ("t.py --batch_size 8", "t.py --batch_size 4 --accum 2"),
        ("t.py -b 8", "t.py -b 4 --accum 2"),
        ("t.py -b8", "t.py -b4 --accum 2"),
        ("t.py --accum=2", "t.py --accum=4 --batch-size 24"),
        ("t.py -b 4 --batch-size 8", "t.py -b 4 --batch-size 4 --accum 2"),
        ("t.py", "t.py --batch-size 24 --accum 2"),
    ],
)
def test_number_is_replaced_where_it_stands(given: str, second: str) -> None:
    """Each way to write the flag keeps its form; a flag that is absent is added at the end."""
    assert commands(plan(given))[:2] == [given, second]


def test_last_value_wins_and_all_are_replaced() -> None:
    """No parser, whichever occurrence it takes, sees the old number."""
    got = plan("t.py --batch-size 64 --batch-size 8")
    assert commands(got)[1] == "t.py --batch-size 4 --batch-size 4 --accum 2"


def test_hydra_overrides_are_found_with_and_without_plus() -> None:
    """`+key=` and `++key=` set the same key."""
    declared = knobs.Knobs(
        micro_batch=knobs.Knob(template="data.batch_size={}", value=64),
        accumulation=knobs.Knob(template="+trainer.accumulate_grad_batches={}", value=1),
    )
    got = plan("t.py ++data.batch_size=8 trainer.accumulate_grad_batches=1", declared)
    assert commands(got)[1] == "t.py ++data.batch_size=4 trainer.accumulate_grad_batches=2"
    assert commands(plan("t.py data.batch_size=2", declared))[1] == (
        "t.py data.batch_size=1 +trainer.accumulate_grad_batches=2"
    )


@pytest.mark.parametrize(
    "command",
    [
        "t.py --per_device_train_batch_size 8 --gradient_accumulation_steps 2",
        "t.py --per-device-train-batch-size=8 --gradient-accumulation-steps=2",
        "t.py fit --data MyData --data.batch_size 8 --trainer.accumulate_grad_batches 2",
    ],
)
def test_known_flags_need_no_declaration(command: str) -> None:
    """The flags of the HF Trainer and the Lightning CLI mean one thing."""
    assert pairs(plan(command, knobs.Knobs()))[:2] == [(8, 2), (4, 4)]


def test_known_accumulation_is_not_assumed_when_absent() -> None:
    """A script may have the one flag and not the other."""
    got = plan("t.py --per_device_train_batch_size 4", knobs.Knobs())
    assert [variant.changes_science for variant in got.variants] == [False, True, True]


def test_without_accumulation_smaller_batches_are_marked() -> None:
    """They change the experiment, so they need consent."""
    got = plan("t.py -b 10", knobs.Knobs(micro_batch=BATCH))
    assert commands(got) == ["t.py -b 10", "t.py -b 5", "t.py -b 2", "t.py -b 1"]
    assert [variant.changes_science for variant in got.variants] == [False, True, True, True]
    assert "effective batch" in got.note


def test_unknown_default_of_accumulation_is_not_guessed() -> None:
    """The script might accumulate by itself; then the product would silently change."""
    declared = knobs.Knobs(micro_batch=BATCH, accumulation=knobs.Knob(template="--accum {}"))
    got = plan("t.py -b 2", declared)
    assert got.variants[1].changes_science
    assert 'accumulation = { flag = "--accum {}", value = … }' in got.note


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("t.py --batch-size auto", "not a plain number"),
        ("t.py --batch-size", "not a plain number"),
        ("t.py --batch-size=", "not a plain number"),
        ("t.py --batch-size 8,16", "not a plain number"),
        ("t.py --batch-size 0", "no batch to halve"),
        ("t.py --batch-size 99999999999999999999", "no batch to halve"),
        ("t.py --batch-si 8", "short for --batch-size"),
        ("t.py --batch-size 1", "1 already"),
    ],
)
def test_unclear_commands_have_only_themselves_and_a_reason(command: str, said: str) -> None:
    """A wrong guess would change the science; the reason is for --dry-run."""
    got = plan(command)
    assert commands(got) == [shlex.join(shlex.split(command))]
    assert said in got.note


def test_unknown_micro_batch_says_what_to_write() -> None:
    """Nothing declared, or declared without a number that is not in the command either."""
    assert "[knobs]" in plan("t.py", knobs.Knobs()).note
    bare = knobs.Knobs(micro_batch=knobs.Knob(template="--bs {}"))
    assert 'micro_batch = { flag = "--bs {}", value = … }' in plan("t.py", bare).note


def test_one_flag_for_both_knobs_is_refused() -> None:
    """Writing two numbers to one place would make nonsense."""
    got = plan("t.py --batch-size 8", knobs.Knobs(micro_batch=BATCH, accumulation=BATCH))
    assert len(got.variants) == 1
    assert "same flag" in got.note


@pytest.mark.parametrize(
    ("text", "second"),
    [
        ("A=1 t.py -b 8", "A=1 t.py -b 4 --accum 2"),
        ("t.py -b 16 --accum 1 x", "t.py -b 8 --accum 2 x"),
        ("t.py --batch_size=8 2>&1 | tee log", "t.py --batch_size=4 --accum 2 2>&1 | tee log"),
        ("cd a && t.py --accum 2 -b8; ls", "cd a && t.py --accum 4 -b4; ls"),
        (
            "t.py \\\n  --batch-size 8 \\\n --x '1'",
            "t.py \\\n  --batch-size 4 --accum 2 \\\n --x '1'",
        ),
        ("A=$B t.py 2>&1", "A=$B t.py 2>&1 --batch-size 24 --accum 2"),
    ],
)
def test_shell_text_is_changed_only_at_the_number(text: str, second: str) -> None:
    """The rest of the text, quotes and all, stays byte for byte."""
    got = in_shell(text)
    assert got.variants[0].argv == ("/bin/sh", "-c", text)
    assert got.variants[1].argv == ("/bin/sh", "-c", second)


@pytest.mark.parametrize(
    "text",
    [
        "a.py -b 8; b.py -b 4",
        "for b in 1 2; do t.py -b $b; done",
        "bash -c 't.py --batch-size 8'",
        'echo "use --batch-size 8"',
        "t.py --batch-size '8'",
        "t.py | tee log",
        "t.py -b 8 # --accum 2",
        "cat <<E\n-b 8\nE",
        "a.py -b 8 && b.py --accum 2",
    ],
)
def test_ambiguous_shell_text_is_left_alone(text: str) -> None:
    """No variant keeps the effective batch for certain, so none is offered as if it did."""
    rest = in_shell(text).variants[1:]
    assert all(variant.changes_science for variant in rest)
    assert in_shell(text).note


WORDS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12), max_size=6
)


@given(micro=st.integers(1, 4096), steps=st.integers(1, 64))
def test_product_is_constant_and_ends_at_one(micro: int, steps: int) -> None:
    """Every variant trains on the same number of samples per update; each is at most half."""
    got = variants.compute(["t.py", "-b", str(micro), "--accum", str(steps)], BOTH)
    sizes = [variant.micro_batch or 0 for variant in got.variants]
    assert {(m or 0) * (a or 0) for m, a in pairs(got)} == {micro * steps}
    assert sizes[0] == micro
    assert sizes[-1] == 1
    assert all(2 * after <= before for before, after in itertools.pairwise(sizes))


@given(before=WORDS, after=WORDS, micro=st.integers(2, 512))
def test_other_words_stay_as_they_are(before: list[str], after: list[str], micro: int) -> None:
    """Only the number changes, whatever stands around it."""
    taken = ("-b", "--b", "--a")
    assume(not any(word.startswith(taken) for word in [*before, *after]))
    argv = ["python", *before, "--batch-size", str(micro), "--accum", "1", *after]
    at = len(before) + 2
    got = variants.compute(argv, BOTH)
    assert got.variants[0].argv == tuple(argv)
    assert len(got.variants) > 1
    for variant in got.variants:
        expected = [*argv]
        expected[at], expected[at + 2] = str(variant.micro_batch), str(variant.accumulation)
        assert list(variant.argv) == expected


@given(argv=st.lists(st.text(max_size=8), min_size=1), text=st.text(max_size=60))
def test_any_command_has_itself_as_the_first_variant(argv: list[str], text: str) -> None:
    """Nothing typed makes it fail."""
    for command in (argv, ["/bin/sh", "-c", text]):
        assert variants.compute(command, BOTH).variants[0].argv == tuple(command)


# --- numbers in configuration files ------------------------------------------------------------

FILES = {
    "a.yaml": "train: {batch: 8}   # fits\naccum: 2\nlr: 0.1\nworkers: 4\n",
    "b.yaml": "train: {batch: 6}\naccum: 1\n",
    "big.yaml": "batch: 1024\naccum: 1\n# " + "x" * 199_000 + "\n",
    "skip.txt": "old.png",
}
IN_FILE = knobs.Knobs(
    micro_batch=knobs.FileKnob(file="a.yaml", key="train.batch"),
    accumulation=knobs.FileKnob(file="a.yaml", key="accum"),
)


def reading(path: str) -> str:
    if path not in FILES:
        raise invocation.NoFileError(f"there is no file {path} in the project")
    return FILES[path]


def with_files(command: str, declared: knobs.Knobs) -> variants.Plan:
    return variants.compute(shlex.split(command), declared, reading)


def test_numbers_of_a_file_are_changed_there() -> None:
    """The command stays; each variant, the first one too, carries the whole text of the file."""
    got = with_files("t.py --config a.yaml", IN_FILE)
    assert pairs(got) == [(8, 2), (4, 4), (2, 8), (1, 16)]
    assert {variant.argv for variant in got.variants} == {("t.py", "--config", "a.yaml")}
    assert got.variants[0].files == {"a.yaml": FILES["a.yaml"]}
    expected = FILES["a.yaml"].replace("batch: 8", "batch: 4").replace("accum: 2", "accum: 4")
    assert got.variants[1].files == {"a.yaml": expected}
    assert got.variants[1].changes == (
        variants.Change(where="a.yaml:1 train.batch", old=8, new=4),
        variants.Change(where="a.yaml:2 accum", old=2, new=4),
    )


def test_one_number_in_a_file_and_one_on_the_command_line() -> None:
    """Both are found, and the flag that is not typed is added."""
    declared = knobs.Knobs(micro_batch=IN_FILE.micro_batch, accumulation=ACCUMULATE)
    second = with_files("t.py a.yaml", declared).variants[1]
    assert second.argv == ("t.py", "a.yaml", "--accum", "2")
    assert "batch: 4" in second.files["a.yaml"]
    assert [change.added for change in second.changes] == [False, True]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("t.py --config b.yaml", "names b.yaml, not a.yaml"),
        ("t.py --config a.yaml --batch 4", "--batch in the command may override"),
        ("t.py --config a.yaml train.batch=4", "train.batch in the command may override"),
        ("sh -c 't.py --config=b.yaml'", "names b.yaml, not a.yaml"),
    ],
)
def test_a_file_that_the_command_does_not_obey_is_left_alone(command: str, said: str) -> None:
    """Another file, or a flag beside it: which of the two wins is not known."""
    got = with_files(command, IN_FILE)
    assert len(got.variants) == 1
    assert said in got.note
    assert said in got.refused["micro_batch"]


def test_missing_key_and_file_are_refused_with_what_was_meant() -> None:
    """The reason is for a person."""
    typo = knobs.Knobs(micro_batch=knobs.FileKnob(file="a.yaml", key="train.batsh"))
    assert "did you mean train.batch?" in with_files("t.py", typo).note
    gone = knobs.Knobs(micro_batch=knobs.FileKnob(file="c.yaml", key="x"))
    assert "there is no file c.yaml" in with_files("t.py", gone).note


def test_same_key_for_both_knobs_is_refused() -> None:
    """Writing two numbers to one place would make nonsense."""
    twice = knobs.Knobs(micro_batch=IN_FILE.accumulation, accumulation=IN_FILE.accumulation)
    assert "same key" in with_files("t.py", twice).note


def test_files_that_are_too_large_together_are_not_carried() -> None:
    """Eleven variants of 200 KB would be more than the specification of a run should hold."""
    large = knobs.Knobs(
        micro_batch=knobs.FileKnob(file="big.yaml", key="batch"),
        accumulation=knobs.FileKnob(file="big.yaml", key="accum"),
    )
    got = with_files("t.py", large)
    assert len(got.variants) == 1
    assert got.variants[0].files == {}
    assert "larger than 1 MB" in got.note


def test_doubtful_knobs_are_not_taken_from_the_command() -> None:
    """The reason stands in the note."""
    argv = ["t.py", "--per_device_train_batch_size", "8"]
    got = variants.compute(argv, knobs.Knobs(), reading, {"micro_batch": "two places"})
    assert len(got.variants) == 1
    assert "two places" in got.note
