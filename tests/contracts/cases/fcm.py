"""Firebase Cloud Messaging."""

import json
from pathlib import Path

from crier.sandbox import Entry
from crier.sandbox.fcm.google_token import make_service_account
from services.push.providers import VENDORS
from services.push.providers.fcm_codes import OUTCOMES, row_of
from tests.contracts.case import ALERT, DEAD, FAULT, LATER, REFUSED, Case, Environment, Received, after, answered, push


def _read_fcm(entry: Entry) -> Received:
    message = json.loads(entry.received["body"])["message"]
    assert message["data"]["text"] == message["notification"]["body"]
    return Received(message["token"], message["notification"]["body"])


def _wrong_account(settings: Environment, folder: Path) -> Environment:
    """A key of the same account that is not its own."""
    account = json.loads(Path(settings["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    file = folder / "wrong.json"
    make_service_account(file, project=account["project_id"], token_uri=account["token_uri"])
    return {**settings, "FIREBASE_CREDENTIALS_PATH": str(file)}


def _google_secrets(settings: Environment) -> list[str]:
    """How access tokens and signed assertions begin, and every line of the private key."""
    account = json.loads(Path(settings["FIREBASE_CREDENTIALS_PATH"]).read_bytes())
    return ["ya29.", "eyJ", *account["private_key"].split("\n")[1:-2]]


CASE = Case(
    name="fcm",
    vendor=VENDORS["fcm"],
    message=push,
    read=_read_fcm,
    target="device-1",
    elsewhere=lambda settings, host, port: {**settings, "FCM_BASE_URL": f"http://{host}:{port}"},
    wrong_login=_wrong_account,
    secrets=_google_secrets,
    refusals={
        "UNREGISTERED": DEAD, "INVALID_ARGUMENT": DEAD, "INVALID_ARGUMENT field": REFUSED, "SENDER_ID_MISMATCH": ALERT,
        "QUOTA_EXCEEDED": after(60, "nobody"),
        "RATE_LIMIT_EXCEEDED": after(60), "UNAVAILABLE": LATER, "INTERNAL": LATER, "THIRD_PARTY_AUTH_ERROR": FAULT,
        "UNAUTHENTICATED": FAULT, "PERMISSION_DENIED": FAULT,
    },
    table=OUTCOMES,
    row_of=lambda entry: row_of(answered(entry)),
    # Of the token endpoint.
    not_refusals=frozenset(("invalid_grant", "invalid_scope", "invalid_client")),
)  # fmt: skip
