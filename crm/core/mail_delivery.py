"""Mail handed over: one message given to the SMTP server, once.

A server that says no for now is asked again later, one that says no for good is told to a person.
Where it cannot be known whether the server took a message, it is not sent a second time. What a
message says was written before (`mail`).
"""

import smtplib
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from email import charset, policy
from email.mime.base import MIMEBase
from email.mime.text import MIMEText
from email.utils import parseaddr
from typing import Any

from flask import Flask, current_app
from flask_mail import Connection, Mail, Message

from crm.core import db, links, mail, outbox
from crm.core.outbox import Later, Never, Turn, Unwanted
from crm.core.settings import Settings

_mail = Mail()
#: Seconds a mail server may be silent.
_PATIENCE = 20
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
        app, outbox.Job("mail", "Mail", _hand_over, lane="mail", patience=120, alone=True, most=10)
    )


class Written(Message):
    """Flask-Mail's, with text that is quoted-printable and headers that stay as they were made:
    folding anew would turn a long address in one into gibberish."""

    def _mimetext(self, text: str | None, subtype: str = "plain") -> MIMEText:
        return MIMEText(text or "", subtype, _READABLE)  # type: ignore[arg-type]

    def _message(self) -> MIMEBase:
        message = super()._message()
        message.policy = policy.SMTP.clone(refold_source="none")
        return message

    def header_lines(self) -> list[tuple[str, str]]:
        """Its header, line by line, for a person."""
        return [(name, str(value)) for name, value in self._message().items()]


class _Watched:
    """A host that says before the words leave: from then on the server may have them."""

    def __init__(self, *args: Any, before_data: Callable[[], None], **options: Any):
        self.before_data = before_data
        super().__init__(*args, **options)

    def data(self, msg: Any) -> Any:
        """Hand the words over (asked by `sendmail`)."""
        self.before_data()
        return super().data(msg)  # type: ignore[misc]


class _Plain(_Watched, smtplib.SMTP):
    pass


class _Enclosed(_Watched, smtplib.SMTP_SSL):
    pass


class _Connection(Connection):
    """Flask-Mail's, with what it lacks: an end to waiting, certificates that are checked, and a
    word before the point of no return."""

    def __init__(self, config: Any, before_data: Callable[[], None]):
        super().__init__(config)
        self.before_data = before_data

    def __exit__(self, *error: Any) -> None:
        # What the server took it took, however it says goodbye.
        with suppress(OSError, smtplib.SMTPException):
            super().__exit__(*error)

    def configure_host(self) -> smtplib.SMTP:
        config = self.mail
        trusted = ssl.create_default_context()
        watch: dict[str, Any] = {"timeout": _PATIENCE, "before_data": self.before_data}
        if config.use_ssl:
            host: smtplib.SMTP = _Enclosed(config.server, config.port, context=trusted, **watch)
        else:
            host = _Plain(config.server, config.port, **watch)
        if config.use_tls:
            host.starttls(context=trusted)
        if config.username and config.password:
            host.login(config.username, config.password)
        return host


def message_of(payload: Mapping[str, Any], row_id: int) -> Written:
    """The message of a row as it leaves."""
    message = Written(
        sender=None if current_app.config["MAIL_DEFAULT_SENDER"] else "outreach@localhost",
        subject=payload["subject"],
        recipients=[payload["to"]],
        body=payload["body"],
        html=payload["html"],
        extra_headers={"Auto-Submitted": "auto-generated", **payload.get("headers", {})},
    )
    message.msgId = f"<{links.mark('message', row_id)}@{_domain()}>"
    return message


def _hand_over(payload: Mapping[str, Any], turn: Turn) -> object:
    """Give one message to the server. Until its words leave everything may be tried again."""
    mode = mail.mode()
    if mode is mail.Mode.OFF:
        raise Later("mail is turned off here", seconds=3600)
    row_kind = str(payload.get("kind", ""))
    refusal = mail.may_write(payload["to"], row_kind)
    if refusal is not None and (refusal.is_bad or refusal.is_declined):
        raise Unwanted("mail to this address came back, or is no longer wanted")
    ruling = mail.chaperone(payload["to"])
    if ruling.why_not is not None:
        raise Unwanted("this address may no longer be written to")
    if mode is mail.Mode.PREVIEW:
        return outbox.KEEP
    # No reader's snapshot stays open while a mail server takes its time.
    db.rollback()
    message = message_of(payload, turn.row_id)
    handed = False

    def before_data() -> None:
        nonlocal handed
        turn.hand_over()
        handed = True

    try:
        with _Connection(current_app.extensions["mail"], before_data) as connection:
            connection.send(message)
    except smtplib.SMTPRecipientsRefused as error:
        raise _said([code for code, _told in error.recipients.values()]) from error
    except smtplib.SMTPResponseException as error:
        # An answer is certain: the server says that it has not taken the message.
        raise _said([error.smtp_code]) from error
    except smtplib.SMTPNotSupportedError as error:
        raise Never("the mail server knows no such letters in an address") from error
    except (OSError, smtplib.SMTPException) as error:
        if handed:
            raise Never("the server was lost in the middle: it may have left or not") from error
        raise Later(f"the mail server cannot be reached ({type(error).__name__})") from error
    except (UnicodeError, ValueError) as error:
        raise Never("this is no address that can be written to") from error
    return None


def _said(codes: Sequence[int]) -> Exception:
    worst = max(codes, default=0)
    if 500 <= worst < 600:
        return Never(f"the mail server refused it for good ({worst})")
    return Later(f"the mail server refused it for now ({worst})")


def _domain() -> str:
    sender = str(current_app.config["MAIL_DEFAULT_SENDER"] or "")
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"
