"""Whom the demo writes to: names as the world has them, in its scripts, with addresses, zones, currencies and numbers.

They are made of `cultures.csv`. A name there is written `native` or `native/latin`; the latin form makes the local part
of an address, `order` says how the whole is written, and a # in `phone` is a digit that varies.

No number belongs to anybody. Where a country has reserved some for fiction it is one of those: the North American
555-01xx, and those of Ofcom, ARCEP, Bundesnetzagentur, ComReg, ACMA, PTS and NMHH; elsewhere a subscriber's number is
mostly zeros. Domains are example.com and its kin, or below .example (RFC 2606).
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unicodedata import combining, normalize

PLAIN_DOMAINS = ("example.com", "example.net", "example.org")
_NAMES = 6
_WITHOUT_MARKS = str.maketrans("łđðþøæœßıŋ", "lddtoaosin")


@dataclass(frozen=True)
class Culture:
    """How people of one language are called and reached: a line of `cultures.csv`."""

    locale: str
    timezone: str
    currency: str
    phone: str
    domain: str
    order: str
    given: str
    family: str

    def name(self, given: str, family: str) -> str:
        """The whole name."""
        return self.order.replace("given", _native(given)).replace("family", _native(family))

    def number(self, chance: Random) -> str:
        """A telephone number."""
        return "".join(chance.choice("0123456789") if c == "#" else c for c in self.phone)


@dataclass(frozen=True)
class Person:
    """Somebody with an address nobody else has."""

    culture: Culture
    name: str
    address: str


def cultures() -> tuple[Culture, ...]:
    """Every line of `cultures.csv`."""
    with Path(__file__).with_name("cultures.csv").open(encoding="utf-8", newline="") as file:
        return tuple(Culture(**row) for row in csv.DictReader(file))


def people(chance: Random) -> Iterator[Person]:
    """Everybody: each given name with each family name of each culture."""
    seen: set[str] = set()
    pairs = [(given, (given + shift) % _NAMES) for shift in range(_NAMES) for given in range(_NAMES)]
    everybody = ((culture, given, family) for given, family in pairs for culture in cultures())
    for number, (culture, given, family) in enumerate(everybody):
        names = culture.given.split()[given], culture.family.split()[family]
        local = ".-_"[number % 3].join(map(_native_local if number % 7 == 0 else _latin_local, names))
        domain = culture.domain if number % 3 == 0 else chance.choice(PLAIN_DOMAINS)
        tag = f"+table{number}" if number % 11 == 0 or f"{local}@{domain}" in seen else ""
        seen.add(f"{local}@{domain}")
        yield Person(culture, culture.name(*names), f"{local}{tag}@{domain}")


def _native(name: str) -> str:
    return name.partition("/")[0]


def _native_local(name: str) -> str:
    # Some names have a space of their own, which a local part cannot have.
    return "".join(_native(name).lower().split())


def _latin_local(name: str) -> str:
    latin = name.rpartition("/")[2].lower().translate(_WITHOUT_MARKS)
    return "".join(c for c in normalize("NFD", latin) if not combining(c))
