"""Handing a message to the mail server: one connection for a burst, and the point of no return.

Until a message's words leave, all that goes wrong is certain not to have happened. From then on
only the server's answer tells; where none comes, nobody knows.
"""

import smtplib
import ssl
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from flask import current_app
from flask_mail import Connection, Message

from crm.core.outbox import PERHAPS, Away, Later, Never, Turn

#: Seconds a mail server may be silent.
_PATIENCE = 20
#: After so many messages, or so many seconds without one, a connection is made anew.
_MOST, _IDLE = 100, 30
#: Asked for more room than there is: it is the message, and not the sender.
_TOO_LARGE = 552


class _Watched:
    """A host that says before the words leave, and understands every answer to them."""

    before_words: Callable[[], None]

    def data(self, msg: Any) -> tuple[int, bytes]:
        """Hand the words over (asked by `sendmail`)."""
        self.before_words()
        # Raises SMTPDataError where the server does not want to hear them.
        code, told = super().data(msg)  # type: ignore[misc]
        if 200 <= code < 300:
            return 250, told
        if not 400 <= code < 600:
            raise smtplib.SMTPServerDisconnected("an answer that is none")
        return code, told


class _Plain(_Watched, smtplib.SMTP):
    pass


class _Enclosed(_Watched, smtplib.SMTP_SSL):
    pass


class _Line(Connection):
    """Flask-Mail's, with what it lacks: an end to waiting, and certificates that are checked."""

    def __init__(self, mail: Any):
        super().__init__(mail)
        self.sent, self.used = 0, time.monotonic()
        self.host: Any = self.configure_host()

    def configure_host(self) -> smtplib.SMTP:
        mail = self.mail
        trusted = ssl.create_default_context()
        if mail.use_ssl:
            host: smtplib.SMTP = _Enclosed(
                mail.server, mail.port, context=trusted, timeout=_PATIENCE
            )
        else:
            host = _Plain(mail.server, mail.port, timeout=_PATIENCE)
        try:
            if mail.use_tls:
                host.starttls(context=trusted)
            if mail.username and mail.password:
                host.login(mail.username, mail.password)
        except BaseException:
            host.close()
            raise
        return host

    def is_good_for(self, mail: Any) -> bool:
        """Whether one more message may go this way."""
        is_fresh = self.sent < _MOST and time.monotonic() - self.used < _IDLE
        if self.mail is not mail or not is_fresh or self.host.sock is None:
            return False
        try:
            return bool(self.host.rset()[0] == 250)
        except (OSError, smtplib.SMTPException):
            return False

    def close(self, *, politely: bool) -> None:
        """Say goodbye, where somebody listens. What the server took it took, however it answers."""
        with suppress(OSError, smtplib.SMTPException):
            if politely:
                self.host.quit()
        self.host.close()


#: A thread's own connection, while its burst lasts.
_kept = threading.local()


def rest() -> None:
    """The burst is over: let go of the connection."""
    _let_go(politely=True)


def _let_go(*, politely: bool) -> None:
    line: _Line | None = getattr(_kept, "line", None)
    _kept.line = None
    if line is not None:
        line.close(politely=politely)


def _line() -> _Line:
    mail = current_app.extensions["mail"]
    line: _Line | None = getattr(_kept, "line", None)
    if line is None or not line.is_good_for(mail):
        rest()
        line = _kept.line = _Line(mail)
    return line


def hand_over(message: Message, turn: Turn) -> None:
    """Give one message to the server. Raises `Later`, `Away` or `Never`, as the outbox has them."""
    try:
        line = _line()
    except smtplib.SMTPResponseException as error:
        # The name and the password are wrong, or nobody is let in: it is not the message.
        raise Away(f"the mail server does not let us in ({error.smtp_code})") from error
    except (OSError, smtplib.SMTPException) as error:
        raise Away(f"the mail server cannot be reached ({type(error).__name__})") from error
    try:
        line.host.before_words = turn.hand_over
        line.send(message)
        line.sent, line.used = line.sent + 1, time.monotonic()
    except smtplib.SMTPRecipientsRefused as error:
        raise _said(max(code for code, _told in error.recipients.values())) from error
    except smtplib.SMTPDataError as error:
        # An answer is certain: the server says that it has not taken the message.
        raise _said(error.smtp_code) from error
    except smtplib.SMTPResponseException as error:
        _let_go(politely=False)
        if error.smtp_code == _TOO_LARGE:
            raise _said(error.smtp_code) from error
        raise Away(f"the mail server refused the sender ({error.smtp_code})") from error
    except smtplib.SMTPNotSupportedError as error:
        _let_go(politely=False)
        raise Never("the mail server knows no such letters in an address") from error
    except (OSError, smtplib.SMTPException) as error:
        _let_go(politely=False)
        if turn.handed:
            raise Never(PERHAPS) from error
        raise Away(f"the mail server cannot be reached ({type(error).__name__})") from error
    except BaseException:
        # Where the two of us are is not known: nobody goes on from here.
        _let_go(politely=False)
        raise


def _said(code: int) -> Exception:
    if 500 <= code < 600:
        return Never(f"the mail server refused it for good ({code})")
    return Later(f"the mail server refused it for now ({code})")
