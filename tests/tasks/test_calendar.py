"""The calendar feed, parsed back: what it tells, to whom, and when its link opens nothing."""

import logging
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.members.consent_rules import Purpose
from crm.members.models import Consent, Guardian, Guardianship
from crm.tasks.calendar import Entry, digest, entries, written
from crm.tasks.calendar_operations import make_calendar_link, revoke_calendar_link
from crm.tasks.models import CalendarFeed, Task
from crm.tasks.rules import State
from tests import make
from tests.members.test_queries import statements
from tests.tasks.conftest import again, revoke

SignIn = Callable[[object], FlaskClient]
NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def task(scene: SimpleNamespace, **values: Any) -> Any:
    given = {
        "title": "Write five postcards", "chapter_id": scene.school_a,
        "member_id": scene.members[0], "leader_id": scene.people.leader.id,
        "due_on": date(2026, 5, 8), "note": "Secret note", "help": "Secret help",
        "campaign_id": scene.campaign,
    }  # fmt: skip
    return make.kept(Task(**given | values))


def link_of(user: Any) -> str:
    with db.unit_of_work():
        return make_calendar_link(by=again(user))


def read(client: FlaskClient, token: str) -> Any:
    for key in ("grants", "known_members"):
        g.pop(key, None)
    return client.get(f"/calendar/{token}.ics")


def parsed(data: bytes) -> Calendar:
    calendar = Calendar.from_ical(data)
    assert isinstance(calendar, Calendar)
    return calendar


def summaries(data: bytes, kind: str = "VTODO") -> list[str]:
    return [str(each["summary"]) for each in parsed(data).walk(kind)]


def test_it_works(scene: SimpleNamespace, app: Flask, sign_in: SignIn) -> None:
    """A link is made, shown once, read by a program, and ended."""
    s = scene
    uid = task(s, pieces=5, done=2, state="in-process").uid
    client = sign_in(s.ana)
    page = client.post("/tasks/calendar")
    assert page.status_code == 200
    token = page.text.partition("/calendar/")[2].partition(".ics")[0]
    assert token not in client.get("/tasks/calendar").text
    answer = read(app.test_client(), token)
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert "no-store" in answer.headers["Cache-Control"]
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert "Set-Cookie" not in answer.headers
    calendar = parsed(answer.data)
    assert (calendar["method"], calendar["version"]) == ("PUBLISH", "2.0")
    assert calendar["prodid"]
    assert calendar["x-wr-calname"]
    (todo,) = calendar.walk("VTODO")
    (event,) = calendar.walk("VEVENT")
    assert (todo["uid"], event["uid"]) == (uid, f"{uid}-due")
    assert todo["summary"] == "Write five postcards"
    assert (todo["status"], int(todo["percent-complete"])) == ("IN-PROCESS", 40)
    assert todo["due"].dt == date(2026, 5, 8)
    assert todo["categories"].cats == ["Postcards"]
    assert str(todo["url"]).endswith(f"/tasks/{db.session.scalars(select(Task.id)).one()}")
    assert (event["dtstart"].dt, event["dtend"].dt) == (date(2026, 5, 8), date(2026, 5, 9))
    assert event["transp"] == "TRANSPARENT"
    assert "Secret" not in answer.text
    assert client.post("/tasks/calendar/revoke").status_code == 303
    assert read(app.test_client(), token).status_code == 404


def test_whose_tasks(scene: SimpleNamespace, app: Flask) -> None:
    """One's own without a name; those one answers for with the first name; nobody else's."""
    s = scene
    task(s)
    task(s, title="Bring stamps", member_id=s.members[1])
    task(s, title="Call the mayor", member_id=None, in_pool=True)
    task(s, title="Elsewhere", chapter_id=s.school_b, member_id=s.stranger)
    task(s, title="Of another leader", leader_id=s.people.coordinator.id, member_id=None)
    of_leader = read(app.test_client(), link_of(s.people.leader))
    assert sorted(summaries(of_leader.data)) == [
        "Ana: Write five postcards", "Ben: Bring stamps", "Call the mayor",
    ]  # fmt: skip
    assert "Brook" not in of_leader.text
    assert "Cole" not in of_leader.text
    of_ana = read(app.test_client(), link_of(s.ana))
    assert summaries(of_ana.data) == ["Write five postcards"]
    of_sol = read(app.test_client(), link_of(s.sol))
    assert summaries(of_sol.data) == ["Elsewhere"]


def test_who_is_said_not_to_be_a_member_has_no_name(scene: SimpleNamespace, app: Flask) -> None:
    s = scene
    cleo = s.members[2]
    task(s, member_id=cleo)
    guardian = make.kept(Guardian(name="Gale Dunn", search="dunn gale"))
    make.kept(Guardianship(member_id=cleo, guardian_id=guardian.id))
    make.kept(
        Consent(member_id=cleo, purpose=Purpose.MEMBER, guardian_id=guardian.id, answer="refused",
                how="paper", starts_on=date(2026, 1, 1))
    )  # fmt: skip
    found = read(app.test_client(), link_of(s.people.leader))
    assert summaries(found.data) == ["A member: Write five postcards"]


def test_what_is_done_stays_a_while(any_scene: SimpleNamespace) -> None:
    s = any_scene
    for title, state, days in (
        ("Done lately", "completed", 29), ("Done long ago", "completed", 31),
        ("Called off", "cancelled", 2),
    ):  # fmt: skip
        task(s, title=title, state=state, finished_at=NOW - timedelta(days=days))
    task(s, title="Without a day", due_on=None)
    found = entries(again(s.ana), now=NOW)
    calendar = parsed(written(found, name="Tasks", now=NOW))
    told = {str(each["summary"]): each for each in calendar.walk("VTODO")}
    assert set(told) == {"Done lately", "Called off", "Without a day"}
    assert told["Done lately"]["status"] == "COMPLETED"
    assert int(told["Done lately"]["percent-complete"]) == 100
    assert told["Done lately"]["completed"].dt == NOW - timedelta(days=29)
    assert told["Called off"]["status"] == "CANCELLED"
    assert "due" not in told["Without a day"]
    assert calendar.walk("VEVENT") == []


def test_when_a_link_opens_nothing(scene: SimpleNamespace, app: Flask) -> None:
    s = scene
    token = link_of(s.ana)
    client = app.test_client()
    assert read(client, token).status_code == 200
    newer = link_of(s.ana)
    assert read(client, token).status_code == 404
    assert read(client, newer).status_code == 200
    for wrong in ("x", newer[:-1], f"{newer}x", "%00", digest(newer)):
        assert read(client, wrong).status_code == 404
    with db.unit_of_work():
        db.session.get_one(User, s.ana.id).active = False
        audit.record("make", "test", None, by=None)
    assert read(client, newer).status_code == 404
    of_ben = link_of(s.ben)
    assert read(client, of_ben).status_code == 200
    revoke(s.ben)
    assert read(client, of_ben).status_code == 404


def test_a_leader_who_leads_no_more_sees_none(scene: SimpleNamespace, app: Flask) -> None:
    s = scene
    task(s)
    token = link_of(s.people.leader)
    revoke(s.people.leader)
    make.kept(make.ChapterRole(user_id=s.people.leader.id, chapter_id=s.school_b, role="leader"))
    assert summaries(read(app.test_client(), token).data) == []


def test_who_has_no_tasks_gets_no_link(scene: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(scene.people.viewer)
    assert client.get("/tasks/calendar").status_code == 403
    assert client.post("/tasks/calendar").status_code == 403


def test_the_secret_is_kept_nowhere(
    scene: SimpleNamespace, app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    s = scene
    with caplog.at_level(logging.DEBUG):
        token = link_of(s.ana)
        read(app.test_client(), token)
        read(app.test_client(), f"{token}x")
    assert token not in caplog.text
    assert db.session.scalars(select(CalendarFeed.token_hash)).all() == [digest(token)]
    for entry in db.session.scalars(select(AuditEntry)):
        assert token not in str(entry.changes)


def test_made_and_ended_is_recorded(any_scene: SimpleNamespace) -> None:
    s = any_scene
    link_of(s.ana)
    link_of(s.ana)
    with db.unit_of_work():
        assert revoke_calendar_link(by=again(s.ana)) == 1
    with db.unit_of_work():
        assert revoke_calendar_link(by=again(s.ana)) == 0
    verbs = db.session.scalars(select(AuditEntry.verb).where(AuditEntry.kind == "calendar_feed"))
    assert list(verbs) == ["make_calendar_link", "make_calendar_link", "revoke_calendar_link"]
    assert all(db.session.scalars(select(CalendarFeed.revoked_at)))


def test_wrong_links_are_slowed_down(scene: SimpleNamespace, app: Flask) -> None:
    app.config["THROTTLED"] = True
    client = app.test_client()
    codes = [read(client, f"wrong-{each}").status_code for each in range(55)]
    assert codes[:50] == [404] * 50
    assert codes[-1] == 429


def test_it_takes_few_statements(any_scene: SimpleNamespace) -> None:
    s = any_scene
    for place in range(30):
        task(s, title=f"Task {place}", member_id=s.members[place % 3])
    leader = again(s.people.leader)
    with statements() as seen:
        assert len(entries(leader, now=NOW)) == 30
    assert len(seen) <= 8


texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=300)


@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(title=texts, campaign=st.one_of(st.none(), texts), whose=st.sampled_from(["", "Ana;,\\"]))
def test_any_text_is_read_back(app_for_texts: None, title: str, campaign: Any, whose: str) -> None:
    """Folded at 75 octets, escaped, CRLF; nothing of a text becomes a line of its own."""
    one = Entry(
        id=1, uid="u", title=title, campaign=campaign, state=State.NEEDS_ACTION,
        due_on=date(2026, 5, 8), pieces=0, done=0, made_at=NOW, changed_at=NOW, finished_at=None,
        whose=whose,
    )  # fmt: skip
    data = written([one], name="Tasks; of, all", now=NOW)
    lines = data.split(b"\r\n")
    assert all(len(line) <= 75 for line in lines)
    assert b"\n" not in data.replace(b"\r\n", b"")
    calendar = parsed(data)
    (todo,) = calendar.walk("VTODO")
    (_event,) = calendar.walk("VEVENT")
    expected = f"{whose}: {title}" if whose else title
    plain = " ".join("".join(c if c.isprintable() else " " for c in expected).split())
    assert str(todo["summary"]) == plain


@pytest.fixture
def app_for_texts(app: Flask) -> Any:
    with app.test_request_context():
        yield
