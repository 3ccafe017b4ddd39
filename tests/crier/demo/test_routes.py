"""Every provider has its turn in the demo."""

import importlib
import pkgutil
from pathlib import Path

import services
from crier.demo.arrived import READERS
from crier.demo.rich import KINDS
from crier.demo.routes import PREFERRED, SHARED, SHARED_LANE, preferred, shared, vendors


def providers() -> set[tuple[str, str]]:
    channels = [found.name for found in pkgutil.iter_modules(services.__path__) if found.ispkg]
    return {
        (channel, name)
        for channel in channels
        if Path(services.__path__[0], channel, "providers").is_dir()
        for name in importlib.import_module(f"services.{channel}.providers").VENDORS
    }


def test_every_provider_has_its_turn():
    # Who is preferred sends everything that a message can have too, and so does everybody who shares.
    turns = {(channel, names[0]) for channel, names in PREFERRED.items()}
    turns |= {(channel, name) for channel, names in SHARED.items() for name in names}
    turns.add(("chat", "apprise"))  # has a scene of its own
    assert turns == providers(), "crier/demo/routes.py names each provider"
    assert set(KINDS) == set(PREFERRED)


def test_what_every_vendor_received_can_be_read():
    named = {name for table in (PREFERRED, SHARED) for names in table.values() for name in names}
    assert named == set(READERS), "crier/demo/arrived/ has a reader for each vendor's stand-in"


def test_routes_are_by_preference_or_shared_to_equal_parts():
    assert preferred()["CRIER_SMS_ROUTE"] == "twilio,http"
    assert shared()["CRIER_SMS_ROUTE"] == "twilio:1,http:1"


def test_one_lane_is_shared_where_there_is_anybody_to_share():
    assert vendors("email", SHARED_LANE) == SHARED["email"]
    assert vendors("email", "normal") == PREFERRED["email"]
    assert vendors("whatsapp", SHARED_LANE) == PREFERRED["whatsapp"]
