"""While the ledger is away, callers are told at once instead of each waiting for it to answer."""

from collections.abc import Callable
from threading import Lock
from time import monotonic

from flask import Flask, Response, request

from services.gateway.auth import PROTECTED
from services.gateway.problems import KINDS, Problem, problem_of, respond
from shared.errors import LedgerUnavailable

FAILURES = 3
"""Failures in a row after which the ledger counts as away. One slow question is no reason to refuse everybody."""

PROBE_EVERY = 1.0
"""Seconds between requests that are let through to see whether it is back."""


class Availability:
    """Remembers that the ledger did not answer, and lets one request at a time find out whether it does again.

    Parameters:
        clock: seconds that only grow.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._failures = 0
        self._next_probe = 0.0
        self._latest: LedgerUnavailable | None = None

    @property
    def admits_all(self) -> bool:
        """Whether nothing is known against the ledger."""
        return self._failures < FAILURES

    def admit(self) -> bool:
        """Whether a request may try the ledger."""
        if self.admits_all:
            return True
        with self._lock:
            now = self._clock()
            if now < self._next_probe:
                return False
            self._next_probe = now + PROBE_EVERY
            return True

    def lost(self, error: LedgerUnavailable | None = None) -> None:
        """The ledger did not answer.

        Parameters:
            error: what was raised for it. The same one raised in several threads, which had asked together, is one
                failure.
        """
        with self._lock:
            if error is None or error is not self._latest:
                self._failures += 1
            self._latest = error
            self._next_probe = self._clock() + PROBE_EVERY

    def found(self) -> None:
        """The ledger answered."""
        self._failures = 0


def watch(app: Flask, availability: Availability) -> None:
    """Guard what needs the ledger."""

    @app.before_request
    def admit() -> None:
        if request.path.startswith(PROTECTED) and not availability.admit():
            raise Problem("ledger-unavailable", KINDS["ledger-unavailable"][2], headers={"Retry-After": "1"})

    @app.errorhandler(LedgerUnavailable)
    def learn_of_loss(error: LedgerUnavailable) -> Response:
        availability.lost(error)
        return respond(problem_of(error))

    @app.after_request
    def learn_of_return(response: Response) -> Response:
        if response.status_code < 300 and request.path.startswith(PROTECTED):
            availability.found()
        return response
