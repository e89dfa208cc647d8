"""Handing out, doing, giving back, taking, moving and calling off: on both databases."""

from datetime import date, timedelta
from threading import Barrier, Thread
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.outreach.models import Action, ActionMember, ActionTarget
from crm.outreach.operations import redo_action, undo_action
from crm.tasks import carriers, operations
from crm.tasks.carriers import Carrier
from crm.tasks.doing import (
    Doer,
    ask_help,
    finish,
    give_back,
    helped,
    reopen,
    start,
    take,
    turn_of,
)
from crm.tasks.models import Task, TaskAction, TaskTarget
from crm.tasks.operations import Draft, add_tasks, carry
from tests.members.test_queries import statements
from tests.tasks.conftest import TODAY, again, doer


def draft(scene: SimpleNamespace, **changes: Any) -> Draft:
    given: dict[str, Any] = {
        "title": "Write to your senators",
        "chapter_id": scene.school_a,
        "member_id": scene.members[0],
        "campaign_id": scene.campaign,
        "channel": "postcard",
        "targets": dict.fromkeys(scene.targets, 2),
        "due_on": TODAY + timedelta(days=3),
    }
    return Draft(**{**given, **changes})


def made(scene: SimpleNamespace, **changes: Any) -> int:
    with db.unit_of_work():
        [task] = add_tasks(
            [draft(scene, **changes)],
            by=again(scene.people.leader),
            today=TODAY,
            client_key=f"form-{rows(Task)}",
        )
        return task.id


def rows(model: Any) -> int:
    return db.session.scalar(select(func.count()).select_from(model)) or 0


def task(task_id: int) -> Task:
    return db.session.get_one(Task, task_id, populate_existing=True)


def verbs(task_id: int) -> list[str]:
    return list(
        db.session.scalars(
            select(AuditEntry.verb)
            .where(AuditEntry.kind == "task", AuditEntry.record_id == task_id)
            .order_by(AuditEntry.id)
        )
    )


# Handing out


def test_it_works(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    with db.unit_of_work():
        done = finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, minutes=20)
        action_id = done.action_id
    kept = task(task_id)
    assert (kept.state, kept.pieces, kept.done) == ("completed", 6, 6)
    action = db.session.get_one(Action, action_id)
    assert (action.channel, action.pieces, action.unnamed, action.origin) == (
        "postcard", 6, 0, "task",
    )  # fmt: skip
    assert action.logged_by_id is None, "a member may not log: the task is what authorises it"
    [part] = db.session.scalars(select(ActionMember)).all()
    assert (part.member_id, part.pieces, part.minutes) == (any_scene.members[0], 6, 20)
    assert verbs(task_id) == ["add_task", "finish_task"]


def test_the_same_form_sent_twice_makes_its_tasks_once(any_scene: SimpleNamespace) -> None:
    drafts = [draft(any_scene, member_id=each) for each in any_scene.members]
    found = []
    for _time in range(2):
        with db.unit_of_work():
            made = add_tasks(
                drafts, by=again(any_scene.people.leader), today=TODAY, client_key="once"
            )
            found.append([each.id for each in made])
    assert found[0] == found[1]
    assert rows(Task) == 3
    assert rows(TaskTarget) == 9


def test_tasks_are_made_in_few_statements(any_scene: SimpleNamespace) -> None:
    drafts = [draft(any_scene, member_id=any_scene.members[n % 3]) for n in range(400)]
    with db.unit_of_work(), statements() as said:
        add_tasks(drafts, by=None, today=TODAY, client_key="many")
    assert len(said) <= 16


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"title": "  "}, "title"),
        ({"member_id": 1, "in_pool": True}, "who"),
        ({"channel": "pigeon"}, "channel"),
        ({"campaign_id": None}, "campaign"),
        ({"campaign_id": 999}, "campaign"),
        ({"text_id": 999}, "text"),
        ({"targets": {}}, "aim"),
        ({"targets": {99_999: 1}}, "aim"),
        ({"targets": {1: 0}}, "pieces"),
        ({"channel": "meeting"}, "pieces"),
        ({"repeats": "weekly", "due_on": None}, "due_on"),
        ({"repeats": "hourly"}, "repeats"),
        ({"repeats": "weekly", "repeats_until": date(2026, 1, 1)}, "repeats_until"),
        ({"then": [{"title": "", "days": 3}]}, "then"),
        ({"then": [{"title": "Any reply?", "days": -1}]}, "then"),
    ],
)
def test_what_cannot_be_is_refused(
    any_scene: SimpleNamespace, changes: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as refusal, db.unit_of_work():
        add_tasks([draft(any_scene, **changes)], by=None, today=TODAY, client_key="k")
    assert refusal.value.field == field
    assert rows(Task) == 0


def test_nobody_hands_out_to_members_or_in_chapters_of_others(any_scene: SimpleNamespace) -> None:
    for who, changes, field in (
        (any_scene.people.leader, {"member_id": any_scene.stranger}, "who"),
        (any_scene.people.outsider, {}, "chapter"),
        (any_scene.ana, {}, "chapter"),
        (any_scene.people.viewer, {}, "chapter"),
    ):
        with pytest.raises(Refused) as refusal, db.unit_of_work():
            add_tasks([draft(any_scene, **changes)], by=again(who), today=TODAY, client_key="k")
        assert refusal.value.field == field


# Doing


def test_done_in_parts_adds_up(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    one, two, _three = any_scene.targets
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done={one: 2, two: 1})
    assert (task(task_id).state, task(task_id).done) == ("in-process", 3)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    assert (task(task_id).state, task(task_id).done) == ("completed", 6)
    assert rows(TaskAction) == 2
    assert db.session.scalar(select(func.sum(ActionTarget.pieces))) == 6
    assert verbs(task_id) == ["add_task", "do_part_of_task", "finish_task"]


def test_a_second_press_logs_nothing(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    one = any_scene.targets[0]
    shown = turn_of(task(task_id))
    for number in range(2):
        with db.unit_of_work():
            done = finish(
                task_id=task_id,
                doer=doer(any_scene.ana),
                today=TODAY,
                done={one: 1},
                turn=shown,
            )
            assert done.repeated is bool(number)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    with db.unit_of_work():
        assert finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY).repeated
    assert rows(Action) == 2
    assert task(task_id).done == 6


def test_two_phones_at_once_log_once(any_app: Flask, any_scene: SimpleNamespace) -> None:
    task_id, shown = made(any_scene), ""
    shown = turn_of(task(task_id))
    db.rollback()
    barrier, told = Barrier(2), []

    def press() -> None:
        with any_app.app_context():
            barrier.wait()
            with db.unit_of_work():
                done = finish(
                    task_id=task_id,
                    doer=Doer(None, any_scene.members[0]),
                    today=TODAY,
                    turn=shown,
                )
                told.append(done.repeated)
            db.session.remove()

    threads = [Thread(target=press) for _one in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(told) == [False, True]
    assert rows(Action) == 1


def test_more_than_is_left_is_refused(any_scene: SimpleNamespace) -> None:
    task_id, one = made(any_scene), any_scene.targets[0]
    for done in ({one: 3}, {99_999: 1}, {one: -1}, {one: 0}, {}):
        with pytest.raises(Refused), db.unit_of_work():
            finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done=done)
    with pytest.raises(Refused), db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, on=TODAY + timedelta(days=1))
    assert rows(Action) == 0


def test_others_may_not_do_what_is_mine(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    for who in (any_scene.ben, any_scene.sol, any_scene.people.outsider, any_scene.people.viewer):
        for act in (
            lambda who=who: start(task_id=task_id, doer=doer(who)),
            lambda who=who: finish(task_id=task_id, doer=doer(who), today=TODAY),
            lambda who=who: give_back(task_id=task_id, doer=doer(who)),
            lambda who=who: ask_help(task_id=task_id, words="Help", doer=doer(who)),
            lambda who=who: reopen(task_id=task_id, doer=doer(who)),
        ):
            with pytest.raises(Refused), db.unit_of_work():
                act()
    assert task(task_id).state == "needs-action"


def test_a_leader_logs_it_in_their_own_name(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.people.leader), today=TODAY)
    [action] = db.session.scalars(select(Action)).all()
    assert action.logged_by_id == any_scene.people.leader.id
    [part] = db.session.scalars(select(ActionMember)).all()
    assert part.member_id == any_scene.members[0], "it was the member who wrote"


def test_an_own_page_does_it_without_an_account(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    with db.unit_of_work():
        finish(task_id=task_id, doer=Doer(None, any_scene.members[0]), today=TODAY)
    [entry] = db.session.scalars(
        select(AuditEntry).where(AuditEntry.kind == "task", AuditEntry.verb == "finish_task")
    ).all()
    assert entry.by_id is None
    assert entry.changes["done_by_id"] == any_scene.members[0]


def test_a_meeting_is_one_act(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene, channel="meeting", targets=dict.fromkeys(any_scene.targets, 1))
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    [action] = db.session.scalars(select(Action)).all()
    assert action.pieces == 1
    assert rows(ActionTarget) == 3
    assert task(task_id).done == 3


def test_without_a_channel_the_time_alone_is_kept(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene, channel=None, campaign_id=None, targets={})
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, minutes=45)
    assert (task(task_id).state, task(task_id).minutes) == ("completed", 45)
    assert rows(Action) == 0
    # Done anew, its time is told anew.
    with db.unit_of_work():
        reopen(task_id=task_id, doer=doer(any_scene.ana))
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, minutes=50)
    assert task(task_id).minutes == 50


def test_undone_outreach_can_be_done_again(any_scene: SimpleNamespace) -> None:
    task_id, one = made(any_scene), any_scene.targets[0]
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done={one: 2})
    with db.unit_of_work():
        second = finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY).action_id
    with db.unit_of_work():
        undo_action(db.session.get_one(Action, second), by=None)
    with db.unit_of_work():
        reopen(task_id=task_id, doer=doer(any_scene.ana))
    assert (task(task_id).state, task(task_id).done) == ("in-process", 2)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    assert (task(task_id).state, task(task_id).done) == ("completed", 6)
    standing = select(func.sum(ActionTarget.pieces))
    assert db.session.scalar(standing) == 6
    # What was undone does not come back on top.
    with pytest.raises(Refused, match="opened again"), db.unit_of_work():
        redo_action(db.session.get_one(Action, second), by=None)
    assert db.session.scalar(standing) == 6


@pytest.mark.parametrize("channel", ["postcard", "meeting", "social"])
def test_undone_outreach_comes_back_unless_the_task_was_opened(
    any_scene: SimpleNamespace, channel: str
) -> None:
    targets = {} if channel == "social" else dict.fromkeys(any_scene.targets, 1)
    task_id = made(any_scene, channel=channel, targets=targets)
    with db.unit_of_work():
        action_id = finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY).action_id

    def change(operation: Any) -> None:
        with db.unit_of_work():
            operation(db.session.get_one(Action, action_id), by=None)

    change(undo_action)
    change(redo_action)
    change(undo_action)
    with db.unit_of_work():
        reopen(task_id=task_id, doer=doer(any_scene.ana))
    with pytest.raises(Refused, match="opened again"):
        change(redo_action)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    with pytest.raises(Refused, match="opened again"):
        change(redo_action)
    assert rows(Action) - 1 == 1


# The pool, help


def test_one_gives_back_and_one_other_takes(any_scene: SimpleNamespace) -> None:
    task_id, one = made(any_scene), any_scene.targets[0]
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done={one: 2})
    with db.unit_of_work():
        give_back(task_id=task_id, doer=doer(any_scene.ana), reason="I am ill")
    assert (task(task_id).member_id, task(task_id).in_pool, task(task_id).done) == (None, True, 2)
    with pytest.raises(Refused), db.unit_of_work():
        take(task_id=task_id, doer=doer(any_scene.sol), today=TODAY)
    with db.unit_of_work():
        take(task_id=task_id, doer=doer(any_scene.ben), today=TODAY)
    with pytest.raises(Refused) as refusal, db.unit_of_work():
        take(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    assert "quicker" in refusal.value.message
    # A second press writes nothing, and is no error.
    with db.unit_of_work():
        take(task_id=task_id, doer=doer(any_scene.ben), today=TODAY)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ben), today=TODAY)
    parts = {row.member_id: row.pieces for row in db.session.scalars(select(ActionMember))}
    assert parts == {any_scene.members[0]: 2, any_scene.members[1]: 4}


def test_many_hands_reach_for_one_task(any_app: Flask, any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene, member_id=None, in_pool=True)
    db.rollback()
    barrier, told = Barrier(3), []

    def reach(member_id: int) -> None:
        with any_app.app_context():
            barrier.wait()
            try:
                with db.unit_of_work():
                    take(task_id=task_id, doer=Doer(None, member_id), today=TODAY)
                told.append(member_id)
            except Refused:
                told.append(0)
            db.session.remove()

    threads = [Thread(target=reach, args=(each,)) for each in any_scene.members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert told.count(0) == 2
    assert task(task_id).member_id == max(told)


def test_help_is_asked_and_given(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    with db.unit_of_work():
        ask_help(task_id=task_id, words=" What do I write? ", doer=doer(any_scene.ana))
    assert task(task_id).help == "What do I write?"
    with db.unit_of_work():
        helped(task_id=task_id, doer=doer(any_scene.people.leader))
    assert task(task_id).help is None
    assert "What do I" not in str([entry.changes for entry in db.session.query(AuditEntry)])


# What follows


def test_a_recurring_task_comes_again_once(any_scene: SimpleNamespace) -> None:
    task_id = made(
        any_scene, repeats="monthly", due_on=date(2026, 1, 31), repeats_until=date(2026, 6, 1)
    )
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=date(2026, 2, 10))
    [again_] = db.session.scalars(select(Task).where(Task.first_id == task_id)).all()
    assert (again_.due_on, again_.state, again_.done) == (date(2026, 2, 28), "needs-action", 0)
    assert again_.pieces == 6
    again_id = again_.id
    with pytest.raises(Refused), db.unit_of_work():
        reopen(task_id=task_id, doer=doer(any_scene.ana))
    with db.unit_of_work():
        undo_action(db.session.scalars(select(Action)).one(), by=None)
        reopen(task_id=task_id, doer=doer(any_scene.ana))
        finish(task_id=task_id, doer=doer(any_scene.ana), today=date(2026, 2, 10))
    assert rows(Task) == 2
    with db.unit_of_work():
        operations.cancel([again_id], by=None, reason="Holidays", today=date(2026, 3, 1))
    third = db.session.scalars(select(Task).order_by(Task.id.desc())).first()
    assert third is not None
    assert (third.due_on, third.first_id) == (date(2026, 3, 31), task_id)


def test_a_sequence_goes_step_by_step(any_scene: SimpleNamespace) -> None:
    steps = [{"title": "Any reply?", "days": 21}, {"title": "Call the office", "days": 7}]
    task_id = made(any_scene, then=steps)
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY)
    [step] = db.session.scalars(select(Task).where(Task.first_id == task_id)).all()
    assert (step.title, step.due_on, step.member_id) == (
        "Any reply?", TODAY + timedelta(days=21), any_scene.members[0],
    )  # fmt: skip
    assert (step.channel, step.origin) == (None, "follow-up")
    step_id, later = step.id, TODAY + timedelta(days=25)
    with db.unit_of_work():
        finish(task_id=step_id, doer=doer(any_scene.ana), today=later)
    titles = db.session.scalars(select(Task.title).order_by(Task.id)).all()
    assert titles == ["Write to your senators", "Any reply?", "Call the office"]
    assert rows(Action) == 1


# Many at once


def test_many_are_given_to_others_alike(any_scene: SimpleNamespace) -> None:
    ids = [made(any_scene) for _each in range(5)]
    two = any_scene.members[1:]
    with db.unit_of_work():
        leader = again(any_scene.people.leader)
        assert operations.assign(ids, to=two, by=leader, today=TODAY) == 5
    counts = [sum(task(each).member_id == member for each in ids) for member in two]
    assert counts == [3, 2]
    for each in ids:
        assert verbs(each) == ["add_task", "assign_task"]
    leader = again(any_scene.people.leader)
    with pytest.raises(Refused), db.unit_of_work():
        operations.assign(ids, to=[any_scene.stranger], by=leader, today=TODAY)
    for who in (any_scene.people.outsider, any_scene.ana):
        with pytest.raises(Refused), db.unit_of_work():
            operations.assign(ids, in_pool=True, by=again(who), today=TODAY)
        with pytest.raises(Refused), db.unit_of_work():
            operations.move(ids, due_on=None, by=again(who))
        with pytest.raises(Refused), db.unit_of_work():
            operations.cancel(ids, by=again(who))


def test_many_are_moved_and_called_off(any_scene: SimpleNamespace) -> None:
    ids = [made(any_scene) for _each in range(3)]
    leader = any_scene.people.leader
    with db.unit_of_work():
        assert operations.move(ids, due_on=date(2026, 6, 1), by=again(leader)) == 3
    with db.unit_of_work():
        assert operations.cancel(ids[:2], by=again(leader), reason="Vote is over") == 2
    assert [task(each).state for each in ids] == ["cancelled", "cancelled", "needs-action"]
    with pytest.raises(Refused), db.unit_of_work():
        finish(task_id=ids[0], doer=doer(any_scene.ana), today=TODAY)


def test_a_task_is_told_otherwise(any_scene: SimpleNamespace) -> None:
    task_id = made(any_scene)
    with db.unit_of_work():
        operations.edit_task(task_id, by=again(any_scene.people.leader), title="Cards", note="Blue")
    assert (task(task_id).title, task(task_id).note) == ("Cards", "Blue")
    assert verbs(task_id)[-1] == "edit_task"
    with pytest.raises(Refused), db.unit_of_work():
        operations.edit_task(task_id, by=again(any_scene.people.outsider), title="Mine")


# Carried by a room above


def test_a_carried_task_logs_nothing_itself(any_app: Flask, any_scene: SimpleNamespace) -> None:
    told: list[Any] = []
    carriers.offer(
        any_app,
        Carrier(
            "pack",
            link=lambda _task: "/packs/ABC",
            finish=lambda task, now, _by, _today: told.append((task.id, dict(now))),
            give_back=lambda task, _by: told.append(task.id),
        ),
    )
    task_id = made(any_scene, carrier="pack")
    one, two, three = any_scene.targets
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done={one: 2})
    assert (told, task(task_id).done) == ([(task_id, {one: 2})], 2)
    with db.unit_of_work():
        carry(task_id, {one: 2, two: 2, three: 2}, by=None, today=TODAY)
    assert (task(task_id).state, task(task_id).done) == ("completed", 6)
    with db.unit_of_work():
        carry(task_id, {one: 2, two: 2, three: 1}, by=None, today=TODAY)
    assert (task(task_id).state, task(task_id).done) == ("in-process", 5)
    with db.unit_of_work():
        give_back(task_id=task_id, doer=doer(any_scene.ana))
    assert told[-1] == task_id
    assert rows(Action) == 0
    with pytest.raises(Refused, match="does not come again"), db.unit_of_work():
        operations.edit_task(task_id, by=None, title="Cards", repeats="weekly")
