"""Invitations and resets through a real mail server on loopback."""

import re
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select, update

from crm.accounts import operations
from crm.core import audit, db, links, mail, outbox
from crm.core.outbox import Outgoing, State
from tests import make
from tests.accounts.conftest import PASSWORD, with_password

NEW = "two herons at the weir"


def invite(name: str, inviter: str) -> str:
    """Invite somebody; returns the address."""
    admin_id = make.user(name=inviter).id
    with db.unit_of_work():
        admin = db.session.get(make.User, admin_id)
        user = operations.create_user(email="ada@example.org", name=name, by=admin)
        assert operations.send_invitation(user, by=admin)
        return user.email


def test_it_works(mailing_app: Flask, letterbox: SimpleNamespace) -> None:
    email = invite("Ada O'Brook & <b>", "Ines")
    sender, recipients, message = letterbox.next()
    assert (sender, recipients) == ("outreach@example.org", [email])
    assert message["Auto-Submitted"] == "auto-generated"
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "Hello Ada O'Brook & <b>," in plain
    assert "Ines invites you" in plain
    assert "<b>" not in html
    [link] = re.findall(r"^https://\S+$", plain.replace("\r", ""), re.M)
    assert link.startswith("https://outreach.example.org/welcome/")
    assert f'href="{link}"' in html
    path = link.removeprefix("https://outreach.example.org")
    data = {"name": "Ada", "password": NEW, "again": NEW}
    assert mailing_app.test_client().post(path, data=data).status_code == 303


def test_a_forgotten_password(mailing_app: Flask, letterbox: SimpleNamespace) -> None:
    email = with_password(make.user(name="Ada")).email
    client, pages, places = mailing_app.test_client(), [], []
    for typed in (f" {email.upper()} ", "no@example.org"):
        answer = client.post("/forgot", data={"email": typed})
        places.append((answer.status_code, answer.location))
        pages.append(client.get("/sign-in").data)
    assert places == [(303, "/sign-in")] * 2
    assert b"a link is on its way" in pages[0]
    assert pages[0] == pages[1]
    _, recipients, message = letterbox.next()
    assert recipients == [email]
    plain = message.get_body(("plain",)).get_content()
    [link] = re.findall(r"https://outreach\.example\.org(/reset/\S+)", plain)
    assert client.post(link, data={"password": NEW, "again": NEW}).status_code == 303
    assert letterbox.box.received.empty()
    sign_in = {"email": email, "password": PASSWORD}
    assert client.post("/sign-in", data=sign_in).status_code == 422


def test_a_request_cannot_say_where_a_link_leads(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    email = with_password(make.user()).email
    forged = {"Host": "there.example", "X-Forwarded-Host": "there.example"}
    mailing_app.test_client().post("/forgot", data={"email": email}, headers=forged)
    _, _, message = letterbox.next()
    assert "there.example" not in message.get_body(("plain",)).get_content()


def test_nothing_leaves_when_nothing_is_kept(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    with pytest.raises(LookupError), db.unit_of_work():  # noqa: PT012
        user = operations.create_user(email="ada@example.org", name="Ada", by=None)
        operations.send_invitation(user, by=None)
        raise LookupError
    email = with_password(make.user()).email
    mailing_app.test_client().post("/forgot", data={"email": email})
    assert letterbox.next()[1] == [email]


def test_a_header_ends_at_the_lines_end(mailing_app: Flask, letterbox: SimpleNamespace) -> None:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        mail.send(
            "reset",
            to="ada@example.org",
            subject="Hello\r\nBcc: all@example.org\n\nText",
            name="Ada",
            link="https://outreach.example.org/",
            hours=24,
        )
    _, recipients, message = letterbox.next()
    assert recipients == ["ada@example.org"]
    assert message["Subject"] == "Hello Bcc: all@example.org Text"
    assert message["Bcc"] is None


def test_a_mail_server_that_is_gone_stops_nothing(
    mailing_app: Flask, letterbox: SimpleNamespace, caplog: pytest.LogCaptureFixture
) -> None:
    email = with_password(make.user()).email
    mailing_app.extensions["mail"].port = 1
    assert mailing_app.test_client().post("/forgot", data={"email": email}).status_code == 303
    outbox.drain()
    row = db.session.scalars(select(Outgoing)).one()
    assert (row.state, row.tries) == (State.WAITING, 1)
    assert row.fault == "the mail server cannot be reached (ConnectionRefusedError)"
    assert row.due_at > db.now()
    assert email not in caplog.text + str(row.payload) + str(row.recipient)
    # The server is back, and the time has come.
    mailing_app.extensions["mail"].port = letterbox.port
    with db.unit_of_work():
        db.session.execute(update(Outgoing).values(due_at=db.now()))
    _, recipients, _ = letterbox.next()
    assert recipients == [email]
    db.session.expire_all()
    assert (row.state, row.tries, row.payload) == (State.DONE, 2, {})


def test_mail_needs_an_address_to_lead_to(app: Flask) -> None:
    app.config.update(MAIL_SERVER="127.0.0.1", MAIL_DEFAULT_SENDER="outreach@example.org")
    assert not mail.is_configured()


def test_an_address_in_a_page_begins_as_the_request_did(app: Flask, mailing_app: Flask) -> None:
    with app.test_request_context(base_url="http://crm.school.example/sub"):
        assert links.absolute("accounts.sign_in") == "http://crm.school.example/sub/sign-in"
    with mailing_app.test_request_context(base_url="http://there.example"):
        assert links.absolute("accounts.sign_in") == "https://outreach.example.org/sign-in"
