"""Which files a template may have, and which channels they make."""

import re
from collections.abc import Collection, Iterable, Mapping

from shared.errors import TemplateError
from shared.templates import locales

LAYOUT = locales.LAYOUT
MANIFEST = "template.toml"
STYLESHEET = "email.css"

PUSH_LINES = {"link": 1000, "image": 1000, "icon": 1000, "sound": 200, "collapse_key": 64}
"""The optional one-line parts of a push notification, and the characters each may have."""

ONE_LINE = (
    "email.subject.txt", "push.title.txt", "chat.title.txt", "chat.level.txt",
    *(f"push.{part}.txt" for part in PUSH_LINES),
)  # fmt: skip
"""Files that end up in a header or the like, where a line break is refused."""

REQUIRED = {
    "email": ("email.subject.txt", "email.body.txt"),
    "sms": ("sms.body.txt",),
    "whatsapp": ("whatsapp.body.txt",),
    "push": ("push.title.txt", "push.body.txt"),
    "chat": ("chat.body.md",),
}
OPTIONAL = {
    "email": ("email.body.html", STYLESHEET),
    "sms": (),
    "whatsapp": ("whatsapp.variables.json",),
    "push": ("push.data.json", *(f"push.{part}.txt" for part in PUSH_LINES)),
    "chat": ("chat.title.txt", "chat.level.txt"),
}
WORDED = {"email": ("email.body.html",), "sms": (), "whatsapp": (), "push": (), "chat": ("chat.title.txt",)}
"""What is optional and has words: where the template has it, its variants have. Other optional files serve them all."""

_ATTACHMENT = re.compile(r"email\.attach\.([a-z0-9][a-z0-9_-]*)\.typ")
_REACHES_OUT = re.compile(r"(?<![\w-])(import|include|eval|plugin)(?![\w-])")


def channels(files: Iterable[str], folder: str = "") -> tuple[str, ...]:
    """The channels the files make; `TemplateError` names a file that is missing or means nothing.

    Parameters:
        folder: the variant's whose files these are, to name them by; none for those of the template itself.
    """
    place = f"{folder}/" if folder else ""
    own = {file for file in files if not file.startswith(LAYOUT) and (folder or file != MANIFEST)}
    known = {file for table in (REQUIRED, OPTIONAL) for names in table.values() for file in names}
    for file in sorted(own - known):
        if not _ATTACHMENT.fullmatch(file):
            raise TemplateError(f"No channel has such a file. There are {', '.join(sorted(known))}.", file=place + file)
    found = tuple(channel for channel in REQUIRED if any(file.startswith(f"{channel}.") for file in own))
    for channel in found:
        for file in REQUIRED[channel]:
            if file not in own:
                raise TemplateError(f"The {channel} form needs this file.", file=place + file)
    if not found:
        what = f"The folder {folder}" if folder else "A template"
        raise TemplateError(f"{what} needs the files of at least one channel, e.g. sms.body.txt.", file=folder or None)
    return found


def variant(own: Collection[str], template: Collection[str], folder: str) -> tuple[str, ...]:
    """The channels that the files of a variant make, named without their folder.

    A channel it has none of is sent in the template's own language; one it has is complete, so that no message is in
    two. Raises `TemplateError` that names the file that is missing, or means nothing here.
    """
    has = channels(template)
    found = channels(own, folder)
    for channel in found:
        if channel not in has:
            file = next(file for file in sorted(own) if file.startswith(f"{channel}."))
            raise TemplateError(f"The template itself has no form for {channel}.", file=f"{folder}/{file}")
        for file in WORDED[channel]:
            if file in template and file not in own:
                raise TemplateError(
                    f"The {channel} form has this file, so its variants have it too.", file=f"{folder}/{file}"
                )
    return found


def shared_with_variants(file: str) -> bool:
    """Whether a template's file serves its variants too, unless they bring their own: it is without words."""
    return not any(file in table[channel] for table in (REQUIRED, WORDED) for channel in table)


def channel_of(file: str) -> str:
    """The channel a file belongs to."""
    return file.partition(".")[0]


def attachments(files: Iterable[str], names: Mapping[str, str]) -> dict[str, str]:
    """The sources of attachments, each with its file name as Jinja2 source (`names` by stem, else `<stem>.pdf`)."""
    found = {match[1]: file for file in files if (match := _ATTACHMENT.fullmatch(file))}
    for stem in names.keys() - found.keys():
        raise TemplateError(f"There is no email.attach.{stem}.typ to name.", file=MANIFEST)
    return {file: names.get(stem, f"{stem}.pdf") for stem, file in found.items()}


def check_document(source: str, file: str) -> None:
    """Refuse a typst source that is not complete in itself: typst would fetch packages from the network.

    The words are refused wherever they stand, in text as well: which of the two it is, only typst can tell.
    """
    found = _REACHES_OUT.search(source)
    if found:
        line = source.count("\n", 0, found.start()) + 1
        raise TemplateError(f"`{found[1]}` is not available: a document stands alone.", file=file, line=line)
