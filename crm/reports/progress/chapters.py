"""Small chapters told as one: what three people's chapter did is what these three did.

The table of what each chapter did and the one of who acted in which country are the catalogue's
own; of its small chapters an audience is told in one line, so that neither a line nor what is left
of the total says what a few people did. Totals stay those of all.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, func, or_, select

from crm.core import db
from crm.core.tables import Row
from crm.members.models import Chapter, Member, Membership
from crm.reports.extracts import Extract
from crm.reports.progress.audiences import FEW, together

#: Key of the line that tells of several.
OTHERS = "others"


@dataclass(frozen=True)
class Sized:
    """A chapter and how many people are behind its numbers."""

    name: str
    members: int


def sizes(on: date) -> dict[str, Sized]:
    """Every chapter by its address, as big as it was on a day: one statement.

    One that has no members of its own, as a state's, is as big as all that is below it.
    """
    was_in = and_(
        Membership.chapter_id == Chapter.id,
        or_(Membership.joined_on.is_(None), Membership.joined_on <= on),
        or_(Membership.left_on.is_(None), Membership.left_on > on),
    )
    rows = db.session.execute(
        select(Chapter.slug, Chapter.name, Chapter.path, func.count(Member.id.distinct()))
        .outerjoin(Membership, was_in)
        .outerjoin(Member, and_(Member.id == Membership.member_id, Member.forgotten_at.is_(None)))
        .group_by(Chapter.id, Chapter.slug, Chapter.name, Chapter.path)
    ).all()
    below: dict[str, int] = {}
    for _slug, _name, path, many in rows:
        above = path.strip("/").split("/")
        for each in above:
            below[each] = below.get(each, 0) + many
    return {
        slug: Sized(name, many or below[path.strip("/").rpartition("/")[2]])
        for slug, name, path, many in rows
    }


@dataclass(frozen=True)
class Split:
    """Which chapters are told by themselves, and which as one."""

    #: By address; `joined` are those of the table that are told as one.
    joined: frozenset[str]
    #: By name, of all chapters: whether it may stand alone wherever chapters are listed.
    alone: Mapping[str, bool]


def split(slugs: Sequence[str], known: Mapping[str, Sized]) -> Split:
    """Of chapters that did something, those whose numbers say nothing of a few people. Pure."""
    groups = {slug: known[slug].members if slug in known else 0 for slug in slugs}
    told, joined = together(groups)
    alone: dict[str, bool] = {}
    for slug, each in known.items():
        # Two of one name: told by it only where each may be.
        alone[each.name] = alone.get(each.name, True) and slug in told
    return Split(frozenset(joined), alone)


def few_as_one(found: Extract, slugs: Sequence[str], parted: Split) -> Extract:
    """What each chapter did, the small ones in one line at the end. `slugs` are those of its rows.

    The line adds up what theirs did, so that all lines add up to what they did before.
    """
    if not parted.joined:
        return found
    rows, keys, of_few = [], [], []
    for slug, row, key in zip(slugs, found.rows, found.keys, strict=True):
        if slug in parted.joined:
            of_few.append(row)
        else:
            rows.append(row)
            keys.append(key)
    sums = [_sum([row[at] for row in of_few]) for at in range(1, len(found.columns))]
    said = _(
        "Chapters with fewer than %(few)s members are told together with others, so that no line "
        "says what a few people did.",
        few=FEW,
    )
    return replace(
        found,
        rows=[*rows, (_("Other chapters"), *sums)],
        keys=[*keys, OTHERS],
        told=f"{found.told} {said}".strip(),
    )


def _sum(cells: Sequence[Any]) -> Any:
    """Numbers added up, of days the last; a text tells of one chapter alone."""
    there = [each for each in cells if each is not None]
    if there and all(isinstance(each, date) for each in there):
        return max(there)
    if there and all(isinstance(each, int) for each in there):
        return sum(there)
    return ""


def few_unnamed(found: Extract, parted: Split) -> Extract:
    """Who acted where, small chapters without their names."""
    at = [column.key for column in found.columns].index("who")
    rows: list[Row] = [
        (*row[:at], named(str(row[at] or ""), parted.alone), *row[at + 1 :]) for row in found.rows
    ]
    return replace(found, rows=rows)


def named(listed: str, alone: Mapping[str, bool]) -> str:
    """`Ash, Birch, Cedar` with one name for those that do not stand alone, at the end. Pure.

    A chapter's name may hold a comma itself: the longest name there is, is the one that is meant.
    """
    ranked = sorted(alone, key=len, reverse=True)
    told, hidden, rest = [], False, listed
    while rest:
        name = next((each for each in ranked if rest == each or rest.startswith(f"{each}, ")), None)
        if name is None:
            # `and 3 more`.
            told.append(rest)
            break
        if alone[name]:
            told.append(name)
        else:
            hidden = True
        rest = rest[len(name) :].removeprefix(", ")
    if hidden:
        before = sum(each in alone for each in told)
        told.insert(before, _("other chapters") if before else _("Other chapters"))
    return ", ".join(told)
