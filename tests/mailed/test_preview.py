"""A preview sends nothing, connects nowhere, and shows administrators what would have left."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select, update

from crm import create_app
from crm.core import audit, db, mail, outbox
from crm.core.mail import Mode
from crm.core.outbox import Outgoing, State
from tests import make
from tests.conftest import Browser, settings_for

XSS = "<script>alert(1)</script>"


@pytest.fixture
def app(tmp_path: Path, sqlite_template: Path) -> Flask:
    folder = tmp_path / "preview"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    # A server that nobody listens at: a preview asks nobody.
    made = create_app(settings_for(folder, mail="preview", mail_server="127.0.0.1", mail_port="1"))
    made.test_client_class = Browser
    made.config["WTF_CSRF_ENABLED"] = False
    with made.app_context():
        yield made
        db.session.remove()
        db.extension.engine.dispose()


def send(subject: str = "Hello") -> int:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        assert mail.send(
            "reset", to="ada@example.org", subject=subject, name=XSS, link="http://x/", hours=1
        )
    outbox.drain()
    return db.session.scalars(select(Outgoing.id).order_by(Outgoing.id.desc())).first() or 0


def test_it_shows_what_would_have_left(app: Flask, sign_in: object) -> None:
    people = make.people()
    number = send("Choose a new password")
    assert db.session.get(Outgoing, number).state == State.DONE
    client = sign_in(people.admin)
    assert b"Preview: no message leaves" in client.get("/settings/mail").data
    assert b"Choose a new password" in client.get("/settings/mail/preview").data
    page = client.get(f"/settings/mail/preview/{number}")
    assert b"ada@example.org" in page.data
    assert XSS.encode() not in page.data
    assert b"sandbox" in page.data
    html = client.get(f"/settings/mail/preview/{number}/html")
    policy = html.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "sandbox" in policy
    assert html.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert XSS.encode() not in html.data
    assert page.headers["X-Frame-Options"] == "DENY"
    for other in (people.staff, people.leader, people.coordinator):
        for path in ("", "/preview", f"/preview/{number}", f"/preview/{number}/html"):
            assert sign_in(other).get(f"/settings/mail{path}").status_code in (403, 404)


def test_what_was_shown_is_forgotten_after_two_weeks(app: Flask, sign_in: object) -> None:
    number = send()
    with db.unit_of_work():
        assert mail.forget_shown(make.date(2026, 1, 1)) == 0
        old = db.now() - mail.timedelta(days=15)
        db.session.execute(update(Outgoing).values(ended_at=old))
    with db.unit_of_work():
        assert mail.forget_shown(make.date(2026, 1, 1)) == 1
    db.session.expire_all()
    assert db.session.get(Outgoing, number).payload == {}
    admin = make.people().admin
    assert sign_in(admin).get(f"/settings/mail/preview/{number}").status_code == 404


def test_what_the_settings_mean(tmp_path: Path) -> None:
    def mode(**given: str) -> Mode:
        with create_app(settings_for(tmp_path, **given)).app_context():
            return mail.mode()

    assert mode() is Mode.OFF
    assert mode(mail_server="127.0.0.1") is Mode.SEND
    assert mode(mail_server="127.0.0.1", mail="off") is Mode.OFF
    (tmp_path / mail.DEMO_MARK).write_text("sign in")
    assert mode() is Mode.PREVIEW
    assert mode(mail_server="127.0.0.1") is Mode.SEND
    assert mode(mail="off") is Mode.OFF


def test_off_makes_no_message(tmp_path: Path, sqlite_template: Path) -> None:
    (tmp_path / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    made = create_app(
        settings_for(tmp_path, mail="off", mail_server="x", mail_sender="a@b.example")
    )
    with made.app_context():
        assert not mail.is_configured()
        answer = mail.send("reset", to="ada@example.org", subject="x", name="x", link="x", hours=1)
        assert not answer
        db.session.remove()
        db.extension.engine.dispose()
