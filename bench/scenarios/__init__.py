"""What is measured: a module each, listed here in the order they run.

What is long and runs once is first, so that further rounds of the others fill the time that is left.
"""

from bench.scenario import Scenario
from bench.scenarios.accept_bulk import ACCEPT_EMAIL, ACCEPT_PHONE
from bench.scenarios.accept_one import ACCEPT_ONE
from bench.scenarios.at_rest import AT_REST
from bench.scenarios.batch_size import BATCH_SIZE
from bench.scenarios.broker_memory import BROKER_MEMORY
from bench.scenarios.critical import CRITICAL
from bench.scenarios.drain import DRAIN_INSTANT, DRAIN_SLOW
from bench.scenarios.growth import GROWTH
from bench.scenarios.lists import LISTS
from bench.scenarios.pick_up import PICK_UP
from bench.scenarios.single import SINGLE

SCENARIOS: tuple[Scenario, ...] = (
    GROWTH, LISTS, DRAIN_INSTANT, DRAIN_SLOW, SINGLE, ACCEPT_ONE, ACCEPT_EMAIL, ACCEPT_PHONE, PICK_UP, *CRITICAL,
    BROKER_MEMORY, AT_REST, BATCH_SIZE,
)  # fmt: skip
