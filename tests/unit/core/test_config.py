"""What overnight.toml may say and what comes of it."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from overnight.core import config, errors, knobs
from tests.unit.core.config_files import load, refused

DESIGN_EXAMPLE = """\
[project]
name = "clip-tta"
train = "python train.py --config configs/exp1.yaml"
smoke = "python train.py --config configs/exp1.yaml --epochs 1 --subset 100"
env = { conda = "clip" }                 # or venv, uv, module, none
outputs = ["outputs"]
links = { data = "/data/imagenet" }      # data lives on the server

[metrics]
primary = "val_acc"
goal = "max"
baseline = { val_acc = 95.5, source = "paper, table 2" }

[servers.gpu1]                           # host alias of ~/.ssh/config
root = "/data/me/overnight"

[knobs]                                  # only where recognition is not enough
micro_batch = "--batch-size {}"
accumulation = "--accum {}"
resume = "--resume {checkpoint}"

[recovery]
nan = "ask"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a name that needs no change."""
    made = tmp_path / "proj"
    made.mkdir()
    return made


# --- what is right -----------------------------------------------------------------------------


def test_the_example_of_the_design(folder: Path) -> None:
    """The example of the design is read whole, with no warning."""
    loaded = load(folder, DESIGN_EXAMPLE)
    assert loaded == config.Config(
        path=folder / "overnight.toml",
        root=folder,
        project=config.Project(
            name="clip-tta",
            train="python train.py --config configs/exp1.yaml",
            smoke="python train.py --config configs/exp1.yaml --epochs 1 --subset 100",
            env=config.Environment(kind="conda", name="clip"),
            outputs=("outputs",),
            links={"data": "/data/imagenet"},
        ),
        metrics=config.Metrics(
            primary="val_acc",
            goal="max",
            baseline=config.Baseline(values={"val_acc": 95.5}, source="paper, table 2"),
        ),
        smoke=config.Smoke(time_box_s=180.0),
        servers={
            "local": config.ServerConfig(name="local", kind="local", host="local"),
            "gpu1": config.ServerConfig(
                name="gpu1", kind="ssh", host="gpu1", root="/data/me/overnight"
            ),
        },
        knobs=knobs.Knobs(
            micro_batch=knobs.Knob(template="--batch-size {}"),
            accumulation=knobs.Knob(template="--accum {}"),
            resume="--resume {checkpoint}",
        ),
        recovery={"nan": "ask"},
        watch={},
        warnings=(),
    )


def test_every_other_key(folder: Path) -> None:
    """The keys that the example leaves out arrive as frozen values too."""
    loaded = load(
        folder,
        """
[project]
server = "gpu1"
gpus = 2
checkpoints = ["outputs/**/*.pt"]
allow = ["assets/*.bin"]
outputs = ["./outputs/", "log.txt", "outputs"]
links = { "./data/" = "/d", "my data" = "/m m" }
variables = { OMP_NUM_THREADS = "4", LINES = "a\\nb" }
secrets = ["MY_TOKEN"]
[smoke]
time_box_s = 60
[knobs]
micro_batch = { flag = "--bs={}", value = 64 }
resume = "auto"
[servers.gpu1]
host = "me@gpu1.example.org"
ssh_config = "ssh/config"
gpus = [0, "GPU-8f2d1c6a-0000-1111-2222-333344445555"]
python = "/opt/python3.11"
[servers.second]
kind = "local"
root = "~/other/"
""",
    )
    project = loaded.project
    assert (project.server, project.gpus) == ("gpu1", 2)
    assert project.checkpoints == ("outputs/**/*.pt",)
    assert project.allow == ("assets/*.bin",)
    assert project.outputs == ("outputs", "log.txt")
    assert project.links == {"data": "/d", "my data": "/m m"}
    assert project.variables == {"OMP_NUM_THREADS": "4", "LINES": "a\nb"}
    assert project.secrets == ("MY_TOKEN",)
    assert loaded.smoke.time_box_s == 60.0
    assert loaded.knobs.micro_batch == knobs.Knob(template="--bs={}", value=64)
    assert loaded.knobs.resume == "auto"
    assert loaded.servers["gpu1"] == config.ServerConfig(
        name="gpu1",
        kind="ssh",
        host="me@gpu1.example.org",
        ssh_config=str(folder / "ssh" / "config"),
        gpus=(0, "GPU-8f2d1c6a-0000-1111-2222-333344445555"),
        python="/opt/python3.11",
    )
    assert loaded.servers["second"].kind == "local"
    assert loaded.servers["second"].root == "~/other"


@pytest.mark.parametrize(
    ("env", "environment"),
    [
        ('{ conda = "clip", exe = "/opt/conda" }', {"name": "clip", "exe": "/opt/conda"}),
        ('{ mamba = "m" }', {"kind": "mamba", "name": "m"}),
        ('{ micromamba = "m" }', {"kind": "micromamba", "name": "m"}),
        ('{ venv = ".venv" }', {"kind": "venv", "name": ".venv"}),
        ("{ uv = true }", {"kind": "uv"}),
        (
            '{ module = ["cuda/12", "python"] }',
            {"kind": "module", "modules": ("cuda/12", "python")},
        ),
        ("{ none = true }", {"kind": "none"}),
    ],
)
def test_environments(folder: Path, env: str, environment: dict[str, Any]) -> None:
    """Each kind of environment is one key of the table."""
    loaded = load(folder, f"[project]\nenv = {env}\n")
    assert loaded.project.env == config.Environment(**{"kind": "conda"} | environment)


def test_values_are_frozen(folder: Path) -> None:
    """Nothing of a configuration can be changed after it was read."""
    loaded = load(folder, DESIGN_EXAMPLE)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.project.name = "other"  # type: ignore[misc]
    for mapping in (loaded.servers, loaded.recovery, loaded.project.links):
        with pytest.raises(TypeError):
            mapping["x"] = "y"  # type: ignore[index]


def test_file_is_found_above(folder: Path) -> None:
    """A verb typed in a folder below finds the project, and messages name the way to its file."""
    (folder / "overnight.toml").write_text("[project]\ngpu = 1\n")
    deep = folder / "a" / "b"
    deep.mkdir(parents=True)
    with pytest.raises(errors.ConfigError, match=r"^\.\./\.\./overnight\.toml:2: "):
        load(deep)


def test_no_file(tmp_path: Path) -> None:
    """Without a file the next command is the one that writes it."""
    with pytest.raises(errors.ConfigError) as caught:
        config.load(tmp_path, user_file=tmp_path / "none")
    assert caught.value.message == "no overnight.toml here or above"
    assert caught.value.hint == "overnight init"


def test_mark_in_front_and_windows_line_ends(folder: Path) -> None:
    """Files of Windows editors are read, and their lines are counted right."""
    text = b'\xef\xbb\xbf[project]\r\nname = "x"\r\n'
    assert load(folder, text).project.name == "x"
    assert refused(folder, text + b"gpu = 1\r\n").message.startswith("overnight.toml:3: ")


@pytest.mark.parametrize(
    ("name", "project"),
    [
        ("my exp", "my-exp"),
        ("..a", "a"),
        ("学習", "project"),
        ("a\nb", "a-b"),
        ("x" * 70, "x" * 64),
    ],
)
def test_name_is_made_of_the_folders_name(tmp_path: Path, name: str, project: str) -> None:
    """Any folder can be a project; a name that had to be changed is told."""
    folder = tmp_path / name
    folder.mkdir()
    loaded = load(folder, "[project]\n")
    assert loaded.project.name == project
    (warning,) = loaded.warnings
    assert warning.startswith(f'overnight.toml:1: the project is called "{project}", from the')
    assert "\n" not in warning


def test_folder_name_that_is_a_name(folder: Path) -> None:
    """A folder's name that needs no change is taken without a word."""
    loaded = load(folder, "[project]\n")
    assert (loaded.project.name, loaded.warnings) == ("proj", ())


# --- the user-wide file ------------------------------------------------------------------------


def test_servers_are_merged_key_by_key(folder: Path) -> None:
    """A server can be known to all projects; what the project says about it wins."""
    loaded = load(
        folder,
        '[servers.gpu1]\nroot = "/project"\n[servers.gpu2]\n',
        user='[servers.gpu1]\nroot = "/user"\nhost = "h"\nssh_config = "conf"\n[servers.gpu3]\n',
    )
    assert set(loaded.servers) == {"local", "gpu1", "gpu2", "gpu3"}
    assert loaded.servers["gpu1"] == config.ServerConfig(
        name="gpu1",
        kind="ssh",
        host="h",
        root="/project",
        ssh_config=str(folder.parent / "conf"),
    )


def test_recovery_defaults(folder: Path) -> None:
    """[defaults] of the user holds where the project's [recovery] says nothing."""
    loaded = load(
        folder, '[recovery]\nnan = "ask"\n', user='[defaults]\nnan = "stop"\nhang = "stop"\n'
    )
    assert loaded.recovery == {"nan": "ask", "hang": "stop"}


def test_messages(folder: Path) -> None:
    """The user-wide [notify] holds, key by key, where the project says nothing."""
    user = '[notify]\nurl = "https://ntfy.sh/mine"\ntoken = "NTFY_TOKEN"\n'
    loaded = load(folder, '[notify]\nmax_per_hour = 2\nkind = "json"\n', user=user)
    assert loaded.notify == config.Notify(
        url="https://ntfy.sh/mine", kind="json", token="NTFY_TOKEN", max_per_hour=2
    )


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('url = "ntfy.sh/f00d"', 'url: write a full address, such as "https://ntfy.sh/my-topic"'),
        ('url = "file:///f00d"', 'url: write a full address, such as "https://ntfy.sh/my-topic"'),
        ('url = "https://me:f00d@x/y"', "url: holds a password; write token = "),
        ("url = 3", 'url: expected an address such as "https://ntfy.sh/my-topic"'),
        ('token = "f00d-f00d"', "token: write the name of an environment variable, such as"),
        ("max_per_hour = 0", "max_per_hour = 0: write 1 or more"),
        ('kind = "fax"', 'kind = "fax": write "ntfy", "slack", "json" or "none"'),
    ],
)
def test_mistakes_in_notify(folder: Path, line: str, says: str) -> None:
    """What could be a secret is not shown."""
    message = refused(folder, f"[notify]\n{line}\n").message
    assert message.startswith(f"overnight.toml:2: {says}")
    assert "f00d" not in message


def test_project_may_name_a_server_of_the_user(folder: Path) -> None:
    """[project].server may be a server of the user-wide file."""
    loaded = load(folder, '[project]\nserver = "gpu1"\n', user="[servers.gpu1]\n")
    assert config.choose_server(loaded, None).name == "gpu1"


def test_mistakes_of_both_files_are_shown(folder: Path) -> None:
    """A mistake in the user-wide file names that file; the hint names both."""
    user = folder.parent / "user.toml"
    error = refused(folder, "[project]\ngpus = -1\n", user='\n[project]\n[defaults]\nnan = "x"\n')
    assert error.message.splitlines() == [
        "overnight.toml:2: gpus = -1: write 0, 1, 2, … or a share of one such as 0.5",
        f"{user}:2: unknown section [project]; write [servers.NAME], [defaults], [watch] or "
        "[notify]",
        f'{user}:4: nan = "x": write "default", "rollback", "ask" or "stop"',
    ]
    assert error.hint == f"edit overnight.toml and {user}"


def test_user_wide_file_that_is_not_toml(folder: Path) -> None:
    """A broken user-wide file is named with its full path."""
    error = refused(folder, "", user="x\n")
    assert error.message.startswith(f"{folder.parent / 'user.toml'}:1: not TOML: expected '='")


def test_place_of_the_user_wide_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """OVERNIGHT_CONFIG names the file, else it lies in the platform's folder."""
    monkeypatch.setenv("HOME", str(tmp_path))
    assert config.user_config_file({"OVERNIGHT_CONFIG": "~/my.toml"}) == tmp_path / "my.toml"
    usual = config.user_config_file({"OVERNIGHT_CONFIG": ""})
    assert usual.parts[-2:] == ("overnight", "config.toml")


def test_usual_user_wide_file_is_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no file is given, the usual one is looked for."""
    (folder.parent / "mine.toml").write_text("[servers.gpu7]\n")
    (folder / "overnight.toml").write_text("[project]\n")
    monkeypatch.setenv("OVERNIGHT_CONFIG", str(folder.parent / "mine.toml"))
    assert "gpu7" in config.load(folder).servers


def test_ssh_config_may_begin_with_home(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` in the path of an ssh configuration is the home on this machine."""
    monkeypatch.setenv("HOME", "/home/me")
    loaded = load(folder, '[servers.gpu1]\nssh_config = "~/.ssh/lab"\n')
    assert loaded.servers["gpu1"].ssh_config == "/home/me/.ssh/lab"


# --- choosing a server -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "name", "chosen"),
    [
        ("", None, "local"),
        ('[servers.local]\nroot = "/r"\n', None, "local"),
        ("[servers.gpu1]\n", None, "gpu1"),
        ('[servers.gpu1]\n[servers.local]\nroot = "/r"\n', None, "gpu1"),
        ('[project]\nserver = "b"\n[servers.a]\n[servers.b]\n', None, "b"),
        ('[project]\nserver = "b"\n[servers.a]\n[servers.b]\n', "a", "a"),
        ("[servers.a]\n[servers.b]\n", "local", "local"),
    ],
)
def test_chosen_server(folder: Path, text: str, name: str | None, chosen: str) -> None:
    """The command's server, else the project's, else the only one, else this machine."""
    assert config.choose_server(load(folder, text), name).name == chosen


def test_several_servers_and_none_chosen(folder: Path) -> None:
    """Nothing is guessed; the message lists them and says how to choose."""
    with pytest.raises(errors.UsageError) as caught:
        config.choose_server(load(folder, "[servers.b]\n[servers.a]\n"), None)
    assert caught.value.message == "several servers are configured and none is chosen: a, b"
    assert caught.value.hint == 'add --server a, or write server = "a" in [project]'


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("gpu11", 'unknown server "gpu11"; known: gpu1, local', "did you mean --server gpu1?"),
        ("zzz", 'unknown server "zzz"; known: gpu1, local', "overnight servers"),
    ],
)
def test_unknown_server(folder: Path, name: str, message: str, hint: str) -> None:
    """A server that is not configured is answered with those that are."""
    with pytest.raises(errors.UsageError) as caught:
        config.choose_server(load(folder, "[servers.gpu1]\n"), name)
    assert (caught.value.message, caught.value.hint) == (message, hint)


def test_import_is_light() -> None:
    """Importing the module pulls in neither parsers nor the tables of keys."""
    heavy = [
        "tomllib",
        "msgspec",
        "platformdirs",
        "difflib",
        "tomlkit",
        "overnight.core.config_keys",
    ]
    program = f"import sys, overnight.core.config; print([m for m in {heavy} if m in sys.modules])"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True
    )
    assert done.stdout == "[]\n"
