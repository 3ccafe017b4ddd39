"""What can go wrong between a client and a gateway.

CrierError
├── NoAccess              no gateway or no key is known, or what is known is no address
├── ApiProblem            the gateway refused: its problem document (RFC 9457)
├── GatewayUnreachable    nobody answered, or somebody who is no gateway
└── WaitTimeout           it has not ended in the time it was waited for; a TimeoutError too
"""

from collections.abc import Mapping
from typing import Any

from shared.errors import CrierError


class NoAccess(CrierError):
    """It is not known which gateway to talk to, or with which key; the text names the variable to set."""


class ApiProblem(CrierError):
    """The gateway's refusal.

    Parameters:
        document: the whole problem document, as it was answered.
        kind: the end of its `type`, e.g. `invalid-request`; empty when it has none.
        errors: (field path, what is wrong with it and what would be right).
        request_id: by which the gateway's log has it.
        retry_after: seconds after which the gateway says to try again; None when it does not say so.
        hint: what the client knows besides.
    """

    def __init__(
        self, *, status: int, document: Mapping[str, Any], request_id: str, retry_after: float | None, hint: str = ""
    ) -> None:
        self.status = status
        self.document = document
        self.kind = str(document.get("type", "")).rpartition("#")[2]
        self.title = str(document.get("title", f"HTTP {status}"))
        self.detail = f"{document.get('detail', '')} {hint}".strip()
        self.errors = tuple((str(error["field"]), str(error["problem"])) for error in document.get("errors", ()))
        self.request_id = request_id
        self.retry_after = retry_after
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


class WaitTimeout(CrierError, TimeoutError):
    """It has not ended yet. It goes on without us.

    Parameters:
        last: how it was when it was last looked at: a Notification, or a Batch.
    """

    def __init__(self, text: str, last: Any) -> None:
        self.last = last
        super().__init__(text)
