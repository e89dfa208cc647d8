"""What readers choose: one click, a page, and nothing at all by following a link."""

from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db, limits, mail, mail_choices
from crm.core.audit import AuditEntry
from crm.core.mail import Kind
from crm.core.mail_choices import How, recipient_of
from tests import make
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app

ADA = "ada@example.org"
LINK = "https://outreach.example.org/"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def app(mailing_app: Flask) -> Flask:
    """An application with a kind that may be stopped; requests are checked for forgery."""
    mail.add_kind(mailing_app, Kind("news", "News", why="you asked for it", in_digest=True))
    mailing_app.config["WTF_CSRF_ENABLED"] = True
    return mailing_app


def send(to: str = ADA, kind: str = "news") -> mail.Sent:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        return mail.send(
            "reset",
            to=to,
            subject="Hello",
            kind=kind,
            name="Ada",
            link="https://x.example",
            hours=1,
        )


def chosen(address: str = ADA) -> dict[str, str]:
    db.rollback()
    return dict(mail_choices.standing(recipient_of(address)).chosen)


def test_one_click_stops_one_kind_without_a_session(app: Flask, letterbox: SimpleNamespace) -> None:
    assert send()
    message = letterbox.next()[2]
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    # As one address, not folded and not encoded: mail programs read it as it is.
    address = str(message["List-Unsubscribe"]).strip("<>")
    assert address.startswith("https://outreach.example.org/mail/stop/")
    assert "?=" not in address
    assert "ada" not in address
    path = address.removeprefix("https://outreach.example.org")
    client = app.test_client()
    # Scanners follow links: nothing happens.
    for _time in range(3):
        page = client.get(path)
        assert page.status_code == 200
        assert b"<form" in page.data
        assert client.head(path).status_code == 200
    assert chosen() == {}
    for _time in range(2):
        answer = client.post(path, data=ONE_CLICK)
        assert (answer.status_code, answer.location) == (200, None)
        assert "Set-Cookie" not in answer.headers
    assert chosen() == {"news": How.HERE}
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "choose_mail")).all()
    assert [entry.changes for entry in entries] == [{"kind": "news", "how": ["mail", "here"]}]
    answer = send()
    assert answer.is_declined
    assert "does not want" in str(answer.why_not)
    # A person takes it back.
    assert client.post(path, data={"again": "1"}).status_code == 303
    assert send()


def test_what_was_stopped_meanwhile_does_not_leave(app: Flask, letterbox: SimpleNamespace) -> None:
    assert send()
    with db.unit_of_work():
        mail_choices.choose(recipient_of(ADA), "news", How.HERE, by=None)
    assert send(kind="invitation")
    assert letterbox.next()[2]["List-Unsubscribe"] is None
    assert letterbox.box.received.empty()


def test_a_link_that_is_none_of_ours_stops_nothing(app: Flask) -> None:
    good = mail_choices.stop_token(recipient_of(ADA), "news")
    client = app.test_client()
    choices = mail_choices.choices_token(recipient_of(ADA))
    for token in ("x", good[:-2], good + "a", choices):
        assert client.post(f"/mail/stop/{token}", data=ONE_CLICK).status_code == 404
        assert client.get(f"/mail/stop/{token}").status_code == 404
    assert client.get(f"/mail/choices/{good}").status_code == 404
    assert chosen() == {}


def test_the_page_of_a_link(app: Flask) -> None:
    path = f"/mail/choices/{mail_choices.choices_token(recipient_of(ADA))}"
    client = app.test_client()
    page = client.get(path)
    assert page.status_code == 200
    assert ADA.encode() not in page.data
    assert b"Links for a new password" in page.data
    # The form carries the token against forged requests; without it nothing is kept.
    assert client.post(path, data={"how-news": "here"}).status_code in (400, 422)
    app.config["WTF_CSRF_ENABLED"] = False
    assert client.post(path, data={"how-news": "digest"}).status_code == 303
    assert chosen() == {"news": How.DIGEST}
    # Neither a kind that is always sent nor a way there is not.
    assert client.post(path, data={"how-news": "pigeon"}).status_code == 422
    assert client.post(path, data={"how-reset": "here"}).status_code == 303
    # The digest tells nothing of letters: left to it they would be lost.
    assert client.post(path, data={"how-letter": "digest"}).status_code == 422
    assert chosen() == {"news": How.DIGEST}


def test_the_page_of_who_signs_in(app: Flask) -> None:
    app.config["WTF_CSRF_ENABLED"] = False
    user = make.people().leader
    client = app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = user.get_id()
        session["_fresh"] = True
    assert b"News" in client.get("/preferences/mail").data
    assert client.post("/preferences/mail", data={"how-news": "here"}).status_code == 303
    assert chosen(user.email)["news"] == How.HERE
    with db.unit_of_work():
        mail_choices.note_failure(user.email, "5.1.1")
    assert b"no such mailbox" in client.get("/preferences/mail").data
    assert client.post("/preferences/mail/try-again").status_code == 303
    assert mail_choices.bad_told(user.email) is None


def test_guessing_links_is_slowed_down(app: Flask) -> None:
    limits.limiter.reset()
    app.config["THROTTLED"] = True
    client = app.test_client()
    codes = [client.get(f"/mail/stop/{number}").status_code for number in range(62)]
    limits.limiter.reset()
    assert codes[0] == 404
    assert codes[-1] == 429
