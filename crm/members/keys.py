"""Links and printed codes by which a member opens their own page without an account.

A key is no sign-in: it opens one page, of one member, and only while everything it rests on holds.
That is asked anew at each request, so that a guardian's no, a last day or a new card shut it at
once. Of a code only its digest is kept.
"""

import secrets
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, select, update

from crm.core import db
from crm.core.links import digest
from crm.members.consent_rules import SAID_NO, Purpose, State
from crm.members.disclosure import states
from crm.members.models import Member, MemberKey, Membership, new_code
from crm.members.rules import is_open, read_code

#: Characters of a printed code, and how many stand together on paper.
CARD_LENGTH, CARD_GROUP = 10, 5
#: Days a key works.
LINK_DAYS, CARD_DAYS = 30, 365
#: Seconds a page stays open that was opened by a key.
STAYS_OPEN = 2 * 60 * 60
#: Purposes whose no shuts the page.
_ASKED = (Purpose.MEMBER, Purpose.ACCOUNT)


class Kind(StrEnum):
    """How a key is handed over."""

    LINK = "link"
    CARD = "card"


KINDS = {Kind.LINK: _l("Link"), Kind.CARD: _l("Printed card")}


@dataclass(frozen=True)
class Fresh:
    """A key that was just made, with its code: shown once and then known to nobody here."""

    member_id: int
    code: str
    expires_at: datetime


def written(code: str) -> str:
    """A printed code the way it is printed: `7K2QX-9RB4T`."""
    return f"{code[:CARD_GROUP]}-{code[CARD_GROUP:]}"


def hindrances(member_ids: Collection[int], *, today: date) -> dict[int, str]:
    """Why these members may have no page of their own, a sentence each; who may is left out."""
    found: dict[int, str] = {}
    for member_id, said in states(member_ids, _ASKED, today=today).items():
        refused = [purpose for purpose in _ASKED if said.get(purpose) in SAID_NO]
        if Purpose.MEMBER in refused:
            found[member_id] = _(
                "Whoever decides for this member does not want them on the list of members."
            )
        elif refused and said[Purpose.ACCOUNT] is State.WITHDRAWN:
            found[member_id] = _("The consent to a page or account of their own was withdrawn.")
        elif refused:
            found[member_id] = _("Whoever decides for this member said no to a page of their own.")
    return found


def draw(member_ids: Iterable[int], kind: Kind, *, days: int, at: datetime) -> list[Fresh]:
    """New codes, of which nothing is kept yet: a sheet of cards is set before it is written."""
    expires_at = at + timedelta(days=days)
    return [Fresh(member_id, _new(kind), expires_at) for member_id in dict.fromkeys(member_ids)]


def keep(fresh: Collection[Fresh], kind: Kind, *, by: Any, at: datetime) -> None:
    """Let these codes open pages; the old ones of that kind stop. Writes; the caller audits."""
    revoke([each.member_id for each in fresh], kind, at=at)
    db.session.add_all(
        MemberKey(
            member_id=each.member_id,
            kind=kind.value,
            code_hash=digest(each.code),
            made_by_id=by.id if by is not None else None,
            made_at=at,
            expires_at=each.expires_at,
        )
        for each in fresh
    )
    db.session.flush()


def revoke(member_ids: Collection[int], kind: Kind | None = None, *, at: datetime) -> int:
    """Let these members' keys open nothing any more; how many. Writes; the caller audits."""
    done = 0
    for some in db.batches(sorted(set(member_ids))):
        wanted: list[ColumnElement[bool]] = [
            MemberKey.member_id.in_(some),
            MemberKey.revoked_at.is_(None),
        ]
        if kind is not None:
            wanted.append(MemberKey.kind == kind.value)
        done += db.session.execute(  # type: ignore[attr-defined]
            update(MemberKey).where(*wanted).values(revoked_at=at),
            execution_options={"synchronize_session": False},
        ).rowcount
    return done


def working(member_ids: Collection[int], *, now: datetime) -> Sequence[MemberKey]:
    """Keys that are neither revoked nor expired, the newest first."""
    found: list[MemberKey] = []
    for some in db.batches(sorted(set(member_ids))):
        found += db.session.scalars(
            select(MemberKey)
            .where(
                MemberKey.member_id.in_(some),
                MemberKey.revoked_at.is_(None),
                MemberKey.expires_at > now,
            )
            .order_by(MemberKey.id.desc())
        )
    return found


def by_code(code: str) -> MemberKey | None:
    """The key of a link's or a card's code, whether it still opens anything or not."""
    hashes = {digest(code), digest(read_code(code))}
    return db.session.scalars(
        select(MemberKey).where(MemberKey.code_hash.in_(hashes)).limit(1)
    ).one_or_none()


def by_id(key_id: int) -> MemberKey | None:
    """The key a page was opened by."""
    return db.session.get(MemberKey, key_id)


def opens(key: MemberKey | None, *, now: datetime, today: date) -> Member | None:
    """The member whose page a key opens at this moment; None when it opens nothing."""
    if key is None or key.revoked_at is not None or key.expires_at <= now:
        return None
    member = kept(key.member_id)
    if member is None or member.forgotten_at is not None:
        return None
    ids = {key.member_id, member.id}
    memberships = db.session.scalars(select(Membership).where(Membership.member_id.in_(ids))).all()
    if not _is_still_there(memberships, key.made_at, today):
        return None
    return None if hindrances(ids, today=today) else member


def kept(member_id: int) -> Member | None:
    """The member, or the one they were merged into."""
    seen: set[int] = set()
    member = db.session.get(Member, member_id)
    while member is not None and member.merged_into_id is not None and member.id not in seen:
        seen.add(member.id)
        member = db.session.get(Member, member.merged_into_id)
    return member


def _is_still_there(memberships: Iterable[Membership], made_at: datetime, today: date) -> bool:
    """Whether the member is in a chapter they were in when the key was made.

    Who left and came back gets a new one: the old card may lie anywhere.
    """
    # A day where the chapter is may be tomorrow in UTC.
    made_on = made_at.date() + timedelta(days=1)
    left = {
        each.chapter_id
        for each in memberships
        if each.left_on is not None and made_at.date() < each.left_on <= today
    }
    return any(
        is_open(each.left_on, today)
        and (
            each.joined_on <= made_on if each.joined_on is not None else each.chapter_id not in left
        )
        for each in memberships
    )


def of_user(user_id: int) -> Member | None:
    """The member a user is linked to."""
    return db.session.scalars(
        select(Member).where(
            Member.user_id == user_id,
            Member.forgotten_at.is_(None),
            Member.merged_into_id.is_(None),
        )
    ).one_or_none()


def _new(kind: Kind) -> str:
    return new_code(CARD_LENGTH) if kind is Kind.CARD else secrets.token_urlsafe(24)
