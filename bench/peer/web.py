"""The peer's API: bare Flask. It checks nobody's key and validates nothing."""

import os
from typing import Any
from uuid import uuid4

from flask import Flask, request

from bench.peer.celery_tasks import QUEUE, URGENT, deliver
from bench.peer.job import DATABASE
from bench.peer.rows import Rows

app = Flask(__name__)
rows = Rows(os.environ[DATABASE], connections=16)


@app.get("/readyz")
def ready() -> dict[str, str]:
    """It answers."""
    return {"status": "ok"}


@app.post("/v1/notifications")
def send() -> tuple[dict[str, str], int]:
    """One message; a critical one goes into a queue of its own."""
    asked = request.get_json()
    identifier, target = str(uuid4()), _target(asked["to"])
    rows.insert((identifier, asked["channel"], target, asked["data"]))
    queue = URGENT if asked.get("lane") == "critical" else QUEUE
    deliver.apply_async((identifier, target, asked["data"]), queue=queue)
    return {"id": identifier}, 202


@app.post("/v1/notifications/bulk")
def send_bulk() -> tuple[dict[str, int], int]:
    """One message to each of many."""
    asked = request.get_json()
    made = [
        (str(uuid4()), asked["channel"], _target(recipient["to"]), recipient["data"])
        for recipient in asked["recipients"]
    ]
    rows.insert_many(made)
    for identifier, _, target, data in made:
        deliver.delay(identifier, target, data)
    return {"accepted": len(made)}, 202


def _target(to: dict[str, Any]) -> str:
    return str(to.get("phone") or to["email"])
