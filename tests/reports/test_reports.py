"""Every report counts by the one rule and says so: 31 students, 155 cards, 5 targets, a meeting."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import audit, db
from crm.core.access import Scope
from crm.core.tables import Share
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Member, Membership
from crm.outreach.queries import ActionFilter
from crm.reports.answering import Answer, answer
from crm.reports.catalogue import Question, reports
from crm.targets.models import Term
from tests import make
from tests.reports.conftest import ids, logged

EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()), exports_people=True)
NAMES = list(reports())


def asked(
    app: Flask, name: str, viewer: Viewer = EVERYWHERE, by: str | None = None, **wanted: Any
) -> Answer:
    question = Question(wanted=ActionFilter(**wanted), viewer=viewer)
    return answer(app, reports()[name].asked_by(by), question)


def cells(found: Answer, name: str, *keys: str, by: str | None = None) -> list[tuple[Any, ...]]:
    places = [reports()[name].asked_by(by).place(key) for key in keys]
    return [tuple(row[place] for place in places) for row in found.rows]


def pupils(chapter_ids: list[int]) -> list[int]:
    with db.unit_of_work():
        members = [
            Member(given_name=f"Student{n}", family_name="Invented", search=f"invented student{n}")
            for n, _chapter in enumerate(chapter_ids)
        ]
        db.session.add_all(members)
        db.session.flush()
        db.session.add_all(
            Membership(member_id=member.id, chapter_id=chapter_id)
            for member, chapter_id in zip(members, chapter_ids, strict=True)
        )
        audit.record("make", "test", None, by=None)
        return [member.id for member in members]


@pytest.fixture
def school(any_app: Flask) -> SimpleNamespace:
    """31 students write 155 cards to 5 targets; two chapters meet 3 of them together."""
    state = make.chapter("State Campaign", kind="state")
    alder, birch = make.chapter("Alder High", state), make.chapter("Birch High", state)
    alder_id, birch_id = ids(alder, birch)
    students = pupils([alder_id] * 30 + [birch_id])
    targets = ids(
        make.legislator("Ann", "Alpha", party="Democrat", district="1"),
        make.legislator("Bea", "Beta", district="2"),
        make.legislator("Cy", "Gamma", area="OH", district="1"),
        make.target("Niue", region="Oceania"),
        make.target("Tonga", region="Oceania"),
    )
    terms = {target: place for place, target in enumerate(targets[:3], start=1)}
    campaign = make.campaign().id
    cards = logged(
        "postcard",
        campaign,
        pieces=155,
        targets=dict.fromkeys(targets, 31),
        members=dict.fromkeys(students, 4),
        chapters=[alder_id],
        terms=terms,
        outcomes=[
            (targets[0], "acknowledgement", date(2025, 10, 17)),
            (targets[0], "substantive_reply", date(2025, 10, 27)),
            (targets[1], "returned", date(2025, 10, 28)),
        ],
    )
    meeting = logged(
        "meeting",
        campaign,
        targets=targets[:3],
        members=dict.fromkeys(students[:4], 1),
        chapters=[alder_id, birch_id],
        on=date(2025, 11, 4),
        terms=terms,
    )
    logged("letter", campaign, pieces=9, targets={targets[0]: 9}, undone=True)
    return SimpleNamespace(
        app=any_app, targets=targets, students=students, alder=alder_id, birch=birch_id,
        campaign=campaign, cards=cards, meeting=meeting,
    )  # fmt: skip


def test_it_works(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-target")
    assert str(found.reckoning) == (
        "Targets were reached 158 times. 2 of these repeat one act that reached several targets. "
        "Counted once that is 156: 155 postcards and 1 meeting."
    )
    assert cells(found, "activity-by-target", "target", "pieces", "actions") == [
        ("Ann Alpha", 32, 2),
        ("Bea Beta", 32, 2),
        ("Cy Gamma", 32, 2),
        ("Niue", 31, 1),
        ("Tonga", 31, 1),
    ]
    report = reports()["activity-by-target"]
    assert found.totals[report.place("pieces")] == 156
    assert found.totals[report.place("actions")] == 2


FILTERS: list[dict[str, Any]] = [
    {},
    {"kind": "legislator"},
    {"area": "WV"},
    {"party": "Democrat"},
    {"region": "Oceania"},
    {"channel": "meeting"},
    {"since": date(2025, 11, 1)},
    {"until": date(2025, 10, 31)},
    {"campaign_id": 99},
    {"post_id": 1},
    {"post_id": 0},
]


def test_by_post_two_who_held_one_seat_add_up(school: SimpleNamespace) -> None:
    """40 actions under the predecessor and 12 under the successor are 52 of the seat."""
    predecessor = school.targets[0]
    successor = make.legislator("Dee", "Delta", district="1").id
    term = db.session.scalars(select(Term.id).where(Term.target_id == successor)).one()
    logged(
        "letter", school.campaign, pieces=12, targets={successor: 12}, terms={successor: term},
        on=date(2025, 12, 1), outcomes=[(successor, "refusal", date(2025, 12, 9))],
    )  # fmt: skip
    # One meeting with both: once of the seat's actions, and each was reached by it.
    logged(
        "meeting", school.campaign, targets=[predecessor, successor], on=date(2025, 12, 2),
        terms={predecessor: 1, successor: term},
    )  # fmt: skip
    keys = ("post", "holders", "area", "pieces", "actions", "answers", "rate", "last")
    found = asked(school.app, "activity-by-target", by="post")
    assert cells(found, "activity-by-target", *keys, by="post") == [
        ("WV 1", "Ann Alpha, Dee Delta", "WV", 46, 4, 3, Share(3, 46), date(2025, 12, 2)),
        ("OH 1", "Cy Gamma", "OH", 32, 2, 0, Share(0, 32), date(2025, 11, 4)),
        ("WV 2", "Bea Beta", "WV", 32, 2, 0, Share(0, 32), date(2025, 11, 4)),
        ("No post", "", "", 62, 1, 0, Share(0, 62), date(2025, 10, 7)),
    ]
    assert found.reckoning.sums.holds
    by_person = asked(school.app, "activity-by-target", by="person")
    assert by_person.reckoning.sums == found.reckoning.sums
    assert by_person.totals[4:8] == found.totals[3:7]


def test_every_report_reconciles_under_every_filter(school: SimpleNamespace) -> None:
    ways = [(name, by) for name in NAMES for by in (reports()[name].ways or (None,))]
    # The second database is asked for each report under every other filter.
    step = 1 if db.session.get_bind().dialect.name == "sqlite" else 2
    for place, (name, by) in enumerate(ways):
        for wanted in ({}, *FILTERS[1 + place % step :: step]):
            found = asked(school.app, name, by=by, **wanted)
            assert found.reckoning.sums.holds, (name, wanted, str(found.reckoning))
            if reports()[name].counts == "pieces" and not wanted and not reports()[name].always:
                assert found.reckoning.sums.total == 156
                assert "156" in str(found.reckoning)


def test_the_chapters_count_joint_work_each_and_once_together(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-chapter")
    assert cells(found, "activity-by-chapter", "chapter", "pieces") == [
        ("Alder High", 156),
        ("Birch High", 1),
    ]
    assert "1 of these repeat one joint action" in str(found.reckoning)
    of_birch = asked(school.app, "activity-by-chapter", chapter_ids=frozenset({school.birch}))
    assert cells(of_birch, "activity-by-chapter", "chapter", "pieces") == [("Birch High", 1)]


def test_members_and_the_tally_add_up(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-member")
    pieces = [amount for (amount,) in cells(found, "activity-by-member", "pieces")]
    assert pieces == [5] * 4 + [4] * 27 + [31]
    assert found.rows[-1][0] == "Nobody named (tally)"
    assert "Members and the unnamed tally add up to 159. 3 of these" in str(found.reckoning)


def test_members_of_other_chapters_are_one_sum(school: SimpleNamespace) -> None:
    leader = Viewer(
        sees=Scope(everywhere=False, chapter_ids=frozenset({school.alder})), exports_people=False
    )
    found = asked(school.app, "activity-by-member", leader)
    names = [name for (name,) in cells(found, "activity-by-member", "member")]
    assert len(names) == 32
    assert names[-2:] == ["1 member of other chapters", "Nobody named (tally)"]
    assert not any("Student30" in name for name in names)
    assert found.reckoning.sums.holds


def test_who_sees_no_members_sees_no_name(school: SimpleNamespace) -> None:
    nobody = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset()), exports_people=False)
    found = asked(school.app, "activity-by-member", nobody)
    names = [name for (name,) in cells(found, "activity-by-member", "member")]
    assert names == ["31 members of other chapters", "Nobody named (tally)"]


def test_an_export_gives_members_numbers(school: SimpleNamespace) -> None:
    viewer = Viewer(sees=EVERYWHERE.sees, exports_people=False)
    question = Question(wanted=ActionFilter(), viewer=viewer, exit=Exit.EXPORT)
    found = answer(school.app, reports()["activity-by-member"], question)
    assert found.rows[0][0] == db.session.get_one(Member, school.students[0]).pseudonym


def test_a_target_filter_of_members_says_these_are_whole_actions(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-member", target_id=school.targets[3])
    assert "these are whole actions; 31 of this reached the targets asked for" in str(
        found.reckoning
    )
    assert found.reckoning.sums.total == 155


def test_answers_come_with_their_n(school: SimpleNamespace) -> None:
    found = asked(school.app, "response-rate")
    assert cells(found, "response-rate", "channel", "rate", "substance", "returned", "days") == [
        ("Postcards", Share(2, 155), Share(1, 155), 1, 10),
        ("Meetings", Share(0, 3), Share(0, 3), 0, None),
    ]
    of_alpha = asked(school.app, "activity-by-target", target_id=school.targets[0])
    assert cells(of_alpha, "activity-by-target", "answers", "rate") == [(2, Share(2, 32))]
    assert str(Share(4, 20)) == "4 of 20 (20%)"


def test_outcomes_by_kind_lead_to_as_many_records(school: SimpleNamespace) -> None:
    found = asked(school.app, "outcomes")
    assert cells(found, "outcomes", "channel", "many") == [("Postcards", 1)] * 3
    for row in found.rows:
        kind, channel = row[-1]
        question = Question(wanted=ActionFilter(channel=channel), viewer=EVERYWHERE, outcome=kind)
        records = answer(school.app, reports()["answers"], question)
        assert len(records.rows) == row[2]
        assert records.reckoning.sums.holds


def test_the_campaign_shows_its_progress(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-campaign")
    assert cells(found, "activity-by-campaign", "pieces", "goal", "progress") == [
        (156, "150 postcards by Mar 1, 2026", Share(155, 150))
    ]


def test_months_and_channels(school: SimpleNamespace) -> None:
    found = asked(school.app, "activity-by-period")
    keys = ("period", "channel", "pieces")
    assert cells(found, "activity-by-period", *keys) == [
        (date(2025, 11, 1), "Meetings", 1),
        (date(2025, 10, 1), "Postcards", 155),
    ]


def test_the_ledger_has_a_line_for_each_action_and_target(school: SimpleNamespace) -> None:
    event = logged("event", school.campaign, on=date(2025, 12, 1))
    found = asked(school.app, "actions")
    lines = cells(found, "actions", "action", "target", "pieces", "chapters", "party")
    assert lines[0] == (event, None, 1, None, None)
    assert lines[1] == (school.meeting, "Ann Alpha", 1, "Alder High, Birch High", "Democrat")
    assert [line[0] for line in lines] == [event] + [school.meeting] * 3 + [school.cards] * 5
    assert found.reckoning.sums.total == 157
    assert "1 act reached the public and no target by name" in str(found.reckoning)


def test_nothing_logged_is_no_error(any_app: Flask) -> None:
    for name in NAMES:
        found = asked(any_app, name)
        assert list(found.rows) == []
        assert found.reckoning.sums.holds


def test_a_target_with_two_current_terms_is_counted_once(school: SimpleNamespace) -> None:
    make.kept(
        Term(target_id=school.targets[0], post_id=2, starts_on=date(2020, 1, 1), is_current=True)
    )
    found = asked(school.app, "activity-by-target")
    assert found.reckoning.sums.rows_total == 158
    assert found.reckoning.sums.holds
