"""What the images would hold, laid out in folders: no container engine is needed to try them."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from crier.local.ports import free_port
from crier.local.redis import find_redis
from shared.crypto import new_key

ROOT = Path(__file__).parents[2]
CONFINED = Path(__file__).parent / "confined"


@dataclass(frozen=True)
class Image:
    """A folder with what the Dockerfile copies for one service, run by a Python that sees only its packages."""

    service: str
    folder: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """As the Dockerfile sets it, on this machine's loopback and free ports."""
        return {
            "SERVICE": self.service,
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": os.pathsep.join([str(CONFINED), str(self.folder)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CONFINED_SERVICE": self.service,
            "CONFINED_REQUIREMENTS": str(ROOT / "requirements" / f"{self.service}.txt"),
            "CRIER_SECRET_KEY": new_key(),
            "CRIER_METRICS_PORT": str(free_port()),
            "CRIER_GATEWAY_PORT": str(free_port()),
            **self.variables,
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run the image's Python."""
        return subprocess.run(
            [sys.executable, *arguments],
            env=self.environment, cwd=self.folder.parent, capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip


@pytest.fixture
def image(tmp_path: Path) -> Callable[..., Image]:
    """Lays out the image of a service."""

    def lay_out(service: str, **variables: str) -> Image:
        folder = tmp_path / "app"
        dockerfile = (ROOT / "Dockerfile").read_text()
        for source, target in re.findall(r"^COPY (\S+/) (\S+)$", dockerfile, re.MULTILINE):
            source, target = (part.replace("${SERVICE}", service) for part in (source, target))
            shutil.copytree(
                ROOT / source, folder / target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
            )
        if service != "gateway":
            shutil.rmtree(folder / "templates")
        return Image(service, folder, variables)

    return lay_out


@dataclass(frozen=True)
class AclRedis:
    """A Redis started as in compose.yaml."""

    port: int
    password: str

    def client(self, user: str = "crier", password: str | None = None) -> "Redis":
        password = self.password if password is None else password
        return Redis(port=self.port, username=user, password=password, socket_timeout=5, retry=Retry(NoBackoff(), 0))

    @property
    def url(self) -> str:
        return f"redis://crier:{self.password}@127.0.0.1:{self.port}/0"


def wait(condition: Callable[[], object], seconds: float) -> None:
    """Return when `condition` is true; fail when it is not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:g} s"
        time.sleep(0.05)


@pytest.fixture
def until() -> Callable[[Callable[[], object], float], None]:
    """`wait`, for tests."""
    return wait


@pytest.fixture(scope="session")
def acl_redis(servers_folder: Path) -> Iterator[AclRedis]:
    """`deploy/redis/start` on a free port."""
    folder = servers_folder / "acl-redis"
    folder.mkdir()
    redis = AclRedis(free_port(), "correct-horse")
    path = os.pathsep.join([str(find_redis().parent), os.environ["PATH"]])
    options = ["--bind", "127.0.0.1", "--port", str(redis.port), "--dir", str(folder), "--save", ""]
    process = subprocess.Popen(
        ["sh", ROOT / "deploy/redis/start", *options],
        env={"PATH": path, "REDIS_PASSWORD": redis.password, "TMPDIR": str(folder)},
        stdout=subprocess.DEVNULL,
    )

    def answers() -> bool:
        assert process.poll() is None
        try:
            return bool(redis.client().ping())
        except RedisError:
            return False

    try:
        wait(answers, 20)
        yield redis
    finally:
        process.terminate()
        process.wait(20)


@pytest.fixture(scope="session")
def declared() -> dict[str, set[str]]:
    """The variables of all settings, by `shared` and by `services.<name>`."""
    code = (
        "import json; from crier.settings_page import declared_variables, forget_environment;"
        "forget_environment(); print(json.dumps(declared_variables()))"
    )
    done = subprocess.run([sys.executable, "-c", code], env={}, capture_output=True, text=True, check=True, cwd=ROOT)
    variables: dict[str, set[str]] = {}
    for module, names in json.loads(done.stdout).items():
        package = module.split(".")
        owner = ".".join(package[:2]) if package[0] == "services" else package[0]
        variables.setdefault(owner, set()).update(names)
    return variables
