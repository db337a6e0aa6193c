"""Samples that cannot be decoded: one bad file among many good ones."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

QUOTED = r"['\"<](?P<sample>[^'\"\n<>]{1,300}\.\w{2,8})['\">]"
LOADING = (
    r"__getitem__|collate|_utils/fetch\.py|def load|load_\w*(?:data|rows|csv"
    r"|samples?)|[Dd]ata(?:set|loader|_)\w*\.py"
    r"|read_(?:csv|json|parquet|table|excel)|loadtxt|genfromtxt|csv\.|readline"
    r"|\.read\(\)|np\.load|json\.loads?\("
)

RULES = (
    raised(
        "bad_sample",
        rf"cannot identify image file(?: {QUOTED})?|UnidentifiedImageError",
        "PIL/Image.py",
        0.96,
    ),
    raised(
        "bad_sample",
        r"image file is truncated|broken (?:data stream|PNG file)|Truncated File Read"
        r"|unrecognized data stream"
        r"|decoder error -\d|corrupt(?:ed)? (?:EXIF|JPEG|image|PNG|file)"
        r"|DecompressionBombError|not enough image data"
        r"|Premature end of JPEG|bad (?:adler32|CRC|transparency)|buffer is not large"
        r" enough",
        "PIL, libjpeg, libpng",
        0.94,
    ),
    raised(
        "bad_sample",
        r"(?:cvtColor|resize|imdecode|warpAffine|copyMakeBorder|Assertion failed\)"
        r" !_?src\.empty|!buf\.empty\(\))"
        r"[^\n]{0,60}(?:empty|!_?s|ssize)|OpenCV\([^)]*\)[^\n]{0,200}(?:!_?src\.empty"
        r"\(\)|!ssize\.empty\(\)|!buf\.empty\(\))",
        "opencv: imread gave nothing",
        0.88,
    ),
    raised(
        "bad_sample",
        r"Unsupported image file|jpeg::Uncompress failed|Invalid (?:JPEG|PNG|GIF|BMP)"
        r" (?:data|header)|Unknown image file"
        r" format|Input is empty|Expected image \(JPEG|not a (?:valid )?(?:JPEG|PNG)"
        r"|Not a JPEG file|Image is corrupt"
        r"|images? (?:\S+ )?(?:is |are )?corrupt",
        "torchvision/io, tensorflow/core/kernels/image",
        0.9,
    ),
    raised(
        "bad_sample",
        r"could not convert string to float: (?P<value>[^\n]{0,60})|invalid literal"
        r" for int\(\)",
        "CPython",
        0.8,
        frames=LOADING,
    ),
    raised(
        "bad_sample",
        r"could not convert string(?: \S+)? to float|Could not convert string|Unable"
        r" to parse string \"|Expected \d+ fields in line"
        r"|Error tokenizing data|ParserError|EmptyDataError|No columns to parse from"
        r" file|Wrong number of columns at line"
        r"|Some errors were detected|number of columns changed",
        "pandas, numpy",
        0.86,
    ),
    raised(
        "bad_sample",
        r"codec can't decode byte|UnicodeDecodeError|invalid (?:continuation|start)"
        r" byte|stream did not contain valid UTF-8",
        "CPython",
        0.85,
    ),
    raised(
        "config",
        r"JSONDecodeError|Expecting (?:value|property name|',' delimiter)",
        "json, from a settings file",
        0.85,
        frames=r"(?i)(?:config|settings|cfg)[\w/]*\.py\"[^\n]*\n[^\n]*json\.loads?"
        r"|json\.load\([^\n]*(?:config|cfg|settings)|(?:load|read|parse)_?(?:config"
        r"|cfg|settings)",
    ),
    raised(
        "bad_sample",
        r"JSONDecodeError|Expecting value: line|Extra data: line|Unterminated string"
        r" starting|Invalid control character at"
        r"|Expecting ',' delimiter|JSON parse error|ujson\S*Error",
        "json",
        0.8,
    ),
    raised(
        "bad_sample",
        r"BadZipFile|File is not a zip file|Bad CRC-32|Bad magic number for (?:file"
        r"|central)|tarfile\.\w*ReadError|ReadError: "
        r"|unexpected end of data|BadGzipFile|Not a gzipped file|CRC check failed"
        r"|Compressed file ended before|zlib\.error"
        r"|Error -\d while decompressing|LZMAError|Invalid data stream|Corrupt input"
        r" data|ZstdError|Truncated tar",
        "zipfile, tarfile, gzip, lzma, zlib",
        0.87,
    ),
    raised(
        "bad_sample",
        r"(?:allow_pickle=False)|Failed to interpret file|No data left in file|magic"
        r" string is not correct|Cannot load file containing"
        r" pickled data|cannot reshape array of size \d+ into shape",
        "numpy/lib/format.py, npyio.py",
        0.86,
        frames=r"np\.load|npyio|numpy/lib/_?format|memmap|\bnp\.fromfile|read_array",
    ),
    raised(
        "bad_sample",
        r"truncated file: eof|file signature not found|Can't (?:synchronously )?read"
        r" data|inflate\(\) failed|wrong fletcher32"
        r"|bad (?:object header|symbol table|heap|local heap)|B-tree signature|unable"
        r" to decode|filter returned failure"
        r"|Unable to (?:synchronously )?open (?:file|object)[^\n]*(?:truncated"
        r"|signature|bad)",
        "h5py",
        0.9,
    ),
    raised(
        "bad_sample",
        r"Unable to (?:synchronously )?open object \(object '(?P<sample>[^']+)'"
        r" doesn't exist\)",
        "h5py",
        0.86,
        frames=LOADING,
    ),
    raised(
        "bad_sample",
        r"Target -?\d+ is out of bounds|class values must be (?:in|smaller"
        r"|non-negative)|Class values must be|labels? (?:\S+ )?out of range",
        "torch/nn/functional.py: a label beyond the classes, seen only now",
        0.84,
        after_progress=True,
    ),
    raised(
        "bad_sample",
        r"Parquet magic bytes not found|ArrowInvalid|Invalid (?:parquet|Parquet) file"
        r"|Not an Arrow file|Tried reading schema"
        r"|Couldn't deserialize thrift|Corrupt snappy|Snappy\S* decompress",
        "pyarrow",
        0.85,
    ),
    raised(
        "bad_sample",
        r"DataLossError|(?:corrupted|truncated) record at \d+|crc mismatch|Corrupted"
        r" record|invalid record",
        "tensorflow/core/lib/io",
        0.87,
    ),
    raised(
        "bad_sample",
        r"LibsndfileError|Error opening '[^']*': (?:Format|File contains|Error)|Format"
        r" not recognised|Failed to (?:decode|load|open the input)"
        r"|NoBackendError|could not (?:open|decode) (?:audio|video)|InvalidDataError"
        r"|Invalid data found when processing input|moov atom not found"
        r"|DECORDError|Error reading \S+\.(?:mp4|avi|mkv|webm)|cannot find video"
        r" stream|Unable to read (?:frame|image)",
        "soundfile, torchaudio, librosa, av, decord",
        0.9,
    ),
    raised(
        "bad_sample",
        r"ImageFileError|InvalidDicomError|not recognized as being in a supported file"
        r" format|RasterioIOError|HeaderDataError"
        r"|File is missing DICOM|Empty file|file is empty|zero-size|is not a (?:NIfTI"
        r"|MINC|DICOM)",
        "nibabel, pydicom, rasterio",
        0.86,
    ),
    raised(
        "bad_sample",
        r"stack expects each tensor to be equal size|each element in list of batch"
        r" should be of equal size"
        r"|Trying to resize storage that is not resizable|all input arrays must have"
        r" the same shape"
        r"|setting an array element with a sequence|inhomogeneous shape",
        "torch/utils/data/_utils/collate.py",
        0.86,
        frames=r"collate|__getitem__|_utils/fetch\.py|np\.stack",
    ),
    raised(
        "bad_sample",
        r"(?:bad|corrupt(?:ed)?|broken|damaged|invalid|malformed|unreadable"
        r"|undecodable) (?:sample|record|image|example|shard|row|line"
        r"|file|label|annotation|tfrecord|json|csv|audio|video|frame)s?\b(?: (?:in |at"
        r" )?(?P<sample>\S+\.\w{2,8}))?"
        r"|(?:sample|record|image|shard|row|annotation)s? (?:\S+ )?(?:is |are"
        r" )(?:corrupt|broken|damaged|truncated|unreadable|malformed)",
        "user code",
        0.8,
    ),
    raised(
        "bad_sample",
        r"(?:permute\(|dims\b|number of dimensions|tuple index out of range|not enough"
        r" values to unpack|too many values to unpack"
        r"|shape mismatch|doesn't match the broadcast|axes don't match array|could not"
        r" broadcast|output with shape|channels?\b|cannot reshape)",
        "a sample of another form, raised where it is read",
        0.93,
        frames=r"in __getitem__\b(?:(?!\n\s*File \"(?!\S*(?:site-packages|dist-packages"
        r"|lib/python)))(?s:.))*\Z",
        after_progress=True,
    ),
    raised(
        "bad_sample",
        r"contains? (?:nan|NaN|null)|(?:null|missing) values? in",
        "user code",
        0.6,
        frames=LOADING,
    ),
    printed(
        "bad_sample",
        "cannot identify image file",
        rf"cannot identify image file(?: {QUOTED})?",
        "PIL/Image.py",
        0.75,
    ),
    printed("bad_sample", "image file is truncated", "", "PIL/ImageFile.py", 0.72),
)
