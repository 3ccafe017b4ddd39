"""Settings with a value for each country: `GB=Crier,US=+15005550006,*=+447700900000`."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from shared.messages.countries import EVERYWHERE, country_problem
from shared.settings import Check

EXAMPLE = f"GB=…,{EVERYWHERE}=…"


def by_country(entries: Sequence[str]) -> dict[str, str]:
    """The values by ISO 3166 country."""
    pairs = (entry.partition("=") for entry in entries)
    return {country.strip(): value.strip() for country, _, value in pairs}


def each_country(problem: Callable[[str, str], str | None]) -> Check:
    """A check: every entry is a country with a value, and `problem` finds nothing in them."""

    def check(entries: Sequence[str]) -> str | None:
        return _sentences(_problems(entries, problem))

    return check


def countries(codes: Sequence[str]) -> str | None:
    """A check: ISO 3166 codes, or `*`."""
    return _sentences(problem for code in codes if (problem := country_problem(code)))


def _problems(entries: Sequence[str], problem: Callable[[str, str], str | None]) -> Iterator[str]:
    for entry in entries:
        if "=" not in entry:
            yield f"{entry!r} is not a country with its value: write {EXAMPLE}"
    for country, count in Counter(entry.partition("=")[0].strip() for entry in entries).items():
        if count > 1:
            yield f"{country} is there {count} times; keep one."
    for country, value in by_country([entry for entry in entries if "=" in entry]).items():
        if found := country_problem(country) or problem(country, value):
            yield found


def _sentences(problems: Iterator[str]) -> str | None:
    return "is wrong: " + " ".join(found) if (found := list(problems)) else None
