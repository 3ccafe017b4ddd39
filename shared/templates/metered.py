"""Rewrites a parsed template so that everything it does is paid for (see limits.py), however it was written.

A body that runs again and again (of a loop, a macro, a block, an included file) costs by its size, so that
neither many rounds of a little nor a few of a lot can keep a worker busy.
"""

# ruff: noqa: N815  (Jinja2 looks methods up by the names of its classes)

from typing import Any, cast

from jinja2 import nodes
from jinja2.visitor import NodeTransformer

_NODES_A_STEP = 16
_BODIES = (nodes.For, nodes.Macro, nodes.CallBlock, nodes.Block)


def metered(template: nodes.Template) -> nodes.Template:
    """`template` with the meter in it; macros it imports see brand, recipient and formats like itself."""
    return cast(nodes.Template, _Meter().visit(template))


class _Meter(NodeTransformer):
    def paid(self, node: Any) -> nodes.Node:
        price = nodes.ExprStmt(_filter("_spent", nodes.Const(_weight(node))), lineno=node.lineno)
        self.generic_visit(node)
        if not getattr(node, "required", False):  # a required block may hold nothing but comments
            node.body.insert(0, price)
        return cast(nodes.Node, node)

    def loop(self, node: Any) -> nodes.Node:
        weight = nodes.Const(_weight(node))
        self.generic_visit(node)
        node.iter = _filter("_counted", node.iter, weight)
        return cast(nodes.Node, node)

    def comparison(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        node.expr = _filter("_weighed", node.expr)
        for operand in node.ops:
            operand.expr = _filter("_weighed", operand.expr)
        return cast(nodes.Node, node)

    def concatenation(self, node: Any) -> nodes.Node:
        self.generic_visit(node)
        return _filter("_concatenated", nodes.List(node.nodes, lineno=node.lineno))

    def with_context(self, node: Any) -> nodes.Node:
        node.with_context = True
        return cast(nodes.Node, node)

    visit_Template = visit_Macro = visit_CallBlock = visit_Block = paid
    visit_For = loop
    visit_Compare = comparison
    visit_Concat = concatenation
    visit_Import = visit_FromImport = with_context


def _filter(name: str, value: nodes.Expr, *args: nodes.Expr) -> nodes.Filter:
    return nodes.Filter(value, name, list(args), [], None, None, lineno=value.lineno)


def _weight(node: nodes.Node) -> int:
    return 1 + _size(node) // _NODES_A_STEP


def _size(node: nodes.Node) -> int:
    """How many nodes there are below, without the bodies that are paid for by themselves."""
    return sum(1 + _size(child) for child in node.iter_child_nodes() if not isinstance(child, _BODIES))
