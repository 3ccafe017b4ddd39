"""What Slack says of a message it did not post: a word, in the body of a webhook's answer or as `error` of the API's.

The API answers 200 to everything. Only what Slack says it did not do is tried again.
"""

from collections.abc import Mapping

from shared.http import Reply
from shared.providers.outcomes import ALERT, REFUSED, Outcome, Row, after, later

SOURCE = "https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks"
_API = "https://docs.slack.dev/reference/methods/chat.postMessage"
_LATER: Outcome = later("destination")

OUTCOMES: Mapping[str, Row] = {
    "invalid_payload": Row(REFUSED, "the request is not what it takes"),
    "no_text": Row(REFUSED, "there is nothing to say"),
    "too_many_attachments": Row(REFUSED, "more than 100 attachments"),
    "channel_is_archived": Row(ALERT, "the channel was archived"),
    "channel_not_found": Row(ALERT, "there is no such channel, or it is private"),
    "action_prohibited": Row(ALERT, "an administrator does not allow it"),
    "posting_to_general_channel_denied": Row(ALERT, "the webhook may not post to #general"),
    "user_not_found": Row(ALERT, "there is no such user"),
    "invalid_token": Row(ALERT, "the webhook's token is wrong, or was revoked"),
    "no_service": Row(ALERT, "the webhook was removed"),
    "no_team": Row(ALERT, "there is no such workspace"),
    "team_disabled": Row(ALERT, "the workspace is disabled"),
    "msg_too_long": Row(REFUSED, "the text is too long", _API),
    "not_in_channel": Row(ALERT, "the bot is no member of the channel", _API),
    "is_archived": Row(ALERT, "the channel was archived", _API),
    "restricted_action": Row(ALERT, "the workspace does not let it post there", _API),
    "invalid_auth": Row(ALERT, "the bot's token is wrong", _API),
    "not_authed": Row(ALERT, "there is no token", _API),
    "account_inactive": Row(ALERT, "the token's user was deactivated", _API),
    "token_revoked": Row(ALERT, "the token was revoked", _API),
    "token_expired": Row(ALERT, "the token has expired", _API),
    "missing_scope": Row(ALERT, "the token lacks the scope chat:write", _API),
    "ratelimited": Row(after(60, blames="destination"), "too many; as Retry-After says", _API),
    "rate_limited": Row(after(60, blames="destination"), "too many of its team; as Retry-After says", _API),
    "service_unavailable": Row(_LATER, "it is unavailable for the moment", _API),
}


def word_of(reply: Reply) -> str | None:
    """What Slack calls it; None for an acceptance, or what is not Slack's."""
    answer = reply.json()
    if answer:
        said = answer.get("error")
        return said if isinstance(said, str) and answer.get("ok") is not True else None
    word = reply.text.strip()
    return word if word in OUTCOMES else None
