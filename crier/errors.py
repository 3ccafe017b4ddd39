"""What can go wrong between a client and a gateway.

CrierError
├── NoAccess              no gateway or no key is known, or what is known is no address
├── ApiProblem            the gateway refused: its problem document (RFC 9457)
└── GatewayUnreachable    nobody answered, or somebody who is no gateway
"""

from collections.abc import Sequence

from shared.errors import CrierError


class NoAccess(CrierError):
    """It is not known which gateway to talk to, or with which key; the text names the variable to set."""


class ApiProblem(CrierError):
    """The gateway's refusal.

    Parameters:
        kind: the end of its `type`, e.g. `invalid-request`; empty when it was no problem document.
        errors: (field path, what is wrong with it and what would be right).
        request_id: by which the gateway's log has it.
    """

    def __init__(
        self, *, status: int, kind: str, title: str, detail: str, errors: Sequence[tuple[str, str]], request_id: str
    ) -> None:
        self.status = status
        self.kind = kind
        self.title = title
        self.detail = detail
        self.errors = tuple(errors)
        self.request_id = request_id
        super().__init__(self._text())

    def _text(self) -> str:
        if self.errors:
            return "\n".join((f"{self.title}:", *(f"  {field}: {problem}" for field, problem in self.errors)))
        said = self.detail or self.title
        return f"{said} Its request id is {self.request_id}." if self.status >= 500 and self.request_id else said


class GatewayUnreachable(CrierError):
    """Nobody answered as a gateway does.

    Parameters:
        url: where one was expected.
        reason: what happened instead.
    """

    def __init__(self, url: str, reason: str, remedy: str) -> None:
        self.url = url
        self.reason = reason
        super().__init__(f"The gateway at {url} cannot be reached: {reason}. {remedy}")
