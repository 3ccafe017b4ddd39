"""The gateway: the HTTP API. It checks, commits and rings; it never waits for a provider or for the broker."""

from flask import Flask

from services.gateway import (
    access,
    audiences,
    auth,
    availability,
    batches,
    bodies,
    calendar,
    campaigns,
    caps,
    categories,
    chats,
    dead_letters,
    devices,
    docs,
    events,
    express,
    health,
    inbox,
    notifications,
    outbox,
    problems,
    quiet_hours,
    receipts,
    recipients,
    schedules,
    sender_identity,
    suppressions,
    templates,
    unknown,
    unsubscribe,
    webhooks,
)
from services.gateway.api import make_api
from services.gateway.auth import Callers
from services.gateway.availability import Availability
from services.gateway.parts import Parts

BLUEPRINTS = (
    notifications.blueprint,
    batches.blueprint,
    templates.blueprint,
    devices.blueprint,
    sender_identity.blueprint,
    outbox.blueprint,
    dead_letters.blueprint,
    unknown.blueprint,
    webhooks.blueprint,
    chats.blueprint,
    suppressions.blueprint,
    caps.blueprint,
    calendar.blueprint,
    schedules.blueprint,
    events.blueprint,
    recipients.blueprint,
    categories.blueprint,
    quiet_hours.blueprint,
    inbox.blueprint,
    audiences.blueprint,
    campaigns.blueprint,
)


def create_app(parts: Parts) -> Flask:
    """The application. Opens no connection by itself."""
    app = Flask(__name__, static_folder=None)
    parts.attach(app)
    ledger, callers = Availability(), Callers(parts.keys)
    access.log_and_measure(app)
    problems.register(app)
    app.wsgi_app = express.Express(app, parts, callers, ledger)  # type: ignore[method-assign]  # as Flask recommends
    availability.watch(app, ledger)
    bodies.guard(app)
    auth.protect(app, callers)
    api = make_api(app)
    for blueprint in BLUEPRINTS:
        api.register_blueprint(blueprint)
    for plain in (docs.blueprint, health.blueprint, receipts.blueprint, unsubscribe.blueprint):
        app.register_blueprint(plain)
    return app
