"""The network, who may use what is behind it, and ports that are taken."""

from __future__ import annotations

from overnight.node.diagnose.rules import printed, raised

PORTS = (
    raised(
        "port_in_use",
        r"EADDRINUSE|[Aa]ddress already in use|[Aa]ddress in use|\[Errno 98\]|errno:"
        r" 98|\[WinError 10048\]"
        r"|Cannot find empty port|[Pp]ort (?P<port>\d+) is (?:already )?(?:in use"
        r"|taken|used|occupied|not available)"
        r"|(?:is )?already in use by another (?:process|program)|server socket has"
        r" failed to (?:listen|bind)",
        "torch/csrc/distributed/c10d/socket.cpp, asyncio, gradio",
        0.96,
    ),
    raised(
        "port_in_use",
        r"port `?(?P<port>\d+)`?, but another process is utilizing it",
        "accelerate/utils/launch.py",
        0.96,
    ),
    raised(
        "port_in_use",
        r"(?:failed to|could not|cannot|unable to) bind[^\n]{0,60}(?:port|address"
        r"|:\d{2,5})|Failed to bind|Could not start gRPC server",
        "grpc, tensorflow, visdom",
        0.88,
    ),
    printed(
        "port_in_use",
        "in use by another",
        r"[Pp]ort (?P<port>\d+) is in use by another",
        "flask, werkzeug",
        0.9,
    ),
    printed(
        "port_in_use",
        "ddress already in use",
        r"(?:bind|listen|[Pp]ort|[Aa]ddress)[^\n]*?(?::(?P<port>\d{2,5}))?[^\n]*ddress"
        r" already in use",
        "torch c10d/socket.cpp, many",
        0.82,
    ),
    printed(
        "port_in_use",
        "already in use",
        r"[Pp]ort:? ?(?P<port>\d{2,5})[^\n]{0,40} already in use|could not bind to it",
        "tensorboard, jupyter, flask",
        0.8,
    ),
)

AUTH = (
    raised(
        "auth",
        r"api_key not configured|API key must be|Invalid (?:user|API|api)[ _]?(?:token"
        r"|key)|invalid api key|Not logged in|No API key|not authenticated"
        r"|wandb login|AuthenticationError|permission denied to access|user is not"
        r" logged in|[Uu]ser not logged in|Login(?:Error| required)",
        "wandb, huggingface_hub, openai",
        0.94,
    ),
    raised(
        "auth",
        r"\b40[13]\b[^\n]{0,40}(?:Unauthorized|Forbidden|Client Error)|(?:Unauthorized"
        r"|Forbidden)[^\n]{0,40}\b40[13]\b|HTTP Error 40[13]|status(?: code)?:? 40[13]"
        r"|GatedRepoError|gated repo|is restricted|must be authenticated|must have"
        r" access to it|awaiting a review from the repo authors"
        r"|Access to (?:model|dataset) \S+ is|Invalid username or password"
        r"|token[^\n]{0,40}(?:expired|revoked|invalid)|Invalid credentials",
        "huggingface_hub, requests",
        0.93,
    ),
    raised(
        "auth",
        r"NoCredentialsError|Unable to locate credentials|ExpiredToken"
        r"|InvalidAccessKeyId|SignatureDoesNotMatch|AccessDenied"
        r"|DefaultCredentialsError"
        r"|RefreshError|UNAUTHENTICATED|could not find (?:kaggle|credentials)|Could"
        r" not find kaggle\.json|Token (?:is|has) (?:required|expired)"
        r"|CredentialsError|OAuth",
        "boto3, google.auth, kaggle",
        0.93,
    ),
    printed("auth", "api_key not configured", "", "wandb", 0.9, fatal=True),
    printed(
        "auth",
        "Permission denied (",
        r"Permission denied \((?:publickey|password|keyboard|gssapi)",
        "ssh",
        0.93,
    ),
    printed(
        "auth",
        "uthentication failed",
        r"(?:fatal|remote|ERROR|denied)[^\n]*uthentication failed",
        "git",
        0.92,
    ),
    printed("auth", "could not read Username", "", "git", 0.92),
    printed("auth", "authentication required", r"unauthorized: |pull access denied", "docker", 0.9),
    printed("auth", "pull access denied", "", "docker", 0.9),
    printed("auth", "Cannot access gated repo", "", "huggingface_hub", 0.9),
    printed("auth", "Unauthorized", r"401[^\n]{0,30}Unauthorized", "HTTP", 0.7),
)

NETWORK = (
    raised("network", r"CondaHTTPError|CONNECTION FAILED", "conda", 0.93),
    raised(
        "network",
        r"Max retries exceeded with url|NewConnectionError|NameResolutionError"
        r"|ConnectTimeout|ReadTimeout(?:Error)?\b|RemoteDisconnected"
        r"|Remote end closed connection|ProtocolError|IncompleteRead"
        r"|ChunkedEncodingError|HTTPSConnectionPool\(host='(?P<host>[^']+)'|ProxyError"
        r"|Failed to establish a new connection|Connection broken|MaxRetryError",
        "urllib3, requests",
        0.95,
    ),
    raised(
        "network",
        r"^(?:requests|urllib3|aiohttp|httpx|httpcore|http|urllib|botocore|wandb"
        r"|huggingface_hub|fsspec|swanlab|comet_ml|neptune|mlflow|socket|ssl"
        r"|google)\S*\."
        r"(?:\w*Connect\w*|\w*Timeout\w*|\w*Network\w*|CommError|URLError|SSLError"
        r"|gaierror|\w*Transport\w*|ServiceUnavailable|RemoteProtocolError|ReadError|"
        r"EndpointConnectionError|ServerError|\w*RequestError|LocalEntryNotFoundError"
        r"|OfflineModeIsEnabled|herror|timeout|SSL\w*)\b",
        "HTTP clients, wandb, huggingface_hub",
        0.93,
    ),
    raised(
        "network",
        r"Temporary failure in name resolution|Name or service not known|nodename nor"
        r" servname|No address associated with hostname|Network is unreachable|"
        r"No route to host|getaddrinfo failed|Could not resolve host|[Cc]ould not"
        r" resolve|\[Errno -[23]\]|Host is (?:down|unreachable)|EAI_AGAIN",
        "libc",
        0.94,
    ),
    raised(
        "network",
        r"\b(?:50[0234]|429|408|52\d)\b[^\n]{0,40}(?:Server Error|Client Error|Bad"
        r" Gateway|Gateway|Service (?:Temporarily )?Unavailable|Too Many Requests"
        r"|Time-?out|Internal)"
        r"|HTTP Error (?:5\d\d|429|408)|Too Many Requests|rate limit|RateLimitError",
        "requests, urllib",
        0.92,
    ),
    raised(
        "network",
        r"[Ww]e couldn't connect to|couldn't connect to '?https?|Couldn't reach"
        r"|(?:[Cc]annot|[Cc]ould not|[Ff]ailed to|[Uu]nable to) (?:reach|connect to"
        r"|download|fetch)|LocalEntryNotFoundError"
        r"|OfflineModeIsEnabled|outgoing traffic has been disabled|Cannot find the"
        r" requested files in the (?:disk cache|local cache)|check your (?:internet"
        r"|network) connection"
        r"|Consistency check failed: file should be of size|download (?:failed|was"
        r" interrupted|incomplete)|retrieval incomplete",
        "huggingface_hub, datasets, torch.hub",
        0.91,
    ),
    raised(
        "network",
        r"SSLError|CERTIFICATE_VERIFY_FAILED|SSL: |certificate verify failed"
        r"|SSLEOFError|EOF occurred in violation of protocol|TLS|DECRYPTION_FAILED",
        "ssl",
        0.92,
    ),
    raised(
        "network",
        r"<urlopen error|URLError|urlopen|ClientConnectorError|ServerDisconnectedError"
        r"|ClientPayloadError|ServerTimeoutError",
        "urllib, aiohttp",
        0.9,
    ),
    raised(
        "network",
        r"^(?:\w+\.)*(?:ConnectionRefusedError|ConnectionResetError"
        r"|ConnectionAbortedError|ConnectionError|TimeoutError|BrokenPipeError)\b",
        "CPython",
        0.62,
        cascade=True,
    ),
    raised(
        "network",
        r"Connection (?:refused|reset by peer|timed out|aborted)|\[Errno 1(?:04|10|11"
        r"|13)\]|[Nn]etwork (?:error|is down|failure|timeout)|timed out\b.{0,20}http",
        "libc",
        0.8,
    ),
    raised(
        "network",
        r"wandb\.errors|CommError|Run initialization has timed out|Error communicating"
        r" with wandb|Network error|wandb[^\n]{0,60}timed? ?out",
        "wandb",
        0.85,
    ),
    printed("network", "Max retries exceeded with url", r"host='(?P<host>[^']+)'", "urllib3", 0.82),
    printed(
        "network",
        "ould not resolve host",
        r"ould not resolve host(?:name)?:? ?(?P<host>\S+)?",
        "git, curl, ssh",
        0.88,
    ),
    printed(
        "network",
        "Failed to connect to",
        r"(?:curl|fatal|error|wget)[^\n]*Failed to connect",
        "curl, git",
        0.85,
    ),
    printed(
        "network", "unable to access", r"fatal: unable to access '(?P<host>[^']+)'", "git", 0.88
    ),
    printed("network", "CondaHTTPError", "", "conda", 0.88),
    printed("network", "emporary failure in name resolution", "", "libc", 0.7),
    printed("network", "Name or service not known", "", "libc", 0.68),
    printed("network", "unable to resolve host address", "", "wget", 0.88),
    printed(
        "network", "Connection timed out", r"^(?:ssh|curl|wget|fatal|rsync|sftp)", "ssh, curl", 0.85
    ),
    printed(
        "network",
        "Network error (",
        r"wandb: (?:ERROR|WARNING|W&B)?[^\n]*Network error",
        "wandb",
        0.4,
    ),
)

RULES = PORTS + AUTH + NETWORK
