"""Mail that comes to us: kept once each, read within limits, and given to whoever knows its kind.

Anybody can write to an address, and anything can stand in a message: whatever cannot be read in
bounds is refused with a reason and nothing else changes. A room says with `add_reader` what kind it
recognises; the first reader that does takes the message.
"""

import contextlib
import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import audit, db, files
from crm.core.mail_models import IncomingMail

#: Bytes of a message, parts in it, how deep they lie, and bytes of the header of one part.
MOST_BYTES = 25 * 1024 * 1024
MOST_PARTS = 200
DEEPEST = 20
MOST_HEADER = 64 * 1024
#: Characters of a header, and of a text, that are read.
_HEADER_READ = 1_000
_TEXT_READ = 200_000
_KEY = "crm_mail_readers"
_BOUNDARY = re.compile(rb"""boundary\s*=\s*(?:"([^"\r\n]{1,200})"|([^\s;"]{1,200}))""", re.I)
_LONG_TYPE = re.compile(
    rb"^content-(?:type|disposition|transfer-encoding):(?:[^\r\n]|\r?\n[ \t]){4000}", re.I | re.M
)
#: Lines that say what a part is. The library takes them apart anew at every question, the longer
#: the slower: bytes of all of them together.
_TYPE = re.compile(
    rb"^content-(?:type|disposition|transfer-encoding):(?:[^\r\n]|\r?\n[ \t])*", re.I | re.M
)
_MOST_TYPES = 48 * 1024
_ENDED = re.compile(rb"\r?\n\r?\n")


class Unreadable(Exception):
    """It cannot be read in bounds; the message is a sentence that says why."""


@dataclass(frozen=True)
class Reader:
    """Who knows one kind of message.

    `take(message, row)` says what becomes of it: it sets `kind` and `state` of the row, and `told`.
    It runs in the unit of work in which the row is kept; raising `Unreadable` refuses the message.
    """

    name: str
    recognise: Callable[[EmailMessage], bool]
    take: Callable[[EmailMessage, IncomingMail], object]
    #: The lower is asked first.
    order: int = 50


def init_app(app: Flask) -> None:
    """Begin with no reader; what came with a message is kept until somebody has decided."""
    app.extensions[_KEY] = []
    files.add_column(app, IncomingMail.parts)


def add_reader(app: Flask, reader: Reader) -> None:
    """Let one more kind of message be taken in."""
    readers = app.extensions[_KEY]
    readers.append(reader)
    readers.sort(key=lambda each: each.order)


def take_in(raw: bytes) -> IncomingMail:
    """Keep a message and let its reader take it; the same one twice is one. In a unit of work."""
    mark = hashlib.sha256(raw).hexdigest()
    db.take_turn(f"incoming {mark}")
    known = db.session.scalar(select(IncomingMail).where(IncomingMail.digest == mark))
    if known is not None:
        return known
    row = IncomingMail(digest=mark, kind="unknown", state="put-away")
    try:
        message = parse(raw)
        row.sender = address_in(header(message, "From")) or None
        row.subject = header(message, "Subject")[:300] or None
        db.session.add(row)
        db.session.flush()
        _give(message, row)
    except Unreadable as error:
        row.state, row.told = "refused", str(error)
        db.session.add(row)
        db.session.flush()
    changes = {"kind": row.kind, "state": row.state, "told": row.told}
    audit.record("take_in_mail", "incoming_mail", row.id, by=None, changes=changes)
    return row


def _give(message: EmailMessage, row: IncomingMail) -> None:
    readers: Sequence[Reader] = current_app.extensions[_KEY]
    for reader in readers:
        if reader.recognise(message):
            row.kind = reader.name
            reader.take(message, row)
            return
    row.told = _("Nobody here knows this kind of message: it answers nothing that left from here.")


def parse(raw: bytes) -> EmailMessage:
    """Read a message. Raises `Unreadable` where it is more than a person would send."""
    if len(raw) > MOST_BYTES:
        raise Unreadable(_("It has more than 25 MB."))
    if _LONG_TYPE.search(raw):
        raise Unreadable(_("A line in its header never ends."))
    if sum(len(each[0]) for each in _TYPE.finditer(raw)) > _MOST_TYPES:
        raise Unreadable(_("It says more of its parts than any mail program does."))
    head = _ENDED.split(raw, 1)[0]
    if len(head) > MOST_HEADER:
        raise Unreadable(_("Its header is longer than any mail program makes one."))
    if b"boundary*" in raw.lower():
        raise Unreadable(_("Its parts are named in a way no mail program uses."))
    # Asked of the bytes: reading thousands of parts into each other is what such a message is for.
    boundaries = {one or other for one, other in _BOUNDARY.findall(raw)}
    if len(boundaries) > DEEPEST or raw.lower().count(b"message/rfc822") > DEEPEST:
        raise Unreadable(_("Its parts lie too deep in each other."))
    if sum(raw.count(b"\n--" + each) for each in boundaries) > MOST_PARTS:
        raise Unreadable(_("It has too many parts."))
    try:
        message = message_from_bytes(raw, policy=policy.default)
        parts = list(message.walk())
    except (RecursionError, ValueError, LookupError, TypeError, IndexError) as error:
        raise Unreadable(_("It is no message that can be read.")) from error
    if len(parts) > MOST_PARTS:
        raise Unreadable(_("It has too many parts."))
    if not message.keys():
        raise Unreadable(_("It is no message: it has no header."))
    return message


def header(message: Any, name: str) -> str:
    """One header in one line, decoded as far as that goes; empty where it is absent."""
    for key, value in message.raw_items():
        if key.lower() == name.lower():
            return one_line(value)
    return ""


def has_header(message: Any, name: str) -> bool:
    """Whether it has a header, without reading what that says: a long one takes minutes."""
    return any(key.lower() == name.lower() for key, _value in message.raw_items())


def one_line(value: Any) -> str:
    """A header's value as a person reads it: without line ends, NULs and broken characters."""
    text = str(value)[: _HEADER_READ * 4]
    with contextlib.suppress(ValueError, LookupError, TypeError, IndexError):
        text = str(make_header(decode_header(text)))
    return " ".join(_clean(text).split())[:_HEADER_READ]


def address_in(text: str) -> str:
    """The address in a header, in small letters; empty for none."""
    found = parseaddr(text)[1].strip().lower()
    return found if "@" in found and len(found) < 255 else ""


def text_of(part: Any) -> str:
    """What a part says, whatever it claims of its characters."""
    payload = part.get_payload(decode=True)
    if not isinstance(payload, bytes):
        return ""
    payload = payload[: _TEXT_READ * 4]
    for charset in (str(part.get_param("charset") or "utf-8"), "utf-8"):
        try:
            return _clean(payload.decode(charset))[:_TEXT_READ]
        except (LookupError, ValueError):
            continue
    return _clean(payload.decode("utf-8", "replace"))[:_TEXT_READ]


def leaves(message: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that hold no parts."""
    for part in message.walk():
        if not part.is_multipart():
            yield part  # type: ignore[misc]


def _clean(text: str) -> str:
    # No database keeps a NUL, and half a character is none.
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
