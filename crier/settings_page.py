"""Prints `docs/settings.md`, made of the settings classes: `python -m crier.settings_page`, or `make settings-doc`."""

import importlib
import inspect
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from pathlib import Path
from typing import Any, get_type_hints

from shared.settings import describe, variable_of

ROOT = Path(__file__).resolve().parents[1]

INTRODUCTION = """\
# Settings

Every process reads its settings from the environment when it starts, and names every variable that is missing,
malformed or misspelt at once. A list is written with commas. What a provider requires is required where a route uses
that provider. `make settings-doc` writes this page from the settings classes.
"""

# Services declare their actors when they are imported, for which they need these. Nothing connects.
_PLACEHOLDERS = {
    "CRIER_DATABASE_URL": "postgresql://localhost/crier",
    "CRIER_BROKER_URL": "redis://localhost",
    "CRIER_SECRET_KEY": "0" * 43 + "=",
}

# Read where no settings class is: by clients, or before there are settings.
OTHERS = {
    "CRIER_HOME": ("a path", "`~/.crier`", "Where `crier up` keeps its data, logs and credentials."),
    "CRIER_URL": ("text", "that of `crier up`", "Where the gateway is, for clients: https://crier.example.com."),
    "CRIER_API_KEY": ("text, secret", "that of `crier up`", "The key of clients; `crier keys create` makes one."),
    "CRIER_TEMPLATES_PATH": (
        "a path",
        "unset",
        "The folder of templates, when it is not the one that came with Crier.",
    ),
}


def settings_classes() -> dict[str, list[type[Any]]]:
    """Every class of settings by its module, `shared` first. Imports the modules that declare one."""
    found: dict[str, list[type[Any]]] = {}
    for name in _modules():
        module = importlib.import_module(name)
        classes = [
            cls for _, cls in inspect.getmembers(module, inspect.isclass) if cls.__module__ == name and _declares(cls)
        ]
        if classes:
            found[name] = sorted(classes, key=lambda cls: inspect.getsourcelines(cls)[1])
    return found


def declared_variables() -> dict[str, list[str]]:
    """Every variable by the module that declares it."""
    return {
        module: [variable_of(declared) for cls in classes for declared in fields(cls)]
        for module, classes in settings_classes().items()
    }


def forget_environment() -> None:
    """Make this process one in which every service can be imported, whatever environment it was started in."""
    os.environ.clear()
    os.environ.update(_PLACEHOLDERS)


def _modules() -> Iterator[str]:
    for package in ("shared", "services", "crier"):
        for path in sorted((ROOT / package).rglob("*.py"), key=_shallow_first):
            if re.search(r"= \w*setting\(", path.read_text(encoding="utf-8")):
                yield ".".join(path.relative_to(ROOT).with_suffix("").parts)


def _shallow_first(path: Path) -> tuple[str, int, str]:
    parts = path.relative_to(ROOT).parts
    return parts[1] if parts[0] == "services" else "", len(parts), str(path)


def _declares(cls: type[Any]) -> bool:
    return is_dataclass(cls) and any("variable" in declared.metadata for declared in fields(cls))


def page() -> str:
    """The whole document."""
    sections = [INTRODUCTION]
    for module, classes in settings_classes().items():
        sections += [_section(module, cls) for cls in classes]
    rows = [
        f"| `{variable}` | {kind} | {default} | {meaning} |" for variable, (kind, default, meaning) in OTHERS.items()
    ]
    sections.append(_table("Elsewhere", "What clients read, and what is read before there are settings.", rows))
    return "\n".join(sections)


def _section(module: str, cls: type[Any]) -> str:
    hints = get_type_hints(cls)
    own = [declared for declared in fields(cls) if declared.name in vars(cls)["__annotations__"]]
    rows = [_row(declared, hints[declared.name]) for declared in own]
    about = (inspect.getdoc(cls) or "").splitlines()[0]
    shared = [f"`{base.__module__}`" for base in cls.__bases__ if is_dataclass(base)]
    return _table(f"`{module}`", " ".join([about, *(f"With those of {base}." for base in shared)]), rows)


def _table(title: str, about: str, rows: list[str]) -> str:
    head = ["| variable | type | default | meaning |", "|---|---|---|---|"]
    return "\n".join([f"## {title}", "", about, "", *head, *rows, ""])


def _row(declared: Field[Any], hint: Any) -> str:
    secret = declared.metadata["secret"]
    kind = describe(hint) + (", secret" if secret else "")
    meaning = str(declared.metadata["meaning"]).replace("|", "\\|")
    return f"| `{variable_of(declared)}` | {kind} | {_default(declared.default, secret=secret)} | {meaning} |"


def _default(value: Any, *, secret: bool) -> str:
    if value is MISSING:
        return "**required**"
    if value is None or value == ():
        return "unset"
    if secret:
        return "not shown"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    if isinstance(value, tuple):
        return f"`{','.join(value)}`"
    return f"`{value:g}`" if isinstance(value, float) else f"`{value}`"


if __name__ == "__main__":
    forget_environment()
    sys.stdout.write(page())
