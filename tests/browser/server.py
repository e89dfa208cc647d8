"""The demo on the real server, in a thread of the test's process."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import waitress
from flask import Flask

from crm import create_app
from crm.core import db, mail, outbox
from crm.core.cli import migrate_database
from crm.demo import load_demo
from crm.demo_mail import add_mail
from tests.conftest import settings_for

PASSWORD = "quiet-otter-42-paddles"


@dataclass(frozen=True)
class Demo:
    """A database with the demo in it, to be copied, and who can sign in: role → address."""

    folder: Path
    emails: dict[str, str]


@dataclass(frozen=True)
class Server:
    """A running server."""

    address: str
    app: Flask
    emails: dict[str, str]


def make_demo(folder: Path) -> Demo:
    """Load the demo into a new instance folder."""
    app = create_app(settings_for(folder, mail="preview"))
    with app.app_context():
        migrate_database()
        today = date.today()  # noqa: DTZ011
        with mail.quiet(), db.unit_of_work():
            loaded = load_demo(password=PASSWORD, today=today)
        with db.unit_of_work():
            add_mail(today=today)
        # Some of it has left, some waits.
        outbox.drain()
        db.session.remove()
        db.extension.engine.dispose()
    emails: dict[str, str] = {}
    for email, role in loaded.people:
        # “coordinator, Hollow High School” → coordinator
        emails.setdefault(str(role).split(",")[0], email)
    return Demo(folder, emails)


@contextmanager
def serve(demo: Demo, folder: Path) -> Iterator[Server]:
    """Serve a copy of the demo on a free port of this machine."""
    shutil.copytree(demo.folder, folder)
    app = create_app(settings_for(folder, mail="preview"))
    server = waitress.create_server(app, host="127.0.0.1", port=0, threads=4)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        yield Server(f"http://127.0.0.1:{server.effective_port}", app, demo.emails)
    finally:
        server.close()
        # It ends with the last connection, and a browser holds on to its own.
        thread.join(timeout=0.5)
        with app.app_context():
            db.extension.engine.dispose()
