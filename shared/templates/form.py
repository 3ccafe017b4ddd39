"""One language of a template: its files as a program, and what they make of a message's values for each channel."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from marshmallow import ValidationError

from shared.errors import TemplateError
from shared.messages.chat import LEVELS, MAX_BODY, MAX_TITLE, ChatContent
from shared.messages.content import Content
from shared.messages.email import Attachment, EmailContent
from shared.messages.fields import single_line
from shared.messages.inapp import ICON, MAX_ACTIONS, MAX_LABEL, NO_ICON, Action, InAppContent, link_problem
from shared.messages.push import PushContent
from shared.messages.sms import SmsContent
from shared.messages.whatsapp import WhatsAppContent
from shared.templates import files
from shared.templates.formats import Formats
from shared.templates.manifest import Manifest
from shared.templates.program import Program

_BLANK_LINES = re.compile(r"\n(?:[ \t]*\n){2,}")
_SPACES = str.maketrans({"\u00a0": " ", "\u202f": " ", "\u2009": " "})
_NOT_IN_FILE_NAMES = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029/\\:*?"<>|]+')


class Form:
    """Parameters:
    language: the tag of what it is written in, as BCP 47 writes it.
    approved_as: what approved WhatsApp texts name it by.
    sources: its files and those of the layout, by the names they use for each other.
    origins: where a file is, when that is not its name: what errors say.

    Attributes:
        channels: the channels it can be sent over.
    """

    def __init__(
        self,
        manifest: Manifest,
        language: str,
        approved_as: str,
        sources: Mapping[str, str],
        origins: Mapping[str, str],
    ) -> None:
        self.language = language
        self.channels = files.channels(sources)
        self._approved_as = approved_as
        self._files = sources
        self._origins = origins
        try:
            self._prepare(manifest)
        except TemplateError as error:
            raise self._located(error) from None
        self._write: dict[str, Callable[[dict[str, Any]], Content]] = {
            "email": self._email,
            "sms": self._sms,
            "whatsapp": self._whatsapp,
            "chat": self._chat,
            "push": self._push,
            "inapp": self._inapp,
        }

    def _prepare(self, manifest: Manifest) -> None:
        mail = "email" in self.channels
        names = files.attachments(self._files, manifest.attachments) if mail else {}
        for file in names:
            files.check_document(self._files[file], file)
        self._attachments = {file: f"{file} (its name)" for file in names}
        named = {self._attachments[file]: name for file, name in names.items()}
        self._program = Program(self._files, named, self.language)
        is_variant = any(not file.startswith(files.LAYOUT) for file in self._origins)
        self._program.check(manifest.names, self._origins if is_variant else ())
        multiline = {name for name, variable in manifest.variables.declared.items() if variable.multiline}
        self._refuse_line_breaks([*files.ONE_LINE, *named], multiline)

    def content(self, channel: str, context: dict[str, Any]) -> Content:
        """What `channel` is to carry; `TemplateError` with file and line."""
        try:
            return self._write[channel](context)
        except TemplateError as error:
            raise self._located(error) from error

    def _located(self, error: TemplateError) -> TemplateError:
        place = self._origins.get(error.file or "")
        return TemplateError(error.reason, file=place, line=error.line) if place else error

    def _refuse_line_breaks(self, one_line: Iterable[str], multiline: set[str]) -> None:
        """Tell the author now what would otherwise fail when a text with two lines is sent."""
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
            template=self._approved_as,
        )

    def _push(self, context: dict[str, Any]) -> PushContent:
        lines = self._lines("push", files.PUSH_LINES, context)
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

    def _inapp(self, context: dict[str, Any]) -> InAppContent:
        lines = self._lines("inapp", files.INAPP_LINES, context)
        if (link := lines.get("link")) and (wrong := link_problem(link)):
            raise TemplateError(wrong, file="inapp.link.txt")
        if (image := lines.get("image")) and not image.startswith("https://"):
            raise TemplateError("Must be an https address.", file="inapp.image.txt")
        if (icon := lines.get("icon")) and not ICON.match(icon):
            raise TemplateError(NO_ICON, file="inapp.icon.txt")
        return InAppContent(
            title=_shortened(self._line("inapp.title.txt", context), 200),
            body=_shortened(self._filled("inapp.body.txt", context), 1000),
            link=link,
            image=image,
            icon=icon,
            actions=self._actions("inapp.actions.json", context),
            category=lines.get("category"),
            data=self._object("inapp.data.json", context),
        )

    def _actions(self, file: str, context: dict[str, Any]) -> tuple[Action, ...]:
        """A file that comes out as a JSON list of buttons; those without a link are left out."""
        if file not in self._files:
            return ()
        found = self._json(file, context)
        if not isinstance(found, list) or not all(
            isinstance(each, dict)
            and each.keys() == {"label", "link"}
            and all(isinstance(value, str) for value in each.values())
            for each in found
        ):
            raise TemplateError('This must be a list of buttons: [{"label": "…", "link": "…"}].', file=file)
        actions = tuple(Action(_shortened(each["label"], MAX_LABEL), each["link"]) for each in found if each["link"])
        if len(actions) > MAX_ACTIONS:
            raise TemplateError(f"There may be {MAX_ACTIONS} buttons; there are {len(actions)}.", file=file)
        for action in actions:
            if wrong := link_problem(action.link):
                raise TemplateError(wrong, file=file)
        return actions

    def _lines(self, channel: str, parts: Mapping[str, int], context: dict[str, Any]) -> dict[str, str]:
        """What came of the optional one-line parts of a channel; without those that came out empty."""
        lines: dict[str, str] = {}
        for part, longest in parts.items():
            file = f"{channel}.{part}.txt"
            line = self._line(file, context) if file in self._files else ""
            if len(line) > longest:
                raise TemplateError(f"This may have {longest} characters; it came to {len(line)}.", file=file)
            if line:
                lines[part] = line
        return lines

    def _chat(self, context: dict[str, Any]) -> ChatContent:
        lines = {
            part: self._line(file, context) if (file := f"chat.{part}.txt") in self._files else ""
            for part in ("title", "level")
        }
        level = lines["level"] or "info"
        if level not in LEVELS:
            raise TemplateError(f"This must come out as one of {', '.join(LEVELS)}.", file="chat.level.txt")
        return ChatContent(
            title=_shortened(lines["title"], MAX_TITLE) or None,
            body=_shortened(_BLANK_LINES.sub("\n\n", self._filled("chat.body.md", context)), MAX_BODY),
            format="markdown",
            level=level,
        )

    def _object(self, file: str, context: dict[str, Any]) -> Mapping[str, str]:
        """A file that comes out as a JSON object of strings; empty where there is none."""
        if file not in self._files:
            return {}
        data = self._json(file, context)
        if not isinstance(data, dict) or not all(isinstance(value, str) for value in data.values()):
            raise TemplateError("This must be an object whose values are strings.", file=file)
        return data

    def _json(self, file: str, context: dict[str, Any]) -> Any:
        try:
            return json.loads(self._program.write(file, context))
        except ValueError as error:
            raise TemplateError(f"This did not come out as JSON: {error}", file=file) from None

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
