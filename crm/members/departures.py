"""What left the application with members in it by name, so that a withdrawal can list it.

Rooms above know of more than files and papers, such as pictures: each offers a `Source`.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Flask, current_app
from sqlalchemy import insert, select

from crm.accounts.models import User
from crm.core import audit, db
from crm.members.consent_rules import EXITS, Purpose
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
    #: Where those who keep members can look at it, and take it away.
    url: str | None = None


@dataclass(frozen=True)
class Source:
    """What a room above knows of: for which purposes, and how it is found for a member."""

    purposes: frozenset[Purpose]
    find: Callable[[int], Sequence[Left]]


_REGISTRY = "crm_departures"


def offer(app: Flask, source: Source) -> None:
    """Let a withdrawal list what this source finds."""
    app.extensions.setdefault(_REGISTRY, []).append(source)


def about(member_id: int, purposes: Collection[Purpose]) -> Sequence[Left]:
    """What left that these purposes are about, the newest first: a withdrawal does not undo it."""
    exits = frozenset(Exit(name) for each in purposes for name in EXITS[each])
    found = list(of_member(member_id, exits)) if exits else []
    for source in current_app.extensions.get(_REGISTRY, ()):
        if not source.purposes.isdisjoint(purposes):
            found.extend(source.find(member_id))
    return sorted(found, key=lambda left: left.at, reverse=True)


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
    for some in db.batches(ids, _AT_ONCE):
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
