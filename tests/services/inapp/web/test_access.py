"""Who reaches an inbox: whoever has a token of it that is good, from a page that may; and nobody hears of the token."""

import time

import pytest
import requests

from shared.crypto import Sealer, new_key
from shared.inbox.tokens import InboxTokens
from tests.services.inapp.web.conftest import ORIGIN

EVIL = "https://evil.example"
INBOX = "/v1/inbox/ada"
ROUTES = [("GET", INBOX), ("GET", f"{INBOX}/count"), ("GET", f"{INBOX}/stream"), ("POST", f"{INBOX}/read-all"),
          ("POST", f"{INBOX}/0198c0de-0000-7000-8000-000000000000/read")]  # fmt: skip

every_route = pytest.mark.parametrize(("method", "path"), ROUTES)


def ask(server, method, path, token=None, **headers):
    given = {**({"Authorization": f"Bearer {token}"} if token is not None else {}), **headers}
    return requests.request(method, server.url + path, headers=given, timeout=10, stream=True)


def altered(token):
    place = len(token) // 2
    return token[:place] + ("A" if token[place] != "A" else "B") + token[place + 1 :]


@every_route
def test_without_a_token_nothing_is_answered(server, method, path):
    answer = ask(server, method, path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (401, "application/problem+json")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@every_route
def test_a_token_of_another_inbox_is_refused(server, method, path):
    answer = ask(server, method, path, server.token("grace"))
    assert (answer.status_code, answer.json()["detail"]) == (403, "This token is for another inbox.")


def test_a_forged_an_altered_and_an_ended_token_are_refused(server, project_id):
    stranger = InboxTokens(Sealer(new_key())).make(project_id, "ada")[0]
    for token in (
        stranger,
        altered(server.token("ada")),
        server.token("ada", seconds=-1),
        "",
        "x",
        "é" * 9,
        "a" * 3000,
    ):
        assert ask(server, "GET", INBOX, token.encode()).status_code == 401, token


def test_a_sealed_value_made_for_something_else_is_no_token(server, project_id):
    sealed = Sealer(server.environment["CRIER_SECRET_KEY"]).seal({"p": project_id, "u": "ada", "e": time.time() + 99})
    assert ask(server, "GET", INBOX, sealed.key_id + sealed.ciphertext.decode()).status_code == 401


def test_an_api_key_is_told_that_it_has_no_place_here(server):
    answer = ask(server, "GET", INBOX, "crier_0123abcd_secret")
    assert (answer.status_code, "API keys are for servers" in answer.json()["detail"]) == (401, True)


def test_a_token_sees_its_own_project_only(server, put, database):
    from shared.ledger.keys import Keys

    put("secret plans")
    token = server.token("ada", project=Keys(database).project("other"))
    assert ask(server, "GET", INBOX, token).json()["items"] == []


def test_a_stream_ends_with_its_token(server):
    stream_token = server.token("ada", seconds=2)
    with ask(server, "GET", f"{INBOX}/stream", stream_token) as answer:
        assert answer.text.rstrip().endswith("event: expired\ndata: {}")


def test_a_token_in_an_address_is_for_streams_alone_and_in_no_log(server):
    token = server.token("ada")
    with requests.get(f"{server.url}{INBOX}/stream?token={token}", stream=True, timeout=10) as answer:
        assert answer.status_code == 200
    refused = requests.get(f"{server.url}{INBOX}?token={token}", timeout=10)
    assert (refused.status_code, "Authorization header" in refused.json()["detail"]) == (401, True)
    assert requests.get(f"{server.url}{INBOX}/stream?token=x{token}", timeout=10).status_code == 401
    assert server.stop() == 0
    log = server.log.read_text()
    assert "/v1/inbox/{user_id}/stream" in log
    assert token not in log
    assert "/ada" not in log


@every_route
def test_a_page_of_a_configured_origin_may_read_the_answer(server, method, path):
    answer = ask(server, method, path, server.token("ada"), Origin=ORIGIN)
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert answer.headers["Vary"] == "Origin"
    assert "Access-Control-Allow-Credentials" not in answer.headers
    before = requests.options(
        server.url + path, timeout=10,
        headers={
            "Origin": ORIGIN, "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "authorization",
        },
    )  # fmt: skip
    assert (before.status_code, before.headers["Access-Control-Allow-Origin"]) == (204, ORIGIN)
    assert "Authorization" in before.headers["Access-Control-Allow-Headers"]


@pytest.mark.parametrize(
    "origin", [EVIL, f"{ORIGIN}.evil.example", "null", "http://app.example.com", f"{ORIGIN}:8443", "http://["]
)
def test_a_page_of_any_other_origin_is_refused(server, origin):
    for method, path in ROUTES:
        answer = ask(server, method, path, server.token("ada"), Origin=origin)
        assert (answer.status_code, "Access-Control-Allow-Origin" in answer.headers) == (403, False)
        before = requests.options(
            server.url + path, timeout=10, headers={"Origin": origin, "Access-Control-Request-Method": method}
        )
        assert (before.status_code, "Access-Control-Allow-Origin" in before.headers) == (403, False)


def test_a_page_of_the_same_host_needs_no_setting(server):
    assert ask(server, "GET", INBOX, server.token("ada"), Origin=server.url).status_code == 200


def test_any_page_may_load_the_bell(server):
    answer = requests.get(f"{server.url}/bell.js", headers={"Origin": EVIL}, timeout=10)
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "customElements.define" in answer.text
