"""What may be shown of a member, to whom, for what: the one function every exit asks.

Pages, lists, search, reports, exports, print and mail take names from here and nowhere else, so
that consent has one place to be enforced. Now: the full name to those who may see the chapter's
members, first name and chapter to others; an export names people only for those who may export
people, and gives a stable number to everybody else.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.core import access, db
from crm.core.access import Can, Scope
from crm.members.models import Chapter, Member, Membership

#: Ids asked for in one statement: a database takes only so many at once.
_AT_ONCE = 500


class Purpose(StrEnum):
    """What the member's data leaves for."""

    PAGE = "a page within the application"
    EXPORT = "a file that leaves the application"
    PRINT = "a letter or card that leaves on paper"


@dataclass(frozen=True)
class Viewer:
    """Who looks: where they may see members, and whether they may export people."""

    sees: Scope
    exports_people: bool

    @classmethod
    def of(cls, user: Any, *, exports_people: bool = False) -> "Viewer":
        """The viewer a user is. `exports_people` is claimed for one export, with a reason."""
        return cls(
            sees=access.scope(user, Can.SEE_MEMBERS),
            exports_people=exports_people and access.may(user, Can.EXPORT_PEOPLE),
        )


@dataclass(frozen=True)
class Shown:
    """What the viewer may read. `is_named` is whether `name` tells who it is."""

    member_id: int
    name: str
    chapters: str
    is_named: bool


def disclose(member_ids: Iterable[int], *, to: Viewer, purpose: Purpose) -> dict[int, Shown]:
    """What `to` may read of these members, by id: one statement for each `_AT_ONCE` of them.

    Ids of no member are left out.
    """
    wanted = sorted(set(member_ids))
    rows = [
        row
        for start in range(0, len(wanted), _AT_ONCE)
        for row in db.session.execute(
            select(Member.id, Member.given_name, Member.family_name, Chapter.id, Chapter.name)
            .outerjoin(Membership, Membership.member_id == Member.id)
            .outerjoin(Chapter, Chapter.id == Membership.chapter_id)
            .where(Member.id.in_(wanted[start : start + _AT_ONCE]))
            .order_by(Membership.id)
        )
    ]
    chapters: dict[int, dict[int, str]] = {}
    names: dict[int, tuple[str, str | None]] = {}
    for member_id, given_name, family_name, chapter_id, chapter_name in rows:
        names[member_id] = (given_name, family_name)
        theirs = chapters.setdefault(member_id, {})
        if chapter_id is not None:
            theirs[chapter_id] = chapter_name
    return {
        member_id: _shown(member_id, given, family, chapters[member_id], to, purpose)
        for member_id, (given, family) in names.items()
    }


def first_name(of_user: str) -> str:
    """What everybody may read of the name of somebody who signs in.

    Leaders log and are pupils themselves: beyond their chapter they are a first name, as members.
    """
    return of_user.split(maxsplit=1)[0] if of_user.strip() else ""


def _shown(
    member_id: int,
    given_name: str,
    family_name: str | None,
    chapters: dict[int, str],
    to: Viewer,
    purpose: Purpose,
) -> Shown:
    where = ", ".join(chapters.values())
    sees = to.sees.includes(*chapters)
    if purpose is Purpose.EXPORT and not (sees and to.exports_people):
        return Shown(member_id, _("Member %(number)s", number=member_id), where, False)
    if not sees or purpose is Purpose.PRINT:
        return Shown(member_id, given_name, where, False)
    full = f"{given_name} {family_name}" if family_name else given_name
    return Shown(member_id, full, where, True)
