"""In-app notifications by real services: each is in its inbox once, whatever dies, and reading it is told."""

from shared.ledger.inbox import Inboxes
from shared.setup import prepare
from shared.templates.catalogue import load_catalogue
from shared.templates.compiled import compile_bundle
from tests.e2e.test_channels import accept, ends

COUNT, USERS, KILLS = 600, 7, 4


def test_a_notification_is_in_the_inbox_and_its_timeline_says_that_it_was_read(redis_system):
    system = redis_system
    system.start("gateway", "relay", "inapp")
    content = {"title": "Hello", "body": "You", "actions": [{"label": "Reply", "link": "/reply"}]}
    sent = accept(system, channel="inapp", to={"user_id": "ada"}, content=content)
    ends(system, sent, "delivered")
    [item] = system.http("GET", "/v1/inbox/ada").json()["items"]
    assert (item["title"], item["actions"], item["read_at"]) == ("Hello", content["actions"], None)
    assert system.http("POST", f"/v1/inbox/ada/{item['id']}/read").json()["unread"] == 0
    timeline = system.http("GET", f"/v1/notifications/{sent}").json()["timeline"]
    assert [(event["what"], event.get("outcome")) for event in timeline if event.get("provider") == "inbox"] == [
        ("attempt", "delivered"), ("delivered", None), ("receipt", "opened"),
    ]  # fmt: skip


def test_every_in_app_form_of_the_catalogue_arrives(redis_system):
    system = redis_system
    prepare(system.environment["CRIER_DATABASE_URL"])
    samples = {name: dict(compile_bundle(bundle).sample) for name, bundle in load_catalogue().items()
               if "inapp" in compile_bundle(bundle).channels}  # fmt: skip
    for name, data in samples.items():
        for locale in ("en", "ar"):
            request = {"channel": "inapp", "template": name, "data": data, "to": {"user_id": "ada", "locale": locale}}
            system.intake.accept(system.project_id, request)
    system.start("relay", "inapp")
    system.wait_until(lambda: system.states() == {"delivered": 2 * len(samples)}, "all are delivered")
    page = Inboxes(system.runtime.database).page(system.project_id, "ada")
    assert page.unread == 2 * len(samples) >= 12


def test_a_worker_that_is_killed_while_it_writes_doubles_and_loses_nothing(redis_system):
    system = redis_system
    inboxes = Inboxes(system.runtime.database)
    system.start("relay", "inapp")

    def there() -> int:
        return sum(inboxes.count(system.project_id, f"user-{number}") for number in range(USERS))

    for number in range(COUNT):
        request = {"channel": "inapp", "to": {"user_id": f"user-{number % USERS}"}, "content": {"title": str(number)}}
        system.intake.accept(system.project_id, request)
        if number % (COUNT // KILLS) == COUNT // KILLS - 1:
            seen = there()
            system.wait_until(lambda: there() > seen, "more is put in")  # noqa: B023  it is waited for here
            system.kill("inapp")
            system.start("inapp")
    system.wait_until(lambda: system.states() == {"delivered": COUNT}, "all are delivered", 120)
    titles: list[str] = []
    for number in range(USERS):
        page = inboxes.page(system.project_id, f"user-{number}", limit=COUNT)
        assert page.unread == len(page.items)
        titles += [str(item.content["title"]) for item in page.items]
    assert sorted(titles, key=int) == [str(number) for number in range(COUNT)]
