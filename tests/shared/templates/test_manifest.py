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


PLAIN = HEAD.replace("code", "transactional")
COLLECTS = """digest = "x"
[variables.x]
type = "list"
default = []
[variables.x.items]
type = "object"
[variables.x.items.fields.who]
type = "string"
"""


def test_a_list_of_objects_can_collect() -> None:
    manifest = read_manifest(PLAIN + COLLECTS)
    assert manifest.digest == "x"
    assert manifest.variables.element("x") == ("who",)
    assert {"x", "digest_count"} <= manifest.names
    assert "digest_count" not in read_manifest(PLAIN).names


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        (PLAIN + "digest = 'x'", 3, "list of objects"),
        (PLAIN + "digest = 3", 3, "list of objects"),
        (PLAIN + "digest = 'x'\n[variables.x]\ntype = 'string'\ndefault = ''", 3, "list of objects"),
        (PLAIN + COLLECTS + "[variables.pin]\ntype = 'string'\nsecret = true\ndefault = ''", 3, "secret"),
        (HEAD + COLLECTS, 3, "secret"),
        (PLAIN + COLLECTS + "[variables.who]\ntype = 'string'\ndefault = ''", 9, "`who` is a variable"),
        (PLAIN + COLLECTS + "[variables.digest_count]\ntype = 'integer'\ndefault = 1", 3, "digest_count"),
    ],
)
def test_what_cannot_collect_is_told_by_line(text: str, line: int, says: str) -> None:
    with pytest.raises(TemplateError, match=says) as raised:
        read_manifest(text)
    assert raised.value.line == line
