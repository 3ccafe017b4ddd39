"""A bundle, compiled: checks the data callers send and renders it into the content of a channel."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from threading import Lock
from typing import Any

from cachetools import LRUCache, cached
from marshmallow import ValidationError

from shared.errors import TemplateError
from shared.messages.content import Content
from shared.messages.email import Attachment, EmailContent
from shared.messages.fields import single_line
from shared.messages.push import PushContent
from shared.messages.sms import SmsContent
from shared.messages.whatsapp import WhatsAppContent
from shared.templates import files, limits
from shared.templates.brand import Brand
from shared.templates.bundle import Bundle
from shared.templates.formats import Formats, formats_for
from shared.templates.manifest import CONTEXT, read_manifest
from shared.templates.program import Program

RECIPIENT = ("name", "email", "phone", "user_id", "locale", "timezone", "unsubscribe_url")
"""What a template may use of `recipient`; what is not known is empty."""

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:*?"<>|]+')


class Template:
    """One compiled version of a template. Safe to share between threads.

    Attributes:
        name, checksum: of the bundle.
        description: what it is for.
        kind: `transactional`, `code` or `promotion`.
        channels: the channels it can be sent over.
        variables: what is declared, see `variables.Variables`.
        sample: example data that passes `check`.
        secret_variables: names of those to encrypt at rest and wipe at the end.
    """

    def __init__(self, bundle: Bundle) -> None:
        if files.MANIFEST not in bundle.files:
            raise TemplateError("Every template has this file.", file=files.MANIFEST)
        manifest = read_manifest(bundle.files[files.MANIFEST])
        self.name = bundle.name
        self.checksum = bundle.checksum
        self.description = manifest.description
        self.kind = manifest.kind
        self.language = manifest.language
        self.variables = manifest.variables
        self.sample = manifest.sample
        self.secret_variables = manifest.variables.secret
        self.channels = files.channels(bundle.files)
        self._files = bundle.files
        names = files.attachments(bundle.files, manifest.attachments)
        for file in names:
            files.check_document(bundle.files[file], file)
        self._attachments = {file: f"{file} (its name)" for file in names}
        self._program = Program(bundle.files, {self._attachments[file]: name for file, name in names.items()})
        self._program.check({*CONTEXT, *self.variables.declared})
        self._refuse_line_breaks([*files.ONE_LINE, *self._attachments.values()])
        self._write: dict[str, Callable[[dict[str, Any]], Content]] = {
            "email": self._email,
            "sms": self._sms,
            "whatsapp": self._whatsapp,
            "push": self._push,
        }

    def check(self, data: Mapping[str, Any]) -> Mapping[str, Any]:
        """Return `data` as it was sent, or raise `InvalidInput` with every problem by path (`data.items.0.price`)."""
        return self.variables.check(data)

    def render(self, channel: str, data: Mapping[str, Any], recipient: Mapping[str, Any], brand: Brand) -> Content:
        """The content of `channel` for one recipient.

        Parameters:
            data: as it passed `check`.
            recipient: what is known of the addressee, see `RECIPIENT`.

        Raises `TemplateError` with file and line when the template cannot cope with the data.
        """
        if channel not in self.channels:
            raise TemplateError(f"{self.name} has no form for {channel}; it has {', '.join(self.channels)}.")
        try:
            values = self.variables.parse(data)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise TemplateError("The stored data does not fit the template's variables.") from error
        limits.start()
        formats = formats_for(self.language, recipient.get("locale"), recipient.get("timezone"))
        context = {
            **values,
            "recipient": {key: recipient.get(key) for key in RECIPIENT},
            "brand": brand.context,
            "language": self.language,
            "direction": formats.direction,
            "_formats": formats,
        }
        return self._write[channel](context)

    def _refuse_line_breaks(self, one_line: Iterable[str]) -> None:
        """Tell the author now what would otherwise fail when a text with two lines is sent."""
        multiline = {name for name, variable in self.variables.declared.items() if variable.multiline}
        for file in one_line:
            for name in sorted(multiline & self._program.uses(file)) if self._program.has(file) else ():
                raise TemplateError(f"`{name}` is multiline, and this must be a single line: leave it out.", file=file)

    def _email(self, context: dict[str, Any]) -> EmailContent:
        write = self._program.write
        return EmailContent(
            subject=_shortened(self._line("email.subject.txt", context), 300),
            text=_BLANK_LINES.sub("\n\n", write("email.body.txt", context).strip()) + "\n",
            html=write("email.body.html", context).lstrip() if "email.body.html" in self._files else None,
            attachments=tuple(self._attachment(file, context) for file in self._attachments),
        )

    def _attachment(self, file: str, context: dict[str, Any]) -> Attachment:
        # Only who sends mail needs typst.
        from shared.templates.pdf import make_pdf

        name = _NOT_IN_FILE_NAMES.sub("-", self._line(self._attachments[file], context))
        formats: Formats = context["_formats"]
        data = {key: value for key, value in context.items() if key != "_formats"}
        return Attachment(
            _shortened(name[:-4], 100) + ".pdf",
            "application/pdf",
            make_pdf(self._files[file], file, data, formats),
        )

    def _sms(self, context: dict[str, Any]) -> SmsContent:
        return SmsContent(_plain_spaces(self._filled("sms.body.txt", context)))

    def _whatsapp(self, context: dict[str, Any]) -> WhatsAppContent:
        return WhatsAppContent(
            body=self._filled("whatsapp.body.txt", context),
            variables=self._object("whatsapp.variables.json", context),
            template=self.name,
        )

    def _push(self, context: dict[str, Any]) -> PushContent:
        lines: dict[str, str] = {}
        for part, longest in files.PUSH_LINES.items():
            file = f"push.{part}.txt"
            line = self._line(file, context) if file in self._files else ""
            if len(line) > longest:
                raise TemplateError(f"This may have {longest} characters; it came to {len(line)}.", file=file)
            if line:
                lines[part] = line
        return PushContent(
            title=_shortened(self._line("push.title.txt", context), 200),
            body=_shortened(self._filled("push.body.txt", context), 1000),
            link=lines.get("link"),
            image=lines.get("image"),
            icon=lines.get("icon"),
            sound=lines.get("sound"),
            collapse_key=lines.get("collapse_key"),
            data=self._object("push.data.json", context),
        )

    def _object(self, file: str, context: dict[str, Any]) -> Mapping[str, str]:
        """A file that comes out as a JSON object of strings; empty where there is none."""
        if file not in self._files:
            return {}
        try:
            data = json.loads(self._program.write(file, context))
        except ValueError as error:
            raise TemplateError(f"This did not come out as JSON: {error}", file=file) from None
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise TemplateError("This must be an object whose values are strings.", file=file)
        return data

    def _filled(self, file: str, context: dict[str, Any]) -> str:
        text = self._program.write(file, context).strip()
        if not text:
            raise TemplateError("This came out empty.", file=file)
        return text

    def _line(self, file: str, context: dict[str, Any]) -> str:
        """One line that may go into a header: a line break in it is refused, never smoothed over."""
        try:
            return _plain_spaces(single_line(self._program.write(file, context).strip()))
        except ValidationError as error:
            raise TemplateError(str(error.messages[0]), file=file) from None


def _plain_spaces(text: str) -> str:
    return text if text.isascii() else text.translate(_SPACES)


def _shortened(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


@cached(LRUCache(maxsize=500), key=lambda bundle: bundle.checksum, lock=Lock())
def compile_bundle(bundle: Bundle) -> Template:
    """The compiled template, kept by checksum. Raises `TemplateError` by file and line."""
    return Template(bundle)
