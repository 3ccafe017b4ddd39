"""The headers that go with every mail, whichever vendor sends it."""

from shared.messages.email import EmailMessage

ID_HEADER = "X-Crier-Id"


def extra_headers(message: EmailMessage) -> dict[str, str]:
    """The caller's headers, our id, and how to unsubscribe with one click where there is a way (RFC 8058 section 3.1)."""
    headers = {**message.content.headers, ID_HEADER: str(message.delivery_id)}
    if message.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{message.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
