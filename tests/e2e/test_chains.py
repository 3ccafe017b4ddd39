"""Chains through real processes: refused and sent on at once, killed relays, and what the workers say they report."""

from pathlib import Path
from typing import Any

from sqlalchemy import text

from crier.local.home import Home
from tests.crier.cli.conftest import Client
from tests.e2e.conftest import System

PHONE, DEAD = "+447700900321", "unregistered-token"
CHAIN: dict[str, Any] = {
    "channel": ["push", "sms"], "until": "sent", "to": {"tokens": [DEAD], "phone": PHONE},
    "content": {"push": {"title": "Table", "body": "Ready."}, "sms": {"body": "Your table is ready."}},
}  # fmt: skip

ROUTES = text("SELECT queue FROM routes")


def send(system: System, **given: Any) -> Any:
    return system.http("POST", "/v1/notifications", json={**CHAIN, **given})


def chain_of(system: System, identifier: str) -> Any:
    return system.http("GET", f"/v1/notifications/{identifier}").json()["chain"]


def told(system: System) -> set[str]:
    return {row.queue for row in system.runtime.database.rows(ROUTES)}


def test_from_the_request_to_the_second_channel_whatever_dies(redis_system: System, tmp_path: Path):
    system = redis_system
    system.start("gateway", "push", "sms", environment={"CRIER_PUSH_ROUTE": "fcm", "CRIER_SMS_ROUTE": "twilio"})
    system.wait_until(lambda: told(system) >= {"push.normal", "sms.normal"}, "the workers have said who sends")
    # FCM reports nothing of what it took: whoever waits for that would always get the SMS as well.
    refused = send(system, until="delivered")
    assert refused.status_code == 422
    assert "fcm does not report it" in refused.json()["errors"][0]["problem"]
    # No relay: the chain stands still, and nothing of it is lost.
    identifier = send(system).json()["id"]
    system.wait_until(lambda: chain_of(system, identifier)["steps"][0]["state"] == "failed", "the push was refused")
    assert chain_of(system, identifier)["steps"][1]["state"] == "waiting"
    system.start("relay")
    system.wait_until(lambda: chain_of(system, identifier)["state"] == "succeeded", "the SMS was sent")
    many = [send(system, to={"tokens": [DEAD], "phone": f"+44770090{number:04d}"}).json()["id"] for number in range(40)]
    system.kill("relay")
    system.start("relay")
    system.wait_until(lambda: all(chain_of(system, one)["state"] == "succeeded" for one in many), "all have succeeded")
    texts = system.sent_to("twilio")
    assert texts == {PHONE: 1, **{f"+44770090{number:04d}": 1 for number in range(40)}}
    _typed(system, tmp_path)


def _typed(system: System, tmp_path: Path) -> None:
    typed = Client(Home(tmp_path / "home"), system.gateway_port, system.key)
    content = tmp_path / "content.json"
    content.write_text('{"push": {"title": "Table", "body": "Ready."}, "sms": {"body": "Your table is ready."}}')
    to = ["--to", f"token:{DEAD}", "--to", "+447700900999"]
    sent = typed.run(
        "send", "--channel", "push,sms", "--fallback-after", "1m", "--until", "sent", *to, "--content", f"@{content}",
        "--wait",
    )  # fmt: skip
    assert sent.returncode == 0, sent.stdout + sent.stderr
    assert "1 of 2, push." in sent.stdout
    assert "The chain has succeeded by sms." in sent.stdout
    [identifier] = [word for word in sent.stdout.split() if len(word) == 36 and word.count("-") == 4][:1]
    shown = typed.run("show", identifier).stdout
    for part in ("push → sms.normal", "chain: succeeded by sms", "WHY IT WAS NOT ENOUGH", "push failed:"):
        assert part in shown
    wrong = typed.run("send", "--channel", "push,smms", *to, "--content", f"@{content}")
    assert wrong.returncode == 2
    assert "'smms' is none of email, sms" in wrong.stderr
    for name, value in (("--fallback-after", "soon"), ("--until", "red")):
        assert typed.run("send", "--channel", "push,sms", name, value, *to, "--content", f"@{content}").returncode == 2
