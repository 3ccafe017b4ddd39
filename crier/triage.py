"""Dead letters, and what nobody knows, over the gateway's HTTP API: for the commands that look at them and decide."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from crier.access import Access
from crier.errors import ApiProblem
from crier.transport import Transport

Where = Literal["dead-letters", "unknown"]
IDS_AT_ONCE = 500
_TIMEOUT = 120.0  # seconds; thousands are done by one call


@dataclass
class Total:
    """What came of it, over all calls.

    Parameters:
        refusals: why it could not be done, by id; of the first hundred of each call.
    """

    done: int = 0
    skipped: int = 0
    refusals: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {"done": self.done, "skipped": self.skipped, "refusals": self.refusals}


class Triage:
    """Looks at what went wrong, and does something about it.

    Parameters:
        access: to the gateway; the one the environment names when None.

    Every method raises `ApiProblem` when the gateway refuses, and `GatewayUnreachable` when there is none.
    """

    def __init__(self, access: Access | None = None) -> None:
        self._http = Transport(access or Access.find(), timeout=_TIMEOUT, retries=3)

    def page_through(self, where: Where, filters: Mapping[str, Any]) -> Iterator[Any]:
        """What matches, newest first, fetched page by page."""
        cursor: str | None = None
        while True:
            query = {**filters, "limit": "100", **({"cursor": cursor} if cursor else {})}
            page = self._http.call("GET", f"/v1/{where}", query=query)
            yield from page["items"]
            cursor = page["next"]
            if cursor is None:
                return

    def one(self, where: Where, identifier: str) -> Any:
        """One with everything that is known of it."""
        return self._http.call("GET", f"/v1/{where}/{identifier}")

    def found(self, where: Where, identifier: str) -> list[str]:
        """The ids that are meant: this one; or, where it is a notification's, those of its deliveries of that kind."""
        try:
            self.one(where, identifier)
        except ApiProblem as problem:
            if problem.kind not in ("not-found", "conflict"):
                raise
            return self._of_notification(where, identifier) or [identifier]
        return [identifier]

    def _of_notification(self, where: Where, identifier: str) -> list[str]:
        try:
            deliveries = self._http.call("GET", f"/v1/notifications/{identifier}")["deliveries"]
        except ApiProblem:
            return []
        wanted = "failed" if where == "dead-letters" else "unknown"
        return [delivery["id"] for delivery in deliveries if delivery["state"] == wanted]

    def count(self, where: Where, verb: str, asked: Mapping[str, Any]) -> int:
        """How many match."""
        counted: int = self._http.call("POST", f"/v1/{where}/{verb}", json={**asked, "dry_run": True})["matching"]
        return counted

    def act_on(self, where: Where, verb: str, asked: Mapping[str, Any], ids: Sequence[str]) -> Total:
        """Do something to these."""
        total = Total()
        for first in range(0, len(ids), IDS_AT_ONCE):
            self._add(total, self._call(where, verb, {**asked, "ids": list(ids[first : first + IDS_AT_ONCE])}))
        return total

    def act_on_matching(
        self, where: Where, verb: str, asked: Mapping[str, Any], expected: int, progress: Callable[[int], None]
    ) -> Total:
        """Do something to all that match, unless these are other than expected.

        Parameters:
            asked: with a `filter`.
            progress: called with how many have been done or skipped.
        """
        total = Total()
        answer = self._call(where, verb, {**asked, "expected": expected})
        while True:
            self._add(total, answer)
            progress(total.done + total.skipped)
            if answer["next"] is None:
                return total
            answer = self._call(where, verb, {**asked, "cursor": answer["next"]})

    def _call(self, where: Where, verb: str, body: Mapping[str, Any]) -> Any:
        return self._http.call("POST", f"/v1/{where}/{verb}", json=body)

    def _add(self, total: Total, answer: Any) -> None:
        total.done += answer["done"]
        total.skipped += answer["skipped"]
        total.refusals |= {refusal["id"]: refusal["problem"] for refusal in answer["refusals"]}
