"""Mail: a message is asked for in the commit that caused it, and a worker hands it over.

A message is one file, `emails/<name>.txt`, and leaves as plain text and as HTML made of it
(`mail_text`). Under it stands who sends it, why, and where to change that.

`send` asks, in this order: whether mail is set up, whether mail to the address came back, whether
its reader wants this kind of message, and whether it would be a line to a child alone
(`chaperone`, asked again before it leaves). Somebody else then gets the same words without the
links and codes in them, or the message stays here and the caller is told why.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, timedelta
from email.utils import getaddresses
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from flask import Flask, current_app, render_template
from flask_babel import force_locale, format_date
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Text, cast, func, update

from crm.core import audit, db, links, mail_choices, mail_pictures, mail_text, outbox, schedule
from crm.core.links import digest
from crm.core.mail_choices import How
from crm.core.outbox import Outgoing, State
from crm.core.schedule import Daily, Schedule
from crm.core.settings import in_force

#: Variables of a message that open a door: a copy never holds them, whatever they look like.
_SECRET = ("link", "code", "token")
#: Characters of a subject.
_MOST_SUBJECT = 200
#: In the instance folder of a demo.
DEMO_MARK = "demo-sign-in.txt"
#: Days a message that was only shown can be read.
SHOWN_DAYS = 14


class Mode(StrEnum):
    """What becomes of messages."""

    SEND = "send"
    #: Nothing leaves; administrators read what would have.
    PREVIEW = "preview"
    OFF = "off"


@dataclass(frozen=True)
class Kind:
    """A kind of message. What may not be stopped is what its reader asked for or has to know."""

    name: str
    label: Any
    may_stop: bool = True
    #: Why somebody gets it: the end of a sentence that begins “You get this because”.
    why: Any = None
    #: Whether the weekly digest tells of it too, so that it may be left to that.
    in_digest: bool = False

    def fits(self, how: How) -> bool:
        """Whether it may be had this way."""
        return how is not How.DIGEST or self.in_digest


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
    #: Its reader does not want this kind of message by mail at once.
    is_declined: bool = False
    #: Mail to the address came back.
    is_bad: bool = False

    def __bool__(self) -> bool:
        return self.done


def _everybody(_address: str) -> Ruling:
    return Ruling()


#: Set by the members room: what is decided of an address.
chaperone: Callable[[str], Ruling] = _everybody


def _anybody(_address: str, _person: int | None, *, is_copy: bool) -> str | None:
    del is_copy
    return None


#: Set by the members room: why what was asked for is not to leave any more, to the log and without
#: names, of an address and the member (`person`) it is about; None where it may leave.
gone: Callable[..., str | None] = _anybody


def init_app(app: Flask) -> None:
    """Make the registry of kinds."""
    app.extensions["crm_mail_kinds"] = {}
    add_kind(
        app,
        Kind(
            "copy",
            _l("Copies of what was written to a minor"),
            may_stop=False,
            why=_l("nobody writes to a minor alone"),
        ),
    )
    schedule.add(
        app,
        Schedule("mail-shown", _l("Forget messages that were only shown"), Daily(4), forget_shown),
    )


def add_kind(app: Flask, kind: Kind) -> None:
    """Say what kind of message there is: what its readers may choose about it.

    What may be stopped may wait too: a new password is not to stand behind ten thousand letters.
    """
    app.extensions["crm_mail_kinds"][kind.name] = kind
    if kind.may_stop:
        outbox.let_others_first(app, kind.name)


def kinds() -> Mapping[str, Kind]:
    """All kinds of messages, by name."""
    found: Mapping[str, Kind] = current_app.extensions["crm_mail_kinds"]
    return found


def mode() -> Mode:
    """What becomes of messages here: `CRM_MAIL`, or what the other settings mean."""
    settings = in_force()
    if settings.mail:
        return Mode(settings.mail)
    if current_app.config["MAIL_SERVER"]:
        return Mode.SEND
    return Mode.PREVIEW if (settings.folder / DEMO_MARK).exists() else Mode.OFF


#: Set while made-up people are put in: nobody writes to them.
_quiet: ContextVar[bool] = ContextVar("crm_mail_quiet", default=False)


@contextmanager
def quiet() -> Iterator[None]:
    """For what brings in many records at once, such as the demo: nothing is written to anybody."""
    token = _quiet.set(True)
    try:
        yield
    finally:
        _quiet.reset(token)


def usual_language() -> str:
    """Of readers who have not chosen one."""
    return str(current_app.config["BABEL_DEFAULT_LOCALE"])


def is_configured() -> bool:
    """Whether mail can be sent at all; if not, pages show the link to hand over instead.

    It takes a server, a sender and `CRM_BASE_URL`: a link in a mail that was built from the
    request's own Host header could be made to lead to somebody else's server. A preview takes
    nothing, for nothing leaves.
    """
    if _quiet.get():
        return False
    if mode() is not Mode.SEND:
        return mode() is Mode.PREVIEW
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
    reply_to: str | None = None,
    person: int | None = None,
    pictures: Mapping[str, str] | None = None,
    **context: Any,
) -> Sent:
    """Render a message and let it leave after the commit; false, with the reason, where not.

    `subject` may be a lazy string: it and the message are said in `language`, the reader's. Where
    the address is a minor's, others get a copy or nothing leaves: the answer then says why, and
    the record that it was withheld, without the address. `kind` is one of `kinds()`, where it is
    not called as the template; `key` lets it leave once however often it is asked for; `batch`
    as in `outbox.put`; `reply_to` is where answers go, those to copies too. `person` is the member
    written to: whether they still may be, at this address, is asked again when it leaves.
    `pictures` are drawings by the name the definition shows them under, as SVG that stands alone;
    they are made pictures of when the message leaves. Copies have their words alone.
    """
    about = kind or template
    if not is_address(to):
        return Sent(False, _("This is no address that can be written to."))
    refusal = may_write(to, about)
    if refusal is not None:
        return refusal
    ruling = chaperone(to)
    if ruling.why_not is not None:
        table, number = ruling.about or ("member", 0)
        changes = {"template": template, "why": str(ruling.why_not)}
        audit.record("withhold_mail", table, number or None, by=None, changes=changes)
        return Sent(False, ruling.why_not, is_withheld=True)
    # Who cannot be reached is no chaperone.
    copies = [copy for copy in ruling.copies if may_write(copy.address, "copy") is None]
    if ruling.copies and not copies:
        why = _(
            "Mail to everybody who would get the copy came back: nobody writes to a minor alone."
        )
        return Sent(False, why, is_withheld=True)
    with _said_in(language):
        body = mail_text.rendered(template, context)
        if copies:
            names = ", ".join(copy.name for copy in copies)
            told = mail_text.paragraphs(_("A copy of this message goes to %(names)s.", names=names))
            body += f"\n\n~ {told}\n"
        _post(
            _heading(subject),
            to,
            body,
            key=key,
            about=about,
            batch=batch,
            reply_to=reply_to,
            person=person,
            copied=bool(copies),
            **({"pictures": mail_pictures.packed(pictures)} if pictures else {}),
        )
    for copy in copies:
        with _said_in(copy.language):
            closed = _("(a link that only the person written to gets)")
            hidden = {name: closed for name in _SECRET if name in context}
            body = mail_text.rendered(template, {**context, **hidden})
            said = mail_text.plain(mail_text.blocks(mail_text.without_links(body)), width=None)
            about_ = _heading(subject)
            values = {"name": copy.name, "called": ruling.called, "subject": about_, "told": said}
            notice = mail_text.rendered("copy", values)
            copied = f"{key}:copy:{digest(copy.address)[:16]}" if key else None
            heading = _heading(_("Copy: %(subject)s", subject=about_))
            _post(
                heading,
                copy.address,
                notice,
                key=copied,
                about="copy",
                batch=batch,
                reply_to=reply_to,
                person=person,
                copy_of=to,
            )
    return Sent(True)


def why_no_more(message: Mapping[str, Any]) -> str | None:
    """Why a message that waited is not to leave any more; None where it may.

    Hours may lie between: an address is somebody else's, a consent is withdrawn, a grown-up's
    address is a child's. A copy goes to whoever would get it now, and to nobody who was that.
    """
    to, copy_of = str(message["to"]), message.get("copy_of")
    refusal = may_write(to, str(message.get("kind", "")))
    if refusal is not None and (refusal.is_bad or refusal.is_declined):
        return "mail to this address came back, or is no longer wanted"
    ruling = chaperone(to)
    if ruling.why_not is not None:
        return "this address may no longer be written to"
    if copy_of is not None:
        now = chaperone(str(copy_of)).copies
        if now and to not in {each.address for each in now}:
            return "somebody else gets the copies now"
    elif ruling.copies and not (
        message.get("copied")
        and any(may_write(each.address, "copy") is None for each in ruling.copies)
    ):
        return "a minor is at this address, and nobody would get a copy"
    return gone(to, message.get("person"), is_copy=copy_of is not None)


def may_write(to: str, kind: str) -> Sent | None:
    """Why this kind of message does not go to an address; None where it may."""
    if not is_configured():
        return Sent(False, _("Mail is not set up here."))
    known = mail_choices.standing(mail_choices.recipient_of(to))
    if known.bad_since is not None:
        told = _(
            "Mail to this address came back on %(day)s (%(why)s). Correct it, or try again.",
            day=format_date(known.bad_since.date(), "medium"),
            why=known.meaning,
        )
        return Sent(False, told, is_bad=True)
    if may_stop(kind) and known.chosen.get(kind, How.MAIL) != How.MAIL:
        told = _("This reader does not want messages of this kind by mail.")
        return Sent(False, told, is_declined=True)
    return None


def is_address(to: str) -> bool:
    """Whether it is one address, perhaps with a name, and nothing that hides another."""
    found = [each for each in getaddresses([to]) if each != ("", "")]
    if len(found) != 1 or mail_text.one_line(to) != to.strip(" "):
        return False
    local, at, domain = found[0][1].rpartition("@")
    # Mail programs read such letters as others: it would be somebody else's address.
    if "=?" in local + domain:
        return False
    if not (local and at and domain) or len(local) > 64 or len(domain) > 253:
        return False
    return not any(character in ' ,;<>()"\\' for character in local + domain)


def may_stop(kind: str) -> bool:
    """Whether readers may refuse this kind; what nobody described is not to be refused."""
    found = kinds().get(kind)
    return found is not None and found.may_stop


def says_something() -> ColumnElement[bool]:
    """Rows that still hold what they said."""
    return func.length(cast(Outgoing.payload, Text)) > 2


def forget_shown(on: date) -> int:
    """Let go what messages said that were only shown and are older than two weeks; how many."""
    del on
    old = db.now() - timedelta(days=SHOWN_DAYS)
    done = db.session.execute(
        update(Outgoing)
        .where(
            Outgoing.job == "mail",
            Outgoing.state == State.DONE,
            Outgoing.ended_at < old,
            says_something(),
        )
        .values(payload={}),
        execution_options={"synchronize_session": False},
    )
    return int(done.rowcount)  # type: ignore[attr-defined]


def _heading(subject: Any) -> str:
    """One line, whatever a name in it holds: a header ends at a line's end."""
    line = mail_text.one_line(subject)
    return line if len(line) <= _MOST_SUBJECT else f"{line[: _MOST_SUBJECT - 1]}…"


def _said_in(language: str | None) -> Any:
    return force_locale(language or usual_language())


def _post(
    heading: str,
    to: str,
    body: str,
    *,
    about: str,
    key: str | None,
    batch: str | None,
    reply_to: str | None = None,
    **asked: Any,
) -> None:
    """`asked`: what is looked at once more when it leaves (`why_no_more`)."""
    recipient = mail_choices.recipient_of(to)
    parts, foot = mail_text.blocks(body), mail_text.blocks(_foot(about, recipient))
    headers = {"Reply-To": reply_to} if reply_to is not None and is_address(reply_to) else {}
    if may_stop(about):
        address = links.absolute("mail.stop", token=mail_choices.stop_token(recipient, about))
        headers["List-Unsubscribe"] = f"<{address}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message = {
        "to": to,
        "subject": heading,
        # Mail programs take what follows for no part of the message.
        "body": f"{mail_text.plain(parts)}\n-- \n{mail_text.plain(foot)}",
        "html": render_template("emails/layout.html", subject=heading, parts=parts, foot=foot),
        "headers": headers,
        "kind": about,
        **asked,
    }
    outbox.put("mail", message, key=key, batch=batch, about=about, recipient=recipient, sealed=True)


def _foot(about: str, recipient: str) -> str:
    """Who sends this, why, and where to change or stop it."""
    here = urlsplit(links.absolute("mail.preferences")).netloc
    told = _("Sent by the campaign's outreach records at %(here)s.", here=here)
    kind = kinds().get(about)
    if kind is None:
        return told
    if kind.why is not None:
        told += " " + _("You get this because %(why)s.", why=kind.why)
    if not kind.may_stop:
        return f"{told} " + _("Messages of this kind are always sent.")
    address = links.absolute("mail.choices", token=mail_choices.choices_token(recipient))
    return f"{told}\n\n[{_('Choose what you get, or stop it')}] {address}"
