"""What the views work with: made once, when the application is."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import Flask, current_app

from shared.crypto import Sealer
from shared.delivery.bells import Ringer
from shared.intake import Intake
from shared.intake.upload import Uploads
from shared.ledger.actions import Actions
from shared.ledger.batches import Batches
from shared.ledger.database import Database
from shared.ledger.devices import Devices
from shared.ledger.history import History
from shared.ledger.keys import Keys
from shared.ledger.listing import Listing
from shared.ledger.outbox import KeptMessages
from shared.ledger.template_store import TemplateStore
from shared.senders.allowed import AllowedSenders
from shared.senders.identities import Identities
from shared.templates.brand import Brand

_NAME = "crier"


@dataclass(frozen=True)
class Parts:
    """The verbs of the ledger, the way in, and the bells.

    Parameters:
        broker_state: says in a word how the broker is; asked by `/readyz`, which does not depend on the answer.
    """

    database: Database
    intake: Intake
    uploads: Uploads
    ringer: Ringer
    broker_state: Callable[[], str]
    actions: Actions
    batches: Batches
    devices: Devices
    history: History
    keys: Keys
    listing: Listing
    templates: TemplateStore
    identities: Identities
    allowed_senders: AllowedSenders
    outbox: KeptMessages

    @classmethod
    def of(
        cls,
        database: Database,
        sealer: Sealer,
        ringer: Ringer,
        *,
        brand: Brand | None = None,
        allowed_senders: AllowedSenders | None = None,
        broker_state: Callable[[], str] = lambda: "unknown",
    ) -> "Parts":
        """The parts over a database."""
        intake, batches = Intake(database, sealer, ringer), Batches(database)
        return cls(
            database=database,
            intake=intake,
            uploads=Uploads(intake, batches),
            ringer=ringer,
            broker_state=broker_state,
            identities=Identities(database, brand or Brand()),
            allowed_senders=allowed_senders or AllowedSenders(),
            actions=Actions(database),
            batches=batches,
            devices=Devices(database),
            history=History(database),
            keys=Keys(database),
            listing=Listing(database),
            templates=TemplateStore(database),
            outbox=KeptMessages(database, sealer),
        )

    def attach(self, app: Flask) -> None:
        """Make these the parts of `app`."""
        app.extensions[_NAME] = self


def parts() -> Parts:
    """The parts of the application that answers."""
    found: Parts = current_app.extensions[_NAME]
    return found
