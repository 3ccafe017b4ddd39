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


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


class Confinement(MetaPathFinder):
    """Refuses, as missing, every module an image does not hold."""

    def __init__(self, service: str, requirements: Path) -> None:
        self._service = service
        installed = {_normal(name) for name in re.findall(r"^([\w.-]+)==", requirements.read_text(), re.MULTILINE)}
        self._missing = {
            module
            for module, distributions in importlib.metadata.packages_distributions().items()
            if not installed & {_normal(name) for name in distributions}
        } - {"shared", "services"}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, _, rest = fullname.partition(".")
        foreign = top == "services" and rest and rest.partition(".")[0] != self._service
        if foreign or top in self._missing:
            raise ModuleNotFoundError(f"The image of {self._service} holds no {fullname}", name=fullname)
        return None


if "CONFINED_SERVICE" in os.environ:
    sys.meta_path.insert(0, Confinement(os.environ["CONFINED_SERVICE"], Path(os.environ["CONFINED_REQUIREMENTS"])))
