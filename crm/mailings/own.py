"""What packs tell a member of themself, what of them a forgotten one leaves, and two made one."""

from collections.abc import Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select, update

from crm.core import audit, db
from crm.core.i18n import day, today
from crm.core.mail_models import IncomingMail
from crm.mailings import carrier
from crm.mailings.models import Mailing, Piece
from crm.mailings.rules import State, state_name
from crm.members import forgetting, own_data
from crm.members import merging as members
from crm.members.forgetting import FreeText
from crm.members.own_data import Asked, Section

# A piece is to one target by one member: who is made one with another has both's pieces.
members.MOVES["piece.member_id"] = _l("Pieces of packs")


def _section(asked: Asked) -> Section | None:
    """A member's file: the packs they write for, and how far their pieces are."""
    found = db.session.execute(
        select(Mailing.name, Mailing.planned_on, Piece.state, func.count())
        .join(Piece, Piece.mailing_id == Mailing.id)
        .where(Piece.member_id == asked.member.id)
        .group_by(Mailing.id, Mailing.name, Mailing.planned_on, Piece.state)
        .order_by(Mailing.id.desc(), Piece.state)
    ).all()
    if not found:
        return None
    return Section(
        "packs",
        _("Letters and cards you write"),
        heads=(_("Pack"), _("Post by"), _("State"), _("Pieces")),
        rows=[
            (name, day(planned_on), state_name(state), str(number))
            for name, planned_on, state, number in found
        ],
    )


own_data.SECTIONS |= {86: _section}


def leave(member_ids: Sequence[int], by: Any) -> None:
    """What is not posted goes to the pool. What was posted stays counted, under no name."""
    theirs = (Piece.member_id.in_(member_ids), Piece.state != State.POSTED)
    numbers = {
        mailing_id: {"pieces": number}
        for mailing_id, number in db.session.execute(
            select(Piece.mailing_id, func.count()).where(*theirs).group_by(Piece.mailing_id)
        )
    }
    tasks = db.session.scalars(
        select(Piece.task_id).where(*theirs, Piece.task_id.is_not(None)).distinct()
    ).all()
    db.session.execute(
        update(Piece)
        .where(*theirs)
        .values(member_id=None, task_id=None, state=str(State.TO_PREPARE)),
        execution_options={"synchronize_session": False},
    )
    audit.record_each("give_back_pieces", "mailing", numbers, by=by)
    # Their tasks ask for what is left in them, or are called off: the pack is handed out anew.
    carrier.tell([each for each in tasks if each is not None], by=by, today=today())


def _pack(row: Mailing) -> tuple[str, str | None]:
    return _("The pack %(name)s", name=row.name), f"/packs/{row.code}"


def _mail(row: IncomingMail) -> tuple[str, str | None]:
    return _("A reply that was forwarded"), f"/outreach/replies/forwarded/{row.id}"


forgetting.LEAVING["piece"] = leave
forgetting.TEXTS |= {
    "incoming_mail": FreeText(IncomingMail, ("subject", "text", "told"), _mail),
    "mailing": FreeText(Mailing, ("name", "place", "values", "picture_shows", "then"), _pack),
}
