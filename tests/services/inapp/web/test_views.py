"""What browsers ask and do in their inbox."""

import pytest
import requests

INBOX = "/v1/inbox/ada"


def titles(answer):
    return [item["title"] for item in answer.json()["items"]]


def test_an_inbox_is_read_page_by_page_marked_and_archived(server, put):
    one, _, three = put("one", "two", "three", body="Hello", icon="💬", actions=[{"label": "Reply", "link": "/reply"}])
    first = server("GET", f"{INBOX}?limit=2")
    assert (titles(first), first.json()["unread"], first.json()["last_event_id"]) == (["three", "two"], 3, "3")
    assert first.json()["items"][0]["actions"] == [{"label": "Reply", "link": "/reply"}]
    assert titles(server("GET", f"{INBOX}?limit=2&cursor={first.json()['next']}")) == ["one"]

    marked = server("POST", f"{INBOX}/{one}/read").json()
    assert (marked["item"]["id"], marked["unread"], marked["item"]["read_at"] is None) == (str(one), 2, False)
    assert server("POST", f"{INBOX}/{one}/unread").json()["unread"] == 3
    assert server("POST", f"{INBOX}/{three}/archive").json()["unread"] == 2
    assert titles(server("GET", INBOX)) == ["two", "one"]
    assert titles(server("GET", f"{INBOX}?state=archived")) == ["three"]
    assert server("POST", f"{INBOX}/{three}/unarchive").json()["unread"] == 3
    assert server("POST", f"{INBOX}/read-all", json={"up_to": "2"}).json() == {"marked": 2, "unread": 1}
    assert titles(server("GET", f"{INBOX}?state=unread")) == ["three"]
    assert server("POST", f"{INBOX}/read-all").json() == {"marked": 1, "unread": 0}
    assert server("GET", f"{INBOX}/count").json() == {"unread": 0}


def test_a_user_id_may_have_what_addresses_escape(server, put):
    put("hello", user="ada+x@example.com ü")
    found = server("GET", "/v1/inbox/ada%2Bx%40example.com%20%C3%BC", user="ada+x@example.com ü")
    assert titles(found) == ["hello"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", f"{INBOX}?limit=0", None, 422, "limit: Must be from 1 to 100."),
        ("GET", f"{INBOX}?limit=x", None, 422, "limit: Must be a whole number."),
        ("GET", f"{INBOX}?state=new", None, 422, "state: Must be one of inbox, unread, archived."),
        ("GET", f"{INBOX}?page=2", None, 422, "page: There is no such field."),
        ("GET", f"{INBOX}?cursor=x", None, 422, "cursor: Not a cursor"),
        ("POST", f"{INBOX}/read-all", b"[]", 422, "up_to: The body must be an object"),
        ("POST", f"{INBOX}/read-all", b'{"up_to": "x"}', 422, "up_to: Must be a whole number."),
        ("POST", f"{INBOX}/read-all", b'{"up_to": 1}', 422, "up_to: Must be the last_event_id"),
        ("POST", f"{INBOX}/read-all", b"{", 400, "The body is not JSON."),
        ("POST", f"{INBOX}/read-all", b"x" * 20_000, 413, "Request Entity Too Large."),
        ("POST", f"{INBOX}/2f99a3b1-78ed-4a74-bbbe-f9d5ab80af82/read", None, 404, "There is no such notification"),
        ("POST", f"{INBOX}/23ea3f1a-1c67-42d8-9dab-6e38b283f049/burn", None, 404, "There is no such notification"),
        ("POST", f"{INBOX}/x/read", None, 404, "There is no such notification"),
        ("DELETE", INBOX, None, 405, "Method Not Allowed."),
    ],
)  # fmt: skip
def test_mistakes_are_told(server, put, method, path, body, status, detail):
    put("one")
    answer = server(method, path, data=body)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert detail in answer.json()["detail"]


def test_the_server_says_how_it_is(server):
    assert requests.get(f"{server.url}/healthz", timeout=5).json() == {"status": "ok"}
    assert requests.get(f"{server.url}/readyz", timeout=5).json() == {"status": "ready"}
    assert "crier_inbox_streams 0.0" in requests.get(f"{server.url}/metrics", timeout=5).text


def test_while_the_ledger_is_away_browsers_are_told_to_come_back(server, database, postgres):
    server("GET", INBOX).raise_for_status()
    name = database.url.database
    from sqlalchemy import text

    database.close()
    elsewhere = type(database)(postgres.database_url("postgres"), pool_size=1)
    elsewhere.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false'))
    elsewhere.rows(text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name"), {"name": name})
    try:
        answer = server("GET", INBOX)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert requests.get(f"{server.url}/readyz", timeout=10).status_code == 503
        assert requests.get(f"{server.url}/healthz", timeout=10).status_code == 200
    finally:
        elsewhere.execute(text(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true'))
        elsewhere.close()
    assert server("GET", INBOX).status_code == 200
