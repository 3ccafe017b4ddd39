"""Which gateway a client talks to, and with which key: its arguments, the environment, or what `crier up` noted."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from crier.errors import NoAccess
from crier.local.credentials import Credentials
from crier.local.home import Home


@dataclass(frozen=True)
class Access:
    """A gateway's address, a key for it, and where the key came from, for errors."""

    url: str
    api_key: str = field(repr=False)
    key_from: str

    @classmethod
    def find(
        cls, url: str | None = None, api_key: str | None = None, environ: Mapping[str, str] = os.environ
    ) -> "Access":
        """The arguments, else CRIER_URL and CRIER_API_KEY, else `credentials.toml` in the home of `crier up`.

        A noted key is only for the gateway it was noted with: it is never sent to another address.

        Raises:
            NoAccess: what is missing, or is no address, by variable name.
        """
        kept, noted = _noted()
        given = (url or environ.get("CRIER_URL") or "").strip().rstrip("/")
        key = (api_key or environ.get("CRIER_API_KEY") or "").strip()
        address = given or (kept.url if kept else "")
        if not address:
            raise NoAccess(
                "No gateway is known: start one on this machine with `crier up`, "
                "or set CRIER_URL and CRIER_API_KEY to one elsewhere."
            )
        if urlsplit(address).scheme not in ("http", "https") or not urlsplit(address).hostname:
            raise NoAccess(f"CRIER_URL must be an address such as https://crier.example.com, not {address!r}.")
        if key:
            return cls(address, key, "the argument" if api_key else "CRIER_API_KEY")
        if kept and kept.url.rstrip("/") == address:
            return cls(address, kept.api_key, str(noted))
        raise NoAccess(f"CRIER_API_KEY is not set: {address} wants a key (`crier keys create` makes one).")


def _noted() -> tuple[Credentials | None, Path]:
    path = Home.find().credentials
    return Credentials.read(path), path
