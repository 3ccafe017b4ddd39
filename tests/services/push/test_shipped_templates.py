"""The pushes of the catalogue fit into what a device is sent, whatever their data."""

from pathlib import Path
from uuid import UUID

import pytest

from services.push.compose import MAX_PAYLOAD_BYTES, payload_size
from shared.messages.push import PushContent
from shared.templates.brand import Brand
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle
from tests.shared.templates.conftest import awkward_data

CATALOGUE = Path(__file__).parents[3] / "templates"
PUSHES = sorted(path.parent.name for path in CATALOGUE.glob("*/push.title.txt"))


@pytest.mark.parametrize("name", PUSHES)
def test_the_longest_push_of_a_template_is_not_too_large(name: str) -> None:
    template = compile_bundle(load_catalogue(CATALOGUE)[name])
    data = awkward_data(template)
    template.check(data)
    content = template.render("push", data, {"locale": "en"}, Brand())
    assert isinstance(content, PushContent)
    assert payload_size(content, UUID(int=0)) <= MAX_PAYLOAD_BYTES
