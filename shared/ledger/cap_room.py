"""How much room a person's caps have left: the rules, without where contacts are counted."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from shared.ledger.caps import Cap


class Asking(NamedTuple):
    """A delivery that is about to be started, and the caps that concern it.

    Parameters:
        person: whom it goes to, as `shared.ledger.person` hashes them.
    """

    delivery_id: UUID
    notification_id: UUID
    project_id: int
    person: UUID
    caps: Sequence[Cap]


class Over(NamedTuple):
    """A delivery for which there is no room, because of a cap; after `wait` seconds there is. None: it is dropped."""

    asking: Asking
    cap: Cap
    wait: float | None


class Contact(NamedTuple):
    """A notification that a person had so many seconds ago; below zero: that one is expected to have."""

    age: float
    notification_id: UUID


Place = tuple[int, str, UUID]
"""A project, the name of a cap, and a person."""


@dataclass(slots=True)
class Room:
    """What was counted, youngest first, for each cap and person."""

    contacts: dict[Place, list[Contact]] = field(default_factory=dict)

    def judge(self, asking: Iterable[Asking]) -> tuple[list[Asking], list[Over]]:
        """Those for which there is room, one after the other, and those for which there is none.

        Nothing is counted: what passes here may still be stopped. A notification to several devices counts once.
        """
        trial = Room({place: list(contacts) for place, contacts in self.contacts.items()})
        passed: list[Asking] = []
        over: list[Over] = []
        for one in asking:
            if verdict := trial.verdict(one):
                over.append(verdict)
                # Whoever waits has his place from then on, so that not all who wait come back at once.
                if verdict.wait is not None:
                    trial.count(one, age=-verdict.wait)
            else:
                passed.append(one)
                trial.count(one)
        return passed, over

    def verdict(self, one: Asking) -> Over | None:
        """Why there is no room; None where there is. What is dropped by one cap does not wait for another."""
        found = [Over(one, cap, wait) for cap in one.caps if (wait := self._wait(one, cap)) > 0]
        if not found:
            return None
        dropping = next((over for over in found if over.cap.over == "drop"), None)
        return dropping._replace(wait=None) if dropping else max(found, key=lambda over: over.wait or 0.0)

    def count(self, one: Asking, *, age: float = 0.0) -> None:
        """Count it, in place of what was counted for the same notification before."""
        for cap in one.caps:
            others = self._others(one, cap)
            place = next((number for number, other in enumerate(others) if other.age >= age), len(others))
            others.insert(place, Contact(age, one.notification_id))
            self.contacts[one.project_id, cap.name, one.person] = others

    def _wait(self, one: Asking, cap: Cap) -> float:
        others = self._others(one, cap)
        return cap.seconds - others[cap.most - 1].age if len(others) >= cap.most else 0.0

    def _others(self, one: Asking, cap: Cap) -> list[Contact]:
        contacts = self.contacts.get((one.project_id, cap.name, one.person), [])
        return [contact for contact in contacts if contact.notification_id != one.notification_id]
