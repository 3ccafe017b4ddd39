"""docs/architecture.md says what the code says: states, tables, middleware and actors."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from dramatiq.results.backends import StubBackend

from shared.broker.middleware import ordered_middleware
from shared.broker.middleware.lifecycle import Lifecycle
from shared.calendar import CALENDAR
from shared.ledger.states import LIVE, State

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/architecture.md").read_text()

DECLARED = """
import importlib, json
from crier.local.programs import WORKERS
from crier.settings_page import forget_environment
forget_environment()
broker = [importlib.import_module(f"services.{name}").broker for name in WORKERS][0]
kinds = ("max_retries", "min_backoff", "max_backoff", "time_limit", "store_results", "notify_shutdown")
print(json.dumps({a.actor_name: [a.queue_name, *map(a.options.get, kinds)] for a in broker.actors.values()}))
"""


def table(*header: str) -> list[list[str]]:
    """The rows of the page's table with these columns."""
    head = "| " + " | ".join(header) + " |\n"
    assert head in PAGE
    rows = PAGE.partition(head)[2].splitlines()[1:]
    until = next((number for number, row in enumerate(rows) if not row.startswith("|")), len(rows))
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[:until]]


def test_every_state_is_explained_and_drawn():
    rows = {row[0].strip("`"): row[2] for row in table("state", "meaning", "more happens by itself")}
    more = {str(state): "yes" if state in LIVE else "no" for state in State}
    assert rows == more | {str(State.UNKNOWN): "until it is held"}
    drawn = set(re.findall(r"(\w+) --> (\w+)", PAGE.partition("stateDiagram-v2")[2].partition("```")[0]))
    assert {name for move in drawn for name in move} == set(rows)
    assert [move for move in drawn if "scheduled" in move and move[1] == "started"] == [], "only a claim may start"


def test_every_table_of_the_ledger_is_explained():
    versions = (ROOT / "shared/ledger/migrations/versions").glob("*.py")
    made = {name for path in versions for name in re.findall(r"CREATE TABLE (\w+) \(", path.read_text())}
    explained = {name for row in table("table", "holds", "grows with") for name in re.findall(r"`(\w+)`", row[0])}
    assert explained == made


def test_the_verbs_are_where_the_page_says():
    for verb, where, _ in table("verb", "where", "what it does"):
        source = (ROOT / where.strip("`")).read_text()
        for name in verb.replace("due queues", "due_queues").split(", "):
            assert re.search(rf"def {name}\(", source), f"{name} is not in {where}"


def test_the_middleware_is_the_list_in_its_order():
    named = [row[0].strip("`") for row in table("middleware", "what it is for", "without it")]
    assert named == [type(one).__name__ for one in ordered_middleware(StubBackend(), Lifecycle())]


def test_the_actors_are_those_declared_with_their_options():
    done = subprocess.run([sys.executable, "-c", DECLARED], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    expected = [row(name, *options) for name, options in json.loads(done.stdout).items()]
    header = ("actor", "queue", "retries", "time limit", "keeps its result", "told of shutdown")
    assert [f"| {' | '.join(cells)} |" for cells in table(*header)] == expected


def test_the_deaths_of_workers_are_counted_for_every_actor():
    """In deliveries, ticks or campaigns: what kills its worker would otherwise be given to the next one for ever."""
    header = ("actor", "queue", "retries", "time limit", "keeps its result", "told of shutdown")
    actors = {cells[0].strip("`") for cells in table(*header)}
    others = {job.actor for job in CALENDAR} | {"campaigns.advance"}
    assert {name for name in actors if not name.endswith(".deliver")} == others


def row(name: str, queue: str, *options: Any) -> str:
    """An actor as the page shows it."""
    retries, least, most, limit, result, told = options
    pause = f"{retries}, {least / 1000:g}–{most / 1000:g} s"
    yes = {True: "yes", False: "no", None: "no"}
    return f"| `{name}` | `{queue}` | {pause} | {limit / 1000:g} s | {yes[result]} | {yes[told]} |"
