"""Requests as a caller would write them, for the OpenAPI document. A test accepts each of them."""

from typing import Any

_WELCOME = {"action_label": "Open your dashboard", "action_url": "https://example.com/start"}

ONE: dict[str, dict[str, Any]] = {
    "A template, by email": {
        "template": "welcome",
        "channel": "email",
        "to": {"email": "ada@example.com", "name": "Ada", "locale": "en-GB", "timezone": "Europe/London"},
        "data": {"name": "Ada", **_WELCOME},
        "metadata": {"order": "4711"},
    },
    "A one-time code, by SMS": {
        "template": "one_time_code",
        "channel": "sms",
        "to": {"phone": "+442079460018"},
        "data": {"code": "482913"},
        "expires_at": "2099-12-31T23:59:59Z",
    },
    "One of what is collected for half an hour": {
        "template": "activity_digest",
        "channel": "email",
        "to": {"email": "ada@example.com", "user_id": "u_1"},
        "data": {"actor": "Grace Hopper", "text": "commented on your draft"},
        "digest": {"window": "30m", "key": "comments"},
    },
    "An approved template of WhatsApp's": {
        "channel": "whatsapp",
        "to": {"phone": "+442079460018"},
        "content": {"content_sid": "HX0123456789abcdef0123456789abcdef", "variables": {"1": "Ada", "2": "18:30"}},
    },
    "Content of your own, as a push": {
        "channel": "push",
        "to": {"tokens": ["device-token"]},
        "content": {"title": "Your table is ready", "body": "Come to the counter.", "link": "app://orders/4711"},
    },
    "A webhook to an endpoint of yours": {
        "channel": "webhook",
        "to": {"endpoint": "01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f"},
        "content": {"type": "order.created", "data": {"order": "4711", "total": "49.90"}},
    },
    "Content of your own, by email, with a file": {
        "channel": "email",
        "to": {"email": "ada@example.com"},
        "content": {
            "subject": "Your invoice",
            "text": "It is attached.",
            "attachments": [
                {"filename": "invoice.txt", "content_type": "text/plain", "content": "VG90YWw6IDEyLjUwIEVVUgo="}
            ],
        },
    },
}

CAPS: dict[str, dict[str, Any]] = {
    "Three promotions a week": {"most": 3, "per": "7d", "kind": "promotion"},
    "Five pushes and SMS an hour, the others later": {
        "most": 5,
        "per": "1h",
        "channels": ["push", "sms"],
        "over": "wait",
    },
}

MANY: dict[str, dict[str, Any]] = {
    "A template to two people": {
        "template": "welcome",
        "channel": "email",
        "data": _WELCOME,
        "recipients": [
            {"to": {"email": "ada@example.com"}, "data": {"name": "Ada"}},
            {"to": {"email": "grace@example.com"}, "data": {"name": "Grace"}, "metadata": {"cohort": "b"}},
        ],
    },
}

SCHEDULES: dict[str, dict[str, Any]] = {
    "Once, at a moment": {
        "name": "christmas-eve",
        "trigger": {"at": "2030-12-24T18:00:00+01:00"},
        "request": {"channel": "sms", "to": {"phone": "+442079460018"}, "content": {"body": "Merry Christmas!"}},
    },
    "Every half hour": {
        "name": "line-12",
        "trigger": {"every": "30m"},
        "request": {"channel": "push", "to": {"topic": "line-12"}, "content": {"title": "Line 12", "body": "It runs."}},
        "misfire": "skip",
    },
    "On weekdays at nine in London": {
        "name": "morning-report",
        "trigger": {"cron": "0 9 * * mon-fri", "timezone": "Europe/London"},
        "request": {
            "channel": "email",
            "to": {"email": "ada@example.com"},
            "content": {"subject": "Good morning", "text": "Your bookings of today: https://example.com/today"},
        },
        "misfire": "once",
        "misfire_grace": 300,
    },
}

EVENTS: dict[str, dict[str, Any]] = {
    "An appointment, reminded of a day and two hours before": {
        "key": "booking-4711",
        "starts_at": "2030-03-01T18:30:00",
        "timezone": "Europe/London",
        "notification": {
            "template": "appointment_reminder",
            "channel": "email",
            "to": {"email": "ada@example.com", "name": "Ada"},
            "data": {"what": "Haircut", "appointment_id": "4711"},
        },
    },
    "The same time on the clock a week before, and half an hour before": {
        "key": "booking-4712",
        "starts_at": "2030-03-01T18:30:00Z",
        "timezone": "America/New_York",
        "offsets": ["7d", "30m"],
        "notification": {
            "channel": "sms",
            "to": {"phone": "+442079460018"},
            "content": {"body": "See you soon."},
        },
    },
}
