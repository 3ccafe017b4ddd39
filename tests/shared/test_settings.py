"""Wrong settings never reach run time, and every one is named at once."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from shared.errors import SettingsError
from shared.settings import EngineSettings, load, load_one, one_of, positive, setting

GOOD = {"CRIER_DATABASE_URL": "postgresql://u:p@db/crier", "CRIER_BROKER_URL": "redis://broker:6379/0"}


@dataclass(frozen=True)
class Example:
    size: int = setting("EXAMPLE_SIZE", "A size.", check=positive)
    names: tuple[str, ...] = setting("EXAMPLE_NAMES", "Names.", default=())
    folder: Path | None = setting("EXAMPLE_FOLDER", "A folder.", default=None)
    on: bool = setting("EXAMPLE_ON", "A switch.", default=False)
    mode: str = setting("EXAMPLE_MODE", "A mode.", default="fast", check=one_of("fast", "slow"))
    password: int = setting("EXAMPLE_PASSWORD", "A secret number.", default=0, secret=True)


def problems(cls, environ):
    with pytest.raises(SettingsError) as caught:
        load_one(cls, environ)
    return caught.value.problems


def test_values_are_parsed_by_type():
    made = load_one(
        Example,
        {"EXAMPLE_SIZE": "3", "EXAMPLE_NAMES": "a, b,", "EXAMPLE_FOLDER": "/tmp", "EXAMPLE_ON": "true"},
    )
    assert made == Example(3, ("a", "b"), Path("/tmp"), True)


def test_every_problem_is_reported_at_once():
    found = problems(
        Example, {"EXAMPLE_SIZE": "many", "EXAMPLE_MODE": "fasst", "EXAMPLE_ON": "perhaps", "EXAMPLE_NAME": "x"}
    )
    assert len(found) == 4
    assert found[0] == "EXAMPLE_SIZE must be a whole number, not 'many'."
    assert "Did you mean 'fast'?" in " ".join(found)
    assert "EXAMPLE_NAME is not a setting. Did you mean EXAMPLE_NAMES?" in found


def test_an_empty_variable_is_an_unset_one():
    assert problems(Example, {"EXAMPLE_SIZE": "  "}) == ("EXAMPLE_SIZE is not set. A size.",)


def test_a_secret_is_not_shown():
    assert "hunter2" not in str(problems(Example, {"EXAMPLE_SIZE": "1", "EXAMPLE_PASSWORD": "hunter2"}))


def test_several_classes_report_together():
    with pytest.raises(SettingsError) as caught:
        load(Example, EngineSettings, environ={})
    assert {problem.split()[0] for problem in caught.value.problems} == {
        "EXAMPLE_SIZE",
        "CRIER_DATABASE_URL",
        "CRIER_BROKER_URL",
    }


@pytest.mark.parametrize(
    ("variable", "value", "named"),
    [
        ("CRIER_PROVIDER_TIMEOUT", "15", "CRIER_BATCH_TIMEOUT"),
        ("CRIER_BATCH_TIMEOUT", "20", "CRIER_TIME_LIMIT"),
        ("CRIER_TIME_LIMIT", "31", "CRIER_LEASE"),
        ("CRIER_LEASE", "20", "CRIER_TIME_LIMIT"),
    ],
)
def test_the_timing_numbers_are_checked_against_each_other(variable, value, named):
    found = problems(EngineSettings, GOOD | {variable: value})
    assert any(variable in problem and named in problem for problem in found)


@pytest.mark.parametrize("url", ["http://x", "localhost:6379", "amqp://", "sqs://queue"])
def test_a_broker_url_of_another_kind_is_refused(url):
    [found] = problems(EngineSettings, GOOD | {"CRIER_BROKER_URL": url})
    assert found.startswith("CRIER_BROKER_URL")


def test_a_database_on_a_unix_socket_is_accepted():
    load_one(EngineSettings, GOOD | {"CRIER_DATABASE_URL": "postgresql:///crier?host=/run/postgresql"})
