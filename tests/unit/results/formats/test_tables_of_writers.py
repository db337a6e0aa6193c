from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overnight.results import curves, names, reading
from overnight.results.curves import Found
from tests.unit.results.formats import pieces

ULTRALYTICS = (
    "     epoch,   train/box_loss, metrics/mAP50-95(B),   val/cls_loss\n"
    "         1,           1.6266,             0.02458,            inf\n"
    "         2,           1.4001,             0.10276,            nan\n"
)
YOLOV5 = (
    "     0/99     2.26G    0.1145   0.03889         0    0.1534        50      1280    0.2381    "
    "0.2154    0.1435   0.03927    0.1019   0.02571         0\n"
    "     1/99     2.46G    0.1006   0.03883         0    0.1395        69      1280    0.5299    "
    "0.3478     0.376    0.1375   0.09213   0.02443         0\n"
)
MONITOR = '#{"t_start": 1600000000.5, "env_id": "Ant-v0"}\nr,l,t\n-5.5,20,0.5\n7.25,30,1.5\n'
LIGHTNING = "epoch,step,train_loss,val_loss\n0,23,,0.5\n0,23,0.75,\n1,47,,0.25\n"
KERAS = "epoch,accuracy,loss,val_loss\n0,0.5,2.0,NA\n1,0.6,1.0,1.5\n"
FLAIR = (
    "EPOCH\tTIMESTAMP\tBAD_EPOCHS\tLEARNING_RATE\tTRAIN_LOSS\tDEV_F1\n"
    "1\t12:11:32\t0\t0.1\t0.9\t0.5\n2\t12:11:35\t1\t0.1\t0.8\t0.6\n"
)
SEARCH = (
    "commit\tval_bpb\tmemory_gb\tstatus\tdescription\n"
    "a1\t0.99\t44.0\tkeep\tbaseline\nb2\t0.0\t0.0\tcrash\ttoo wide\nc3\t0.98\t44.1\tdiscard\tx\n"
)
SB3 = (
    "time/total_timesteps,rollout/ep_rew_mean,time/fps,train/loss\n"
    "2048,-3.5,900,\n4096,-2.5,901,0.5\n"
)
SB3_JSON = "".join(
    json.dumps({"time/total_timesteps": step, "eprewmean": step / 2, "time/fps": 9}) + "\n"
    for step in (100, 200)
)
DETECTRON = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"data_time": 0.1, "eta_seconds": 9.0, "iteration": 19, "lr": 0.1, "total_loss": 3.0},
        {"data_time": 0.1, "iteration": 39, "lr": 0.1, "total_loss": 2.0},
        {"bbox/AP": 30.0, "bbox/APs": float("nan"), "iteration": 39},
    )
)
MMENGINE = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"lr": 0.1, "data_time": 0.1, "loss": 3.0, "time": 0.2, "epoch": 1, "iter": 50, "memory": 9,
         "step": 50},
        {"coco/bbox_mAP": 0.25, "data_time": 0.1, "time": 0.2, "step": 1},
    )
)  # fmt: skip
MMCV = "".join(
    json.dumps(row) + "\n"
    for row in (
        {"env_info": "x", "seed": 0, "exp_name": "a.py"},
        {"mode": "train", "epoch": 1, "iter": 50, "lr": 0.1, "memory": 9, "loss": 3.0},
        {"mode": "val", "epoch": 1, "iter": 500, "lr": 0.1, "bbox_mAP": 0.25},
    )
)
FACTORY = "".join(
    json.dumps({"current_steps": step, "total_steps": 20, "loss": 1.5, "reward": None, "lr": 1e-4,
                "epoch": step / 10, "percentage": step * 5.0, "elapsed_time": "0:00:26"}) + "\n"
    for step in (10, 20)
)  # fmt: skip

FILES = {
    "ultralytics_results_csv": ("runs/detect/train/results.csv", ULTRALYTICS),
    "yolov5_results_txt": ("runs/train/exp/results.txt", YOLOV5),
    "sb_monitor_csv": ("a2c/0.monitor.csv", MONITOR),
    "lightning_metrics_csv": ("lightning_logs/version_0/metrics.csv", LIGHTNING),
    "keras_csvlogger": ("training.log", KERAS),
    "flair_loss_tsv": ("loss.tsv", FLAIR),
    "autoresearch_tsv": ("results.tsv", SEARCH),
    "sb_progress": ("logs/progress.csv", SB3),
    "detectron2_metrics_json": ("output/metrics.json", DETECTRON),
    "mmengine_jsonl": ("vis_data/scalars.json", MMENGINE),
    "hf_trainer_log_jsonl": ("trainer_log.jsonl", FACTORY),
    "dvclive_tsv": ("dvclive/plots/metrics/val/f1.tsv", "step\tf1\n58\t0.25\n117\t0.5\n"),
    "dvclive_metrics": ("dvclive/metrics.json", '{\n "val": {\n  "f1": 0.5\n },\n "step": 117\n}'),
    "csv": ("curve.csv", "step,loss\n1,0.5\n2,0.4\n"),
    "metrics_jsonl": ("metrics.jsonl", '{"step": 1, "loss": 0.5}\n'),
}
# Per format: name, split as the reader tells it, split as folded, values, steps, epochs
WANTED = [
    ("ultralytics_results_csv", "metrics/mAP50-95(B)", "val", [0.02458, 0.10276], None, [1, 2]),
    ("ultralytics_results_csv", "val/cls_loss", None, [float("inf"), None], None, [1, 2]),
    ("yolov5_results_txt", "train/box_loss", None, [0.1145, 0.1006], None, [0, 1]),
    ("yolov5_results_txt", "metrics/mAP50-95", "val", [0.03927, 0.1375], None, [0, 1]),
    ("sb_monitor_csv", "r", None, [-5.5, 7.25], [20, 50], None),
    ("lightning_metrics_csv", "val_loss", None, [0.5, 0.25], [23, 47], [0, 1]),
    ("keras_csvlogger", "val_loss", None, [1.5], None, [1]),
    ("flair_loss_tsv", "DEV_F1", None, [0.5, 0.6], None, [1, 2]),
    ("autoresearch_tsv", "val_bpb", None, [0.99, 0.98], None, None),
    ("sb_progress", "rollout/ep_rew_mean", None, [-3.5, -2.5], [2048, 4096], None),
    ("sb_progress", "train/loss", None, [0.5], [4096], None),
    ("detectron2_metrics_json", "total_loss", None, [3, 2], [19, 39], None),
    ("detectron2_metrics_json", "bbox/AP", "val", [30], [39], None),
    ("mmengine_jsonl", "coco/bbox_mAP", "val", [0.25], [1], None),
    ("mmengine_jsonl", "loss", None, [3], [50], [1]),
    ("hf_trainer_log_jsonl", "loss", None, [1.5, 1.5], [10, 20], [1, 2]),
    ("dvclive_tsv", "f1", "val", [0.25, 0.5], [58, 117], None),
    ("dvclive_metrics", "val/f1", None, [0.5], [117], None),
]


def found_in(tmp_path: Path, name: str, text: str) -> Found:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    found = reading.read(path)
    assert found is not None
    return found


@pytest.mark.parametrize("kind", FILES)
def test_each_writer_is_known_by_its_file(tmp_path: Path, kind: str) -> None:
    """The name of the format is that of its reader."""
    name, text = FILES[kind]
    assert found_in(tmp_path, name, text).format == kind
    assert reading.reader_of(tmp_path / name) is not None


@pytest.mark.parametrize(("kind", "name", "split", "values", "steps", "epochs"), WANTED)
def test_curves_of_each_writer(
    tmp_path: Path,
    kind: str,
    name: str,
    split: str | None,
    values: list[float | None],
    steps: list[float] | None,
    epochs: list[float] | None,
) -> None:
    """Names as written, values as written, axes as the writer counts."""
    rows = pieces.plain(found_in(tmp_path, *FILES[kind]).curves)[name, split]
    assert [row[0] for row in rows] == values
    assert [row[1] for row in rows] == (steps or [None] * len(rows))
    assert [row[2] for row in rows] == (epochs or [None] * len(rows))


def test_what_the_files_tell_beside_curves(tmp_path: Path) -> None:
    """The start of a monitor, its goal, and where rows have failed."""
    monitor = found_in(tmp_path, *FILES["sb_monitor_csv"])
    assert monitor.settings[""]["env_id"] == "Ant-v0"
    reward = pieces.curve(monitor, "r")
    assert (reward.goal, reward.time.tolist()) == ("max", [1600000001.0, 1600000002.0])
    search = found_in(tmp_path, *FILES["autoresearch_tsv"])
    assert (3, "its status says that it failed") in [
        (each.line, each.why) for each in search.skipped
    ]
    assert [each.name for each in search.curves] == ["val_bpb"]


def test_metrics_of_one_name_in_two_folders_stay_apart(tmp_path: Path) -> None:
    """DVCLive makes folders of the slashes in a metric's name."""
    for folder in ("real", "synth"):
        name = f"plots/metrics/val/{folder}/f1.tsv"
        found_in(tmp_path, name, "step\tf1\n1\t0.5\n")
    found = found_in(tmp_path, "plots/metrics/val/synth/f1.tsv", "step\tf1\n1\t0.5\n")
    assert [(each.name, each.split) for each in found.curves] == [("val/synth/f1", "val")]


def test_mmcv_tells_the_split_of_each_row(tmp_path: Path) -> None:
    """`mode` is the split, and the first line is no row of metrics."""
    found = found_in(tmp_path, "20240101.log.json", MMCV)
    assert found.format == "mmengine_jsonl"
    assert {(each.name, each.split) for each in found.curves} >= {
        ("loss", "train"),
        ("bbox_mAP", "val"),
    }


def test_baselines_write_json_too(tmp_path: Path) -> None:
    """`progress.json` is lines of the same columns."""
    found = found_in(tmp_path, "progress.json", SB3_JSON)
    assert found.format == "sb_progress"
    assert pieces.plain(found.curves)["eprewmean", None] == [
        (50, 100, None, None, 1),
        (100, 200, None, None, 2),
    ]


def test_hyperparameters_beside_the_metrics_of_lightning(tmp_path: Path) -> None:
    """`hparams.yaml` is read safely; a tag that makes objects is refused, not obeyed."""
    folder = tmp_path / "lightning_logs" / "version_0"
    folder.mkdir(parents=True)
    (folder / "hparams.yaml").write_text("lr: 0.1\nmodel:\n  layers: [1, 2]\n")
    found = found_in(folder, "metrics.csv", LIGHTNING)
    assert found.settings == {"": {"lr": 0.1, "model": {"layers": [1, 2]}}}
    (folder / "hparams.yaml").write_text("a: !!python/object/apply:os.system ['true']\n")
    assert found_in(folder, "metrics.csv", LIGHTNING).settings == {}


@pytest.mark.parametrize("kind", sorted(set(FILES) - {"dvclive_metrics"}))
def test_each_growing_file_gives_what_the_whole_one_gives(tmp_path: Path, kind: str) -> None:
    """Cut at each byte once."""
    name, text = FILES[kind]
    whole = pieces.plain(found_in(tmp_path, name, text).curves)
    reader = reading.reader_of(tmp_path / name)
    assert reader is not None
    data = text.encode()
    for cut in range(0, len(data), max(1, len(data) // 60)):
        assert pieces.in_pieces(reader, tmp_path / name, data, [cut, cut + 9]) == whole


OURS = [*FILES, "hf_trainer_state", "hf_results", "json_dict_history", "json_table", "chainer_log"]


@pytest.mark.parametrize("kind", OURS)
@pytest.mark.parametrize(
    "data", [b"", b"\0" * 50, b"\xff\xfe\x00", b"{", b"[", b"a,b\n", b"\xff\n1\n"]
)
def test_no_reader_raises(tmp_path: Path, kind: str, data: bytes) -> None:
    """Whatever is in the file."""
    path = tmp_path / "metrics.json"
    path.write_bytes(data)
    reader = next(each for each in reading.readers() if kind == each.FORMAT)
    assert curves.NO <= reader.claims(path, data) <= curves.SURE
    assert reader.read(path).curves == ()


def test_names_of_real_writers_fold_to_their_splits() -> None:
    """Also without separators."""
    assert names.fold("valLoss") == ("val", "val_loss")
    assert names.fold("trainAcc") == ("train", "acc")
    assert names.fold("lossVal") == ("val", "val_loss")
    assert names.fold("validity") == ("train", "validity")
    assert names.fold("metrics/mAP50(B)", "val")[0] == "val"


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(FILES)),
    st.lists(st.tuples(st.integers(0, 400), st.binary(max_size=6)), max_size=4),
    st.integers(0, 400),
)
def test_no_reader_raises_on_a_damaged_file(
    tmp_path_factory: pytest.TempPathFactory,
    kind: str,
    damage: list[tuple[int, bytes]],
    cut: int,
) -> None:
    """Bytes put in anywhere, also while the file grows."""
    name, text = FILES[kind]
    data = text.encode()
    for place, put_in in damage:
        data = data[:place] + put_in + data[place + 1 :]
    path = tmp_path_factory.getbasetemp() / "damaged" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data[:cut])
    reader = next(each for each in reading.readers() if kind == each.FORMAT)
    reader.claims(path, data)
    before = reader.read(path)
    path.write_bytes(data)
    for found in (reader.read(path, pieces.through_json(before.mark)), reader.read(path)):
        for curve in found.curves:
            assert curve.value.size == curve.step.size == curve.epoch.size == curve.line.size > 0
            assert curve.time.size == curve.value.size
