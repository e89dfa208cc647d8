"""Mail leaves after the commit that caused it, and never takes the request down with it.

A message is one file, `emails/<name>.txt`: paragraphs with blank lines between them. It is sent as
that text and as HTML made from it, where a paragraph that is only an address becomes a button.

Every address is asked about before anything is written to it (`chaperone`): nobody writes to a
child alone. Somebody else gets the same words, without the links and codes in them, or the
message stays here and the caller is told why.
"""

import logging
import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from flask import Flask, current_app, render_template
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_mail import Connection, Mail, Message

from crm.core import audit, db
from crm.core.settings import Settings, in_force

log = logging.getLogger(__name__)
_mail = Mail()
#: Mail is handed over beside the request: a slow server keeps nobody waiting, and the answer takes
#: as long whether a message leaves or not. Python waits for what is queued before it ends.
_postman = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
#: Seconds a mail server may be silent.
_PATIENCE = 20
_ADDRESS = re.compile(r"https?://\S+")
#: Variables of a message that open a door: a copy never holds them, whatever they look like.
_SECRET = ("link", "code", "token")


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


def init_app(app: Flask, settings: Settings) -> None:
    """Configure Flask-Mail from the settings."""
    app.config.update(
        MAIL_SERVER=settings.mail_server,
        MAIL_PORT=int(settings.mail_port),
        MAIL_USERNAME=settings.mail_username or None,
        MAIL_PASSWORD=settings.mail_password or None,
        MAIL_USE_TLS=settings.mail_security == "starttls",
        MAIL_USE_SSL=settings.mail_security == "tls",
        MAIL_DEFAULT_SENDER=settings.mail_sender or None,
        MAIL_SUPPRESS_SEND=False,
    )
    _mail.init_app(app)


def is_configured() -> bool:
    """Whether mail can be sent at all; if not, pages show the link to hand over instead.

    It takes a server, a sender and `CRM_BASE_URL`: a link in a mail that was built from the
    request's own Host header could be made to lead to somebody else's server.
    """
    config = current_app.config
    return bool(config["MAIL_SERVER"] and config["MAIL_DEFAULT_SENDER"] and in_force().base_url)


def send(
    template: str, *, to: str, subject: Any, language: str | None = None, **context: Any
) -> Sent:
    """Render a message and send it after the commit; false when mail is not set up.

    `subject` may be a lazy string: it and the message are said in `language`, the reader's. Where
    the address is a minor's, others get a copy or nothing leaves: the answer then says why, and
    the record that it was withheld, without the address.
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
        _post(heading, to, body)
    for copy in ruling.copies:
        with _said_in(copy.language):
            closed = _("(a link that only the person written to gets)")
            hidden = {name: closed for name in _SECRET if name in context}
            told = _ADDRESS.sub(closed, _rendered(template, {**context, **hidden}))
            about = " ".join(str(subject).split())
            values = {"name": copy.name, "called": ruling.called, "subject": about, "told": told}
            notice = _rendered("copy", values)
            _post(_("Copy: %(subject)s", subject=about), copy.address, notice)
    return Sent(True)


def _names(ruling: Ruling) -> str:
    return ", ".join(copy.name for copy in ruling.copies)


def _said_in(language: str | None) -> Any:
    return force_locale(language or current_app.config["BABEL_DEFAULT_LOCALE"])


def _rendered(template: str, context: dict[str, Any]) -> str:
    plain = current_app.jinja_env.overlay(autoescape=False)
    return plain.get_template(f"emails/{template}.txt").render(**context).strip() + "\n"


def _post(heading: str, to: str, body: str) -> None:
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    html = render_template("emails/layout.html", subject=heading, parts=_parts(body))
    db.after_commit(lambda: _postman.submit(_deliver, app, heading, to, body, html))


def _parts(body: str) -> list[tuple[str, bool]]:
    """The paragraphs of a message, each with whether it is an address and nothing else."""
    paragraphs = (part.strip() for part in body.split("\n\n"))
    return [(part, bool(_ADDRESS.fullmatch(part))) for part in paragraphs if part]


class _Connection(Connection):
    """Flask-Mail's, with what it lacks: an end to waiting, and certificates that are checked."""

    def configure_host(self) -> smtplib.SMTP:
        mail = self.mail
        trusted = ssl.create_default_context()
        if mail.use_ssl:
            host: smtplib.SMTP = smtplib.SMTP_SSL(
                mail.server, mail.port, timeout=_PATIENCE, context=trusted
            )
        else:
            host = smtplib.SMTP(mail.server, mail.port, timeout=_PATIENCE)
        if mail.use_tls:
            host.starttls(context=trusted)
        if mail.username and mail.password:
            host.login(mail.username, mail.password)
        return host


def _deliver(app: Flask, subject: str, to: str, body: str, html: str) -> None:
    with app.app_context():
        try:
            message = Message(
                subject=subject,
                recipients=[to],
                body=body,
                html=html,
                extra_headers={"Auto-Submitted": "auto-generated"},
            )
            with _Connection(app.extensions["mail"]) as connection:
                connection.send(message)
        except Exception as error:
            # What caused the mail is kept, whatever became of it. The address stays out of the log.
            log.error("a message could not be handed to the mail server: %s", type(error).__name__)
