"""Characters that are taken for GSM-7 and are not, and the plain ones in their place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages.gsm7 import named, outside_gsm7, with_plain_punctuation
from shared.messages.segments import GSM7, encoding_of


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("“Yes,” she said – “it’s 5′…”", '"Yes," she said - "it\'s 5\'..."'),
        ("«Да»", "«Да»"),
        ("«Oui»", '"Oui"'),
        ("a\u00a0b\u202fc\u2009d\te", "a b c d e"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("one\u2028two", "one\ntwo"),
        ("`code`", "'code'"),
        # All or nothing: another character makes it UCS-2 all the same.
        ("“ça”", "“ça”"),
        ("it’s 🎉", "it’s 🎉"),
        # Letters are not punctuation.
        ("á", "á"),
        ("Çà é ñ ü", "Çà é ñ ü"),
        ("", ""),
    ],
)
def test_known_texts(text: str, plain: str) -> None:
    assert with_plain_punctuation(text) == plain


@given(st.text("aZ é€“’…\u00a0\u200bç🎉"))
def test_a_text_is_changed_only_to_become_gsm_7(text: str) -> None:
    plain = with_plain_punctuation(text)
    assert plain == text or encoding_of(plain) is GSM7
    if encoding_of(text) is GSM7:
        assert plain == text


@pytest.mark.parametrize("character", "çáíóúőş`‘’“”–—…\u00a0\u200b")
def test_what_people_take_for_gsm_7_is_named(character: str) -> None:
    assert outside_gsm7(f"Price: 5 € {character} Ç à é {character}") == [character]


def test_characters_are_named_so_that_a_person_can_find_them() -> None:
    assert named(["ç"]) == "ç"
    assert named(["“", "”", "ç"]) == "“, ” and ç"
    assert named(["\u00a0", "\u200b"]) == "U+00A0 NO-BREAK SPACE and U+200B ZERO WIDTH SPACE"
    assert named(list("abcdefgh")) == "a, b, c, d, e and 3 more"
