"""requirements/*.txt pin and hash what pyproject.toml asks for, and name no place to fetch it from."""

import ast
import importlib.metadata
import re
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FILES = sorted((ROOT / "requirements").glob("*.txt"))

every_file = pytest.mark.parametrize("file", FILES, ids=[file.stem for file in FILES])


def pinned(file: Path) -> dict[str, str]:
    return {
        str(canonicalize_name(name)): version
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", file.read_text(), re.MULTILINE)
    }


def asked_for(extra: str) -> list[Requirement]:
    """What the extra needs directly, the extras it includes among it."""
    needs = [Requirement(line) for line in PROJECT["optional-dependencies"][extra]]
    included = [name for need in needs if need.name == "crier" for name in need.extras]
    return [need for need in needs if need.name != "crier"] + [need for name in included for need in asked_for(name)]


def imported(folder: Path) -> set[str]:
    """The top-level modules of others that the code of a folder imports."""
    names: set[str] = set()
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                names |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                names.add(node.module)
    return {name.partition(".")[0] for name in names} - {*sys.stdlib_module_names, "shared", "services", "crier"}


@every_file
def test_every_requirement_is_pinned_and_hashed(file: Path):
    logical = re.sub(r"\\\n", " ", file.read_text())
    lines = [line for line in logical.splitlines() if line and not line.lstrip().startswith("#")]
    assert lines
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[^\s;]+( ; [^\\]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", line), line[:80]


@every_file
def test_it_says_nothing_of_where_it_was_made(file: Path):
    assert not re.search(r"://|file:|(^|\s)/", file.read_text(), re.MULTILINE)


@every_file
def test_it_is_what_pyproject_asks_for(file: Path):
    versions = pinned(file)
    for need in [Requirement(line) for line in PROJECT["dependencies"]] + asked_for(file.stem):
        name = canonicalize_name(need.name)
        assert name in versions, f"{need} is missing: run `make lock`"
        assert need.specifier.contains(versions[name]), f"{name}=={versions[name]} is not {need}: run `make lock`"


@every_file
def test_what_is_deployed_is_what_is_tested(file: Path):
    tested = pinned(ROOT / "requirements/dev.txt")
    assert pinned(file).items() <= tested.items()


@pytest.mark.parametrize("extra", [file.stem for file in FILES if file.stem != "dev"])
def test_what_the_code_imports_is_locked_for_it(extra: str):
    versions = pinned(ROOT / "requirements" / f"{extra}.txt")
    distributions = importlib.metadata.packages_distributions()
    for module in imported(ROOT / ("crier" if extra == "local" else f"services/{extra}")):
        assert {str(canonicalize_name(name)) for name in distributions[module]} & versions.keys(), module
