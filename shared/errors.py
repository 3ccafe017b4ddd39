"""Every error Crier raises on purpose.

CrierError
├── SettingsError            the environment is wrong; every problem at once, by variable name
├── InvalidInput             what a caller sent cannot be accepted; problems by field path
├── NotFound                 no such thing in this project
├── Conflict                 it exists, but not in a state that allows this
├── LedgerUnavailable        PostgreSQL cannot be reached or does not answer in time
├── TemplateError            a template is broken or refuses its data
└── SendError                what a provider's answer (or silence) means
    ├── Rejected             refused for good
    ├── Unavailable          known not to have been processed; later is worth it
    └── Ambiguous            nobody knows whether it was sent
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

Blame = Literal["provider", "destination", "nobody"]
"""Whom a failure speaks against: the provider, the destination alone (a mail domain, a webhook's host), or neither (a
handset that is switched off)."""


class CrierError(Exception):
    """Base of everything Crier raises on purpose. Task queues and process pools may pickle it."""

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[CrierError], args: tuple[Any, ...], fields: Mapping[str, Any]) -> CrierError:
    # Not by calling the class: what it takes is not what it has in args.
    error = kind.__new__(kind)
    error.args = args
    error.__dict__.update(fields)
    return error


class SettingsError(CrierError):
    """The environment does not make valid settings.

    Parameters:
        problems: one sentence per problem, each naming its variable and the remedy.
    """

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(("Crier cannot start with these settings:", *(f"  - {p}" for p in problems))))


class InvalidInput(CrierError):
    """Input that cannot be accepted.

    Parameters:
        fields: field path (`to.email`, `data.amount`, `expires_at`) to what is wrong and what would be right.
    """

    def __init__(self, fields: Mapping[str, Sequence[str]]) -> None:
        self.fields = {path: list(problems) for path, problems in fields.items()}
        super().__init__("; ".join(f"{path}: {' '.join(problems)}" for path, problems in self.fields.items()))


class NotFound(CrierError):
    """Nothing of that name exists in this project."""


class Conflict(CrierError):
    """The thing exists, but its state does not allow what was asked."""


class LedgerUnavailable(CrierError):
    """PostgreSQL cannot be reached or did not answer in time. Nothing was accepted.

    Parameters:
        retry_after: seconds after which another try is sensible.
    """

    def __init__(self, reason: str, *, retry_after: float = 2.0) -> None:
        self.retry_after = retry_after
        super().__init__(reason)


class TemplateError(CrierError):
    """A template is broken, or refuses the data it was given.

    Parameters:
        file: the template's file that is at fault, e.g. `email.body.html`.
        line: the line in that file, from 1.
    """

    def __init__(self, reason: str, *, file: str | None = None, line: int | None = None) -> None:
        self.reason = reason
        self.file = file
        self.line = line
        place = f"{file}, line {line}: " if file and line else f"{file}: " if file else ""
        super().__init__(place + reason)


class SendError(CrierError):
    """A send that did not end in `Sent`.

    Parameters:
        reason: one sentence for the timeline; no personal data beyond what the provider said.
        code: the provider's own code, e.g. `21211`, `550 5.1.1`, `UNREGISTERED`.
    """

    def __init__(self, reason: str, *, code: str | None = None) -> None:
        self.reason = reason
        self.code = code
        super().__init__(f"{code}: {reason}" if code else reason)


class Rejected(SendError):
    """The provider refused for good; trying again would be refused again.

    Parameters:
        target_is_dead: the address, number or device no longer exists and must not be tried again.
        opted_out: the recipient told this provider not to be written to (by this sender).
        alert: what is wrong is with the account or its set-up: somebody has to do something about it.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str | None = None,
        target_is_dead: bool = False,
        opted_out: bool = False,
        alert: bool = False,
    ) -> None:
        self.target_is_dead = target_is_dead
        self.opted_out = opted_out
        self.alert = alert
        super().__init__(reason, code=code)


class Unavailable(SendError):
    """Known not to have been processed: try again later.

    Parameters:
        retry_after: seconds the provider asked to wait. Waiting because it was asked costs no attempt.
        provider_fault: the account or the provider is at fault (credentials, balance), not this message: another
            provider is to be tried, and somebody has to be told.
        blames: whose breaker counts it, see `Blame`.
    """

    def __init__(
        self,
        reason: str,
        *,
        code: str | None = None,
        retry_after: float | None = None,
        provider_fault: bool = False,
        blames: Blame = "provider",
    ) -> None:
        self.retry_after = retry_after
        self.provider_fault = provider_fault
        self.blames = blames
        super().__init__(reason, code=code)


class Ambiguous(SendError):
    """The request may have been processed: the connection broke or the deadline passed after it left.

    Parameters:
        blames: whose breaker counts it, see `Blame`.
    """

    def __init__(self, reason: str, *, code: str | None = None, blames: Blame = "provider") -> None:
        self.blames = blames
        super().__init__(reason, code=code)
