"""What is wrong with some rows of the demo's files, each in its own way, and the field that is refused for it."""

from collections.abc import Callable, Mapping

Row = dict[str, str]

BOUNCING = ("bounce+550-5.1.1@example.com", "reject+554-5.7.1@example.org", "bounce+550-5.7.1@example.net")
"""Addresses the mail server refuses for good (see `crier.sandbox.smtp`)."""

BROKEN_ROWS: tuple[tuple[str, Callable[[Row], Row]], ...] = (
    ("to.email", lambda row: {"email": row["email"].replace("@", " at ")}),
    ("to.email", lambda row: {"email": ""}),
    ("to.email", lambda row: {"email": row["email"].replace("@", "@@")}),
    ("to.email", lambda row: {"email": row["email"].replace("@", "..@")}),
    ("to.email", lambda row: {"email": "guest@localhost"}),
    ("to.email", lambda row: {"email": f"{row['email']}, other@example.com"}),
    ("to.email", lambda row: {"email": "guest@-example.com"}),
    ("to.phone", lambda row: {"phone": "020 7946 0018"}),
    ("to.phone", lambda row: {"phone": "+44 77"}),
    ("to.phone", lambda row: {"phone": "call me"}),
    ("to.name", lambda row: {"name": f"{row['name']}\nBcc: everybody@example.com"}),
    ("to.locale", lambda row: {"locale": "English!"}),
    ("to.timezone", lambda row: {"timezone": "Europe/Londn"}),
    ("data.what", lambda row: {"what": ""}),
    ("data.reference", lambda row: {"reference": ""}),
    ("data.reference", lambda row: {"reference": "R" * 41}),
    ("data.starts_at", lambda row: {"starts_at": ""}),
    ("data.starts_at", lambda row: {"starts_at": "tomorrow"}),
    ("data.starts_at", lambda row: {"starts_at": row["starts_at"][:19]}),
    ("data.guests", lambda row: {"guests": "four"}),
    ("data.total", lambda row: {"total": "twelve pounds"}),
    ("data.total", lambda row: {"total": "12.00 XXQ"}),
    ("data.total", lambda row: {"total": "12.50 JPY"}),
    ("data.manage_url", lambda row: {"manage_url": "example.com/bookings"}),
)
"""The field, and the cells that make it so."""

SPOILT_ROWS: tuple[Callable[[str], str], ...] = (
    lambda line: line.rpartition(",")[0],
    lambda line: f"{line},one cell too many",
    lambda line: f'"Guest" of honour,{line}',
)
"""Lines that are no row of this table."""

BROKEN_LINES: Mapping[int, tuple[tuple[str, ...], Callable[[bytes], bytes]]] = {
    3: (("(row)",), lambda line: line.replace(b"Bay", b"B\xe4y")),  # ISO 8859-1, not UTF-8
    7: (("(row)",), lambda line: line[:-1]),
    9: (("(row)",), lambda line: b'["+447700900001"]'),
    11: (("to.phone",), lambda line: line.replace(b'"phone"', b'"user_id"')),
    13: (("to", "too"), lambda line: line.replace(b'"to"', b'"too"')),
    15: (("data.stop",), lambda line: line.replace(b'"Bay 16"', b"16")),
    16: (("data.stop",), lambda line: line.replace(b"Bay", b"Bay\\u0000")),
    18: (("to.email",), lambda line: line.replace(b'"name"', b'"email"')),
}
"""By index: the fields, and what becomes of the line."""
