"""Pieces that are not posted yet and go to who held a post before: pointed to the successor."""

from collections.abc import Collection, Sequence
from typing import Any

from flask_babel import ngettext
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.i18n import today
from crm.mailings import carrier
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import begin, write_pieces
from crm.mailings.rules import State
from crm.members.queries import in_scope
from crm.targets.handover import Hanging, Provider
from crm.targets.queries import terms_on


def find(target_ids: Collection[int], user: Any) -> Sequence[Hanging]:
    """Open packs of one's chapters with unposted pieces to these targets. One statement."""
    scope = access.scope(user, Can.MAKE_PACKS)
    if not scope:
        return []
    rows = db.session.execute(
        select(Mailing.id, Mailing.code, Mailing.name, Piece.target_id, func.count())
        .join(Piece, Piece.mailing_id == Mailing.id)
        .where(
            Piece.target_id.in_(target_ids),
            Piece.state != State.POSTED,
            Mailing.closed_at.is_(None),
            in_scope(Mailing.chapter_id, scope),
        )
        .group_by(Mailing.id, Mailing.code, Mailing.name, Piece.target_id)
        .order_by(Mailing.planned_on, Mailing.id)
    )
    return [
        Hanging(
            key=str(mailing_id),
            target_id=target_id,
            told=ngettext(
                "to get %(num)s piece of the pack “%(pack)s” that is not posted",
                "to get %(num)s pieces of the pack “%(pack)s” that are not posted",
                number,
                pack=name,
            ),
            link=("mailings.page", {"code": code}),
            movable=True,
        )
        for mailing_id, code, name, target_id, number in rows
    ]


def repoint(key: str, from_id: int, to_id: int, *, by: User) -> None:
    """Let the unposted pieces go to the successor: what was written already is written anew."""
    mailing = db.session.get_one(Mailing, int(key))
    begin(mailing, by)
    ids = list(
        db.session.scalars(
            select(Piece.id).where(
                Piece.mailing_id == mailing.id,
                Piece.target_id == from_id,
                Piece.state != State.POSTED,
            )
        )
    )
    if not ids:
        return
    tasks = carrier.tasks_of(ids)
    write_pieces(
        ids,
        target_id=to_id,
        term_id=terms_on([to_id], today()).get(to_id),
        state=str(State.TO_PREPARE),
        address=None,
        contact_point_id=None,
    )
    audit.record(
        "repoint_pieces",
        "mailing",
        mailing.id,
        by=by,
        changes={"pieces": len(ids), "targets": [from_id, to_id]},
    )
    carrier.tell(tasks, by=by, today=today())


OF_PACKS = Provider("pack", find, repoint)
