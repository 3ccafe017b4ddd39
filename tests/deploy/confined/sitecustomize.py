"""Makes a Python see what the image of a service would hold: on PYTHONPATH, it is imported before anything else.

CONFINED_SERVICE: the only package of `services` there is; there is no `crier`.
CONFINED_REQUIREMENTS: the file that names the only distributions there are.
"""

import importlib.metadata
import os
import re
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Confined(MetaPathFinder):
    """A finder that does not see what an image does not hold: to whoever asks, it is not there."""

    def __init__(self, finder: Any, service: str, missing: frozenset[str]) -> None:
        self._finder = finder
        self._service = service
        self._missing = missing

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        foreign = top == "services" and rest and rest.partition(".")[0] != self._service
        if foreign or top in self._missing:
            return None
        found: ModuleSpec | None = self._finder.find_spec(fullname, path, target)
        return found

    def __getattr__(self, name: str) -> Any:
        # importlib.metadata asks finders for distributions.
        return getattr(self._finder, name)


def _missing(requirements: Path) -> frozenset[str]:
    installed = {_normal(name) for name in re.findall(r"^([\w.-]+)==", requirements.read_text(), re.MULTILINE)}
    found = importlib.metadata.packages_distributions().items()
    absent = {module for module, names in found if not installed & {_normal(name) for name in names}}
    return frozenset(absent - {"shared", "services"})


if "CONFINED_SERVICE" in os.environ:
    absent = _missing(Path(os.environ["CONFINED_REQUIREMENTS"]))
    sys.meta_path[:] = [Confined(finder, os.environ["CONFINED_SERVICE"], absent) for finder in sys.meta_path]
