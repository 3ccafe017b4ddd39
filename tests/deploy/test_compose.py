"""compose.yaml agrees with the services, their settings and the way they are run elsewhere."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from crier.local.programs import Program
from shared.settings import EngineSettings, load_one

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text())
CONTAINERS: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: container for name, container in CONTAINERS.items() if "build" in container}
THEIRS = {name: container for name, container in CONTAINERS.items() if not container["image"].startswith("crier-")}
FOLDERS = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name[0] not in "._")
EXAMPLE = (ROOT / "deploy/compose.env.example").read_text()

# Given by the image or meaningless in it: the address inside a container is not for operators to change.
FIXED = {
    "CRIER_GATEWAY_HOST", "CRIER_GATEWAY_PORT", "CRIER_METRICS_PORT", "CRIER_INAPP_HOST", "CRIER_INAPP_PORT",
}  # fmt: skip
HALVES = {"inbox": "inapp"}
"""What runs as two containers of one image, which are told apart by SERVICE."""

every_container = pytest.mark.parametrize("container", CONTAINERS.values(), ids=CONTAINERS)
our_containers = pytest.mark.parametrize("service", OURS)


def test_there_is_a_container_for_every_service():
    assert sorted(OURS) == sorted([*FOLDERS, *HALVES])


@our_containers
def test_a_container_runs_the_image_of_its_service(service: str):
    image = HALVES.get(service, service)
    assert OURS[service]["build"]["args"] == {"SERVICE": image}
    assert OURS[service]["image"] == f"crier-{image}"
    assert OURS[service]["environment"].get("SERVICE", service) == service
    assert not {"command", "entrypoint"} & OURS[service].keys(), "the image knows how to start its service"


@every_container
def test_a_container_can_write_nothing_and_gain_nothing(container: Mapping[str, Any]):
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "cap_add", "devices", "pid", "network_mode"} & container.keys()


@pytest.mark.parametrize("container", THEIRS.values(), ids=THEIRS)
def test_a_server_is_not_root_is_pinned_and_is_watched(container: Mapping[str, Any]):
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["user"])
    assert re.fullmatch(r"[a-z]+:\d+\.\d+[\w.-]*", container["image"])
    assert container["healthcheck"]["test"]
    assert container["networks"] == ["inside"]


def test_nothing_but_the_gateway_and_inboxes_is_published_and_those_on_the_loopback():
    assert {name: container["ports"] for name, container in CONTAINERS.items() if "ports" in container} == {
        "gateway": ["${PUBLISH:-127.0.0.1:8025}:8025"],
        "inbox": ["${PUBLISH_INBOX:-127.0.0.1:8026}:8026"],
    }
    assert COMPOSE["networks"]["inside"] == {"internal": True}


@our_containers
def test_a_service_waits_for_what_it_needs(service: str):
    needs = {name: need["condition"] for name, need in OURS[service]["depends_on"].items()}
    assert needs == {
        "migrate": "service_completed_successfully",
        "redis": "service_healthy",
        "rabbitmq": "service_healthy",
    }
    assert CONTAINERS["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


@our_containers
def test_a_service_is_given_time_to_stop(service: str):
    grace = re.fullmatch(r"(\d+)s", OURS[service]["stop_grace_period"])
    assert grace
    assert int(grace[1]) >= Program(service, ()).grace


@our_containers
def test_a_service_is_given_its_own_settings_and_no_others(service: str, declared: Mapping[str, set[str]]):
    given = set(OURS[service]["environment"]) - {"SERVICE"}
    own = declared.get(f"services.{HALVES.get(service, service)}", set())
    assert own - FIXED <= given
    assert given - own <= declared["shared"]


def test_every_setting_that_all_share_reaches_somebody(declared: Mapping[str, set[str]]):
    given = {variable for container in OURS.values() for variable in container["environment"]}
    assert declared["shared"] - FIXED <= given


@our_containers
def test_what_a_service_is_given_makes_valid_settings(service: str):
    filled_in = {"POSTGRES_PASSWORD": "a1", "REDIS_PASSWORD": "b2", "CRIER_SECRET_KEY": "c3"}
    environ = {
        name: interpolated(str(value), filled_in)
        for name, value in OURS[service]["environment"].items()
        if value is not None
    }
    settings = load_one(EngineSettings, environ)
    assert settings.database_url == "postgresql://crier:a1@postgres:5432/crier"
    assert settings.broker_url == "redis://crier:b2@redis:6379/0"
    assert settings.redis_url == "redis://crier:b2@redis:6379/1"


def test_the_example_names_what_must_be_filled_in_and_nothing_unknown(declared: Mapping[str, set[str]]):
    text = (ROOT / "compose.yaml").read_text()
    assert set(re.findall(r"\$\{(\w+):\?", text)) == set(re.findall(r"^([A-Z_]+)=$", EXAMPLE, re.MULTILINE))
    used = set(re.findall(r"\$\{(\w+)", text)) | {"COMPOSE_PROFILES"} | set().union(*declared.values())
    assert set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, re.MULTILINE)) <= used


def interpolated(text: str, variables: Mapping[str, str]) -> str:
    """What Compose makes of `${A}`, `${A:-else}`, `${A:+then}` and `${A:?problem}`, innermost first."""

    def value(match: re.Match[str]) -> str:
        name, operator, rest = match.groups()
        found = variables.get(name, "")
        if operator == ":+":
            return rest if found else ""
        return found or (rest or "")

    while (changed := re.sub(r"\$\{(\w+)(?:(:[-+?])([^${}]*))?\}", value, text)) != text:
        text = changed
    return text
