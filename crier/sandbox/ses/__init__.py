"""A stand-in for Amazon SES, API v2: `SendEmail` with raw content.

https://docs.aws.amazon.com/ses/latest/APIReference-V2/API_SendEmail.html

It knows one account in eu-west-1 with one access key, the verified domain example.com and the configuration set
`crier-sandbox`. It checks signatures. Told where, it publishes the events of mails sent with that set to an SNS topic,
whose one subscriber this is: `crier.sandbox.mail_reports`, and `subscribe`, which asks for the subscription to be
confirmed.

The addresses of SES's own mailbox simulator are taken like any other. Magic recipients:
`crier.sandbox.magic_mailboxes`.
"""

import time
from collections.abc import Mapping, Sequence
from email.utils import parseaddr
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_URL, uuid4, uuid5

import orjson

from crier.sandbox import mail
from crier.sandbox.behaviour import Behaviour
from crier.sandbox.callbacks import Callback
from crier.sandbox.journal import Entry
from crier.sandbox.magic_mailboxes import magic
from crier.sandbox.mail_reports import Mail, MailReports
from crier.sandbox.preview import Preview
from crier.sandbox.ses.request import Account, Refusal, raw
from crier.sandbox.ses.signature import AwsKey
from crier.sandbox.ses.topic import TOPIC, Topic
from crier.sandbox.vendor import Answer, Call, HttpVendor, Route, find_delivery, json_answer

ACCOUNT = Account("eu-west-1", frozenset({"example.com"}), frozenset({"crier-sandbox"}))
KEY = AwsKey(
    access_key_id="AKIA" + uuid5(NAMESPACE_URL, "crier:sandbox:ses").hex[:16].upper(),
    secret_access_key=uuid5(NAMESPACE_URL, "crier:sandbox:ses:secret").hex,
    region=ACCOUNT.region,
    service="ses",
)
SENDER = "Crier sandbox <sandbox@example.com>"

_ERRORS = {
    "AccessDeniedException": (403, "User is not authorized to perform: ses:SendEmail"),
    "AccountSuspendedException": (400, "The account's ability to send email has been permanently restricted."),
    "BadRequestException": (400, "The input you provided is invalid."),
    "ExpiredTokenException": (403, "The security token included in the request is expired"),
    "IncompleteSignature": (403, "The request signature does not conform to AWS standards."),
    "InternalFailure": (500, "The request processing has failed because of an unknown error."),
    "InvalidClientTokenId": (403, "The security token included in the request is invalid."),
    "LimitExceededException": (400, "There are too many instances of the specified resource type."),
    "MailFromDomainNotVerifiedException": (400, "The sending domain isn't verified."),
    "MessageRejected": (400, "The message contains invalid content."),
    "MessageRejected sender": (400, "Email address is not verified."),
    "MissingAuthenticationToken": (403, "Missing Authentication Token"),
    "NotFoundException": (404, "The resource you attempted to access doesn't exist."),
    "RequestExpired": (400, "Signature expired"),
    "SendingPausedException": (400, "The account's ability to send email is currently paused."),
    "SerializationException": (400, "The request body cannot be read."),
    "ServiceUnavailable": (503, "The request has failed due to a temporary failure of the server."),
    "SignatureDoesNotMatch": (403, "The request signature we calculated does not match the signature you provided."),
    "ThrottlingException": (400, "Daily message quota exceeded."),
    "TooManyRequestsException": (429, "Maximum sending rate exceeded."),
    "UnrecognizedClientException": (403, "The security token included in the request is invalid."),
}


class Ses(HttpVendor):
    """One account."""

    name = "ses"
    errors = tuple(_ERRORS)
    stages = ("send", "certificate", "subscribe")
    events = (*Topic.steps, "subscribe")

    def __init__(self, folder: Path, base_url: str) -> None:
        super().__init__(folder, base_url)
        self._topic = Topic(f"{base_url}/sns")
        self._reports = MailReports(self._topic)

    def routes(self) -> Sequence[Route]:
        """`SendEmail`; and of SNS, the certificate and the link that confirms a subscription."""
        return (
            Route("POST", "/v2/email/outbound-emails", "send", self._send, _recipient),
            Route("GET", "/sns/{file}.pem", "certificate", self._certificate),
            Route("GET", "/sns/", "subscribe", _subscribe),
        )

    def environment(self) -> dict[str, str]:
        """Region, key, sender, configuration set and base URL; the topic, and where its certificate is."""
        return {
            "AWS_REGION": ACCOUNT.region,
            "AWS_ACCESS_KEY_ID": KEY.access_key_id,
            "AWS_SECRET_ACCESS_KEY": KEY.secret_access_key,
            "SES_FROM": SENDER,
            "SES_CONFIGURATION_SET": "crier-sandbox",
            "SES_ENDPOINT_URL": self.base_url,
            "SES_SNS_TOPIC_ARN": TOPIC,
            "SES_SNS_ENDPOINT_URL": f"{self.base_url}/sns",
        }

    def error(self, name: str, call: Call) -> Answer:
        """A documented error."""
        return _refuse(name)

    def authorised(self, call: Call) -> bool:
        """Whether the account's key signed the call."""
        return KEY.problem(call) is None

    def magic(self, recipient: str) -> Behaviour | None:
        """The sandbox's magic mailboxes."""
        return magic(recipient, self.errors)

    def delivery(self, call: Call) -> str | None:
        """In a tag of Crier's."""
        tags = call.json.get("EmailTags", []) if isinstance(call.json, dict) else []
        return find_delivery(*(str(tag.get("Value")) for tag in tags if "crier" in str(tag.get("Name"))))

    def preview(self, entry: Entry) -> Preview:
        """The mail."""
        content = raw(_request(entry))
        return Preview() if content is None else mail.preview(content)

    def simulate(self, event: str, details: Mapping[str, str]) -> Sequence[Callback]:
        """Something happens to a mail (`crier.sandbox.mail_reports`), or to the subscription."""
        url = self.receipts_url
        if event != "subscribe":
            return self._reports.simulate(event, details, url)
        if url is None:
            raise ValueError("details: subscribe needs callbacks that have a `to`")
        return [self._topic.confirmation(url)]

    def forget(self) -> None:
        """Drop every mail."""
        self._reports.forget()

    def _certificate(self, call: Call) -> Answer:
        if f"{call.parameters['file']}.pem" != self._topic.certificate_name:
            return Answer(404, b"")
        return Answer(200, self._topic.certificate, {"Content-Type": "application/x-pem-file"})

    def _send(self, call: Call) -> Answer:
        if stranger := KEY.problem(call):
            return _refuse(stranger)
        try:
            ACCOUNT.check(call.json)
        except Refusal as refusal:
            return _refuse(refusal.code, refusal.reason)
        reference = f"{time.time_ns() // 1_000_000:016x}-{uuid4()}-000000"
        # Events are published by a configuration set.
        url = self.receipts_url if call.json.get("ConfigurationSetName") else None
        callbacks = self._reports.of(_taken(call, reference, self.delivery(call)), url)
        return json_answer(200, {"MessageId": reference}, accepted=True, reference=reference, callbacks=callbacks)


def _taken(call: Call, reference: str, delivery: str | None) -> Mail:
    request = call.json
    named = [parseaddr(one)[1] for listed in request.get("Destination", {}).values() for one in listed]
    tags = {tag["Name"]: [tag["Value"]] for tag in request.get("EmailTags", [])}
    if name := request.get("ConfigurationSetName"):
        tags["ses:configuration-set"] = [name]
    return Mail(reference, delivery, named, tags)


def _subscribe(call: Call) -> Answer:
    if call.query.get("Action") != "ConfirmSubscription" or call.query.get("TopicArn") != TOPIC:
        return Answer(400, b"")
    return Answer(200, b"<ConfirmSubscriptionResponse/>", {"Content-Type": "text/xml"})


def _refuse(code: str, reason: str | None = None) -> Answer:
    status, text = _ERRORS[code]
    code = code.partition(" ")[0]
    headers = {"x-amzn-ErrorType": code, "x-amzn-RequestId": str(uuid4())}
    return json_answer(status, {"message": reason or text}, code=code, headers=headers)


def _recipient(call: Call) -> str | None:
    try:
        return str(call.json["Destination"]["ToAddresses"][0])
    except (KeyError, IndexError, TypeError):
        return None


def _request(entry: Entry) -> Any:
    try:
        return orjson.loads(entry.received.get("body", ""))
    except orjson.JSONDecodeError:
        return None
