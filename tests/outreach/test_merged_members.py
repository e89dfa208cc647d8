"""Two members made one keep what they did: no piece is lost, and none is counted twice."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from crm.core import audit, db
from crm.core.errors import Refused
from crm.members import merging, queries
from crm.outreach.channels import per_piece_names
from crm.outreach.models import Action, ActionChapter, ActionMember
from crm.outreach.operations import (
    correct_action,
    log_action,
    redo_action,
    undo_action,
)
from crm.outreach.queries import ActionFilter
from crm.reports.queries import tally
from tests.dumps import dump
from tests.outreach.conftest import TODAY
from tests.outreach.test_invariants import batches, check

TRACES = ("audit_entry", "member_merge")
Log = Callable[..., Action]


def merge(kept: int, merged: int) -> int:
    with db.unit_of_work():
        return merging.merge(kept_id=kept, merged_id=merged, by=None).id


def unmerge(number: int) -> None:
    with db.unit_of_work():
        merging.unmerge(merge_id=number, by=None)


def parts(action_id: int) -> dict[int, tuple[int, int | None, str | None]]:
    rows = db.session.execute(
        select(
            ActionMember.member_id, ActionMember.pieces, ActionMember.minutes, ActionMember.role
        ).where(ActionMember.action_id == action_id)
    )
    return {row[0]: (row[1], row[2], row[3]) for row in rows}


def give(action_id: int, member: int, minutes: int | None, role: str | None = None) -> None:
    with db.unit_of_work():
        row = db.session.scalars(
            select(ActionMember).where(
                ActionMember.action_id == action_id, ActionMember.member_id == member
            )
        ).one()
        row.minutes, row.role = minutes, role
        audit.record("give", "test", None, by=None)


def by_member() -> dict[int, dict[str, int]]:
    """Pieces of channels counted per piece that each member made."""
    found: dict[int, dict[str, int]] = {}
    for member, channel, pieces in db.session.execute(
        select(ActionMember.member_id, Action.channel, func.sum(ActionMember.pieces))
        .join(Action, Action.id == ActionMember.action_id)
        .group_by(ActionMember.member_id, Action.channel)
    ):
        found.setdefault(member, {})[channel] = int(pieces)
    return found


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    one, other, third = any_scene.members
    action = log(any_scene, members={one: 20, other: 30, third: 10}).id
    give(action, one, 40)
    give(action, other, 50, "writer")
    before = dump(leaving_out=TRACES)
    number = merge(one, other)
    assert parts(action) == {one: (50, 90, "writer"), third: (10, None, None)}
    check()
    unmerge(number)
    assert dump(leaving_out=TRACES) == before


def test_a_part_in_one_act_is_one_part(any_scene: SimpleNamespace, log: Log) -> None:
    one, other, _third = any_scene.members
    action = log(any_scene, channel="meeting", pieces=1, members={one: 1, other: 1}).id
    give(action, one, 40)
    give(action, other, 50)
    number = merge(one, other)
    assert parts(action) == {one: (1, 50, None)}
    check()
    unmerge(number)
    assert parts(action) == {one: (1, 40, None), other: (1, 50, None)}


def test_corrected_since_it_stays_one(any_scene: SimpleNamespace, log: Log) -> None:
    one, other, _third = any_scene.members
    action = log(any_scene, members={one: 20, other: 30}).id
    number = merge(one, other)
    record = db.session.get_one(Action, action)
    chapters = select(ActionChapter.chapter_id).where(ActionChapter.action_id == action)
    facts: dict[str, Any] = {
        "campaign_id": record.campaign_id,
        "happened_on": record.happened_on,
        "pieces": record.pieces,
        "targets": dict.fromkeys(any_scene.targets[:5], 30),
        "chapter_ids": list(db.session.scalars(chapters)),
    }
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action), reason=None, by=None, today=TODAY,
            members={one: 60}, **facts,
        )  # fmt: skip
    before = dump()
    with pytest.raises(Refused, match="corrected or undone since"):
        unmerge(number)
    db.rollback()
    assert dump() == before


def test_brought_back_it_is_the_kept_ones(any_scene: SimpleNamespace, log: Log) -> None:
    one, other, _third = any_scene.members
    cards = log(any_scene, members={one: 20, other: 30}).id
    meeting = log(any_scene, channel="meeting", pieces=1, members={one: 1, other: 1}).id
    for number in (cards, meeting):
        with db.unit_of_work():
            undo_action(db.session.get_one(Action, number), by=None)
    merge(one, other)
    for number in (cards, meeting):
        with db.unit_of_work():
            redo_action(db.session.get_one(Action, number), by=None)
    assert parts(cards) == {one: (50, None, None)}
    assert parts(meeting) == {one: (1, None, None)}
    check()


def test_nothing_is_logged_for_one_that_was_merged(any_scene: SimpleNamespace, log: Log) -> None:
    one, other, _third = any_scene.members
    merge(one, other)
    with pytest.raises(Refused, match="not a member of your chapters"):
        log(any_scene, members={other: 20})


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_was_logged(any_app: Flask, any_scene: SimpleNamespace, data: Any) -> None:
    run = data.draw(st.uuids())
    for step in range(data.draw(st.integers(1, 5))):
        given_ = data.draw(batches(any_scene))
        with db.unit_of_work():
            action = log_action(client_key=f"mm-{run}-{step}", by=None, today=TODAY, **given_)
            if data.draw(st.booleans()) and not given_["targets"]:
                undo_action(action, by=None)
    pairs = st.lists(
        st.sampled_from([*any_scene.members, any_scene.stranger]),
        min_size=2, max_size=2, unique=True,
    )  # fmt: skip
    states, done = [dump(leaving_out=TRACES)], list[int]()
    sums, whole = by_member(), tally(ActionFilter())
    for _merge in range(data.draw(st.integers(1, 3))):
        one, other = data.draw(pairs)
        if queries.kept_ids([one, other]):
            continue
        done.append(merge(one, other))
        check()
        assert tally(ActionFilter()) == whole
        now = by_member()
        assert other not in now
        for channel in per_piece_names():
            assert now.get(one, {}).get(channel, 0) == sum(
                sums.get(each, {}).get(channel, 0) for each in (one, other)
            )
        sums = now
        states.append(dump(leaving_out=TRACES))
    for number in reversed(done):
        assert dump(leaving_out=TRACES) == states.pop()
        unmerge(number)
        check()
    assert dump(leaving_out=TRACES) == states[0]
    assert tally(ActionFilter()) == whole
