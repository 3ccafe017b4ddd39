"""Every provider has its turn in the demo."""

import importlib
import pkgutil
from pathlib import Path

import services
from crier.demo.arrived import READERS
from crier.demo.rounds import FIRST, OTHERS, routes


def providers() -> set[tuple[str, str]]:
    channels = [found.name for found in pkgutil.iter_modules(services.__path__) if found.ispkg]
    return {
        (channel, name)
        for channel in channels
        if Path(services.__path__[0], channel, "providers").is_dir()
        for name in importlib.import_module(f"services.{channel}.providers").VENDORS
    }


def test_every_provider_has_its_turn():
    turns = {turn for vendors in (FIRST, *OTHERS) for turn in vendors.items()}
    assert turns == providers(), "crier/demo/rounds.py names each provider once"


def test_what_every_vendor_received_can_be_read():
    vendors = {vendor for vendors in (FIRST, *OTHERS) for vendor in vendors.values()}
    assert vendors == set(READERS), "crier/demo/arrived/ has a reader for each vendor's stand-in"


def test_a_round_names_its_routes():
    assert routes({"email": "ses", "sms": "http"}) == {"CRIER_EMAIL_ROUTE": "ses", "CRIER_SMS_ROUTE": "http"}
