"""Whatever is done with a pack in whatever order: pieces, outreach and tasks say the same."""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import func, select

from crm.core import db
from crm.core.errors import Refused
from crm.mailings.as_tasks import hand_out
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import claim, close_pack, give_back, prepare, reopen_pack
from crm.mailings.posting import post_pieces, return_pieces
from crm.mailings.queries import next_number, postings, progress
from crm.outreach.models import Action, ActionTarget
from crm.outreach.operations import redo_action, snapshot, undo_action
from crm.outreach.queries import ActionFilter, total
from crm.tasks import doing
from crm.tasks.doing import Doer
from crm.tasks.models import Task, TaskTarget
from crm.tasks.operations import assign
from tests.mailings.conftest import TODAY

Pack = Callable[..., Mailing]
Step = Callable[[], Any]


class Chain:
    """A pack of twelve pieces, and steps drawn at random."""

    def __init__(self, scene: SimpleNamespace, made: Mailing, seed: int):
        self.scene, self.made, self.random = scene, made, Random(seed)
        self.members, self.targets, self.keys = scene.members[:4], scene.targets[:3], 0

    def some_task(self) -> int:
        ids = db.session.scalars(select(Task.id).where(Task.carrier == "pack")).all()
        return self.random.choice(ids) if ids else 0

    def some_action(self) -> Action | None:
        found = db.session.scalars(select(Action).order_by(Action.id)).all()
        return self.random.choice(found) if found else None

    def hand_out(self) -> Any:
        self.keys += 1
        key = f"hand-out-{self.keys}"
        return hand_out(self.made, client_key=key, by=None, today=TODAY)

    def steps(self) -> list[Step]:
        pick, made = self.random.choice, self.made
        by: dict[str, Any] = {"by": None, "today": TODAY}
        member, target, number = pick(self.members), pick(self.targets), self.random.randint(1, 3)
        posting = pick([None, next_number(made.id), max(1, next_number(made.id) - 1)])
        found: list[Step] = [
            lambda: prepare(made, member_ids=[pick([member, None])], **by),
            lambda: prepare(made, member_ids=[member], is_prepared=False, **by),
            lambda: post_pieces(made, pieces=number, number=posting, posted_on=TODAY, **by),
            lambda: post_pieces(made, members={member: number}, posted_on=TODAY, **by),
            lambda: post_pieces(made, targets={target: number}, posted_on=TODAY, **by),
            lambda: return_pieces(made, pieces=number, **by),
            lambda: return_pieces(made, members={member: number}, **by),
            lambda: claim(made, member_id=member, number=pick([None, number]), **by),
            lambda: give_back(made, member_id=member, targets=pick([None, {target: 1}]), **by),
            self.hand_out,
            lambda: close_pack(made, by=None),
            lambda: reopen_pack(made, by=None),
            lambda: reopen_pack(made, by=None),
        ]
        if (task := self.some_task()) != 0:
            found += [
                lambda: doing.finish(task_id=task, doer=Doer(), today=TODAY),
                lambda: doing.finish(task_id=task, doer=Doer(), today=TODAY, done={target: 1}),
                lambda: doing.give_back(task_id=task, doer=Doer()),
                lambda: doing.take(task_id=task, doer=Doer(member_id=member), today=TODAY),
                lambda: doing.reopen(task_id=task, doer=Doer()),
                lambda: assign([task], to=[member], **by),
            ]
        if (action := self.some_action()) is not None:
            found += [
                lambda: undo_action(action, by=None),
                lambda: redo_action(action, by=None),
                lambda: redo_action(action, by=None),
            ]
        return found

    def check(self) -> None:
        db.session.expire_all()
        self.check_outreach()
        self.check_tasks()

    def check_outreach(self) -> None:
        now = progress([self.made.id])[self.made.id]
        assert now.total == 12
        posted = counted = 0
        for row in postings(self.made.id):
            pieces = db.session.scalars(
                select(Piece).where(Piece.posting_id == row.posting.id)
            ).all()
            posted += len(pieces)
            assert {each.state for each in pieces} <= {"posted"}
            if row.undone_at is not None:
                continue
            counted += len(pieces)
            said = snapshot(db.session.get_one(Action, row.posting.action_id))
            assert (said["pieces"], said["minutes"]) == (len(pieces), 5 * len(pieces))
            assert said["details"]["postage"] == f"{61 * len(pieces) / 100:.2f}"
            of_target = Counter(each.target_id for each in pieces)
            assert {each["target_id"]: each["pieces"] for each in said["targets"]} == of_target
            of_member = Counter(each.member_id for each in pieces)
            assert said["unnamed"] == of_member.pop(None, 0)
            assert {each["member_id"]: each["pieces"] for each in said["members"]} == of_member
        assert posted == now.posted
        rows = db.session.scalar(select(func.coalesce(func.sum(ActionTarget.pieces), 0)))
        assert counted == total(ActionFilter()) == rows

    def check_tasks(self) -> None:
        for task in db.session.scalars(select(Task).where(Task.state != "cancelled")):
            pieces = db.session.scalars(select(Piece).where(Piece.task_id == task.id)).all()
            if not pieces:
                continue
            asked = {
                row.target_id: row.pieces
                for row in db.session.scalars(
                    select(TaskTarget).where(TaskTarget.task_id == task.id)
                )
            }
            assert asked == Counter(each.target_id for each in pieces)
            done = sum(each.state != "to-prepare" for each in pieces)
            assert (task.done, task.pieces) == (done, len(pieces))
            assert (task.state == "completed") == (done == len(pieces))


@pytest.mark.parametrize("seed", range(4))
def test_all_says_the_same(any_scene: SimpleNamespace, pack: Pack, seed: int) -> None:
    members, targets = any_scene.members[:4], frozenset(any_scene.targets[:3])
    made = pack(any_scene, members=dict.fromkeys(members), target_ids=targets)
    chain = Chain(any_scene, made, seed)
    for _step in range(40):
        with suppress(Refused), db.unit_of_work():
            chain.random.choice(chain.steps())()
        chain.check()
