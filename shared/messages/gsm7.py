"""Typographic characters that turn a text into UCS-2, and what stands for them in GSM-7.

A single curly quote takes an SMS from 160 characters to 70. Most come from word processors and telephones, which put
them where somebody typed a plain one. What carries meaning is left alone: `ç`, `á` or `ő` are letters, although GSM-7
has only `Ç`, `à` and `ö`. The national language shift tables of 3GPP TS 23.038 (6.2.1.2), in which some of them fit,
are not counted with: they are the sending network's to choose, and vendors send what is not in the default alphabet
as UCS-2 (https://www.twilio.com/docs/glossary/what-is-ucs-2-character-encoding).
"""

import unicodedata
from collections.abc import Sequence

from shared.messages.segments import GSM7, encoding_of

_PLAIN = {
    "'": "‘’‚‛′`´ʹʻʼ‹›",
    '"': "“”„‟″«»",
    "-": "‐‑‒–—―−•",
    "...": "…",
    " ": "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t",
    "\n": "\u2028\u2029",
    "": "\u00ad\u200b\u200c\u200d\u2060\ufeff",
}
_TABLE = str.maketrans({character: plain for plain, characters in _PLAIN.items() for character in characters})


def with_plain_punctuation(text: str) -> str:
    """`text` with plain quotes, dashes, dots and spaces, if that makes all of it GSM-7; else as it is."""
    if encoding_of(text) is GSM7:
        return text
    plain = text.translate(_TABLE)
    return plain if encoding_of(plain) is GSM7 else text


def outside_gsm7(text: str) -> Sequence[str]:
    """The characters for which `text` is sent as UCS-2, each once, in their order."""
    return [character for character in dict.fromkeys(text) if encoding_of(character) is not GSM7]


def named(characters: Sequence[str], most: int = 5) -> str:
    """Characters for a person to read: `“, ’ and U+200B ZERO WIDTH SPACE`; beyond `most` only how many."""
    shown = [_shown(character) for character in characters[:most]]
    if len(characters) > most:
        shown.append(f"{len(characters) - most} more")
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1])))


def _shown(character: str) -> str:
    if character.isprintable() and not character.isspace() and not unicodedata.combining(character):
        return character
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')}"
