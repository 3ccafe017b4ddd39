"""docs/people.md names the categories of the templates that come with Crier."""

import re
from pathlib import Path

from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle

PAGE = (Path(__file__).parents[2] / "docs/people.md").read_text()


def test_the_page_has_the_category_of_each_template():
    table = PAGE.partition("| comes with Crier | category |\n")[2].partition("\n\n")[0]
    named = {}
    for row in table.splitlines()[1:]:
        templates, category = row.strip("|").split("|")
        named |= dict.fromkeys(re.findall(r"`(\w+)`", templates), re.findall(r"`(\w+)`", category)[0])
    compiled = {name: compile_bundle(bundle) for name, bundle in load_catalogue().items()}
    assert named == {name: template.category for name, template in compiled.items() if template.category}
    assert {name for name, template in compiled.items() if not template.category} == {
        name for name, template in compiled.items() if template.kind == "code"
    }
