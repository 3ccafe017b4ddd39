"""Finding and loading the templates of an installation."""

import shutil
import tomllib
from pathlib import Path

import pytest

from shared.errors import SettingsError, TemplateError
from shared.templates.bundle import Bundle
from shared.templates.catalogue import bundle_of, load_catalogue, load_layout, templates_folder

MANIFEST = 'description = "x"\nkind = "code"\n'


@pytest.fixture
def place(tmp_path: Path, folder: Path) -> Path:
    """A templates folder with the real layout and one good template."""
    shutil.copytree(folder / "_layout", tmp_path / "_layout")
    (tmp_path / "hello").mkdir()
    (tmp_path / "hello" / "template.toml").write_text(MANIFEST)
    (tmp_path / "hello" / "sms.body.txt").write_text("Hi")
    return tmp_path


def test_a_bundle_stands_alone(catalogue: dict[str, Bundle]) -> None:
    """It carries of the layout what it uses, however deep, and nothing else."""
    welcome = {file for file in catalogue["welcome"].files if file.startswith("_layout/")}
    pages = {"_layout/email.css", "_layout/email.html", "_layout/footer.txt", "_layout/parts.html", "_layout/words.txt"}
    assert welcome == pages | {f"_layout/{language}/words.txt" for language in ("ar", "de", "es", "fr", "pl")}
    assert not [file for file in catalogue["trip_delay"].files if file.startswith("_layout/")]


def test_a_page_of_ones_own_is_not_restyled(folder: Path) -> None:
    """The layout's stylesheet comes with the layout; and a template that brings its own layout keeps it."""
    own = {"email.body.html": '<p class="button {{ x }}">', "_layout/footer.txt": "mine"}
    assert set(bundle_of("x", own, load_layout(folder)).files) == set(own)
    mail = own | {"email.body.txt": '{% include "_layout/footer.txt" %}', "email.body.html": "<p>"}
    assert bundle_of("x", mail, load_layout(folder)).files["_layout/footer.txt"] == "mine"


@pytest.mark.parametrize(
    ("file", "content", "place_named", "line"),
    [
        ("template.toml", MANIFEST + "[variables.x]\ntype = 'strng'", "hello/template.toml", 4),
        ("sms.body.txt", "Hi\n{% if %}", "hello/sms.body.txt", 2),
        ("sms.body.txt", "Hi\n\n{{ name }}", "hello/sms.body.txt", 3),
        ("sms.body.txt", "{{ 'x'|center(9) }}", "hello/sms.body.txt", 1),
        ("sms.body.txt", "{% include '_layout/nothing.txt' %}", "hello/sms.body.txt", None),
        ("sms.body.txt", "{% for x in range(2) recursive %}{% endfor %}", "hello/sms.body.txt", 1),
        ("sms.boddy.txt", "Hi", "hello/sms.boddy.txt", None),
        ("email.subject.txt", "Hi", "hello/email.body.txt", None),
        ("push.title.txt", "Hi", "hello/push.body.txt", None),
    ],
)
def test_errors_name_file_and_line(place: Path, file: str, content: str, place_named: str, line: int | None) -> None:
    (place / "hello" / file).write_text(content)
    with pytest.raises(TemplateError) as raised:
        load_catalogue(place)
    assert raised.value.file == place_named
    assert raised.value.line == line
    assert str(raised.value).startswith(place_named)


@pytest.mark.parametrize("word", ['#import "@preview/a:1.0.0"', "#{ include sys.inputs.x }", "#eval(sys.inputs.x)"])
def test_a_document_stands_alone(place: Path, word: str) -> None:
    """Typst would fetch a package from the network, in the middle of a send."""
    for file in ("email.subject.txt", "email.body.txt"):
        (place / "hello" / file).write_text("Hi")
    (place / "hello" / "email.attach.x.typ").write_text(f"= Hi\n{word}")
    with pytest.raises(TemplateError, match=r"^hello/email.attach.x.typ, line 2: .*stands alone"):
        load_catalogue(place)


def test_errors_in_the_layout_name_the_layout(place: Path) -> None:
    (place / "_layout" / "footer.txt").write_text("\n{{ oops }}")
    (place / "hello" / "sms.body.txt").write_text("{% include '_layout/footer.txt' %}")
    with pytest.raises(TemplateError, match=r"^_layout/footer.txt, line 2: `oops`"):
        load_catalogue(place)


def test_the_manifest_is_needed(place: Path) -> None:
    (place / "hello" / "template.toml").unlink()
    with pytest.raises(TemplateError, match=r"^hello/template.toml"):
        load_catalogue(place)


def test_folders_inside_and_other_encodings_are_refused(place: Path) -> None:
    (place / "hello" / "sms.body.txt").write_bytes(b"caf\xe9")
    with pytest.raises(TemplateError, match=r"^hello/sms.body.txt: .*UTF-8"):
        load_catalogue(place)
    (place / "hello" / "sms.body.txt").write_text("Hi")
    (place / "hello" / "drafts").mkdir()
    with pytest.raises(TemplateError, match=r"^hello/drafts: .*folder"):
        load_catalogue(place)


def test_what_is_hidden_is_passed_over(place: Path) -> None:
    (place / ".git").mkdir()
    (place / "hello" / ".DS_Store").write_bytes(b"\xff")
    assert list(load_catalogue(place)) == ["hello"]


def test_the_folder_can_be_chosen(place: Path, folder: Path) -> None:
    assert templates_folder({"CRIER_TEMPLATES_PATH": str(place)}) == place
    assert templates_folder({}) == folder
    with pytest.raises(SettingsError, match="CRIER_TEMPLATES_PATH"):
        templates_folder({"CRIER_TEMPLATES_PATH": str(place / "nowhere")})


def test_the_wheel_takes_every_template_along(folder: Path) -> None:
    """`data-files` has no recursive form: a template that is not listed would be missing after `pip install`."""
    listed = tomllib.loads((folder.parent / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    assert {name: files for name, files in listed.items() if name.startswith("share/crier/templates/")} == {
        f"share/crier/templates/{path.relative_to(folder)}": [f"templates/{path.relative_to(folder)}/*"]
        for path in sorted(folder.rglob("*"))
        if path.is_dir()
    }
