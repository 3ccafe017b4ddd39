"""Tokens with which a person's browser reaches that person's inbox, and nothing else.

A server makes one with its API key and gives it to the page of somebody it knows. The token holds everything, encrypted
with a key made of CRIER_SECRET_KEY: nobody can read it, alter it or make one. It is worth something for minutes or
hours; nothing is kept of it, so none can be taken back before.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.crypto import Sealed, Sealer
from shared.errors import CrierError

PURPOSE = "crier inbox tokens"
MIN_SECONDS, MAX_SECONDS, USUAL_SECONDS = 60, 86_400, 3_600
_KEY_ID_LENGTH = 8
_LONGEST = 2000


@dataclass(frozen=True, slots=True)
class Bearer:
    """Whom a token speaks for, and until when (seconds since 1970)."""

    project_id: int
    user_id: str
    expires_at: float


class InboxTokens:
    """Makes and reads tokens.

    Parameters:
        clock: seconds since 1970.
    """

    def __init__(self, sealer: Sealer, clock: Callable[[], float] = time.time) -> None:
        self._sealer = sealer.for_purpose(PURPOSE)
        self._clock = clock

    def make(self, project_id: int, user_id: str, seconds: int = USUAL_SECONDS) -> tuple[str, datetime]:
        """A token for one inbox, and when it ends."""
        expires_at = int(self._clock()) + seconds
        sealed = self._sealer.seal({"p": project_id, "u": user_id, "e": expires_at})
        token = sealed.key_id + sealed.ciphertext.decode().rstrip("=")
        return token, datetime.fromtimestamp(expires_at, UTC)

    def read(self, token: str) -> Bearer | None:
        """Whom a token speaks for; None for one that is not ours, or has ended."""
        key_id, ciphertext = token[:_KEY_ID_LENGTH], token[_KEY_ID_LENGTH:]
        if len(token) > _LONGEST or not ciphertext.isascii():
            return None
        try:
            opened = self._sealer.open(Sealed(key_id, (ciphertext + "=" * (-len(ciphertext) % 4)).encode()))
        except CrierError:
            return None
        bearer = Bearer(opened["p"], opened["u"], opened["e"])
        return bearer if self.seconds_left(bearer) > 0 else None

    def seconds_left(self, bearer: Bearer) -> float:
        """How long a token is worth something yet."""
        return bearer.expires_at - self._clock()
