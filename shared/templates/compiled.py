"""A bundle, compiled: checks the data callers send and renders it into the content of a channel."""

from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached

from shared.errors import TemplateError
from shared.messages.content import Content
from shared.templates import files, limits, locales
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.form import Form
from shared.templates.formats import formats_for
from shared.templates.manifest import DIGEST_COUNT, read_manifest

RECIPIENT = ("name", "email", "phone", "user_id", "locale", "timezone", "unsubscribe_url", "preferences_url")
"""What a template may use of `recipient`; what is not known is empty."""


DIGEST_MOST = 500
"""Items of a digest in one message, where its list has no `max_length` below that."""


class Template:
    """One compiled version of a template, each variant when it is first asked for. Safe to share between threads.

    Attributes:
        name, checksum: of the bundle.
        description: what it is for.
        kind: `transactional`, `code` or `promotion`.
        category: what it is about, of which people may choose; None: nothing they may choose about.
        links_to_preferences: it uses `recipient.preferences_url`, which takes time to make.
        language: the tag of the language it is written in.
        locales: that one, and those it has variants in.
        channels: the channels it can be sent over.
        variables: what is declared, see `variables.Variables`.
        sample: example data that passes `check`.
        secret_variables: names of those to encrypt at rest and wipe at the end.
        digest: the list that collects, where it can be sent as a digest; of that, `digest_most` are in a message.
    """

    def __init__(self, bundle: Bundle) -> None:
        if files.MANIFEST not in bundle.files:
            raise TemplateError("Every template has this file.", file=files.MANIFEST)
        manifest = read_manifest(bundle.files[files.MANIFEST])
        self.name = bundle.name
        self.checksum = bundle.checksum
        self.description = manifest.description
        self.kind = manifest.kind
        self.category = manifest.category
        self.links_to_preferences = any("preferences_url" in text for text in bundle.files.values())
        self.language = manifest.language
        self.variables = manifest.variables
        self.sample = manifest.sample
        self.secret_variables = manifest.variables.secret
        self.digest = manifest.digest
        self._manifest = manifest
        self._sources = _sources(bundle, manifest.language)
        self._forms: dict[str, Form] = {}
        self._own = self._compiled(self.language)
        self.locales = tuple(self._sources)
        self.channels = self._own.channels
        self._tags = {
            channel: [tag for tag, source in self._sources.items() if channel in source.channels]
            for channel in self.channels
        }

    @property
    def digest_most(self) -> int:
        """How many items of a digest a message has at most: as long as its list may be."""
        longest = self.variables.declared[self.digest].max_length if self.digest else None
        return min(longest or DIGEST_MOST, DIGEST_MOST)

    def check_variants(self) -> None:
        """Compile every variant now, instead of when it is first sent; `TemplateError` by file and line."""
        for tag in self.locales:
            self._compiled(tag)

    def check(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `data` as it was sent, or raise `InvalidInput` with every problem by path (`data.items.0.price`)."""
        return self.variables.check(data)

    def locale_for(self, channel: str, *wanted: str | None) -> str:
        """The language a message is in by `channel`, where the tags of `wanted` are asked for, the first one first."""
        found = locales.first_of(self._tags[channel], wanted)
        return found[0] if found else self.language

    def render(self, channel: str, data: Mapping[str, Any], recipient: Mapping[str, Any], brand: Brand) -> Content:
        """The content of `channel` for one recipient, in the language of the recipient, the brand or the template.

        Parameters:
            data: as it passed `check`.
            recipient: what is known of the addressee, see `RECIPIENT`.

        Raises `TemplateError` with file and line when the template cannot cope with the data.
        """
        if channel not in self.channels:
            raise TemplateError(f"{self.name} has no form for {channel}; it has {', '.join(self.channels)}.")
        try:
            values = self.variables.parse(data)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise TemplateError("The stored data does not fit the template's variables.") from error
        if self.digest:
            values.setdefault(DIGEST_COUNT, len(values[self.digest] or ()))
        form, locale = self._form(channel, (recipient.get("locale"), brand.locale))
        limits.start()
        formats = formats_for(form.language, locale, recipient.get("timezone"))
        context = {
            **values,
            "recipient": {key: recipient.get(key) for key in RECIPIENT},
            "brand": brand.context,
            "language": form.language,
            "direction": formats.direction,
            "_formats": formats,
        }
        return form.content(channel, context)

    def _form(self, channel: str, wanted: tuple[str | None, ...]) -> tuple[Form, str | None]:
        """The form for `channel`, and the tag that dates and amounts follow."""
        if len(self._sources) == 1:
            return self._own, locales.first_in(self.language, wanted)
        found = locales.first_of(self._tags[channel], wanted)
        return (self._compiled(found[0]), found[1]) if found else (self._own, None)

    def _compiled(self, tag: str) -> Form:
        form = self._forms.get(tag)
        if form is None:  # two threads may both make it, which harms nobody
            source = self._sources[tag]
            form = Form(self._manifest, tag, source.approved_as, source.files, source.origins)
            self._forms[tag] = form
        return form


@dataclass(frozen=True, slots=True)
class _Source:
    """What a form is compiled from; see `Form`."""

    language: str
    channels: tuple[str, ...]
    approved_as: str
    files: Mapping[str, str]
    origins: Mapping[str, str]


def _sources(bundle: Bundle, language: str) -> dict[str, _Source]:
    """The template's own files and those of its variants, by their tags; the own ones are the first."""
    own = {file: text for file, text in bundle.files.items() if not locales.of_folder(file)[0]}
    variants = locales.variants({file: text for file, text in bundle.files.items() if file not in own})
    layouts = {
        tag: {name: file for name, file in inside.items() if file.startswith(files.LAYOUT)}
        for tag, inside in variants.items()
    }

    def source(
        tag: str, channels: tuple[str, ...], approved_as: str, texts: Mapping[str, str], origins: Mapping[str, str]
    ) -> _Source:
        for candidate in locales.lookup(tag):  # what is there already is nearer
            origins = {**layouts.get(candidate, {}), **origins}
        translated = {name: bundle.files[file] for name, file in origins.items()}
        return _Source(tag, channels, approved_as, {**texts, **translated}, origins)

    made = {language: source(language, files.channels(own), bundle.name, own, {})}
    for tag, inside in sorted(variants.items()):
        origins = {name: file for name, file in inside.items() if not file.startswith(files.LAYOUT)}
        if not origins:
            continue
        folder = locales.of_folder(next(iter(origins.values())))[0]
        if tag == language:
            raise TemplateError(f"The template itself is in {tag}: its files stand beside template.toml.", file=folder)
        channels = files.variant(origins, own, folder)
        serving = {
            file: text
            for file, text in own.items()
            if file.startswith(files.LAYOUT) or (_serves_all(file) and files.channel_of(file) in channels)
        }
        made[tag] = source(tag, channels, f"{bundle.name}.{tag}", serving, origins)
    return made


def _serves_all(file: str) -> bool:
    return file != files.MANIFEST and files.shared_with_variants(file)


@cached(LRUCache(maxsize=500), key=lambda bundle: bundle.checksum, lock=Lock())
def compile_bundle(bundle: Bundle) -> Template:
    """The compiled template, kept by checksum. Raises `TemplateError` by file and line."""
    return Template(bundle)
