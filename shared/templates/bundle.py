"""Everything one version of a template needs, in one value that can be stored, compared and compiled."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from shared.errors import TemplateError
from shared.templates.locales import LAYOUT, of_folder

FORMAT = 1
"""The version of the JSON form; a reader refuses one it does not know."""

MAX_BYTES = 512 * 1024
_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")
_FILE = re.compile(r"(_layout/)?([A-Za-z][A-Za-z0-9_-]{1,34}/)?[a-z0-9][a-z0-9_.-]{0,99}")


@dataclass(frozen=True)
class Bundle:
    """One version of a template: its own files by name, and the shared ones it uses as `_layout/<name>`.

    What is in a language of its own has its folder in the name: `de/sms.body.txt`, `_layout/de/words.txt`.

    Raises `TemplateError` for a name or a size no template may have.
    """

    name: str
    files: Mapping[str, str]

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise TemplateError(
                f"'{self.name}' cannot be a template's name: use small letters, digits and _, e.g. trip_delay."
            )
        for file, text in self.files.items():
            if not _FILE.fullmatch(file):
                raise TemplateError(f"{self.name}: '{file}' cannot be a file's name here.", file=file)
            if not isinstance(text, str):
                raise TemplateError(f"{self.name}: {file} must be text.", file=file)
        try:
            size = sum(len(text.encode()) for text in self.files.values())
        except UnicodeEncodeError:
            raise TemplateError(f"{self.name}: a file has half a character (a lone surrogate).") from None
        if size > MAX_BYTES:
            raise TemplateError(f"{self.name}: the files have more than {MAX_BYTES // 1024} KB together.")
        object.__setattr__(self, "files", MappingProxyType(dict(sorted(self.files.items()))))

    @cached_property
    def checksum(self) -> str:
        """SHA-256 (hex) of the name and the files: equal for equal bundles, whatever the order of the files."""
        canonical = json.dumps([FORMAT, self.name, dict(self.files)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """The form the ledger stores.

        Languages stand beside `files`: a version of Crier that knows of none reads what is left, instead of nothing.
        """
        files: dict[str, str] = {}
        variants: dict[str, dict[str, str]] = {}
        for file, text in self.files.items():
            folder, name = of_folder(file)
            (variants.setdefault(folder, {}) if folder else files)[name] = text
        stored = {"format": FORMAT, "name": self.name, "files": files}
        return {**stored, "variants": variants} if variants else stored

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "Bundle":
        """The bundle that `to_json` gave; `TemplateError` when it was written in a format unknown here."""
        if stored.get("format") != FORMAT:
            raise TemplateError(
                f"This template is stored in format {stored.get('format')!r}; this version of Crier reads {FORMAT}."
            )
        name, files = stored.get("name"), stored.get("files")
        variants = stored.get("variants", {})
        if not isinstance(name, str) or not isinstance(files, Mapping) or not isinstance(variants, Mapping):
            raise TemplateError("A stored template needs a name and its files.")
        flat = {
            (f"{LAYOUT}{folder}/{file.removeprefix(LAYOUT)}" if file.startswith(LAYOUT) else f"{folder}/{file}"): text
            for folder, inside in variants.items()
            for file, text in inside.items()
        }
        return cls(name, {**files, **flat})
