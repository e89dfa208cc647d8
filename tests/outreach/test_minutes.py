"""Minutes of each member: shared out, given, corrected, undone and brought back."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from crm.core import db
from crm.core.errors import Refused
from crm.outreach.models import Action, ActionMember, ActionRevision
from crm.outreach.operations import correct_action, redo_action, undo_action
from tests.members.test_queries import statements
from tests.outreach.test_operations import same

Log = Callable[..., Action]


def of(action_id: int) -> dict[int, int | None]:
    rows = db.session.execute(
        select(ActionMember.member_id, ActionMember.minutes).where(
            ActionMember.action_id == action_id
        )
    )
    return {member: minutes for member, minutes in rows}  # noqa: C416


def correct(scene: SimpleNamespace, action_id: int, **changes: Any) -> None:
    with db.unit_of_work():
        correct_action(db.session.get_one(Action, action_id), **same(scene, **changes))


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    """By pieces, the unnamed tally with them; evenly where it was one act; given, as given."""
    s = any_scene
    a, b, c = s.members
    cards = log(s, members={a: 75, b: 50}, minutes=300).id
    assert of(cards) == {a: 150, b: 100}
    act = log(s, channel="meeting", members={a: 1, b: 1}, people=3, minutes=100).id
    assert of(act) == {a: 34, b: 33}
    given = log(s, members={a: 75, b: 50, c: 25}, member_minutes={a: 10, b: 45}).id
    assert of(given) == {a: 10, b: 45, c: None}
    assert db.session.get_one(Action, given).minutes == 55
    assert of(log(s, members={a: 75}).id) == {a: None}


def test_a_correction_shares_again_only_what_changed(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    a, b, _c = s.members
    members = {a: 75, b: 75}
    number = log(s, members=members, member_minutes={a: 10, b: 45}).id
    correct(s, number, members=members, minutes=55, note="In class")
    assert of(number) == {a: 10, b: 45}
    correct(s, number, members=members, minutes=55, member_minutes={a: 20, b: 35}, note="In class")
    assert of(number) == {a: 20, b: 35}
    correct(s, number, members=members, minutes=100)
    assert of(number) == {a: 50, b: 50}
    correct(s, number, members={a: 150}, minutes=100)
    assert of(number) == {a: 100}
    correct(s, number, members={a: 150}, minutes=None)
    assert of(number) == {a: None}


def test_undone_and_brought_back(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    number = log(s, members={s.members[0]: 100, s.members[1]: 50}, minutes=301).id
    before = of(number)
    assert before == {s.members[0]: 201, s.members[1]: 100}
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, number), by=None)
    assert of(number) == {}
    with db.unit_of_work():
        redo_action(db.session.get_one(Action, number), by=None)
    assert of(number) == before


def test_the_same_again_is_no_correction(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    members = {s.members[0]: 100}
    number = log(s, members=members, minutes=90).id
    correct(s, number, members=members, minutes=90)
    correct(s, number, members=members, minutes=90, member_minutes={s.members[0]: 60})
    assert db.session.scalars(select(ActionRevision.verb)).all() == []


def test_refused(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    for minutes in ({s.members[0]: -1}, {s.members[0]: 10_001}, {s.members[1]: 5}):
        with pytest.raises(Refused):
            log(s, members={s.members[0]: 5}, member_minutes=minutes)
    with pytest.raises(Refused, match="from 0 to 10000"):
        log(s, members={s.members[0]: 150}, minutes=10_001)


def test_minutes_cost_no_statement(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    members = dict.fromkeys(s.members, 10)
    log(s, members=members)
    with statements() as without:
        log(s, members=members)
    with statements() as counted:
        log(s, members=members, minutes=90)
    assert len(counted) == len(without)
