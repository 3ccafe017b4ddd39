"""Amazon SES."""

import json
from base64 import b64decode

from crier.sandbox import Entry
from services.email.providers import VENDORS
from services.email.providers.ses_codes import OUTCOMES, row_of
from tests.contracts.case import CANARY, FAULT, REFUSED, UNKNOWN, Case, Received, after, answered, mail
from tests.contracts.cases.smtp import text_of


def _read_request(entry: Entry) -> Received:
    request = json.loads(entry.received["body"])
    assert request["Destination"] == {"ToAddresses": [entry.recipient], "CcAddresses": [], "BccAddresses": []}
    return Received(str(entry.recipient), text_of(b64decode(request["Content"]["Raw"]["Data"])))


CASE = Case(
    name="ses",
    vendor=VENDORS["ses"],
    message=mail,
    read=_read_request,
    target="ada@example.org",
    elsewhere=lambda settings, host, port: {**settings, "SES_ENDPOINT_URL": f"http://{host}:{port}"},
    wrong_login=lambda settings, _: {**settings, "AWS_SECRET_ACCESS_KEY": CANARY},
    secrets=lambda settings: [settings["AWS_SECRET_ACCESS_KEY"], CANARY],
    refusals={
        "BadRequestException": REFUSED, "MessageRejected": REFUSED, "SerializationException": REFUSED,
        "TooManyRequestsException": after(5), "LimitExceededException": after(600), "ThrottlingException": after(600),
        "InternalFailure": UNKNOWN, "ServiceUnavailable": UNKNOWN,
    } | dict.fromkeys(
        ("AccessDeniedException", "AccountSuspendedException", "ExpiredTokenException", "IncompleteSignature",
         "InvalidClientTokenId", "MailFromDomainNotVerifiedException", "MessageRejected sender",
         "MissingAuthenticationToken", "NotFoundException", "RequestExpired", "SendingPausedException",
         "SignatureDoesNotMatch", "UnrecognizedClientException"), FAULT,
    ),
    table=OUTCOMES,
    row_of=lambda entry: row_of(answered(entry)),
)  # fmt: skip
