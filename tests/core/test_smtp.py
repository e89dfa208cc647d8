"""A mail server that says no in every way there is, and one that is lost in the middle."""

import smtplib
import socket
import socketserver
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from crm import create_app
from crm.core import db, mail, outbox
from crm.core.outbox import PERHAPS, Outgoing, State
from tests.conftest import settings_for


class Server(socketserver.ThreadingTCPServer):
    """Speaks SMTP by a script: what it answers to each command; `cut` hangs up."""

    allow_reuse_address, daemon_threads = True, True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Talk)
        self.says: dict[str, str] = {}
        self.taken: list[str] = []
        self.connections = 0

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Talk(socketserver.StreamRequestHandler):
    server: Server

    def say(self, to: str, usual: str) -> bool:
        answer = self.server.says.get(to, usual)
        if answer == "cut":
            self.connection.shutdown(socket.SHUT_RDWR)
            return False
        self.wfile.write(f"{answer}\r\n".encode())
        return True

    def handle(self) -> None:
        self.server.connections += 1
        if not self.say("HELLO", "220 here"):
            return
        while command := self.rfile.readline().decode().strip().upper():
            verb = command.split()[0].partition(":")[0]
            usual = {"DATA": "354 go on", "QUIT": "221 bye"}.get(verb, "250 ok")
            if not self.say(verb, usual) or verb == "QUIT":
                return
            if verb == "DATA" and self.server.says.get("DATA", "354").startswith("354"):
                words = b""
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    words += line
                if self.server.says.get("END", "250").startswith("2"):
                    self.server.taken.append(words.decode())
                if not self.say("END", "250 taken"):
                    return


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def mailing(tmp_path: Path, sqlite_template: Path, server: Server) -> Iterator[Flask]:
    folder = tmp_path / "mailing"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    values = {
        "mail_server": "127.0.0.1", "mail_port": str(server.port),
        "mail_sender": "outreach@example.org", "base_url": "https://outreach.example.org",
    }  # fmt: skip
    with (app := create_app(settings_for(folder, **values))).app_context():
        yield app
        db.session.remove()
        db.extension.engine.dispose()


def put(count: int = 1) -> None:
    """Ask for messages, in one commit."""
    with db.unit_of_work():
        for number in range(count):
            values = {"name": "Ada", "link": "https://outreach.example.org/", "hours": 24}
            to = f"ada{number}@example.org"
            assert mail.send("reset", to=to, subject="New password", kind="reset", **values)


def rows() -> list[Any]:
    """The rows of the outbox."""
    db.rollback()
    db.session.expire_all()
    return list(db.session.scalars(select(Outgoing).order_by(Outgoing.id)))


def test_it_works(mailing: Flask, server: Server) -> None:
    put(3)
    assert outbox.drain() == 3
    assert [row.state for row in rows()] == [State.DONE] * 3
    # A burst goes over one connection.
    assert (len(server.taken), server.connections) == (3, 1)
    put()
    outbox.drain()
    assert server.connections == 2


def test_a_connection_is_made_anew_after_a_hundred(mailing: Flask, server: Server) -> None:
    put(201)
    outbox.drain()
    assert (len(server.taken), server.connections) == (201, 3)


@pytest.mark.parametrize(
    ("says", "state", "fault"),
    [
        ({"RCPT": "550 nobody"}, State.DEAD, "the mail server refused it for good (550)"),
        ({"RCPT": "451 later"}, State.WAITING, "the mail server refused it for now (451)"),
        ({"DATA": "554 no"}, State.DEAD, "the mail server refused it for good (554)"),
        ({"DATA": "250 what"}, State.WAITING, "the mail server refused it for now (250)"),
        ({"END": "552 full"}, State.DEAD, "the mail server refused it for good (552)"),
        ({"END": "451 later"}, State.WAITING, "the mail server refused it for now (451)"),
        ({"END": "421 bye"}, State.WAITING, "the mail server refused it for now (421)"),
        ({"END": "cut"}, State.DEAD, PERHAPS),
        ({"END": "hm"}, State.DEAD, PERHAPS),
        ({"END": "354 more"}, State.DEAD, PERHAPS),
        ({"END": "251 taken"}, State.DONE, None),
        ({"DATA": "cut"}, State.DEAD, PERHAPS),
        ({"QUIT": "cut"}, State.DONE, None),
        ({"MAIL": "552 large"}, State.DEAD, "the mail server refused it for good (552)"),
        ({"MAIL": "550 who"}, State.WAITING, "the mail server refused the sender (550)"),
        ({"HELLO": "554 no"}, State.WAITING, "the mail server does not let us in (554)"),
        ({"HELLO": "cut"}, State.WAITING,
         "the mail server cannot be reached (SMTPServerDisconnected)"),
        ({"RCPT": "cut"}, State.WAITING,
         "the mail server cannot be reached (SMTPServerDisconnected)"),
    ],
)  # fmt: skip
def test_every_no_is_understood(
    mailing: Flask, server: Server, says: dict[str, str], state: State, fault: str | None
) -> None:
    put()
    server.says = says
    outbox.drain()
    [row] = rows()
    assert (row.state, row.fault) == (state, fault)
    assert len(server.taken) == (state is State.DONE)


def test_one_who_is_refused_keeps_nobody_waiting(mailing: Flask, server: Server) -> None:
    put(2)
    server.says = {"END": "550 no"}
    outbox.drain()
    server.says = {}
    put(2)
    outbox.drain()
    assert [row.state for row in rows()] == [State.DEAD] * 2 + [State.DONE] * 2


def test_a_server_that_is_away_costs_one_row_a_try(mailing: Flask, server: Server) -> None:
    put(5)
    mailing.extensions["mail"].port = 1
    outbox.drain()
    assert [row.tries for row in rows()] == [1, 0, 0, 0, 0]
    assert {row.state for row in rows()} == {State.WAITING}
    # The lane rests: nobody tries until the time has come.
    assert outbox.work("mail") == 0
    mailing.extensions["mail"].port = server.port
    assert outbox.drain() == 4
    with db.unit_of_work():
        db.session.execute(update(Outgoing).values(due_at=db.now()))
    assert outbox.drain() == 1
    assert len(server.taken) == 5


def test_a_database_that_is_away_sends_nothing_twice(
    mailing: Flask, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    put()
    monkeypatch.setattr(outbox, "_WRITTEN", (0, 0))
    real = outbox._end

    def away(turn: Any, state: Any, **values: Any) -> None:
        if state == State.DONE:
            raise db_error()
        real(turn, state, **values)

    monkeypatch.setattr(outbox, "_end", away)
    outbox.drain()
    assert [row.state for row in rows()] == [State.HANDED]
    with db.unit_of_work():
        db.session.execute(update(Outgoing).values(lease_until=db.now()))
    outbox.sweep()
    outbox.drain()
    assert [(row.state, row.fault) for row in rows()] == [(State.DEAD, PERHAPS)]
    assert len(server.taken) == 1


def db_error() -> Exception:
    """What SQLAlchemy raises when the database is gone."""
    return OperationalError("UPDATE outbox", {}, Exception("database is locked"))


def test_smtplib_still_asks_for_the_words_where_we_listen() -> None:
    # The point of no return hangs on this name.
    assert "self.data(" in Path(smtplib.__file__).read_text(encoding="utf-8")
