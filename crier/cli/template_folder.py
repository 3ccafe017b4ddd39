"""A folder as the template it is, and errors by the file they are in."""

from collections.abc import Mapping
from pathlib import Path

from crier.errors import ApiProblem
from shared.errors import TemplateError

MANIFEST = "template.toml"


def read_template(folder: Path) -> Mapping[str, str]:
    """The template's files by name, with those it uses of the `_layout` beside it.

    Raises:
        TemplateError: the folder is none, or a file is no text.
    """
    # Imported here: the template engine takes a second.
    from shared.templates.catalogue import bundle_of, load_layout, read_files

    if not (folder / MANIFEST).is_file():
        below = sorted(path.parent.name for path in folder.glob(f"*/{MANIFEST}"))
        hint = f" Its folders are templates: push {folder}/{below[0]}, or {folder}/*/." if below else ""
        raise TemplateError(f"A template has this file, with its variables.{hint}", file=f"{folder.name}/{MANIFEST}")
    return bundle_of(folder.absolute().name, read_files(folder), load_layout(folder.absolute().parent)).files


def complaints(folder: Path, error: ApiProblem | TemplateError) -> list[str]:
    """`folder/file:line: what is wrong`, as compilers write it: editors find the place."""
    if isinstance(error, TemplateError):
        place = f"{folder.parent / error.file}" if error.file else str(folder)
        return [f"{place}{f':{error.line}' if error.line else ''}: {error.reason}"]
    if not error.errors:
        return [f"{folder}: {error}"]
    return [f"{_path(folder, field)}: {problem}" for field, problem in error.errors]


def _path(folder: Path, field: str) -> Path:
    """Of a problem's field: `email.body.html:3`, `_layout/email.html:7`, `data.name` where the sample is wrong."""
    if field.startswith("_layout/"):
        return folder.parent / field
    return folder / (f"{MANIFEST} [sample] {field}" if field.startswith("data.") else field)
