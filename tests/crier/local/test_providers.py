"""`crier health` names the providers that are not as they should be."""

from crier.local.providers import providers
from shared.broker import redis_url as shared_redis
from shared.providers.permission import THRESHOLD
from shared.providers.permission_redis import RedisPermission
from shared.settings import EngineSettings, load_one


def test_each_is_named_with_what_is_wrong(redis_url: str) -> None:
    environment = {"CRIER_DATABASE_URL": "postgresql://unused/unused", "CRIER_BROKER_URL": redis_url}
    assert [(check.name, check.level) for check in providers(environment)] == [("providers", "ok")]
    url = shared_redis(load_one(EngineSettings, environment))
    assert url
    permission = RedisPermission(url)
    for _ in range(THRESHOLD):
        permission.failed("sms.twilio")
    permission.postpone("push.fcm", 30)
    permission.mark_slow("email.ses", 600)
    permission.failed("email.smtp@example.com")
    found = {check.name: (check.level, check.text) for check in providers(environment)}
    assert {name: level for name, (level, _) in found.items()} == {
        "sms.twilio": "warn", "push.fcm": "warn", "email.ses": "warn", "email.smtp@example.com": "ok",
    }  # fmt: skip
    assert found["sms.twilio"][1] == "It fails, and is only probed: the next time in 5 s."
    assert found["push.fcm"][1] == "It asked not to be called for another 30 s."


def test_without_redis_nothing_is_known() -> None:
    assert providers({"CRIER_DATABASE_URL": "postgresql://u/u", "CRIER_BROKER_URL": "amqp://localhost"}) == []
