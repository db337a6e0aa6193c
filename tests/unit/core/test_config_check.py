"""Each message about a mistake in overnight.toml, word for word."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.core.config_files import load, refused


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's folder with a name that needs no change."""
    made = tmp_path / "proj"
    made.mkdir()
    return made


# --- mistakes in values ------------------------------------------------------------------------

NAME_RULE = 'letters, digits, ".", "_" and "-", starting with a letter or digit, at most 64'


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('trian = "x"', 'unknown key "trian" in [project]; did you mean "train"?'),
        ('Out-Puts = "x"', 'unknown key "Out-Puts" in [project]; did you mean "outputs"?'),
        ("time_box_s = 1", 'unknown key "time_box_s" in [project]; it belongs in [smoke]'),
        ('root = "/x"', 'unknown key "root" in [project]; it belongs in [servers.NAME]'),
        (
            "zzz = 1",
            'unknown key "zzz" in [project]; known: allow, checkpoints, env, gpus, links, name, '
            "outputs, rank_logs, secrets, server, smoke, train, variables",
        ),
        ('gpus = "two"', 'gpus = "two": expected a number such as 2'),
        ("gpus = true", "gpus = true: expected a number such as 2"),
        ("gpus = 1.5", "gpus = 1.5: write 0, 1, 2, … or a share of one such as 0.5"),
        ("gpus = -1", "gpus = -1: write 0, 1, 2, … or a share of one such as 0.5"),
        ("train = 5", 'train = 5: expected text such as "python train.py"'),
        (
            'train = ["python", "x"]',
            'train = ["python", "x"]: expected text such as "python train.py"',
        ),
        (
            'train = "python \'x"',
            "train: a quote or a last backslash in the command is left open: python 'x; "
            'close it, or put the character in quotes of the other kind, as in "it\'s"',
        ),
        (
            'smoke = ""',
            'smoke: the command is empty; write one such as "python train.py"',
        ),
        ('train = "a\\u0000"', 'train = "a\\\\x00": has a NUL character; leave it out'),
        ('name = "my exp"', f'name = "my exp": a name has {NAME_RULE}; write "my-exp"'),
        ('name = "x\\n"', 'name = "x\\\\n": has a control character; leave it out'),
        ('name = " "', 'name = " ": is empty; write something or leave name out'),
        (
            'outputs = "outputs"',
            'outputs = "outputs": expected a list of paths such as ["outputs"]',
        ),
        (
            'outputs = ["/abs"]',
            '"/abs" in outputs: points outside the project; '
            'write a path inside it, such as "outputs"',
        ),
        (
            'outputs = ["a/../.."]',
            '"a/../.." in outputs: points outside the project; '
            'write a path inside it, such as "outputs"',
        ),
        (
            'checkpoints = ["~/x"]',
            '"~/x" in checkpoints: points outside the project; '
            'write a path inside it, such as "outputs"',
        ),
        (
            'outputs = ["./"]',
            '"./" in outputs: is the whole project; name what is inside it, such as "outputs"',
        ),
        ("outputs = [1]", '1 in outputs: expected text in quotes, such as ["outputs"]'),
        (
            'links = "/data"',
            'links = "/data": expected a table such as { data = "/data/imagenet" }',
        ),
        (
            'links = { data = "d" }',
            'links.data = "d": write a full path on the server, such as "/data/imagenet"',
        ),
        (
            'links = { data = "~d" }',
            'links.data = "~d": write a full path on the server, such as "/data/imagenet"',
        ),
        (
            'links = { data.x = "/d" }',
            'links.data = { x = "/d" }: write a full path on the server, such as "/data/imagenet"',
        ),
        (
            'links = { "/x" = "/d" }',
            'links."/x" = "/d": "/x" points outside the project; '
            'write a path inside it, such as "outputs"',
        ),
        (
            'links = { data = "/d", "data/x" = "/x" }',
            'links: "data/x" lies inside "data"; keep one of them',
        ),
        (
            'variables = { "A-B" = "1" }',
            "variables.A-B: a name has letters, digits and _, and no digit first",
        ),
        (
            "variables = { HF_TOKEN = 12345 }",
            'variables.HF_TOKEN: expected text in quotes, such as variables.HF_TOKEN = "1"',
        ),
        ('variables = { A = "\\u0000" }', "variables.A: has a NUL character; leave it out"),
        (
            'variables = "A=hunter2"',
            'variables: expected a table such as { OMP_NUM_THREADS = "4" }',
        ),
        ('secrets = "hf_hunter2"', 'secrets: expected a list of names such as ["MY_TOKEN"]'),
        (
            'secrets = ["A", "hunter2!"]',
            "entry 2 of secrets: write the name of an environment variable, "
            'such as "MY_TOKEN", never the secret itself',
        ),
        ('server = "gpu9"', 'server = "gpu9": no such server; known: local'),
        ('server = "locale"', 'server = "locale": no such server; did you mean "local"?'),
    ],
)
def test_mistakes_in_project(folder: Path, line: str, message: str) -> None:
    """Each mistake is one line: where, what, and what to write instead."""
    error = refused(folder, f"# a comment\n[project]\n\n{line}\n")
    assert error.message == f"overnight.toml:4: {message}".replace("\\\\", "\\")
    assert error.hint == "edit overnight.toml"


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ('"conda"', 'env = "conda": expected a table such as { conda = "clip" }'),
        (
            "{}",
            "env has no kind; write one of conda, mamba, micromamba, venv, uv, module or none",
        ),
        ('{ conda = "a", uv = true }', "env has 2 kinds, conda and uv; keep one"),
        ('{ conad = "a" }', 'unknown environment kind "conad" in env; did you mean "conda"?'),
        (
            '{ docker = "a" }',
            'unknown environment kind "docker" in env; '
            "known: conda, exe, mamba, micromamba, module, none, uv, venv",
        ),
        (
            '{ apptainer = "x.sif" }',
            "env.apptainer: apptainer is not supported yet; "
            "write conda, mamba, micromamba, venv, uv, module or none",
        ),
        ("{ conda = 1 }", 'env.conda = 1: expected text such as "clip"'),
        ('{ conda = "" }', 'env.conda = "": is empty; write something or leave env.conda out'),
        ("{ venv = true }", 'env.venv = true: expected text such as ".venv"'),
        ('{ uv = "x" }', 'env.uv = "x": write uv = true, or leave env out'),
        (
            '{ module = "cuda" }',
            'env.module = "cuda": expected a list of text such as ["cuda/12", "python"]',
        ),
        ("{ module = [1] }", '1 in env.module: expected text in quotes, such as ["env.module"]'),
        (
            '{ venv = "x", exe = "/y" }',
            "env.exe goes with conda, mamba, micromamba or uv; leave it out",
        ),
        (
            '{ conda = "x", exe = 1 }',
            'env.exe = 1: expected text such as "/opt/conda/bin/conda"',
        ),
    ],
)
def test_mistakes_in_env(folder: Path, env: str, message: str) -> None:
    """An environment is exactly one of the known kinds."""
    assert refused(folder, f"[project]\nenv = {env}\n").message == f"overnight.toml:2: {message}"


HOURS_HINT = 'write hours such as "09:00-18:00", "22:00-06:00" or "mon-fri 09:00-18:00"'


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[trian]\n",
            "1: unknown section [trian]; write [project], [metrics], [smoke], "
            "[servers.NAME], [knobs], [recovery], [watch], [notify] or [queue]",
        ),
        ("[projects]\n", "1: unknown section [projects]; did you mean [project]?"),
        ("\n[server.gpu1]\n", "2: unknown section [server]; did you mean [servers]?"),
        ('train = "x"\n', '1: "train" stands above every section; put it below [project]'),
        ("x = 1\n", '1: "x" stands above every section; put it below the section it belongs to'),
        ("project = 1\n", "1: project = 1: write a section [project]"),
        ("[[project]]\n", "1: project = [{}]: write a section [project]"),
        ('[metrics]\nprimary = "a"\n', '1: [metrics] has no goal; add goal = "max"'),
        (
            '[metrics]\nprimary = "a"\ngoal = "maximum"\n',
            '3: goal = "maximum": write "min" or "max"',
        ),
        ('[metrics]\nprimary = "a"\ngoal = 1\n', '3: goal = 1: expected "min" or "max"'),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\nbaseline = { a = "95" }\n',
            '4: baseline.a = "95": expected a number such as 95.5',
        ),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\nbaseline = { a = nan }\n',
            "4: baseline.a = nan: expected a number such as 95.5",
        ),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\nbaseline = { source = "p" }\n',
            "4: baseline has no number; write it such as { val_acc = 95.5 }",
        ),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\ntarget = "96"\n',
            '4: target = "96": expected a number such as 96.0',
        ),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\ntarget = inf\n',
            "4: target = inf: write a number such as 95.5",
        ),
        (
            '[metrics]\nprimary = "a"\ngoal = "max"\nmargin = -0.1\n',
            "4: margin = -0.1: write 0 or more, such as 0.3",
        ),
        ("[smoke]\ntime_box_s = 0\n", "2: time_box_s = 0: write a number of seconds above 0"),
        ("[smoke]\ntime_box_s = inf\n", "2: time_box_s = inf: write a number of seconds above 0"),
        (
            '[smoke]\ntime_box_s = "3m"\n',
            '2: time_box_s = "3m": expected a number of seconds such as 180',
        ),
        (
            "[smoke]\ntime_box = 3\n",
            '2: unknown key "time_box" in [smoke]; did you mean "time_box_s"?',
        ),
        (
            '[knobs]\nmicro_batch = "--bs"\n',
            '2: micro_batch = "--bs": write one flag that ends in {}, such as "--batch-size {}", '
            'or the key of a file, such as "configs/exp1.yaml:train.batch_size"',
        ),
        (
            '[knobs]\nexclude = "--skip"\n',
            '2: exclude = "--skip": write one flag that ends in {}, such as "--exclude {}", or the '
            'key of a file, such as "configs/exp1.yaml:data.exclude", or a text file, such as '
            '"exclude.txt"',
        ),
        (
            '[knobs]\nlr = "../a.yaml:lr"\n',
            '2: lr = "../a.yaml:lr": write a file inside the project and a key, as in '
            "configs/a.yaml:train.lr",
        ),
        (
            '[knobs]\nlr = { flag = "--lr {}", value = "1" }\n',
            '2: lr.value = "1": expected a number such as 0.1',
        ),
        (
            '[knobs]\nport = { flag = "--port {}", value = 70000 }\n',
            "2: port.value = 70000: expected a port, 1 to 65535 such as 29500",
        ),
        (
            '[knobs]\nworkers = { flag = "a.yaml:workers" }\n',
            '2: workers.flag = "a.yaml:workers": write workers = "a.yaml:workers"',
        ),
        (
            "[knobs]\nmicro_batch = 64\n",
            '2: micro_batch = 64: expected text or a table such as "--batch-size {}"',
        ),
        (
            "[knobs]\nmicro_batch = { value = 64 }\n",
            '2: micro_batch has no flag; write it such as { flag = "--batch-size {}" }',
        ),
        (
            '[knobs]\nmicro_batch = { flag = "--b {}", value = 0 }\n',
            "2: micro_batch.value = 0: expected a whole number above 0 such as 64",
        ),
        (
            '[knobs]\nmicro_batch = { flag = "--b {}", vale = 1 }\n',
            '2: unknown key "vale" in micro_batch; did you mean "value"?',
        ),
        (
            '[knobs]\nresume = "--resume \'{checkpoint}"\n',
            '2: resume = "--resume \'{checkpoint}": a quote does not close; '
            'write it such as "--resume {checkpoint}"',
        ),
        (
            '[recovery]\ncuda_oon = "ask"\n',
            '2: unknown key "cuda_oon" in [recovery]; did you mean "cuda_oom"?',
        ),
        (
            '[recovery]\nnan = "shrink"\n',
            '2: nan = "shrink": write "default", "rollback", "ask" or "stop"',
        ),
        (
            '[recovery]\nnccl = { action = "resume", mx = 2 }\n',
            '2: unknown key "mx" in nccl; did you mean "max"?',
        ),
        (
            '[recovery]\nnccl = { action = "stop", max = 2 }\n',
            '2: nccl.max = 2: says how often, but "stop" repairs nothing; leave max out',
        ),
        (
            "[recovery]\nnccl = { max = 0 }\n",
            "2: nccl.max = 0: expected a whole number above 0 such as 3; "
            'to repair nothing write action = "stop"',
        ),
        (
            "[recovery]\nnan = { lr_scale = 0.5 }\n",
            '2: nan.lr_scale: goes with action = "rollback"; write that, or leave it out',
        ),
        (
            "[watch]\nfloor_s = 900\nceiling_s = 600\n",
            "2: floor_s = 900 is above ceiling_s = 600; lower the one or raise the other",
        ),
        (
            '[recovery]\nnan = "rollback"\n[watch]\nend_nan = false\n',
            '4: end_nan = false: recovery.nan = "rollback" needs the training to be ended; leave '
            "end_nan out",
        ),
        (
            "[watch]\nend_hung = 1\n",
            "2: end_hung = 1: expected true or false",
        ),
        (
            '[recovery]\ncuda_oom = "none"\n',
            '2: cuda_oom = "none": write "default", "next_variant", "shrink", "ask" or "stop"',
        ),
        ("servers = 1\n", "1: servers: write one section for each server, such as [servers.gpu1]"),
        (
            '[servers]\nhost = "gpu1"\n',
            '2: host = "gpu1" in [servers]: put it into the section of a server, '
            "such as [servers.gpu1]",
        ),
        ('[servers."gpu 1"]\n', f'1: server "gpu 1": a name has {NAME_RULE}'),
        (
            '[servers.gpu1]\nhots = "x"\n',
            '2: unknown key "hots" in [servers.gpu1]; did you mean "host"?',
        ),
        (
            '[servers.gpu1]\nhost = "-oProxyCommand=x"\n',
            '2: host = "-oProxyCommand=x": write a host alias of ~/.ssh/config, such as gpu1, '
            "or user@host",
        ),
        (
            '[servers.gpu1]\nroot = "overnight"\n',
            '2: root = "overnight": write a full path, such as "/data/me/overnight" '
            'or "~/overnight"',
        ),
        (
            '[servers.gpu1]\nroot = "~/x/.."\n',
            '2: root = "~/x/..": overnight needs a folder of its own; '
            'write one such as "~/overnight"',
        ),
        ('[servers.gpu1]\nkind = "pbs"\n', '2: kind = "pbs": write "ssh", "local" or "slurm"'),
        (
            '[servers.local]\nkind = "ssh"\n',
            '2: the server "local" is always this machine; give the other server another name',
        ),
        (
            '[servers.local]\nhost = "gpu1"\n',
            "2: host: a local server is this machine; leave host out",
        ),
        ('[servers.g]\npython = "-c"\n', '2: python = "-c": write a program, such as "python3"'),
        (
            '[servers.g]\ngpus = [0,\n "1"]\n',
            '3: "1" in gpus: write an index such as 0 or a UUID such as "GPU-8f2d…"',
        ),
        ("[servers.g]\ngpus = []\n", "2: gpus = []: no GPU at all; name some or leave gpus out"),
        (
            "[servers.g]\nexclude = [0, true]\n",
            '2: true in exclude: write an index such as 0 or a UUID such as "GPU-8f2d…"',
        ),
        ('[servers.g]\nquiet = "9-18"\n', f'2: quiet = "9-18": {HOURS_HINT}'),
        ('[servers.g]\nquiet = "09:00-09:00"\n', f'2: quiet = "09:00-09:00": {HOURS_HINT}'),
        (
            '[servers.g]\nquiet = ["22:00-06:00",\n "monday 09:00-18:00",\n 9]\n',
            f'3: "monday 09:00-18:00" in quiet: {HOURS_HINT}\novernight.toml:4: 9 in quiet: '
            f"{HOURS_HINT}",
        ),
        (
            "[servers.g]\nquiet = 9\n",
            '2: quiet = 9: expected hours or a list of hours such as "mon-fri 09:00-18:00"',
        ),
        (
            '[servers.g]\nfree_users = "bob"\n',
            '2: free_users = "bob": expected a list of users such as ["bob"]',
        ),
        (
            '[servers.g]\nfree_users = ["bob smith"]\n',
            '2: "bob smith" in free_users: write the name of a user there, such as "bob"',
        ),
        ("[servers.g]\nidle_mib = 0\n", "2: idle_mib = 0: write 1 or more"),
        (
            "[servers.g]\nidle_percent = 101\n",
            "2: idle_percent = 101: write a percentage, 1 to 100",
        ),
    ],
)
def test_mistakes_in_the_other_sections(folder: Path, text: str, message: str) -> None:
    """Sections, and keys of all sections, are checked like those of the project."""
    assert refused(folder, text).message == f"overnight.toml:{message}"


def test_all_mistakes_are_shown_in_the_order_of_lines(folder: Path) -> None:
    """One look at the message is enough to mend the whole file."""
    error = refused(
        folder,
        """\
[metrics]
goal = "up"
[project]
links = { data = "d" }
outputs = [
  "/a",
  "ok",
  "../b",
]
gpu = 1
""",
    )
    assert error.message.splitlines() == [
        'overnight.toml:1: [metrics] has no primary; add primary = "val_acc"',
        'overnight.toml:2: goal = "up": write "min" or "max"',
        'overnight.toml:4: links.data = "d": write a full path on the server, '
        'such as "/data/imagenet"',
        'overnight.toml:6: "/a" in outputs: points outside the project; '
        'write a path inside it, such as "outputs"',
        'overnight.toml:8: "../b" in outputs: points outside the project; '
        'write a path inside it, such as "outputs"',
        'overnight.toml:10: unknown key "gpu" in [project]; did you mean "gpus"?',
    ]


def test_long_values_are_cut_and_controls_escaped(folder: Path) -> None:
    """A message stays one short line whatever the value is."""
    error = refused(folder, f'[project]\ngpus = "\\u001b[31m{"x" * 500}"\n')
    assert error.message.startswith('overnight.toml:2: gpus = "\\x1b[31mxxx')
    assert len(error.message) < 150


# --- what is probably not meant ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "warning"),
    [
        ("", "1: nothing is set; every setting has its default (overnight init writes them)"),
        (
            '[project]\noutputs = [\n"log.txt",\n"data/out"]\nlinks = { data = "/d" }',
            '4: "data/out" in outputs lies behind a link, outside the run\'s own folder; '
            "pull will not fetch it",
        ),
        (
            '[project.variables]\nOPENAI_API_KEY = "sk-123"',
            '2: variables.OPENAI_API_KEY looks like a secret; write secrets = ["OPENAI_API_KEY"] '
            "and set it in your shell",
        ),
        (
            '[metrics]\nprimary = "acc"\ngoal = "max"\nbaseline = { f1 = 1 }',
            '4: baseline has no number for "acc", the primary metric',
        ),
        (
            '[metrics]\nprimary = "acc"\ngoal = "max"\nbaseline = { acc = 95 }\ntarget = 94.5',
            "5: target = 94.5 is no better than the baseline, 95",
        ),
        (
            '[metrics]\nprimary = "l"\ngoal = "min"\nbaseline = { l = 1 }\ntarget = 1.5',
            "5: target = 1.5 is no better than the baseline, 1",
        ),
    ],
)
def test_warnings(folder: Path, text: str, warning: str) -> None:
    """What is allowed but odd is said, and does not stop anything."""
    assert load(folder, text).warnings == (f"overnight.toml:{warning}",)
