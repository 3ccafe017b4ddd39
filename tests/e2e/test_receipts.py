"""What providers report finds its way: from the stand-ins over the gateway and the relay into the states."""

from sqlalchemy import text

from tests.e2e.conftest import System

SMS = {"channel": "sms", "content": {"body": "Your table is ready."}}
PUSH = {"channel": "push", "content": {"title": "Line 12", "body": "No trains."}}
ADA = "+447700900123"
EXPECTED = {
    ADA: "delivered",
    "+15005550305": "undelivered",
    "1dd608f2-c6a1-4e3a-851d-000c2940e62c": "delivered",
    "00000000-0000-4000-8000-000000000303": "undelivered",
}
"""By whom it is for, what the stand-ins report."""
REPORTS = 7
"""That each SMS and the first push were sent, and what became of all four."""


def test_receipts_that_come_early_repeated_and_shuffled_end_in_the_states_they_report(redis_system: System) -> None:
    system, gateway = redis_system, f"http://127.0.0.1:{redis_system.gateway_port}"
    system.environment |= {"CRIER_PUBLIC_URL": gateway, "CRIER_PUSH_ROUTE": "onesignal"}
    system.sandbox.callbacks(to=gateway, early=True, repeat=5, shuffle=True)
    system.start("gateway", "relay", "sms", "push")

    def send(target: str) -> str:
        request = SMS | {"to": {"phone": target}} if target.startswith("+") else PUSH | {"to": {"tokens": [target]}}
        return str(system.http("POST", "/v1/notifications", json=request).json()["id"])

    def state(notification: str) -> str:
        return str(system.http("GET", f"/v1/notifications/{notification}").json()["state"])

    def stored() -> int:
        return int(system.runtime.database.rows(text("SELECT count(*) AS count FROM receipts"))[0].count)

    sent = {target: send(target) for target in EXPECTED}
    system.wait_until(
        lambda: {target: state(one) for target, one in sent.items()} == EXPECTED, "every message has come to its end"
    )
    system.wait_until(lambda: stored() == REPORTS, "each report is there once")

    system.sandbox.simulate("twilio", "inbound", number=ADA, body="STOP")
    system.wait_until(lambda: state(send(ADA)) == "suppressed", "who wrote STOP is not written to")
