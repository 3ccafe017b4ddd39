"""What is measured: a module each, listed here in the order they run."""

from bench.scenario import Scenario
from bench.scenarios.accept_bulk import ACCEPT_EMAIL, ACCEPT_PHONE
from bench.scenarios.accept_one import ACCEPT_ONE
from bench.scenarios.drain import DRAIN_INSTANT, DRAIN_SLOW
from bench.scenarios.pick_up import PICK_UP

SCENARIOS: tuple[Scenario, ...] = (ACCEPT_ONE, ACCEPT_EMAIL, ACCEPT_PHONE, DRAIN_INSTANT, DRAIN_SLOW, PICK_UP)
