"""Members, chapters and roles, asked of the database. Lists of people start from a scope."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import cast

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute, aliased, selectinload

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Grant, Grants, Role, Scope
from crm.core.text import fold
from crm.members.matching import Candidate
from crm.members.models import (
    Chapter,
    ChapterRole,
    Member,
    Membership,
    MemberWord,
    words_of,
)
from crm.members.rules import Standing, school_year, search_key

#: The columns a list of members sorts by.
SORTS = {
    "name": (Member.search, Member.id),
    "graduation": (Member.graduation_year, Member.search, Member.id),
    "added": (Member.id,),
}


def grants_of(user_id: int) -> Grants:
    """What a user holds, each role with the ids of its chapter and all below: one statement."""
    anchor, below_it = aliased(Chapter), aliased(Chapter)
    rows = db.session.execute(
        select(ChapterRole.id, ChapterRole.role, ChapterRole.chapter_id, below_it.id)
        .outerjoin(anchor, anchor.id == ChapterRole.chapter_id)
        .outerjoin(below_it, _lies_below(below_it, anchor))
        .where(ChapterRole.user_id == user_id)
    ).all()
    held: dict[int, tuple[str, set[int] | None]] = {}
    for role_id, role, anchor_id, chapter_id in rows:
        _role, chapters = held.setdefault(role_id, (role, None if anchor_id is None else set()))
        if chapters is not None:
            chapters.add(chapter_id)
    return Grants(
        Grant(Role(role), None if chapters is None else frozenset(chapters))
        for role, chapters in held.values()
    )


def _lies_below(chapter: type[Chapter], anchor: type[Chapter]) -> ColumnElement[bool]:
    """The condition that a chapter is the anchor or hangs under it.

    Paths hold digits and slashes only, so nothing in them is a wildcard. An empty path (a chapter
    in the making) is the start of everything, and must open nothing.
    """
    starts = chapter.path.like(cast(ColumnElement[str], anchor.path).concat("%"))
    return or_(chapter.id == anchor.id, and_(anchor.path != "", starts))


# Chapters


def in_scope(
    column: InstrumentedAttribute[int] | InstrumentedAttribute[int | None], scope: Scope
) -> ColumnElement[bool]:
    """The condition that a column of chapter ids lies in the scope."""
    return true() if scope.everywhere else column.in_(scope.chapter_ids)


def chapter(slug: str, scope: Scope) -> Chapter:
    """The chapter of an address; raises NoResultFound outside the scope."""
    return db.session.scalars(
        select(Chapter).where(Chapter.slug == slug, in_scope(Chapter.id, scope))
    ).one()


def find_chapter(slug: str) -> Chapter | None:
    """The chapter of that slug, whoever asks."""
    return db.session.scalars(select(Chapter).where(Chapter.slug == slug)).one_or_none()


def slugs() -> list[str]:
    """All chapters' slugs."""
    return list(db.session.scalars(select(Chapter.slug).order_by(Chapter.slug)))


def chapters_in(scope: Scope, *, open_only: bool = False) -> list[Chapter]:
    """The chapters of the scope in tree order: by name among those under the same parent.

    `depth` says how far to indent. A chapter whose parent is outside the scope stands as a root.
    """
    wanted = select(Chapter).where(in_scope(Chapter.id, scope))
    if open_only:
        wanted = wanted.where(Chapter.closed_on.is_(None))
    return in_tree_order(db.session.scalars(wanted).all())


def in_tree_order(chapters: Iterable[Chapter]) -> list[Chapter]:
    """Each chapter before those below it, siblings by name."""
    found = list(chapters)
    names = {str(each.id): fold(each.name) for each in found}

    def key(each: Chapter) -> list[tuple[str, str]]:
        # Ids outside of the scope have no name here; the number keeps same-named ones apart.
        return [(names.get(part, ""), part) for part in each.path.strip("/").split("/")]

    return sorted(found, key=key)


def below(chapter_id: int) -> frozenset[int]:
    """Ids of the chapter and of all below it; empty when there is no such chapter."""
    anchor = aliased(Chapter)
    return frozenset(
        db.session.scalars(
            select(Chapter.id)
            .join(anchor, _lies_below(Chapter, anchor))
            .where(anchor.id == chapter_id)
        )
    )


def above(chapter: Chapter) -> list[Chapter]:
    """The chapters a chapter hangs under, from the root down."""
    ids = [int(part) for part in chapter.path.strip("/").split("/")[:-1]]
    if not ids:
        return []
    found = {
        each.id: each for each in db.session.scalars(select(Chapter).where(Chapter.id.in_(ids)))
    }
    return [found[each] for each in ids if each in found]


def current_counts(chapter_ids: Iterable[int], *, today: date) -> dict[int, int]:
    """How many current members each chapter has with those below it, each counted once."""
    anchor, below_it = aliased(Chapter), aliased(Chapter)
    rows = db.session.execute(
        select(anchor.id, func.count(func.distinct(Membership.member_id)))
        .join(below_it, _lies_below(below_it, anchor))
        .join(Membership, Membership.chapter_id == below_it.id)
        .join(Member, Member.id == Membership.member_id)
        .where(anchor.id.in_(set(chapter_ids)), open_on(today), not_graduated_on(today))
        .group_by(anchor.id)
    ).all()
    return {row[0]: row[1] for row in rows}


def roles_in(chapter_ids: Iterable[int]) -> dict[int, list[ChapterRole]]:
    """The roles held in each of the chapters itself, with their users, by the user's name."""
    rows = db.session.scalars(
        select(ChapterRole)
        .join(ChapterRole.user)
        .where(ChapterRole.chapter_id.in_(set(chapter_ids)), User.active)
        .options(selectinload(ChapterRole.user))
        .order_by(User.name, ChapterRole.id)
    )
    found: dict[int, list[ChapterRole]] = {}
    for row in rows:
        found.setdefault(row.chapter_id or 0, []).append(row)
    return found


# Members


@dataclass(frozen=True, kw_only=True)
class MemberFilter:
    """Which members; what is None or empty does not narrow."""

    q: str = ""
    #: A chapter and all below it, as ids.
    chapter_ids: frozenset[int] | None = None
    standing: Standing = Standing.CURRENT
    graduation_year: int | None = None
    #: A key of `SORTS`, with a minus before it for the other way round.
    sort: str = "name"


def open_on(today: date) -> ColumnElement[bool]:
    """The condition that a membership lasts (`rules.is_open`)."""
    return or_(Membership.left_on.is_(None), Membership.left_on > today)


def not_graduated_on(today: date) -> ColumnElement[bool]:
    """The condition that a member has not graduated (`rules.has_graduated`)."""
    return or_(Member.graduation_year.is_(None), Member.graduation_year >= school_year(today))


def named(q: str) -> list[ColumnElement[bool]]:
    """Conditions that each word of `q` begins a word of the member's name, in any order.

    The longest word, which fewest names have, is looked up in the index of words; of those found
    the other words are asked. So it takes what is found, however many members there are.
    """
    words = sorted(words_of(fold(q)), key=len, reverse=True)
    if not words:
        return []
    first = select(MemberWord.member_id).where(_begins(words[0]))
    return [
        Member.id.in_(first),
        *(exists().where(MemberWord.member_id == Member.id, _begins(word)) for word in words[1:]),
    ]


def _begins(word: str) -> ColumnElement[bool]:
    """That a word of a name begins so: a range of the index."""
    return and_(MemberWord.word >= word, MemberWord.word < f"{word}\U0010ffff")


def kept_ids(member_ids: Iterable[int]) -> dict[int, int]:
    """Those of the ids that were merged into another, with the one that was kept."""
    rows = db.session.execute(
        select(Member.id, Member.merged_into_id).where(
            Member.id.in_(set(member_ids)), Member.merged_into_id.is_not(None)
        )
    )
    return {number: kept for number, kept in rows if kept is not None}


def present() -> tuple[ColumnElement[bool], ...]:
    """Conditions that a member was neither forgotten nor merged into another."""
    return Member.forgotten_at.is_(None), Member.merged_into_id.is_(None)


def visible_members(
    scope: Scope, *, today: date | None = None, one_by_one: bool = False
) -> Select[Member]:
    """Members who are in a chapter of the scope, and those who left it and are in none since.

    Whoever moved to another school is that school's: the former leader sees them no more.
    `one_by_one` is for a few members found otherwise, of whom it is asked whether they are seen.
    """
    found = select(Member).where(*present())
    if scope.everywhere:
        return found
    day = today or datetime.now(UTC).date()
    within = Membership.chapter_id.in_(scope.chapter_ids)
    is_somewhere = exists().where(Membership.member_id == Member.id, open_on(day))
    belong = _belong_one_by_one if one_by_one else _belongs
    return found.where(or_(belong(within, open_on(day)), and_(belong(within), ~is_somewhere)))


def members(wanted: MemberFilter, scope: Scope, *, today: date) -> Select[Member]:
    """The members of the scope that the filter asks for, in its order."""
    within: list[ColumnElement[bool]] = []
    if wanted.chapter_ids is not None:
        within.append(Membership.chapter_id.in_(wanted.chapter_ids))
    if not scope.everywhere:
        within.append(Membership.chapter_id.in_(scope.chapter_ids))
    names = named(wanted.q)
    belong = _belong_one_by_one if names else _belongs
    found = visible_members(scope, today=today, one_by_one=bool(names)).where(*names)
    if within:
        found = found.where(belong(*within))
    lasts = (
        belong(*within, open_on(today))
        if within
        else exists().where(Membership.member_id == Member.id, open_on(today))
    )
    current = and_(not_graduated_on(today), lasts)
    if wanted.standing is Standing.CURRENT:
        found = found.where(current)
    elif wanted.standing is Standing.ALUMNI:
        found = found.where(~current)
    if wanted.graduation_year is not None:
        found = found.where(Member.graduation_year == wanted.graduation_year)
    down = wanted.sort.startswith("-")
    columns = SORTS.get(wanted.sort.removeprefix("-"), SORTS["name"])
    order = [column.desc() if down else column.asc() for column in columns]
    # Only where there are empty ones: on SQLite the words keep an index from being used.
    if columns[0] is Member.graduation_year:
        order[0] = order[0].nulls_last()
    return found.order_by(*order)


def _belongs(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    # IN begins from the few memberships of a chapter, where EXISTS would ask each of all members.
    return Member.id.in_(select(Membership.member_id).where(*conditions))


def _belong_one_by_one(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    # Of the few who have a name, EXISTS asks each, where IN would list all of a scope first.
    return exists().where(Membership.member_id == Member.id, *conditions)


def member(member_id: int, scope: Scope) -> Member:
    """The member with memberships and chapters; raises NoResultFound outside the scope."""
    return db.session.scalars(
        with_chapters(visible_members(scope, one_by_one=True)).where(Member.id == member_id)
    ).one()


def is_visible(member_id: int, scope: Scope) -> bool:
    """Whether the scope has this member."""
    wanted = visible_members(scope, one_by_one=True).where(Member.id == member_id)
    return db.session.scalar(wanted.with_only_columns(Member.id)) is not None


def with_chapters(wanted: Select[Member]) -> Select[Member]:
    """The same members with their memberships and chapters loaded."""
    return wanted.options(selectinload(Member.memberships).joinedload(Membership.chapter))


def same_named(
    chapter_id: int, given_name: str, family_name: str | None, *, but: int | None = None
) -> list[int]:
    """Ids of members of the chapter whose folded name is the same, in either order."""
    keys = {search_key(given_name, family_name), search_key(family_name or "", given_name)}
    found = (
        select(Member.id)
        .where(Member.search.in_(keys), _belongs(Membership.chapter_id == chapter_id))
        .order_by(Member.id)
        .limit(5)
    )
    if but is not None:
        found = found.where(Member.id != but)
    return list(db.session.scalars(found))


def graduation_years(scope: Scope) -> list[int]:
    """The years of graduation in use, latest first."""
    years = visible_members(scope).where(Member.graduation_year.is_not(None))
    found = db.session.scalars(years.with_only_columns(Member.graduation_year).distinct())
    return sorted((year for year in found if year is not None), reverse=True)


def candidates(scope: Scope) -> list[Candidate]:
    """The scope's members, to match a roster against (`matching.match_names`).

    A member of two chapters comes once, with the chapter joined last.
    """
    rows = db.session.execute(
        select(Member.id, Member.given_name, Member.family_name, Chapter.name)
        .join(Membership, Membership.member_id == Member.id)
        .join(Chapter, Chapter.id == Membership.chapter_id)
        .where(in_scope(Chapter.id, scope), *present())
        .order_by(Member.search, Member.id, Membership.id)
    ).all()
    return list({row[0]: Candidate(*row) for row in rows}.values())


# People who sign in


def users_in(scope: Scope) -> Select[User]:
    """Users who hold a role in the scope; everywhere, all users."""
    found = select(User).order_by(User.active.desc(), func.lower(User.name), User.id)
    if scope.everywhere:
        return found
    return found.where(
        exists().where(
            ChapterRole.user_id == User.id, ChapterRole.chapter_id.in_(scope.chapter_ids)
        )
    )


def user(user_id: int, scope: Scope) -> User:
    """The user; raises NoResultFound outside the scope."""
    return db.session.scalars(users_in(scope).where(User.id == user_id)).one()


def roles_of(user_ids: Iterable[int]) -> dict[int, list[ChapterRole]]:
    """The roles of each user with their chapters, in the order they were given."""
    rows = db.session.scalars(
        select(ChapterRole)
        .where(ChapterRole.user_id.in_(set(user_ids)))
        .options(selectinload(ChapterRole.chapter))
        .order_by(ChapterRole.id)
    )
    found: dict[int, list[ChapterRole]] = {}
    for row in rows:
        found.setdefault(row.user_id, []).append(row)
    return found


def other_administrators(user_id: int) -> int:
    """How many other active people are administrator everywhere, without `user_id`."""
    return (
        db.session.scalar(
            select(func.count(func.distinct(User.id)))
            .join(ChapterRole, ChapterRole.user_id == User.id)
            .where(
                User.active,
                User.id != user_id,
                ChapterRole.role == Role.ADMINISTRATOR,
                ChapterRole.chapter_id.is_(None),
            )
        )
        or 0
    )


def colleagues(scope: Scope) -> list[User]:
    """Whom somebody with this scope may put in charge of something, by name.

    Users with a role that reaches into it: in one of its chapters, in one above, or everywhere.
    """
    statement = select(User).where(User.active).order_by(User.name, User.id)
    holders = select(ChapterRole.user_id)
    if not scope.everywhere:
        paths = db.session.scalars(select(Chapter.path).where(Chapter.id.in_(scope.chapter_ids)))
        reaching = {int(part) for path in paths for part in path.split("/") if part}
        holders = holders.where(
            or_(ChapterRole.chapter_id.is_(None), ChapterRole.chapter_id.in_(reaching))
        )
    return list(db.session.scalars(statement.where(User.id.in_(holders))))
