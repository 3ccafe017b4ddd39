"""How a view is declared: its address, the scope it needs, and what the OpenAPI document says of it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from flask_smorest import Blueprint
from marshmallow import Schema

from services.gateway.auth import needs

View = TypeVar("View", bound=Callable[..., Any])

IDEMPOTENCY_KEY = {
    "in": "header",
    "name": "Idempotency-Key",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
    "description": "A request repeated under the same key is answered as the first was, and sends nothing twice.",
}


def route(
    blueprint: Blueprint,
    method: str,
    rule: str,
    *,
    scope: str,
    name: str,
    answers: tuple[int, type[Schema] | None, str],
    body: Mapping[str, Any] | None = None,
    about_body: str = "",
    examples: Mapping[str, Any] | None = None,
    parameters: Sequence[Mapping[str, Any]] = (),
) -> Callable[[View], View]:
    """Declare a view of `blueprint`.

    Parameters:
        scope: what a key must be allowed to do.
        name: the operation's id in the OpenAPI document.
        answers: status, schema and meaning of the answer when all is well.
        body: schemas of the request's body by media type.
        examples: JSON bodies that would be accepted, by what they show.
        parameters: OpenAPI parameters in the query and the headers.
    """
    status, schema, meaning = answers
    document: dict[str, Any] = {"operationId": name, "parameters": list(parameters)}
    if body:
        content: dict[str, Any] = {media_type: {"schema": of} for media_type, of in body.items()}
        if examples:
            content["application/json"]["examples"] = {
                f"example-{number}": {"summary": shows, "value": of}
                for number, (shows, of) in enumerate(examples.items(), start=1)
            }
        document["requestBody"] = {"required": True, "description": about_body, "content": content}

    def declare(view: View) -> View:
        made = needs(scope)(view)
        for decorator in (
            blueprint.response(status, schema, description=meaning),
            blueprint.doc(**document),
            blueprint.route(rule, methods=[method]),
        ):
            made = decorator(made)
        return made

    return declare


def query(name: str, description: str, **schema: Any) -> dict[str, Any]:
    """An OpenAPI parameter in the query."""
    return {"in": "query", "name": name, "description": description, "schema": {"type": "string", **schema}}
