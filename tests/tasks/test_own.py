"""A member's own page by a card, merging, hand-over, forgetting: what follows a task."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.i18n import today as real_today
from crm.members import key_operations, own_data
from crm.members import merging as member_merging
from crm.members.forgetting import forget
from crm.members.models import Member, Membership
from crm.members.own_data import Asked
from crm.outreach.models import Action, ActionMember
from crm.targets import merging as target_merging
from crm.targets.models import Target, TargetMerge
from crm.tasks import handover
from crm.tasks.doing import Doer, ask_help, finish
from crm.tasks.models import Task, TaskTarget
from tests.tasks.conftest import TODAY, again, doer
from tests.tasks.test_pages import made, rows, task


def open_page(client: FlaskClient, member_id: int) -> None:
    with db.unit_of_work():
        fresh = key_operations.give_link(member_id=member_id, by=None, today=real_today())
    assert client.post(f"/my/{fresh.code}").status_code == 303


# The own page


def test_an_own_page_has_buttons_that_work(scene: SimpleNamespace, client: FlaskClient) -> None:
    [mine] = made(scene, member_id=scene.members[2])
    [others] = made(scene, title="For Ana alone")
    assert client.post(f"/my/tasks/{mine}/done").status_code == 403
    assert client.get(f"/my/tasks/{mine}").location == "/my"
    open_page(client, scene.members[2])
    page = client.get("/my").text
    assert "Write to your senators" in page
    assert "For Ana alone" not in page
    assert client.get(f"/my/tasks/{mine}").status_code == 200
    assert client.get(f"/my/tasks/{others}").status_code == 404
    assert client.post(f"/my/tasks/{others}/done").status_code == 404
    wrong = {"parts": "1", f"n-{scene.targets[0]}": "9"}
    assert client.post(f"/my/tasks/{mine}/done", data=wrong).status_code == 422
    for _press in range(2):
        done = client.post(f"/my/tasks/{mine}/done", data={"turn": "0.0"})
        assert (done.status_code, done.location) == (303, "/my")
    assert rows(Action) == 1
    [part] = db.session.scalars(select(ActionMember)).all()
    assert (part.member_id, part.pieces) == (scene.members[2], 6)
    client.post("/my/leave")
    assert client.post(f"/my/tasks/{mine}/reopen").status_code == 403


def test_a_key_acts_for_its_member_whoever_signed_in(
    scene: SimpleNamespace, sign_in: Callable[[object], FlaskClient]
) -> None:
    [mine] = made(scene, member_id=scene.members[2])
    leader = sign_in(scene.people.leader)
    open_page(leader, scene.members[2])
    leader.post(f"/my/tasks/{mine}/done", data={})
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "finish_task")).one()
    assert (entry.by_id, entry.changes["done_by_id"]) == (None, scene.members[2])


def test_who_left_opens_nothing_and_the_board_says_so(
    scene: SimpleNamespace, sign_in: Callable[[object], FlaskClient]
) -> None:
    made(scene)
    with db.unit_of_work():
        db.session.execute(
            update(Membership)
            .where(Membership.member_id == scene.members[0])
            .values(left_on=date(2026, 1, 1))
        )
        audit.record("make", "test", None, by=None)
    leader = sign_in(scene.people.leader)
    assert "they left" in leader.get("/tasks?only=left").text
    assert "Write to your senators" in leader.get("/tasks?only=left&view=list").text


# A member's data


def test_a_member_reads_their_tasks_in_their_file(scene: SimpleNamespace) -> None:
    made(scene)
    member = db.session.get_one(Member, scene.members[0])
    found = own_data.document(Asked(member, TODAY))
    assert "Write to your senators" in json.dumps(found.plain)


def test_forgetting_gives_open_tasks_to_the_pool(any_scene: SimpleNamespace) -> None:
    [task_id] = made(any_scene, note="Ana Brook knows the address")
    with db.unit_of_work():
        ask_help(task_id=task_id, words="My brother is ill", doer=doer(any_scene.ana))
    [finished] = made(any_scene)
    with db.unit_of_work():
        finish(task_id=finished, doer=doer(any_scene.ana), today=TODAY)
    with db.unit_of_work():
        forget(member_id=any_scene.members[0], by=None, today=TODAY)
    kept = task(task_id)
    assert (kept.member_id, kept.in_pool, kept.help) == (None, True, None)
    assert kept.note is not None
    assert "Brook" not in kept.note
    assert task(finished).member_id == any_scene.members[0], "what was done stays counted"


# Two that are one


def test_targets_that_are_one_keep_their_sums(any_scene: SimpleNamespace) -> None:
    one, two, three = any_scene.targets
    [cards] = made(any_scene)
    [meeting] = made(any_scene, channel="meeting", targets={one: 1, two: 1, three: 1})
    [other] = made(any_scene, targets={two: 4})
    with db.unit_of_work():
        finish(
            task_id=cards, doer=Doer(None, any_scene.members[0]), today=TODAY, done={one: 2, two: 1}
        )
    with db.unit_of_work():
        kept, gone = (db.session.get_one(Target, each) for each in (one, two))
        merge_id = target_merging.merge(kept=kept, merged=gone, by=None).id
    sums = {each: (task(each).pieces, task(each).done) for each in (cards, meeting, other)}
    assert sums == {cards: (6, 3), meeting: (2, 0), other: (4, 0)}
    _agree()
    lines = db.session.execute(
        select(TaskTarget.pieces, TaskTarget.done).where(
            TaskTarget.task_id == cards, TaskTarget.target_id == one
        )
    ).one()
    assert tuple(lines) == (4, 3)
    with db.unit_of_work():
        target_merging.unmerge(db.session.get_one(TargetMerge, merge_id), by=None)
    sums = {each: (task(each).pieces, task(each).done) for each in (cards, meeting, other)}
    assert sums == {cards: (6, 3), meeting: (3, 0), other: (4, 0)}
    _agree()


def _agree() -> None:
    """A task's numbers are the sums of its targets'."""
    sums = db.session.execute(
        select(Task.pieces, Task.done, func.sum(TaskTarget.pieces), func.sum(TaskTarget.done))
        .join(TaskTarget, TaskTarget.task_id == Task.id)
        .group_by(Task.id, Task.pieces, Task.done)
    )
    for pieces, done, of_targets, done_of_targets in sums:
        assert (pieces, done) == (of_targets, done_of_targets)


def test_members_who_are_one_have_one_list(any_scene: SimpleNamespace) -> None:
    [task_id] = made(any_scene, member_id=any_scene.members[2])
    assert member_merging.MOVES["task.member_id"] == "Tasks"
    kept, merged = any_scene.members[0], any_scene.members[2]
    with db.unit_of_work():
        member_merging.merge(kept_id=kept, merged_id=merged, by=None)
    assert task(task_id).member_id == kept


# A post that changes hands


def test_a_successor_gets_what_is_left(any_scene: SimpleNamespace) -> None:
    one, two, three = any_scene.targets
    [task_id] = made(any_scene, targets={one: 4, three: 1})
    with db.unit_of_work():
        finish(task_id=task_id, doer=doer(any_scene.ana), today=TODAY, done={one: 1})
    for user, count in ((any_scene.people.leader, 1), (any_scene.people.outsider, 0)):
        found = handover.find([one], again(user))
        assert len(found) == count
    assert handover.find([one], again(any_scene.ana)) == []
    with db.unit_of_work():
        handover.repoint(str(task_id), one, two, by=again(any_scene.people.leader))
    lines = {
        row.target_id: (row.pieces, row.done)
        for row in db.session.scalars(select(TaskTarget).where(TaskTarget.task_id == task_id))
    }
    assert lines == {one: (1, 1), two: (3, 0), three: (1, 0)}
    assert (task(task_id).pieces, task(task_id).done) == (5, 1)
    with db.unit_of_work():
        handover.repoint(str(task_id), three, two, by=again(any_scene.people.leader))
    assert {row.target_id for row in db.session.scalars(
        select(TaskTarget).where(TaskTarget.task_id == task_id)
    )} == {one, two}  # fmt: skip
    _agree()


@pytest.mark.parametrize("days", [20, 22])
def test_an_answer_is_late_after_three_weeks(
    scene: SimpleNamespace, sign_in: Callable[[object], FlaskClient], days: int
) -> None:
    [task_id] = made(scene)
    on = real_today() - timedelta(days=days)
    with db.unit_of_work():
        finish(task_id=task_id, doer=Doer(None, scene.members[0]), today=real_today(), on=on)
    leader = sign_in(scene.people.leader)
    page: Any = leader.get("/tasks?only=unanswered&state=all").text
    assert ("Write to your senators</a>" in page) is (days > 21)
    assert ("no answer for three weeks" in leader.get("/").text) is (days > 21)
