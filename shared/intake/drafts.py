"""Recipients become drafts: the part of checking that is done once a row, and therefore kept short."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

from marshmallow import ValidationError

from shared.crypto import Sealed, Sealer
from shared.errors import InvalidInput
from shared.intake.envelope import Envelope
from shared.intake.fields import Metadata, OrderingKey
from shared.intake.problems import did_you_mean
from shared.intake.recipient import (
    MISSING,
    NO_CHAT,
    NO_ENDPOINT,
    address,
    load_recipient,
    missing,
    no_devices,
)
from shared.ledger.acceptance import Draft
from shared.ledger.batches import RowError
from shared.ledger.chats import Chats
from shared.ledger.devices import Devices
from shared.ledger.endpoints import Endpoints
from shared.ledger.ids import derived_id
from shared.ledger.recipients import Recipients

_METADATA = Metadata()
_ORDERING_KEY = OrderingKey(allow_none=True)
_ROW_FIELDS = frozenset({"to", "data", "metadata", "ordering_key"})
_ADDRESSES = {"email": "email", "sms": "phone", "whatsapp": "phone"}
_FOR_TEMPLATES = ("name", "locale", "timezone")
Problems = dict[str, list[str]]


class Row(NamedTuple):
    """A recipient as the caller wrote it.

    Parameters:
        id: of the notification it becomes.
        number: where it stands in its list or file; None when it came alone.
        problems: what was wrong with it before its fields were looked at.
        readable: it has fields to look at.
    """

    id: UUID
    to: Any
    data: Any = None
    metadata: Any = None
    number: int | None = None
    problems: Mapping[str, list[str]] | None = None
    readable: bool = True
    ordering_key: Any = None


def row_of(batch_id: UUID, number: int, given: Any) -> Row:
    """A row as JSON says it: `{"to": …, "data": …, "metadata": …}`."""
    identifier = derived_id(batch_id, number)
    if not isinstance(given, Mapping):
        problems = {"(row)": ['Must be an object: {"to": {…}, "data": {…}}.']}
        return Row(identifier, {}, number=number, problems=problems, readable=False)
    unknown = None
    if not given.keys() <= _ROW_FIELDS:
        unknown = {
            str(name)[:80]: [f"There is no such field.{did_you_mean(str(name), sorted(_ROW_FIELDS))}"]
            for name in given
            if name not in _ROW_FIELDS
        }
    return Row(
        identifier, given.get("to"), given.get("data"), given.get("metadata"), number, unknown,
        ordering_key=given.get("ordering_key"),
    )  # fmt: skip


@dataclass(frozen=True)
class Drafts:
    """Makes drafts of rows.

    Parameters:
        unsubscribes: mails get a link of ours to unsubscribe where the caller gives none.
    """

    devices: Devices
    sealer: Sealer
    endpoints: Endpoints
    recipients: Recipients
    chats: Chats
    unsubscribes: bool = False

    def make(
        self, project_id: int, envelope: Envelope, rows: Sequence[Row]
    ) -> tuple[list[Draft], list[tuple[Row, Problems]]]:
        """The drafts of the good rows, and the bad rows with their problems by field path."""
        loaded = [load_recipient(row.to) for row in rows]
        self._fill_in(project_id, envelope, [recipient for recipient, _ in loaded])
        devices = self._devices(project_id, envelope.channel, (recipient for recipient, _ in loaded))
        endpoints = self._endpoints(project_id, envelope.channel, (recipient for recipient, _ in loaded))
        chats = self._chats(project_id, envelope.channel, (recipient for recipient, _ in loaded))
        link_needed = envelope.kind == "promotion" and envelope.channel == "email" and not self.unsubscribes
        drafts: list[Draft] = []
        refused: list[tuple[Row, Problems]] = []
        for row, (recipient, problems) in zip(rows, loaded, strict=True):
            if row.problems:
                problems.update(row.problems)
                if not row.readable:
                    refused.append((row, problems))
                    continue
            targets, lacking = address(envelope.channel, recipient)
            if link_needed and not recipient.get("unsubscribe_url"):
                problems.setdefault("to.unsubscribe_url", [MISSING["to.unsubscribe_url"]])
            if lacking and "to" not in problems:
                problems.setdefault(lacking, [missing(lacking, recipient)])
            if not targets and not lacking:
                targets = devices.get(recipient["user_id"], [])
                if not targets:
                    problems["to.user_id"] = [no_devices(recipient["user_id"])]
            if endpoints is not None and targets and targets[0] not in endpoints:
                problems["to.endpoint"] = [NO_ENDPOINT]
            if chats is not None and targets:
                targets = [chats[name] for name in targets if name in chats]
                if not targets:
                    problems["to.chat"] = [NO_CHAT]
            data, secret = self._data(envelope, row.data, problems)
            metadata = _laid_over(envelope.metadata, row.metadata, problems)
            ordering_key = _ordering_key(row.ordering_key, problems)
            if problems:
                refused.append((row, problems))
                continue
            recipient.pop("tokens", None)
            drafts.append(
                Draft(
                    id=row.id,
                    channel=envelope.channel,
                    lane=envelope.lane,
                    kind=envelope.kind,
                    recipient=recipient,
                    targets=targets,
                    on_unknown=envelope.on_unknown,
                    template_id=envelope.pinned.id if envelope.pinned else None,
                    data=data,
                    content=envelope.content,
                    metadata=metadata or None,
                    send_at=envelope.send_at,
                    expires_at=envelope.expires_at,
                    secret=secret,
                    row=row.number,
                    ordering_key=ordering_key,
                    category=envelope.category,
                )
            )
        return drafts, refused

    def _fill_in(self, project_id: int, envelope: Envelope, recipients: Iterable[dict[str, Any]]) -> None:
        """Add what is stored of users where the channel or the template wants it. What the caller gives stays."""
        wanted = _ADDRESSES.get(envelope.channel)
        names = (*((wanted,) if wanted else ()), *(_FOR_TEMPLATES if envelope.pinned else ()))
        asking = [to for to in recipients if "user_id" in to and any(name not in to for name in names)]
        if not asking:
            return
        known = self.recipients.known(project_id, sorted({to["user_id"] for to in asking}))
        for to in asking:
            stored = known.get(to["user_id"], {})
            to.update({name: stored[name] for name in names if name in stored and name not in to})

    def _devices(
        self, project_id: int, channel: str, recipients: Iterable[Mapping[str, Any]]
    ) -> Mapping[str, list[str]]:  # fmt: skip
        if channel != "push":
            return {}
        users = {to["user_id"] for to in recipients if "user_id" in to and not to.get("tokens")}
        return self.devices.tokens(project_id, sorted(users)) if users else {}

    def _endpoints(
        self, project_id: int, channel: str, recipients: Iterable[Mapping[str, Any]]
    ) -> frozenset[str] | None:  # fmt: skip
        if channel != "webhook":
            return None
        return self.endpoints.known(project_id, sorted({to["endpoint"] for to in recipients if "endpoint" in to}))

    def _chats(
        self, project_id: int, channel: str, recipients: Iterable[Mapping[str, Any]]
    ) -> Mapping[str, str] | None:  # fmt: skip
        if channel != "chat":
            return None
        return self.chats.known(project_id, sorted({to["chat"] for to in recipients if "chat" in to}))

    def _data(
        self, envelope: Envelope, given: Any, problems: Problems
    ) -> tuple[Mapping[str, Any] | None, Sealed | None]:
        if envelope.pinned is None:
            if given:
                problems["data"] = ["Variables belong to a template: content is sent as it is."]
            return None, None
        if given is not None and not isinstance(given, Mapping):
            problems["data"] = ["Must be an object with a value for each variable."]
            return None, None
        template = envelope.pinned.template
        data = {**envelope.data, **given} if given else envelope.data
        try:
            template.check(data)
        except InvalidInput as error:
            problems.update(error.fields)
            return None, None
        secret = {name: data[name] for name in template.secret_variables if name in data}
        if not secret or problems:
            return data, None
        return {name: value for name, value in data.items() if name not in secret}, self.sealer.seal(secret)


def row_errors(refused: Iterable[tuple[Row, Problems]]) -> list[RowError]:
    """The first problem of each field of each refused row."""
    return [
        RowError(row.number or 0, field, every[0]) for row, problems in refused for field, every in problems.items()
    ]


def _laid_over(metadata: Mapping[str, str], given: Any, problems: Problems) -> Mapping[str, str]:
    if not given:
        return metadata
    try:
        # The sum of both has to keep to the limits, not each by itself.
        return dict(_METADATA.deserialize({**metadata, **given} if isinstance(given, Mapping) else given))
    except ValidationError as error:
        problems["metadata"] = [str(message) for message in error.messages]
        return metadata


def _ordering_key(given: Any, problems: Problems) -> str | None:
    if given is None:
        return None
    try:
        return str(_ORDERING_KEY.deserialize(given))
    except ValidationError as error:
        problems["ordering_key"] = [str(message) for message in error.messages]
        return None
