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
    "Content of your own, in the app": {
        "channel": "inapp",
        "to": {"user_id": "u_1"},
        "content": {
            "title": "Grace commented on your draft",
            "body": "The second table reads much better now.",
            "link": "/drafts/88",
            "icon": "💬",
            "actions": [{"label": "Reply", "link": "/drafts/88#reply"}],
        },
    },
    "A webhook to an endpoint of yours": {
        "channel": "webhook",
        "to": {"endpoint": "01981f6e-6b5c-7d3a-9a51-3f2b8c4d5e6f"},
        "content": {"type": "order.created", "data": {"order": "4711", "total": "49.90"}},
    },
    "A chain: a push, and an SMS where that is not delivered within ten minutes": {
        "channel": ["push", "sms"],
        "fallback_after": "10m",
        "until": "delivered",
        "to": {"tokens": ["device-token"], "phone": "+442079460018"},
        "content": {
            "push": {"title": "Your table is ready", "body": "Come to the counter."},
            "sms": {"body": "Your table is ready: come to the counter."},
        },
    },
    "An alert, to a chat": {
        "template": "system_alert",
        "channel": "chat",
        "to": {"chat": "ops"},
        "data": {
            "severity": "critical",
            "title": "Payments answer slowly",
            "summary": "p95 is 4.2 s.",
            "happened_at": "2030-03-01T03:12:00Z",
        },
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
    "A review is asked for two hours after its end": {
        "key": "booking-4713",
        "starts_at": "2030-03-01T18:30:00",
        "timezone": "Europe/London",
        "duration": "45m",
        "notification": {
            "channel": "sms",
            "to": {"phone": "+442079460018"},
            "content": {"body": "See you at half past six."},
        },
        "follow_up": {
            "after": ["2h"],
            "notification": {
                "template": "review_request",
                "channel": "sms",
                "to": {"phone": "+442079460018"},
                "data": {"what": "Haircut", "place": "Fringe & Sons", "review_url": "https://example.com/r/4713"},
            },
        },
    },
}

RECIPIENTS: dict[str, dict[str, Any]] = {
    "Somebody with addresses, a language and a time zone": {
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "phone": "+442079460018",
        "locale": "en-GB",
        "timezone": "Europe/London",
    },
    "With quiet hours of their own": {
        "email": "grace@example.com",
        "timezone": "America/New_York",
        "quiet_hours": {"from": "20:00", "until": "09:30"},
    },
}

PREFERENCES: dict[str, dict[str, Any]] = {
    "No news, and nothing by SMS but booking updates": {
        "choices": [
            {"category": "newsletter", "wanted": False},
            {"channel": "sms", "wanted": False},
            {"category": "booking_updates", "channel": "sms", "wanted": True},
        ]
    },
}

CATEGORIES: dict[str, dict[str, Any]] = {
    "What people may choose": {
        "label": "Booking updates",
        "description": "When a booking is confirmed, moved or cancelled.",
    },
    "What they may not": {"label": "Security", "required": True, "position": 100},
    "News and offers": {"label": "Newsletter", "promotional": True},
}

QUIET_HOURS: dict[str, dict[str, Any]] = {
    "From ten to eight": {"from": "22:00", "until": "08:00", "timezone": "Europe/Paris"},
    "SMS only": {"from": "21:00", "until": "09:00", "timezone": "Europe/London", "channels": ["sms"]},
}

CAMPAIGNS: dict[str, dict[str, Any]] = {
    "A promotion to everybody, 600 a minute": {
        "name": "Spring menu",
        "audience": "newsletter",
        "request": {
            "channel": "email",
            "kind": "promotion",
            "content": {"subject": "Our spring menu", "text": "Asparagus is here: https://example.com/menu"},
        },
        "throttle": "600/m",
    },
    "At nine in the morning, wherever they are": {
        "name": "Opening hours",
        "audience": "newsletter",
        "request": {"channel": "sms", "content": {"body": "We are open on Sunday."}},
        "local_time": {"at": "2030-03-28T09:00", "timezone": "Europe/London", "past": "skip"},
    },
}
