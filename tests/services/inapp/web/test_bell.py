"""The bell in a real browser, on the page of examples/bell, whose policy allows nothing inline."""

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import text

from crier.local.ports import free_port
from shared.ledger.ids import new_id
from shared.ledger.inbox import Mark, Put, Shelf
from tests.browser import Chromium, Page

EXAMPLE = Path(__file__).parents[4] / "examples/bell"
EVIL = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>{{7*7}}'
ROOT = "document.querySelector('crier-bell').shadowRoot"
BADGE = f"{ROOT}.querySelector('.badge').hidden ? 0 : {ROOT}.querySelector('.badge').textContent"
TITLES = f"[...{ROOT}.querySelectorAll('.title')].map(each => each.firstChild.textContent)"
FOCUS = f"({ROOT}.activeElement || document.activeElement).className"


@pytest.fixture
def page_port() -> int:
    return free_port()


@pytest.fixture
def settings(page_port: int) -> dict[str, str]:
    return {"CRIER_INAPP_ORIGINS": f"http://127.0.0.1:{page_port}"}


@pytest.fixture
def site(server, page_port: int) -> Iterator[str]:
    """The example's files, and tokens for whoever asks."""
    policy = (
        f"default-src 'none'; script-src 'self' {server.url}; style-src 'self'; connect-src 'self' {server.url}; "
        "img-src 'self' https:"
    )

    class Site(BaseHTTPRequestHandler):
        lasts = 600

        def do_GET(self) -> None:
            name = self.path.partition("?")[0].lstrip("/") or "index.html"
            content, kind = b"", "text/html"
            if name == "token":
                token = server.token("ada", seconds=Site.lasts)
                content, kind = (
                    json.dumps({"token": token, "user_id": "ada", "url": server.url}).encode(),
                    "application/json",
                )
            elif (EXAMPLE / name).exists():
                content, kind = (
                    (EXAMPLE / name).read_bytes(),
                    {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}.get(
                        name.rpartition(".")[2], "text/html"
                    ),
                )
            self.send_response(200 if content else 404)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Security-Policy", policy)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", page_port), Site)
    threading.Thread(target=httpd.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{page_port}/"
    httpd.shutdown()
    httpd.server_close()


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    folder = tmp_path / "chromium"
    folder.mkdir()
    with Chromium(folder) as opened:
        opened.look()
        yield opened


def click(page: Page, selector: str) -> None:
    page.js(f"{ROOT}.querySelector({json.dumps(selector)}).click()")


def see(page: Page, name: str) -> None:
    """Keep a picture for people to look at, where CRIER_TEST_PICTURES says."""
    if folder := os.environ.get("CRIER_TEST_PICTURES"):
        page.picture(Path(folder) / f"inapp-{name}.png")


def test_the_bell_shows_what_is_unread_and_what_arrives(page, site, put, inboxes, project_id):
    put("one", "two")
    page.go(site)
    page.until(BADGE, "2")
    click(page, ".bell")
    page.until(TITLES, ["two", "one"])
    [three] = put("three", body="Just now")
    page.until(TITLES, ["three", "two", "one"])
    page.until(BADGE, "3")
    page.until(f"{ROOT}.querySelector('[aria-live]').textContent", "Notifications: three")
    page.until("document.querySelector('#told').textContent", "Just in: three")
    inboxes.mark(project_id, "ada", three, Mark.READ)
    page.until(BADGE, "2")
    page.until(f"{ROOT}.querySelectorAll('.item.unread').length", 2)
    assert page.problems == []


def test_people_read_archive_and_read_all(page, site, put, inboxes, project_id):
    put("one", "two", "three")
    page.go(site)
    page.until(BADGE, "3")
    click(page, ".bell")
    page.until(TITLES, ["three", "two", "one"])
    click(page, ".item [data-what=read]")
    page.until(BADGE, "2")
    assert inboxes.count(project_id, "ada") == 2
    click(page, ".item [data-what=archive]")
    page.until(TITLES, ["two", "one"])
    click(page, "#tab-archived")
    page.until(TITLES, ["three"])
    click(page, ".item [data-what=unarchive]")
    page.until(TITLES, [])
    page.until(f"{ROOT}.querySelector('.empty').textContent", "Nothing is archived.")
    click(page, "#tab-inbox")
    page.until(TITLES, ["three", "two", "one"])
    click(page, ".all")
    page.until(BADGE, 0)
    assert inboxes.page(project_id, "ada", Shelf.UNREAD).items == []
    assert page.problems == []


def test_a_click_follows_the_link_and_the_notification_is_read(page, site, put, inboxes, project_id):
    put("Your boat is ready", link="/#boats", actions=[{"label": "See it", "link": "/#berths"}])
    page.go(site)
    page.until(BADGE, "1")
    click(page, ".bell")
    page.until(TITLES, ["Your boat is ready"])
    click(page, ".title")
    page.until("location.hash", "#boats")
    page.until(BADGE, 0)
    assert inboxes.count(project_id, "ada") == 0
    click(page, ".action")
    page.until("location.hash", "#berths")


def test_what_a_stranger_wrote_is_inert_wherever_it_stands(page, site, inboxes, project_id):
    bad_links = [
        "javascript:window.hacked=1",
        "data:text/html,x",
        "vbscript:x",
        " javascript:window.hacked=1",
        "blob:x",
    ]
    content = {"title": EVIL, "body": EVIL, "icon": EVIL, "image": 'x" onerror="window.hacked=1', "category": EVIL,
               "data": {EVIL: EVIL}}  # fmt: skip
    for link in bad_links:
        actions = [{"label": EVIL, "link": link}]
        inboxes.put([Put(new_id(), project_id, "ada", {**content, "link": link, "actions": actions})])
    page.go(site)
    page.until(BADGE, "5")
    click(page, ".bell")
    page.until(TITLES, [EVIL] * 5)
    assert page.js(f"{ROOT}.querySelectorAll('a, img, script').length") == 0
    for number in range(5):
        page.js(f"{ROOT}.querySelectorAll('.title')[{number}].click()")
    page.until(BADGE, 0)
    assert page.js("window.hacked") is None
    assert page.problems == []


def test_it_comes_back_after_the_server_was_away_and_misses_nothing(page, site, server, put):
    put("before")
    page.go(site)
    page.until(BADGE, "1")
    click(page, ".bell")
    server.stop()
    page.until(f"{ROOT}.querySelector('.offline').hidden", False)
    put("meanwhile")
    server.start()
    page.until(TITLES, ["meanwhile", "before"], seconds=60)
    page.until(f"{ROOT}.querySelector('.offline').hidden", True)
    put("afterwards")
    page.until(TITLES, ["afterwards", "meanwhile", "before"])


def test_a_token_that_ends_is_replaced(page, site, put):
    put("one")
    page.go(site)
    page.until(BADGE, "1")
    page.js("document.querySelector('crier-bell').setAttribute('token', 'x'.repeat(50))")
    page.js(f"{ROOT}.querySelector('.bell').click()")
    page.until(TITLES, ["one"])
    click(page, ".item [data-what=read]")
    page.until(BADGE, 0)


HOLD = """
    window.requested = []; window.held = [];
    const real = window.fetch;
    window.fetch = async (url, options) => {
      window.requested.push(String(url));
      const answer = await real(url, options);
      if (!String(url).includes("state=") || !answer.ok) return answer;
      const page = await answer.json();
      answer.json = async () => page;
      await new Promise(done => window.held.push(done));
      return answer;
    };
"""
"""From now on pages of an inbox arrive when `held` is called; what was asked for is in `requested`."""

STREAMS = "requested.filter(url => url.endsWith('/stream')).length"


def another_bell(page, server, user: str) -> None:
    """Put another bell in the place of the page's, whose pages are held."""
    page.js(f"""(() => {{
        document.querySelector('crier-bell').remove();
        {HOLD}
        const bell = document.createElement('crier-bell');
        for (const [name, value] of Object.entries({json.dumps({"src": server.url, "user": user})}))
          bell.setAttribute(name, value);
        bell.setAttribute('token', {json.dumps(server.token(user))});
        document.body.append(bell);
    }})()""")


def let_go(page, number: int) -> None:
    """Let a page arrive, and all that comes of it happen."""
    page.js(f"held[{number}](), new Promise(done => setTimeout(done))")


def test_a_bell_that_is_removed_while_it_loads_opens_no_stream(page, site, server, put):
    put("one")
    page.go(site)
    page.until(BADGE, "1")
    another_bell(page, server, "ada")
    page.until("held.length", 1)
    page.js("document.querySelector('crier-bell').remove()")
    let_go(page, 0)
    assert page.js(STREAMS) == 0


def test_another_users_bell_shows_nothing_of_the_one_before(page, site, server, put):
    put("of Ada", "of Ada too")
    put("of Grace", user="grace")
    page.go(site)
    page.until(BADGE, "2")
    another_bell(page, server, "ada")
    page.until("held.length", 1)
    click(page, ".bell")
    page.js(f"""(bell => {{
        bell.setAttribute('user', 'grace');
        bell.setAttribute('token', {json.dumps(server.token("grace"))});
    }})(document.querySelector('crier-bell'))""")
    page.until("held.length", 2)
    let_go(page, 0)
    assert (page.js(TITLES), page.js(BADGE), page.js(STREAMS)) == ([], 0, 0)
    let_go(page, 1)
    page.until(TITLES, ["of Grace"])
    page.until(BADGE, "1")
    put("of Grace too", user="grace")
    page.until(TITLES, ["of Grace too", "of Grace"])
    assert page.js(STREAMS) == 1


def test_a_bell_that_changed_hands_elsewhere_shows_nothing_of_before(page, site, server, put):
    put("of Ada")
    put("of Grace", "of Grace too", user="grace")
    page.go(site)
    page.until(BADGE, "1")
    click(page, ".bell")
    page.until(TITLES, ["of Ada"])
    page.js(f"""(bell => {{
        bell.remove();
        bell.removeAttribute('token-url');
        bell.setAttribute('token', {json.dumps(server.token("grace"))});
        bell.setAttribute('user', 'grace');
        document.body.append(bell);
    }})(document.querySelector('crier-bell'))""")
    page.until(BADGE, "2")
    click(page, ".bell")
    page.until(TITLES, ["of Grace too", "of Grace"])


def test_it_is_used_with_the_keyboard_alone_and_says_what_it_is(page, site, put):
    put("one", "two")
    page.go(site)
    page.until(BADGE, "2")
    assert page.js(f"{ROOT}.querySelector('.bell').getAttribute('aria-label')") == "Notifications, 2 unread"
    page.js(f"{ROOT}.querySelector('.bell').focus()")
    page.key("Enter")
    page.until(FOCUS, "tab")
    assert page.js(f"{ROOT}.querySelector('.bell').getAttribute('aria-expanded')") == "true"
    page.until(TITLES, ["two", "one"])
    page.key("ArrowDown")
    page.until(f"{ROOT}.activeElement.textContent", "two, unread")
    page.key("ArrowDown")
    page.until(f"{ROOT}.activeElement.textContent", "one, unread")
    page.key("Enter")
    page.until(BADGE, "1")
    page.until(f"{ROOT}.activeElement.textContent", "one")
    page.key("Escape")
    page.until(f"{ROOT}.querySelector('.panel').hidden", True)
    page.until(FOCUS, "bell")
    nodes = page("Accessibility.getFullAXTree")["nodes"]
    named = {(node["role"]["value"], node["name"]["value"]) for node in nodes if node.get("role") and node.get("name")}
    assert ("button", "Notifications, 1 unread") in named


def test_more_are_shown_page_by_page(page, site, put):
    put(*(str(number) for number in range(40)))
    page.go(site)
    page.until(BADGE, "40")
    click(page, ".bell")
    page.until(f"{TITLES}.length", 15)
    click(page, ".more")
    page.until(f"{TITLES}.length", 30)
    click(page, ".more")
    page.until(TITLES, [str(number) for number in reversed(range(40))])
    put(*(str(number) for number in range(40, 120)))
    page.until(BADGE, "99+")


@pytest.mark.parametrize(
    ("lang", "label"),
    [
        ("en", "Notifications, 1 unread"),
        ("de", "Mitteilungen, 1 ungelesen"),
        ("es", "Notificaciones, 1 sin leer"),
        ("fr", "Notifications, 1 non lue"),
        ("pl", "Powiadomienia, Nieprzeczytane: 1"),
        ("ar", "الإشعارات, 1 غير مقروء"),
    ],
)
def test_it_speaks_the_pages_language(page, site, put, lang, label):
    put("one")
    page.go(f"{site}?lang={lang}")
    page.until(f"{ROOT}.querySelector('.bell').getAttribute('aria-label')", label)
    assert page.js(f"getComputedStyle({ROOT}.firstChild).direction") == ("rtl" if lang == "ar" else "ltr")


NOTES = {
    "en": [
        ("Tide warning for Saturday", "Low water at 14:10. Boats deeper than 1.8 m stay at their berths.", "⚓", None),
        ("Payment received", "£148.00 for berth 12, March.", "✔", None),
        ("Your booking is confirmed", "Day trip on the Mary Rose\nSat 14 March, 09:30 · 4 guests", "⚑",
         [("View booking", "/#boats"), ("Add to calendar", "/#berths")]),
        ("Grace commented on your draft", "“The second table reads much better now. Shall we send it on Monday?”", "✎",
         [("Reply", "/#boats")]),
    ],
    "ar": [
        ("تنبيه المد والجزر ليوم السبت", "أدنى منسوب للمياه الساعة 14:10.", "⚓", None),
        ("تم استلام الدفعة", "148.00 £ عن المرسى 12.", "✔", None),
        ("تم تأكيد حجزك", "رحلة يومية على متن Mary Rose\nالسبت 14 مارس، 09:30", "⚑", [("عرض الحجز", "/#boats")]),
        ("علّقت Grace على مسودتك", "«الجدول الثاني أوضح الآن. هل نرسله يوم الاثنين؟»", "✎", [("رد", "/#boats")]),
    ],
}  # fmt: skip


@pytest.mark.parametrize("lang", ["en", "ar"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("phone", [False, True], ids=["desktop", "phone"])
def test_it_fits_every_window(page, site, put, inboxes, project_id, database, lang, dark, phone):
    ids = []
    for title, body, icon, actions in NOTES[lang]:
        buttons = [{"label": label, "link": link} for label, link in actions or ()]
        ids += put(title, body=body, icon=icon, link="/#boats", actions=buttons)
    for each in ids[:2]:
        inboxes.mark(project_id, "ada", each, Mark.READ)
    for each, ago in zip(ids, ("3 days", "5 hours", "40 minutes", "2 minutes"), strict=True):
        database.execute(text(f"UPDATE inbox SET created_at = now() - interval '{ago}' WHERE id = :id"), {"id": each})
    width = 390 if phone else 1100
    page.look(width, 844 if phone else 760, dark=dark, phone=phone)
    page.go(f"{site}?lang={lang}")
    page.until(BADGE, "2")
    look = f"{lang}-{'dark' if dark else 'light'}-{'phone' if phone else 'desktop'}"
    see(page, f"{look}-closed")
    click(page, ".bell")
    page.until(f"{TITLES}.length", 4)
    see(page, look)
    box = page.js(
        f"(({{left, right, top}}) => [left, right, top])({ROOT}.querySelector('.panel').getBoundingClientRect())"
    )
    assert 0 <= box[0] < box[1] <= width
    assert box[2] >= 0
    assert page.js("document.documentElement.scrollWidth") <= width, "it makes the page wider"
    back = page.js(f"getComputedStyle({ROOT}.querySelector('.panel')).backgroundColor")
    assert (back == "rgb(255, 255, 255)") is not dark
    assert page.problems == []
