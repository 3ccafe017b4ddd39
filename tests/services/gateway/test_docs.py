"""The documentation is served from here alone, under a policy that lets no inline script run."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
def test_pages_use_nothing_from_elsewhere(nobody: FlaskClient, path: str) -> None:
    page = nobody.get(path)
    html = page.get_data(as_text=True)
    assert page.content_type == "text/html; charset=utf-8"
    assert not re.search(r"<script(?![^>]*\ssrc=)", html), "no inline script"
    assert not re.search(r"\son\w+=|\sstyle=|javascript:", html)
    used = re.findall(r'<(?:script|link|img)[^>]*\s(?:src|href)="([^"]+)"', html)
    assert used
    for address in used:
        assert address.startswith("/docs/assets/")
        assert nobody.get(address).status_code == 200
    for link in re.findall(r'<a[^>]*\shref="(/[^"]*)"', html):
        assert nobody.get(link).status_code == 200


@pytest.mark.parametrize("path", ["/docs", "/docs/problems"])
def test_the_policy_allows_scripts_from_here_alone(nobody: FlaskClient, path: str) -> None:
    policy = dict(part.strip().split(" ", 1) for part in nobody.get(path).headers["Content-Security-Policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert policy["connect-src"] == "'self'"


def test_scripts_and_styles_name_no_other_host(nobody: FlaskClient) -> None:
    for name in ("docs.js", "docs.css", "icon.svg"):
        text = nobody.get(f"/docs/assets/{name}").get_data(as_text=True)
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", text)


@pytest.mark.parametrize("name", ["..%2Fdocs.html", "docs.html", "problems.html", "docs.py", "%2e%2e", "nothing.js"])
def test_only_what_the_pages_use_is_served(nobody: FlaskClient, name: str) -> None:
    assert nobody.get(f"/docs/assets/{name}").status_code == 404


def test_assets_are_kept_by_browsers_for_a_while(nobody: FlaskClient) -> None:
    assert "max-age" in nobody.get("/docs/assets/docs.css").headers["Cache-Control"]


def test_answers_of_the_api_are_kept_by_nobody(call: Any) -> None:
    answer = call("GET", "/v1/notifications")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
