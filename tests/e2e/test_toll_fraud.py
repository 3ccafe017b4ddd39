"""Limits of SMS hold over all threads of a worker and over its death: no call beyond them reaches the vendor."""

NUMBER = "+447400123456"


def test_a_flood_to_one_number_stops_at_its_limit(redis_system):
    system = redis_system
    request = {"channel": "sms", "content": {"body": "Hello"}, "to": {"phone": NUMBER}}
    for _ in range(40):
        system.intake.accept(system.project_id, request)
    limits = {"CRIER_SMS_NUMBER_LIMIT": "3/10m", "CRIER_BATCH_SIZE": "5"}
    system.start("sms", "relay", environment=limits)
    system.wait_until(lambda: system.states() == {"sent": 3, "queued": 37}, "three are sent and the rest waits")
    system.kill("sms")
    system.send_sms(1)
    system.start("sms", environment=limits)
    system.wait_until(lambda: system.states()["sent"] == 4, "others are sent meanwhile")
    assert system.sent_to()[NUMBER] == 3
