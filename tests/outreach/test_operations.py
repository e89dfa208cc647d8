"""Logging, correcting, undoing, answers: on both databases."""

from collections.abc import Callable
from datetime import date
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import func, select

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionRevision,
    ActionTarget,
    Outcome,
    OutcomeWithdrawn,
)
from crm.outreach.operations import (
    correct_action,
    record_outcome,
    redo_action,
    snapshot,
    undo_action,
    withdraw_outcome,
)
from crm.outreach.queries import ActionFilter, total
from crm.targets.models import Term

Log = Callable[..., Action]
TODAY = date(2026, 5, 1)


def user(record: Any) -> Any:
    """The user anew, with what is kept of a request's rights forgotten."""
    g.pop("grants", None)
    return db.session.merge(record)


def rows(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def same(scene: SimpleNamespace, **changes: Any) -> dict[str, Any]:
    """What was logged, for a correction."""
    return {
        "campaign_id": scene.campaign,
        "happened_on": date(2026, 3, 3),
        "pieces": 150,
        "targets": dict.fromkeys(scene.targets, 30),
        "members": {},
        "chapter_ids": [scene.school_a],
        "reason": None,
        "by": None,
        "today": TODAY,
    } | changes


def test_it_works(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    action_id = log(
        s,
        members={s.members[0]: 100, s.members[1]: 48},
        people=31,
        place="Room 12",
        ask_ids=[s.ask],
        note="In class",
    ).id
    action = db.session.get_one(Action, action_id)
    assert (action.pieces, action.unnamed, action.people) == (150, 2, 31)
    reached = db.session.scalars(select(ActionTarget).order_by(ActionTarget.target_id)).all()
    assert [row.pieces for row in reached] == [30] * 5
    assert {(r.channel, r.campaign_id, r.happened_on, r.awaiting) for r in reached} == {
        ("postcard", s.campaign, date(2026, 3, 3), True)
    }
    assert [row.term_id is not None for row in reached] == [True] * 4 + [False]
    assert db.session.scalars(select(ActionChapter.happened_on)).all() == [date(2026, 3, 3)]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "log_action")).one()
    assert (entry.record_id, entry.changes["pieces"]) == (action_id, 150)


def test_the_class_of_31(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s, pieces=155, targets=dict.fromkeys(s.targets, 31), people=31)
    log(s, channel="meeting")
    assert total(ActionFilter()) == 156
    assert total(ActionFilter(channel="postcard")) == 155
    assert db.session.scalar(select(func.sum(ActionTarget.pieces))) == 155 + 3
    assert db.session.scalar(select(func.sum(Action.unnamed))) == 155 + 1


def test_the_term_is_that_of_the_day(any_scene: SimpleNamespace, log: Log) -> None:
    target = any_scene.targets[0]
    now = db.session.scalars(select(Term).where(Term.target_id == target)).one()
    post, now_id = now.post_id, now.id
    with db.unit_of_work():
        old = Term(
            target_id=target,
            post_id=post,
            starts_on=date(2019, 1, 3),
            ends_on=date(2025, 1, 3),
            party="Democratic",
        )
        db.session.add(old)
        audit.record("make", "test", None, by=None)
    old_id = old.id
    one = {"pieces": 1, "targets": {target: 1}}
    log(any_scene, happened_on=date(2022, 1, 1), **one)
    log(any_scene, happened_on=date(2026, 1, 1), **one)
    log(any_scene, happened_on=date(2001, 1, 1), **one)
    assert db.session.scalars(select(ActionTarget.term_id).order_by(ActionTarget.id)).all() == [
        old_id,
        now_id,
        None,
    ]


def test_a_repeat_writes_nothing(any_scene: SimpleNamespace, log: Log) -> None:
    first = log(any_scene, client_key="once").id
    before = rows(AuditEntry)
    assert log(any_scene, client_key="once", pieces=7, targets={}).id == first
    assert (rows(Action), rows(ActionTarget), rows(AuditEntry)) == (1, 5, before)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda s: {"campaign_id": 999}, "campaign does not exist"),
        (lambda s: {"chapter_ids": []}, "Choose the chapter"),
        (lambda s: {"chapter_ids": [999]}, "cannot log for one of these chapters"),
        (lambda s: {"chapter_ids": [s.school_a, s.school_b]}, "cannot log for one of these"),
        (lambda s: {"targets": {999: 150}}, "One of these targets does not exist"),
        (lambda s: {"members": {s.stranger: 5}}, "not a member of your chapters"),
        (lambda s: {"members": {999: 5}}, "not a member of your chapters"),
        (lambda s: {"ask_ids": [s.foreign_ask]}, "not of this campaign"),
        (lambda s: {"channel": "pigeon"}, "no such channel"),
        (lambda s: {"happened_on": date(2026, 5, 2)}, "in the future"),
        (lambda s: {"minutes": -1}, "minutes as a whole number"),
        (lambda s: {"photos": [f"{n}.jpg" for n in range(7)]}, "At most 6 photos"),
        (lambda s: {"members": {s.members[0]: 160}}, "10 more than the 150 pieces"),
    ],
)
def test_refused_and_nothing_written(
    any_scene: SimpleNamespace, log: Log, change: Callable[[Any], dict[str, Any]], sentence: str
) -> None:
    by = user(any_scene.people.leader)
    with pytest.raises(Refused, match=sentence):
        log(any_scene, by=by, **change(any_scene))
    assert rows(Action) == rows(ActionTarget) == 0


def test_a_member_of_no_rank_logs_nothing(any_scene: SimpleNamespace, log: Log) -> None:
    with pytest.raises(Refused, match="cannot log"):
        log(any_scene, by=user(any_scene.people.member))


def test_joint_work_by_somebody_over_both(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s, by=user(s.people.staff), chapter_ids=[s.school_a, s.school_b])
    assert rows(ActionChapter) == 2
    assert total(ActionFilter(chapter_ids=frozenset({s.school_a, s.school_b}))) == 150


def test_correct_keeps_what_was_there(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    action = log(s, members={s.members[0]: 100}, place="Here", photos=["a.jpg", "b.jpg"])
    action_id = action.id
    before = snapshot(action)
    row_id = db.session.scalars(
        select(ActionTarget.id).where(ActionTarget.target_id == s.targets[0])
    ).one()
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action_id),
            **same(
                s,
                pieces=120,
                targets={s.targets[0]: 100, s.targets[1]: 20},
                members={s.members[1]: 20},
                happened_on=date(2026, 3, 4),
                place="There",
                photos=["b.jpg", "c.jpg"],
                ask_ids=[s.ask],
                reason="Miscounted",
            ),
        )
    action = db.session.get_one(Action, action_id)
    after = snapshot(action)
    assert (after["pieces"], after["unnamed"], after["place"]) == (120, 100, "There")
    assert [t["pieces"] for t in after["targets"]] == [100, 20]
    assert (after["photos"], after["asks"]) == (["b.jpg", "c.jpg"], [s.ask])
    reached = db.session.scalars(select(ActionTarget).order_by(ActionTarget.id)).all()
    assert reached[0].id == row_id
    assert {r.happened_on for r in reached} == {date(2026, 3, 4)}
    assert db.session.scalars(select(ActionChapter.happened_on)).all() == [date(2026, 3, 4)]
    revision = db.session.scalars(select(ActionRevision)).one()
    assert (revision.verb, revision.reason, revision.snapshot) == ("correct", "Miscounted", before)


def test_a_target_with_an_answer_stays(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    action_id = log(s).id
    answer(s, s.targets[0])
    for attempt in (
        lambda a: correct_action(a, **same(s, pieces=30, targets={s.targets[1]: 30})),
        lambda a: undo_action(a, by=None),
    ):
        with pytest.raises(Refused, match="recorded from Shelley Alder"), db.unit_of_work():
            attempt(db.session.get_one(Action, action_id))
    late = same(s, happened_on=date(2026, 4, 20))
    with pytest.raises(Refused, match="earlier day"), db.unit_of_work():
        correct_action(db.session.get_one(Action, action_id), **late)
    with db.unit_of_work():
        fewer = same(s, pieces=10, targets={s.targets[0]: 10})
        correct_action(db.session.get_one(Action, action_id), **fewer)
    left = db.session.scalars(select(ActionTarget)).one()
    assert (left.pieces, left.awaiting) == (10, False)


def test_undo_and_redo(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    action = log(s, members={s.members[0]: 148}, ask_ids=[s.ask], photos=["a.jpg"])
    action_id, before = action.id, snapshot(action)
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, action_id), by=None)
    assert total(ActionFilter()) == 0
    assert rows(ActionTarget) == rows(ActionMember) == rows(ActionChapter) == 0
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, action_id), by=None)
    with pytest.raises(Refused, match="Redo it first"), db.unit_of_work():
        correct_action(db.session.get_one(Action, action_id), **same(s))
    for _again in range(2):
        with db.unit_of_work():
            redo_action(db.session.get_one(Action, action_id), by=None)
    action = db.session.get_one(Action, action_id)
    assert action.undone_at is None
    assert snapshot(action) == before
    assert total(ActionFilter()) == 150
    verbs = db.session.scalars(select(ActionRevision.verb).order_by(ActionRevision.id)).all()
    assert verbs == ["undo", "redo"]


@pytest.mark.parametrize(
    ("logger", "who", "allowed"),
    [
        ("leader", "leader", True),
        ("leader", "coordinator", True),
        ("leader", "staff", True),
        ("coordinator", "leader", False),
        ("leader", "outsider", False),
        ("leader", "viewer", False),
    ],
)
def test_who_may_undo(
    any_scene: SimpleNamespace, log: Log, logger: str, who: str, allowed: bool
) -> None:
    people = any_scene.people
    action_id = log(any_scene, by=user(getattr(people, logger))).id

    def undo() -> None:
        with db.unit_of_work():
            undo_action(db.session.get_one(Action, action_id), by=user(getattr(people, who)))

    if allowed:
        undo()
        assert total(ActionFilter()) == 0
    else:
        with pytest.raises(Refused, match="Only who logged this"):
            undo()
        assert total(ActionFilter()) == 150


def test_a_correction_leaves_chapters_of_others(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    both = [s.school_a, s.school_b]
    action_id = log(s, chapter_ids=both, members={s.stranger: 5}).id
    with db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action_id),
            **same(s, chapter_ids=both, members={s.stranger: 5}, by=user(s.people.coordinator)),
        )
    with pytest.raises(Refused, match="cannot log for one of these"), db.unit_of_work():
        correct_action(
            db.session.get_one(Action, action_id), **same(s, by=user(s.people.coordinator))
        )


def answer(scene: SimpleNamespace, target: int, **changes: Any) -> int:
    row = db.session.scalars(select(ActionTarget.id).where(ActionTarget.target_id == target)).one()
    given: dict[str, Any] = {
        "action_target_id": row,
        "kind": "form_reply",
        "received_on": date(2026, 4, 1),
        "by": None,
        "today": TODAY,
    }
    with db.unit_of_work():
        return record_outcome(**given | changes).id


def test_an_answer_ends_the_waiting(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s)
    waiting = select(func.count()).where(ActionTarget.awaiting)
    first = answer(s, s.targets[0])
    assert answer(s, s.targets[0]) == first
    second = answer(s, s.targets[0], kind="commitment", summary="Will co-sponsor")
    assert (rows(Outcome), db.session.scalar(waiting)) == (2, 4)
    for each, left in ((first, 4), (second, 5)):
        with db.unit_of_work():
            withdraw_outcome(db.session.get_one(Outcome, each), by=None)
        assert db.session.scalar(waiting) == left
    assert rows(Outcome) == 0
    # That they were known for a while is kept, for who asks what was known on that day.
    gone = db.session.scalars(select(OutcomeWithdrawn).order_by(OutcomeWithdrawn.id)).all()
    assert [each.kind for each in gone] == ["form_reply", "commitment"]
    assert {each.target_id for each in gone} == {s.targets[0]}
    assert all(each.recorded_at < each.withdrawn_at for each in gone)


def test_a_call_waits_for_nothing(any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    log(s, channel="call", pieces=2, targets={s.targets[0]: 2}, details={"result": "voicemail"})
    answer(s, s.targets[0])
    with db.unit_of_work():
        withdraw_outcome(db.session.scalars(select(Outcome)).one(), by=None)
    assert db.session.scalars(select(ActionTarget.awaiting)).one() is False


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "applause"}, "Choose what came back"),
        ({"received_on": date(2026, 3, 2)}, "before the outreach"),
        ({"received_on": date(2026, 5, 2)}, "in the future"),
    ],
)
def test_answers_refused(
    any_scene: SimpleNamespace, log: Log, change: dict[str, Any], sentence: str
) -> None:
    log(any_scene)
    with pytest.raises(Refused, match=sentence):
        answer(any_scene, any_scene.targets[0], **change)
    assert rows(Outcome) == 0


def test_answers_to_others_are_not_mine(any_scene: SimpleNamespace, log: Log) -> None:
    log(any_scene)
    with pytest.raises(Refused, match="your own chapters"):
        answer(any_scene, any_scene.targets[0], by=user(any_scene.people.outsider))
    assert answer(any_scene, any_scene.targets[0], by=user(any_scene.people.leader))


def test_two_at_once_make_one(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    barrier, made, failed = Barrier(4), [], []

    def run() -> None:
        with any_app.app_context():
            barrier.wait()
            try:
                made.append(log(any_scene, client_key="same").id)
            except Exception as error:
                failed.append(error)
            finally:
                db.session.remove()

    threads = [Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    db.rollback()
    assert failed == []
    assert len(set(made)) == 1
    assert (rows(Action), rows(ActionTarget)) == (1, 5)
