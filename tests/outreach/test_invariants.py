"""Whatever is logged, corrected, undone and redone, the sums hold."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crm.core import audit, db
from crm.core.errors import Refused
from crm.outreach import waits, windows
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget, Outcome
from crm.outreach.operations import (
    correct_action,
    log_action,
    record_outcome,
    redo_action,
    snapshot,
    undo_action,
    withdraw_outcome,
)
from crm.outreach.queries import ActionFilter, total
from crm.outreach.replies import Reply, Rest, record_replies
from crm.outreach.rules import share_to_targets
from tests.outreach.conftest import TODAY

VERBS = (
    "log", "replay", "correct", "undo", "redo", "answer", "withdraw", "clock", "tick", "silent",
    "windows",
)  # fmt: skip
CHANNELS = ("postcard", "letter", "call", "meeting", "event")


def batches(scene: SimpleNamespace) -> st.SearchStrategy[dict[str, Any]]:
    @st.composite
    def batch(draw: st.DrawFn) -> dict[str, Any]:
        channel = channels()[draw(st.sampled_from(CHANNELS))]
        least = 1 if channel.needs_target else 0
        targets = draw(st.lists(st.sampled_from(scene.targets), min_size=least, unique=True))
        members = draw(st.lists(st.sampled_from(scene.members), unique=True))
        pieces = draw(st.integers(max(1, len(targets)), 200)) if channel.per_piece else 1
        shares = (
            share_to_targets(pieces, [None] * len(targets))
            if channel.per_piece
            else [1] * len(targets)
        )
        most = pieces // max(1, len(members)) if channel.per_piece else 1
        least = 0 if channel.per_piece else 1
        return {
            "channel": channel.name,
            "campaign_id": draw(st.sampled_from([scene.campaign, scene.other_campaign])),
            "happened_on": draw(st.dates(date(2025, 1, 1), TODAY)),
            "pieces": pieces,
            "targets": dict(zip(targets, shares, strict=True)),
            "members": {m: draw(st.integers(least, max(least, most))) for m in members},
            "chapter_ids": draw(
                st.lists(st.sampled_from([scene.school_a, scene.school_b]), min_size=1, unique=True)
            ),
        }

    return batch()


def check() -> None:
    """The counting rule, on all there is."""
    ways = channels()
    expected = 0
    for action in db.session.scalars(select(Action)).all():
        reached = db.session.scalars(
            select(ActionTarget).where(ActionTarget.action_id == action.id)
        ).all()
        named = db.session.scalars(
            select(ActionMember.pieces).where(ActionMember.action_id == action.id)
        ).all()
        chapters = db.session.scalars(
            select(ActionChapter).where(ActionChapter.action_id == action.id)
        ).all()
        if action.undone_at is not None:
            assert (reached, named, chapters) == ([], [], [])
            continue
        expected += action.pieces
        assert chapters
        assert {each.happened_on for each in chapters} == {action.happened_on}
        for row in reached:
            assert (row.channel, row.campaign_id, row.happened_on) == (
                action.channel,
                action.campaign_id,
                action.happened_on,
            )
        if ways[action.channel].per_piece:
            assert sum(row.pieces for row in reached) == action.pieces
            assert sum(named) + action.unnamed == action.pieces
        else:
            assert {action.pieces, *(row.pieces for row in reached), *named} == {1}
            assert action.unnamed == (0 if named else 1)
    assert total(ActionFilter()) == expected
    # What waits is what expects an answer, has none and was not closed; each knows its day.
    for row in db.session.scalars(select(ActionTarget)).all():
        answered = db.session.scalar(
            select(Outcome.id).where(Outcome.action_target_id == row.id).limit(1)
        )
        expects = ways[row.channel].expects_answer
        assert row.awaiting == (answered is None and expects and row.closed_on is None)
        assert (row.ask_on is not None) == expects
        assert 0 <= row.asked <= 2
        assert (row.closed_on is None) == (row.closed_why is None)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_it_works(any_app: Flask, any_scene: SimpleNamespace, data: Any) -> None:
    run, keys = data.draw(st.uuids()), dict[int, str]()
    made: list[int] = []
    for _step in range(data.draw(st.integers(1, 6))):
        verb = data.draw(st.sampled_from(VERBS))
        number = data.draw(st.sampled_from(made)) if made and verb != "log" else None
        given_ = data.draw(batches(any_scene))
        # A form that is sent again, whatever it says now and whatever became of its action.
        key = keys[number] if number and verb == "replay" else f"run-{run}-{_step}"
        with db.unit_of_work():
            action = db.session.get_one(Action, number) if number else None
            try:
                if verb == "clock":
                    day = TODAY + timedelta(days=data.draw(st.integers(0, 90)))
                    before = {row.id: row.asked for row in db.session.scalars(select(ActionTarget))}
                    waits.by_the_clock(day)
                    audit.record("ask_for_replies", "action", None, by=None)
                    db.session.expire_all()
                    for row in db.session.scalars(select(ActionTarget)):
                        assert row.asked - before[row.id] in (0, 1)
                elif verb == "windows":
                    days = data.draw(st.integers(1, 60))
                    windows.set_windows({("letter", "washington"): days}, move_open=True, by=None)
                elif verb in ("tick", "silent") and action is not None:
                    found = db.session.scalars(
                        select(ActionTarget.id).where(ActionTarget.action_id == number)
                    ).all()
                    ticked = found[:1] if verb == "tick" else []
                    record_replies(
                        action_id=number,
                        replies=[Reply(row, "form_reply", TODAY, data.draw(st.sampled_from(
                            [None, *any_scene.members]))) for row in ticked],
                        shown=found,
                        rest=data.draw(st.sampled_from(list(Rest))),
                        days=14,
                        key=key,
                        by=None,
                        today=TODAY,
                    )  # fmt: skip
                elif action is None or verb == "replay":
                    done = log_action(client_key=key, by=None, today=TODAY, **given_).id
                    assert number in (None, done)
                    if number is None:
                        made.append(done)
                        keys[done] = key
                elif verb == "undo":
                    undo_action(action, by=None)
                elif verb == "redo" and action.undone_at is not None:
                    redo_action(action, by=None)
                elif verb == "answer":
                    row = db.session.scalars(
                        select(ActionTarget.id).where(ActionTarget.action_id == number).limit(1)
                    ).first()
                    if row is not None:
                        record_outcome(
                            action_target_id=row,
                            kind="refusal",
                            received_on=TODAY,
                            by=None,
                            today=TODAY,
                        )
                elif verb == "withdraw":
                    outcome = db.session.scalars(
                        select(Outcome)
                        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
                        .where(ActionTarget.action_id == number)
                    ).first()
                    if outcome is not None:
                        withdraw_outcome(outcome, by=None)
                elif channels()[given_["channel"]].counted is channels()[action.channel].counted:
                    given_.pop("channel")
                    correct_action(action, reason=None, by=None, today=TODAY, **given_)
            except Refused:
                db.rollback()
        check()
    for number in made:
        db.rollback()
        action = db.session.get_one(Action, number)
        if action.undone_at is None:
            before = snapshot(action)
            try:
                with db.unit_of_work():
                    undo_action(db.session.get_one(Action, number), by=None)
            except Refused:
                continue
            with db.unit_of_work():
                redo_action(db.session.get_one(Action, number), by=None)
            assert snapshot(db.session.get_one(Action, number)) == before
    check()
