"""Each message as its reader gets it, compared with the kept text and HTML beside this file.

`CRM_WRITE_SNAPSHOTS=1 python -m pytest tests/mailed` writes them anew; read the difference.
"""

import os
import re
from datetime import date, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db, mail, mail_choices, outbox
from crm.core.outbox import Outgoing, State
from crm.mailings.letters import KIND as LETTER
from crm.members.consent_rules import Answer, How, Purpose
from crm.members.consents import record_consents
from crm.members.forgetting import forget
from crm.members.guardians import add_guardian
from crm.members.models import Member
from crm.members.rules import AgeBand
from crm.outreach.models import ActionTarget
from crm.outreach.operations import log_action, record_outcome
from crm.reports import digest_mail
from crm.tasks import mailed
from crm.tasks.models import Task
from crm.tasks.operations import Draft, add_tasks, assign
from crm.treaties.models import TreatyEvent
from tests import make
from tests.accounts.conftest import letterbox as letterbox
from tests.accounts.conftest import mailing_app as mailing_app
from tests.accounts.conftest import with_password

FOLDER = Path(__file__).with_name("snapshots")
#: Messages that are not called as their kind.
KINDS = {"member_letter": LETTER}
TODAY = date(2026, 3, 2)
LINK = "https://outreach.example.org/welcome/a-token"
_TOKEN = re.compile(r"/(stop|choices|welcome|reset|consent|my)/[^\s\"<]+")


@pytest.fixture
def app(mailing_app: Flask) -> Flask:
    """The application with mail set up."""
    return mailing_app


@pytest.fixture
def people(app: Flask) -> SimpleNamespace:
    """Who there is, able to sign in."""
    found = make.people()
    for name in ("admin", "staff", "coordinator", "leader"):
        with_password(getattr(found, name))
    return found


def read(message: Any) -> tuple[str, str]:
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    subject = f"Subject: {message['Subject']}\n\n"
    clean = (
        _TOKEN.sub(r"/\1/TOKEN", text.replace("\r\n", "\n")) for text in (subject + plain, html)
    )
    text, markup = clean
    return text, markup


def compare(name: str, message: Any) -> str:
    """Compare with what is kept; returns the text."""
    text, markup = read(message)
    for kind, found in (("txt", text), ("html", markup)):
        path = FOLDER / f"{name}.{kind}"
        if os.environ.get("CRM_WRITE_SNAPSHOTS") == "1":
            path.write_text(found, encoding="utf-8")
        assert path.read_text(encoding="utf-8") == found, f"{path.name} is another"
    assert max(len(line) for line in text.splitlines() if "://" not in line) <= 80
    assert max(len(line) for line in message.as_bytes().splitlines()) <= 998
    return text


def send(template: str, **context: Any) -> mail.Sent:
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        return mail.send(template, to="ada@example.org", **context)


SIMPLE = {
    "invitation": {
        "subject": "You are invited to the campaign's outreach records",
        "name": "Ada Brook", "inviter": "Ines Carvalho", "link": LINK, "days": 14,
    },
    "reset": {"subject": "Choose a new password", "name": "Ada Brook", "link": LINK, "hours": 24},
    "own_link": {
        "subject": "Your own page", "name": "Ana", "link": "https://outreach.example.org/my/a-token",
        "until": "Apr 1, 2026",
    },
    "consent_request": {
        "subject": "What may the campaign do?", "name": "Gale Wardwell", "for_child": True,
        "days": 30,
        "asked": [
            {
                "child": "Ana", "chapter": "Ridge School", "purposes": ["Be a member", "Contact"],
                "link": "https://outreach.example.org/consent/a-token",
            },
        ],
    },
    "any_reply": {
        "subject": "Any reply? 13 to look at", "name": "Ada", "more": 12,
        "lines": [
            {
                "what": "155 postcards", "on": "Mar 3, 2026", "campaign": "Postcards to Congress",
                "targets": "5 targets", "code": "A-17-9F3A2C",
            },
        ],
        "address": "crm@example.org", "page": "https://outreach.example.org/outreach/replies",
    },
    "reply_came": {
        "subject": "A reply waits for you to say what it is", "name": "Ada",
        "page": "https://outreach.example.org/outreach/replies/forwarded",
    },
    "retention": {
        "subject": "Members who left long ago", "name": "Ruth", "years": 3,
        "chapters": [("Ridge School", 3), ("River School", 1)],
        "page": "https://outreach.example.org/members/year-end?chapter=ridge",
    },
    "scheduled_report": {
        "subject": "Outreach by state", "name": "Sol", "title": "Outreach by state",
        "facts": [("Period", "Feb 1 – Feb 28, 2026"), ("Campaign", "Ratify")], "problems": [],
        "told": "30 postcards and 1 meeting, each counted once.",
        "table": [("State", "Postcards", "Answers"), ("West Virginia", "30", "1"),
                  ("Ohio", "1,204", "–")],
        "more": True, "link": "https://outreach.example.org/reports/by-state",
        "list_link": "https://outreach.example.org/reports",
    },
    "member_letter": {
        "subject": "Thank you", "kind": LETTER, "sender": "Lee", "chapter": "Ridge School",
        "words": "Dear Ben,\n\nthank you for 30 postcards.\n# No heading\n\nUntil Friday\nLee",
    },
}  # fmt: skip


@pytest.mark.parametrize("name", SIMPLE)
def test_messages(app: Flask, letterbox: SimpleNamespace, name: str) -> None:
    assert send(name, **SIMPLE[name])
    compare(name, letterbox.next()[2])


def made(people: SimpleNamespace, count: int, **more: Any) -> list[Task]:
    campaign = make.campaign()
    drafts = [
        Draft(
            title=f"Write postcards, part {number + 1}",
            chapter_id=people.school_a.id,
            campaign_id=campaign.id,
            due_on=TODAY + timedelta(days=number),
            **more,
        )
        for number in range(count)
    ]
    with db.unit_of_work():
        leader = db.session.get(make.User, people.leader.id)
        return add_tasks(drafts, by=leader, today=TODAY, client_key=f"key-{uuid4().hex}")


def grown(people: SimpleNamespace, *, signs_in: bool = True) -> Member:
    member = make.member("Ben", "Okafor", people.school_a)
    with db.unit_of_work():
        row = db.session.get(Member, member.id)
        assert row is not None
        row.age_band = AgeBand.ADULT.value
        row.email = "ben@example.org"
        if signs_in:
            row.user_id = with_password_of(row).id
        audit.record("test", "test", None, by=None)
    return row


def with_password_of(row: Member) -> Any:
    user = make.User(email=str(row.email), name="Ben Okafor", password_hash="x")
    db.session.add(user)
    db.session.flush()
    return user


def test_a_copy_says_what_was_written_without_its_links(
    app: Flask, letterbox: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    gale = mail.Copy("gale@example.org", "Gale Wardwell")

    def ruling(to: str) -> mail.Ruling:
        return (
            mail.Ruling(copies=[gale], called="Ana") if to == "ada@example.org" else mail.Ruling()
        )

    monkeypatch.setattr(mail, "chaperone", ruling)
    assert send("own_link", **SIMPLE["own_link"])
    assert "A copy of this message goes to Gale Wardwell" in read(letterbox.next()[2])[0]
    text = compare("copy", letterbox.next()[2])
    assert "outreach.example.org/my" not in text
    # Who cannot be reached is no chaperone.
    with db.unit_of_work():
        mail_choices.note_failure("gale@example.org", "5.1.1")
    assert send("own_link", **SIMPLE["own_link"]).is_withheld


def test_many_tasks_given_at_once_are_one_message(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    member = grown(people)
    made(people, 15, member_id=member.id)
    _, recipients, message = letterbox.next()
    assert recipients == ["ben@example.org"]
    text = compare("task_assigned", message)
    assert "15 new tasks" in text
    assert "Okafor" not in text
    assert letterbox.box.received.empty()


def test_work_taken_back_is_not_told(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    member = grown(people, signs_in=False)
    [task] = made(people, 1, member_id=member.id)
    with db.unit_of_work():
        leader = db.session.get(make.User, people.leader.id)
        assign([task.id], in_pool=True, by=leader, today=TODAY)
    assert outbox.drain() == 1
    assert letterbox.box.received.empty()
    # To a leader by another, and not to oneself.
    with db.unit_of_work():
        assign([task.id], leader_id=people.leader.id, by=leader, today=TODAY)
    outbox.drain()
    assert letterbox.box.received.empty()
    with db.unit_of_work():
        admin = db.session.get(make.User, people.admin.id)
        assign([task.id], to=[member.id], by=admin, today=TODAY)
        assign([task.id], leader_id=people.leader.id, by=admin, today=TODAY)
    assert letterbox.next()[1] == [people.leader.email]
    assert letterbox.box.received.empty()


def test_a_member_without_an_account_gets_no_link(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    member = grown(people, signs_in=False)
    made(people, 1, member_id=member.id)
    text = compare("task_assigned_without_account", letterbox.next()[2])
    assert "/tasks/today" not in text


def test_a_child_is_not_written_to_alone(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    child = make.member("Ana", "Quillfeather", people.school_a)
    with db.unit_of_work():
        row = db.session.get(Member, child.id)
        assert row is not None
        row.email = "ana@example.org"
        audit.record("test", "test", None, by=None)
    made(people, 1, member_id=child.id)
    outbox.drain()
    assert letterbox.box.received.empty()


def test_reminders_are_sent_once_each(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    member = grown(people)
    made(people, 6, member_id=member.id)
    letterbox.next()
    with db.unit_of_work():
        mailed.remind(TODAY + timedelta(days=2))
    text = compare("task_reminder", letterbox.next()[2])
    assert "part 1 " in text
    assert "part 5 " in text
    assert "part 6 " not in text
    with db.unit_of_work():
        mailed.remind(TODAY + timedelta(days=2))
    outbox.drain()
    assert letterbox.box.received.empty()
    # Two days later: what was due soon is late now, and said once more.
    with db.unit_of_work():
        mailed.remind(TODAY + timedelta(days=4))
    text, _html = read(letterbox.next()[2])
    assert "part 3 " in text
    assert "part 1 " not in text
    assert "part 6 " in text


def busy_week(people: SimpleNamespace) -> Member:
    """Something of everything in the week before `TODAY`."""
    member = grown(people)
    target = make.target("Niue", country="NU")
    campaign = make.campaign("Ratify", chapters=(people.state,), targets=(target,))
    with db.unit_of_work():
        log_action(
            channel="postcard", campaign_id=campaign.id, happened_on=TODAY - timedelta(days=3),
            pieces=30, targets={target.id: 30}, members={member.id: 30}, minutes=90,
            chapter_ids=[people.school_a.id], client_key="key-of-the-week", by=None, today=TODAY,
        )  # fmt: skip
        row = db.session.scalars(select(ActionTarget.id)).first() or 0
        record_outcome(
            action_target_id=row, kind="commitment", received_on=TODAY - timedelta(days=1),
            summary="Will raise it in cabinet | soon", by=None, today=TODAY,
        )  # fmt: skip
        db.session.add(
            TreatyEvent(
                treaty="MBT", target_id=target.id, kind="ratification", source="A depositary",
                happened_on=TODAY - timedelta(days=4),
            )
        )  # fmt: skip
        leader = db.session.get(make.User, people.leader.id)
        drafts = [
            Draft(
                title="Call the mission", chapter_id=people.school_a.id, member_id=member.id,
                due_on=TODAY - timedelta(days=2),
            ),
            Draft(
                title="Write the letter", chapter_id=people.school_a.id, member_id=member.id,
                due_on=TODAY + timedelta(days=2),
            ),
        ]  # fmt: skip
        with mail.quiet():
            add_tasks(drafts, by=leader, today=TODAY, client_key="week")
        outbox.put("digest", {}, due=db.now() + timedelta(days=999))
        db.session.execute(
            Outgoing.__table__.update().values(state=State.DEAD)  # type: ignore[attr-defined]
        )
    return member


@pytest.mark.parametrize("role", ["admin", "staff", "coordinator", "leader", "member"])
def test_a_digest_for_each_role(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace, role: str
) -> None:
    member = busy_week(people)
    user_id = member.user_id if role == "member" else getattr(people, role).id
    with db.unit_of_work():
        assert digest_mail.write({"user": user_id, "on": TODAY.isoformat()})
    text = compare(f"digest_{role}", letterbox.next()[2])
    assert "Okafor" not in text.replace("Ben Okafor", "")
    with db.unit_of_work():
        digest_mail.write({"user": user_id, "on": TODAY.isoformat()})
    outbox.drain()
    assert letterbox.box.received.empty()


def test_an_empty_digest_is_not_sent(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    with db.unit_of_work():
        digest_mail.ask_for_all(TODAY)
    outbox.drain()
    told = db.session.scalars(select(Outgoing.about).where(Outgoing.job == "mail")).all()
    assert len(told) <= 1, "people who were just invited are news to administrators alone"


def test_a_message_is_said_in_its_readers_language(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The only language so far is English: one is made up, and the sender keeps to theirs."""
    from flask_babel import get_locale

    from crm.core import i18n

    class Other:
        def gettext(self, text: str) -> str:
            return f"¡{text}!"

        ugettext = gettext

        def ngettext(self, one: str, many: str, n: int) -> str:
            return f"¡{one if n == 1 else many}!"

        ungettext = ngettext

    from flask_babel import Domain

    real = Domain.get_translations

    def translations(self: Any) -> Any:
        return Other() if str(get_locale()) == "eo" else real(self)

    monkeypatch.setattr(Domain, "get_translations", translations)
    monkeypatch.setitem(i18n.LANGUAGES, "eo", "Esperanto")
    member = grown(people)
    with db.unit_of_work():
        user = db.session.get(make.User, member.user_id)
        user.language = "eo"
        audit.record("test", "test", None, by=None)
    made(people, 2, member_id=member.id)
    text, html = read(letterbox.next()[2])
    assert text.startswith("Subject: ¡You have 2 new tasks!")
    assert "¡Hello Ben,!" in text
    assert 'lang="eo"' in html
    assert "¡Open my tasks!" in html


def test_who_leads_is_told_of_an_address_that_does_not_work(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    grown(people)
    with db.unit_of_work():
        mail_choices.note_failure("ben@example.org", "5.1.1")
    _, recipients, message = letterbox.next()
    assert recipients == [people.leader.email]
    text = compare("bad_address", message)
    assert "Okafor" not in text
    assert "ben@example.org" not in text


def test_a_bad_address_is_told_where_the_person_is_and_tried_again(
    app: Flask, people: SimpleNamespace
) -> None:
    member = grown(people)
    outsider = with_password(people.outsider)

    def client_of(user: Any) -> Any:
        client = app.test_client()
        with client.session_transaction() as session:
            session["_user_id"] = user.get_id()
            session["_fresh"] = True
        return client

    with mail.quiet(), db.unit_of_work():
        mail_choices.note_failure("ben@example.org", "5.1.1")
    leader, admin = client_of(people.leader), client_of(people.admin)
    assert b"no such mailbox" in leader.get(f"/members/{member.id}").data
    assert b"no such mailbox" in admin.get(f"/settings/users/{member.user_id}").data
    again = f"/members/{member.id}/mail-again"
    assert client_of(outsider).post(again).status_code == 404
    assert leader.post(again, data={"guardian": "1"}).status_code == 404
    assert leader.post(again).status_code == 303
    assert b"no such mailbox" not in leader.get(f"/members/{member.id}").data
    with mail.quiet(), db.unit_of_work():
        mail_choices.note_failure("ben@example.org", "5.1.1")
    user_again = f"/settings/users/{member.user_id}/mail-again"
    assert leader.post(user_again).status_code == 403
    assert admin.post(user_again).status_code == 303
    assert mail_choices.bad_told("ben@example.org") is None


def test_what_others_are_told_of_a_minor(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    child = make.member("Ana", "Quillfeather", people.school_a)
    with mail.quiet(), db.unit_of_work():
        row = db.session.get(Member, child.id)
        assert row is not None
        row.email = "ana@example.org"
        guardian = add_guardian(
            member_id=child.id, name="Gale Wardwell", email="gale@example.org", by=None
        )
        leader = db.session.get(make.User, people.leader.id)
        draft = Draft(
            title="Call the mission", chapter_id=people.school_a.id, member_id=child.id,
            due_on=TODAY - timedelta(days=2),
        )  # fmt: skip
        add_tasks([draft], by=leader, today=TODAY, client_key="child")
        guardian_id = guardian.id

    def told() -> list[str]:
        with db.unit_of_work():
            db.session.execute(Outgoing.__table__.delete())  # type: ignore[attr-defined]
            mail_choices.clear("gale@example.org", by=None)
            digest_mail.write({"user": people.leader.id, "on": TODAY.isoformat()})
            mail_choices.note_failure("gale@example.org", "5.1.1")
        return ["".join(read(letterbox.next()[2])) for _number in range(2)]

    for text in told():
        assert "Ana" in text
        for secret in ("Quillfeather", "Gale", "Wardwell", "ana@", "gale@"):
            assert secret not in text
    with db.unit_of_work():
        record_consents(
            member_id=child.id, answers={Purpose.MEMBER: Answer.REFUSED}, given_by=guardian_id,
            how=How.PAPER, starts_on=TODAY, ends_on=None, scan="2" * 32 + ".pdf", by=None,
            today=TODAY,
        )  # fmt: skip
    for text in told():
        assert "Ana" not in text.replace("Analysis", "")


def test_nothing_leaves_to_a_member_who_is_forgotten(
    app: Flask, people: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    member = grown(people, signs_in=False)
    with db.unit_of_work():
        audit.record("test", "test", None, by=None)
        mail.send("own_link", to="ben@example.org", **SIMPLE["own_link"])
        mail_choices.choose(mail_choices.recipient_of("ben@example.org"), "digest", "here", by=None)
    with db.unit_of_work():
        forget(member_id=member.id, by=None, today=TODAY)
    outbox.drain()
    assert letterbox.box.received.empty()
    assert mail_choices.standing(mail_choices.recipient_of("ben@example.org")).chosen == {}


def test_every_message_is_described_and_has_its_snapshot(app: Flask) -> None:
    for path in (Path(__file__).parents[2] / "templates" / "emails").glob("*.txt"):
        kind = mail.kinds().get(KINDS.get(path.stem, path.stem))
        assert kind is not None, f"nobody said with mail.add_kind what {path.name} is"
        assert kind.why is not None, path.name
        kept = {each.suffix for each in FOLDER.glob(f"{path.stem}*")}
        assert kept == {".txt", ".html"}, f"{path.name} has no test that compares it"
