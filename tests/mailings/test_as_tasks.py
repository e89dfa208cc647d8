"""A pack handed out: what members do with their tasks changes their pieces, and the other way."""

from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import select

from crm.core import audit, db
from crm.core.errors import Refused
from crm.mailings.as_tasks import hand_out, is_handed_out
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import close_pack, give_back, prepare, reopen_pack
from crm.mailings.posting import post_pieces, return_pieces
from crm.mailings.queries import progress
from crm.members.forgetting import forget
from crm.members.models import Membership
from crm.outreach.queries import ActionFilter, total
from crm.tasks import doing
from crm.tasks.at_hand import at_hand
from crm.tasks.doing import Doer
from crm.tasks.models import Task
from crm.tasks.operations import assign
from crm.tasks.queries import task as task_with_all
from crm.texts.models import TextVersion
from tests import make
from tests.mailings.conftest import TODAY

Pack = Callable[..., Mailing]


@pytest.fixture
def handed(any_scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    """The pack of 155, handed out to 31."""
    leader = any_scene.people.leader
    steps = [{"title": "Any reply?", "days": 21}]
    made = pack(any_scene, by=leader, then=steps)
    with db.unit_of_work():
        tasks = hand_out(made, client_key="hand-out-1", by=leader, today=TODAY)
        ids = [each.id for each in tasks]
    return SimpleNamespace(scene=any_scene, pack=made, tasks=ids, leader=leader)


def task(task_id: int) -> Task:
    return db.session.get_one(Task, task_id, populate_existing=True)


def do(operation: Any, *args: Any, **more: Any) -> Any:
    with db.unit_of_work():
        return operation(*args, **more)


def doer(handed: SimpleNamespace, place: int) -> Doer:
    return Doer(member_id=handed.scene.members[place])


def test_it_works(handed: SimpleNamespace) -> None:
    assert len(handed.tasks) == 31
    first = task(handed.tasks[0])
    assert (first.pieces, first.carrier, first.due_on) == (5, "pack", handed.pack.planned_on)
    with pytest.raises(Refused, match="task already"):
        do(hand_out, handed.pack, client_key="again-1", by=None, today=TODAY)
    # Done by the member: prepared, and nothing is logged.
    do(doing.finish, task_id=first.id, doer=doer(handed, 0), today=TODAY)
    assert task(first.id).state == "completed"
    assert (progress([handed.pack.id])[handed.pack.id].prepared, total(ActionFilter())) == (5, 0)
    # Ticked by the leader: the task is done.
    do(prepare, handed.pack, member_ids=[handed.scene.members[1]], by=handed.leader, today=TODAY)
    assert task(handed.tasks[1]).state == "completed"
    do(post_pieces, handed.pack, posted_on=TODAY, by=handed.leader, today=TODAY)
    states = set(db.session.scalars(select(Task.state).where(Task.carrier == "pack")))
    assert states == {"completed"}
    assert total(ActionFilter()) == 155
    follow = db.session.scalars(select(Task).where(Task.origin == "follow-up")).one()
    assert (follow.title, follow.due_on) == ("Any reply?", TODAY + timedelta(days=21))
    assert follow.leader_id == handed.leader.id


def test_a_part_done(handed: SimpleNamespace) -> None:
    number = handed.tasks[0]
    part = {handed.scene.targets[0]: 1, handed.scene.targets[3]: 1}
    do(doing.finish, task_id=number, doer=doer(handed, 0), today=TODAY, done=part)
    assert (task(number).done, task(number).state) == (2, "in-process")
    ready = db.session.scalars(select(Piece.target_id).where(Piece.state == "prepared"))
    assert sorted(ready) == sorted(part)


def test_given_back_and_taken_by_another(handed: SimpleNamespace) -> None:
    number, scene = handed.tasks[0], handed.scene
    part = {scene.targets[0]: 1}
    do(doing.finish, task_id=number, doer=doer(handed, 0), today=TODAY, done=part)
    do(doing.give_back, task_id=number, doer=doer(handed, 0))
    # What was written stays who wrote it.
    assert progress([handed.pack.id])[handed.pack.id].pool == 4
    do(doing.take, task_id=number, doer=doer(handed, 2), today=TODAY)
    assert progress([handed.pack.id])[handed.pack.id].pool == 0
    of_two = db.session.scalars(select(Piece.id).where(Piece.member_id == scene.members[2])).all()
    assert len(of_two) == 9
    do(assign, [number], to=[scene.members[3]], by=handed.leader, today=TODAY)
    do(doing.finish, task_id=number, doer=doer(handed, 3), today=TODAY)
    of_three = select(Piece.id).where(
        Piece.member_id == scene.members[3], Piece.state == "prepared"
    )
    assert len(db.session.scalars(of_three).all()) == 4


def test_what_the_leader_takes_back_is_not_asked_for(handed: SimpleNamespace) -> None:
    scene = handed.scene
    some = {scene.targets[0]: 1}
    do(give_back, handed.pack, member_id=scene.members[0], targets=some, by=None, today=TODAY)
    assert (task(handed.tasks[0]).pieces, task(handed.tasks[0]).state) == (4, "needs-action")
    do(give_back, handed.pack, member_id=scene.members[0], by=None, today=TODAY)
    assert task(handed.tasks[0]).state == "cancelled"
    # The pool can be handed out as well.
    do(hand_out, handed.pack, client_key="the-rest-1", by=handed.leader, today=TODAY)
    pool = db.session.scalars(select(Task).where(Task.in_pool)).one()
    assert pool.pieces == 5
    do(doing.take, task_id=pool.id, doer=doer(handed, 7), today=TODAY)
    assert progress([handed.pack.id])[handed.pack.id].pool == 0


def test_what_comes_back_and_a_pack_put_away(handed: SimpleNamespace) -> None:
    do(post_pieces, handed.pack, pieces=10, posted_on=TODAY, by=handed.leader, today=TODAY)
    do(return_pieces, handed.pack, pieces=2, by=handed.leader, today=TODAY)
    do(close_pack, handed.pack, by=handed.leader)
    states = set(db.session.scalars(select(Task.state).where(Task.carrier == "pack")))
    assert states == {"completed", "cancelled"}


def test_who_left_the_chapter_is_left_out(any_scene: SimpleNamespace, pack: Pack) -> None:
    leader, gone = any_scene.people.leader, any_scene.members[0]
    made = pack(any_scene, by=leader)
    with db.unit_of_work():
        for each in db.session.scalars(select(Membership).where(Membership.member_id == gone)):
            each.left_on = TODAY - timedelta(days=1)
        audit.record("make", "test", None, by=None)
    tasks = do(hand_out, made, client_key="hand-out-2", by=leader, today=TODAY)
    assert len(tasks) == 30
    with pytest.raises(Refused, match="left the chapter"):
        do(hand_out, made, client_key="hand-out-3", by=leader, today=TODAY)
    do(give_back, made, member_id=gone, by=leader, today=TODAY)
    assert progress([made.id])[made.id].pool == 5


def test_pieces_of_tasks_that_were_called_off_are_handed_out_anew(handed: SimpleNamespace) -> None:
    """A pack that is closed calls its tasks off; opened again, nobody would have any of it."""
    do(close_pack, handed.pack, by=handed.leader)
    do(reopen_pack, handed.pack, by=handed.leader)
    assert is_handed_out(handed.pack.id) == (0, 155)
    again = do(hand_out, handed.pack, client_key="again-2", by=handed.leader, today=TODAY)
    assert len(again) == 31
    assert is_handed_out(handed.pack.id) == (155, 0)
    # The old task has no pieces any more: doing it again prepares nothing.
    do(doing.reopen, task_id=handed.tasks[0], doer=Doer())
    do(doing.finish, task_id=handed.tasks[0], doer=Doer(), today=TODAY)
    assert progress([handed.pack.id])[handed.pack.id].prepared == 0


def test_the_task_of_somebody_forgotten_is_handed_out_anew(handed: SimpleNamespace) -> None:
    one, first = handed.scene.members[0], handed.tasks[0]
    target = handed.scene.targets[0]
    do(doing.finish, task_id=first, doer=doer(handed, 0), today=TODAY, done={target: 1})
    do(forget, member_id=one, by=None, today=TODAY)
    assert task(first).state == "cancelled"
    assert is_handed_out(handed.pack.id) == (150, 5)
    [pooled] = do(hand_out, handed.pack, client_key="again-3", by=handed.leader, today=TODAY)
    assert (task(pooled.id).pieces, task(pooled.id).done, task(pooled.id).in_pool) == (5, 0, True)


def test_a_task_shows_the_words_the_pack_prints(any_scene: SimpleNamespace, pack: Pack) -> None:
    """In the language of the pack, and with what was typed for the text's own fields."""
    make.kept(
        TextVersion(
            text_id=any_scene.text, language="es", number=1, body="Soy de ((our town)).",
            fields=[{"name": "our town", "kind": "text"}], approved_at=db.now(),
        )
    )  # fmt: skip
    made = pack(any_scene, language="es", values={"our town": "Huntington"})
    tasks = do(hand_out, made, client_key="es-1", by=None, today=TODAY)
    where = Task.id == tasks[0].id
    shown = at_hand(task_with_all(tasks[0].id, where), lambda verb: verb, TODAY)
    assert str(shown.lines[0].text.body) == "Soy de Huntington."  # type: ignore[union-attr]
