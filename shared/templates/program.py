"""The Jinja2 files of one bundle as a program: checked as a whole, run file by file, errors by file and line."""

import difflib
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Any

from jinja2 import Template, TemplateNotFound, TemplateSyntaxError, meta, nodes
from jinja2 import TemplateError as JinjaError

from shared.errors import TemplateError
from shared.templates import files, limits, plurals
from shared.templates.sandbox import TemplateEnvironment

_FAULTS = (
    JinjaError,
    TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    RecursionError,
)
"""What a template's own expressions can raise: to the caller they are all the template's fault."""


_CHECKED = "<introspection>"
"""What Jinja2 calls a template while it looks for its variables."""


class Program:
    """Parameters:
    sources: the files by name.
    extra: sources that belong to no file, by a name of their own.
    language: the tag of what they are written in, whose plurals they need.
    """

    def __init__(self, sources: Mapping[str, str], extra: Mapping[str, str], language: str) -> None:
        self._language = language
        self._sources = {**sources, **extra}
        self._environment = TemplateEnvironment(self._load)
        self._loaded: dict[str, Template] = {}

    def check(self, names: Collection[str], translated: Collection[str] = ()) -> None:
        """Refuse syntax errors, unknown filters, missing files and variables that are not among `names`.

        Every file of the bundle is looked at, but of the layout only what is used; of that of a variant only what is
        `translated`, since the template itself was checked with the rest.
        """
        limits.start()  # Jinja2 runs what is constant when it compiles
        own = [file for file in self._sources if _is_program(file) and not file.startswith(files.LAYOUT)]
        waiting = [*own, *(file for file in translated if file.startswith(files.LAYOUT))]
        seen = {*waiting, *(file for file in self._sources if translated and file.startswith(files.LAYOUT))}
        while waiting:
            file = waiting.pop()
            for used in self._check(file, names):
                if used not in self._sources:
                    raise TemplateError(f"There is no file `{used}` in this template.", file=file)
                if used not in seen:
                    seen.add(used)
                    waiting.append(used)

    def has(self, file: str) -> bool:
        """Whether there is such a file."""
        return file in self._sources

    def uses(self, file: str) -> set[str]:
        """The variables `file` itself asks for."""
        return set(meta.find_undeclared_variables(self._environment.parse(self._sources[file], file)))

    def write(self, file: str, context: dict[str, Any]) -> str:
        """What `file` renders to."""
        try:
            template = self._loaded.get(file)
            if template is None:
                template = self._loaded[file] = self._environment.get_template(file)
                # Jinja2's is a chain of dicts, which is slow to copy for each rendering.
                template.globals = dict(template.globals)
            return limits.join(template.root_render_func(template.new_context(context)))
        except _FAULTS as error:
            raise _located(error, file) from error

    def _check(self, file: str, names: Collection[str]) -> set[str]:
        try:
            parsed = self._environment.parse(self._sources[file], file)
            undeclared = meta.find_undeclared_variables(parsed) - self._environment.globals.keys()
        except (JinjaError, RecursionError, ValueError) as error:
            raise _located(error, file) from error
        for name in sorted(undeclared - set(names) - _defined(parsed)):
            close = difflib.get_close_matches(name, names, n=1)
            hint = f" did you mean `{close[0]}`?" if close else " declare it in template.toml."
            line = next((n.lineno for n in parsed.find_all(nodes.Name) if n.name == name), None)
            raise TemplateError(f"`{name}` is not a declared variable;{hint}", file=file, line=line)
        for plural in parsed.find_all(nodes.Filter):
            if plural.name == "plural" and (problem := plurals.problem_of(plural, self._language)):
                raise TemplateError(problem, file=file, line=plural.lineno)
        return {used for used in meta.find_referenced_templates(parsed) if used is not None}

    def _load(self, file: str) -> str | None:
        source = self._sources.get(file)
        sheets = [self._sources[s] for s in (files.LAYOUT + files.STYLESHEET, files.STYLESHEET) if s in self._sources]
        if source is None or not file.endswith(".html") or not sheets:
            return source
        # Only who renders mail needs css-inline: an SMS worker is installed without it.
        from shared.templates.inline import inline_styles

        return inline_styles(source, "\n".join(sheets), file)


def _defined(template: nodes.Template) -> set[str]:
    """The names a file gives its own blocks: imports, macros, and what it sets outside of any block."""
    names: set[str] = set()
    for node in template.body:
        if isinstance(node, nodes.FromImport):
            names.update(name if isinstance(name, str) else name[1] for name in node.names)
        elif isinstance(node, nodes.Import):
            names.add(node.target)
        elif isinstance(node, nodes.Macro):
            names.add(node.name)
        elif isinstance(node, nodes.Assign | nodes.AssignBlock):
            names.update(target.name for target in node.find_all(nodes.Name) if target.ctx == "store")
    return names


def _is_program(file: str) -> bool:
    return not file.endswith((".toml", ".typ", ".css"))


def _located(error: BaseException, file: str) -> TemplateError:
    """The error with the innermost place in a template that led to it."""
    if isinstance(error, TemplateError) and error.file:
        return error
    if isinstance(error, TemplateSyntaxError):
        return TemplateError(
            error.message or "Syntax error.",
            file=file if error.name in (None, _CHECKED) else error.name,
            line=error.lineno,
        )
    reason = error.reason if isinstance(error, TemplateError) else _reason(error)
    place = _place(error.__traceback__) or (file, None)
    return TemplateError(reason, file=place[0], line=place[1])


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "The template is nested too deeply, or calls itself without end."
    if isinstance(error, TemplateNotFound):
        return f"There is no file `{error.name}` in this template."
    text = str(error.message if isinstance(error, JinjaError) else error) or type(error).__name__
    return text if text.endswith(".") else f"{text}."


def _place(traceback: TracebackType | None) -> tuple[str, int | None] | None:
    found = None
    while traceback:
        template = traceback.tb_frame.f_globals.get("__jinja_template__")
        if isinstance(template, Template) and template.name:
            found = (template.name, template.get_corresponding_lineno(traceback.tb_lineno))
        traceback = traceback.tb_next
    return found
