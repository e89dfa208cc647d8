"""Reads what tells whether two members are one, and gives the likely pairs: five statements."""

from collections import defaultdict

from sqlalchemy import Select, func, select

from crm.accounts.models import User
from crm.core import db
from crm.members import merging
from crm.members.likeness import Card, Pair, email_key, keys, likely_pairs, phone_key
from crm.members.models import (
    Guardian,
    Guardianship,
    Member,
    MemberApart,
    MemberMerge,
    Membership,
)

#: Members that are compared for a page. Who may merge more chooses a chapter.
MOST = 20_000


def likely(by: User, chapter_ids: frozenset[int] | None = None) -> list[Pair] | None:
    """The likely pairs among the members whom `by` may merge, the likeliest first.

    `chapter_ids` narrows to members of these chapters. None where that is too many to compare.
    """
    wanted = merging.mergeable(by)
    if chapter_ids is not None:
        within = select(Membership.member_id).where(Membership.chapter_id.in_(chapter_ids))
        wanted = wanted.where(Member.id.in_(within))
    ids = wanted.with_only_columns(Member.id)
    many = db.session.scalar(select(func.count()).select_from(ids.limit(MOST + 1).subquery()))
    if (many or 0) > MOST:
        return None
    rows = db.session.execute(select(MemberApart.a_id, MemberApart.b_id))
    return likely_pairs(cards(ids), frozenset((row.a_id, row.b_id) for row in rows))


def cards(ids: Select[int]) -> list[Card]:
    """What is known of the members of these ids, as far as it tells who is one."""
    chapters: dict[int, set[int]] = defaultdict(set)
    for member_id, chapter_id in db.session.execute(
        select(Membership.member_id, Membership.chapter_id).where(Membership.member_id.in_(ids))
    ):
        chapters[member_id].add(chapter_id)
    guardians: dict[int, frozenset[str]] = defaultdict(frozenset)
    for member_id, phone, email in db.session.execute(
        select(Guardianship.member_id, Guardian.phone, Guardian.email)
        .join(Guardian, Guardian.id == Guardianship.guardian_id)
        .where(Guardianship.member_id.in_(ids))
    ):
        guardians[member_id] |= keys(phone_key(phone), email_key(email))
    return [
        Card(
            row.id,
            row.given_name,
            row.family_name,
            frozenset(chapters.get(row.id, ())),
            row.graduation_year,
            keys(phone_key(row.phone)),
            keys(email_key(row.email)),
            guardians.get(row.id, frozenset()),
            row.age_band,
        )
        for row in db.session.execute(
            select(
                Member.id, Member.given_name, Member.family_name, Member.graduation_year,
                Member.phone, Member.email, Member.age_band,
            ).where(Member.id.in_(ids))
        )
    ]  # fmt: skip


def merges_into(member_id: int) -> list[MemberMerge]:
    """What was merged into a member and not taken back, the last first."""
    return list(
        db.session.scalars(
            select(MemberMerge)
            .where(MemberMerge.kept_id == member_id, MemberMerge.undone_at.is_(None))
            .order_by(MemberMerge.id.desc())
        )
    )
