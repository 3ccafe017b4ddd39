"""Templates made on the spot, and data nobody wishes for."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.catalogue import bundle_of, load_catalogue, load_layout
from shared.templates.compiled import Template
from shared.templates.variables import Variable

MANIFEST = 'description = "Made for a test."\nkind = "transactional"\n'
AWKWARD = "<script>alert(1)</script> \"&' {{ 7*7 }} {% if %} שלום 王小明 😀 "

MakeBundle = Callable[..., Bundle]
MakeTemplate = Callable[..., Template]


@pytest.fixture(scope="session")
def folder() -> Path:
    """The templates of the source checkout."""
    return Path(__file__).parents[3] / "templates"


@pytest.fixture(scope="session")
def catalogue(folder: Path) -> dict[str, Bundle]:
    return load_catalogue(folder)


@pytest.fixture(scope="session")
def brand() -> Brand:
    return Brand(
        name="Lumen",
        website="https://lumen.example",
        support_email="help@lumen.example",
        postal_address="1 Lamp Street, London",
    )


@pytest.fixture(scope="session")
def recipient() -> dict[str, Any]:
    return {"name": "Ada", "email": "ada@example.com", "locale": "en-GB", "timezone": "Europe/London"}


@pytest.fixture(scope="session")
def bundle(folder: Path) -> MakeBundle:
    """Make a bundle: `bundle({"sms.body.txt": "…"}, 'more = "toml"')`. The real layout can be used."""
    layout = load_layout(folder)

    def make(files: Mapping[str, str], manifest: str = "") -> Bundle:
        return bundle_of("made", {"template.toml": MANIFEST + manifest, **files}, layout)

    return make


@pytest.fixture(scope="session")
def template(bundle: MakeBundle) -> MakeTemplate:
    """The same, compiled."""
    return lambda files, manifest="": Template(bundle(files, manifest))


@pytest.fixture(scope="session")
def write(template: MakeTemplate, brand: Brand, recipient: dict[str, Any]) -> Callable[..., str]:
    """What a source writes as an SMS: `write("{{ n }}", '[variables]…', {"n": 1})`."""

    def run(
        source: str, manifest: str = "", data: Mapping[str, Any] | None = None, to: Mapping[str, Any] | None = None
    ) -> str:
        made = template({"sms.body.txt": source}, manifest)
        sent = made.sample if data is None else data
        return str(made.render("sms", made.check(sent), to or recipient, brand).body)  # type: ignore[union-attr]

    return run


@pytest.fixture(scope="session")
def awkward() -> Callable[[Template], dict[str, Any]]:
    """The worst data a template's declarations let through: markup, template syntax, scripts, emoji, full length."""
    return awkward_data


@pytest.fixture(scope="session")
def minimal() -> Callable[[Template], dict[str, Any]]:
    """Only what a template requires."""
    return lambda template: {
        name: template.sample[name] for name, variable in template.variables.declared.items() if variable.required
    }


def awkward_data(template: Template) -> dict[str, Any]:
    """A value for every variable."""
    return {name: _awkward(variable) for name, variable in template.variables.declared.items()}


def _awkward(variable: Variable) -> Any:
    length = variable.max_length or 500
    match variable.type:
        case "list":
            assert variable.items
            return [_awkward(variable.items)] * min(length, 60)
        case "object":
            return {field.name: _awkward(field) for field in variable.fields}
        case "string" if variable.choices:
            return variable.choices[-1]
        case "string" if variable.multiline:
            return (AWKWARD + "\n\n" + "W" * length)[:length]
        case "string":
            return (AWKWARD + "W" * length)[:length]
    return {
        "integer": -(2**62),
        "decimal": "-123456789012345678.123456789",
        "boolean": True,
        "date": "0001-01-01",
        "datetime": "9998-12-31T23:59:59-14:00",
        "url": ("https://example.com/?a=1&b='%22%3Cx%3E" + "y" * 900)[: variable.max_length],
        "email": "very.long+tag@xn--bcher-kva.example",
        "phone": "+442079460018",
        "money": {"amount": "-123456789012345678", "currency": "XAF"},
        "timezone": "Pacific/Chatham",
    }[variable.type]
