"""The Jinja2 environment templates run in: a short list of what is possible, instead of a list of what is not."""

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import FunctionLoader, StrictUndefined, nodes
from jinja2.compiler import CodeGenerator, Frame
from jinja2.environment import Template
from jinja2.exceptions import TemplateAssertionError
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from markupsafe import Markup

from shared.messages.markup import markdown_escaped, url_among_markdown
from shared.templates import limits, operators
from shared.templates.formats import FORMATS
from shared.templates.metered import metered


class _Generator(CodeGenerator):
    """Has what a Markdown file puts in escaped for Markdown, as Jinja2's own does for HTML.

    The methods are those that Jinja2's generator of native types overrides too.
    """

    @property
    def is_markdown(self) -> bool:
        return bool(self.name and self.name.endswith(".md"))

    def _output_child_to_const(self, node: nodes.Expr, frame: Frame, finalize: Any) -> str:
        if not self.is_markdown:
            return super()._output_child_to_const(node, frame, finalize)
        const = node.as_const(frame.eval_ctx)  # the author's own words
        return str(const) if isinstance(node, nodes.TemplateData) else str(finalize.const(const))

    def _output_child_pre(self, node: nodes.Expr, frame: Frame, finalize: Any) -> None:
        if not self.is_markdown:
            super()._output_child_pre(node, frame, finalize)
            return
        self.write("environment.escaped_for_markdown(")
        if finalize.src is not None:
            self.write(finalize.src)


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Compiles and runs the files of one bundle.

    Parameters:
        load: gives the source of a file by its name, `None` when there is no such file.
    """

    intercepted_binops = frozenset(operators.OPERATORS)
    intercepted_unops = frozenset()
    concat = staticmethod(limits.join)
    code_generator_class = _Generator

    def __init__(self, load: Callable[[str], str | None]) -> None:
        super().__init__(
            loader=FunctionLoader(load),
            undefined=StrictUndefined,
            autoescape=lambda name: bool(name and name.endswith((".html", ".md"))),
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            finalize=operators.printable,
            cache_size=100,
        )
        self.binop_table = dict(operators.OPERATORS)
        self.filters = {**operators.FILTERS_ALLOWED, **FORMATS}
        self.tests = {name: self.tests[name] for name in operators.TESTS}
        self.globals = {"range": operators.bounded_range, "namespace": Namespace}

    @staticmethod
    def escaped_for_markdown(value: Any) -> Markup:
        """A value among Markdown. What a macro or a block made of Markdown is as it is."""
        if isinstance(value, Markup):
            return value
        text = str(value)
        return Markup(url_among_markdown(text) or markdown_escaped(text))  # noqa: S704  (it has been escaped)

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        template = super()._parse(source, name, filename)
        _refuse(template, name, filename)
        return metered(template)

    def get_template(
        self,
        name: str | Template,
        parent: str | None = None,
        globals: Mapping[str, Any] | None = None,  # noqa: A002  (Jinja2's name)
    ) -> Template:
        limits.spend(1)  # a file that includes itself twice would never end
        return super().get_template(name, parent, globals)  # type: ignore[arg-type]

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`. What data calls `items` is the data's, not the method of a dict."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        if self.is_safe_attribute(obj, attribute, None):
            try:
                return getattr(obj, attribute)
            except AttributeError:
                return self.undefined(obj=obj, name=attribute)
        if type(obj) is dict:
            return self.undefined(obj=obj, name=attribute)
        return self.unsafe_undefined(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`."""
        try:
            return obj[argument]
        except (AttributeError, TypeError, LookupError):
            if isinstance(argument, str):
                return self.getattr(obj, argument)
            return self.undefined(obj=obj, name=argument)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        if isinstance(obj, operators.NAMED_BY_AUTHOR):
            return not attr.startswith("_")
        return attr in operators.ATTRIBUTES.get(type(obj), ())

    def call(self, context: Context, function: Any, /, *args: Any, **kwargs: Any) -> Any:
        """`function(…)`; a method of a long string costs by its length."""
        limits.spend_on(getattr(function, "__self__", None))
        return super().call(context, function, *args, **kwargs)


_OTHER_FILES = (nodes.Include, nodes.Extends, nodes.Import, nodes.FromImport)


def _refuse(template: nodes.Template, name: str | None, filename: str | None) -> None:
    """Refuse what no template needs and nobody could bound or check beforehand."""

    def refuse(node: nodes.Node, reason: str) -> None:
        raise TemplateAssertionError(reason, node.lineno, name, filename)

    for node in template.find_all((nodes.EvalContextModifier, nodes.For, *_OTHER_FILES)):
        if isinstance(node, nodes.EvalContextModifier):
            refuse(node, "autoescape cannot be switched: files that end in .html are escaped, others are not.")
        if isinstance(node, nodes.For) and node.recursive:
            refuse(node, "A loop cannot be recursive: write the levels out.")
        if isinstance(node, _OTHER_FILES) and not isinstance(node.template, nodes.Const):
            refuse(node, "The name of another file must be written out as a string.")
