"""Whether a running cluster works: its programs, its database and broker, its gateway."""

from collections.abc import Callable
from dataclasses import replace

import requests

from crier.local.checks import Check, examine
from crier.local.cluster import Cluster
from crier.local.endpoints import check_broker, check_database, check_redis
from crier.local.providers import providers
from crier.local.running import Running
from crier.local.states import ProgramState


def health(cluster: Cluster) -> list[Check]:
    """Look at everything that must work for a notification to be accepted and delivered.

    Raises:
        NotRunning: there is no cluster.
    """
    running = cluster.running()
    programs = cluster.states()
    checks = [_program(state) for state in programs]
    embedded = {state.name for state in programs}
    database_url, broker_url = (running.environment[name] for name in ("CRIER_DATABASE_URL", "CRIER_BROKER_URL"))
    redis_url = running.environment.get("CRIER_REDIS_URL")
    checks.append(_server("database", "postgres", embedded, lambda: check_database(database_url)))
    checks.append(_server("broker", "redis", embedded, lambda: check_broker(broker_url)))
    if redis_url:
        checks.append(_server("results", "redis", embedded, lambda: check_redis(redis_url)))
    if any(state.name == "gateway" for state in programs):
        checks.append(_gateway(running))
    if any(state.name == "inbox" for state in programs):
        checks.append(_inbox(running.environment["CRIER_INAPP_PORT"]))
    if all(check.level == "ok" for check in checks if check.name in ("broker", "results")):
        checks += providers(running.environment)
    return checks


def _program(state: ProgramState) -> Check:
    look = f"See why with `crier logs {state.name}`."
    if state.is_unsteady:
        return Check(state.name, "fail", f"It ends again and again; restarts: {state.restarts}.", look)
    if state.state != "running":
        remedy = f"Start it with `crier restart {state.name}`." if state.state == "stopped" else look
        return Check(state.name, "fail", f"It is {state.state}.", remedy)
    if state.restarts:
        return Check(state.name, "warn", f"It runs; restarts: {state.restarts}.", look)
    return Check(state.name, "ok", "It runs.")


def _server(name: str, program: str, embedded: set[str], look: Callable[[], str]) -> Check:
    check = examine(name, look)
    if check.level == "fail" and program in embedded:
        return replace(check, remedy=f"See why with `crier logs {program}`; `crier restart {program}` starts it anew.")
    return check


def _inbox(port: str) -> Check:
    url = f"http://127.0.0.1:{port}/readyz"
    try:
        answer = requests.get(url, timeout=5)
        said = "says it is ready" if answer.ok else f"answers {answer.status_code}: {answer.text[:200].strip()}"
    except requests.RequestException as error:
        answer, said = None, f"does not answer: {error}"
    is_fine = answer is not None and answer.ok
    remedy = "" if is_fine else "See why with `crier logs inbox`; `crier restart inbox` starts it anew."
    return Check("inboxes", "ok" if is_fine else "fail", f"{url} {said}.", remedy)


def _gateway(running: Running) -> Check:
    url = f"{running.url}/readyz"
    try:
        answer = requests.get(url, timeout=5)
    except requests.RequestException as error:
        remedy = "See why with `crier logs gateway`; `crier restart gateway` starts it anew."
        return Check("readiness", "fail", f"{url} does not answer: {error}", remedy)
    if answer.ok:
        return Check("readiness", "ok", f"{url} says it is ready.")
    remedy = (
        "See why with `crier logs gateway`. Tables that are not up to date are mended by `crier down` and `crier up`."
    )
    return Check("readiness", "fail", f"{url} answers {answer.status_code}: {answer.text[:200].strip()}", remedy)
