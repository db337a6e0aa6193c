"""Stand-ins for conda, mamba and micromamba, which cannot be installed where the tests run.

They have the documented shape and nothing else: a hook, printed for `eval`, that defines a shell
function of the program's name, and an `activate` that prints assignments. They were written from
the documentation; no real conda has been seen by these tests.
"""

from __future__ import annotations

from pathlib import Path

# What all of them print for `activate NAME`: the environment's folder and its bin in PATH.
ACTIVATE = r"""
activate() {
    case $1 in */*) prefix=$1 ;; base) prefix=$root ;; *) prefix=$root/envs/$1 ;; esac
    [ -d "$prefix/conda-meta" ] || { echo "EnvironmentNameNotFound: $1" >&2; exit 1; }
    printf 'export CONDA_PREFIX=%q CONDA_DEFAULT_ENV=%q ' "$prefix" "$1"
    printf 'PATH=%q\n' "$prefix/bin:$PATH"
}
"""

CONDA = (
    "#!/bin/bash\n"
    + ACTIVATE
    + r"""
root=$(cd "$(dirname "$0")/.." && pwd)
case "$1 $2" in
    "shell.bash hook") printf 'export CONDA_EXE=%q\n' "$0"; cat <<'HOOK'
conda() {
    local answer
    case $1 in
        activate) answer=$("$CONDA_EXE" shell.posix "$@") || return; eval "$answer" ;;
        *) "$CONDA_EXE" "$@" ;;
    esac
}
HOOK
    ;;
    "shell.posix activate") activate "$3" ;;
    *) exit 2 ;;
esac
"""
)

# mamba >= 2 and micromamba: the root is MAMBA_ROOT_PREFIX, the function has the program's name.
MAMBA = (
    "#!/bin/bash\n"
    + ACTIVATE
    + r"""
root=${MAMBA_ROOT_PREFIX:-/nowhere}
case "$1 $2" in
    "shell hook") printf 'export MAMBA_EXE=%q\n' "$0"; sed "s/NAME/$(basename "$0")/" <<'HOOK'
NAME() {
    local answer
    case $1 in
        activate) answer=$("$MAMBA_EXE" shell "$@" --shell bash) || return; eval "$answer" ;;
        *) "$MAMBA_EXE" "$@" ;;
    esac
}
HOOK
    ;;
    "shell activate") activate "$3" ;;
    "--version ") echo 2.1.1 ;;
    *) exit 2 ;;
esac
"""
)

MAMBA_1 = r"""#!/bin/bash
[ "$1" = --version ] && printf 'mamba 1.5.8\nconda 23.11.0\n'
"""


def program(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def environment(prefix: Path) -> Path:
    """An empty environment of conda's shape, with a `python` that says where it lies."""
    (prefix / "conda-meta").mkdir(parents=True)
    program(prefix / "bin" / "python", '#!/bin/sh\necho "${0%/bin/python}"\n')
    return prefix


def installation(root: Path, **programs: str) -> Path:
    """A root prefix that holds these programs and the environments `base` and `clip`."""
    environment(root)
    environment(root / "envs" / "clip")
    for name, text in programs.items():
        program(root / "bin" / name, text)
    return root
