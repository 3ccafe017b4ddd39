"""The page of choices behind the link in a mail, or given to a person: no login, and nothing without a POST."""

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient

from services.gateway.page_words import WORDS
from services.gateway.parts import Parts
from shared.crypto import Sealer, new_key
from shared.ledger.categories import Categories, Category
from shared.ledger.database import Database
from shared.ledger.keys import Keys
from shared.unsubscribe import Subscription, UnsubscribeLinks

PUBLIC, ADA = "https://crier.example", "ada@example.com"
DELIVERY = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
ALL = ("bookings", "news", "offers", "other")


@pytest.fixture
def secret() -> str:
    return new_key()


@pytest.fixture
def parts(database: Database, rung: Any, secret: str) -> Parts:
    return Parts.of(database, Sealer(secret), rung, public_url=PUBLIC)


@pytest.fixture
def project(database: Database, key: str) -> int:
    project = Keys(database).project("acme")
    for category in (
        Category("bookings", "Booking updates", "When one is moved.", position=1),
        Category("news", "Newsletter", promotional=True, position=2),
        Category("offers", "Offers", promotional=True, position=3),
        Category("security", "Security", required=True, position=4),
    ):
        Categories(database).put(project, category)
    return project


@pytest.fixture
def link(project: int, secret: str) -> Callable[..., str]:
    """The path of a link in a mail of a category, to Ada; or of a user's own."""

    def link(category: str | None = "news", user: str | None = None, *, target: str = ADA) -> str:
        about = Subscription(project, "email" if target else "", target, DELIVERY, category, user)
        return UnsubscribeLinks(PUBLIC, Sealer(secret)).make(about).removeprefix(PUBLIC)

    return link


@pytest.fixture
def scopes(rows: Any) -> Callable[[], set[str]]:
    return lambda: {row.scope for row in rows("SELECT scope FROM suppressions WHERE reason = 'opt-out'")}


@pytest.fixture
def said(rows: Any) -> Callable[[], dict[tuple[str, str, str], bool]]:
    """Preferences, by user, category and channel."""
    asked = "SELECT user_id, category, channel, wanted FROM preferences"
    return lambda: {(row.user_id, row.category, row.channel): row.wanted for row in rows(asked)}


def checked(page: str) -> set[str]:
    """The boxes that are ticked."""
    return set(re.findall(r'name="want" value="(\w+)" checked', page))


def choose(nobody: FlaskClient, path: str, *wanted: str) -> str:
    answer = nobody.post(f"{path}?choose", data={"want": list(wanted)})
    assert answer.status_code == 200 and "Saved." in answer.text
    return answer.text


def test_the_page_shows_what_holds_and_a_look_changes_nothing(nobody: FlaskClient, link: Any, scopes: Any) -> None:
    page = nobody.get(link()).text
    assert checked(page) == set(ALL)
    assert "Booking updates" in page and "When one is moved." in page and "a•••@example.com" in page
    assert re.search(r'<input type="checkbox" checked disabled> <b dir="auto">Security</b>', page)
    assert "Unsubscribe from <bdi>Newsletter</bdi>" in page
    assert '<html lang="en" dir="ltr">' in page and "<script" not in page
    assert nobody.get(f"{link()}?choose").status_code == nobody.get(f"{link()}?undo").status_code == 200
    assert scopes() == set()


def test_one_click_ends_the_category_of_the_mail_and_no_other(
    nobody: FlaskClient, link: Any, scopes: Any, rows: Any
) -> None:
    answer = nobody.post(link(), data=ONE_CLICK)
    assert answer.status_code == 200 and "You are unsubscribed from" in answer.text
    assert scopes() == {"category:news"}
    assert checked(nobody.get(link()).text) == {"bookings", "offers", "other"}
    [row] = rows("SELECT channel, target, source, delivery_id FROM suppressions")
    assert tuple(row) == ("email", ADA, "link", DELIVERY)
    assert "subscribed again" in nobody.post(f"{link()}?undo").text
    assert scopes() == set()


def test_one_click_in_a_promotion_of_no_category_or_a_required_one_ends_promotions(
    nobody: FlaskClient, link: Any, scopes: Any
) -> None:
    for category in (None, "security"):
        assert nobody.post(link(category), data=ONE_CLICK).status_code == 200
        assert scopes() == {"promotions"}
        assert checked(nobody.get(link(category)).text) == {"bookings"}
        nobody.post(f"{link(category)}?undo")
        assert scopes() == set()


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (("bookings", "news", "offers"), {"category:"}),
        (("bookings", "offers", "other"), {"category:news"}),
        (("news", "other"), {"category:bookings", "category:offers"}),
        (("bookings",), {"category:news", "category:offers", "category:", "promotions"}),
        ((), {"category:bookings", "category:news", "category:offers", "category:", "promotions"}),
    ],
)
def test_what_is_ticked_is_what_holds(
    nobody: FlaskClient, link: Any, scopes: Any, wanted: tuple[str, ...], expected: set[str]
) -> None:
    assert checked(choose(nobody, link(), *wanted)) == set(wanted)
    assert scopes() == expected
    assert checked(nobody.get(link()).text) == set(wanted)
    assert checked(choose(nobody, link(), *ALL)) == set(ALL)
    assert scopes() == set()


def test_none_of_these_is_none(nobody: FlaskClient, link: Any) -> None:
    page = nobody.post(f"{link()}?choose", data={"want": list(ALL), "none": "1"}).text
    assert checked(page) == set()


def test_who_wants_no_promotions_and_ticks_one_gets_that_one(nobody: FlaskClient, link: Any, scopes: Any) -> None:
    nobody.post(link(None), data=ONE_CLICK)
    assert checked(choose(nobody, link(None), "bookings", "news")) == {"bookings", "news"}
    assert scopes() == {"category:offers", "category:"}


def test_what_is_forged_in_the_form_is_nothing(nobody: FlaskClient, link: Any, scopes: Any, said: Any) -> None:
    choose(nobody, link(), *ALL, "security", "nonsense", "'; DROP TABLE")
    assert scopes() == set() and said() == {}
    choose(nobody, link(user="u_1"))
    assert "category:security" not in scopes() and ("u_1", "security", "email") not in said()
    assert nobody.post(f"{link()}?choose", data=b"want=" + b"x" * 20_000).status_code == 413


def test_an_altered_link_changes_nothing(nobody: FlaskClient, link: Any, scopes: Any, said: Any) -> None:
    path = link(user="u_1")
    another = "A" if path[-5] != "A" else "B"
    for altered in (path[:-1], path[:-5] + another + path[-4:], f"/u/00000000{path[11:]}"):
        for asked in (altered, f"{altered}?choose", f"{altered}?undo"):
            answer = nobody.post(asked, data={"want": "news"})
            assert answer.status_code == 404 and "This link does not work" in answer.text
    assert scopes() == set() and said() == {}


def test_where_the_mail_knows_the_user_both_are_told(nobody: FlaskClient, link: Any, scopes: Any, said: Any) -> None:
    """The address does not get it whoever a message names, and the user does not get it at another address."""
    path = link(user="u_1")
    nobody.post(path, data=ONE_CLICK)
    assert (scopes(), said()) == ({"category:news"}, {("u_1", "news", "email"): False})
    nobody.post(f"{path}?undo")
    assert (scopes(), said()) == (set(), {("u_1", "news", "email"): True})
    choose(nobody, path, "news", "offers", "other")
    assert (scopes(), said()["u_1", "bookings", "email"]) == ({"category:bookings"}, False)


def test_what_the_application_says_is_shown_and_the_last_word_counts(
    nobody: FlaskClient, link: Any, call: Any, scopes: Any
) -> None:
    call("PUT", "/v1/recipients/u_1", json={"email": ADA})
    no, yes = ({"choices": [{"category": "news", "wanted": wanted}]} for wanted in (False, True))
    call("PATCH", "/v1/recipients/u_1/preferences", json=no)
    assert checked(nobody.get(link(user="u_1")).text) == {"bookings", "offers", "other"}
    assert checked(choose(nobody, link(user="u_1"), *ALL)) == set(ALL)
    nobody.post(link(), data=ONE_CLICK)
    call("PATCH", "/v1/recipients/u_1/preferences", json=yes)
    assert scopes() == set() and checked(nobody.get(link(user="u_1")).text) == set(ALL)


def test_a_persons_own_link_chooses_for_every_channel(
    nobody: FlaskClient, call: Any, said: Any, scopes: Any, project: int
) -> None:
    one_channel = {"choices": [{"category": "news", "channel": "sms", "wanted": True}]}
    call("PUT", "/v1/recipients/u_1/preferences", json=one_channel)
    url = call("POST", "/v1/recipients/u_1/preferences-link").json["url"]
    assert url.startswith(f"{PUBLIC}/u/") and "u_1" not in url
    path = url.removeprefix(PUBLIC)
    page = nobody.get(path).text
    assert checked(page) == {"bookings", "news", "offers"} and "Other news" not in page
    assert nobody.post(path, data=ONE_CLICK).status_code == 200, "there is no mail it came from"
    assert said() == {("u_1", "news", "sms"): True}
    assert checked(choose(nobody, path, "bookings")) == {"bookings"}
    assert said() == {("u_1", "news", ""): False, ("u_1", "offers", ""): False} and scopes() == set()
    holds = call("GET", "/v1/recipients/u_1/preferences").json["holds"]
    assert {one["channel"] for one in holds if one["category"] == "news" and one["wanted"]} == set()


def test_a_bounced_address_is_not_asked_to_choose(nobody: FlaskClient, call: Any, link: Any) -> None:
    call("POST", "/v1/suppressions", json={"channel": "email", "target": ADA})
    page = nobody.get(link()).text
    assert "You are unsubscribed" in page and "want" not in checked(page)


def test_what_was_chosen_is_obeyed_at_acceptance(nobody: FlaskClient, link: Any, call: Any) -> None:
    mail = {"channel": "email", "to": {"email": ADA}, "content": {"subject": "x", "text": "y"}}
    nobody.post(link(), data=ONE_CLICK)
    states = {
        category: call("POST", "/v1/notifications", json={**mail, "category": category}).json["state"]
        for category in ("news", "bookings", "security")
    }
    assert states == {"news": "suppressed", "bookings": "queued", "security": "queued"}


@pytest.mark.parametrize("language", WORDS)
def test_every_page_is_in_every_language(nobody: FlaskClient, project: int, secret: str, language: str) -> None:
    """With the same words, and whatever is put into them."""
    assert WORDS[language].keys() == WORDS["en"].keys()
    parts = {key: set(re.findall(r"{(\w+)}", text)) for key, text in WORDS["en"].items()}
    assert {key: set(re.findall(r"{(\w+)}", text)) for key, text in WORDS[language].items()} == parts
    about = Subscription(project, "email", ADA, DELIVERY, "news", None, f"{language}-XX")
    path = UnsubscribeLinks(PUBLIC, Sealer(secret)).make(about).removeprefix(PUBLIC)
    page = nobody.get(path).text
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page
    assert f"<title>{WORDS[language]['choose']}" in page and "<bdi>a•••@example.com</bdi>" in page
    ended = nobody.post(path, data=ONE_CLICK).text
    assert WORDS[language]["ended"].format(category="<bdi>Newsletter</bdi>") in ended
    assert WORDS[language]["mistake"] in ended


def test_labels_are_text_and_never_markup(nobody: FlaskClient, link: Any, database: Database, project: int) -> None:
    Categories(database).put(project, Category("news", "<b>News</b> & co", '"><script>alert(1)</script>'))
    page = nobody.get(link()).text
    assert "&lt;b&gt;News&lt;/b&gt; &amp; co" in page and "<script" not in page
