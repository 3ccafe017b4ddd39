"""The client against a real gateway."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import crier
from crier import ApiProblem, Client, CrierError, GatewayUnreachable, WaitTimeout, answers
from crier.local.ports import free_port
from services.gateway import answers as gateway
from services.gateway import (
    batches,
    calendar,
    caps,
    devices,
    endpoint_schemas,
    event_schemas,
    outbox,
    people_schemas,
    suppressions,
    templates,
)
from shared.ledger.keys import Keys
from tests.e2e.conftest import System

WELCOME = {"name": "Ada", "action_url": "https://example.com/start"}


def test_what_is_sent_can_be_followed_to_its_end(client: Client, served: System):
    receipt = client.send(template="welcome", channel="email", to={"email": "ada@example.com"}, data=WELCOME)
    assert (receipt["state"], receipt["channel"], receipt["lane"]) == ("queued", "email", "normal")
    served.wait_until(lambda: client.get(receipt["id"])["state"] == "sent", "the mail is sent")
    found = client.get(receipt["id"])
    assert [event["what"] for event in found["timeline"]] == ["accepted", "attempt", "sent"]
    assert found["data"] == WELCOME


def test_one_idempotency_key_is_one_notification(client: Client):
    def send() -> answers.Receipt:
        return client.send(
            channel="sms", to={"phone": "+447700900101"}, content={"body": "Once."}, idempotency_key="test-client-once"
        )

    first, second = send(), send()
    assert first["id"] == second["id"]
    assert (first["replayed"], second["replayed"]) == (False, True)


def test_without_a_key_of_the_callers_each_call_is_its_own(client: Client):
    asked: dict[str, Any] = {"channel": "sms", "to": {"phone": "+447700900102"}, "content": {"body": "Twice."}}
    assert client.send(**asked)["id"] != client.send(**asked)["id"]


def test_a_problem_names_every_field(client: Client):
    with pytest.raises(ApiProblem) as caught:
        client.send(template="welcome", channel="email", to={"email": "ada"}, data={})
    problem = caught.value
    assert (problem.status, problem.kind) == (422, "invalid-request")
    assert {field for field, _ in problem.errors} == {"to.email", "data.action_url"}
    assert "  to.email: Not a valid e-mail address" in str(problem)
    assert "  data.action_url: `action_url`" in str(problem)


def test_a_problem_carries_all_that_was_answered(client: Client):
    with pytest.raises(CrierError) as caught:
        client.send(template="welcom", channel="email", to={"email": "ada@example.com"})
    problem = caught.value
    assert isinstance(problem, ApiProblem)
    assert problem.document["type"] == "/docs/problems#invalid-request"
    assert problem.document["instance"] == "/v1/notifications"
    assert problem.document["errors"][0]["field"] == "template"
    assert problem.request_id
    assert problem.retry_after is None


def test_waiting_ends_when_it_has_ended(client: Client):
    seen: list[str] = []
    receipt = client.send(channel="sms", to={"phone": "+447700900105"}, content={"body": "Hello"})
    found = client.wait(receipt, watch=lambda one: seen.append(one["state"]))
    assert (found["id"], found["state"]) == (receipt["id"], "sent")
    assert seen[-1] == "sent"
    assert client.wait(receipt["id"], timeout=0)["state"] == "sent"


def test_waiting_ends_with_what_cannot_be_sent(client: Client, served: System):
    served.sandbox.behave("twilio", recipient="+447700900106", error="21408", times=1)
    receipt = client.send(channel="sms", to={"phone": "+447700900106"}, content={"body": "Hello"})
    assert client.wait(receipt, until="delivered")["state"] == "failed"


def test_waiting_ends_with_the_patience_of_who_waits(client: Client):
    later = datetime.now(UTC) + timedelta(hours=1)
    receipt = client.send(channel="sms", to={"phone": "+447700900107"}, content={"body": "Later."}, send_at=later)
    with pytest.raises(TimeoutError, match=r"is still scheduled after 0\.2 s") as caught:
        client.wait(receipt, timeout=0.2)
    assert isinstance(caught.value, WaitTimeout)
    assert caught.value.last["state"] == "scheduled"


def test_what_was_sent_is_waited_for_until_it_is_delivered(client: Client):
    receipt = client.send(channel="email", to={"email": "b@example.com"}, content={"subject": "Hi", "text": "x"})
    client.wait(receipt)
    with pytest.raises(WaitTimeout, match="is still sent"):
        client.wait(receipt, timeout=0.2, until="delivered")


def test_a_promotion_of_ones_own_says_so(client: Client):
    way_out = "https://example.com/unsubscribe/2"
    receipt = client.send(
        channel="email", to={"email": "c@example.com", "unsubscribe_url": way_out}, kind="promotion",
        content={"subject": "Sale", "text": "Today"},
    )  # fmt: skip
    assert receipt["lane"] == "bulk"
    assert client.get(receipt["id"])["kind"] == "promotion"


def test_a_project_says_who_its_messages_come_from(client: Client, served: System):
    key = Keys(served.runtime.database).create("shop of the client", scopes=("read", "admin"))
    shop: crier.Identity = {"email": {"from": "hello@shop.example"}, "brand": {"name": "The Shop"}}
    with Client(client.access.url, key) as owner:
        assert owner.identity() == {}
        assert owner.set_identity(shop) == shop
        assert owner.identity() == shop
        assert owner.set_identity({}) == {}


def test_a_moment_may_be_a_datetime(client: Client):
    later = datetime.now(UTC) + timedelta(hours=1)
    receipt = client.send(channel="sms", to={"phone": "+447700900103"}, content={"body": "Later."}, send_at=later)
    assert receipt["state"] == "scheduled"
    assert client.cancel(receipt["id"]) == 1
    assert client.get(receipt["id"])["state"] == "cancelled"
    with pytest.raises(ApiProblem, match="too late to cancel") as caught:
        client.cancel(receipt["id"])
    assert caught.value.kind == "conflict"


def test_what_failed_is_sent_again_by_hand(client: Client, served: System):
    number = "+447700900104"
    served.sandbox.behave("twilio", recipient=number, error="21408", times=1)
    receipt = client.send(channel="sms", to={"phone": number}, content={"body": "Hello"})
    served.wait_until(lambda: client.get(receipt["id"])["state"] == "failed", "it is refused")
    client.retry(receipt["id"])
    served.wait_until(lambda: client.get(receipt["id"])["state"] == "sent", "it is sent")


def test_a_file_is_accepted_row_by_row(client: Client, served: System, tmp_path: Path):
    good = [f"guest{number}@example.com,https://example.com/{number}" for number in range(150)]
    bad = [f"guest{number},https://example.com/{number}" for number in range(120)]
    path = tmp_path / "guests.csv"
    path.write_text("\n".join(["email,action_url", *good, *bad]))
    receipt = client.bulk(path, channel="email", template="welcome", data={"name": "you"})
    assert (receipt["accepted"], receipt["refused"], receipt["complete"]) == (150, 120, True)
    refused = list(client.batch_errors(receipt["batch_id"]))
    assert [(error["row"], error["field"]) for error in refused] == [(row, "to.email") for row in range(152, 272)]
    served.wait_until(lambda: client.batch(receipt["batch_id"])["finished"], "the batch is finished")
    assert client.batch(receipt["batch_id"])["states"] == {"sent": 150}
    listed = list(client.list(batch_id=receipt["batch_id"]))
    assert sorted(one["row_number"] or 0 for one in listed) == list(range(2, 152))


def test_templates_are_listed_shown_previewed_and_added(client: Client):
    assert {"welcome", "one_time_code"} <= {template["name"] for template in client.templates()}
    shown = client.template("welcome")
    assert shown["sample"]["name"] == "Ada"
    content = client.preview("welcome", data={**WELCOME, "name": "Grace"}, recipient={"locale": "de"})["content"]
    assert "Grace" in content["email"]["text"]
    files = {"template.toml": 'description = "x"\nkind = "transactional"\n[sample]\n', "sms.body.txt": "Hello"}
    first, again = client.put_template("greeting", files), client.put_template("greeting", files)
    assert (first["version"], again["version"]) == (1, 1)
    with pytest.raises(ApiProblem) as caught:
        client.put_template("greeting", {**files, "sms.body.txt": "Hello\n{{ nobody }}"})
    assert [field for field, _ in caught.value.errors] == ["sms.body.txt:2"]


def test_a_users_devices_get_their_pushes(client: Client, served: System):
    client.register_device("u_client", "token-of-client", "android")
    assert [device["token"] for device in client.devices("u_client")] == ["token-of-client"]
    sent = client.send(channel="push", to={"user_id": "u_client"}, content={"title": "Hi", "body": "x"})
    served.wait_until(lambda: client.get(sent["id"])["state"] == "sent", "it is sent")
    assert [call.accepted for call in served.sandbox.calls("fcm", recipient="token-of-client")] == [True]


def test_a_device_changes_its_token_and_is_forgotten(client: Client):
    client.register_device("u_changes", "token-before", "ios")
    [device] = client.register_device("u_changes", "token-after", "ios", replaces="token-before")
    assert device["token"] == "token-after"
    assert client.remove_device("u_changes", "token-after") == ()
    assert client.devices("u_changes") == ()


def test_an_unknown_key_is_told_where_it_came_from(client: Client):
    stranger = Client(client.access.url, "crier_0000000000_nothing")
    with pytest.raises(ApiProblem, match="It came from the argument") as caught:
        stranger.templates()
    assert caught.value.status == 401


@pytest.mark.parametrize("identifier", ["nothing", "../templates", "0198c0de-0000-7000-8000-000000000000"])
def test_what_does_not_exist_is_said_so(client: Client, identifier: str):
    with pytest.raises(ApiProblem) as caught:
        client.get(identifier)
    assert caught.value.kind == "not-found"


def test_nobody_there_is_told_with_what_to_do():
    with pytest.raises(GatewayUnreachable, match=r"connection refused.*crier up"):
        Client(f"http://127.0.0.1:{free_port()}", "crier_x", retries=0).templates()


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (answers.Receipt, gateway.ReceiptSchema), (answers.BulkReceipt, gateway.BulkReceiptSchema),
        (answers.RowError, gateway.RowErrorSchema), (answers.Summary, gateway.SummarySchema),
        (answers.Notification, gateway.NotificationSchema), (answers.Delivery, gateway.DeliverySchema),
        (answers.Event, gateway.EventSchema), (answers.Batch, batches.BatchSchema),
        (answers.TemplateSummary, templates.TemplateSummarySchema), (answers.Template, templates.TemplateSchema),
        (answers.Preview, templates.PreviewSchema), (answers.Device, devices.DeviceSchema),
        (answers.KeptSummary, outbox.KeptSummarySchema), (answers.Kept, outbox.KeptSchema),
        (answers.Endpoint, endpoint_schemas.EndpointSchema), (answers.NewEndpoint, endpoint_schemas.NewEndpointSchema),
        (answers.Suppression, suppressions.SuppressionSchema), (answers.Cap, caps.CapSchema),
        (answers.DigestState, gateway.DigestStateSchema),
        (answers.Job, calendar.JobSchema), (answers.Run, calendar.RunSchema),
        (answers.EventReminder, event_schemas.ReminderSchema),
        (answers.PlannedEventSummary, event_schemas.PlannedEventSummarySchema),
        (answers.PlannedEvent, event_schemas.PlannedEventSchema),
        (answers.StoredRecipient, people_schemas.StoredRecipientSchema),
        (answers.ImportedRecipients, people_schemas.ImportedSchema),
        (answers.Preferences, people_schemas.PreferencesSchema), (answers.SaidChoice, people_schemas.ChoiceSchema),
        (answers.Holding, people_schemas.HoldingSchema), (answers.Category, people_schemas.CategorySchema),
        (answers.QuietWindow, people_schemas.QuietHoursSchema),
        (answers.NewSecret, endpoint_schemas.SecretSchema), (answers.Replay, endpoint_schemas.ReplaySchema),
    ],
)  # fmt: skip
def test_answers_have_the_fields_the_gateway_documents(ours: Any, theirs: Any):
    named = ours.__required_keys__ | ours.__optional_keys__
    assert named - {"replayed"} == {field.data_key or name for name, field in theirs().fields.items()}
