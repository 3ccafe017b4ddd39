"""Counting and cutting SMS, against examples whose answers are known from the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.messages.segments import GSM7, UCS2, Encoding, encoding_of, measure, truncate

ALPHABETS = st.text(st.sampled_from("aZ9 @€{ñ\n")) | st.text(st.sampled_from("aé漢🎉👍\U0001f3fd\u200d€"))


@pytest.mark.parametrize(
    ("text", "encoding", "units", "segments"),
    [
        ("", GSM7, 0, 1),
        ("a" * 160, GSM7, 160, 1),
        ("a" * 161, GSM7, 161, 2),
        ("a" * 306, GSM7, 306, 2),
        ("a" * 307, GSM7, 307, 3),
        ("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ ¤¡ÄÖÑÜ§¿äöñüà", GSM7, 45, 1),
        ("^{}\\[~]|€\f", GSM7, 20, 1),
        ("€" * 80, GSM7, 160, 1),
        ("€" * 81, GSM7, 162, 2),
        # 152 septets, then an escaped character that does not fit the one that is left.
        ("a" * 152 + "€" + "a" * 152, GSM7, 306, 3),
        ("a" * 151 + "€" + "a" * 153, GSM7, 306, 2),
        ("漢" * 70, UCS2, 70, 1),
        ("漢" * 71, UCS2, 71, 2),
        ("漢" * 134, UCS2, 134, 2),
        ("漢" * 135, UCS2, 135, 3),
        ("🎉" * 35, UCS2, 70, 1),
        ("🎉" * 36, UCS2, 72, 2),
        # 66 units, then a surrogate pair that does not fit the one that is left.
        ("漢" * 66 + "🎉" + "漢" * 66, UCS2, 134, 3),
        ("漢" * 65 + "🎉" + "漢" * 67, UCS2, 134, 2),
        ("`", UCS2, 1, 1),
        ("ç", UCS2, 1, 1),
        ("\x1b", UCS2, 1, 1),
        ("😀 " + "a" * 68, UCS2, 71, 2),
    ],
)
def test_known_lengths(text: str, encoding: Encoding, units: int, segments: int) -> None:
    measured = measure(text)
    assert (measured.encoding.name, measured.units, measured.segments) == (encoding.name, units, segments)


def test_the_default_alphabet_has_127_characters_and_the_extension_ten() -> None:
    basic = [c for c in map(chr, range(0x10000)) if encoding_of(c) is GSM7 and measure(c).units == 1]
    extended = [c for c in map(chr, range(0x10000)) if encoding_of(c) is GSM7 and measure(c).units == 2]
    assert (len(basic), len(extended)) == (127, 10)


@pytest.mark.parametrize(
    ("text", "segments", "cut"),
    [
        ("a" * 160, 1, "a" * 160),
        ("a" * 161, 1, "a" * 157 + "..."),
        ("a" * 500, 3, "a" * 456 + "..."),
        ("漢" * 71, 1, "漢" * 69 + "…"),
        ("🎉" * 36, 1, "🎉" * 34 + "…"),
        ("word " * 40, 1, "word " * 31 + "wo..."),
        # Without the emoji at its end the text is GSM-7, and more of it fits.
        ("a" * 159 + "🎉", 1, "a" * 157 + "..."),
        ("👍" + "a" * 400, 1, "👍" + "a" * 67 + "…"),
        ("漢" * 68 + "e\u0301" * 2, 1, "漢" * 68 + "…"),
        ("漢" * 67 + "👍\U0001f3fd漢漢", 1, "漢" * 67 + "…"),
        ("漢" * 64 + "👩\u200d👩\u200d👧" + "漢" * 9, 1, "漢" * 64 + "…"),
        # A flag is two letters, and one of a part of a country a sequence of tags.
        ("漢" * 63 + "🇬🇧🇫🇷" + "漢" * 9, 1, "漢" * 63 + "🇬🇧…"),
        ("漢" * 66 + "🇬🇧🇫🇷" + "漢" * 9, 1, "漢" * 66 + "…"),
        ("漢" * 60 + "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f漢", 1, "漢" * 60 + "…"),
    ],
)
def test_known_cuts(text: str, segments: int, cut: str) -> None:
    assert truncate(text, segments) == cut


@given(ALPHABETS.map(lambda text: text * 20), st.integers(1, 4))
def test_a_cut_text_fits_and_is_a_beginning(text: str, segments: int) -> None:
    cut = truncate(text, segments)
    assert measure(cut).segments <= segments
    assert cut == text or text.startswith(cut.removesuffix("...").removesuffix("…"))
    cut.encode("utf-16")


@given(ALPHABETS.map(lambda text: text * 20))
def test_a_segment_wastes_at_most_one_unit(text: str) -> None:
    found = measure(text)
    if found.units <= found.encoding.single:
        assert found.segments == 1
    else:
        capacity = found.encoding.multi
        assert -(-found.units // capacity) <= found.segments <= -(-found.units // (capacity - 1))
