"""Somebody with a password, links out of mails, and a real mail server on loopback."""

from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from queue import Queue
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from flask import Flask

from crm import create_app
from crm.accounts import operations
from crm.accounts.models import User
from crm.core import db, limits, outbox
from tests.conftest import Browser, settings_for
from tests.servers import free_port

PASSWORD = "seven geese over the ridge"


def with_password(user: User, password: str = PASSWORD) -> User:
    """The user, who can now sign in."""
    user = db.session.get(User, user.id)
    with db.unit_of_work():
        operations.set_password(user=user, password=password, by=None)
    return db.session.get(User, user.id)


@pytest.fixture
def ada(people: SimpleNamespace) -> User:
    """A leader who has chosen a password."""
    return with_password(people.leader)


@pytest.fixture
def throttled(app: Flask) -> Iterator[Flask]:
    """The application as it runs outside of tests: tries are counted."""
    limits.limiter.reset()
    app.config["THROTTLED"] = True
    yield app
    limits.limiter.reset()


class Letterbox:
    """What the mail server received: (sender, recipients, message)."""

    def __init__(self) -> None:
        self.received: Queue[tuple[str, list[str], EmailMessage]] = Queue()

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.received.put((envelope.mail_from, envelope.rcpt_tos, message))
        return "250 OK"

    def next(self) -> tuple[str, list[str], EmailMessage]:
        """The next message: what waits in the outbox leaves first."""
        outbox.drain()
        return self.received.get(timeout=20)


@pytest.fixture
def letterbox() -> Iterator[SimpleNamespace]:
    """A mail server on loopback, and the port it listens on."""
    port = free_port()
    box = Letterbox()
    server = Controller(box, hostname="127.0.0.1", port=port)
    server.start()
    yield SimpleNamespace(box=box, port=port, next=box.next)
    server.stop()


@pytest.fixture
def mailing_app(
    tmp_path: Path, sqlite_template: Path, letterbox: SimpleNamespace
) -> Iterator[Flask]:
    """The application with mail set up."""
    folder = tmp_path / "mailing"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    app = create_app(
        settings_for(
            folder,
            mail_server="127.0.0.1",
            mail_port=str(letterbox.port),
            mail_sender="outreach@example.org",
            base_url="https://outreach.example.org/",
        )
    )
    app.test_client_class = Browser
    app.config["WTF_CSRF_ENABLED"] = False
    with app.app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()
