"""Settings: options, configuration files, what job schedulers and environments refuse."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

RULES = (
    raised(
        "config",
        r"^(?:hydra|omegaconf)\.\S*(?:Config\w*|Missing\w*|Override\w*|ValidationError"
        r"|Interpolation\w*|Unsupported\w*|OmegaConf\w*|Grammar\w*)\b",
        "hydra, omegaconf",
        0.95,
    ),
    raised(
        "config",
        r"ConfigAttributeError|ConfigKeyError|MissingMandatoryValue"
        r"|MissingConfigException|ConfigCompositionException|OverrideParseException"
        r"|InterpolationKeyError"
        r"|InterpolationResolutionError|not in struct|Could not (?:override|append"
        r"|find) '|Primary config|Missing mandatory value|Error merging|In '[^']+':"
        r" Could not",
        "hydra, omegaconf",
        0.94,
    ),
    raised(
        "config",
        r"^(?:\w+\.)*(?:MisconfigurationException|ConfigurationError|ConfigError"
        r"|InvalidConfig\w*|DeepSpeedConfigError|ConfigException|BadConfig\w*"
        r"|NoSuchOption|BadParameter|UsageError"
        r"|MissingParameter|BadOptionUsage|UnrecognizedFlagError|IllegalFlagValueError"
        r"|ArgumentError|ArgumentTypeError|NoOptionError|NoSectionError"
        r"|MissingSectionHeaderError"
        r"|DuplicateOptionError|TomlDecodeError|TOMLDecodeError|ValidationError"
        r"|StrictDataclass\w*|CfgError|FireError|ArgParse\w*|HfArgumentParser\w*"
        r"|DecodingError)\b",
        "lightning, click, absl, configparser, pydantic, draccus",
        0.9,
    ),
    raised(
        "config",
        r"^(?:yaml|ruamel\.yaml)\.\S*(?:ScannerError|ParserError|ConstructorError"
        r"|ComposerError|ReaderError|RepresenterError)|while (?:scanning|parsing) a"
        r"|mapping values are not allowed"
        r"|could not determine a constructor for the tag|found (?:character"
        r"|unexpected)[^\n]{0,40}",
        "PyYAML, ruamel.yaml",
        0.95,
    ),
    raised(
        "config",
        r"(?:Some specified arguments are not used by|are not used by the"
        r" HfArgumentParser|unrecognized arguments|the following arguments are"
        r" required|invalid choice:"
        r"|--\w[\w-]* (?:requires|must|is required|should|needs|cannot|can only)"
        r"|argument --|mutually exclusive|[Uu]nknown (?:option|argument|flag"
        r"|config(?:uration)? (?:key|option)|parameter)"
        r"|[Uu]nrecognized (?:option|argument|key|config)|[Ii]nvalid (?:value|option"
        r"|argument|choice|config\w*|setting|hyper-?parameter|learning rate|batch size"
        r"|batch_size) )",
        "argparse, transformers, user code",
        0.86,
    ),
    raised(
        "config",
        r"(?:must|should|has to|needs to) be (?:specified|set|given|provided|one of|in"
        r" \[|in \(|in \{|positive|a positive|divisible|greater|less|smaller|larger|at"
        r" least|between|either|an integer|non-negative|in the range|a multiple)"
        r"|(?:is|was|are) not (?:a )?(?:supported|recognized|valid|known"
        r"|implemented)(?: (?:option|value|choice|optimizer|scheduler|model|dataset"
        r"|name|type|architecture|loss|mode|backend|config))"
        r"|not divisible by|(?:isn't|is not|not) evenly divisible|(?:have|has) to be"
        r" divisible|expected one of|supported (?:values|options|choices|optimizers"
        r"|models|types) are",
        "user code, libraries",
        0.66,
    ),
    raised(
        "config",
        r"[Uu]nknown (?:model|optimizer|scheduler|dataset|loss|architecture|activation"
        r"|backend|task|device|mode|env(?:ironment)?|policy|strategy|metric|method"
        r"|backbone)\b|[Uu]nsupported (?:model|optimizer|dataset|loss"
        r"|scheduler|mode|task|strategy)\b|[Ii]nvalid (?:model|optimizer|dataset"
        r"|scheduler|loss|mode|device string|task|strategy|metric)\b",
        "user code",
        0.78,
    ),
    raised(
        "config",
        r"is not in the [\w:]+ registry|No object named '[^']+' found in '[^']+'"
        r" registry|Unknown model \(",
        "mmengine, fvcore, timm",
        0.9,
    ),
    raised(
        "config",
        r"Check batch related parameters|train_batch_size is not equal|DeepSpeed"
        r" config|ds_config|zero_optimization|auto values|`--?load_best_model_at_end"
        r"|requires the save and eval"
        r"|Please correct the following DeepSpeed config",
        "deepspeed/runtime/config.py, transformers",
        0.92,
    ),
    raised(
        "config",
        r"Error while merging hparams|hparams? (?:conflict|mismatch)",
        "lightning/pytorch/core/mixins/hparams_mixin.py",
        0.9,
    ),
    raised(
        "config",
        r"Error in call to target|Error locating target|Error instantiating|Error"
        r" loading '[^']+'|full_key: ",
        "hydra/_internal/instantiate",
        0.8,
    ),
    printed(
        "config",
        ": error: ",
        r"^[\w./ -]{1,100}: error: (?:argument |the following arguments|unrecognized"
        r" arguments|ambiguous option|invalid |one of the arguments|expected|no such"
        r"|too )",
        "argparse",
        0.95,
        fatal=True,
    ),
    printed(
        "config",
        ": error: ",
        r"^[\w./-]{1,100}\.py: error: (?P<said>.{1,200})",
        "argparse: parser.error()",
        0.86,
        fatal=True,
    ),
    printed(
        "config",
        "error: ",
        r"^error: (?:Parser key|Key \"|Configuration check failed|No action for"
        r"|Problem with|Expected|Unrecognized arguments|Validation failed|the"
        r" following|argument|unrecognized)",
        "jsonargparse",
        0.93,
        fatal=True,
    ),
    printed(
        "config", "o such option", r"^[│|]\s*No such option", "rich-click, typer", 0.93, fatal=True
    ),
    printed("config", "nrecognized options", r"nrecognized options?: ", "tyro", 0.93, fatal=True),
    printed(
        "config",
        "for '",
        r"^[│|]\s*(?:Invalid value|Missing (?:option|argument))",
        "rich-click, typer",
        0.9,
        fatal=True,
    ),
    printed(
        "config",
        "Error: ",
        r"^(?:Error: (?:No such (?:option|command)|Invalid value|Missing (?:option"
        r"|argument|parameter|command)|Got unexpected|Option|Unknown)|(?:ERROR|Error):"
        r" (?:Invalid|Unknown|Unrecognized) (?:option|argument|flag))",
        "click, typer",
        0.94,
        fatal=True,
    ),
    printed(
        "config",
        "lags parsing error",
        r"(?:FATAL )?[Ff]lags parsing error",
        "absl/flags",
        0.95,
        fatal=True,
    ),
    printed(
        "config",
        "sbatch: error",
        r"sbatch: error: (?!.*(?:Socket|timed out|Unable to contact))",
        "slurm",
        0.85,
        fatal=True,
    ),
    printed(
        "config",
        "srun: error",
        r"srun: error: (?:Unable to create step|Unable to allocate|Invalid|Unable to"
        r" (?:confirm|satisf)|.*(?:invalid|Invalid|not available|Requested|More"
        r" processors))",
        "slurm",
        0.85,
        fatal=True,
    ),
    printed(
        "config",
        "EnvironmentNameNotFound",
        r"EnvironmentNameNotFound: Could not find conda environment: (?P<environment>\S+)",
        "conda",
        0.7,
    ),
    printed(
        "config",
        "Could not find conda environment",
        r"environment: (?P<environment>\S+)",
        "conda",
        0.6,
    ),
    printed(
        "config",
        "invalid option",
        r"(?:: |-)(?:illegal|invalid|unrecognized) option",
        "getopt",
        0.8,
    ),
    printed(
        "config", "nrecognized option", r"unrecognized option '?(?P<option>[^'\s]+)", "getopt", 0.85
    ),
    printed(
        "config",
        "Could not override",
        r"Could not override '(?P<key>[^']+)'",
        "hydra",
        0.93,
        fatal=True,
    ),
    printed(
        "config", "Key '", r"^Key '(?P<key>[^']+)' is not in struct", "omegaconf", 0.93, fatal=True
    ),
    printed("config", "Cannot find primary config", "", "hydra", 0.94, fatal=True),
    printed("config", "In '", r"^In '[^']+': Could not (?:find|load)", "hydra", 0.93, fatal=True),
    printed(
        "config",
        "You must specify '",
        r"^You must specify '(?P<key>[^']+)'",
        "hydra",
        0.93,
        fatal=True,
    ),
    printed(
        "config",
        "issing mandatory value",
        r"^Missing mandatory value",
        "omegaconf",
        0.9,
        fatal=True,
    ),
    printed("config", "Batch job submission failed", "", "slurm", 0.93, fatal=True),
)
