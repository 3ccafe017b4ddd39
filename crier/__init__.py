"""Crier from Python: `from crier import Client`. What is named here is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from crier.client import Client
    from crier.errors import ApiProblem, GatewayUnreachable, NoAccess, WaitTimeout
    from crier.request import Content, Identity, Recipient, Row
    from shared.errors import CrierError

__all__ = [
    "ApiProblem", "Client", "Content", "CrierError", "GatewayUnreachable", "Identity", "NoAccess", "Recipient", "Row",
    "WaitTimeout",
]  # fmt: skip

_WHERE = {
    "crier.client": ("Client",),
    "crier.errors": ("ApiProblem", "GatewayUnreachable", "NoAccess", "WaitTimeout"),
    "crier.request": ("Content", "Identity", "Recipient", "Row"),
    "shared.errors": ("CrierError",),
}


def __getattr__(name: str) -> Any:
    where = next((module for module, names in _WHERE.items() if name in names), None)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(where), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
