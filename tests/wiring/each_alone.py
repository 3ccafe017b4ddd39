"""Imports each of our modules as the first one, and prints what went wrong by module, as JSON.

What we import from others is imported once, before; then every module has a fork of this process to itself.
"""

import ast
import importlib
import json
import os
import sys
from pathlib import Path

OURS = ("shared", "services", "crier")


def modules(root: Path) -> dict[str, Path]:
    """Our modules by name. `__main__` is left out: importing it runs it."""
    found = {}
    for path in sorted(path for package in OURS for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] != "__main__" and "migrations" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_others(paths: list[Path]) -> None:
    """Import what our modules import from the standard library and from packages."""
    named = set()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                named.add(node.module)
    for name in sorted(named):
        if name.split(".")[0] not in OURS:
            importlib.import_module(name)


def problem_of(name: str) -> str | None:
    """What a process writes to standard error when it imports `name` first."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(writing, sys.stderr.fileno())
        importlib.import_module(name)
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        problem = pipe.read()
    os.waitpid(child, 0)
    return problem or None


def main(root: Path) -> None:
    """Try them all."""
    sys.path.insert(0, str(root))
    ours = modules(root)
    import_others(list(ours.values()))
    json.dump({name: problem_of(name) for name in ours}, sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
