"""Every call that the stand-ins' journal has, against everything that was asked for: nothing missing, nothing twice,
nothing that nobody asked for, and nothing altered."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime

from crier.demo.arrived import Arrived, arrived
from crier.demo.asked import Asked, Finding
from crier.sandbox import Entry

PREPARATION = ("token", "look-up", "certificate")
"""Calls that send nothing."""

OF_ITS_OWN = ("callbacks", "webhook", "slack", "discord", "telegram", "teams")
"""What is in the journal and was not asked for one by one: calls of the stand-ins', and webhooks of events; of chat
the scene itself keeps account."""

DECIDED_ELSEWHERE = ("ttl", "priority", "template", "content_sid")
"""Parts of a content that are not sent as they are: the lane and the expiry have a say, or they are for Crier alone."""

Read = Callable[[Entry], Arrived]
_SHOWN = 60


@dataclass(slots=True)
class _Calls:
    accepted: list[Entry] = field(default_factory=list)
    refused: list[Entry] = field(default_factory=list)


def reconcile(
    asked: Sequence[Asked], calls: Iterable[Entry], states: Mapping[str, str], read: Read = arrived
) -> list[Finding]:
    """Everything that is not as it should be.

    Parameters:
        calls: the whole journal.
        states: how each delivery ended, by its id.
        read: what was accepted by a call.
    """
    by_delivery = {one.delivery: _Calls() for one in asked}
    found: list[Finding] = []
    owners = _Owners(asked)
    for entry in calls:
        if not is_sending(entry):
            continue
        owner = owners.of(entry, by_delivery)
        if owner is None:
            found.append(
                Finding("unasked", f"{entry.vendor} {entry.action}", f"to {entry.recipient}, call {entry.sequence}")
            )
        else:
            made = by_delivery[owner.delivery]
            (made.accepted if entry.accepted else made.refused).append(entry)
    for one in asked:
        found += _judge(one, by_delivery[one.delivery], states.get(one.delivery, "not in the ledger"), read)
    return found


def is_sending(entry: Entry) -> bool:
    """Whether a call was to send something that was asked for.

    One that was refused as the demo wanted it, before it could say for whom it was, is none.
    """
    was_to_fail = entry.recipient is None and not entry.accepted and "behaviour" in entry.answered
    return entry.action not in PREPARATION and entry.vendor not in OF_ITS_OWN and not was_to_fail


class _Owners:
    """Finds whose a call is: by the delivery's id where the call carries it, else by its recipient."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        self._by_delivery = {one.delivery: one for one in asked}
        self._by_target: defaultdict[tuple[str, str], list[Asked]] = defaultdict(list)
        for one in asked:
            for vendor in one.vendors:
                self._by_target[vendor, one.target].append(one)

    def of(self, entry: Entry, made: Mapping[str, _Calls]) -> Asked | None:
        if entry.delivery is not None:
            return self._by_delivery.get(entry.delivery)
        candidates = self._by_target.get((entry.vendor, entry.recipient or ""), [])
        # Of several to one target, the one that still lacks a call; they differ in what they say, which is compared.
        lacking = (one for one in candidates if len(made[one.delivery].accepted) < one.accepted)
        return next(lacking, candidates[0] if candidates else None)


def _judge(one: Asked, made: _Calls, state: str, read: Read) -> Iterator[Finding]:
    if len(made.accepted) < one.accepted:
        yield Finding("missing", one.what, f"{' or '.join(one.vendors)} never took it")
    if len(made.accepted) > one.accepted:
        numbers = ", ".join(str(entry.sequence) for entry in made.accepted)
        yield Finding(
            "doubled", one.what, f"taken {len(made.accepted)} times instead of {one.accepted}: calls {numbers}"
        )
    if one.refused is not None and len(made.refused) != one.refused:
        yield Finding("refusals", one.what, f"refused {len(made.refused)} times instead of {one.refused}")
    if strangers := {entry.vendor for entry in made.accepted} - set(one.vendors):
        yield Finding("unasked", one.what, f"taken by {', '.join(sorted(strangers))}, not {' or '.join(one.vendors)}")
    if state not in one.states:
        yield Finding("state", one.what, f"it is {state} instead of {one.state}")
    for entry in made.accepted:
        if one.not_before and datetime.fromisoformat(entry.time) < one.not_before:
            yield Finding("early", one.what, f"call {entry.sequence} was before {one.not_before.isoformat()}")
        yield from _compare(one, entry, read)


def _compare(one: Asked, entry: Entry, read: Read) -> Iterator[Finding]:
    if one.content is None:
        return
    try:
        got = read(entry)
    except (KeyError, ValueError, LookupError) as error:
        yield Finding("altered", one.what, f"call {entry.sequence} cannot be read: {error!r}")
        return
    differing: list[tuple[str, object, object]] = [("to", one.target, got.target)]
    if one.channel == "email":
        differing.append(("name", one.name, got.name))
    differing += [
        (part.name, getattr(one.content, part.name), getattr(got.content, part.name, None))
        for part in fields(one.content)
        if part.name not in DECIDED_ELSEWHERE
    ]
    for name, wanted, had in differing:
        if _without_last_end(wanted) != _without_last_end(had):
            yield Finding("altered", one.what, f"{name}: {_difference(wanted, had)}")


def _without_last_end(value: object) -> object:
    """Text without its last line end, which every text in a mail has (RFC 2046 section 4.1.1)."""
    return value.removesuffix("\n") if isinstance(value, str) else value


def _difference(wanted: object, had: object) -> str:
    """Where two values part, in a few words."""
    if isinstance(wanted, str) and isinstance(had, str):
        at = next((i for i, (a, b) in enumerate(zip(wanted, had, strict=False)) if a != b), min(len(wanted), len(had)))
        return f"from character {at} on {had[at : at + _SHOWN]!r} instead of {wanted[at : at + _SHOWN]!r}"
    return f"{str(had)[:_SHOWN]!r} instead of {str(wanted)[:_SHOWN]!r}"
