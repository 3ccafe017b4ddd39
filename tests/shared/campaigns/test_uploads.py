"""Lists of people: each person once, not one good row lost to a bad one, and whole in the end whatever broke off."""

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from shared.campaigns import uploads
from shared.campaigns.uploads import AudienceUploads, Loaded
from shared.errors import Conflict, InvalidInput, LedgerUnavailable, NotFound
from shared.intake.upload import Form
from shared.ledger.acceptance import Acceptance
from shared.ledger.audiences import Audiences
from shared.ledger.batches import RowError
from shared.ledger.database import Database
from shared.ledger.keys import Keys

WHO = "key test"


class Lists:
    """Uploads of one project."""

    def __init__(self, database: Database) -> None:
        self.audiences = Audiences(database)
        self.uploads = AudienceUploads(Acceptance(database), self.audiences)
        self.project_id = Keys(database).project("acme")

    def load(self, text: str | bytes, name: str = "list", form: Form = Form.CSV, **options: Any) -> Loaded:
        source: Any = io.BytesIO(text if isinstance(text, bytes) else text.encode())
        return self.uploads.load(self.project_id, name, form, source, who=WHO, **options)

    def numbers(self, loaded: Loaded) -> list[int]:
        return [one.number for one in self.audiences.members(loaded.audience.id, limit=1000)]

    def left_out(self, loaded: Loaded) -> list[tuple[int, str, int | None]]:
        return [(one.row, one.field, one.doubles) for one in self.audiences.left_out(loaded.audience.id)]


@pytest.fixture
def lists(database: Database) -> Lists:
    return Lists(database)


@pytest.mark.parametrize("chunk", [1, 2, 5000])
def test_each_person_is_a_member_once_and_the_first_row_stays(
    lists: Lists, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploads, "CHUNK", chunk)
    loaded = lists.load(
        "user_id,email,phone\n"
        ",ada@example.com,\n"
        ",ADA@Example.com,\n"
        "u_1,ada@example.com,\n"
        "u_1,other@example.com,\n"
        ",,+44 20 7946 0018\n"
        ",,+442079460018\n"
        ",ada@example.com,+442079460018\n"
    )
    assert lists.numbers(loaded) == [2, 4, 6]
    assert lists.left_out(loaded) == [(3, "(row)", 2), (5, "(row)", 4), (7, "(row)", 6), (8, "(row)", 2)]
    assert (loaded.audience.members, loaded.audience.duplicates, loaded.audience.refused) == (3, 4, 0)
    assert [error.row for error in loaded.errors] == [3, 5, 7, 8]


@pytest.mark.parametrize(("unique_by", "members"), [("person", [2, 3]), ("email", [2]), ("phone", [2, 3])])
def test_what_makes_one_person_may_be_said(lists: Lists, unique_by: str, members: list[int]) -> None:
    loaded = lists.load(
        "user_id,email,phone\nu_1,ada@example.com,+442079460018\nu_2,ada@example.com,+442079460019\n",
        unique_by=unique_by,
    )
    assert lists.numbers(loaded) == members


def test_bad_rows_are_told_and_good_ones_kept(lists: Lists) -> None:
    loaded = lists.load(
        b"email,timezone,metadata.source\n"
        b"ada@example.com,Europe/London,web\n"
        b"no address,,\n"
        b"eve@example.com,Mars/North,\n"
        b"\xff@example.com,,\n"
        b"only,two\n"
        b",Europe/London,web\n"
        b"bob@example.com,,\n"
    )
    assert lists.numbers(loaded) == [2, 8]
    assert [(row, field) for row, field, _ in lists.left_out(loaded)] == [
        (3, "to.email"), (4, "to.timezone"), (5, "(row)"), (6, "(row)"), (7, "to"),
    ]  # fmt: skip
    assert (loaded.audience.refused, loaded.audience.zones) == (5, {"Europe/London": 1, "": 1})
    [ada, _] = lists.audiences.members(loaded.audience.id)
    assert (ada.zone, ada.metadata) == ("Europe/London", {"source": "web"})


def test_columns_of_no_template_yet_are_kept_as_they_are_written(lists: Lists) -> None:
    loaded = lists.load("email,city,price.amount,price.currency,data.seats\na@example.com,Bath,12.50,GBP,007\n")
    [member] = lists.audiences.members(loaded.audience.id)
    assert member.data == {"city": "Bath", "price": {"amount": "12.50", "currency": "GBP"}, "seats": "007"}


@pytest.mark.parametrize(
    "header",
    ["", "to.mail,name", "email,", "email,email", "email,a..b", "email,price,price.amount", f"email,{'a.' * 9}b"],
)
def test_a_header_that_cannot_be_meant_is_refused(lists: Lists, header: str) -> None:
    with pytest.raises(InvalidInput, match="line 1"):
        lists.load(f"{header}\na@example.com,b,c\n")
    assert lists.audiences.page(lists.project_id) == ([], None)


def test_ndjson_keeps_its_types_and_is_checked_the_same(lists: Lists) -> None:
    loaded = lists.load(
        '{"to": {"email": "ada@example.com"}, "data": {"seats": 2}}\n'
        '{"to": {"email": "ada@example.com"}}\n'
        '{"to": {"email": "eve@example.com"}, "data": []}\n'
        '{"to": {"email": "eve@example.com"}, "ordering_key": "one"}\n'
        '{"to": {"name": "Nobody"}}\n'
        '{"to": {"email": "bob@example.com"}, "metadata": {"a": 1}}\n'
        "[]\n"
        "{\n"
        + '{"to": {"email": "huge@example.com"}, "data": {"text": "' + "x" * 20_000 + '"}}\n',
        form=Form.NDJSON,
    )  # fmt: skip
    assert lists.numbers(loaded) == [1]
    assert [(row, field) for row, field, _ in lists.left_out(loaded)] == [
        (2, "(row)"), (3, "data"), (4, "ordering_key"), (5, "to"), (6, "metadata"), (7, "(row)"), (8, "(row)"),
        (9, "(row)"),
    ]  # fmt: skip
    assert lists.audiences.members(loaded.audience.id)[0].data == {"seats": 2}


class Breaking(io.RawIOBase):
    """A file that breaks off in its first half."""

    def __init__(self, content: bytes) -> None:
        self._pieces: Iterator[bytes] = iter([content[: len(content) // 2]])

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        for piece in self._pieces:
            buffer[: len(piece)] = piece
            return len(piece)
        raise LedgerUnavailable("gone")


def test_what_broke_off_is_completed_under_its_key(lists: Lists, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "CHUNK", 10)
    content = "email\n" + "".join(f"guest.{number % 150}@example.com\n" for number in range(200))
    with pytest.raises(LedgerUnavailable):
        lists.uploads.load(lists.project_id, "list", Form.CSV, Breaking(content.encode()), key="k", who=WHO)
    [[begun], _] = lists.audiences.page(lists.project_id)
    assert begun.closed_at is None
    assert len(lists.audiences.members(begun.id, limit=1000)) > 10
    loaded = lists.load(content, key="k")
    assert loaded.audience.id == begun.id
    assert (loaded.audience.members, loaded.audience.duplicates) == (150, 50)
    again = lists.load(content, key="k")
    assert (again.replayed, again.audience) == (True, loaded.audience)
    with pytest.raises(InvalidInput, match="different file"):
        lists.load(content + "more@example.com\n", key="k")
    with pytest.raises(InvalidInput, match="different request"):
        lists.load(content, name="another", key="k")


def test_a_line_without_an_end_is_where_it_ends(lists: Lists) -> None:
    loaded = lists.load("email\nada@example.com\n" + "x" * 2_000_000)
    assert (loaded.complete, loaded.audience.closed_at) == (False, None)
    assert lists.numbers(loaded) == [2]


def test_a_name_is_given_once_and_is_free_when_it_is_deleted(lists: Lists, database: Database) -> None:
    first = lists.load("email\nada@example.com\n")
    with pytest.raises(Conflict, match="of the name list already"):
        lists.load("email\neve@example.com\n")
    lists.audiences.remove(lists.project_id, first.audience.id, who=WHO)
    with pytest.raises(NotFound):
        lists.audiences.get(lists.project_id, first.audience.id)
    second = lists.load("email\neve@example.com\n")
    while lists.audiences.sweep(most=1):
        pass
    rows = database.rows(text("SELECT audience_id FROM audience_members"))
    assert [row.audience_id for row in rows] == [second.audience.id]
    assert lists.audiences.named(lists.project_id, "list") == second.audience
    assert lists.audiences.named(lists.project_id, str(second.audience.id)) == second.audience


@pytest.mark.parametrize("name", ["", "x" * 101, "a\nb"])
def test_a_name_that_is_none_is_refused(lists: Lists, name: str) -> None:
    with pytest.raises(InvalidInput, match="printable"):
        lists.load("email\nada@example.com\n", name=name)
    with pytest.raises(InvalidInput, match=r"Did you mean email\?"):
        lists.load("email\nada@example.com\n", unique_by="emial")


def test_a_project_has_so_many_and_no_more(lists: Lists, database: Database) -> None:
    lists.uploads = AudienceUploads(Acceptance(database), Audiences(database, most=1))
    lists.load("email\nada@example.com\n", "first")
    with pytest.raises(Conflict, match="may have 1 audiences"):
        lists.load("email\nada@example.com\n", "second")


def test_nothing_is_kept_of_a_list_that_is_deleted_while_it_is_loaded(
    lists: Lists, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(uploads, "CHUNK", 2)
    refuse = Audiences.refuse

    def delete(audiences: Audiences, identifier: UUID, errors: Sequence[RowError]) -> None:
        """Delete it after its first chunk, and let the service remove its people."""
        with suppress(NotFound):
            audiences.remove(lists.project_id, identifier, who=WHO)
            while audiences.sweep():
                pass
        refuse(audiences, identifier, errors)

    monkeypatch.setattr(Audiences, "refuse", delete)
    with pytest.raises(Conflict, match="deleted after"):
        lists.load("email\na@example.com\nb@example.com\nc@example.com\nnobody\nd@example.com\nD@example.com\n")
    for table in ("audience_members", "audience_rows"):
        assert database.rows(text(f"SELECT count(*) FROM {table}"))[0][0] == 0
