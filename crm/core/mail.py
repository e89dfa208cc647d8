"""Mail: a message is asked for in the commit that caused it, and a worker hands it over.

A message is one file, `emails/<name>.txt`: paragraphs with blank lines between them. It is sent as
that text and as HTML made from it, where a paragraph that is only an address becomes a button.

Every address is asked about before anything is written to it, and again before it leaves
(`chaperone`): nobody writes to a child alone. Somebody else gets the same words, without the links
and codes in them, or the message stays here and the caller is told why.

A server that says no for now is asked again later, one that says no for good is told to a person.
Where it cannot be known whether the server took a message, it is not sent a second time.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parseaddr
from typing import Any

from flask import Flask, current_app, render_template
from flask_babel import force_locale
from flask_babel import gettext as _

from crm.core import audit, outbox
from crm.core.links import digest
from crm.core.settings import in_force

_ADDRESS = re.compile(r"https?://\S+")
#: Variables of a message that open a door: a copy never holds them, whatever they look like.
_SECRET = ("link", "code", "token")


@dataclass(frozen=True)
class Kind:
    """A kind of message. What may not be stopped is what its reader asked for or has to know."""

    name: str
    label: Any
    may_stop: bool = True


@dataclass(frozen=True)
class Copy:
    """Somebody who is told what was written to another."""

    address: str
    name: str
    language: str | None = None


@dataclass(frozen=True)
class Ruling:
    """What is decided of an address: to whom copies go, or why nothing is written to it."""

    copies: Sequence[Copy] = ()
    #: A sentence; None when the message may leave.
    why_not: str | None = None
    #: Who is protected: a table's name and an id, for the record of what was withheld.
    about: tuple[str, int] | None = None
    #: What the copies call the person.
    called: str = ""


@dataclass(frozen=True)
class Sent:
    """Whether a message leaves, and a sentence when it does not; true when it does."""

    done: bool
    why_not: str | None = None
    #: Mail is set up and the message was kept back all the same, to protect somebody.
    is_withheld: bool = False

    def __bool__(self) -> bool:
        return self.done


def _everybody(_address: str) -> Ruling:
    return Ruling()


#: Set by the members room: what is decided of an address.
chaperone: Callable[[str], Ruling] = _everybody


def init_app(app: Flask) -> None:
    """Make the registry of kinds."""
    app.extensions["crm_mail_kinds"] = {}


def add_kind(app: Flask, kind: Kind) -> None:
    """Say what kind of message there is: what its readers may choose about it."""
    app.extensions["crm_mail_kinds"][kind.name] = kind


def kinds() -> Mapping[str, Kind]:
    """All kinds of messages, by name."""
    found: Mapping[str, Kind] = current_app.extensions["crm_mail_kinds"]
    return found


def is_configured() -> bool:
    """Whether mail can be sent at all; if not, pages show the link to hand over instead.

    It takes a server, a sender and `CRM_BASE_URL`: a link in a mail that was built from the
    request's own Host header could be made to lead to somebody else's server.
    """
    config = current_app.config
    return bool(config["MAIL_SERVER"] and config["MAIL_DEFAULT_SENDER"] and in_force().base_url)


def send(
    template: str,
    *,
    to: str,
    subject: Any,
    language: str | None = None,
    kind: str | None = None,
    key: str | None = None,
    batch: str | None = None,
    **context: Any,
) -> Sent:
    """Render a message and let it leave after the commit; false when mail is not set up.

    `subject` may be a lazy string: it and the message are said in `language`, the reader's. Where
    the address is a minor's, others get a copy or nothing leaves: the answer then says why, and
    the record that it was withheld, without the address. `kind` is one of `kinds()`, where it is
    not called as the template; `key` lets it leave once however often it is asked for; `batch`
    as in `outbox.put`.
    """
    if not is_configured():
        return Sent(False, _("Mail is not set up here."))
    ruling = chaperone(to)
    if ruling.why_not is not None:
        kind, number = ruling.about or ("member", 0)
        changes = {"template": template, "why": str(ruling.why_not)}
        audit.record("withhold_mail", kind, number or None, by=None, changes=changes)
        return Sent(False, ruling.why_not, is_withheld=True)
    with _said_in(language):
        # One line, whatever a name in it holds: a header ends at a line's end.
        heading = " ".join(str(subject).split())
        body = _rendered(template, context)
        if ruling.copies:
            body += (
                "\n" + _("A copy of this message goes to %(names)s.", names=_names(ruling)) + "\n"
            )
        _post(heading, to, body, key=key, about=kind or template, batch=batch)
    for copy in ruling.copies:
        with _said_in(copy.language):
            closed = _("(a link that only the person written to gets)")
            hidden = {name: closed for name in _SECRET if name in context}
            told = _ADDRESS.sub(closed, _rendered(template, {**context, **hidden}))
            about = " ".join(str(subject).split())
            values = {"name": copy.name, "called": ruling.called, "subject": about, "told": told}
            notice = _rendered("copy", values)
            copied = f"{key}:copy:{digest(copy.address)[:16]}" if key else None
            subject_ = _("Copy: %(subject)s", subject=about)
            _post(subject_, copy.address, notice, key=copied, about="copy", batch=batch)
    return Sent(True)


def _names(ruling: Ruling) -> str:
    return ", ".join(copy.name for copy in ruling.copies)


def _said_in(language: str | None) -> Any:
    return force_locale(language or current_app.config["BABEL_DEFAULT_LOCALE"])


def _rendered(template: str, context: dict[str, Any]) -> str:
    plain = current_app.jinja_env.overlay(autoescape=False)
    return plain.get_template(f"emails/{template}.txt").render(**context).strip() + "\n"


def _post(
    heading: str, to: str, body: str, *, about: str, key: str | None, batch: str | None
) -> None:
    html = render_template("emails/layout.html", subject=heading, parts=_parts(body))
    message = {"to": to, "subject": heading, "body": body, "html": html}
    recipient = digest(parseaddr(to)[1].strip().lower())
    outbox.put("mail", message, key=key, batch=batch, about=about, recipient=recipient, sealed=True)


def _parts(body: str) -> list[tuple[str, bool]]:
    """The paragraphs of a message, each with whether it is an address and nothing else."""
    paragraphs = (part.strip() for part in body.split("\n\n"))
    return [(part, bool(_ADDRESS.fullmatch(part))) for part in paragraphs if part]
