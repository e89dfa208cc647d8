"""Two targets made one keep their outreach: no piece is lost, and none is counted twice."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from crm.core import db
from crm.core.errors import Refused
from crm.outreach.channels import per_piece_names
from crm.outreach.models import Action, ActionChapter, ActionTarget, Outcome
from crm.outreach.operations import (
    correct_action,
    log_action,
    record_outcome,
    redo_action,
    undo_action,
)
from crm.outreach.queries import ActionFilter, total
from crm.reports.queries import tally
from crm.targets import merging, queries
from crm.targets.models import TargetMerge
from tests.dumps import dump
from tests.outreach.conftest import TODAY
from tests.outreach.test_invariants import batches, check

TRACES = ("audit_entry", "target_merge")
Log = Callable[..., Action]


def merge(kept: int, merged: int) -> int:
    with db.unit_of_work():
        return merging.merge(kept=queries.target(kept), merged=queries.target(merged), by=None).id


def unmerge(number: int) -> None:
    with db.unit_of_work():
        merging.unmerge(db.session.get_one(TargetMerge, number), by=None)


def reached(action_id: int) -> dict[int, tuple[int, bool]]:
    rows = db.session.execute(
        select(ActionTarget.target_id, ActionTarget.pieces, ActionTarget.awaiting).where(
            ActionTarget.action_id == action_id
        )
    )
    return {target: (pieces, awaiting) for target, pieces, awaiting in rows}


def by_target() -> dict[int, dict[str, int]]:
    """Pieces of channels counted per piece, and acts, that reached each target."""
    found: dict[int, dict[str, int]] = {}
    for target, channel, pieces in db.session.execute(
        select(
            ActionTarget.target_id, ActionTarget.channel, func.sum(ActionTarget.pieces)
        ).group_by(ActionTarget.target_id, ActionTarget.channel)
    ):
        found.setdefault(target, {})[channel] = int(pieces)
    return found


def correct(action_id: int, pieces: int, targets: dict[int, int]) -> None:
    action = db.session.get_one(Action, action_id)
    chapter = db.session.scalars(
        select(ActionChapter.chapter_id).where(ActionChapter.action_id == action_id)
    ).one()
    campaign, happened_on = action.campaign_id, action.happened_on
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action_id), reason=None, by=None, today=TODAY,
            campaign_id=campaign, happened_on=happened_on, pieces=pieces, targets=targets,
            members={}, chapter_ids=[chapter],
        )  # fmt: skip


def answer(action_id: int, target: int, received_on: date = TODAY) -> None:
    row = db.session.scalars(
        select(ActionTarget.id).where(
            ActionTarget.action_id == action_id, ActionTarget.target_id == target
        )
    ).one()
    with db.unit_of_work():
        record_outcome(
            action_target_id=row, kind="refusal", received_on=received_on, by=None, today=TODAY
        )


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    action = log(any_scene).id
    one, other = any_scene.targets[:2]
    answer(action, other)
    before = dump(leaving_out=TRACES)
    number = merge(one, other)
    found = reached(action)
    assert found[one] == (60, False)
    assert sum(pieces for pieces, _awaiting in found.values()) == 150
    assert len(found) == 4
    outcome = db.session.scalars(select(Outcome.action_target_id)).one()
    assert db.session.get_one(ActionTarget, outcome).target_id == one
    assert total(ActionFilter()) == 150
    check()
    unmerge(number)
    assert dump(leaving_out=TRACES) == before


def test_an_act_that_reached_both_is_one_act(any_scene: SimpleNamespace, log: Log) -> None:
    action = log(any_scene, channel="meeting").id
    one, other = any_scene.targets[:2]
    number = merge(one, other)
    assert reached(action)[one][0] == 1
    assert total(ActionFilter()) == 1
    assert total(ActionFilter(target_id=one)) == 1
    check()
    unmerge(number)
    assert set(reached(action)) == set(any_scene.targets[:3])


def test_an_answer_since_to_both_stays_with_the_one_kept(
    any_scene: SimpleNamespace, log: Log
) -> None:
    action = log(any_scene).id
    one, other = any_scene.targets[:2]
    number = merge(one, other)
    answer(action, one)
    unmerge(number)
    assert reached(action)[one] == (30, False)
    assert reached(action)[other] == (30, True)
    check()


def test_corrected_since_it_stays_one(any_scene: SimpleNamespace, log: Log) -> None:
    action = log(any_scene).id
    one, other, *rest = any_scene.targets
    number = merge(one, other)
    correct(action, 160, {one: 70, **dict.fromkeys(rest, 30)})
    before = dump()
    with pytest.raises(Refused, match="corrected or undone since"):
        unmerge(number)
    db.rollback()
    assert dump() == before


def test_an_answer_since_to_one_alone_goes_back_with_it(
    any_scene: SimpleNamespace, log: Log
) -> None:
    one, other = any_scene.targets[:2]
    action = log(any_scene, targets={other: 150}).id
    number = merge(one, other)
    answer(action, one)
    unmerge(number)
    assert reached(action) == {other: (150, False)}
    check()


def test_undone_since_it_stays_one(any_scene: SimpleNamespace, log: Log) -> None:
    action = log(any_scene).id
    number = merge(*any_scene.targets[:2])
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, action), by=None)
    with pytest.raises(Refused, match="corrected or undone since"):
        unmerge(number)


def test_brought_back_it_reaches_the_one_that_is_kept(any_scene: SimpleNamespace, log: Log) -> None:
    cards, meeting = log(any_scene).id, log(any_scene, channel="meeting").id
    one, other = any_scene.targets[:2]
    for number in (cards, meeting):
        with db.unit_of_work():
            undo_action(db.session.get_one(Action, number), by=None)
    merge(one, other)
    for number in (cards, meeting):
        with db.unit_of_work():
            redo_action(db.session.get_one(Action, number), by=None)
    assert reached(cards)[one][0] == 60
    assert reached(meeting)[one][0] == 1
    assert other not in reached(cards)
    check()


def test_nothing_is_logged_for_one_that_was_merged(any_scene: SimpleNamespace, log: Log) -> None:
    one, other = any_scene.targets[:2]
    merge(one, other)
    with pytest.raises(Refused, match="does not exist"):
        log(any_scene, targets={other: 150})


def test_logged_since_for_an_office_that_would_go_back(
    any_scene: SimpleNamespace, log: Log
) -> None:
    one, other = any_scene.targets[:2]
    with db.unit_of_work():
        done = merging.merge(
            kept=queries.target(one), merged=queries.target(other),
            theirs={"office": True}, by=None,
        ).id  # fmt: skip
    log(any_scene, targets={one: 150}, happened_on=date(2026, 4, 4))
    with pytest.raises(Refused, match="office that would go back"):
        unmerge(done)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_whatever_was_logged(any_app: Flask, any_scene: SimpleNamespace, data: Any) -> None:
    # Not drawn: a batch that is sent again under its key is the one that is there.
    run = uuid4()
    made = []
    for step in range(data.draw(st.integers(1, 5))):
        given_ = data.draw(batches(any_scene))
        with db.unit_of_work():
            action = log_action(client_key=f"m-{run}-{step}", by=None, today=TODAY, **given_)
            made.append(action.id)
            if data.draw(st.booleans()) and given_["targets"]:
                row = db.session.scalars(
                    select(ActionTarget.id).where(ActionTarget.action_id == action.id).limit(1)
                ).one()
                record_outcome(
                    action_target_id=row, kind="refusal", received_on=TODAY, by=None, today=TODAY
                )
            if data.draw(st.booleans()) and not given_["targets"]:
                undo_action(action, by=None)
    # Legislators among themselves; a state is none of them.
    pairs = st.lists(st.sampled_from(any_scene.targets[:4]), min_size=2, max_size=2, unique=True)
    states, done = [dump(leaving_out=TRACES)], list[int]()
    sums, whole = by_target(), tally(ActionFilter())
    for _merge in range(data.draw(st.integers(1, 2))):
        one, other = data.draw(pairs)
        if queries.kept_ids([one, other]):
            continue
        done.append(merge(one, other))
        check()
        assert tally(ActionFilter()) == whole
        now = by_target()
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


def test_a_correction_of_a_moved_action_goes_back(any_scene: SimpleNamespace, log: Log) -> None:
    one, other = any_scene.targets[:2]
    action = log(any_scene, targets={other: 150}).id
    number = merge(one, other)
    correct(action, 160, {one: 160})
    unmerge(number)
    assert {target: pieces for target, (pieces, _waits) in reached(action).items()} == {other: 160}
    check()
