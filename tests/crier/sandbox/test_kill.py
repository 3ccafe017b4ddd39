"""A sandbox that is killed: every call that was answered is in its journal."""

import os
import shlex
import signal
import smtplib
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from crier.sandbox import Sandbox, read
from tests.crier.sandbox.clients import mail, wait_for

ENOUGH = 150


@pytest.fixture
def process(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    ports = ["--port", "0", "--smtp-port", "0", "--smtps-port", "0"]
    command = [sys.executable, "-m", "crier.sandbox", "--folder", str(tmp_path), "--quiet", "--env", *ports]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as started:
        yield started
        started.kill()


def settings_of(process: subprocess.Popen[str]) -> dict[str, str]:
    assert process.stdout is not None
    settings: dict[str, str] = {}
    for line in process.stdout:
        name, _, value = line.removeprefix("export ").partition("=")
        settings[name] = shlex.split(value)[0]
        if name == "FCM_BASE_URL":
            break
    return settings


def send_sms_until_killed(settings: dict[str, str], answered: list[str], number: int) -> None:
    account = settings["TWILIO_ACCOUNT_SID"]
    url = f"{settings['TWILIO_BASE_URL']}/2010-04-01/Accounts/{account}/Messages.json"
    with requests.Session() as session:
        session.auth = (account, settings["TWILIO_AUTH_TOKEN"])
        while True:
            form = {"To": f"+4477009{number:05}", "From": settings["TWILIO_FROM"], "Body": "Hello"}
            try:
                answered.append(session.post(url, data=form, timeout=10).json()["sid"])
            except requests.RequestException:
                return


def send_mail_until_killed(settings: dict[str, str], answered: list[str]) -> None:
    try:
        with smtplib.SMTP(settings["SMTP_HOST"], int(settings["SMTP_PORT"]), timeout=10) as client:
            client.starttls()
            client.login(settings["SMTP_USERNAME"], settings["SMTP_PASSWORD"])
            while True:
                client.mail("shop@example.com")
                client.rcpt("ada@example.com")
                code, reply = client.data(mail().as_bytes())
                assert code == 250
                answered.append(reply.decode().rpartition(" ")[2])
    except (smtplib.SMTPException, OSError):
        return


def test_every_answered_call_survives_a_kill(process: subprocess.Popen[str], tmp_path: Path) -> None:
    settings = settings_of(process)
    answered: list[str] = []
    with ThreadPoolExecutor(6) as clients:
        for number in range(5):
            clients.submit(send_sms_until_killed, settings, answered, number)
        clients.submit(send_mail_until_killed, settings, answered)
        wait_for(lambda: len(answered) >= ENOUGH, 60)
        os.kill(process.pid, signal.SIGKILL)
    journalled = {entry.reference for entry in read(tmp_path / "journal.ndjson") if entry.accepted}
    assert len(answered) >= ENOUGH
    assert {len(reference) for reference in answered} == {len("SM") + 32, 16}  # both SMS and mail
    assert set(answered) <= journalled

    with Sandbox(tmp_path) as again:
        url = f"{again.url}/2010-04-01/Accounts/{settings['TWILIO_ACCOUNT_SID']}/Messages"
        auth = (settings["TWILIO_ACCOUNT_SID"], settings["TWILIO_AUTH_TOKEN"])
        sid = next(reference for reference in answered if reference.startswith("SM"))
        assert requests.get(f"{url}/{sid}.json", auth=auth, timeout=10).json()["status"] == "delivered"
