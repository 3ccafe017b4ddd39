"""`crier devices`, against a real gateway and workers."""

from tests.crier.cli.conftest import Client


def tokens(typed: Client, *arguments: str) -> list[str]:
    return [device["token"] for device in typed.json("devices", *arguments)]


def test_added_listed_moved_and_removed(typed: Client):
    assert tokens(typed, "add", "u_7", "phone", "--platform", "ios") == ["phone"]
    assert tokens(typed, "add", "u_7", "tablet", "--platform", "android") == ["phone", "tablet"]
    assert tokens(typed, "add", "u_7", "new phone", "--platform", "ios", "--replaces", "phone") == [
        "tablet",
        "new phone",
    ]
    assert tokens(typed, "list", "u_7") == ["tablet", "new phone"]
    assert tokens(typed, "remove", "u_7", "tablet") == ["new phone"]


def test_a_person_sees_a_table_and_what_to_type_when_it_is_empty(typed: Client):
    empty = typed.run("devices", "list", "u_8")
    assert (empty.returncode, empty.stdout) == (0, "u_8 has no devices: `crier devices add` registers one.\n")
    shown = typed.run("devices", "add", "u_8", "token-8", "--platform", "web").stdout
    assert shown.split()[:3] == ["PLATFORM", "REGISTERED", "TOKEN"]
    assert "web" in shown
    assert "token-8" in shown


def test_what_the_gateway_refuses_is_told(typed: Client):
    refused = typed.run("devices", "add", "u_9", "/topics/everybody", "--platform", "ios")
    assert refused.returncode == 1
    assert "A topic goes into to.topic." in refused.stderr
    unknown = typed.run("devices", "remove", "u_9", "nothing")
    assert unknown.returncode == 1
    assert "This user has no such device." in unknown.stderr


def test_what_is_sent_to_a_user_goes_to_their_device(typed: Client):
    typed.run("devices", "add", "u_10", "token-10", "--platform", "ios")
    sent = typed.run("send", "--to", "user:u_10", "--title", "Hi", "--body", "x", "--wait")
    assert sent.returncode == 0, sent.stderr


def test_a_topic_is_sent_to(typed: Client):
    sent = typed.run("send", "--to", "topic:line-12", "--title", "Hi", "--body", "x", "--wait")
    assert sent.returncode == 0, sent.stderr
    assert "fcm" in sent.stdout
