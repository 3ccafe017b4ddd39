"""What every template of the catalogue promises, on every channel, with fair data and with foul."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.messages.content import dump_content, load_content
from shared.messages.push import PushContent
from shared.messages.segments import GSM7, measure
from shared.messages.sms import SmsContent
from shared.templates import files
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.compiled import Template, compile_bundle

PROMISED = {
    "activity": {"push", "inapp"},
    "activity_digest": {"email", "push"},
    "appointment_confirmation": {"email", "sms", "push"},
    "appointment_reminder": {"email", "sms", "push"},
    "booking_cancellation": {"email", "sms"},
    "booking_confirmation": {"email", "sms", "push"},
    "email_verification": {"email"},
    "job_application_received": {"email"},
    "new_follower": {"push", "inapp"},
    "one_time_code": {"email", "sms"},
    "password_reset": {"email"},
    "payment_failure": {"email", "sms"},
    "payment_receipt": {"email"},
    "payment_status": {"email", "push"},
    "promotion": {"email", "push"},
    "review_request": {"email", "sms"},
    "security_alert": {"email", "sms", "push"},
    "system_alert": {"email"},
    "trip_arrival": {"sms", "push"},
    "trip_delay": {"sms", "push"},
    "trip_departure": {"sms", "push"},
    "trip_location": {"push"},
    "trip_status": {"push"},
    "welcome": {"email"},
}
TEMPLATES = Path(__file__).parents[3] / "templates"
CHANNELS = {
    path.name: files.channels(file.name for file in path.iterdir() if file.is_file())
    for path in sorted(TEMPLATES.iterdir())
    if not path.name.startswith("_")
}
SENDS = [(name, channel) for name, channels in CHANNELS.items() for channel in channels]
BY_SMS = [name for name, channel in SENDS if channel == "sms"]
BY_PUSH = [name for name, channel in SENDS if channel == "push"]
UNSUBSCRIBE = "https://notify.example.com/u/4fd1"

Shipped = Callable[[str], Template]
Data = Callable[[Template], dict[str, Any]]


@pytest.fixture
def shipped(catalogue: dict[str, Bundle]) -> Shipped:
    return lambda name: compile_bundle(catalogue[name])


@pytest.fixture(params=["sample", "awkward", "minimal"])
def data(request: pytest.FixtureRequest, awkward: Data, minimal: Data) -> Data:
    """Each kind of data in turn; all of it passes the template's own check."""
    kinds: dict[str, Data] = {
        "sample": lambda template: dict(template.sample),
        "awkward": awkward,
        "minimal": minimal,
    }
    choose = kinds[request.param]

    def checked(template: Template) -> dict[str, Any]:
        chosen = choose(template)
        assert template.check(chosen) == chosen
        return chosen

    return checked


def test_the_catalogue_is_complete() -> None:
    assert [name for name, channels in PROMISED.items() if not channels <= set(CHANNELS.get(name, ()))] == []


def test_the_documents_list_the_catalogue(catalogue: dict[str, Bundle]) -> None:
    page = (TEMPLATES.parent / "docs" / "templates.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \| ([\w, ]+) \| (.+) \|$", page, re.MULTILINE)
    kinds = {name: compile_bundle(bundle).kind for name, bundle in catalogue.items()}
    expected = {name: (kinds[name], set(channels)) for name, channels in CHANNELS.items()}
    assert {name: (kind, set(channels.split(", "))) for name, kind, channels, _ in rows} == expected


def test_every_variable_says_what_it_is(catalogue: dict[str, Bundle]) -> None:
    for name, bundle in catalogue.items():
        template = compile_bundle(bundle)
        for variable in template.variables.declared.values():
            assert variable.description, f"{name}: {variable.name}"
            assert variable.type != "string" or variable.max_length or variable.choices, f"{name}: {variable.name}"


def test_samples_lead_nowhere(catalogue: dict[str, Bundle]) -> None:
    """Addresses nobody can own (RFC 2606): a sample that is sent by mistake reaches no stranger."""
    for bundle in catalogue.values():
        sample = json.dumps(dict(compile_bundle(bundle).sample))
        hosts = re.findall(r"(?:https?://|@)([\w.-]+)", sample)
        assert [host for host in hosts if not re.fullmatch(r"(.+\.)?example(\.com|\.org|\.net)?", host)] == []


@pytest.mark.parametrize(("name", "channel"), SENDS)
def test_what_is_rendered_can_be_sent(shipped: Shipped, data: Data, brand: Brand, name: str, channel: str) -> None:
    """Whatever the data: the content satisfies the contract of its channel, so no provider is asked for nonsense."""
    template = shipped(name)
    content = template.render(channel, data(template), {"locale": "en"}, brand)
    written = dump_content(channel, content)
    if channel == "whatsapp":  # the variables wait for the approved template that the service finds by our name
        written = {"body": written["body"]}
    assert dump_content(channel, load_content(channel, written)) == written
    assert not re.search(r"\bNone\b|\[\]|\{\}", str(getattr(content, "body", "")))


@pytest.mark.parametrize(("name", "channel"), SENDS)
def test_every_choice_has_its_words(shipped: Shipped, brand: Brand, name: str, channel: str) -> None:
    """No two states read the same."""
    template = shipped(name)
    for variable in template.variables.declared.values():
        contents = {
            choice: dump_content(
                channel, template.render(channel, {**template.sample, variable.name: choice}, {}, brand)
            )
            for choice in variable.choices
        }
        written = [json.dumps(content, sort_keys=True) for content in contents.values()]
        if variable.name != "cancelled_by" or channel == "email":
            assert len(set(written)) == len(written), variable.name


@pytest.mark.parametrize("locale", ["en", "en-GB", None])
@pytest.mark.parametrize("name", BY_SMS)
def test_sms_of_the_sample_is_one_segment(shipped: Shipped, brand: Brand, name: str, locale: str | None) -> None:
    template = shipped(name)
    to = {"locale": locale, "timezone": "Europe/London"}
    if template.kind == "promotion":
        to["unsubscribe_url"] = UNSUBSCRIBE
    content = template.render("sms", template.sample, to, brand)
    assert isinstance(content, SmsContent)
    assert measure(content.body).encoding is GSM7
    assert measure(content.body).segments == 1
    assert content.body.startswith((brand.name, str(template.sample.get("code"))))
    assert (UNSUBSCRIBE in content.body) == (template.kind == "promotion")


@pytest.mark.parametrize("name", BY_SMS)
def test_sms_reads_well_with_everything_and_with_little(
    shipped: Shipped, minimal: Data, brand: Brand, name: str
) -> None:
    """What is left out leaves no gap and no lonely comma."""
    template = shipped(name)
    for sent in (template.sample, minimal(template)):
        content = template.render("sms", sent, {}, brand)
        assert isinstance(content, SmsContent)
        assert not re.search(r"\s\s(?!@)| [,.:](\s|$)|[,.:]{2}", content.body.replace("://", "/"))


@pytest.mark.parametrize("name", BY_PUSH)
def test_push_of_the_sample_fits_a_lock_screen(
    shipped: Shipped, brand: Brand, recipient: dict[str, Any], name: str
) -> None:
    template = shipped(name)
    content = template.render("push", template.sample, recipient, brand)
    assert isinstance(content, PushContent)
    assert len(content.title) <= 40
    assert len(content.body) <= 120
    assert content.link
    assert content.link.startswith("https://")


@pytest.mark.parametrize("name", BY_PUSH)
def test_an_app_can_tell_pushes_apart(shipped: Shipped, data: Data, brand: Brand, name: str) -> None:
    template = shipped(name)
    content = template.render("push", data(template), {}, brand)
    assert isinstance(content, PushContent)
    assert content.data["type"] == name


@pytest.mark.parametrize("name", BY_PUSH)
def test_push_without_a_link_has_none(shipped: Shipped, minimal: Data, brand: Brand, name: str) -> None:
    template = shipped(name)
    content = template.render("push", minimal(template), {}, brand)
    assert isinstance(content, PushContent)
    must = any(variable.type == "url" and variable.required for variable in template.variables.declared.values())
    assert (content.link is not None) == must
    assert content.image is None


def test_a_newer_notice_of_a_trip_takes_the_place_of_an_older(shipped: Shipped, brand: Brand) -> None:
    keys = {name: _push(shipped(name), brand).collapse_key for name in BY_PUSH if name.startswith("trip_")}
    trip = "trip-204-20260314-1340"
    where = "trip-location-204-20260314-1340"
    assert keys == dict.fromkeys(keys, trip) | {"trip_location": where}


def test_followers_are_told_one_by_one_until_there_are_many(shipped: Shipped, brand: Brand) -> None:
    template = shipped("new_follower")
    one, many = _push(template, brand), _push(template, brand, others=12)
    assert (one.title, one.collapse_key) == ("Grace Hopper follows you", None)
    assert (many.title, many.collapse_key) == ("Grace Hopper and 12 others follow you", "followers")


def _push(template: Template, brand: Brand, **data: Any) -> PushContent:
    content = template.render("push", {**template.sample, **data}, {"locale": "en"}, brand)
    assert isinstance(content, PushContent)
    return content


def test_codes_and_links_that_prove_something_are_secret(catalogue: dict[str, Bundle]) -> None:
    """Security 28: what has to be encrypted and wiped is declared, and is worthless after a while."""
    secrets = {name: compile_bundle(bundle).secret_variables for name, bundle in catalogue.items()}
    assert {name: found for name, found in secrets.items() if found} == {
        "email_verification": ("verify_url",),
        "one_time_code": ("code",),
        "password_reset": ("reset_url",),
    }
    codes = {name for name, bundle in catalogue.items() if compile_bundle(bundle).kind == "code"}
    assert codes == {name for name, found in secrets.items() if found}


def test_a_code_is_bound_to_its_site(shipped: Shipped, brand: Brand) -> None:
    """The last line that phones fill codes in by: https://wicg.github.io/sms-one-time-codes/"""
    content = shipped("one_time_code").render("sms", {"code": "123456", "domain": "lumen.example"}, {}, brand)
    assert isinstance(content, SmsContent)
    assert content.body.splitlines()[-1] == "@lumen.example #123456"


def test_json_files_are_json(shipped: Shipped, data: Data, brand: Brand) -> None:
    for name, file in _json_files():
        template = shipped(name)
        content = template.render(file.partition(".")[0], data(template), {}, brand)
        fields = content.data if isinstance(content, PushContent) else getattr(content, "variables", {})
        assert all(isinstance(value, str) for value in fields.values())


def _json_files() -> Iterator[tuple[str, str]]:
    return ((path.parent.name, path.name) for path in sorted(TEMPLATES.glob("*/*.json")))
