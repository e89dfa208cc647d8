"""Reads what tells whether two targets are one, and gives the likely pairs: six statements."""

from collections import defaultdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from crm.core import db
from crm.targets.likeness import Card, Pair, contact_key, likely_pairs
from crm.targets.models import (
    ContactPoint,
    NotTheSame,
    Post,
    Target,
    TargetIdentifier,
    TargetMerge,
    Term,
)
from crm.targets.queries import is_kept


def likely() -> list[Pair]:
    """The pairs worth a look, the likeliest first; none that somebody said is no pair."""
    apart = frozenset(
        (a, b) for a, b in db.session.execute(select(NotTheSame.a_id, NotTheSame.b_id))
    )
    return likely_pairs(cards(), apart)


def cards(*only: int) -> list[Card]:
    """What is known of all targets, or of these."""
    some = [Target.id.in_(only)] if only else [is_kept()]
    contacts: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for target_id, kind, value in db.session.execute(
        select(ContactPoint.target_id, ContactPoint.kind, ContactPoint.value).where(
            ContactPoint.kind.in_(("phone", "email", "social")),
            ContactPoint.target_id.in_(only) if only else ContactPoint.target_id.is_not(None),
        )
    ):
        if target_id is not None and (key := contact_key(kind, value)):
            contacts[target_id].append(key)
    known: dict[int, list[tuple[str, str]]] = defaultdict(list)
    identified = select(
        TargetIdentifier.target_id, TargetIdentifier.scheme, TargetIdentifier.identifier
    )
    if only:
        identified = identified.where(TargetIdentifier.target_id.in_(only))
    for target_id, scheme, identifier in db.session.execute(identified):
        known[target_id].append((scheme, identifier))
    held = (
        select(Term.target_id, Post.area, Post.id, Post.label)
        .join(Post, Post.id == Term.post_id)
        .where(Term.is_current)
    )
    if only:
        held = held.where(Term.target_id.in_(only))
    # Read by itself: joined, a database may look through all present terms for every target.
    offices = {row[0]: row[1:] for row in db.session.execute(held)}
    rows = db.session.execute(
        select(
            Target.id, Target.kind, Target.name, Target.given_name, Target.family_name,
            Target.suffix, Target.nickname, Target.country,
        )
        .where(*some)
        .order_by(Target.id)
    )  # fmt: skip
    found = []
    for row in rows:
        office = offices.get(row[0], (None, None, None))
        more: tuple[Any, ...] = (tuple(known.get(row[0], ())), tuple(contacts.get(row[0], ())))
        found.append(Card(*(*row, *office, *more)))
    return found


def merges_into(target_id: int) -> list[TargetMerge]:
    """What was merged into a target and not taken back, the last first."""
    return list(
        db.session.scalars(
            select(TargetMerge)
            .where(TargetMerge.kept_id == target_id, TargetMerge.undone_at.is_(None))
            .options(joinedload(TargetMerge.merged), joinedload(TargetMerge.by))
            .order_by(TargetMerge.id.desc())
        )
    )
