"""How many SMS a text takes, and how to cut it to fewer.

The GSM 7 bit default alphabet and its extension table are those of 3GPP TS 23.038 sections 6.2.1 and 6.2.1.1: a
character of the extension table takes two septets. A text with any other character is sent as UCS-2, where a
character outside the basic plane takes two 16-bit units. Alone, a message holds 160 septets or 70 units; the header
of a concatenated one (3GPP TS 23.040 section 9.2.3.24.1, six octets) leaves 153 or 67. Neither an escaped character
nor a surrogate pair is split between two segments, so a segment may end one unit early.
"""

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from itertools import takewhile

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = "\f^{}\\[~]|€"
_ALL_BASIC = re.compile(f"[{re.escape(_BASIC)}]*").fullmatch
_ALL_GSM7 = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*").fullmatch
_SEPTETS = dict.fromkeys(_BASIC, 1) | dict.fromkeys(_EXTENSION, 2)
# What belongs to the character before it: a cut in front of one would show a different sign.
_JOINER = "\u200d"
_CLINGING_CATEGORIES = ("Mn", "Mc", "Me")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_TAGS = range(0xE0020, 0xE0080)
# A flag is two of these: the letters of its country.
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


@dataclass(frozen=True, slots=True)
class Encoding:
    """An alphabet and how much of it fits: alone in `single`, in each of several `multi`."""

    name: str
    single: int
    multi: int
    ellipsis: str

    def units(self, character: str) -> int:
        """Septets or 16-bit units of one character."""
        return _SEPTETS[character] if self is GSM7 else 1 + (ord(character) > 0xFFFF)


GSM7 = Encoding("GSM-7", 160, 153, "...")
UCS2 = Encoding("UCS-2", 70, 67, "…")


@dataclass(frozen=True, slots=True)
class Measure:
    """What a text takes: its encoding, its length in septets or 16-bit units, and the SMS it is sent as."""

    encoding: Encoding
    units: int
    segments: int


def encoding_of(text: str) -> Encoding:
    """GSM-7 if every character is in its alphabet, else UCS-2."""
    return GSM7 if _ALL_GSM7(text) else UCS2


def measure(text: str) -> Measure:
    """Measure `text`; an empty one takes one SMS."""
    if len(text) <= GSM7.single and _ALL_BASIC(text):
        return Measure(GSM7, len(text), 1)
    encoding = encoding_of(text)
    units = sum(map(encoding.units, text))
    if units <= encoding.single:
        return Measure(encoding, units, 1)
    segments, used = 1, 0
    for character in text:
        needed = encoding.units(character)
        if used + needed > encoding.multi:
            segments, used = segments + 1, 0
        used += needed
    return Measure(encoding, units, segments)


def truncate(text: str, segments: int) -> str:
    """The longest beginning of `text` that, with an ellipsis, takes at most `segments` SMS (at least one).

    A cut that removes the first character outside GSM-7 leaves room for more than twice as much, so both encodings
    are tried. No character is parted from its accents, joiner, skin tone or tags, nor a flag from its other half.
    """
    if measure(text).segments <= segments:
        return text
    plain = next((index for index, character in enumerate(text) if character not in _SEPTETS), len(text))
    return max(_cut(text, plain, GSM7, segments), _cut(text, len(text), UCS2, segments), key=len)


def _cut(text: str, limit: int, encoding: Encoding, segments: int) -> str:
    """As much of `text[:limit]` as fits with the encoding's ellipsis (which decides that it is this encoding)."""
    lengths = range(min(limit, segments * encoding.single) + 1)
    end = bisect_right(lengths, segments, key=lambda n: measure(text[:n] + encoding.ellipsis).segments) - 1
    while 0 < end < len(text) and (_clings(text[end]) or text[end - 1] == _JOINER or _halves_a_flag(text, end)):
        end -= 1
    return text[:end].rstrip() + encoding.ellipsis


def _clings(character: str) -> bool:
    return (
        character == _JOINER
        or ord(character) in _SKIN_TONES
        or ord(character) in _TAGS
        or unicodedata.category(character) in _CLINGING_CATEGORIES
    )


def _halves_a_flag(text: str, end: int) -> bool:
    if ord(text[end]) not in _FLAG_LETTERS:
        return False
    letters = takewhile(lambda character: ord(character) in _FLAG_LETTERS, reversed(text[:end]))
    return sum(1 for _ in letters) % 2 == 1
