"""Options and configuration files."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

CONFIG = [
    "hydra.errors.ConfigCompositionException: Could not override 'optim.lrr'.",
    "omegaconf.errors.ConfigAttributeError: Key 'lrr' is not in struct",
    "omegaconf.errors.MissingMandatoryValue: Missing mandatory value: data.path",
    "yaml.scanner.ScannerError: mapping values are not allowed here",
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for TrainConfig",
    "ValueError: Some specified arguments are not used by the HfArgumentParser: ['--foo']",
    "ValueError: --load_best_model_at_end requires the save and eval strategy to match, but found",
    "AssertionError: Check batch related parameters. train_batch_size is not equal to "
    "micro_batch_per_gpu * gradient_acc_step * world_size 64 != 8 * 1 * 4",
    "lightning.fabric.utilities.exceptions.MisconfigurationException: "
    "`accumulate_grad_batches` should be an int",
    "argparse.ArgumentError: argument --lr: conflicting option string: --lr",
    "KeyError: 'FooDetector is not in the mmdet::model registry. Please check whether "
    "the value is correct'",
    "RuntimeError: Unknown model (resnet999)",
    "ValueError: Invalid optimizer name: adamm",
    "absl.flags._exceptions.UnrecognizedFlagError: Unknown command line flag 'lrr'",
    "ValueError: batch_size should be a positive integer value, but got batch_size=0",
    "tomllib.TOMLDecodeError: Expected '=' after a key in a key/value pair",
]


@pytest.mark.parametrize("message", CONFIG)
def test_config(message: str) -> None:
    """Messages of several libraries are taken for config."""
    assert logs.kind(logs.raising(message), exit_code=1) == "config"


@pytest.mark.parametrize(
    "log",
    [
        "usage: train.py [-h] [--lr LR]\ntrain.py: error: unrecognized arguments: --lrr 1\n",
        "Usage: train.py [OPTIONS]\n\nError: No such option: --lrr\n",
        "FATAL Flags parsing error: Unknown command line flag 'lrr'. Did you mean: lr ?\n",
        "Could not override 'optim.lrr'.\nKey 'lrr' is not in struct\n    full_key: optim.lrr\n",
        "Cannot find primary config 'base'. Check that it's in your config search path.\n",
        "srun: error: Unable to create step for job 12: Requested node configuration is not"
        " available\n",
    ],
)
def test_what_option_parsers_print(log: str) -> None:
    """Without any exception."""
    assert logs.kind(log, exit_code=2) == "config"
