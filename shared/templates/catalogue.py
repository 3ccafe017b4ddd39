"""The templates of an installation: a folder for each, and `_layout` for what they share."""

import os
import re
import sysconfig
import tomllib
from collections.abc import Mapping
from pathlib import Path

from shared.errors import SettingsError, TemplateError
from shared.templates import files
from shared.templates.bundle import Bundle
from shared.templates.compiled import compile_bundle
from shared.templates.locales import canonical, fitting, of_folder

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
        compile_bundle(bundle).check_variants()
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
    for file in fitting(layout, _languages(own)):
        if of_folder(file)[1] in used:
            used[file] = layout[file]
    return Bundle(name, {**used, **own})


def _languages(own: Mapping[str, str]) -> set[str]:
    """The tags a template's own files are in, right or wrong: whoever compiles them says what is wrong."""
    folders = {of_folder(file)[0] for file in own} - {""}
    try:
        language = tomllib.loads(own.get(files.MANIFEST, "")).get("language")
    except tomllib.TOMLDecodeError:
        language = None
    return {*folders, language} if isinstance(language, str) else folders


def read_files(folder: Path) -> dict[str, str]:
    """The files of a folder by name, those of a language's folder with it: `de/sms.body.txt`.

    Raises `TemplateError` that names a file that is no text, or a folder that is no language.
    """
    read = {}
    for path in _inside(folder):
        if path.is_file():
            read[path.name] = _text(path, folder)
        elif canonical(path.name) is None:
            raise TemplateError(
                f"`{path.name}` is no locale: a template is a folder of files, and a folder for each further language.",
                file=f"{folder.name}/{path.name}",
            )
        else:
            read.update({f"{path.name}/{inner.name}": _text(inner, folder) for inner in _inside(path)})
    return read


def _inside(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.iterdir()) if not path.name.startswith(".")] if folder.is_dir() else []


def _text(path: Path, folder: Path) -> str:
    place = f"{folder.name}/{path.relative_to(folder)}"
    if not path.is_file():
        raise TemplateError("A language's folder has files only.", file=place)
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise TemplateError("This is not UTF-8 text.", file=place) from None
