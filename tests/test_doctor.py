"""What the doctor says of what stands round the program: each trouble in words, and no secrets."""

import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from flask import Flask
from sqlalchemy import update

from crm import doctor_around
from crm.core import backups, db, outbox
from crm.core.mail_models import WorkerSeen
from crm.core.outbox import Job, Outgoing, State
from crm.core.settings import Settings, in_force
from crm.findings import Finding
from tests.servers import free_port


def told(findings: Iterable[Finding]) -> str:
    return "\n".join(f"{each.level.value} {each.about}: {each.text}" for each in findings)


def test_it_works(any_app: Flask) -> None:
    assert told(doctor_around.clock()).startswith("ok clock: ")
    said = told(doctor_around.queue(in_force()))
    assert "ok queue: a file in the instance folder answers." in said
    assert "note worker: No worker is at work" in said
    assert "There is none in" in told(doctor_around.backup(in_force()))
    assert told(doctor_around.files()).startswith("ok files: ")
    assert told(doctor_around.proxy(in_force())) == ""


def test_another_clock(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    now = db.now()
    monkeypatch.setattr(db, "now", lambda: now + timedelta(seconds=90))
    said = told(doctor_around.clock())
    if db.extension.engine.dialect.name == "postgresql":
        assert said.startswith("note clock: ")
        assert "that of the database: set up NTP" in said


def test_the_worker(any_app: Flask) -> None:
    outbox.job(any_app, Job("nothing", "Nothing", lambda _payload: None))
    with db.unit_of_work():
        db.session.add(WorkerSeen(name="host:1"))
        outbox.put("nothing", {})
        outbox.put("nothing", {})
    assert "ok worker: was there" in told(doctor_around.queue(in_force()))
    with db.unit_of_work():
        hour = db.now() - timedelta(hours=1)
        db.session.execute(update(WorkerSeen).values(seen_at=hour))
        db.session.execute(update(Outgoing).values(due_at=hour))
        db.session.get_one(Outgoing, 2).state = State.DEAD
    said = told(doctor_around.queue(in_force()))
    assert "note worker: No worker said anything for 1 hour" in said
    assert "has been due for 1 hour" in said
    assert "1 were given up" in said


def test_a_queue_that_is_away(tmp_path: Path) -> None:
    from crm import create_app
    from tests.conftest import settings_for

    settings = settings_for(tmp_path, queue_url="redis://:hunter2@127.0.0.1:1/0")
    with create_app(settings).app_context():
        from crm.core import worker

        assert not worker.is_reachable()


def test_backups(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    backups.make()
    said = told(doctor_around.backup(in_force()))
    assert "ok backup: the newest is" in said
    assert "on the disk of what they are of" in said
    now = db.now()
    monkeypatch.setattr(db, "now", lambda: now + timedelta(days=3))
    assert "note backup: The newest is 3 days old" in told(doctor_around.backup(in_force()))


# Mail


@contextmanager
def mail_server(**more: Any) -> Iterator[int]:
    class Silent:
        """Takes no message: none is sent to it."""

        async def handle_DATA(self, *_: Any) -> str:  # noqa: N802 - aiosmtpd's name
            raise AssertionError("the doctor sent a message")

    port = free_port()
    controller = Controller(Silent(), hostname="127.0.0.1", port=port, **more)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def mail(port: int, **more: str) -> str:
    settings = Settings(
        mail_server="127.0.0.1",
        mail_port=str(port),
        mail_sender="crm@example.org",
        base_url="https://crm.example.org",
        mail_username="crm",
        **{"mail_password": "hunter2", **more},
    )
    return told(doctor_around.mail(settings))


def authenticator(_server: Any, _session: Any, _envelope: Any, _how: str, data: Any) -> AuthResult:
    return AuthResult(success=data.password == b"hunter2", handled=False)


def test_mail_that_works() -> None:
    allow: dict[str, Any] = {"auth_require_tls": False, "authenticator": authenticator}
    with mail_server(**allow) as port:
        said = mail(port)
        assert "answers and lets us in; mail comes from crm@example.org" in said
        assert "travels in the clear" in said
        wrong = mail(port, mail_password="wrong-word")
        assert "does not take this name and password (535)" in wrong
        for secret in ("hunter2", "wrong-word"):
            assert secret not in said + wrong


def test_mail_that_does_not() -> None:
    with mail_server() as port:
        assert "offers no STARTTLS" in mail(port, mail_security="starttls")
        assert "cannot be spoken to in TLS" in mail(port, mail_security="tls")
    assert "cannot be reached: Connection refused" in mail(1)
    assert "CRM_MAIL is preview" in mail(1, mail="preview")


# The proxy


@contextmanager
def web_server(status: int = 200, **headers: str) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def proxy(address: str) -> str:
    return told(doctor_around.proxy(Settings(base_url=address)))


def test_the_proxy() -> None:
    ours = {"Content_Security_Policy": "default-src 'self'"}
    with web_server(Date=formatdate(usegmt=True), **ours) as address:
        assert proxy(address) == f"ok proxy: {address} is answered."
    with web_server(Date="Mon, 01 Jan 2024 00:00:00 GMT", **ours) as address:
        assert "that of the proxy: set up NTP" in proxy(address)
    with web_server() as address:
        assert "not by this program" in proxy(address)
    with web_server(502) as address:
        assert "is answered with 502" in proxy(address)
    assert "does not answer from here" in proxy("http://127.0.0.1:1")
    assert proxy("crm.example.org") == ""


def test_what_the_proxy_does_not_say(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"Content-Security-Policy": "x", "Date": formatdate(usegmt=True)}

    @contextmanager
    def opened(_address: str, **_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(headers={"Set-Cookie": "", "Strict-Transport-Security": "", **given})

    monkeypatch.setattr(doctor_around.urllib.request, "urlopen", opened)
    given = dict(headers, **{"Set-Cookie": "crm_session=x; HttpOnly"})
    assert "CRM_SECURE_COOKIES=1" in proxy("https://crm.example.org")
    given = dict(headers, **{"Set-Cookie": "crm_session=x; Secure"})
    assert proxy("https://crm.example.org").startswith("ok proxy")
