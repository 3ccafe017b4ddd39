"""Makes the demo's files: `python -m crier.demo.make_files`. The same ones every time.

recipients.csv    a thousand guests, some of whom have something wrong with their row
guests.ndjson     a few more, some of whose lines no CSV file could hold
refused.csv       what is wrong in both: file, row, field
"""

import csv
import io
import json
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from crier.demo.people import Person, cultures, people
from crier.demo.wrong import BOUNCING, BROKEN_LINES, BROKEN_ROWS, SPOILT_ROWS, Row

FOLDER = Path(__file__).parent
COUNT = 1000
HEADER = (
    "email", "name", "locale", "timezone", "phone", "customer_name", "what", "reference", "starts_at", "ends_at",
    "place", "guests", "total", "note", "manage_url",
)  # fmt: skip
OFFERS = (
    "Dinner",
    "Lunch for the team",
    "A table by the window",
    "Wine tasting",
    "Birthday party 🎂",
    "Haircut & shave",
)
VENUES = (
    "Osteria Lume", "Fish & Chips <by the pier>", "Café “Zur Post”", "L'Étoile d'Or", "Smørrebrød & Øl", "مطعم النيل",
    "Ресторан «Дніпро»", "すし処 花", "百味轩", "한옥 카페", "Πλατεία 7", "मसाला घर", "100% Vegan; Deli",
    "🍜 Noodle No. 9",
)  # fmt: skip
NOTES = (
    "", "", "We hold your table for 15 minutes.", "Please ring twice.\nThe entrance is through the courtyard.",
    "Allergies? Tell us: \"nuts\", 'gluten', <other>.", "Parkplätze gibt's hinterm Haus.", "請提前十分鐘到達。",
)  # fmt: skip
WITHOUT_CENTS = ("JPY", "KRW", "VND", "HUF", "ISK", "IRR")
Refused = list[tuple[str, int, str]]


def recipients() -> tuple[bytes, Refused]:
    """The CSV file, and what is wrong in it. A row's number is the line it starts on."""
    chance = Random(4821)
    rows = [_good_row(chance, number, person) for number, person in zip(range(COUNT), people(chance), strict=False)]
    places = sorted(chance.sample(range(5, COUNT - 5), len(BOUNCING) + len(BROKEN_ROWS) + len(SPOILT_ROWS)))
    for address in BOUNCING:
        rows[places.pop(len(places) // 2)]["email"] = address
    broken = dict(zip(places, BROKEN_ROWS, strict=False))
    spoilt = dict(zip(places[len(BROKEN_ROWS) :], SPOILT_ROWS, strict=True))
    text, refused = ",".join(HEADER) + "\n", Refused()
    for index, row in enumerate(rows):
        line = text.count("\n") + 1
        if index in broken:
            field, change = broken[index]
            refused.append(("recipients.csv", line, field))
            text += _written({**row, **change(row)})
        elif index in spoilt:
            refused.append(("recipients.csv", line, "(row)"))
            text += spoilt[index](_written({**row, "note": ""}).rstrip("\n")) + "\n"
        else:
            text += _written(row)
    return text.encode(), refused


def _good_row(chance: Random, number: int, person: Person) -> Row:
    culture = person.culture
    day = datetime(2027, 3, 1, tzinfo=ZoneInfo(culture.timezone)) + timedelta(days=chance.randrange(120))
    starts = day.replace(hour=chance.randrange(9, 21), minute=chance.choice((0, 15, 30, 45)))
    reference, amount = f"LM-{4000 + number}", chance.randrange(10, 400)
    total = f"{amount}000" if culture.currency in WITHOUT_CENTS else f"{amount}{chance.choice(('.00', '.50', '.95'))}"
    return {
        "email": person.address,
        "name": person.name,
        "locale": culture.locale,
        "timezone": culture.timezone,
        "phone": culture.number(chance) if chance.random() < 0.8 else "",
        "customer_name": person.name,
        "what": chance.choice(OFFERS),
        "reference": reference,
        "starts_at": starts.isoformat(),
        "ends_at": (starts + timedelta(hours=2)).isoformat() if chance.random() < 0.5 else "",
        "place": chance.choice(VENUES),
        "guests": str(chance.randrange(1, 12)) if chance.random() < 0.9 else "",
        "total": f"{total} {culture.currency}" if chance.random() < 0.8 else "",
        "note": chance.choice(NOTES),
        "manage_url": f"https://example.com/bookings/{reference}?lang={culture.locale}&from=mail",
    }


def _written(row: Row) -> str:
    buffer = io.StringIO()
    csv.DictWriter(buffer, HEADER, lineterminator="\n").writerow(row)
    return buffer.getvalue()


def guests() -> tuple[bytes, Refused]:
    """The NDJSON file, and what is wrong in it: SMS about a delay, each to another number."""
    chance = Random(204)
    lines = []
    for number, culture in enumerate(cultures()[:20]):
        name = culture.name(culture.given.split()[0], culture.family.split()[0])
        to = {"phone": culture.number(chance), "name": name, "locale": culture.locale, "timezone": culture.timezone}
        row = {"to": to, "data": {"stop": f"Bay {number + 1}"}}
        lines.append(json.dumps(row, ensure_ascii=False).encode())
    refused = Refused()
    for index, (fields, change) in BROKEN_LINES.items():
        lines[index] = change(lines[index])
        refused += [("guests.ndjson", index + 1, field) for field in fields]
    return b"\n".join(lines) + b"\n", refused


def files() -> dict[str, bytes]:
    """Every file by its name."""
    (table, wrong_rows), (lines, wrong_lines) = recipients(), guests()
    listed = "".join(f"{file},{row},{field}\n" for file, row, field in wrong_rows + wrong_lines)
    return {"recipients.csv": table, "guests.ndjson": lines, "refused.csv": f"file,row,field\n{listed}".encode()}


if __name__ == "__main__":
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
