from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from overnight.node import activation
from tests.unit.node import stand_ins

SYSTEM_PATH = "/usr/bin:/bin"
QUICK = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))


class Place:
    """A server's HOME, a work copy and a project folder, with a clean environment."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "ho me"
        self.work = folder / "wo'rk"
        self.project = folder / "pro ject"
        for each in (self.home, self.work, self.project):
            each.mkdir()
        self.variables = {"HOME": str(self.home), "PATH": SYSTEM_PATH}

    def run(
        self, environment: Mapping[str, Any], argv: Sequence[str | bytes]
    ) -> subprocess.CompletedProcess[bytes]:
        words = [os.fsdecode(word) for word in argv]
        return subprocess.run(
            activation.wrap(environment, words, str(self.work), str(self.project)),
            cwd=self.work,
            env=self.variables,
            capture_output=True,
            timeout=60,
        )

    def output(self, environment: Mapping[str, Any], argv: Sequence[str]) -> str:
        done = self.run(environment, argv)
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode()

    def refusal(self, environment: Mapping[str, Any]) -> str:
        """The one line that says what is missing; the command has not run."""
        done = self.run(environment, ["touch", "ran"])
        ours = [line for line in done.stderr.decode().splitlines() if line.startswith("overnight:")]
        assert done.returncode == 78 and not (self.work / "ran").exists()
        assert len(ours) == 1 and "; type: " in ours[0]
        return ours[0]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place whose work copy holds a real venv."""
    place = Place(tmp_path_factory.mktemp("server"))
    venv.create(place.work / ".venv", symlinks=True)
    return place


VENV = {"kind": "venv", "name": ".venv"}


# -- what arrives -----------------------------------------------------------------------------


def test_none_leaves_the_command_alone() -> None:
    """Without an environment there is no shell at all."""
    assert activation.wrap({"kind": "none"}, ["a", "b c"], "/w", "/p") == ["a", "b c"]


def test_an_unknown_kind_is_an_error() -> None:
    """A spec from a newer laptop is refused, not run in some other environment."""
    with pytest.raises(ValueError, match="apptainer"):
        activation.wrap({"kind": "apptainer"}, ["a"], "/w", "/p")


WORDS = st.binary(max_size=20).filter(lambda word: b"\0" not in word)


@given(argv=st.lists(WORDS, min_size=1))
@QUICK
def test_argv_arrives_byte_for_byte(made: Place, argv: list[bytes]) -> None:
    """Newlines, quotes, dashes, empty words and bytes of no encoding reach the command as given."""
    done = made.run(VENV, ["/usr/bin/printf", r"%s\0", *argv])
    assert done.stdout == b"".join(word + b"\0" for word in argv)


@pytest.mark.parametrize("word", ["-x\n", "a b", "$(id)", "ex'it", "--", "exec", "é\udcff"])
def test_the_command_itself_may_have_any_name(place: Place, word: str) -> None:
    """The first word is a program, never an option or a word of the shell."""
    stand_ins.environment(place.home / "env")
    stand_ins.program(place.home / "env" / "bin" / "activate", f'VIRTUAL_ENV="{place.home}/env"\n')
    (place.home / "bin").mkdir()
    (place.home / "bin" / word).symlink_to("/usr/bin/printenv")
    place.variables["PATH"] = f"{place.home}/env/bin:{place.home}/bin:{SYSTEM_PATH}"
    assert place.output({"kind": "venv", "name": "env"}, [word, "HOME"]) == f"{place.home}\n"


@given(
    values=st.dictionaries(
        st.sampled_from(["name", "found", "work", "version", "A", "i", "hook", "argv"]), WORDS
    )
)
@QUICK
def test_variables_arrive_byte_for_byte(made: Place, values: dict[str, bytes]) -> None:
    """No variable of the user's is changed by the shell text around the command."""
    done = subprocess.run(
        activation.wrap(VENV, ["env", "-0"], str(made.work), str(made.project)),
        cwd=made.work,
        env={**made.variables, **{name: os.fsdecode(value) for name, value in values.items()}},
        capture_output=True,
    )
    arrived = dict(line.split(b"=", 1) for line in done.stdout.split(b"\0") if line)
    assert {name: arrived.get(name.encode()) for name in values} == values


def test_start_up_files_are_not_read(made: Place) -> None:
    """A .bashrc that exits harms nothing, even where bash believes to be started by sshd."""
    (made.home / ".bashrc").write_text("echo talk; exit 3\n")
    (made.home / ".bash_profile").write_text("echo talk; exit 3\n")
    made.variables.update(SSH_CLIENT="10.0.0.1 1 22", SSH2_CLIENT="10.0.0.1 1 22")
    assert made.output(VENV, ["echo", "ran"]) == "ran\n"


def test_activation_scripts_do_not_see_the_command(place: Place) -> None:
    """A script that reads or sets its arguments leaves ours alone."""
    venv.create(place.work / "env", symlinks=True)
    with open(place.work / "env" / "bin" / "activate", "a") as file:
        file.write('\n[ "$#" = 0 ] || exit 9\nset -- changed\n')
    assert place.output({"kind": "venv", "name": "env"}, ["echo", "a", "b"]) == "a b\n"


def test_the_exit_code_and_the_signal_are_the_commands(made: Place) -> None:
    """The shell is replaced by the command."""
    assert made.run(VENV, ["sh", "-c", "exit 7"]).returncode == 7
    assert made.run(VENV, ["sh", "-c", "kill -9 $$"]).returncode == -9


# -- venv -------------------------------------------------------------------------------------


def test_a_venv_is_found_in_the_project(made: Place) -> None:
    """`python` is the environment's own, and VIRTUAL_ENV says so."""
    show = "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'], sep='\\n')"
    folder = f"{made.work}/.venv"
    assert made.output(VENV, ["python", "-c", show]) == f"{folder}\n{folder}\n"


@pytest.mark.parametrize("form", ["env s/clip", "~/env s/clip", "{home}/env s/clip"])
def test_a_venv_is_found_in_the_home_folder(
    place: Place, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """A path relative to HOME, one with a tilde and an absolute one mean the same."""
    monkeypatch.setenv("HOME", str(place.home))
    venv.create(place.home / "env s" / "clip", symlinks=True)
    wanted = {"kind": "venv", "name": form.format(home=place.home)}
    out = place.output(wanted, ["sh", "-c", "command -v python"])
    assert out == f"{place.home}/env s/clip/bin/python\n"


def test_a_venv_that_is_missing_moved_or_broken_is_refused(place: Place) -> None:
    """Each fault has its own line, and the line says how to make the environment."""
    assert "there is no venv at .venv" in place.refusal(VENV)
    made = place.work / "made"
    venv.create(made, symlinks=True)
    made.rename(place.work / ".venv")
    assert "was made as" in place.refusal(VENV)
    venv.create(made, symlinks=True)
    (made / "bin" / "python").unlink()
    assert "the python of the venv" in place.refusal({"kind": "venv", "name": "made"})


# -- conda, mamba, micromamba: stand-ins of the documented shape ------------------------------


@pytest.mark.parametrize("folder", ["miniconda3", "anaconda3", "miniforge3", "mambaforge"])
def test_conda_is_found_in_the_usual_folders(place: Place, folder: str) -> None:
    """(stand-in) A non-interactive shell has no conda in PATH; it is found all the same."""
    root = stand_ins.installation(place.home / folder, conda=stand_ins.CONDA)
    assert place.output({"kind": "conda", "name": "clip"}, ["python"]) == f"{root}/envs/clip\n"
    assert place.output({"kind": "conda", "name": "base"}, ["python"]) == f"{root}\n"


def test_conda_is_found_through_setting_path_and_variable(place: Place, tmp_path: Path) -> None:
    """(stand-in) `exe` of overnight.toml, PATH and CONDA_EXE all lead to it."""
    root = stand_ins.installation(tmp_path / "o'dd place", conda=stand_ins.CONDA)
    wanted = {"kind": "conda", "name": "clip"}
    exe = f"{root}/bin/conda"
    assert place.output({**wanted, "exe": exe}, ["python"]) == f"{root}/envs/clip\n"
    clean = place.variables
    place.variables = {**clean, "CONDA_EXE": exe}
    assert place.output(wanted, ["python"]) == f"{root}/envs/clip\n"
    place.variables = {**clean, "PATH": f"{root}/bin:{SYSTEM_PATH}"}
    assert place.output(wanted, ["python"]) == f"{root}/envs/clip\n"


def test_a_conda_environment_may_be_named_by_its_folder(place: Place, tmp_path: Path) -> None:
    """(stand-in) As `conda activate` allows."""
    stand_ins.installation(place.home / "miniconda3", conda=stand_ins.CONDA)
    prefix = stand_ins.environment(tmp_path / "elsewhere" / "my env")
    assert place.output({"kind": "conda", "name": str(prefix)}, ["python"]) == f"{prefix}\n"


def test_conda_refusals(place: Place) -> None:
    """(stand-in) No conda, a wrong `exe`, an unknown environment: one line each, nothing runs."""
    wanted = {"kind": "conda", "name": "clip"}
    assert "conda is neither in PATH nor in its usual folders" in place.refusal(wanted)
    assert "/no/conda is not a program" in place.refusal({**wanted, "exe": "/no/conda"})
    stand_ins.installation(place.home / "miniconda3", conda=stand_ins.CONDA)
    line = place.refusal({"kind": "conda", "name": "no\nsuch"})
    assert "cannot activate the conda environment no such" in line and "env list" in line


def test_a_conda_that_activates_something_else_is_refused(place: Place) -> None:
    """(stand-in) The result is verified, not only the status."""
    silent = "echo \"conda() { export CONDA_PREFIX='$HOME' CONDA_DEFAULT_ENV=base; }\""
    exe = stand_ins.program(place.home / "conda", f"#!/bin/sh\n{silent}\n")
    wanted = {"kind": "conda", "name": "clip", "exe": str(exe)}
    assert f"is {place.home}, not clip" in place.refusal(wanted)
    stand_ins.program(exe, "#!/bin/sh\necho :\n")
    assert "did not define conda" in place.refusal(wanted)
    stand_ins.program(exe, "#!/bin/sh\nexit 1\n")
    assert "hook failed" in place.refusal(wanted)


def test_another_python_before_the_environment_is_refused(place: Place) -> None:
    """(stand-in) An environment that is active but whose python is hidden is the wrong one."""
    late = stand_ins.CONDA.replace("$prefix/bin:$PATH", "$PATH:$prefix/bin")
    stand_ins.installation(place.home / "miniconda3", conda=late)
    stand_ins.program(place.home / "bin" / "python", "#!/bin/sh\n")
    place.variables["PATH"] = f"{place.home}/bin:{SYSTEM_PATH}"
    assert "not the one of" in place.refusal({"kind": "conda", "name": "clip"})


def test_mamba_2_uses_its_own_hook_and_the_root_it_lies_in(place: Place) -> None:
    """(stand-in) Without MAMBA_ROOT_PREFIX the installation around the program is the root."""
    root = stand_ins.installation(place.home / "miniforge3", mamba=stand_ins.MAMBA)
    assert place.output({"kind": "mamba", "name": "clip"}, ["python"]) == f"{root}/envs/clip\n"


def test_mamba_1_uses_the_hook_of_the_conda_beside_it(place: Place) -> None:
    """(stand-in) `mamba shell hook` does not exist there."""
    programs = {"mamba": stand_ins.MAMBA_1, "conda": stand_ins.CONDA}
    root = stand_ins.installation(place.home / "mambaforge", **programs)
    assert place.output({"kind": "mamba", "name": "clip"}, ["python"]) == f"{root}/envs/clip\n"


@pytest.mark.parametrize("root_folder", ["micromamba", ".local/share/mamba", "else where"])
def test_micromamba_finds_its_root(place: Place, root_folder: str) -> None:
    """(stand-in) Either default root, or the one that MAMBA_ROOT_PREFIX names."""
    stand_ins.program(place.home / ".local" / "bin" / "micromamba", stand_ins.MAMBA)
    root = stand_ins.installation(place.home / root_folder)
    if root_folder == "else where":
        place.variables["MAMBA_ROOT_PREFIX"] = str(root)
    wanted = {"kind": "micromamba", "name": "clip"}
    assert place.output(wanted, ["python"]) == f"{root}/envs/clip\n"
    assert "cannot activate" in place.refusal({"kind": "micromamba", "name": "other"})


# -- uv ---------------------------------------------------------------------------------------

UV = {"kind": "uv", "name": ""}
PYPROJECT = '[project]\nname = "thing"\nversion = "1"\nrequires-python = ">=3.8"\n'
BUILD_SYSTEM = '[build-system]\nrequires = ["uv_build<1"]\nbuild-backend = "uv_build"\n'
LOCK = 'version = 1\nrequires-python = ">=3.8"\n\n[[package]]\nname = "thing"\nversion = "1"\n'


@pytest.fixture
def uv_place(place: Place) -> Place:
    """A project without dependencies, so that building its environment needs no network."""
    exe = shutil.which("uv") or shutil.which("uv", path=os.path.dirname(sys.executable))
    if exe is None:
        pytest.skip("uv is not installed (pip install uv)")
    (place.home / ".local" / "bin").mkdir(parents=True)
    (place.home / ".local" / "bin" / "uv").symlink_to(exe)
    place.variables.update(UV_OFFLINE="1", UV_PYTHON=sys.executable, UV_PYTHON_DOWNLOADS="never")
    (place.work / "pyproject.toml").write_text(PYPROJECT)
    (place.work / "uv.lock").write_text(LOCK + 'source = { virtual = "." }\n')
    return place


def built(place: Place) -> list[Path]:
    return sorted(path for path in (place.project / "uv").iterdir() if path.is_dir())


def test_uv_builds_one_environment_for_each_lock_file(uv_place: Place) -> None:
    """The second run uses it as it is; another lock file gets another one."""
    show = ["python", "-c", "import os, sys; print(sys.prefix, os.environ['VIRTUAL_ENV'])"]
    out = uv_place.output(UV, show)
    (folder,) = built(uv_place)
    assert out == f"{folder} {folder}\n"
    at = folder.stat().st_mtime_ns
    assert (uv_place.output(UV, show), folder.stat().st_mtime_ns) == (out, at)
    with open(uv_place.work / "uv.lock", "a") as file:
        file.write("\n")
    assert uv_place.output(UV, show) != out and len(built(uv_place)) == 2


def test_an_environment_that_was_half_built_is_finished(uv_place: Place) -> None:
    """Only the mark that is written last counts."""
    uv_place.output(UV, ["true"])
    (folder,) = built(uv_place)
    (folder / "overnight-ready").unlink()
    (folder / "bin" / "python").unlink()
    assert uv_place.output(UV, ["python", "-c", "print('ran')"]) == "ran\n"
    assert (folder / "overnight-ready").exists()


def test_two_runs_do_not_build_at_once(uv_place: Place) -> None:
    """The second waits for the first and finds the environment ready: uv runs once."""
    real = (uv_place.home / ".local" / "bin" / "uv").resolve()
    count = uv_place.home / "count"
    counting = stand_ins.program(
        uv_place.home / "uv", f'#!/bin/sh\necho x >> "{count}"\nexec "{real}" "$@"\n'
    )
    wanted = {**UV, "exe": str(counting)}
    command = activation.wrap(wanted, ["true"], str(uv_place.work), str(uv_place.project))
    both = [subprocess.Popen(command, cwd=uv_place.work, env=uv_place.variables) for _ in "ab"]
    assert [process.wait(timeout=60) for process in both] == [0, 0]
    assert count.read_text() == "x\n"


def test_a_project_that_installs_itself_gets_its_own_environment(uv_place: Place) -> None:
    """Law 4: an editable install points into this work copy and is not shared with other runs."""
    (uv_place.work / "pyproject.toml").write_text(PYPROJECT + BUILD_SYSTEM)
    (uv_place.work / "uv.lock").write_text(LOCK + 'source = { editable = "." }\n')
    (uv_place.work / "src" / "thing").mkdir(parents=True)
    (uv_place.work / "src" / "thing" / "__init__.py").write_text("")
    show = "import sys, thing; print(sys.prefix, thing.__file__, sep='\\n')"
    prefix, file, _ = uv_place.output(UV, ["python", "-c", show]).split("\n")
    assert prefix == f"{uv_place.work}/.venv"
    assert file == f"{uv_place.work}/src/thing/__init__.py"
    assert built(uv_place) == []


def test_uv_run_uses_the_environment_without_changing_it(uv_place: Place) -> None:
    """A command that itself begins with `uv run` meets the same environment."""
    uv = str(uv_place.home / ".local" / "bin" / "uv")
    done = uv_place.run(UV, [uv, "run", "python", "-c", "import sys; print(sys.prefix)"])
    assert done.stdout.decode() == f"{built(uv_place)[0]}\n"
    assert uv_place.output(UV, ["printenv", "UV_NO_SYNC"]) == "1\n"


def test_uv_refusals(uv_place: Place) -> None:
    """No uv, no lock file, a lock file that cannot be read: one line each."""
    assert "/no/uv is not a program" in uv_place.refusal({**UV, "exe": "/no/uv"})
    (uv_place.work / "uv.lock").write_text("version = 1\nnot toml\n")
    assert "uv cannot build the environment" in uv_place.refusal(UV)
    (uv_place.work / "uv.lock").unlink()
    assert "the project has no uv.lock; type: uv lock" in uv_place.refusal(UV)
    (uv_place.home / ".local" / "bin" / "uv").unlink()
    assert "uv is neither in PATH" in uv_place.refusal(UV)


# -- module -----------------------------------------------------------------------------------


def module(*names: str) -> dict[str, Any]:
    return {"kind": "module", "modules": list(names)}


@pytest.fixture
def modules(place: Place) -> Place:
    """Module files of our own for the real `module` of this machine."""
    if not any(os.path.exists(path) for path in activation.MODULE_SCRIPTS[1:-1]):
        pytest.skip("there is no module command here (apt-get install environment-modules)")
    for name, text in {
        "cuda/11.8": "setenv CUDA_HOME /cuda-11.8",
        "cuda/12.1": "setenv CUDA_HOME /cuda-12.1",
        "cuda/.modulerc": "module-version cuda/12.1 new",
        "broken": "no-such-command",
        "needy": "prereq cuda/9",
    }.items():
        path = place.home / "modulefiles" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#%Module1.0\n{text}\n")
    place.variables["MODULEPATH"] = str(place.home / "modulefiles")
    return place


@pytest.mark.parametrize(
    ("name", "home"),
    [("cuda/11.8", "/cuda-11.8"), ("cuda", "/cuda-12.1"), ("cuda/new", "/cuda-12.1")],
)
def test_modules_are_loaded(modules: Place, name: str, home: str) -> None:
    """A version, no version and an alias for one all load the module that they mean."""
    assert modules.output(module(name), ["printenv", "CUDA_HOME"]) == f"{home}\n"


@pytest.mark.parametrize("name", ["nosuch", "cuda/13", "broken", "needy", "a b; touch ran"])
def test_a_module_that_cannot_be_loaded_is_refused(modules: Place, name: str) -> None:
    """Missing, broken, or asking for another one first: nothing runs."""
    assert f"the module {name} cannot be loaded" in modules.refusal(module("cuda/11.8", name))


def test_an_old_module_command_that_returns_0_is_not_believed(place: Place) -> None:
    """(stand-in) Environment Modules 3 returns 0 whatever happened; LOADEDMODULES decides."""
    load = '[ "$1 $2" = "load good" ] && export LOADEDMODULES=good/1.0; return 0'
    stand_ins.program(place.home / "modules" / "init" / "bash", f"module() {{ {load}; }}\n")
    place.variables["MODULESHOME"] = str(place.home / "modules")
    assert place.output(module("good"), ["printenv", "LOADEDMODULES"]) == "good/1.0\n"
    assert "the module bad cannot be loaded" in place.refusal(module("good", "bad"))
