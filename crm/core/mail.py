"""Mail leaves after the commit that caused it, and never takes the request down with it.

A message is one file, `emails/<name>.txt`: paragraphs with blank lines between them. It is sent as
that text and as HTML made from it, where a paragraph that is only an address becomes a button.
"""

import logging
import re
import smtplib
import ssl
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from flask import Flask, current_app, render_template
from flask_babel import force_locale
from flask_mail import Connection, Mail, Message

from crm.core import db
from crm.core.settings import Settings, in_force

log = logging.getLogger(__name__)
_mail = Mail()
#: Mail is handed over beside the request: a slow server keeps nobody waiting, and the answer takes
#: as long whether a message leaves or not. Python waits for what is queued before it ends.
_postman = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")
#: Seconds a mail server may be silent.
_PATIENCE = 20
_ADDRESS = re.compile(r"https?://\S+")


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
) -> bool:
    """Render a message and send it after the commit; False when mail is not set up.

    `subject` may be a lazy string: it and the message are said in `language`, the reader's.
    """
    if not is_configured():
        return False
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    with force_locale(language or app.config["BABEL_DEFAULT_LOCALE"]):
        # One line, whatever a name in it holds: a header ends at a line's end.
        heading = " ".join(str(subject).split())
        plain = app.jinja_env.overlay(autoescape=False)
        body = plain.get_template(f"emails/{template}.txt").render(**context).strip() + "\n"
        html = render_template("emails/layout.html", subject=heading, parts=_parts(body))
    db.after_commit(lambda: _postman.submit(_deliver, app, heading, to, body, html))
    return True


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
