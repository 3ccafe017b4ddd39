"""template.toml: what a template is for, which variables it takes, and the sample its preview shows."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from shared.errors import InvalidInput, TemplateError
from shared.templates.locales import canonical
from shared.templates.types import TYPES
from shared.templates.variables import Variable, Variables

FILE = "template.toml"
KINDS = ("transactional", "code", "promotion")
CONTEXT = ("brand", "recipient", "language", "direction")
RESERVED = (*CONTEXT, "loop", "self", "super", "caller", "range", "namespace")
"""Names a template already sees; a variable of that name would hide them."""

CATEGORY = re.compile(r"[a-z][a-z0-9_]{0,49}")
"""The name of a category of messages."""

DIGEST_COUNT = "digest_count"
"""What a template that collects sees besides: how many there were, where the message has fewer."""

_NAME = re.compile(r"[a-z][a-z0-9_]{0,49}")
_KEYS = {"description", "kind", "category", "language", "digest", "variables", "attachments", "sample"}
_VARIABLE_KEYS = {
    "type", "description", "required", "default", "secret", "multiline", "max_length", "choices", "items", "fields",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Manifest:
    """A checked template.toml.

    Parameters:
        attachments: file names by the stem of their source, as Jinja2 source.
        category: what it is about, of which people may choose; None where they may not.
        digest: the list that collects in a digest.
    """

    description: str
    kind: str
    language: str
    variables: Variables
    sample: Mapping[str, Any]
    attachments: Mapping[str, str] = field(default_factory=dict)
    category: str | None = None
    digest: str | None = None

    @property
    def names(self) -> frozenset[str]:
        """What the template's files may name."""
        return frozenset({*CONTEXT, *self.variables.declared, *([DIGEST_COUNT] if self.digest else [])})


def read_manifest(text: str) -> Manifest:
    """Read template.toml; `TemplateError` names the line of what is wrong."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = re.search(r"at line (\d+)", str(error))
        line = int(place[1]) if place else len(text.splitlines())  # else it says: at end of document
        raise TemplateError(f"Not valid TOML: {error}", file=FILE, line=line) from None
    return _Reader(text).manifest(data)


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = text.splitlines()

    def wrong(self, reason: str, *near: str) -> TemplateError:
        """The error, at the last line that follows all of `near` in order."""
        line, found = 0, None
        for word in near:
            pattern = re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])")
            for number in range(line, len(self.lines)):
                if pattern.search(self.lines[number]):
                    line, found = number, number + 1
                    break
        return TemplateError(reason, file=FILE, line=found)

    def manifest(self, data: Mapping[str, Any]) -> Manifest:
        for key in data.keys() - _KEYS:
            raise self.wrong(f"`{key}` means nothing here: use {', '.join(sorted(_KEYS))}.", key)
        description, kind = data.get("description"), data.get("kind")
        if not isinstance(description, str) or not description.strip():
            raise self.wrong("`description` is missing: say in a sentence what the template is for.", "description")
        if kind not in KINDS:
            raise self.wrong(f"`kind` must be one of {', '.join(KINDS)}.", "kind")
        category = data.get("category")
        if category is not None and (not isinstance(category, str) or not CATEGORY.fullmatch(category)):
            raise self.wrong("`category` must be a name such as booking_updates.", "category")
        if category is not None and kind == "code":
            raise self.wrong("A code is sent whatever people chose: leave `category` out.", "category")
        declared = self.table(data, "variables")
        variables = Variables([self.variable(name, spec, "variables") for name, spec in declared.items()])
        sample = self.table(data, "sample")
        try:
            variables.check(sample)
        except InvalidInput as error:
            path, problems = next(iter(error.fields.items()))
            names = path.split(".")[1:]
            raise self.wrong(f"The sample does not fit: {' '.join(problems)}", "sample", *names[:1]) from None
        attachments = self.table(data, "attachments")
        for stem, name in attachments.items():
            if not isinstance(name, str) or not name.endswith(".pdf"):
                raise self.wrong(f"The file name of attachment `{stem}` must end in .pdf.", "attachments", stem)
        language = data.get("language", "en")
        if not isinstance(language, str) or not (tag := canonical(language)):
            raise self.wrong("`language` must be a tag such as en or pt-BR.", "language")
        digest = self.digest(data.get("digest"), kind, variables)
        return Manifest(description, kind, tag, variables, sample, attachments, category, digest)

    def digest(self, name: Any, kind: str, variables: Variables) -> str | None:
        """The list that collects; what a digest keeps is readable until it is sent, so nothing secret may be in it."""
        if name is None:
            return None
        variable = variables.declared.get(name) if isinstance(name, str) else None
        if variable is None or variable.items is None or variable.items.type != "object":
            raise self.wrong("`digest` must be the name of a variable that is a list of objects.", "digest")
        if kind == "code" or variables.secret:
            raise self.wrong("What is secret is not collected: a template with `digest` has no code.", "digest")
        taken = {other for other in variables.declared if other != name} & set(variables.element(name))
        if taken:
            both = sorted(taken)[0]
            raise self.wrong(f"`{both}` is a variable and a field of `{name}`: in a digest nobody could tell.", both)
        if name in variables.element(name) or DIGEST_COUNT in variables.declared:
            raise self.wrong(f"`{name}` cannot be a field of itself, nor `{DIGEST_COUNT}` a variable here.", "digest")
        return str(name)

    def table(self, data: Mapping[str, Any], key: str) -> Mapping[str, Any]:
        value = data.get(key, {})
        if not isinstance(value, Mapping):
            raise self.wrong(f"`{key}` must be a table: [{key}]", key)
        return value

    def variable(self, name: str, spec: Any, *path: str) -> Variable:
        """One declaration and what is inside it."""

        def wrong(reason: str, key: str | None = None) -> TemplateError:
            return self.wrong(f"`{name}`: {reason}", *path, name, *([key] if key else []))

        if not isinstance(spec, Mapping):
            raise wrong("a variable is a table with a `type`.")
        if not _NAME.fullmatch(name) or (path == ("variables",) and name in RESERVED):
            raise wrong("this cannot be a variable's name: use small letters, digits and _, and no reserved name.")
        for key in spec.keys() - _VARIABLE_KEYS:
            raise wrong(f"`{key}` means nothing here: use {', '.join(sorted(_VARIABLE_KEYS))}.", key)
        kind = spec.get("type")
        if kind not in TYPES and kind not in ("list", "object"):
            raise wrong(f"`type` must be one of {', '.join([*TYPES, 'list', 'object'])}.", "type")
        for key in ("required", "secret", "multiline"):
            if not isinstance(spec.get(key, False), bool):
                raise wrong(f"`{key}` must be true or false.", key)
        if not isinstance(spec.get("description", ""), str):
            raise wrong("`description` must be a string.", "description")
        if spec.get("multiline") and kind != "string":
            raise wrong("only a string can be multiline.", "multiline")
        if spec.get("secret") and path != ("variables",):
            raise wrong("only a variable as a whole can be secret, not a part of one.", "secret")
        longest = spec.get("max_length")
        if longest is not None and (
            kind not in ("string", "url", "list") or not isinstance(longest, int) or longest < 1
        ):
            raise wrong("`max_length` is a positive number, for strings, addresses and lists.", "max_length")
        choices = spec.get("choices", [])
        if not isinstance(choices, list) or (choices and kind not in ("string", "integer")):
            raise wrong("`choices` is a list of values, for strings and whole numbers.", "choices")
        if (kind == "list") != ("items" in spec) or (kind == "object") != ("fields" in spec):
            raise wrong("a list needs `items`, an object needs `fields`, nothing else has them.", "type")
        made = Variable(
            name,
            kind,
            spec.get("description", ""),
            spec.get("required", True) and "default" not in spec,
            spec.get("default"),
            spec.get("secret", False),
            spec.get("multiline", False),
            longest,
            tuple(choices),
            self.variable("items", spec["items"], *path, name) if kind == "list" else None,
            tuple(self.variable(field, inner, *path, name) for field, inner in self.fields(spec, wrong).items()),
        )
        self.default(made, wrong)
        return made

    def fields(self, spec: Mapping[str, Any], wrong: Any) -> Mapping[str, Any]:
        fields = spec.get("fields", {})
        if not isinstance(fields, Mapping) or (spec["type"] == "object" and not fields):
            raise wrong("`fields` must be a table of variables.", "fields")
        return fields

    def default(self, variable: Variable, wrong: Any) -> None:
        if variable.default is None:
            return
        try:
            Variables([replace(variable, required=True, default=None)]).check({variable.name: variable.default})
        except InvalidInput as error:
            raise wrong(f"the default does not fit: {' '.join(next(iter(error.fields.values())))}", "default") from None
