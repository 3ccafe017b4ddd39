"""Every image, laid out in a folder: it holds what its service needs, and that service starts, answers and stops."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.templates.files import REQUIRED

ROOT = Path(__file__).parents[2]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
FOLDERS = sorted(path.name for path in (ROOT / "services").iterdir() if path.is_dir() and path.name[0] not in "._")
UNWATCHED = [name for name, container in COMPOSE.items() if container.get("healthcheck") == {"disable": True}]

NOWHERE = {"CRIER_DATABASE_URL": "postgresql://127.0.0.1:1/x", "CRIER_BROKER_URL": "redis://127.0.0.1:1"}


@pytest.mark.parametrize("service", FOLDERS)
def test_a_service_imports_alone(image, service):
    alone = image(service, **NOWHERE)
    done = alone.run("-c", f"import services.{service} as s, shared; print(s.__file__); print(shared.__file__)")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        str(alone.folder / "services" / service / "__init__.py"),
        str(alone.folder / "shared" / "__init__.py"),
    ]


def test_what_an_image_does_not_hold_is_missing_from_it(image):
    sms = image("sms", **NOWHERE)
    for module in ("services.push", "crier", "flask", "css_inline"):
        done = sms.run("-c", f"import {module}")
        assert f"ModuleNotFoundError: No module named '{module}'" in done.stderr


def test_the_image_that_migrates_makes_an_empty_database_ready(image, empty_database_url):
    migrate = COMPOSE["migrate"]
    interpreter, *arguments = migrate["entrypoint"]
    assert interpreter == "python"
    placed = image(migrate["image"].removeprefix("crier-"), CRIER_DATABASE_URL=empty_database_url)
    done = placed.run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "one_time_code" in done.stdout


def test_the_container_that_makes_keys_prints_one_that_opens(image, database_url):
    container = COMPOSE["key"]
    placed = image(container["image"].removeprefix("crier-"), CRIER_DATABASE_URL=database_url)
    script = container["entrypoint"][1].replace("/app", str(placed.folder))
    made = placed.run(script, "shop", "read")
    assert made.returncode == 0, made.stderr
    database = Database(database_url, pool_size=1)
    identity = Keys(database).check(made.stdout.strip())
    database.close()
    assert identity
    assert (identity.project, identity.scopes) == ("shop", {"read"})
    refused = placed.run(script, "shop", "write")
    assert (refused.returncode, refused.stderr) == (1, "scopes: Must be among send, read, admin, not write.\n")


@pytest.mark.parametrize("channel", REQUIRED)
def test_a_channel_renders_every_template_it_has(image, channel):
    code = f"""
from pathlib import Path
from shared.templates.brand import Brand
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle

for name, bundle in load_catalogue(Path({str(ROOT / "templates")!r})).items():
    template = compile_bundle(bundle)
    if {channel!r} in template.channels:
        recipient = {{"name": "Ada", "email": "ada@example.com", "phone": "+447911123456"}}
        template.render({channel!r}, template.sample, recipient, Brand())
        print(name)
"""
    done = image(channel, **NOWHERE).run("-c", code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()


@pytest.mark.parametrize("service", FOLDERS)
def test_a_service_starts_becomes_healthy_and_stops_when_asked(image, service, database_url, acl_redis, until):
    placed = image(service, CRIER_DATABASE_URL=database_url, CRIER_BROKER_URL=acl_redis.url)
    environ, elsewhere = placed.environment, placed.folder.parent
    log = elsewhere / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["/bin/sh", placed.folder / "start"], env=environ, cwd=elsewhere, stdout=output, stderr=output
        )

    def healthy() -> bool:
        assert process.poll() is None, log.read_text()
        if service in UNWATCHED:
            return "Registered periodic actors" in log.read_text()
        asked = [sys.executable, placed.folder / "healthy.py"]
        return subprocess.run(asked, env=environ, capture_output=True, check=False).returncode == 0

    try:
        until(healthy, 60)
        process.terminate()
        assert process.wait(60) == 0, log.read_text()
    finally:
        process.kill()
        process.wait(10)
