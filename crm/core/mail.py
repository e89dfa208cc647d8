"""Mail leaves after the commit that caused it, and never takes the request down with it."""

import logging
from typing import Any

from flask import Flask, current_app, render_template
from flask_mail import Mail, Message

from crm.core import db
from crm.core.settings import Settings

log = logging.getLogger(__name__)
_mail = Mail()


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
    """Whether mail can be sent at all; if not, pages show the link to hand over instead."""
    return bool(current_app.config["MAIL_SERVER"] and current_app.config["MAIL_DEFAULT_SENDER"])


def send(template: str, *, to: str, subject: str, **context: Any) -> bool:
    """Render `emails/<template>.txt` and send it after the commit; False when mail is not set up."""
    if not is_configured():
        return False
    body = render_template(f"emails/{template}.txt", **context)
    message = Message(subject=subject, recipients=[to], body=body)
    db.after_commit(lambda: _deliver(message))
    return True


def _deliver(message: Message) -> None:
    try:
        _mail.send(message)
    except OSError as error:
        # smtplib's errors are OSErrors; the address stays out of the log.
        log.error("a message could not be handed to the mail server: %s", type(error).__name__)
