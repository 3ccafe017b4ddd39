"""Where webhooks may go: public addresses only, in the plain form only, whatever the notation."""

from ipaddress import ip_network
from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from shared.errors import SettingsError
from shared.settings import load_one
from shared.ssrf import MAX_URL, Reach

REACH = Reach()
PRIVATE = [
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1",
    "169.254.169.254", "100.64.0.1", "198.18.0.1", "192.0.0.1", "192.0.2.1", "198.51.100.1", "203.0.113.1",
    "192.88.99.1", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "64:ff9b::7f00:1",
    "64:ff9b::808:808", "64:ff9b:1::1", "100::1", "2001::1", "2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:2::1",
    "2001:10::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::", "2002:808:808::", "3fff::1", "5f00::1", "fc00::1",
    "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%eth0", "fec0::1", "ff02::1", "4000::1",
]  # fmt: skip
PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001::1", "2001:4860:4860::8888"]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address: str) -> None:
    assert "is not a public address" in (REACH.refusal(address) or "")


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_allowed(address: str) -> None:
    assert REACH.refusal(address) is None


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://example.com", "https://example.com/"),
        ("https://EXAMPLE.com:443/a?b=c", "https://example.com/a?b=c"),
        ("https://example.com:8443/a", "https://example.com:8443/a"),
        ("https://xn--bcher-kva.example/%C3%BC", "https://xn--bcher-kva.example/%C3%BC"),
        ("https://8.8.8.8/", "https://8.8.8.8/"),
        ("https://[2606:4700:0000::1111]:8443/", "https://[2606:4700::1111]:8443/"),
    ],
)
def test_a_url_is_kept_in_one_form(url: str, kept: str) -> None:
    assert REACH.url(url) == kept
    assert REACH.url(kept) == kept


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://example.com/", "Must begin with https://; CRIER_WEBHOOK_ALLOW_HTTP allows http."),
        *[(url, "Must begin with https://") for url in (
            "file:///etc/passwd", "gopher://example.com/", "ftp://example.com/", "//example.com/", "example.com",
            "javascript:alert(1)",
        )],
        ("https://user:secret@example.com/", "Must not hold a user or a password"),
        ("https://example.com@127.0.0.1/", "Must not hold a user or a password"),
        ("https://example.com/#part", "Must not have a fragment"),
        ("https://example.com\\@127.0.0.1/", "printable ASCII"),
        ("https://exam ple.com/", "printable ASCII"),
        ("https://example.com/\r\nX: y", "printable ASCII"),
        ("https://exa\u2028mple.com/", "printable ASCII"),
        ("https://\uff11\uff12\uff17.0.0.1/", "printable ASCII"),  # fullwidth digits
        ("https://bücher.example/", "write international names as xn--"),
        ("https://127\u30020.0.1/", "printable ASCII"),  # an ideographic full stop
        ("https:///path", "Must name a host"),
        ("https://%31%32%37.0.0.1/", "Must name a host"),
        ("https://example..com/", "Must name a host"),
        ("https://-example.com/", "Must name a host"),
        ("https://example.com./", "without the dot at its end"),
        ("https://127.0.0.1./", "without the dot at its end"),
        ("https://example.com:99999/", "Must be a URL"),
        ("https://example.com:x/", "Must be a URL"),
        ("https://[::1/", "Must be a URL"),
        ("https://[fe80::1%25eth0]/", "must not name a network interface"),
        ("https://example.com:22/", "The port must be 443, or 1024 and above; not 22."),
        ("https://example.com:80/", "The port must be 443"),
        ("https://example.com:0/", "The port must be 443"),
        *[(f"https://{host}/", "is not a public address") for host in (
            "127.0.0.1", "169.254.169.254", "[::1]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]",
            "[2002:7f00:1::]", "[fec0::1]", "[ff02::1]", "224.0.0.1", "100.64.0.1",
        )],
        *[(f"https://{host}/", "unusual form") for host in (
            "0x7f.1", "2130706433", "017700000001", "127.1", "0x7f000001", "127.0.0.01", "0177.0.0.1", "1.2.3.4.5", "0",
            "example.0x", "256.1.1.1",
        )],
        ("https://example.com/" + "a" * MAX_URL, f"May have {MAX_URL} characters."),
    ],
)  # fmt: skip
def test_a_url_in_any_other_form_is_refused_and_said_why(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        REACH.url(url)
    assert said in str(caught.value)


def test_private_networks_and_http_are_reached_where_a_setting_says_so() -> None:
    settings = {"CRIER_WEBHOOK_ALLOW_HTTP": "true", "CRIER_WEBHOOK_ALLOWED_NETWORKS": "10.1.0.0/16,::1/128"}
    reach = load_one(Reach, settings)
    assert reach.url("http://10.1.2.3:8080/in") == "http://10.1.2.3:8080/in"
    assert reach.url("http://[::1]/") == "http://[::1]/"
    for elsewhere in ("http://10.2.0.1/", "http://127.0.0.1/", "http://[::ffff:10.1.2.3]/"):
        with pytest.raises(ValueError, match="CRIER_WEBHOOK_ALLOWED_NETWORKS does not list it"):
            reach.url(elsewhere)


@pytest.mark.parametrize("networks", ["10.1.0.0/33", "10.1.2.3/16", "everything"])
def test_a_network_that_is_none_is_named(networks: str) -> None:
    with pytest.raises(SettingsError, match="CRIER_WEBHOOK_ALLOWED_NETWORKS must be networks"):
        load_one(Reach, {"CRIER_WEBHOOK_ALLOWED_NETWORKS": networks})


def test_a_name_is_refused_when_any_of_its_addresses_is() -> None:
    with pytest.raises(ValueError, match=r"hooks.example.com leads to an address that is not allowed: 10.0.0.1"):
        REACH.look("https://hooks.example.com/", lambda host, port: ["8.8.8.8", "10.0.0.1"])
    REACH.look("https://hooks.example.com/", lambda host, port: ["8.8.8.8", "2606:4700::1111"])


def test_a_name_that_cannot_be_resolved_now_is_judged_when_it_is_called() -> None:
    REACH.look("https://nowhere.invalid/")


def test_this_machine_is_found_by_its_name() -> None:
    with pytest.raises(ValueError, match="localhost leads to"):
        REACH.look("https://localhost/")


def test_every_private_network_stays_refused_when_another_is_allowed() -> None:
    reach = Reach(allowed=("10.1.0.0/16",))
    assert [one for one in PRIVATE if reach.refusal(one) is None] == []
    assert reach.refusal(str(ip_network("10.1.0.0/16")[7])) is None


@settings(max_examples=400, derandomize=True, deadline=None, database=None)
@given(
    st.text("a1.-_:@/\\?#[]%xn0~ \t\u3002\uff11", max_size=30),
    st.sampled_from(["", "example.com", "127.0.0.1", "0x7f.1", "[::1]", "a.example:8443"]),
    st.text("a1.-_:@/\\?#[]%&=;,~ \n", max_size=20),
)
def test_who_calls_reads_the_host_that_was_checked(before: str, host: str, after: str) -> None:
    try:
        url = REACH.url(f"https://{before}{host}{after}")
    except ValueError:
        return
    called, checked = URL(url), urlsplit(url)
    assert (called.host, called.port) == (checked.hostname, checked.port or 443)
    assert (called.user, called.password, called.fragment) == (None, None, "")
    assert REACH.url(url) == url
