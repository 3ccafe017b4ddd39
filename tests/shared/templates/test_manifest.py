"""template.toml: every mistake is told with its line."""

import pytest

from shared.errors import TemplateError
from shared.templates.manifest import read_manifest

HEAD = 'description = "x"\nkind = "code"\n'


def test_a_whole_one_is_read() -> None:
    manifest = read_manifest(
        HEAD
        + """
language = "pt-BR"
[variables.code]
type = "string"
secret = true
[variables.items]
type = "list"
items = { type = "object", fields = { price = { type = "money" }, label = { type = "string", default = "-" } } }
[sample]
code = "1"
items = [{ price = { amount = "1.00", currency = "EUR" } }]
"""
    )
    assert manifest.kind == "code"
    assert manifest.language == "pt-BR"
    assert manifest.variables.secret == ("code",)
    items = manifest.variables.declared["items"].items
    assert items is not None
    assert [(field.name, field.required) for field in items.fields] == [("price", True), ("label", False)]


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("description = ", 1, "TOML"),
        ('kind = "code"', None, "description"),
        ('description = "x"\nkind = "spam"', 2, "kind"),
        (HEAD + 'chanels = ["sms"]', 3, "chanels"),
        (HEAD + "\n[variables.x]\ntype = 'strng'", 5, "type"),
        (HEAD + "\n[variables.x]\ndescription = 'untyped'", 4, "type"),
        (HEAD + "[variables.brand]\ntype = 'string'", 3, "reserved"),
        (HEAD + "[variables.Name]\ntype = 'string'", 3, "name"),
        (HEAD + "[variables.x]\ntype = 'string'\nreqired = false", 5, "reqired"),
        (HEAD + "[variables.x]\ntype = 'string'\nrequired = 'no'", 5, "true or false"),
        (HEAD + "[variables.x]\ntype = 'list'", 4, "items"),
        (HEAD + "[variables.x]\ntype = 'object'\nfields = {}", 5, "fields"),
        (HEAD + "[variables.x]\ntype = 'integer'\nmax_length = 3", 5, "max_length"),
        (HEAD + "[variables.x]\ntype = 'date'\ndefault = 'today'", 5, "default"),
        (HEAD + "[variables.x]\ntype = 'date'\nmultiline = true", 5, "multiline"),
        (HEAD + "[variables.x]\ntype = 'list'\nitems = { type = 'string', secret = true }", 5, "secret"),
        (HEAD + "[variables.x]\ntype = 'string'\n[sample]\nx = 1", 6, "sample"),
        (HEAD + "[variables.x]\ntype = 'string'\n[sample]", 5, "missing"),
        (HEAD + "[sample]\nx = 1", 4, "x"),
        (HEAD + "[attachments]\nreceipt = 'receipt.exe'", 4, ".pdf"),
        (HEAD + "language = 'English'", 3, "language"),
        (HEAD + "variables = 3", 3, "table"),
    ],
)
def test_mistakes_are_told_by_line(text: str, line: int | None, says: str) -> None:
    with pytest.raises(TemplateError, match=says) as raised:
        read_manifest(text)
    assert raised.value.file == "template.toml"
    assert raised.value.line == line
