"""Languages of a template: tags as BCP 47 writes them, and which of those there are a recipient gets.

A variant is a folder named by its tag (`de`, `pt-BR`), in a template's folder or in `_layout`.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache

from babel import Locale, UnknownLocaleError

from shared.errors import TemplateError

LAYOUT = "_layout/"
MAX_VARIANTS = 40

_TWINS = {"no": "nb", "nb": "no"}
"""Two names of one language."""


@lru_cache(maxsize=2048)
def locale_of(tag: str | None) -> Locale | None:
    """The locale of a tag such as `pt-BR` or `pt_BR`; None where nobody knows it."""
    try:
        return Locale.parse(tag.replace("-", "_")) if tag else None
    except (ValueError, TypeError, UnknownLocaleError):
        return None


@lru_cache(maxsize=2048)
def canonical(tag: str) -> str | None:
    """`pt-BR` for `pt_br`; None where nobody knows it."""
    locale = locale_of(tag)
    return str(locale).replace("_", "-") if locale else None


@lru_cache(maxsize=2048)
def lookup(tag: str | None) -> tuple[str, ...]:
    """The tags that will do for `tag`, the best first: `zh-Hant-TW`, `zh-Hant`, `zh`. None for an unknown one.

    The script a tag leaves out counts (`zh-TW` is `zh-Hant-TW`), and a country nobody knows does not (`de-US`).
    """
    known = filter(None, map(canonical, _shortened(tag.replace("_", "-")))) if tag else ()
    found = [shorter for full in known for shorter in _shortened(full)]
    return tuple(dict.fromkeys([*found, *(_TWINS[shorter] for shorter in found if shorter in _TWINS)]))


def _shortened(tag: str) -> Iterator[str]:
    parts = tag.split("-")
    return ("-".join(parts[:length]) for length in range(len(parts), 0, -1))


def first_of(available: Collection[str], wanted: Iterable[str | None]) -> tuple[str, str] | None:
    """The first of the tags `available` that does for one of `wanted`, with the one it does for."""
    for tag in wanted:
        for candidate in lookup(tag):
            if candidate in available:
                return candidate, str(tag)
    return None


@lru_cache(maxsize=2048)
def first_in(language: str, wanted: tuple[str | None, ...]) -> str | None:
    """The first of the tags `wanted` that is in `language`, whatever its country."""
    own = locale_of(language)
    fitting = (tag for tag in wanted if own and (locale := locale_of(tag)) and locale.language == own.language)
    return next(fitting, None)


def of_folder(file: str) -> tuple[str, str]:
    """The folder and the name of `de/sms.body.txt` or `_layout/de/words.txt`; the folder is empty where it has none."""
    folder, _, name = file.removeprefix(LAYOUT).rpartition("/")
    return folder, (LAYOUT if file.startswith(LAYOUT) else "") + name


def variants(files: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """What each folder holds: by tag, the names of its files as they are without the folder, and where they are.

    Raises `TemplateError` for a folder that is no locale, and for two that are the same.
    """
    found: dict[str, dict[str, str]] = {}
    spelled: dict[tuple[str, bool], str] = {}
    for file in files:
        folder, name = of_folder(file)
        if not folder:
            continue
        tag = canonical(folder)
        if tag is None:
            raise TemplateError(f"`{folder}` is no locale: name the folder as in de, pt-BR or zh-Hant.", file=file)
        if spelled.setdefault((tag, file.startswith(LAYOUT)), folder) != folder:
            raise TemplateError(f"`{folder}` is {tag}, which is there already: keep one of the two.", file=file)
        found.setdefault(tag, {})[name] = file
    if len(found) > MAX_VARIANTS:
        raise TemplateError(f"A template may have {MAX_VARIANTS} languages besides its own; this has {len(found)}.")
    return found


def fitting(layout: Iterable[str], tags: Collection[str]) -> Iterator[str]:
    """Those files of the layout's folders that texts in one of `tags` use."""
    wanted = {candidate for tag in tags for candidate in lookup(tag)}
    for file in layout:
        folder, _ = of_folder(file)
        if folder and canonical(folder) in wanted:
            yield file
