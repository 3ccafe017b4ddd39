"""DKIM signatures (RFC 6376), with RSA or Ed25519 (RFC 8463), for mail servers that do not sign themselves."""

from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path

import dkim
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

LEAST_RSA_BITS = 1024
"""What signers must use at least (RFC 8301 section 3.2); 2048 is advised."""

SIGNED = (
    b"from", b"to", b"cc", b"subject", b"date", b"message-id", b"reply-to", b"in-reply-to", b"references",
    b"mime-version", b"content-type", b"content-transfer-encoding", b"list-id", b"list-unsubscribe",
    b"list-unsubscribe-post",
)  # fmt: skip
"""Signed where they are (RFC 6376 section 5.4.1); the last two lest one click do nothing (RFC 8058 section 4)."""
SEALED = (b"from", b"to", b"cc", b"subject", b"reply-to", b"content-type")
"""Signed once more than they are there, so that none can be added: of two, a reader may show the one that is not signed
(RFC 6376 section 8.15)."""


@dataclass(frozen=True)
class Key:
    """A private key as dkimpy takes it."""

    algorithm: bytes
    secret: bytes = field(repr=False)


def read_key(path: Path) -> Key:
    """Read a private key from a PEM file; raises `ValueError` saying what is wrong with it."""
    try:
        key = load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise ValueError(f"names {path}, which cannot be read: {error.strerror}.") from None
    except TypeError:
        raise ValueError(f"names {path}, which is encrypted with a password: store the key without one.") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError(f"names {path}, which holds no private key in PEM form.") from None
    if isinstance(key, Ed25519PrivateKey):
        return Key(b"ed25519-sha256", b64encode(key.private_bytes_raw()))
    if isinstance(key, RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            raise ValueError(f"names {path}, an RSA key of {key.key_size} bits: make one of 2048.")
        return Key(b"rsa-sha256", key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()))
    raise ValueError(f"names {path}, whose key is of a kind DKIM does not know: make an RSA or an Ed25519 key.")


@dataclass(frozen=True)
class Signer:
    """Signs for a domain.

    Parameters:
        selector: names the key in the DNS, at `<selector>._domainkey.<domain>`.
    """

    domain: str
    selector: str
    key: Key

    def sign(self, content: bytes) -> bytes:
        """The mail with its signature in front; lines end in CRLF."""
        there = {line.partition(b":")[0].lower() for line in content.partition(b"\r\n\r\n")[0].split(b"\r\n")}
        signature: bytes = dkim.sign(
            content,
            self.selector.encode(),
            self.domain.encode(),
            self.key.secret,
            signature_algorithm=self.key.algorithm,
            canonicalize=(b"relaxed", b"relaxed"),
            include_headers=[*(name for name in SIGNED if name in there), *SEALED],
        )
        return signature + content


def is_aligned(sender: str, domain: str) -> bool:
    """Whether a signature of `domain` speaks for a sender's domain: the same, or above it (RFC 7489 section 3.1.1)."""
    return f".{sender.lower()}".endswith(f".{domain.lower()}")
