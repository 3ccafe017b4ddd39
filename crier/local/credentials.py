"""`credentials.toml`: what a client on this machine needs to talk to its local cluster."""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

from crier.local.kept_secret import write_private


@dataclass(frozen=True)
class Credentials:
    """The gateway's address, and an API key for it."""

    url: str
    api_key: str

    @classmethod
    def read(cls, path: Path) -> "Credentials | None":
        """What the file holds; None when there is none, or it does not hold both."""
        try:
            values = tomllib.loads(path.read_text())
            return cls(str(values["url"]), str(values["api_key"]))
        except (OSError, tomllib.TOMLDecodeError, KeyError):
            return None

    def write(self, path: Path) -> None:
        """Keep them, readable by their owner only."""
        # A JSON string is a TOML string.
        write_private(path, f"url = {json.dumps(self.url)}\napi_key = {json.dumps(self.api_key)}\n")
