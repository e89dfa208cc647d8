"""What comes back: believed where it answers a message of ours, refused where it does not."""

import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm import create_app
from crm.core import audit, db, incoming, links, mail, mail_choices, mail_inbox, outbox
from crm.core.audit import AuditEntry
from crm.core.mail import Kind
from crm.core.mail_choices import How, recipient_of
from crm.core.mail_models import IncomingMail, MailChoice, MailFailure
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app
from tests.conftest import settings_for

ADA = "ada@example.org"


@pytest.fixture
def app(any_app: Flask) -> Flask:
    """An application, on each database, that would send mail."""
    any_app.config.update(MAIL_SERVER="127.0.0.1", MAIL_DEFAULT_SENDER="crm@example.org")
    mail.add_kind(any_app, Kind("news", "News", may_stop=True, in_digest=True))
    return any_app


def sent(to: str = ADA, about: str = "news") -> str:
    """A message that left; its Message-ID."""
    with db.unit_of_work():
        number = outbox.put("mail", {}, about=about, recipient=recipient_of(to))
        audit.record("make", "test", None, by=None)
    return f"<{links.mark('message', number or 0)}@example.org>"


def dsn(
    message_id: str, *, to: str = ADA, status: str = "5.1.1", action: str = "failed", more: str = ""
) -> bytes:
    return f"""From: MAILER-DAEMON@mx.example.net
To: crm@example.org
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B{more}"

--B{more}
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B{more}
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.net

Final-Recipient: rfc822; {to}
Original-Recipient: rfc822;{to}
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} User unknown

--B{more}
Content-Type: text/rfc822-headers

From: crm@example.org
To: {to}
Subject: Hello
Message-ID: {message_id}

--B{more}--
""".replace("\n", "\r\n").encode()


EXCHANGE = """From: postmaster@school.example
To: crm@example.org
Subject: Undeliverable: Your tasks
In-Reply-To: {id}
Content-Type: text/html

<p>Delivery has failed to these recipients or groups:</p><a href="mailto:{to}">{to}</a>
<p>Remote Server returned '550 5.1.10 RESOLVER.ADR.RecipientNotFound'</p>
"""
QMAIL = """Return-Path: <>
From: MAILER-DAEMON@mx.example.net
To: crm@example.org
Subject: failure notice

Hi. This is the qmail-send program at mx.example.net.
I'm afraid I wasn't able to deliver your message to the following addresses.
This is a permanent error; I've given up. Sorry it didn't work out.

<{to}>:
Sorry, no mailbox here by that name. (#5.1.1)

--- Below this line is a copy of the message.

Message-ID: {id}
To: {to}
"""
EXIM = """From: Mail Delivery System <Mailer-Daemon@mx.example.net>
X-Failed-Recipients: {to}
Subject: Mail delivery failed: returning message to sender
References: {id}

A message that you sent could not be delivered.
  {to}
    550 mailbox unavailable
"""
WORDS = f"From: postmaster@x.example\nSubject: failure notice\n\n{ADA}\n#5.1.1"
ARF = """From: complaints@mx.example.net
Subject: complaint
Content-Type: multipart/report; report-type=feedback-report; boundary="B"

--B
Content-Type: text/plain

This is an abuse report.
--B
Content-Type: message/feedback-report

Feedback-Type: abuse
User-Agent: Some/1.0
Version: 1
Original-Rcpt-To: {to}
--B
Content-Type: message/rfc822

From: crm@example.org
Message-ID: {id}

text
--B--
"""


def take(raw: bytes | str) -> IncomingMail:
    with db.unit_of_work():
        return incoming.take_in(raw.encode() if isinstance(raw, str) else raw)


def is_bad(address: str = ADA) -> bool:
    return mail_choices.bad_told(address) is not None


def test_an_address_without_a_mailbox_is_bad_at_once(app: Flask) -> None:
    told: list[str] = []
    mail_choices.on_bad_address(app, told.append)
    row = take(dsn(sent()))
    assert (row.kind, row.state) == ("bounce", "done")
    assert "no such mailbox" in (row.told or "")
    assert is_bad()
    assert told == [ADA]
    found = db.session.get(MailFailure, recipient_of(ADA))
    assert found is not None
    assert (found.count, found.status) == (1, "5.1.1")
    # Nobody's address stands in what is kept of it, save in what came.
    assert ADA not in str([entry.changes for entry in db.session.scalars(select(AuditEntry))])


@pytest.mark.parametrize("form", [EXCHANGE, QMAIL, EXIM])
def test_ways_that_are_no_standard(app: Flask, form: str) -> None:
    row = take(form.format(id=sent(), to=ADA))
    assert (row.kind, row.state) == ("bounce", "done")
    assert is_bad()


@pytest.mark.parametrize(
    ("statuses", "bad"),
    [
        (["4.4.7"] * 5, False),
        (["5.7.1"], False),
        (["5.7.1", "5.7.26"], True),
        (["5.2.2", "4.2.2"], False),
        (["5.2.2", "5.2.2"], True),
        (["4.2.2", "5.2.1"], True),
        (["5.0.0"], True),
        (["2.0.0"], False),
    ],
)
def test_what_makes_an_address_bad(app: Flask, statuses: list[str], bad: bool) -> None:
    for number, status in enumerate(statuses):
        take(dsn(sent(), status=status, more=str(number)))
    assert is_bad() is bad


def forgeries() -> dict[str, bytes]:
    other = sent("ben@example.org")
    mark, _, domain = sent().partition("@")
    return {
        "of no message": dsn("<1234@example.net>"),
        "of a message to somebody else": dsn(other),
        "with a number and no mark": dsn("<1.000000000000000000000000@example.org>"),
        "with another's mark": dsn(f"<9{mark[2:]}@{domain}"),
        "with a mark of something else": dsn(f"<{links.mark('task', 1)}@example.org>"),
        "of a row that is not there": dsn(f"<{links.mark('message', 999)}@example.org>"),
        "by its words alone": WORDS.encode(),
        "a complaint of no message": ARF.format(id="<1@x.example>", to=ADA).encode(),
        "a complaint of another": ARF.format(id=other, to=ADA).encode(),
    }  # fmt: skip


def test_what_is_forged_is_refused_and_changes_nothing(app: Flask) -> None:
    for name, raw in forgeries().items():
        row = take(raw)
        assert row.state == "refused", name
        assert row.told, name
    assert db.session.scalar(select(func.count()).select_from(MailFailure)) == 0
    assert db.session.scalar(select(func.count()).select_from(MailChoice)) == 0
    refused = select(func.count()).where(IncomingMail.state == "refused")
    assert db.session.scalar(refused) == len(forgeries())


def test_a_complaint_stops_that_kind(app: Flask) -> None:
    row = take(ARF.format(id=sent(), to=ADA))
    assert (row.kind, row.state) == ("complaint", "done")
    assert mail_choices.standing(recipient_of(ADA)).chosen == {"news": How.HERE}
    assert not is_bad()
    take(ARF.format(id=sent(about="reset"), to=ADA))
    assert mail_choices.standing(recipient_of(ADA)).chosen == {"news": How.HERE}


def test_nothing_is_written_to_a_bad_address_until_it_is_cleared(
    mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    mail.add_kind(mailing_app, Kind("news", "News"))
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        number = outbox.put(
            "mail", {"to": ADA}, about="news", recipient=recipient_of(ADA), held=True
        )
        raw = dsn(f"<{links.mark('message', number or 0)}@example.org>")
        incoming.take_in(raw)
    with db.unit_of_work():
        answer = mail.send("reset", to=ADA, subject="Hello", name="Ada", link="x", hours=1)
        assert not answer
        assert answer.is_bad
        assert "no such mailbox" in str(answer.why_not)
        assert mail_choices.clear(ADA, by=None)
        assert mail.send("reset", to=ADA, subject="Hello", name="Ada", link="x", hours=1)
    assert letterbox.next()[1] == [ADA]


@pytest.mark.parametrize("is_maildir", [True, False])
def test_a_folder_is_taken_in_once(tmp_path: Path, sqlite_template: Path, is_maildir: bool) -> None:
    inbox, folder = tmp_path / "inbox", tmp_path / "instance"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    lying = inbox / "new" if is_maildir else inbox
    lying.mkdir(parents=True)
    app = create_app(settings_for(folder, mail_inbox=str(inbox)))
    with app.app_context():
        (lying / "1.eml").write_bytes(dsn(sent()))
        (lying / "2.eml").write_bytes(b"not a message")
        (lying / "3.eml").symlink_to("/etc/hostname")
        result = app.test_cli_runner().invoke(args=["mail", "take-in"])
        assert result.exit_code == 0, result.output
        assert "Taken in: 2." in result.output
        assert sorted(path.name for path in lying.iterdir() if path.is_file()) == ["3.eml"]
        put = inbox / ("cur" if is_maildir else "done")
        assert len(list(put.iterdir())) == 2
        # The same once more, and by the clock.
        (lying / "4.eml").write_bytes(
            (next(p for p in put.iterdir() if "1" in p.name)).read_bytes()
        )
        from crm.core import schedule

        schedule.tick()
        outbox.drain()
        assert not (lying / "4.eml").exists()
        assert db.session.scalar(select(func.count()).select_from(IncomingMail)) == 2
        db.session.remove()
        db.extension.engine.dispose()


def test_mail_is_posted_with_a_token(tmp_path: Path, sqlite_template: Path, app: Flask) -> None:
    assert app.test_client().post("/mail/incoming", data=b"x").status_code == 404
    folder = tmp_path / "posted"
    folder.mkdir()
    (folder / "crm.sqlite3").write_bytes(sqlite_template.read_bytes())
    other = create_app(settings_for(folder, mail_incoming_token="long and random"))
    client = other.test_client()
    for given in ({}, {"Authorization": "Bearer no"}, {"Authorization": "Basic x"}):
        assert client.post("/mail/incoming", data=b"x", headers=given).status_code == 401
    right = {"Authorization": "Bearer long and random", "Content-Type": "message/rfc822"}
    answer = client.post("/mail/incoming", data=dsn("<1@x.example>"), headers=right)
    assert answer.status_code == 200
    assert answer.json["state"] == "refused"
    huge = b"a" * (incoming.MOST_BYTES + 1)
    assert client.post("/mail/incoming", data=huge, headers=right).status_code == 413
    assert client.get("/mail/incoming").status_code == 405
    with other.app_context():
        db.session.remove()
        db.extension.engine.dispose()


def test_a_page_of_nothing_but_brackets_takes_no_hour(app: Flask) -> None:
    began = time.monotonic()
    with db.unit_of_work():
        row = incoming.take_in(
            b"From: mailer-daemon@example.net\r\nSubject: Undelivered\r\n"
            b"Content-Type: text/html\r\n\r\n" + b"<" * 200_000
        )
    assert row.state == "refused"
    assert time.monotonic() - began < 10


def test_a_link_in_the_folder_leads_nowhere(tmp_path: Path, app: Flask) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"From: a@example.org\r\nSubject: secret\r\n\r\nx")
    link = tmp_path / "now.eml"
    link.symlink_to(secret)
    with db.unit_of_work():
        assert mail_inbox._one(link) is None
    assert db.session.scalar(select(func.count()).select_from(IncomingMail)) == 0


def test_a_mark_in_another_scripts_digits_is_none(app: Flask) -> None:
    with db.unit_of_work():
        row = incoming.take_in(dsn("<\u0661\u0662." + "a" * 24 + "@example.org>"))
    assert row.state == "refused"
