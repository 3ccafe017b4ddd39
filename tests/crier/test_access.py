"""Which gateway and key a client uses, and that a key only goes where it belongs."""

from pathlib import Path

import pytest

from crier.access import Access
from crier.errors import NoAccess
from crier.local.credentials import Credentials

NOTED = Credentials("http://127.0.0.1:8025", "crier_noted_key")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CRIER_HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def noted(home: Path) -> Path:
    NOTED.write(home / "credentials.toml")
    return home / "credentials.toml"


def test_arguments_come_before_the_environment_and_that_before_the_file(noted: Path):
    environ = {"CRIER_URL": "https://crier.example", "CRIER_API_KEY": "crier_of_environment"}
    given = Access.find("http://127.0.0.1:9/", "crier_given", environ)
    assert (given.url, given.api_key) == ("http://127.0.0.1:9", "crier_given")
    of_environment = Access.find(environ=environ)
    assert (of_environment.url, of_environment.api_key) == ("https://crier.example", "crier_of_environment")
    of_file = Access.find(environ={})
    assert (of_file.url, of_file.api_key, of_file.key_from) == (NOTED.url, NOTED.api_key, str(noted))


def test_a_noted_key_goes_to_no_other_gateway(noted: Path):
    with pytest.raises(NoAccess, match=r"CRIER_API_KEY is not set: https://elsewhere.example wants a key"):
        Access.find(environ={"CRIER_URL": "https://elsewhere.example"})
    assert Access.find(environ={"CRIER_URL": NOTED.url}).api_key == NOTED.api_key


@pytest.mark.usefixtures("home")
def test_without_any_the_error_says_both_remedies():
    with pytest.raises(NoAccess, match=r"crier up.*CRIER_URL and CRIER_API_KEY"):
        Access.find(environ={})


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("url", ["crier.example.com", "redis://127.0.0.1", "http://"])
def test_what_is_no_address_is_named(url: str):
    with pytest.raises(NoAccess, match="CRIER_URL must be an address such as"):
        Access.find(environ={"CRIER_URL": url, "CRIER_API_KEY": "crier_x"})


def test_a_key_is_not_shown():
    assert "secret" not in repr(Access("http://127.0.0.1", "crier_secret", "CRIER_API_KEY"))
