"""A key file that is none is refused at start, with what it is instead."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from services.push.providers.fcm import FcmSettings
from services.push.settings import PushSettings
from shared.errors import SettingsError
from shared.settings import load_one

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)
ACCOUNT = {
    "type": "service_account",
    "project_id": "p",
    "client_email": "a@p.iam.gserviceaccount.com",
    "token_uri": "https://oauth2.googleapis.com/token",
    "private_key": KEY.decode(),
}


def load(file: Path) -> FcmSettings:
    return load_one(FcmSettings, {"FIREBASE_CREDENTIALS_PATH": str(file)})


def test_a_service_accounts_key_is_taken(tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text(json.dumps(ACCOUNT))
    assert load(file) == FcmSettings(credentials_path=file, base_url="https://fcm.googleapis.com")


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("not json", "is not JSON"),
        ("[]", "holds a JSON list"),
        ("{}", "holds no type"),
        (json.dumps({"type": "authorized_user"}), "holds type 'authorized_user'"),
        (json.dumps({"project_info": {}, "client": []}), "google-services.json"),
        (json.dumps({"type": "service_account", "client_email": "a@b"}), "without project_id, private_key, token_uri"),
        (json.dumps(ACCOUNT | {"private_key": "canary-7d1f"}), "private_key cannot be read"),
    ],
)
def test_anything_else_is_refused_by_what_it_is(tmp_path: Path, content: str, found: str) -> None:
    file = tmp_path / "key.json"
    file.write_text(content)
    with pytest.raises(SettingsError, match="FIREBASE_CREDENTIALS_PATH names ") as caught:
        load(file)
    assert found in str(caught.value)
    assert "canary-7d1f" not in str(caught.value)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(SettingsError, match=r"cannot be read: (No such file|Is a directory)"):
        load(tmp_path / name)


def test_the_route_is_a_list() -> None:
    assert load_one(PushSettings, {"CRIER_PUSH_ROUTE": "fcm, outbox"}).route == ("fcm", "outbox")
