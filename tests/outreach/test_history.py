"""What lists, panels and pages read, on both databases."""

from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import db
from crm.core.access import Scope
from crm.members.disclosure import Viewer
from crm.members.models import Member
from crm.outreach import history, panels
from crm.outreach.history import (
    answers_to,
    newest,
    page_of_entries,
    sums_of_target,
    timeline,
    waiting,
    waiting_rows,
)
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import correct_action, record_outcome, snapshot
from crm.outreach.plain import Plain
from crm.outreach.queries import ActionFilter
from crm.outreach.record import history_of, participants, targets_reached
from crm.targets.models import Target

Log = Callable[..., Action]
TODAY = date(2026, 5, 1)
EVERYBODY = Viewer(Scope(True, frozenset()), exports_people=False)
NOBODY = Viewer(Scope(False, frozenset()), exports_people=False)


@pytest.fixture(params=["few", "many"])
def either_way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways a narrowed list is found: fetched and sorted, or gone through from the newest."""
    if request.param == "many":
        monkeypatch.setattr(history, "FEW", 0)


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene, place="Gym")
    entry = newest(ActionFilter(), 5)[0]
    assert (entry.what, entry.counted, entry.answers) == ("150 postcards", "5 targets", 0)
    assert entry.names.endswith(", …")
    assert (entry.campaign_slug, entry.chapters) == ("postcards", "Alder High School")


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (lambda s: {}, [4, 3, 2, 1]),
        (lambda s: {"campaign_id": s.other_campaign}, [4]),
        (lambda s: {"channel": "meeting"}, [4, 3]),
        (lambda s: {"since": date(2026, 3, 2), "until": date(2026, 3, 3)}, [3, 2]),
        (lambda s: {"target_id": s.targets[4]}, [1]),
        (lambda s: {"target_id": s.targets[0], "channel": "meeting"}, [4, 3]),
        (lambda s: {"kind": "government"}, [1]),
        (lambda s: {"region": "Oceania"}, [1]),
        (lambda s: {"area": "WV"}, [4, 3, 2, 1]),
        (lambda s: {"area": "OH"}, []),
        (lambda s: {"party": "Democratic"}, [4, 3, 1]),
        (lambda s: {"kind": "legislator", "region": "Oceania"}, []),
        (lambda s: {"outcome": "refusal"}, [2]),
        (lambda s: {"chapter_ids": frozenset({s.school_b})}, [4]),
        (lambda s: {"chapter_ids": frozenset({s.school_b}), "channel": "postcard"}, []),
        (lambda s: {"chapter_ids": frozenset({s.school_a, s.school_b})}, [4, 3, 2, 1]),
        (lambda s: {"chapter_ids": frozenset({s.state, s.school_b}), "area": "WV"}, [4]),
        (lambda s: {"chapter_ids": frozenset()}, []),
    ],
)
@pytest.mark.usefixtures("either_way")
def test_filters(
    any_scene: SimpleNamespace,
    log: Log,
    wanted: Callable[[Any], dict[str, Any]],
    found: list[int],
) -> None:
    s = any_scene
    both = [s.school_a, s.school_b]
    first = log(s, happened_on=date(2026, 3, 1)).id
    log(s, happened_on=date(2026, 3, 2), pieces=9, targets={s.targets[0]: 9})
    log(s, happened_on=date(2026, 3, 3), channel="meeting")
    log(
        s,
        happened_on=date(2026, 3, 4),
        channel="meeting",
        campaign_id=s.other_campaign,
        chapter_ids=both,
    )
    row = select(ActionTarget.id).where(ActionTarget.action_id == first + 1)
    answer(db.session.scalars(row).one())
    asked = ActionFilter(**wanted(s))
    page = page_of_entries(asked, number=1)
    assert [entry.id - first + 1 for entry in page.rows] == found
    assert (page.total, page.capped) == (len(found), False)
    assert [entry.id for entry in newest(asked, 2)] == [entry.id for entry in page.rows[:2]]


@pytest.mark.usefixtures("either_way")
def test_pages(any_scene: SimpleNamespace, log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    s = any_scene
    for n in range(7):
        log(
            s, happened_on=date(2026, 3, 1) + timedelta(days=n), pieces=1, targets={s.targets[0]: 1}
        )
    for asked in (ActionFilter(), ActionFilter(area="WV"), ActionFilter(target_id=s.targets[0])):
        ids = [
            entry.id
            for number in (1, 2, 3)
            for entry in page_of_entries(asked, number=number, size=3).rows
        ]
        assert ids == sorted(ids, reverse=True)
        assert len(set(ids)) == 7
    monkeypatch.setattr(history, "AHEAD", 1)
    page = page_of_entries(ActionFilter(area="WV"), number=1, size=3)
    assert (page.total, page.capped, page.pages) == (4, True, 2)


def answer(row: int, kind: str = "refusal", **more: Any) -> None:
    with db.unit_of_work():
        record_outcome(
            action_target_id=row,
            kind=kind,
            received_on=date(2026, 4, 1),
            by=None,
            today=TODAY,
            **more,
        )


def test_waiting(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s)
    log(s, channel="meeting", happened_on=date(2026, 1, 1), campaign_id=s.other_campaign)
    ids = list(db.session.scalars(waiting_rows()))
    rows = waiting(ids, today=TODAY)
    assert [row.days for row in rows] == [120] * 3 + [59] * 5
    assert rows[0].what == "1 meeting"
    assert not waiting(ids, today=TODAY, with_chapters=False)[0].chapter_ids
    answer(ids[0])
    assert len(db.session.scalars(waiting_rows()).all()) == 7
    of = db.session.scalars(waiting_rows(campaign_id=s.other_campaign)).all()
    assert len(of) == 2
    assert not db.session.scalars(waiting_rows(chapter_ids=frozenset({s.school_b}))).all()
    assert waiting([], today=TODAY) == []


def test_a_target(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s)
    log(s, pieces=4, targets={s.targets[0]: 4}, happened_on=date(2026, 4, 2))
    log(s, channel="meeting", happened_on=date(2026, 4, 1))
    sums = sums_of_target(s.targets[0])
    assert [(each.channel.name, each.actions, each.pieces) for each in sums] == [
        ("postcard", 2, 34),
        ("meeting", 1, 1),
    ]
    assert sums[0].last_on == date(2026, 4, 2)
    line = timeline(s.targets[0], 2, to=EVERYBODY)
    assert [each.what for each in line] == ["4 postcards", "1 meeting"]
    answer(line[1].action_target_id, "commitment", summary="Yes")
    assert [each.kind.name for each in timeline(s.targets[0], 2, to=EVERYBODY)[1].answers] == [
        "commitment"
    ]
    assert answers_to([]) == {}
    assert sums_of_target(s.targets[4])[0].pieces == 30


def test_panels(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s, members={s.members[0]: 100}, minutes=90)
    log(s, channel="meeting", members={s.members[0]: 1}, happened_on=date(2026, 4, 1))
    with any_app.test_request_context():
        of_target = panels.of_target(db.session.get_one(Target, s.targets[0]))
        assert (of_target["actions"], of_target["last_on"]) == (2, date(2026, 4, 1))
        of_member = panels.of_member(db.session.get_one(Member, s.members[0]))
        assert [words for _channel, words in of_member["sums"]] == ["100 postcards", "1 meeting"]
        assert [words for _entry, words in of_member["entries"]] == ["1 meeting", "100 postcards"]
        assert panels.sums_of_campaigns([s.campaign]) == {
            s.campaign: {"postcard": 150, "meeting": 1}
        }


def test_one_action(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    number = log(s, members={s.members[0]: 100, s.members[1]: 20}).id
    with any_app.test_request_context():
        reached = targets_reached(number, number=1, plain=Plain(), to=EVERYBODY)
        assert (reached.total, [each.pieces for each in reached.rows]) == (5, [30] * 5)
        assert [each.name for each in participants(number, to=EVERYBODY)] == [
            "Ana Brook",
            "Ben Cole",
        ]
        assert [each.name for each in participants(number, to=NOBODY)] == ["Ana", "Ben"]


def test_what_a_correction_changed(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    number = log(s, members={s.members[0]: 100}).id
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, number),
            campaign_id=s.other_campaign,
            happened_on=date(2026, 3, 4),
            pieces=60,
            targets={s.targets[0]: 30, s.targets[1]: 20, s.targets[2]: 10},
            members={s.members[1]: 5},
            chapter_ids=[s.school_b],
            note="New",
            reason="Wrong class",
            by=None,
            today=TODAY,
        )
    action = db.session.get_one(Action, number)
    with any_app.test_request_context():
        change = history_of(action, lambda: snapshot(action), to=EVERYBODY)[0]
        assert (change.verb, change.reason) == ("correct", "Wrong class")
        told = set(change.differences)
        assert {
            "Pieces: 150 → 60",
            "Date: Mar 3, 2026 → Mar 4, 2026",
            "Campaign: Postcards → Letters",
            "− Niue: 30",
            "Jim Birch: 30 → 20",
            "− Ana Brook: 100",
            "+ Ben Cole: 5",
            "− Alder High School",
            "+ Birch High School",
            "The note was changed.",
        } <= told
        hidden = history_of(action, lambda: snapshot(action), to=NOBODY)[0]
        assert "− Ana: 100" in hidden.differences
