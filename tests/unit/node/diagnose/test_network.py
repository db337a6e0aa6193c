"""The network, logins, ports."""

from __future__ import annotations

import pytest

from tests.unit.node.diagnose import logs

NETWORK = [
    "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='huggingface.co', "
    "port=443): Max retries exceeded with url: /bert",
    "requests.exceptions.ReadTimeout: "
    "HTTPSConnectionPool(host='cdn-lfs.huggingface.co', port=443): Read timed out.",
    "OSError: We couldn't connect to 'https://huggingface.co' to load this file",
    "huggingface_hub.errors.LocalEntryNotFoundError: An error happened while trying to "
    "locate the file on the Hub and we cannot find the requested files in the local "
    "cache.",
    "urllib.error.URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
    "wandb.errors.CommError: Run initialization has timed out after 90.0 sec.",
    "httpx.ConnectError: [Errno -2] Name or service not known",
    "requests.exceptions.HTTPError: 504 Server Error: Gateway Time-out for url: "
    "https://huggingface.co/api/models",
    "urllib.error.HTTPError: HTTP Error 503: Service Unavailable",
    "ConnectionError: Couldn't reach 'glue' on the Hub (ConnectTimeout)",
    "aiohttp.client_exceptions.ClientConnectorError: Cannot connect to host "
    "api.wandb.ai:443 ssl:default",
    "botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint "
    'URL: "https://s3.amazonaws.com/x"',
    "requests.exceptions.SSLError: HTTPSConnectionPool(host='pypi.org', port=443): Max "
    "retries exceeded (Caused by SSLError(SSLCertVerificationError(1)))",
    "requests.exceptions.HTTPError: 429 Client Error: Too Many Requests for url: "
    "https://huggingface.co/api",
]

AUTH = [
    "huggingface_hub.errors.GatedRepoError: 401 Client Error. Cannot access gated repo "
    "for url https://huggingface.co/meta-llama",
    "OSError: You are trying to access a gated repo. Make sure to have access to it at "
    "https://huggingface.co/meta-llama/Llama-2-7b-hf.",
    "requests.exceptions.HTTPError: 403 Client Error: Forbidden for url: "
    "https://huggingface.co/api",
    "huggingface_hub.errors.RepositoryNotFoundError: 401 Client Error. (Request ID: "
    "Root=1) Repository Not Found for url: "
    "https://huggingface.co/api/models/me/private.",
    "botocore.exceptions.NoCredentialsError: Unable to locate credentials",
    "wandb.errors.AuthenticationError: The API key you provided is either invalid or missing.",
    "wandb.errors.CommError: It appears that you do not have permission to access the "
    "requested resource. Error 403: Forbidden",
    "openai.AuthenticationError: Error code: 401 - {'error': {'message': 'Incorrect "
    "API key provided'}}",
]

PORT_IN_USE = [
    "OSError: [Errno 98] Address already in use",
    "RuntimeError: The server socket has failed to listen on any local network "
    "address. The server socket has failed to bind to [::]:29411 (errno: 98 - Address "
    "already in use).",
    "torch.distributed.DistNetworkError: The server socket has failed to listen on any "
    "local network address. port: 29500, useIpv6: 0, code: -98, name: EADDRINUSE, "
    "message: address already in use",
    "OSError: Cannot find empty port in range: 7860-7860. You can specify a different "
    "port by setting the GRADIO_SERVER_PORT",
    "ConnectionError: Tried to launch distributed communication on port `29500`, but "
    "another process is utilizing it. Please specify a different port (such as using "
    "the `--main_process_port` flag or specifying a different `main_process_port` in "
    "your config file)",
]


@pytest.mark.parametrize("message", NETWORK)
def test_network(message: str) -> None:
    """Messages of several libraries are taken for network."""
    assert logs.kind(logs.raising(message), exit_code=1) == "network"


@pytest.mark.parametrize("message", AUTH)
def test_auth(message: str) -> None:
    """Messages of several libraries are taken for auth."""
    assert logs.kind(logs.raising(message), exit_code=1) == "auth"


@pytest.mark.parametrize("message", PORT_IN_USE)
def test_port_in_use(message: str) -> None:
    """Messages of several libraries are taken for port_in_use."""
    assert logs.kind(logs.raising(message), exit_code=1) == "port_in_use"


def test_the_port_is_a_fact() -> None:
    """Of accelerate's message."""
    assert logs.diagnosed(logs.raising(PORT_IN_USE[-1]), exit_code=1).facts["port"] == "29500"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fatal: Authentication failed for 'https://github.com/ada/x.git/'", "auth"),
        ("git@github.com: Permission denied (publickey).", "auth"),
        (
            "fatal: unable to access 'https://github.com/x/': Could not resolve host: github.com",
            "network",
        ),
    ],
)
def test_what_git_prints(line: str, expected: str) -> None:
    """It raises nothing."""
    assert logs.kind(f"{line}\n", exit_code=128) == expected
