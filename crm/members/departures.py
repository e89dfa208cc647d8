"""What left the application with members in it by name, so that a withdrawal can list it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select

from crm.accounts.models import User
from crm.core import audit, db
from crm.members.disclosure import Exit
from crm.members.models import Departure, DepartureMember

#: Rows written in one statement.
_AT_ONCE = 5_000


@dataclass(frozen=True)
class Left:
    """Something that left, and when."""

    at: datetime
    exit: Exit
    what: str
    by: str | None


def record(
    *, exit: Exit, what: str, member_ids: Collection[int], reason: str | None = None, by: Any
) -> Departure:
    """Keep that these members left by name, in the transaction that lets them out.

    `what` tells a person which paper or file it was: `Activity by member, CSV`.
    """
    left = Departure(
        exit=exit.value, what=what, reason=reason, by_id=by.id if by is not None else None
    )
    db.session.add(left)
    db.session.flush()
    ids = sorted(set(member_ids))
    for start in range(0, len(ids), _AT_ONCE):
        some = ids[start : start + _AT_ONCE]
        rows = [{"departure_id": left.id, "member_id": each} for each in some]
        db.session.execute(insert(DepartureMember), rows)
    audit.record(
        "depart", "departure", left.id, by=by, reason=reason,
        changes={"exit": exit.value, "what": what, "members": len(ids)},
    )  # fmt: skip
    return left


def of_member(member_id: int, exits: Collection[Exit] = frozenset(Exit)) -> Sequence[Left]:
    """What left with this member in it by name, the newest first."""
    rows = db.session.execute(
        select(Departure.at, Departure.exit, Departure.what, User.name)
        .join(DepartureMember, DepartureMember.departure_id == Departure.id)
        .outerjoin(User, User.id == Departure.by_id)
        .where(DepartureMember.member_id == member_id, Departure.exit.in_(exits))
        .order_by(Departure.at.desc(), Departure.id.desc())
    )
    return [Left(at, Exit(exit), what, by) for at, exit, what, by in rows]
