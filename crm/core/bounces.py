"""What came back: bounces and complaints, believed only where they answer a message of ours.

Anybody can write that somebody's mailbox is gone. A message that left from here carries a mark in
its Message-ID that only we can make; what comes back is believed where it names such a mark, and
the address it says failed is the one that message went to. Everything else is refused with the
reason and counted, and changes nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask
from flask_babel import gettext as _

from crm.core import db, incoming, links, mail, mail_choices
from crm.core.incoming import Reader, Unreadable, address_in, header, leaves, one_line, text_of
from crm.core.mail_choices import How
from crm.core.mail_models import IncomingMail
from crm.core.outbox import Outgoing

_MARK = re.compile(r"(?<![0-9.])(\d{1,18}\.[0-9a-f]{24})@")
_ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_PLAIN = re.compile(r"(?<!\d)([45]\d\d)(?=[ \-])")
_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9.-]{1,253}")
_AUTOMATIC = re.compile(r"^(mailer-daemon|postmaster)@|^<>$", re.I)
#: What programs that know no standard begin with, or call their message.
_SAID = re.compile(
    r"undeliver|delivery (?:status|failure|has failed|incomplete)|failure notice"
    r"|returned mail|mail delivery failed|could not be delivered",
    re.I,
)


@dataclass(frozen=True)
class Failure:
    """An address that a report says it could not reach."""

    address: str
    status: str


def init_app(app: Flask) -> None:
    """Let bounces and complaints be taken in."""
    incoming.add_reader(app, Reader("bounce", is_bounce, take_bounce, order=10))
    incoming.add_reader(app, Reader("complaint", is_complaint, take_complaint, order=10))


def is_complaint(message: Any) -> bool:
    """Whether it is a report that somebody called a message of ours unwanted (RFC 5965)."""
    return any(part.get_content_type() == "message/feedback-report" for part in message.walk())


def is_bounce(message: Any) -> bool:
    """Whether it says that a message came back, in the standard's way or in another."""
    if is_complaint(message):
        return False
    if any(part.get_content_type() == "message/delivery-status" for part in message.walk()):
        return True
    if header(message, "X-Failed-Recipients"):
        return True
    automatic = _AUTOMATIC.search(address_in(header(message, "From"))) or _AUTOMATIC.search(
        header(message, "Return-Path")
    )
    return bool(automatic and _SAID.search(header(message, "Subject") + " " + _opening(message)))


def take_bounce(message: Any, row: IncomingMail) -> None:
    """Mark the address of a message that came back, if it is one of ours."""
    sent = _ours(message)
    failures = list(_failures(message))
    ours = [each for each in failures if mail_choices.recipient_of(each.address) == sent.recipient]
    if not ours:
        raise Unreadable(
            _("It does not say of the address its message went to that it could not be reached.")
        )
    worst = max(ours, key=lambda each: each.status)
    row.state = "done"
    if not worst.status.startswith(("4", "5")):
        row.told = _("It says that the message arrived, or is on its way.")
        return
    if mail_choices.note_failure(worst.address, worst.status):
        row.told = _(
            "The address is bad: %(why)s. Nothing is written to it any more.",
            why=mail_choices.meaning(worst.status),
        )
    else:
        row.told = _(
            "Counted: %(status)s. One like it does not make an address bad.", status=worst.status
        )


def take_complaint(message: Any, row: IncomingMail) -> None:
    """A complaint refuses that kind of message for the address."""
    sent = _ours(message)
    named = {_found for _found in _complained(message) if "@" in _found}
    if named and sent.recipient not in {mail_choices.recipient_of(each) for each in named}:
        raise Unreadable(_("It names another address than its message went to."))
    row.state = "done"
    if not mail.may_stop(sent.about or ""):
        row.told = _("Messages of this kind are always sent; somebody may want to ask why.")
        return
    mail_choices.choose(str(sent.recipient), str(sent.about), How.HERE, by=None)
    row.told = _("Messages of this kind are no longer sent to the address.")


def _ours(message: Any) -> Outgoing:
    """The row of the message that is spoken of. Raises `Unreadable` where it is none of ours."""
    for text in _spoken(message):
        for found in _MARK.finditer(text):
            number = links.marked("message", found[1])
            sent = db.session.get(Outgoing, number) if number is not None else None
            if sent is not None and sent.job == "mail" and sent.recipient:
                return sent
    raise Unreadable(_("It names no message that left from here."))


def _spoken(message: Any) -> Iterator[str]:
    """Everything in which a message's number can stand: headers of all parts, and texts."""
    for part in message.walk():
        for name in ("In-Reply-To", "References", "Message-ID", "Original-Message-ID"):
            if value := header(part, name):
                yield value
    for part in leaves(message):
        if part.get_content_maintype() in ("text", "message"):
            yield text_of(part)


def _failures(message: Any) -> Iterator[Failure]:
    reported = False
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for block in _blocks(part):
                if address := block.get("final-recipient") or block.get("original-recipient"):
                    reported = True
                    for each in {address, block.get("original-recipient") or address}:
                        yield Failure(each, _status(block))
    if reported:
        return
    # Without the standard's part: the addresses its text names, and the first status in it.
    text = "\n".join(_words_of(part) for part in leaves(message))[:20_000]
    status = _said_status(text)
    named = header(message, "X-Failed-Recipients") + " " + text
    for address in dict.fromkeys(found.lower() for found in _ADDRESS.findall(named)):
        yield Failure(address.rstrip("."), status)


def _blocks(part: Any) -> Iterator[Mapping[str, str]]:
    """The groups of fields of a delivery report; its payload is a list of messages, or text."""
    payload = part.get_payload()
    groups = payload if isinstance(payload, list) else []
    for group in groups[:100]:
        fields = {key.lower(): one_line(value) for key, value in group.raw_items()}
        for name in ("final-recipient", "original-recipient"):
            if name in fields:
                fields[name] = address_in(fields[name].rpartition(";")[2])
        yield fields


def _status(block: Mapping[str, str]) -> str:
    found = _ENHANCED.search(block.get("status", ""))
    told = _ENHANCED.search(block.get("diagnostic-code", ""))
    status = (found or told or [""])[0]
    # Some say 5.0.0 and mean what the other server said.
    if told and status.endswith(".0.0"):
        status = told[0]
    return status or {"failed": "5.0.0", "delayed": "4.0.0"}.get(
        block.get("action", "").lower(), "2.0.0"
    )


def _said_status(text: str) -> str:
    if found := _ENHANCED.search(text):
        return found[1]
    if code := _PLAIN.search(text):
        return f"{code[1][0]}.0.0"
    return "5.0.0"


def _complained(message: Any) -> Iterator[str]:
    for part in message.walk():
        if part.get_content_type() == "message/feedback-report":
            payload = part.get_payload()
            groups = payload if isinstance(payload, list) else [part]
            for group in groups[:20]:
                yield address_in(header(group, "Original-Rcpt-To"))
            for found in re.findall(r"(?im)^original-rcpt-to:\s*(\S+)", text_of(part)):
                yield address_in(found)


def _words_of(part: Any) -> str:
    kind = part.get_content_type()
    if kind == "text/html":
        return re.sub(r"<[^<>]*>", " ", text_of(part))
    return text_of(part) if kind == "text/plain" else ""


def _opening(message: Any) -> str:
    return next((said[:600] for part in leaves(message) if (said := _words_of(part))), "")
