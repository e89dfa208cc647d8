"""Teams: members of a chapter, and of those below it, who do something together."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, insert, select
from sqlalchemy.orm import joinedload

from crm.core import access, audit, db
from crm.core.access import Can, Scope
from crm.core.errors import Refused
from crm.core.text import fold
from crm.members import queries
from crm.members.models import Chapter, Member, Team, TeamMember
from crm.members.queries import MemberFilter
from crm.members.rules import NAME_MOST, clean_name

#: Characters of what a team is about, and of what a member does on it.
ABOUT_MOST, PART_MOST = 300, 80


# What is asked


@dataclass(frozen=True)
class Place:
    """A team a member is on, and what they do there."""

    team: Team
    part: str | None


def of_chapter(chapter_id: int) -> Sequence[Team]:
    """The chapter's own teams, those that are closed last."""
    return db.session.scalars(
        select(Team)
        .where(Team.chapter_id == chapter_id)
        .order_by(Team.closed_on.is_not(None), Team.name, Team.id)
    ).all()


def team(team_id: int, chapter_id: int) -> Team:
    """The chapter's team; raises NoResultFound for another's."""
    wanted = select(Team).where(Team.id == team_id, Team.chapter_id == chapter_id)
    return db.session.scalars(wanted).one()


def sizes(team_ids: Collection[int], scope: Scope, *, today: date) -> dict[int, int]:
    """How many of each team's members the scope sees; a team of nobody is not in it."""
    seen = queries.visible_members(scope, today=today).with_only_columns(Member.id)
    rows = db.session.execute(
        select(TeamMember.team_id, func.count())
        .where(TeamMember.team_id.in_(team_ids), TeamMember.member_id.in_(seen))
        .group_by(TeamMember.team_id)
    )
    return {row[0]: row[1] for row in rows}


def places_of(member_ids: Collection[int]) -> dict[int, list[Place]]:
    """Member → the open teams they are on, by name: one statement."""
    found: dict[int, list[Place]] = {number: [] for number in member_ids}
    rows = db.session.scalars(
        select(TeamMember)
        .join(TeamMember.team)
        .where(TeamMember.member_id.in_(found), Team.closed_on.is_(None))
        .options(joinedload(TeamMember.team).joinedload(Team.chapter))
        .order_by(Team.name, Team.id)
    )
    for row in rows:
        found[row.member_id].append(Place(row.team, row.part))
    return found


def parts_in(team_id: int) -> dict[int, str | None]:
    """Member → what they do on the team."""
    rows = db.session.execute(
        select(TeamMember.member_id, TeamMember.part).where(TeamMember.team_id == team_id)
    )
    return {row[0]: row[1] for row in rows}


def who_may_join(record: Team, q: str, scope: Scope, *, today: date) -> Any:
    """Current members of the chapter and below, not on the team yet, whose name begins so."""
    wanted = MemberFilter(q=q, chapter_ids=queries.below(record.chapter_id))
    on_it = select(TeamMember.member_id).where(TeamMember.team_id == record.id)
    return queries.members(wanted, scope, today=today).where(Member.id.not_in(on_it))


# What is done


def create_team(*, chapter_id: int, name: str, about: str | None = None, by: Any) -> Team:
    """A new team of a chapter, with nobody on it."""
    chapter = db.session.scalars(select(Chapter).where(Chapter.id == chapter_id)).one()
    _must_keep(by, chapter_id)
    if chapter.closed_on is not None:
        raise Refused(_("%(chapter)s is closed.", chapter=chapter.name))
    record = Team(chapter_id=chapter_id, name=_name(name, chapter_id), about=about or None)
    db.session.add(record)
    db.session.flush()
    changes = {"name": record.name, "chapter_id": chapter_id, "about": record.about}
    audit.record("create_team", "team", record.id, by=by, changes=changes)
    return record


def edit_team(*, team_id: int, name: str, about: str | None = None, by: Any) -> Team:
    """Another name, or another sentence on what it is about."""
    record = _team(team_id, by)
    values = {"name": _name(name, record.chapter_id, but=record.id), "about": about or None}
    changes = audit.difference(record, values)
    record.name, record.about = values["name"] or "", values["about"]
    audit.record("edit_team", "team", team_id, by=by, changes=changes)
    return record


def close_team(*, team_id: int, by: Any, today: date) -> None:
    """The team is no more; who was on it stays written."""
    record = _team(team_id, by)
    if record.closed_on is not None:
        raise Refused(_("This team is closed."))
    record.closed_on = today
    changes = {"closed_on": [None, today]}
    audit.record("close_team", "team", team_id, by=by, changes=changes)


def reopen_team(*, team_id: int, by: Any) -> None:
    """The team goes on, with whom it had."""
    record = _team(team_id, by)
    if record.closed_on is None:
        raise Refused(_("This team is open."))
    changes = {"closed_on": [record.closed_on, None]}
    record.closed_on = None
    audit.record("reopen_team", "team", team_id, by=by, changes=changes)


def put_on_team(
    *, team_id: int, member_ids: Collection[int], part: str | None = None, by: Any, today: date
) -> int:
    """Members of the chapter and below, put on the team; how many are new there."""
    record = _team(team_id, by)
    if record.closed_on is not None:
        raise Refused(_("This team is closed."))
    if not member_ids:
        raise Refused(_("Tick at least one member."), "member_ids")
    scope = _scope(by)
    may_join = db.session.scalars(
        who_may_join(record, "", scope, today=today)
        .where(Member.id.in_(member_ids))
        .with_only_columns(Member.id)
        .order_by(None)
    ).all()
    there = set(parts_in(team_id))
    if set(member_ids) - there - set(may_join):
        raise Refused(
            _("Only current members of the chapter and those below it can be on its team."),
            "member_ids",
        )
    rows = [{"team_id": team_id, "member_id": each, "part": part or None} for each in may_join]
    if rows:
        db.session.execute(insert(TeamMember), rows)
    changes = {"members": sorted(may_join), "part": part or None}
    audit.record("put_on_team", "team", team_id, by=by, changes=changes)
    return len(rows)


def set_part(*, team_id: int, member_id: int, part: str | None, by: Any) -> None:
    """What a member does on the team."""
    record = _place(_team(team_id, by), member_id, by)
    changes = {"member_id": member_id, "part": [record.part, part or None]}
    record.part = part or None
    audit.record("set_part", "team", team_id, by=by, changes=changes)


def take_off_team(*, team_id: int, member_id: int, by: Any) -> None:
    """A member is on the team no more."""
    record = _place(_team(team_id, by), member_id, by)
    changes = {"member_id": [member_id, None], "part": record.part}
    db.session.delete(record)
    db.session.flush()
    audit.record("take_off_team", "team", team_id, by=by, changes=changes)


def _scope(by: Any) -> Scope:
    if by is None:
        return Scope(everywhere=True, chapter_ids=frozenset())
    return access.scope(by, Can.EDIT_MEMBERS)


def _team(team_id: int, by: Any) -> Team:
    """The team, if `by` keeps the members of its chapter; else NoResultFound."""
    return db.session.scalars(
        select(Team).where(Team.id == team_id, queries.in_scope(Team.chapter_id, _scope(by)))
    ).one()


def _place(record: Team, member_id: int, by: Any) -> TeamMember:
    seen = queries.visible_members(_scope(by)).with_only_columns(Member.id)
    return db.session.scalars(
        select(TeamMember).where(
            TeamMember.team_id == record.id,
            TeamMember.member_id == member_id,
            TeamMember.member_id.in_(seen),
        )
    ).one()


def _must_keep(by: Any, chapter_id: int) -> None:
    if by is not None and not access.may(by, Can.EDIT_MEMBERS, chapter_id):
        raise Refused(_("This chapter is not one of yours to change."))


def _name(typed: str, chapter_id: int, *, but: int | None = None) -> str:
    name = clean_name(typed)
    if not fold(name):
        raise Refused(_("Write the name with at least one letter."), "name")
    if len(name) > NAME_MOST:
        raise Refused(_("Use at most %(most)s characters.", most=NAME_MOST), "name")
    for each in of_chapter(chapter_id):
        if each.id != but and fold(each.name) == fold(name):
            raise Refused(_("This chapter has a team “%(name)s” already.", name=each.name), "name")
    return name
