"""The templates of an installation: a folder for each, and `_layout` for what they share."""

import os
import re
import sysconfig
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SettingsError, TemplateError
from shared.templates import files
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle

VARIABLE = "CRIER_TEMPLATES_PATH"
_USED = re.compile(r"""\{%-?\s*(?:extends|include|import|from)\s+["'](_layout/[^"']+)["']""")


def templates_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the templates are: `CRIER_TEMPLATES_PATH`, else beside the source, else what the wheel installed.

    Raises `SettingsError` when there is none.
    """
    configured = environ.get(VARIABLE)
    if configured:
        folder = Path(configured)
        if not folder.is_dir():
            raise SettingsError([f"{VARIABLE}: there is no folder {folder}; give the folder that holds the templates."])
        return folder
    beside = Path(__file__).resolve().parents[2] / "templates"
    installed = Path(sysconfig.get_path("data")) / "share" / "crier" / "templates"
    for folder in (beside, installed):
        if (folder / "_layout").is_dir():
            return folder
    raise SettingsError([f"{VARIABLE}: no templates were installed; set it to the folder that holds them."])


def load_catalogue(folder: Path | None = None) -> dict[str, Bundle]:
    """Every template of `folder` by name, each of them compiled once to see that it can be.

    Raises `TemplateError` with the file (`welcome/email.body.html`) and the line of the first that cannot.
    """
    folder = folder or templates_folder()
    layout = load_layout(folder)
    return {
        path.name: _load(path, layout)
        for path in sorted(folder.iterdir())
        if path.is_dir() and not path.name.startswith(("_", "."))
    }


def load_layout(folder: Path | None = None) -> dict[str, str]:
    """The files templates share, by the name they are used by (`_layout/email.html`)."""
    folder = folder or templates_folder()
    return {files.LAYOUT + name: text for name, text in read_files(folder / "_layout").items()}


def _load(path: Path, layout: Mapping[str, str]) -> Bundle:
    own = read_files(path)
    try:
        bundle = bundle_of(path.name, own, layout)
        compile_bundle(bundle)
    except TemplateError as error:
        file = error.file or ""
        place = file if file.startswith(files.LAYOUT) else f"{path.name}/{file}".rstrip("/")
        raise TemplateError(error.reason, file=place, line=error.line) from None
    return bundle


def bundle_of(name: str, own: Mapping[str, str], layout: Mapping[str, str]) -> Bundle:
    """A template's own files with those of the layout it uses, so that it stands alone.

    A template that brings a file of the layout itself keeps its own.
    """
    used: dict[str, str] = {}
    waiting = list(own.items())
    while waiting:
        file, text = waiting.pop()
        for other in _USED.findall(text) if not file.endswith((".toml", ".typ", ".css")) else ():
            if other in layout and other not in used and other not in own:
                used[other] = layout[other]
                waiting.append((other, layout[other]))
    sheet = files.LAYOUT + files.STYLESHEET
    if sheet in layout and any(file.endswith(".html") for file in used):
        used[sheet] = layout[sheet]
    return Bundle(name, {**used, **own})


def read_files(folder: Path) -> dict[str, str]:
    """The files of a folder by name; `TemplateError` names one that is a folder or no text."""
    read = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.name.startswith("."):
            continue
        if not path.is_file():
            raise TemplateError(
                "A template is a folder of files, without folders inside.", file=f"{folder.name}/{path.name}"
            )
        try:
            read[path.name] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise TemplateError("This is not UTF-8 text.", file=f"{folder.name}/{path.name}") from None
    return read
