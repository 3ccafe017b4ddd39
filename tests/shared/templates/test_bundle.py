"""Bundles: equal ones have equal checksums, and what is stored comes back."""

import json

import pytest

from shared.errors import TemplateError
from shared.templates.bundle import MAX_BYTES, Bundle

FILES = {"sms.body.txt": "Hi", "template.toml": "x"}


def test_the_checksum_is_the_same_everywhere() -> None:
    """Pinned: a change of the canonical form would make every stored template a new version."""
    expected = "ecbccaad82bb47de"
    assert Bundle("x", FILES).checksum.startswith(expected)


def test_the_order_of_files_does_not_matter() -> None:
    assert Bundle("x", FILES).checksum == Bundle("x", dict(reversed(FILES.items()))).checksum


@pytest.mark.parametrize(
    "other",
    [
        Bundle("y", FILES),
        Bundle("x", FILES | {"sms.body.txt": "Hi "}),
        Bundle("x", FILES | {"_layout/footer.txt": ""}),
    ],
)
def test_any_difference_shows(other: Bundle) -> None:
    assert other.checksum != Bundle("x", FILES).checksum


def test_json_and_back() -> None:
    bundle = Bundle("x", FILES | {"email.body.txt": "Grüße, 王 😀"})
    again = Bundle.from_json(json.loads(json.dumps(bundle.to_json())))
    assert again == bundle
    assert again.checksum == bundle.checksum


def test_files_cannot_be_changed() -> None:
    files = dict(FILES)
    bundle = Bundle("x", files)
    before = bundle.checksum
    files["sms.body.txt"] = "other"
    assert Bundle("x", bundle.files).checksum == before
    with pytest.raises(TypeError):
        bundle.files["sms.body.txt"] = "other"  # type: ignore[index]


@pytest.mark.parametrize("stored", [{}, {"format": 2, "name": "x", "files": {}}, {"format": 1, "name": "x"}])
def test_what_is_not_a_stored_bundle_is_refused(stored: dict[str, object]) -> None:
    with pytest.raises(TemplateError):
        Bundle.from_json(stored)


@pytest.mark.parametrize("name", ["", "X", "a-b", "../x", "1a", "a" * 64, "a\n"])
def test_bad_names_are_refused(name: str) -> None:
    with pytest.raises(TemplateError, match="name"):
        Bundle(name, FILES)


@pytest.mark.parametrize("file", ["../template.toml", "/etc/passwd", "a/b.txt", "_layout/../x", ".hidden", "a b"])
def test_bad_file_names_are_refused(file: str) -> None:
    with pytest.raises(TemplateError, match="file"):
        Bundle("x", {file: ""})


def test_size_and_halves_of_characters_are_refused() -> None:
    with pytest.raises(TemplateError, match="512 KB"):
        Bundle("x", {"sms.body.txt": "x" * (MAX_BYTES + 1)})
    with pytest.raises(TemplateError, match="surrogate"):
        Bundle("x", {"sms.body.txt": "\ud800"})
