"""A pack handed out as tasks, one a member; what members do with them changes their pieces."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from datetime import date

from flask import url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import func, or_, select, update

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.mailings import carrier
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import begin
from crm.mailings.queries import progress
from crm.mailings.rules import State
from crm.members.models import Membership
from crm.members.queries import below, open_on
from crm.outreach.channels import channels
from crm.tasks import rules as task_rules
from crm.tasks.carriers import Carrier
from crm.tasks.models import Task
from crm.tasks.operations import Draft, add_tasks

#: What `Task.carrier` and `Task.origin` say.
NAME = "pack"
#: A piece nobody has as a task: none was made of it, or that was called off.
_IS_FREE = or_(Piece.task_id.is_(None), Task.state == task_rules.State.CANCELLED)


def hand_out(
    mailing: Mailing,
    *,
    due_on: date | None = None,
    note: str | None = None,
    client_key: str,
    by: User | None,
    today: date,
) -> list[Task]:
    """Make a task of each member's pieces, and one in the pool of those nobody writes yet.

    Pieces that are somebody's task already stay in it, unless it was called off. Those of who left
    the chapter are left out: they can be given back to the pool.
    """
    begin(mailing, by)
    theirs: dict[int | None, list[tuple[int, int]]] = defaultdict(list)
    for piece_id, member_id, target_id in db.session.execute(
        select(Piece.id, Piece.member_id, Piece.target_id)
        .outerjoin(Task, Task.id == Piece.task_id)
        .where(Piece.mailing_id == mailing.id, Piece.state != State.POSTED, _IS_FREE)
        .order_by(Piece.number)
    ):
        theirs[member_id].append((piece_id, target_id))
    if not theirs:
        raise Refused(_("Every piece is somebody's task already."))
    there = _present({each for each in theirs if each is not None}, mailing.chapter_id, today)
    members = sorted(
        (each for each in theirs if each is None or each in there),
        key=lambda each: (each is None, each or 0),
    )
    if not members:
        raise Refused(
            _("Who was to write these left the chapter. Give the pieces back to the pool first.")
        )
    drafts = [
        Draft(
            title=_(
                "%(pack)s: write %(pieces)s",
                pack=mailing.name[:120],
                pieces=channels()[mailing.channel].count(len(theirs[member])),
            ),
            chapter_id=mailing.chapter_id,
            member_id=member,
            in_pool=member is None,
            campaign_id=mailing.campaign_id,
            channel=mailing.channel,
            text_id=mailing.text_id,
            targets=dict(Counter(target for _id, target in theirs[member])),
            due_on=due_on or mailing.planned_on,
            note=note,
            carrier=NAME,
            origin=NAME,
        )
        for member in members
    ]
    tasks = add_tasks(drafts, by=by, today=today, client_key=client_key)
    db.session.execute(
        update(Piece),
        [
            {"id": piece_id, "task_id": task.id}
            for task, member in zip(tasks, members, strict=True)
            for piece_id, _target in theirs[member]
        ],
    )
    audit.record("hand_out_pack", "mailing", mailing.id, by=by, changes={"tasks": len(tasks)})
    carrier.tell([task.id for task in tasks], by=by, today=today)
    return tasks


def _present(member_ids: Collection[int], chapter_id: int, today: date) -> set[int]:
    """Those who are members of the chapter, or of one below it."""
    return set(
        db.session.scalars(
            select(Membership.member_id).where(
                Membership.member_id.in_(member_ids),
                Membership.chapter_id.in_(below(chapter_id)),
                open_on(today),
            )
        )
    )


# What a task says to its pack


def _link(task: Task) -> str:
    """The pack's page, for those who may open it."""
    code = db.session.scalar(
        select(Mailing.code).join(Piece, Piece.mailing_id == Mailing.id)
        .where(Piece.task_id == task.id).limit(1)
    )  # fmt: skip
    if code is None or not access.may(current_user, Can.MAKE_PACKS, task.chapter_id):
        return ""
    return url_for("mailings.page", code=code)


def _words(task: Task) -> tuple[str, Mapping[str, str]] | None:
    """What the pack prints its text with."""
    row = db.session.execute(
        select(Mailing.language, Mailing.values).join(Piece, Piece.mailing_id == Mailing.id)
        .where(Piece.task_id == task.id).limit(1)
    ).one_or_none()  # fmt: skip
    return (row.language, row[1]) if row is not None else None


def _finish(task: Task, now: Mapping[int, int], by: User | None, today: date) -> None:
    """So many more were written, by target: they are prepared."""
    mailing_id = _pack_of(task)
    if mailing_id is None:
        return
    left = dict(now)
    chosen = []
    for piece_id, target_id in db.session.execute(
        select(Piece.id, Piece.target_id)
        .where(Piece.task_id == task.id, Piece.state == State.TO_PREPARE)
        .order_by(Piece.number)
    ):
        if left.get(target_id, 0) > 0:
            left[target_id] -= 1
            chosen.append(piece_id)
    if not chosen:
        return
    # The task's row is held; who posts the pack waits for it, and what is posted stays so.
    done = db.session.execute(
        update(Piece)
        .where(Piece.id.in_(chosen), Piece.state == State.TO_PREPARE)
        .values(state=str(State.PREPARED), member_id=task.member_id),
        execution_options={"synchronize_session": False},
    )
    number = done.rowcount  # type: ignore[attr-defined]
    audit.record("prepare_pieces", "mailing", mailing_id, by=by, changes={"pieces": number})
    carrier.tell([task.id], by=by, today=today)


def _give_back(task: Task, by: User | None) -> None:
    """What is not written yet is nobody's; what is written stays who wrote it."""
    _hand_to(task, None, by, "give_back_pieces")


def _hand(task: Task, by: User | None) -> None:
    """What is not written yet is who has the task now."""
    _hand_to(task, task.member_id, by, "claim_pieces")


def _hand_to(task: Task, member_id: int | None, by: User | None, verb: str) -> None:
    mailing_id = _pack_of(task)
    if mailing_id is None:
        return
    moved = db.session.execute(
        update(Piece)
        .where(Piece.task_id == task.id, Piece.state == State.TO_PREPARE)
        .values(member_id=member_id),
        execution_options={"synchronize_session": False},
    )
    number = moved.rowcount  # type: ignore[attr-defined]
    whose = member_id if member_id is not None else task.member_id
    audit.record(
        verb,
        "mailing",
        mailing_id,
        by=by,
        changes={"pieces": number} if whose is None else {"members": {whose: number}},
    )


def _pack_of(task: Task) -> int | None:
    """The pack of the task; None of one that has no pieces any more."""
    return db.session.scalar(select(Piece.mailing_id).where(Piece.task_id == task.id).limit(1))


CARRIER = Carrier(NAME, link=_link, finish=_finish, give_back=_give_back, hand=_hand, words=_words)


def is_handed_out(mailing_id: int) -> tuple[int, int]:
    """Pieces that are somebody's task, and those that could be yet."""
    free = db.session.scalar(
        select(func.count())
        .select_from(Piece)
        .outerjoin(Task, Task.id == Piece.task_id)
        .where(Piece.mailing_id == mailing_id, Piece.state != State.POSTED, _IS_FREE)
    )
    unposted = progress([mailing_id])[mailing_id].unposted
    return unposted - (free or 0), free or 0
