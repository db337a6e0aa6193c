"""Which framework a training is built on, and the options that come with it.

Sources: the documentation of transformers (TrainingArguments), Lightning (LightningCLI, Trainer)
and Hydra.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterator, Sequence

from overnight.code import declarations, hydra, options, parsers, sources, syntax
from overnight.code.options import Option

HF = "Hugging Face Trainer"
LIGHTNING_CLI = "Lightning CLI"
LIGHTNING = "Lightning"
HYDRA = "Hydra"
KERAS = "Keras"
PLAIN = "plain Python"

_PARSERS = ("argparse", "click", "typer", "fire", "tyro", "absl", "jsonargparse")
_HF_ARGUMENTS = {
    "TrainingArguments", "Seq2SeqTrainingArguments", "SFTConfig", "DPOConfig", "GRPOConfig",
    "KTOConfig", "ORPOConfig", "RewardConfig", "PPOConfig",
}  # fmt: skip
_DATA_NAMES = ("batch_size", "train_batch_size", "bs", "num_workers", "workers")
_MODEL_NAMES = ("lr", "learning_rate")


@dataclasses.dataclass(frozen=True, kw_only=True)
class Framework:
    """`options` are all that the command line takes; `application` is there for Hydra.

    `from_arguments`: the framework's own arguments can be given on the command line. `writes` are
    folders that it makes without being told.
    """

    name: str
    place: str
    options: tuple[Option, ...] = ()
    application: hydra.Application | None = None
    from_arguments: bool = False
    uses_lightning: bool = False
    writes: tuple[str, ...] = ()


def find(
    project: sources.Project,
    script: sources.Module,
    near: list[sources.Module],
    words: Sequence[str] = (),
) -> Framework:
    """`near` are the modules of the project that `script` imports; `words` are the command's."""
    application = hydra.find(project, script, words)
    if application is not None:
        modules = (script, *near)
        lightning = any(_imports(each, "lightning", "pytorch_lightning") for each in modules)
        return Framework(
            name=HYDRA,
            place=application.place,
            options=(*application.options, *_lightning_keys(application)),
            application=application,
            from_arguments=True,
            uses_lightning=lightning or application.has("trainer.max_epochs"),
        )
    return _whatever_is_typed(project, script, tuple(near))


@functools.lru_cache(maxsize=4)
def _whatever_is_typed(
    project: sources.Project, script: sources.Module, near: tuple[sources.Module, ...]
) -> Framework:
    """Kept: a sweep asks for each of its runs, and files of a project are read once."""
    for finder in (_lightning_cli, _hf, _lightning, _keras):
        found = finder(project, script, list(near))
        if found is not None:
            return found
    own = parsers.read(project, script)
    place = own[0].place if own else script.place(script.tree)
    return Framework(name=_parser_name(script), place=place, options=own)


def _imports(module: sources.Module, *names: str) -> bool:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            roots = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            roots = {(node.module or "").partition(".")[0]}
        else:
            continue
        if roots & set(names):
            return True
    return False


def _parser_name(script: sources.Module) -> str:
    found = next((name for name in _PARSERS if _imports(script, name)), None)
    return f"{PLAIN} with {found}" if found else PLAIN


def _calls(modules: list[sources.Module], *names: str) -> Iterator[tuple[sources.Module, ast.Call]]:
    for module in modules:
        for call in syntax.calls(module.tree):
            if syntax.last_name(call.func) in names:
                yield module, call


# --- Lightning ---------------------------------------------------------------------------------


def _lightning_keys(application: hydra.Application) -> Iterator[Option]:
    """Arguments of the Lightning Trainer that the files do not name yet: `++trainer.x=`."""
    target = application.values.get("trainer._target_")
    if not (isinstance(target, str) and target.endswith("Trainer") and "lightning" in target):
        return
    for name, default in (("accumulate_grad_batches", 1), ("max_epochs", None)):
        if f"trainer.{name}" not in application.values:
            yield _known(f"++trainer.{name}", "int", default, application.place, "=")


def _known(flag: str, kind: options.Kind, default: object, place: str, glue: str = " ") -> Option:
    return Option(
        spellings=(flag,),
        kind=kind,
        default=default,
        glue="=" if glue == "=" else " ",
        place=place,
        destination=flag.lstrip("-+"),
    )


def _lightning_cli(
    project: sources.Project, script: sources.Module, near: list[sources.Module]
) -> Framework | None:
    del near  # the CLI is made where the script starts
    names = {"LightningCLI", *_subclasses(script, "LightningCLI")}
    for module, call in _calls([script], *names):
        place = module.place(call)
        return Framework(
            name=LIGHTNING_CLI,
            place=place,
            options=(*_class_options(project, script, call), *_cli_options(place)),
            from_arguments=True,
            uses_lightning=True,
            writes=("lightning_logs",),
        )
    return None


def _subclasses(module: sources.Module, base: str) -> Iterator[str]:
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef) and base in map(syntax.last_name, node.bases):
            yield node.name


def _cli_options(place: str) -> Iterator[Option]:
    yield _known("--trainer.accumulate_grad_batches", "int", 1, place)
    yield _known("--trainer.gradient_clip_val", "float", None, place)
    yield _known("--trainer.max_epochs", "int", None, place)
    yield _known("--trainer.max_steps", "int", -1, place)
    yield _known("--trainer.default_root_dir", "text", None, place)
    yield _known("--ckpt_path", "text", None, place)


def _class_options(
    project: sources.Project, script: sources.Module, call: ast.Call
) -> Iterator[Option]:
    """What the data module and the model that the CLI is given let us turn, with the defaults."""
    for at, keyword, prefix, names in (
        (1, "datamodule_class", "data", _DATA_NAMES),
        (0, "model_class", "model", _MODEL_NAMES),
    ):
        node = syntax.argument(call, at, keyword)
        found = declarations.find_class(project, script, syntax.dotted(node)) if node else None
        if found is not None:
            for option in _init_options(*found):
                if option.name in names:
                    flag = f"--{prefix}.{option.destination}"
                    yield dataclasses.replace(option, spellings=(flag,), required=False)


def _init_options(home: sources.Module, defined: ast.ClassDef) -> Iterator[Option]:
    for method in defined.body:
        if isinstance(method, ast.FunctionDef) and method.name == "__init__":
            yield from declarations.of_function(method, home, False)


def _lightning(
    project: sources.Project, script: sources.Module, near: list[sources.Module]
) -> Framework | None:
    if not _imports(script, "lightning", "pytorch_lightning"):
        return None
    own = parsers.read(project, script)
    for module, call in _calls([script, *near], "Trainer", "from_argparse_args"):
        return Framework(
            name=LIGHTNING,
            place=module.place(call),
            options=(*own, *_trainer_arguments(script)),
            uses_lightning=True,
            writes=() if _has_logger(call) else ("lightning_logs",),
        )
    return None


def _has_logger(call: ast.Call) -> bool:
    """Another place than `lightning_logs` is given, or may be given."""
    return any(each.arg in (None, "logger", "default_root_dir") for each in call.keywords)


def _trainer_arguments(script: sources.Module) -> Iterator[Option]:
    """`Trainer.add_argparse_args(parser)` of Lightning below 2.0."""
    for module, call in _calls([script], "add_argparse_args"):
        place = module.place(call)
        yield _known("--accumulate_grad_batches", "int", 1, place)
        yield _known("--max_epochs", "int", None, place)
        yield _known("--resume_from_checkpoint", "text", None, place)
        yield _known("--default_root_dir", "text", None, place)


# --- Hugging Face ------------------------------------------------------------------------------


def _hf(
    project: sources.Project, script: sources.Module, near: list[sources.Module]
) -> Framework | None:
    """The parser is given TrainingArguments, or a class of the project that derives from it."""
    own = parsers.read(project, script)
    for module, call in _calls([script, *near], "HfArgumentParser", "TrlParser"):
        named = {syntax.last_name(node) for node in ast.walk(call)}
        derived = {name for each in (script, *near) for name in _training_classes(each)}
        if named & (derived | _HF_ARGUMENTS):
            place = module.place(call)
            mine = {option.spellings for option in own}
            known = [option for option in _hf_options(place) if option.spellings not in mine]
            if syntax.last_name(call.func) == "TrlParser":
                known.append(_known("--config", "text", None, place))
            return Framework(name=HF, place=place, options=(*own, *known), from_arguments=True)
    for module, call in _calls([script, *near], "TrainingArguments", "Seq2SeqTrainingArguments"):
        return Framework(name=HF, place=module.place(call), options=own)
    return None


def _training_classes(module: sources.Module) -> Iterator[str]:
    for node in module.tree.body:
        if isinstance(node, ast.ClassDef):
            bases = map(syntax.last_name, node.bases)
            if any(base.endswith("TrainingArguments") for base in bases):
                yield node.name


def _hf_options(place: str) -> Iterator[Option]:
    yield _known("--per_device_train_batch_size", "int", 8, place)
    yield _known("--gradient_accumulation_steps", "int", 1, place)
    yield _known("--dataloader_num_workers", "int", 0, place)
    yield _known("--learning_rate", "float", 5e-5, place)
    yield _known("--max_grad_norm", "float", 1.0, place)
    yield _known("--num_train_epochs", "float", 3.0, place)
    yield _known("--max_steps", "int", -1, place)
    yield _known("--output_dir", "text", None, place)
    yield _known("--resume_from_checkpoint", "text", None, place)


def _keras(
    project: sources.Project, script: sources.Module, near: list[sources.Module]
) -> Framework | None:
    del near
    if not _imports(script, "keras", "tensorflow"):
        return None
    for module, call in _calls([script], "fit"):
        return Framework(
            name=KERAS, place=module.place(call), options=parsers.read(project, script)
        )
    return None
