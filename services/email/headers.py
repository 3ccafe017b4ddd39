"""The headers that go with every mail, whichever vendor sends it."""

from shared.messages.email import EmailMessage

ID_HEADER = "X-Crier-Id"


def extra_headers(message: EmailMessage) -> dict[str, str]:
    """The caller's headers, our id, and where there is a way to unsubscribe with one click, that (RFC 8058)."""
    headers = {**message.content.headers, ID_HEADER: str(message.delivery_id)}
    if message.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
