"""Running a command inside of the environment that the project names.

The environment is activated by bash, in a shell that is neither a login shell nor interactive, so
nothing depends on the user's start-up files. Each step is checked and the result is verified: the
command runs in the environment that was asked for, or not at all (exit code 78, `overnight: …`).

Sources: `conda shell.bash hook` (conda), `mamba shell hook` (mamba >= 2, micromamba), `uv sync`
with UV_PROJECT_ENVIRONMENT (uv), `module` (Environment Modules 3 to 5, Lmod).

In the scripts every name of ours starts with `overnight_`, because a variable that bash has
inherited would travel on into the command with our value, and because what we source may use
any other name.
"""

from __future__ import annotations

import os
import shlex
import sys
from typing import Any, Mapping, Sequence

EXIT_CODE = 78
MARK = "overnight: "
CONDA_FOLDERS = (
    *("$HOME/" + name for name in ("miniconda3", "anaconda3", "miniforge3", "mambaforge")),
    "$HOME/micromamba",
    *("/opt/" + name for name in ("conda", "miniconda3", "anaconda3", "miniforge3")),
)
MODULE_SCRIPTS = (
    "$MODULESHOME/init/bash",
    "/etc/profile.d/modules.sh",
    "/etc/profile.d/lmod.sh",
    "/etc/profile.d/z00_lmod.sh",
    "/usr/share/modules/init/bash",
    "/usr/share/lmod/lmod/init/bash",
    "/etc/profile",
)


def wrap(
    environment: Mapping[str, Any], argv: Sequence[str], work: str, project_dir: str
) -> list[str]:
    """The command line that runs `argv`, byte for byte, in the environment.

    It is to be started in the folder `work`. `environment` is the spec's: kind, name, modules, exe.
    """
    if environment.get("kind", "none") == "none":
        return list(argv)
    script = "\n".join([KEEP_ARGV, prelude(environment, work, project_dir), RUN])
    # bash would read ~/.bashrc where it believes to be started by sshd, hence --norc.
    return ["/bin/bash", "--norc", "-c", script, "overnight", *argv]


# The scripts that we source see no arguments: some would read the command's as their own.
KEEP_ARGV = 'overnight_argv=("$@"); set --'
RUN = 'exec -- "${overnight_argv[@]}"'


def prelude(environment: Mapping[str, Any], work: str, project_dir: str) -> str:
    """Bash that activates the environment or ends the shell. ValueError for an unknown kind."""
    kind = environment["kind"]
    name = environment.get("name") or ""
    exe = environment.get("exe") or ""
    if kind in START:
        return conda_like(kind, name, exe)
    if kind == "venv":
        return venv(name or ".venv", work)
    if kind == "uv":
        return uv(exe, work, project_dir)
    if kind == "module":
        return modules(environment.get("modules") or [])
    raise ValueError(f"unknown kind of environment: {kind!r}")


FAIL = rf"""
overnight_fail() {{
    overnight_line="$1; type: $2"
    printf '{MARK}%s\n' "${{overnight_line//$'\n'/ }}" >&2
    exit {EXIT_CODE}
}}
overnight_need_python() {{
    [ "$(type -P python)" = "$1/bin/python" ] ||
        overnight_fail "python is $(type -P python), not the one of $1" 'echo $PATH'
}}"""


def assembled(*parts: str, **values: str) -> str:
    """The parts as one script, in which each of `values` is the variable `overnight_NAME`."""
    set_up = [f"overnight_{name}={shlex.quote(value)}" for name, value in values.items()]
    return "\n".join([FAIL, *set_up, *parts])


def expand(path: str) -> str:
    """`~` stands for the server's HOME, as people write it in overnight.toml."""
    return os.path.expanduser(path) if path.startswith("~") else path


# -- programs ---------------------------------------------------------------------------------

# Uses overnight_exe (the path from overnight.toml, or empty), _tool and _hint; sets _found.
FIND = r"""
overnight_find() {
    if [ -n "$overnight_exe" ]; then
        overnight_found=$(type -P -- "$overnight_exe") ||
            overnight_fail "$overnight_exe is not a program on this server" "$overnight_hint"
        return
    fi
    overnight_found=$(type -P -- "$overnight_tool") && return
    for overnight_found in "$@"; do
        [ -f "$overnight_found" ] && [ -x "$overnight_found" ] && return
    done
    overnight_fail "$overnight_tool is neither in PATH nor in its usual folders" "$overnight_hint"
}"""


def find(candidates: Sequence[str]) -> str:
    """Looks in PATH, then at the candidates, in which the shell expands `$…`."""
    return FIND + "\novernight_find " + " ".join(f'"{each}"' for each in candidates)


# -- conda, mamba, micromamba -----------------------------------------------------------------

HOOKS = r"""
overnight_conda_hook() {
    overnight_hook=$("$1" shell.bash hook) || overnight_fail "$1 shell.bash hook failed" "$1 info"
    eval "$overnight_hook"
    overnight_activator=conda
}
overnight_mamba_hook() {
    overnight_hook=$("$1" shell hook --shell bash) ||
        overnight_fail "$1 shell hook failed" "$1 info"
    eval "$overnight_hook"
    overnight_activator=$2
}"""

START_CONDA = 'overnight_conda_hook "$overnight_found"'

# mamba 1 uses the hook of the conda beside it. The first mambas 2 did not find the root prefix
# that they are installed in.
START_MAMBA = r"""
overnight_version=$("$overnight_found" --version) ||
    overnight_fail "$overnight_found --version failed" "$overnight_hint"
overnight_version=${overnight_version%%$'\n'*}
overnight_root=${overnight_found%/*/*}
case ${overnight_version##* } in
    0.*|1.*) overnight_conda_hook "${overnight_found%/*}/conda" ;;
    *)
        if [ -z "$MAMBA_ROOT_PREFIX" ] && [ -d "$overnight_root/conda-meta" ]; then
            export MAMBA_ROOT_PREFIX="$overnight_root"
        fi
        overnight_mamba_hook "$overnight_found" mamba
        ;;
esac"""

START_MICROMAMBA = r"""
for overnight_root in "$HOME/micromamba" "$HOME/.local/share/mamba"; do
    [ -z "$MAMBA_ROOT_PREFIX" ] && [ -d "$overnight_root/envs" ] &&
        export MAMBA_ROOT_PREFIX="$overnight_root"
done
overnight_mamba_hook "$overnight_found" micromamba"""

START = {"conda": START_CONDA, "mamba": START_MAMBA, "micromamba": START_MICROMAMBA}

ACTIVATE = r"""
[ "$(type -t "$overnight_activator")" = function ] ||
    overnight_fail "$overnight_found did not define $overnight_activator" "$overnight_hint"
"$overnight_activator" activate "$overnight_name" ||
    overnight_fail "cannot activate the $overnight_tool environment $overnight_name" \
        "$overnight_found env list"
overnight_is_active() {
    [ -d "$CONDA_PREFIX" ] || return
    case $overnight_name in
        */*) [ "$CONDA_PREFIX" -ef "$overnight_name" ] ;;
        *) [ "$CONDA_DEFAULT_ENV" = "$overnight_name" ] ||
            [ "${CONDA_PREFIX##*/}" = "$overnight_name" ] ;;
    esac
}
overnight_is_active ||
    overnight_fail "the $overnight_tool environment is ${CONDA_PREFIX:-none}, not $overnight_name" \
        "$overnight_found env list"
[ ! -e "$CONDA_PREFIX/bin/python" ] || overnight_need_python "$CONDA_PREFIX" """

EXTRA = {
    "conda": ("$CONDA_EXE",),
    "mamba": ("${MAMBA_EXE%/*}/mamba", "${CONDA_EXE%/*}/mamba"),
    "micromamba": (
        "${MAMBA_EXE%/*}/micromamba",
        "$HOME/.local/bin/micromamba",
        "$HOME/bin/micromamba",
    ),
}


def conda_like(kind: str, name: str, exe: str) -> str:
    candidates = [*EXTRA[kind], *(f"{folder}/bin/{kind}" for folder in CONDA_FOLDERS)]
    return assembled(
        find(candidates),
        HOOKS,
        START[kind],
        ACTIVATE,
        tool=kind,
        exe=expand(exe),
        name=expand(name) or "base",
        hint=f'env = {{ {kind} = "{name}", exe = "/path/to/{kind}" }} in overnight.toml',
    )


# -- venv -------------------------------------------------------------------------------------

VENV = r"""
case $overnight_name in
    /*) overnight_folder=$overnight_name ;;
    *)
        overnight_folder=$overnight_work/$overnight_name
        [ -d "$overnight_folder" ] || overnight_folder=$HOME/$overnight_name
        ;;
esac
overnight_again="python3 -m venv $overnight_folder"
[ -f "$overnight_folder/bin/activate" ] ||
    overnight_fail "there is no venv at $overnight_name (looked in the project and in $HOME)" \
        "python3 -m venv $overnight_folder"
. "$overnight_folder/bin/activate" ||
    overnight_fail "$overnight_folder/bin/activate failed" "$overnight_again"
[ "$VIRTUAL_ENV" -ef "$overnight_folder" ] ||
    overnight_fail "the venv at $overnight_folder was made as ${VIRTUAL_ENV:-something else}" \
        "$overnight_again"
[ -x "$VIRTUAL_ENV/bin/python" ] ||
    overnight_fail "the python of the venv $overnight_folder is gone, or $(id -un) may not run it: \
it leads to $(readlink "$VIRTUAL_ENV/bin/python")" "ls -lL $VIRTUAL_ENV/bin/python"
overnight_need_python "$VIRTUAL_ENV" """


def venv(name: str, work: str) -> str:
    """A relative `name` is looked for in the work copy, then in the server's HOME."""
    return assembled(VENV, name=expand(name), work=work)


# -- uv ---------------------------------------------------------------------------------------

# Locks the shell's descriptor 9; where the file system has no flock, builds may overlap.
LOCK_9 = """
import contextlib, fcntl
with contextlib.suppress(OSError):
    fcntl.flock(9, fcntl.LOCK_EX)
"""

# The name of an environment: a digest of all that decides what is in it.
KEY = """
import hashlib, os, sys
digest = hashlib.sha256()
for name in ("pyproject.toml", "uv.lock", ".python-version"):
    path = os.path.join(sys.argv[1], name)
    if os.path.exists(path):
        with open(path, "rb") as file:
            content = file.read()
        digest.update(b"%s %d\\n%s" % (name.encode(), len(content), content))
print(digest.hexdigest()[:16])
"""

# A project that installs itself or its neighbours (editable, directory) gets an environment of its
# own, because what is installed points into this work copy; others share one for each lock file.
# The mark overnight-ready is written last: a build that was cut short is taken up again.
UV = r"""
for overnight_name in pyproject.toml uv.lock; do
    [ -f "$overnight_work/$overnight_name" ] ||
        overnight_fail "the project has no $overnight_name" "uv lock"
done
overnight_key=$("$overnight_python" -I -c "$overnight_key_program" "$overnight_work") ||
    overnight_fail "cannot read the lock file" "ls -l $overnight_work/uv.lock"
overnight_envs=$overnight_project/uv
overnight_folder=$overnight_envs/$overnight_key
if grep -Eq '^source = \{ (editable|directory) = ' "$overnight_work/uv.lock"; then
    overnight_folder=$overnight_work/.venv
fi
overnight_is_ready() {
    [ -f "$overnight_folder/overnight-ready" ] &&
        [ "$(cat "$overnight_folder/overnight-ready")" = "$overnight_key" ]
}
overnight_build() {
    "$overnight_python" -I -c "$overnight_lock_program"
    overnight_is_ready && return
    cd -- "$overnight_work" > /dev/null && "$overnight_found" sync --frozen --quiet &&
        printf '%s\n' "$overnight_key" > "$overnight_folder/overnight-ready"
}
export UV_PROJECT_ENVIRONMENT="$overnight_folder"
if ! overnight_is_ready; then
    mkdir -p "$overnight_envs" ||
        overnight_fail "cannot write to $overnight_envs" "df -h $overnight_project"
    (overnight_build) 9>> "$overnight_envs/$overnight_key.lock" ||
        overnight_fail "uv cannot build the environment" \
            "cd $overnight_work && $overnight_found sync --frozen"
fi
export UV_NO_SYNC=1 VIRTUAL_ENV="$overnight_folder" PATH="$overnight_folder/bin:$PATH"
unset PYTHONHOME
[ -x "$overnight_folder/bin/python" ] ||
    overnight_fail "the python of $overnight_folder is gone" "rm $overnight_folder/overnight-ready"
"""


def find_uv(exe: str) -> str:
    return assembled(
        find(["$HOME/.local/bin/uv", "$HOME/.cargo/bin/uv"]),
        tool="uv",
        exe=expand(exe),
        hint="curl -LsSf https://astral.sh/uv/install.sh | sh",
    )


def uv(exe: str, work: str, project_dir: str) -> str:
    """The environment of the lock file, built once; `uv run` then uses it without changing it."""
    return find_uv(exe) + assembled(
        UV,
        work=work,
        project=project_dir,
        python=sys.executable,
        key_program=KEY,
        lock_program=LOCK_9,
    )


# -- module -----------------------------------------------------------------------------------

# Old versions of `module` return 0 whatever happened, so LOADEDMODULES decides. An alias such as
# cuda/default does not stand there: then Lmod's status is believed, and `is-loaded` where it
# denies a module that cannot exist.
MODULES = r"""
overnight_has_module() { [ "$(type -t module)" = function ]; }
overnight_load() {
    module load "$1"
    overnight_status=$?
    case ":$LOADEDMODULES:" in *":$1:"*|*":$1/"*) return 0 ;; esac
    [ "$overnight_status" = 0 ] || return
    [ -n "$LMOD_VERSION" ] && return
    ! module is-loaded overnight/no-such-module 2> /dev/null &&
        module is-loaded "$1" 2> /dev/null
}
for overnight_init in "${overnight_inits[@]}"; do
    overnight_has_module && break
    [ -r "$overnight_init" ] && . "$overnight_init"
done
overnight_has_module || overnight_fail "this server has no module command" "ls /etc/profile.d"
for overnight_each in "${overnight_modules[@]}"; do
    overnight_load "$overnight_each" ||
        overnight_fail "the module $overnight_each cannot be loaded" "module avail $overnight_each"
done"""


def modules(names: Sequence[str]) -> str:
    inits = " ".join(f'"{each}"' for each in MODULE_SCRIPTS)
    wanted = " ".join(shlex.quote(name) for name in names)
    return assembled(f"overnight_inits=({inits})", f"overnight_modules=({wanted})", MODULES)
