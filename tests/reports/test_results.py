"""What came of it, counted by hand: commitments, coverage, changes, tasks, hours, faults."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient
from sqlalchemy import select, update

from crm.campaigns.models import Ask
from crm.campaigns.positions import record_position
from crm.core import audit, db
from crm.core.access import Role, Scope
from crm.core.tables import Share
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Chapter, Member
from crm.outreach.commitments import Promised, record_answer, record_commitment, settle_commitment
from crm.outreach.models import Action, ActionMember, ActionTarget
from crm.outreach.operations import record_outcome
from crm.outreach.queries import ActionFilter
from crm.reports.answering import Answer, answer, limits_of
from crm.reports.catalogue import Question, Report, reports
from crm.targets.models import ContactPoint, Target, TargetIdentifier
from crm.tasks.models import HoursSigned, Task
from crm.treaties.operations import add_event
from tests import make
from tests.members.test_queries import statements
from tests.reports.conftest import logged

SignIn = Callable[[Any], FlaskClient]
ON = date(2026, 5, 1)
EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=True)


def way(name: str, by: str | None = None) -> Report:
    return reports()[name].asked_by(by)


def ask(
    app: Flask, name: str, by: str | None = None, viewer: Viewer = EVERYWHERE, on: date = ON,
    **wanted: Any,
) -> Answer:  # fmt: skip
    question = Question(wanted=ActionFilter(**wanted), viewer=viewer, on=on)
    found = answer(app, way(name, by), question)
    assert found.reckoning.sums.holds, str(found.reckoning)
    return found


def cells(found: Answer, name: str, by: str | None, *keys: str) -> list[tuple[Any, ...]]:
    places = [way(name, by).place(key) for key in keys]
    return [tuple(row[place] for place in places) for row in found.rows]


@pytest.fixture
def field(any_app: Flask) -> SimpleNamespace:
    """Two chapters write 20 letters and 30 cards to four of five targets and meet two of them."""
    state = make.chapter("State Campaign", kind="state")
    alder, birch = make.chapter("Alder High", state), make.chapter("Birch High", state)
    targets = [
        make.legislator("Ann", "Alpha", party="Democrat", district="1"),
        make.legislator("Bea", "Beta", district="2"),
        make.legislator("Cy", "Gamma", area="OH", district="1"),
        make.target("Niue", country="NU", region="Oceania"),
        make.target("Tonga", country="TO", region="Oceania"),
    ]
    ids = [each.id for each in targets]
    members = [make.member("Ana", "Brook", alder).id, make.member("Ben", "Cole", birch).id]
    campaign = make.campaign(targets=tuple(targets[:4]))
    chapters = [alder.id, birch.id]
    letters = logged(
        "letter", campaign.id, pieces=20, targets={ids[0]: 15, ids[1]: 5},
        members={members[0]: 20}, chapters=[chapters[0]], on=date(2026, 1, 10),
    )  # fmt: skip
    cards = logged(
        "postcard", campaign.id, pieces=30, targets={ids[1]: 10, ids[3]: 20},
        members={members[1]: 30}, chapters=[chapters[1]], on=date(2026, 3, 1),
    )  # fmt: skip
    meeting = logged(
        "meeting", campaign.id, targets=[ids[0], ids[3]], members=dict.fromkeys(members, 1),
        chapters=chapters, on=date(2026, 4, 1),
    )  # fmt: skip
    return SimpleNamespace(
        app=any_app, targets=ids, members=members, campaign=campaign.id, state=state.id,
        chapters=chapters, letters=letters, cards=cards, meeting=meeting,
    )  # fmt: skip


def row_of(action_id: int, target_id: int) -> int:
    return db.session.scalars(
        select(ActionTarget.id).where(
            ActionTarget.action_id == action_id, ActionTarget.target_id == target_id
        )
    ).one()


def came(of: SimpleNamespace, action: int, place: int, kind: str, on: date, **more: Any) -> None:
    with db.unit_of_work():
        record_answer(
            promised=more.pop("promised", None), action_target_id=row_of(action, of.targets[place]),
            kind=kind, summary=more.pop("summary", None), received_on=on, by=None, today=ON,
        )  # fmt: skip


def went(of: SimpleNamespace) -> None:
    """The letters went to Washington, the cards to a district office and an embassy."""
    with db.unit_of_work():
        for action, place, address in (
            (of.letters, 0, "washington"), (of.letters, 1, "washington"),
            (of.cards, 1, "district"), (of.cards, 3, "mission"),
        ):  # fmt: skip
            db.session.get_one(ActionTarget, row_of(action, of.targets[place])).went_to = address
        db.session.execute(
            update(ActionTarget).where(ActionTarget.action_id == of.cards).values(awaiting=True)
        )
        audit.record("make", "test", None, by=None)


def test_answers_by_target_and_address(field: SimpleNamespace) -> None:
    went(field)
    came(field, field.letters, 0, "acknowledgement", date(2026, 2, 1))
    came(field, field.letters, 0, "substantive_reply", date(2026, 4, 10))
    came(field, field.cards, 1, "substantive_reply", date(2026, 3, 20))
    found = ask(field.app, "response-rate", "target")
    assert cells(found, "response-rate", "target", "target", "pieces", "rate", "substance",
                 "in_time", "days", "waiting") == [
        ("Niue", 21, Share(0, 21), Share(0, 21), None, None, 20),
        # 22 days and 90: Washington has 56.
        ("Ann Alpha", 16, Share(2, 16), Share(1, 16), Share(1, 2), 22, 0),
        ("Bea Beta", 15, Share(1, 15), Share(1, 15), Share(1, 1), 19, 0),
    ]  # fmt: skip
    by_address = cells(
        ask(field.app, "response-rate", "address", channel="letter"),
        "response-rate", "address", "address", "pieces", "rate", "window",
    )  # fmt: skip
    assert by_address == [("Office in Washington", 20, Share(2, 20), "56 days")]
    assert cells(ask(field.app, "outcomes", "target"), "outcomes", "target", "target", "many",
                 "answers") == [("Ann Alpha", 2, 2), ("Bea Beta", 1, 1)]  # fmt: skip
    assert cells(ask(field.app, "outcomes", "address"), "outcomes", "address", "address",
                 "many") == [
        ("Office in Washington", 2), ("District or state office", 1)
    ]  # fmt: skip
    # Of substance is a group that the list of answers knows.
    question = Question(wanted=ActionFilter(), viewer=EVERYWHERE, outcome="substance")
    assert len(answer(field.app, reports()["answers"], question).rows) == 2
    for state in ("waiting", "closed", "answered"):
        ask(field.app, "response-rate", "target", state=state)
        ask(field.app, "outcomes", "address", state=state)


def test_commitments(field: SimpleNamespace) -> None:
    due = date(2026, 4, 20)
    came(field, field.letters, 0, "commitment", date(2026, 2, 1), promised=Promised("A", due))
    came(field, field.letters, 1, "commitment", date(2026, 2, 1), promised=Promised("B", due))
    came(field, field.meeting, 0, "commitment", date(2026, 4, 2), promised=Promised("C", None))
    with db.unit_of_work():
        record_outcome(
            action_target_id=row_of(field.cards, field.targets[3]), kind="commitment",
            received_on=date(2026, 3, 9), by=None, today=ON,
        )  # fmt: skip
        kept = record_commitment(
            text="D", whose="ours", target_id=field.targets[1], made_on=due,
            due_on=date(2026, 6, 1), by=None, today=ON,
        )  # fmt: skip
        settle_commitment(kept, state="kept", on=date(2026, 4, 30), evidence="Sent.", by=None,
                          today=ON)  # fmt: skip
    columns = ("many", "open", "overdue", "kept", "broken", "share")
    found = ask(field.app, "commitments")
    assert cells(found, "commitments", None, "target", *columns) == [
        ("Ann Alpha", 2, 2, 1, 0, 0, None),
        ("Bea Beta", 2, 1, 1, 1, 0, Share(1, 1)),
    ]
    assert str(found.reckoning) == (
        "4 commitments: 3 open, of which 2 overdue, 1 kept, 0 broken. Each belongs to one target. "
        "1 answer says that something was promised, and nobody wrote down what."
    )
    # As they stood before: nothing late, nothing kept.
    assert cells(ask(field.app, "commitments", on=due), "commitments", None, *columns) == [
        (2, 2, 0, 0, 0, None), (2, 2, 0, 0, 0, None)
    ]  # fmt: skip
    found = ask(field.app, "commitments", "campaign")
    assert cells(found, "commitments", "campaign", "many", "open") == [(3, 3), (1, 0)]
    assert cells(ask(field.app, "commitments", "whose"), "commitments", "whose", "whose",
                 "many") == [("Theirs", 3), ("Ours", 1)]  # fmt: skip
    found = ask(field.app, "commitments", since=due, until=ON)
    assert cells(found, "commitments", None, "many") == [(1,), (1,)]
    assert "1 more names no day" in str(found.reckoning)


def test_coverage(field: SimpleNamespace) -> None:
    found = ask(field.app, "coverage")
    assert cells(found, "coverage", None, "target", "days", "channel", "actions") == [
        ("Cy Gamma", None, "", 0),
        ("Tonga", None, "", 0),
        ("Bea Beta", 61, "Postcards", 2),
        ("Ann Alpha", 30, "Meetings", 2),
        ("Niue", 30, "Meetings", 2),
    ]
    assert str(found.reckoning) == (
        "5 targets are asked for: 3 reached, 2 not. Each is counted once."
    )
    # On a day before the meeting and the cards.
    assert cells(ask(field.app, "coverage", on=date(2026, 2, 1)), "coverage", None, "target",
                 "days")[-2:] == [("Ann Alpha", 22), ("Bea Beta", 22)]  # fmt: skip
    # Of the campaign those on its list; of a chapter its own contact, of whomever.
    assert len(ask(field.app, "coverage", campaign_id=field.campaign).rows) == 4
    birch = frozenset({field.chapters[1]})
    found = ask(field.app, "coverage", chapter_ids=birch, channel="postcard")
    assert [row for row in cells(found, "coverage", None, "target", "actions") if row[1]] == [
        ("Bea Beta", 1), ("Niue", 1)
    ]  # fmt: skip
    found = ask(field.app, "coverage", "area")
    assert cells(found, "coverage", "area", "area", "reached", "never") == [
        ("Ohio", Share(0, 1), 1),
        ("West Virginia", Share(2, 2), 0),
        ("Oceania", Share(1, 2), 1),
    ]
    found = ask(field.app, "coverage", "country", kind="government")
    assert cells(found, "coverage", "country", "country", "who", "chapters", "reached") == [
        ("Niue", "Alder High, Birch High", 2, Share(1, 1)),
        ("Tonga", "", 0, Share(0, 1)),
    ]
    found = ask(field.app, "coverage", "country", kind="government", chapter_ids=birch)
    assert cells(found, "coverage", "country", "who")[0] == ("Birch High",)


def test_changes_and_what_went_before(field: SimpleNamespace) -> None:
    asked = db.session.scalars(select(Ask.id).where(Ask.campaign_id == field.campaign)).one()
    with db.unit_of_work():
        for support, seen_on in ((-1, date(2026, 1, 2)), (-1, date(2026, 1, 20)),
                                 (1, date(2026, 4, 1))):  # fmt: skip
            record_position(
                target_id=field.targets[0], ask_id=asked, support=support, confidence="low",
                seen_on=seen_on, evidence_text="Said so.", by=None, today=ON,
            )  # fmt: skip
        niue = field.targets[3]
        db.session.add(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
        db.session.flush()
        add_event(
            treaty="CCM", target_id=niue, kind="accession", happened_on=date(2026, 3, 15),
            source="the depositary", by=None, today=ON,
        )  # fmt: skip
    found = ask(field.app, "changes")
    assert cells(found, "changes", None, "day", "before", "after", "moved", "pieces", "last",
                 "by") == [
        (date(2026, 4, 1), "Opponent", "Supporter", 2, 16, date(2026, 4, 1), "Meetings")
    ]  # fmt: skip
    assert str(found.reckoning).startswith(
        "3 entries of the period: 1 said for the first time where somebody stands, 1 said the same "
        "again, 1 changed it."
    )
    assert "need not be the cause" in str(found.reckoning)
    assert ask(field.app, "changes", until=date(2026, 3, 31)).rows == []
    assert ask(field.app, "changes", on=date(2026, 3, 31)).rows == []
    found = ask(field.app, "changes", "treaty", region="Oceania")
    # The cards before the step, and not the meeting after it.
    assert cells(found, "changes", "treaty", "state", "step", "pieces", "last") == [
        ("Niue", "Acceded", 20, date(2026, 3, 1))
    ]
    lead = way("changes").leads
    assert lead is not None
    assert lead("pieces", (1,) * 11 + ((1, 7, ON),), {}) == (
        "outreach.index", {"target": 7, "since": "2025-05-01", "until": "2026-05-01"}
    )  # fmt: skip


def task(chapter: int, **more: Any) -> Task:
    return Task(title="Write", chapter_id=chapter, **more)


def test_tasks_of_the_chapters_one_sees(field: SimpleNamespace) -> None:
    alder, birch = field.chapters
    done = {"state": "completed", "due_on": date(2026, 3, 10)}
    make.kept(
        task(alder, member_id=field.members[0], pieces=4, done=4, **done,
             finished_at=datetime(2026, 3, 10, 20, tzinfo=UTC)),
        task(alder, member_id=field.members[0], pieces=4, done=4, **done,
             finished_at=datetime(2026, 3, 12, 20, tzinfo=UTC)),
        task(alder, in_pool=True, due_on=date(2026, 4, 30), pieces=2, done=1),
        task(alder, due_on=ON),
        task(alder, state="cancelled", pieces=9),
        task(birch, member_id=field.members[1], campaign_id=field.campaign),
    )  # fmt: skip
    found = ask(field.app, "tasks")
    columns = ("many", "done", "on_time", "open", "overdue", "off", "pieces")
    assert cells(found, "tasks", None, "chapter", *columns) == [
        ("Alder High", 5, 2, Share(1, 2), 2, 1, 1, Share(9, 10)),
        ("Birch High", 1, 0, None, 1, 0, 0, None),
    ]
    assert str(found.reckoning) == (
        "6 tasks were handed out: 2 done, 3 open, of which 1 overdue, 1 called off. Each is "
        "counted once."
    )
    assert cells(ask(field.app, "tasks", "member"), "tasks", "member", "member", "many") == [
        ("Ana Brook", 2), ("Ben Cole", 1), ("The leaders' own", 2),
        ("In the pool: nobody's yet", 1),
    ]  # fmt: skip
    assert cells(ask(field.app, "tasks", "campaign"), "tasks", "campaign", "many") == [(1,), (5,)]
    assert cells(ask(field.app, "tasks", "leader"), "tasks", "leader", "many") == [(6,)]
    assert cells(ask(field.app, "tasks", until=date(2026, 4, 1)), "tasks", None, "many") == [(2,)]
    # Who sees Alder alone is told how much is left out.
    own = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset({alder})))
    found = ask(field.app, "tasks", viewer=own)
    assert cells(found, "tasks", None, "many") == [(5,)]
    question = Question(wanted=ActionFilter(), viewer=own, on=ON)
    assert limits_of(way("tasks"), question) == [
        "1 task of chapters whose members you do not see is left out."
    ]
    nobody = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset()))
    assert ask(field.app, "tasks", "member", viewer=nobody).rows == []


def test_who_handed_out_tasks_is_named_for_the_viewer(field: SimpleNamespace) -> None:
    """And not for who happens to be signed in: in a mail and a command that is nobody."""
    alder, birch = field.chapters
    for name, chapter in (("Lia Lane", alder), ("Bo Birchman", birch)):
        leader = make.user(Role.LEADER, db.session.get_one(Chapter, chapter), name=name)
        make.kept(task(chapter, leader_id=leader.id))

    def named(viewer: Viewer, exit: Exit) -> set[str]:
        asked = Question(wanted=ActionFilter(), viewer=viewer, exit=exit, on=ON)
        return {row[0] for row in way("tasks", "leader").rows(asked)}

    everywhere = Scope(everywhere=True, chapter_ids=frozenset())
    own = Scope(everywhere=False, chapter_ids=frozenset({alder}))
    assert named(Viewer(sees=everywhere), Exit.PAGE) == {"Lia Lane", "Bo Birchman"}
    assert named(Viewer(sees=own), Exit.PAGE) == {"Lia Lane"}
    assert named(Viewer(sees=everywhere), Exit.EXPORT) == {"Lia", "Bo"}
    assert named(EVERYWHERE, Exit.EXPORT) == {"Lia Lane", "Bo Birchman"}


def test_hours_of_members_and_chapters(field: SimpleNamespace) -> None:
    ana, ben = field.members
    with db.unit_of_work():
        for action, minutes in ((field.letters, 100), (field.meeting, 130)):
            db.session.get_one(Action, action).minutes = minutes
        for action, member, minutes in (
            (field.letters, ana, 90), (field.meeting, ana, 60), (field.meeting, ben, 60),
        ):  # fmt: skip
            db.session.execute(
                update(ActionMember)
                .where(ActionMember.action_id == action, ActionMember.member_id == member)
                .values(minutes=minutes)
            )
        db.session.add(HoursSigned(member_id=ana, action_id=field.letters, minutes=90))
        # Signed for other minutes than there are: not signed.
        db.session.add(HoursSigned(member_id=ben, action_id=field.meeting, minutes=50))
        db.session.add(
            task(field.chapters[1], member_id=ben, minutes=30, state="completed",
                 finished_at=datetime(2026, 4, 5, 15, tzinfo=UTC))
        )  # fmt: skip
        audit.record("make", "test", None, by=None)
    found = ask(field.app, "service-hours")
    assert cells(found, "service-hours", None, "member", "hours", "signed", "minutes") == [
        ("Ana Brook", 2.5, 1.5, 150), ("Ben Cole", 1.5, 0.0, 90), ("Nobody named", 0.33, None, 20)
    ]  # fmt: skip
    assert str(found.reckoning).startswith("4 h 20 min in all: 3 h 50 min of outreach and 30 min")
    found = ask(field.app, "service-hours", "chapter")
    assert cells(found, "service-hours", "chapter", "chapter", "minutes", "signed") == [
        ("Alder High", 230, 1.5), ("Birch High", 160, 0.0)
    ]  # fmt: skip
    assert found.reckoning.sums.shared == 130
    assert found.reckoning.sums.total == 260
    found = ask(field.app, "service-hours", since=date(2026, 4, 2))
    assert cells(found, "service-hours", None, "minutes") == [(30,)]
    # Birch's own: Ana's part in the meeting is a sum of others.
    own = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset({field.chapters[1]})))
    found = ask(field.app, "service-hours", viewer=own)
    assert cells(found, "service-hours", None, "member", "minutes") == [
        ("Ben Cole", 90), ("Members of other chapters and former ones", 60), ("Nobody named", 10)
    ]  # fmt: skip
    question = Question(wanted=ActionFilter(), viewer=own, on=ON)
    assert limits_of(way("service-hours"), question) == [
        "These are the hours of the one chapter whose members you see."
    ]
    # Who was forgotten is seen by nobody: not even by who sees all chapters.
    with db.unit_of_work():
        db.session.execute(update(Member).where(Member.id == ana).values(forgotten_at=db.now()))
        audit.record("make", "test", None, by=None)
    found = ask(field.app, "service-hours")
    assert cells(found, "service-hours", None, "member", "minutes") == [
        ("Ben Cole", 90), ("Former members", 150), ("Nobody named", 20)
    ]  # fmt: skip


def test_faults(field: SimpleNamespace) -> None:
    niue = field.targets[3]
    asked = db.session.scalars(select(Ask.id).where(Ask.campaign_id == field.campaign)).one()
    make.kept(
        ContactPoint(target_id=niue, kind="postal", label="Alofi", value="1", status="bad"),
        ContactPoint(target_id=field.targets[0], kind="postal", label="DC", value="2",
                     checked_on=date(2025, 4, 1)),
        ContactPoint(target_id=field.targets[1], kind="postal", label="DC", value="3",
                     checked_on=date(2026, 4, 1)),
    )  # fmt: skip
    with db.unit_of_work():
        db.session.get_one(Target, niue).seen_on = date(2025, 1, 1)
        record_position(
            target_id=niue, ask_id=asked, support=1, confidence="low", seen_on=date(2025, 2, 1),
            evidence_text="Said so.", by=None, today=ON,
        )  # fmt: skip
        record_outcome(action_target_id=row_of(field.cards, niue), kind="commitment",
                       received_on=date(2026, 3, 9), by=None, today=ON)  # fmt: skip
    official = make.target("Old Hand", kind="official").id
    found = ask(field.app, "data-quality")
    many = {row[-1]: row[2] for row in found.rows}
    assert many == {
        "no-address": 4, "bad-address": 1, "no-salutation": 1, "old-address": 1, "old-facts": 1,
        "no-promise": 1, "old-position": 1,
    }  # fmt: skip
    for key, number in many.items():
        records = ask(field.app, "data-quality", key)
        assert len(records.rows) == number, key
        assert way("data-quality", key).record is not None
    assert [row[0] for row in ask(field.app, "data-quality", "old-address").rows] == ["Ann Alpha"]
    assert cells(ask(field.app, "data-quality", "old-facts"), "data-quality", "old-facts",
                 "target", "days") == [("Niue", 485)]  # fmt: skip
    only = ask(field.app, "data-quality", target_id=official)
    assert {row[-1] for row in only.rows} == {"no-address", "no-salutation"}


OURS = ("outcomes", "response-rate", "commitments", "coverage", "changes", "tasks",
        "service-hours", "data-quality")  # fmt: skip
FILTERS: list[dict[str, Any]] = [
    {},
    {"area": "WV", "party": "Democrat", "kind": "legislator"},
    {"area": "", "region": "", "committee_id": 0},
    {"region": "Oceania", "since": date(2026, 2, 1), "until": date(2026, 3, 31)},
    {"chapter_ids": frozenset()},
    {"campaign_id": 1, "chapter_ids": frozenset({2}), "ask_id": 1, "member_id": 1},
    {"target_id": 4, "state": "answered", "went_to": ""},
]


def test_they_add_up_under_any_filter(field: SimpleNamespace) -> None:
    went(field)
    came(field, field.letters, 0, "commitment", date(2026, 2, 1), summary="They will.")
    came(field, field.cards, 3, "substantive_reply", date(2026, 4, 10))
    for name in OURS:
        for by in reports()[name].ways:
            for wanted in FILTERS if name != "data-quality" else FILTERS[2:4]:
                ask(field.app, name, by, **wanted)


def test_statements_do_not_grow(app: Flask) -> None:
    state = make.chapter("State Campaign", kind="state").id
    campaign = make.campaign().id

    def more(first: int) -> None:
        for number in range(first, first + 4):
            target = make.target(f"State {number}", region="Oceania", country="NU").id
            member = make.member(f"Ana{number}", "Brook", db.session.get_one(Chapter, state)).id
            action = logged("letter", campaign, pieces=2, targets={target: 2},
                            members={member: 2}, chapters=[state],
                            on=date(2026, 1, number))  # fmt: skip
            with db.unit_of_work():
                record_answer(
                    promised=Promised("x"), kind="commitment", summary=None,
                    action_target_id=row_of(action, target), received_on=ON, by=None, today=ON,
                )  # fmt: skip
                db.session.add(task(state, member_id=member))
                audit.record("make", "test", None, by=None)

    def count(name: str, by: str) -> int:
        g.pop("known_members", None)
        with statements() as seen:
            ask(app, name, by)
        return len(seen)

    more(1)
    ways = [(name, by) for name in OURS for by in reports()[name].ways if name != "data-quality"]
    few = {each: count(*each) for each in ways}
    more(5)
    assert {each: count(*each) for each in ways} == few


def test_every_number_leads_to_a_page(app: Flask, sign_in: SignIn) -> None:
    people = make.people()
    target = make.legislator("Ann", "Alpha")
    campaign = make.campaign(targets=(target,))
    action = logged("letter", campaign, pieces=2, targets={target.id: 2},
                    chapters=[people.school_a.id], on=date(2026, 1, 10))  # fmt: skip
    with db.unit_of_work():
        record_answer(
            promised=Promised("Vote", date(2026, 2, 1)), kind="commitment", summary=None,
            action_target_id=row_of(action, target.id), received_on=date(2026, 1, 20), by=None,
            today=ON,
        )  # fmt: skip
        db.session.add(task(people.school_a.id, due_on=date(2026, 2, 1), pieces=2))
        audit.record("make", "test", None, by=None)
    client = sign_in(people.coordinator)
    seen = set()
    for name in OURS:
        for by in reports()[name].ways:
            page = client.get(f"/reports/{name}?by={by}")
            assert page.status_code == 200, (name, by)
            seen |= {part.split('"')[0] for part in page.text.split('class="figure" href="')[1:]}
    assert len(seen) > 20
    for address in sorted(seen):
        assert client.get(address.replace("&amp;", "&")).status_code == 200, address
    g.pop("grants", None)
    g.pop("known_members", None)
    # Another chapter's leader reads of none of its tasks, and is told so.
    other = sign_in(people.outsider)
    page = other.get("/reports/tasks").text
    assert "Alder High" not in page.split("<main")[1].split("</form>", 1)[1]
