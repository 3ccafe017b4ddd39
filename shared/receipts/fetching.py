"""A GET for what a receipt needs to be verified: small, soon, and from nowhere else than asked.

Only the gateway verifies, so only it has `requests`: the relay, which reads, imports this too.
"""

import time
from typing import TYPE_CHECKING

from shared.errors import Unavailable

if TYPE_CHECKING:
    from requests import Response

MAX_BYTES = 64 * 1024
TIMEOUT = 5.0
_CONNECT, _READ = 2.0, 2.0


def fetch(url: str, *, timeout: float = TIMEOUT) -> bytes:
    """What is at `url`. Redirects are not followed.

    Parameters:
        timeout: seconds for the body, to within one read.

    Raises:
        Unavailable: it cannot be had now, or is too large.
    """
    import requests
    from urllib3.exceptions import HTTPError

    wanted = {"Accept-Encoding": "identity"}
    try:
        with requests.get(
            url, headers=wanted, timeout=(_CONNECT, _READ), stream=True, allow_redirects=False
        ) as response:
            if response.status_code != requests.codes.ok:
                raise Unavailable(f"{url} answers {response.status_code}")
            return _body(response, url, timeout)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise Unavailable(f"{url} cannot be fetched: {type(error).__name__}") from None


def _body(response: "Response", url: str, timeout: float) -> bytes:
    # One read at a time: `timeout` bounds a read, and a server that drips would keep us for as long as it likes.
    deadline = time.monotonic() + timeout
    body = bytearray()
    while part := response.raw.read1(MAX_BYTES, decode_content=False):
        body += part
        if len(body) > MAX_BYTES:
            raise Unavailable(f"{url} has more than {MAX_BYTES} bytes")
        if time.monotonic() > deadline:
            raise Unavailable(f"{url} takes more than {timeout:g} s")
    return bytes(body)
