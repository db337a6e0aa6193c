"""Modules, packages and compiled extensions that cannot be imported."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

RULES = (
    raised(
        "missing_module",
        r"^(?:\w+\.)*ModuleNotFoundError: No module named '?(?P<module>[\w.\-/]+)'?",
        "CPython",
        0.96,
    ),
    raised(
        "missing_module",
        r"^ImportError: No module named '?(?P<module>[\w.\-]+)'?",
        "Python 2, pkgutil",
        0.95,
    ),
    raised(
        "missing_module",
        r"^(?:\w+\.)*ImportError: cannot import name '(?P<name>\w+)' from"
        r" '(?P<module>[\w.]+)'",
        "CPython: another version than the code was written for",
        0.9,
    ),
    raised("code", r"partially initialized module|circular import", "CPython", 0.92),
    raised(
        "missing_module",
        r"^(?:\w+\.)*ImportError: (?P<module>\S+\.so\S*): (?:undefined symbol|cannot"
        r" open shared object"
        r"|cannot enable|invalid ELF|file too short|failed to map)|version `(?:GLIBC"
        r"|GLIBCXX|CXXABI)\S*' not found",
        "the dynamic loader",
        0.93,
    ),
    raised(
        "missing_module",
        r"No module named '?(?P<module>[\w.\-/]+)",
        "CPython, quoted by others",
        0.9,
    ),
    raised(
        "missing_module",
        r"lib\S+\.so\S*: cannot open shared object file",
        "the dynamic loader",
        0.95,
    ),
    raised(
        "missing_module",
        r"Failed to import [\w.]+ because of the following error[^\n]*\n?[^\n]*(?:No"
        r" module named|cannot import|undefined symbol)",
        "transformers/utils/import_utils.py",
        0.95,
    ),
    raised(
        "missing_module",
        r"operator \w+::\w+ does not exist|Couldn't load custom C\+\+ ops|has no"
        r" attribute '_C'",
        "torchvision beside another torch",
        0.9,
    ),
    raised(
        "missing_module",
        r"compiled (?:using|with|for|against) (?:NumPy|a different|another|torch"
        r"|PyTorch|CUDA|Python)|numpy\.(?:dtype|ufunc) size changed|binary incompatib"
        r"|was built (?:with|for)[^\n]{0,40}but|DLL load failed|module compiled"
        r" against (?:ABI|API)",
        "compiled extensions of another version",
        0.88,
    ),
    raised("missing_module", r"undefined symbol: ", "the dynamic loader", 0.9),
    raised(
        "missing_module",
        r"(?:is|are|to be) not (?:been )?installed|not installed\b|(?:please|Please"
        r"|try|to) (?:run )?"
        r"[`'\"]?(?:pip|pip3|conda|uv|mamba)(?: pip)? install|requires the"
        r" `?(?P<module>[\w\-]+)`? (?:library|package)"
        r"|need to have (?P<library>[\w\-]+) (?:library )?installed|but it was not"
        r" found in your environment",
        "transformers/utils/import_utils.py, trl, datasets, pandas",
        0.82,
    ),
    raised(
        "missing_module",
        r"^(?:\w+\.)*(?:PackageNotFoundError|DistributionNotFound|VersionConflict"
        r"|ContextualVersionConflict)",
        "importlib.metadata, pkg_resources",
        0.92,
    ),
    raised("missing_module", r"^(?:\w+\.)*ImportError\b", "CPython", 0.8),
    raised(
        "missing_module",
        r"(?:is required for a normal functioning of this module, but found|requires"
        r" \w+[<>=]=)",
        "transformers/utils/versions.py",
        0.88,
    ),
    printed(
        "missing_module",
        "No module named",
        r"(?:python\S*: )No module named '?(?P<module>[\w.]+)"
        r"|(?:ModuleNotFoundError|ImportError)\W{1,4}No module named"
        r" '?(?P<library>[\w.]+)",
        "CPython -m",
        0.9,
    ),
    printed(
        "missing_module",
        "error while loading shared libraries",
        r"shared libraries: (?P<module>\S+):",
        "the dynamic loader",
        0.93,
        fatal=True,
    ),
    printed("missing_module", "ResolutionImpossible", "", "pip", 0.85),
    printed("missing_module", "No matching distribution found", r"for (?P<module>\S+)", "pip", 0.9),
)
