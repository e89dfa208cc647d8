"""Mail as it leaves: one row of the outbox made a message, asked about once more, handed over.

What it says was written before (`mail`); how a server is spoken to, and what it answers, is
`smtp`'s.
"""

from collections.abc import Mapping
from email import charset, policy
from email.mime.base import MIMEBase
from email.mime.image import MIMEImage
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import parseaddr
from types import MappingProxyType
from typing import Any

from flask import Flask, current_app
from flask_babel import lazy_gettext as _l
from flask_mail import BadHeaderError, Mail, Message

from crm.core import db, links, mail, mail_pictures, outbox, smtp
from crm.core.outbox import Later, Never, Turn, Unwanted
from crm.core.settings import Settings

_mail = Mail()
#: Text that stays readable on its way, and has no long lines.
_READABLE = charset.Charset("utf-8")
_READABLE.body_encoding = charset.QP


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
    outbox.job(
        app,
        outbox.Job(
            "mail", _l("Mail"), _hand_over,
            lane="mail", patience=120, alone=True, most=10, rest=smtp.rest,
        ),
    )  # fmt: skip


class Written(Message):
    """Flask-Mail's, with text that is quoted-printable and headers that stay as they were made:
    folding anew would turn a long address in one into gibberish."""

    pictures: Mapping[str, bytes] = MappingProxyType({})

    def _mimetext(self, text: str | None, subtype: str = "plain") -> MIMEText:
        return MIMEText(text or "", subtype, _READABLE)  # type: ignore[arg-type]

    def _message(self) -> MIMEBase:
        message = super()._message()
        if self.pictures:
            # The HTML and what it shows are one part, beside the plain text.
            alternative: Any = message.get_payload(0)
            plain, html = alternative.get_payload()
            related = MIMEMultipart("related", type="text/html")
            related.attach(html)
            for name, png in self.pictures.items():
                part = MIMEImage(png, "png")
                part.add_header("Content-ID", f"<{name}@picture>")
                part.add_header("Content-Disposition", "inline", filename=f"{name}.png")
                related.attach(part)
            alternative.set_payload([plain, related])
        message.policy = policy.SMTP.clone(refold_source="none")
        return message

    def show(self, pictures: Mapping[str, bytes]) -> None:
        """Put pictures into its HTML, which names them `cid:<name>@picture`."""
        self.pictures = dict(pictures)

    def header_lines(self) -> list[tuple[str, str]]:
        """Its header, line by line, for a person."""
        return [(name, str(value)) for name, value in self._message().items()]


def message_of(payload: Mapping[str, Any], row_id: int) -> Written:
    """The message of a row as it leaves."""
    pictures = mail_pictures.set_all(payload.get("pictures", {}))
    message = Written(
        sender=None if current_app.config["MAIL_DEFAULT_SENDER"] else "outreach@localhost",
        subject=payload["subject"],
        recipients=[payload["to"]],
        body=payload["body"],
        html=mail_pictures.with_those(payload["html"], pictures),
        extra_headers={"Auto-Submitted": "auto-generated", **payload.get("headers", {})},
    )
    message.show(pictures)
    message.msgId = f"<{links.mark('message', row_id)}@{_domain()}>"
    return message


def _hand_over(payload: Mapping[str, Any], turn: Turn) -> object:
    """Give one message to the server. Until its words leave everything may be tried again."""
    mode = mail.mode()
    if mode is mail.Mode.OFF:
        raise Later("mail is turned off here", seconds=3600)
    if (why := mail.why_no_more(payload)) is not None:
        raise Unwanted(why)
    if mode is mail.Mode.PREVIEW:
        return outbox.KEEP
    # No reader's snapshot stays open while a mail server takes its time.
    db.rollback()
    message = message_of(payload, turn.row_id)
    try:
        smtp.hand_over(message, turn)
    except (UnicodeError, ValueError, BadHeaderError) as error:
        raise Never("this is no address that can be written to") from error
    return None


def _domain() -> str:
    sender = str(current_app.config["MAIL_DEFAULT_SENDER"] or "")
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
