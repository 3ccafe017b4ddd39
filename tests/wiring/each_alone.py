"""Imports each of our modules as the first one, and prints what went wrong by module, as JSON.

What we import from others is imported once, before; then every module has a process to itself. What happens first
when a module is imported is that its packages are, and then what it begins with importing. Where several begin alike, a
process imports that once, and theirs are forked off it: they find what they would find alone. Where a module was
imported there already, in a circle, and where anything failed, it is tried again in a process that has nothing of ours.
"""

import ast
import gc
import importlib
import json
import os
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

OURS = ("shared", "services", "crier")


@dataclass(frozen=True)
class Module:
    """One of our modules, and those of ours that are imported before its own code runs, in their order."""

    name: str
    begins_with: tuple[str, ...]


def modules(root: Path) -> dict[str, Path]:
    """Our modules by name. `__main__` is left out: importing it runs it."""
    found = {}
    for path in sorted(path for package in OURS for path in (root / package).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if parts[-1] != "__main__" and "migrations" not in parts:
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def import_others(trees: list[ast.Module]) -> None:
    """Import what our modules import from the standard library and from packages."""
    named = set()
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named.add(node.module)
    for name in sorted(named):
        if name.split(".")[0] not in OURS:
            importlib.import_module(name)


def module_of(name: str, tree: ast.Module, ours: dict[str, Path]) -> Module:
    """A module and what it begins with: its packages, then its imports, as far as they stand at its top level."""
    first = [above for above in packages_of(name) if above in ours]
    for node in tree.body:
        if isinstance(node, ast.Import):
            first += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            first += [node.module, *(one for one in inside if one in ours)]
    return Module(name, tuple(one for one in first if one in ours and one != name))


def packages_of(name: str) -> list[str]:
    """Of `a.b.c`: `a` and `a.b`."""
    parts = name.split(".")
    return [".".join(parts[:count]) for count in range(1, len(parts))]


@dataclass(frozen=True)
class Trial:
    """A process with some of our modules imported, and nothing else of ours.

    Parameters:
        report: the descriptor of a file that every process adds lines to.
        imported: what was imported on purpose, in its order.
    """

    report: int
    imported: tuple[str, ...] = ()

    def of(self, every: list[Module]) -> None:
        """Try modules that all begin with what was imported here."""
        groups: dict[str | None, list[Module]] = defaultdict(list)
        for one in every:
            if one.name not in sys.modules:
                groups[next((name for name in one.begins_with if name not in sys.modules), None)].append(one)
            elif set(self.imported) <= {*packages_of(one.name)}:
                self.say(one.name, None)  # importing its packages has imported it: so it is when it is the first
        for name, group in groups.items():
            if name is None or len(group) == 1:
                for one in group:
                    self.alone(one.name)
            else:
                further = replace(self, imported=(*self.imported, name))
                forked(name, lambda group=group, further=further: further.of(group))

    def alone(self, name: str) -> None:
        """Import a module in a process of its own, and say what it wrote to standard error."""
        self.say(name, forked(name, lambda: None))

    def say(self, name: str, problem: str | None) -> None:
        """Report a module."""
        os.write(self.report, json.dumps([name, problem and problem[-2000:]]).encode() + b"\n")


def forked(name: str, then: Callable[[], None]) -> str | None:
    """Import `name` in a fork, which then does more if that went well; what importing wrote to standard error."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        stderr = os.dup(sys.stderr.fileno())
        os.dup2(writing, sys.stderr.fileno())
        os.close(writing)
        importlib.import_module(name)
        sys.stderr.flush()
        os.dup2(stderr, sys.stderr.fileno())
        then()
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        problem = pipe.read()
    _, status = os.waitpid(child, 0)
    return problem or (f"It ended with {os.waitstatus_to_exitcode(status)}." if status else None)


def tried(every: list[Module], report: Path) -> dict[str, str | None]:
    """What became of each: those that could not be tried together are tried alone."""
    writing = os.open(report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = Trial(writing)
    nothing.of(every)
    found = dict(json.loads(line) for line in report.read_text().splitlines())
    for one in every:
        if one.name not in found or found[one.name]:
            nothing.alone(one.name)
    return dict(json.loads(line) for line in report.read_text().splitlines())


def main(root: Path, report: Path) -> None:
    """Try them all."""
    sys.path.insert(0, str(root))
    ours = modules(root)
    trees = {name: ast.parse(path.read_text()) for name, path in ours.items()}
    import_others(list(trees.values()))
    # Else every process that looks for garbage copies all that its parent imported.
    gc.disable()
    json.dump(tried([module_of(name, tree, ours) for name, tree in trees.items()], report), sys.stdout)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
