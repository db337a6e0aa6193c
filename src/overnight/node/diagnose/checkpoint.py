"""Checkpoints that cannot be read, or do not fit the model that is there now."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

RESTORING = (
    r"torch\.load|load_checkpoint|load_from_checkpoint|resume|load_state_dict"
    r"|serialization\.py|safetensors|load_model"
    r"|load_weights|_load_\w*state|pickle\.load|restore|ckpt|from_pretrained"
    r"|load_params|checkpoint"
)

RULES = (
    raised(
        "checkpoint",
        r"[Uu]nexpected key|(?:[Cc]annot|[Cc]an't|[Cc]ould not|[Ff]ailed to|[Uu]nable"
        r" to) (?:load|restore|resume|read)\b[^\n]{0,40}(?:checkpoint|ckpt|weights"
        r"|state)",
        "user code, libraries",
        0.85,
    ),
    raised(
        "checkpoint",
        r"Error\(s\) in loading state_dict for (?P<model>[\w.]+)|size mismatch for"
        r" (?P<weight>[\w.]+)|(?:Missing|Unexpected) key\(s\)"
        r" in state_dict",
        "torch/nn/modules/module.py",
        0.96,
    ),
    raised(
        "checkpoint",
        r"PytorchStreamReader failed|failed finding central directory|invalid header"
        r" or archive is corrupted|unexpected EOF, expected"
        r" \d+ more bytes|storage has wrong (?:byte )?size|file in archive is not in a"
        r" subdirectory|not a ZIP archive",
        "caffe2/serialize, torch/serialization.py",
        0.96,
    ),
    raised(
        "checkpoint",
        r"Weights only load failed|WeightsUnpickler error|Unsupported (?:global|class"
        r"|operand)|invalid load key"
        r"|UnpicklingError|pickle data was truncated|Invalid magic number; corrupt"
        r" file|unsupported pickle protocol",
        "torch/serialization.py, pickle",
        0.92,
    ),
    raised("checkpoint", r"Ran out of input", "pickle", 0.9),
    raised(
        "checkpoint",
        r"loaded state dict (?:has|contains)|parameter group|doesn't match the size of"
        r" optimizer's group|param_groups"
        r"|state_dict[^\n]{0,60}(?:does not|doesn't|not) match",
        "torch/optim/optimizer.py",
        0.9,
    ),
    raised(
        "checkpoint",
        r"SafetensorError|Error while deserializing header|HeaderTooLarge"
        r"|HeaderTooSmall|InvalidHeader|MetadataIncompleteBuffer"
        r"|incomplete metadata, file not fully covered",
        "safetensors",
        0.94,
    ),
    raised(
        "checkpoint",
        r"Unable to (?:load weights|open table file)|Layer count mismatch|weight file"
        r" (?:containing|with)|objects could not be loaded"
        r"|You are trying to load a weight|checkpoint (?:is|seems|appears|may be|file"
        r" is) (?:corrupt|invalid|incomplete|broken|damaged)"
        r"|corrupt(?:ed)? checkpoint|Unable to load weights from (?:pytorch"
        r" )?checkpoint|not a (?:valid )?checkpoint|Unsuccessful TensorSliceReader"
        r"|Checkpoint[^\n]{0,80}(?:incompatible|mismatch|does not match)|incompatible"
        r" checkpoint",
        "keras, transformers, tensorflow",
        0.92,
    ),
    raised(
        "checkpoint",
        r"orbax|(?:Requested|stored) shape:? ?[^\n]{0,80}(?:stored|requested|restor)"
        r"|target (?:tree|structure)[^\n]{0,60}(?:match|checkpoint)"
        r"|User-provided restore item|msgpack\.exceptions|Unpack failed: incomplete"
        r" input|PyTree structures? differ"
        r"|state dict[^\n]{0,60}does not match",
        "orbax, flax/serialization.py",
        0.85,
        frames=RESTORING,
    ),
    raised(
        "checkpoint",
        r"(?:Unable to find latest file|latest checkpoint|Can't find a valid"
        r" checkpoint|No valid checkpoint found|universal checkpoint"
        r"|Failed to load checkpoint|was saved with (?:a )?(?:different )?(?:dp|mp"
        r"|world|data.parallel)|checkpoint[^\n]{0,60}world size)",
        "deepspeed/runtime/engine.py, transformers/trainer.py",
        0.85,
    ),
    raised(
        "checkpoint",
        r"^KeyError: '(?P<key>(?:\w*state_dict|state|model\w*|optimizer\w*|opt"
        r"|scheduler\w*|epoch|pytorch-lightning_version|ema\w*|scaler"
        r"|net|params|module|weights?|global_step|iteration|args|config)(?:\.\w+)*)'",
        "user code that resumes",
        0.78,
        frames=RESTORING,
    ),
    raised(
        "checkpoint",
        r"EOFError|truncated|corrupt|unexpected end|BadZipFile|not a zip file",
        "readers below a resume",
        0.9,
        frames=r"torch\.load|load_checkpoint|load_from_checkpoint|resume_from|load_ckpt"
        r"|restore_checkpoint|_load_optimizer",
    ),
    raised(
        "checkpoint",
        r"^(?:\w+\.)*(?:OSError|RuntimeError|ValueError|EOFError|AttributeError"
        r"|TypeError|IsADirectoryError)\b(?!.*(?:No such file|CUDA|out of memory|space"
        r" left|denied))",
        "torch/serialization.py: load() itself fails",
        0.91,
        frames=r"torch/serialization\.py\", line \d+, in (?:load|_load|_legacy_load"
        r"|_open_zipfile_reader|__init__)(?s:.)*\Z",
    ),
    raised(
        "checkpoint",
        r"FileNotFoundError[^\n]*(?:checkpoint|ckpt|step|epoch"
        r"|iter)[-_]?\d+/[^'\"/\n]+['\"]",
        "accelerate, transformers: a checkpoint folder without all of its files",
        0.94,
        frames=r"load_state|load_checkpoint|_load_\w*checkpoint|resume",
    ),
    raised(
        "checkpoint",
        r"(?:shape|size)s? (?:mismatch|of)[^\n]{0,120}(?:checkpoint|pretrained|saved)"
        r"|(?:checkpoint|pretrained|saved) (?:weights?|model|params)"
        r"[^\n]{0,120}(?:mismatch|shape|do(?:es)? not match)",
        "user code",
        0.85,
    ),
    printed(
        "checkpoint",
        "Error(s) in loading state_dict",
        r"^(?:\w+\.)*RuntimeError: Error\(s\)",
        "torch/nn/modules/module.py",
        0.8,
    ),
    printed(
        "checkpoint",
        "PytorchStreamReader failed",
        r"^(?:\S*(?:ERROR|Error|rror:)\S*\s|RuntimeError)",
        "caffe2/serialize",
        0.8,
    ),
)
