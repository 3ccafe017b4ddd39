"""Encryption at rest of what must not be readable in a dump: one-time codes, secrets, kept messages.

Fernet (AES-128-CBC with HMAC-SHA256) by the `cryptography` package. Keys rotate by putting a new one in front: the
first encrypts, all decrypt; each ciphertext is stored with the id of its key, so it can be seen when an old one is
needed no more.
"""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import orjson
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.errors import CrierError, SettingsError


@dataclass(frozen=True, slots=True)
class Sealed:
    """Ciphertext and the id of the key that opens it."""

    key_id: str
    ciphertext: bytes


class Sealer:
    """Seals and opens JSON values.

    Parameters:
        keys: Fernet keys (32 bytes, URL-safe base64), newest first, separated by commas.

    Raises:
        SettingsError: no key, or one that is not a Fernet key.
    """

    def __init__(self, keys: str | None) -> None:
        if not keys:
            raise SettingsError(["CRIER_SECRET_KEY is not set. `crier keys secret` prints a new one."])
        self._given = [key for key in (part.strip() for part in keys.split(",")) if key]
        try:
            self._keys = {_key_id(key): Fernet(key) for key in self._given}
        except ValueError:
            raise SettingsError(
                ["CRIER_SECRET_KEY must hold Fernet keys separated by commas. `crier keys secret` prints one."]
            ) from None
        self._newest = next(iter(self._keys))

    def seal(self, value: Mapping[str, Any]) -> Sealed:
        """Encrypt with the newest key."""
        return Sealed(self._newest, self._keys[self._newest].encrypt(orjson.dumps(value)))

    def for_purpose(self, purpose: str) -> "Sealer":
        """A sealer with keys made of these: what one has sealed, the other does not open."""
        return Sealer(",".join(_derived(key, purpose) for key in self._given))

    def open(self, sealed: Sealed) -> dict[str, Any]:
        """Decrypt. Raises CrierError naming the key that is missing from CRIER_SECRET_KEY."""
        key = self._keys.get(sealed.key_id)
        if key is None:
            raise CrierError(f"CRIER_SECRET_KEY lacks the key {sealed.key_id}, with which this was encrypted.")
        try:
            opened: dict[str, Any] = orjson.loads(key.decrypt(sealed.ciphertext))
        except InvalidToken:
            raise CrierError("What was encrypted has been altered: it does not open with its key.") from None
        return opened


def _derived(key: str, purpose: str) -> str:
    derivation = HKDF(algorithm=SHA256(), length=32, salt=None, info=purpose.encode())
    return urlsafe_b64encode(derivation.derive(urlsafe_b64decode(key))).decode()


def new_key() -> str:
    """A fresh key for CRIER_SECRET_KEY."""
    return Fernet.generate_key().decode()


def _key_id(key: str) -> str:
    return sha256(key.encode()).hexdigest()[:8]
