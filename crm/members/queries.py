"""Members, chapters and roles, asked of the database. Lists of people start from a scope."""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, cast

from sqlalchemy import (
    ColumnElement,
    Float,
    Select,
    and_,
    bindparam,
    exists,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy import (
    cast as sql_cast,
)
from sqlalchemy.orm import InstrumentedAttribute, aliased, selectinload

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Grant, Grants, Role, Scope
from crm.core.text import fold
from crm.members.consent_rules import Purpose
from crm.members.disclosure import Viewer, first_name
from crm.members.lacking import is_minor, lacks
from crm.members.matching import Candidate
from crm.members.models import (
    Chapter,
    ChapterRole,
    Guardianship,
    Member,
    Membership,
    MemberTag,
    MemberWord,
    TeamMember,
    words_of,
)
from crm.members.rules import AgeBand, Standing, school_year, search_key

#: The columns a list of members sorts by.
SORTS = {
    "name": (Member.search, Member.id),
    "graduation": (Member.graduation_year, Member.search, Member.id),
    "added": (Member.id,),
}


def grants_of(user_id: int) -> Grants:
    """What a user holds, each role with the ids of its chapter and all below: one statement."""
    return grants_and_member_of(user_id)[0]


def grants_and_member_of(user_id: int) -> tuple[Grants, int | None]:
    """The same, and the member the user is, if one is known: still one statement."""
    rows = db.session.execute(_held(), {"user_id": user_id}).all()
    held: dict[int, tuple[str, set[int] | None]] = {}
    member_id: int | None = None
    for role_id, role, anchor_id, chapter_id, member_id in rows:  # noqa: B007
        _role, chapters = held.setdefault(role_id, (role, None if anchor_id is None else set()))
        if chapters is not None:
            chapters.add(chapter_id)
    grants = Grants(
        Grant(Role(role), None if chapters is None else frozenset(chapters))
        for role, chapters in held.values()
    )
    return grants, member_id


@cache
def _held() -> Any:
    # Asked with every request: made once, as making it takes longer than asking.
    anchor, below_it = aliased(Chapter), aliased(Chapter)
    return (
        select(ChapterRole.id, ChapterRole.role, ChapterRole.chapter_id, below_it.id, Member.id)
        .outerjoin(anchor, anchor.id == ChapterRole.chapter_id)
        .outerjoin(below_it, _lies_below(below_it, anchor))
        .outerjoin(Member, Member.user_id == ChapterRole.user_id)
        .where(ChapterRole.user_id == bindparam("user_id"))
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
    """How many current members each chapter has with those below it, each counted once.

    Members are counted chapter by chapter and added up along the tree; only of the few who are in
    several chapters it is asked in which.
    """
    wanted = set(chapter_ids)
    above_of = {
        number: wanted.intersection(map(int, filter(None, path.split("/"))))
        for number, path in db.session.execute(select(Chapter.id, Chapter.path))
    }
    places = [number for number, found in above_of.items() if found]
    conditions = [open_on(today), not_graduated_on(today)]
    if len(places) < len(above_of):
        conditions.append(Membership.chapter_id.in_(places))
    totals: Counter[int] = Counter()
    for place, count in db.session.execute(
        select(Membership.chapter_id, func.count(func.distinct(Membership.member_id)))
        .join(Member, Member.id == Membership.member_id)
        .where(*conditions)
        .group_by(Membership.chapter_id)
    ):
        totals.update(dict.fromkeys(above_of[place], count))
    several = (
        select(Membership.member_id)
        .where(open_on(today))
        .group_by(Membership.member_id)
        .having(func.count() > 1)
    )
    twice: Counter[tuple[int, int]] = Counter()
    for place, member_id in db.session.execute(
        select(Membership.chapter_id, Membership.member_id)
        .join(Member, Member.id == Membership.member_id)
        .where(*conditions, Membership.member_id.in_(several))
        .distinct()
    ):
        twice.update((member_id, each) for each in above_of[place])
    for (_member, each), times in twice.items():
        totals[each] -= times - 1
    return dict(totals)


def roles_in(chapter_ids: Iterable[int]) -> dict[int, list[ChapterRole]]:
    """Who leads or keeps each of the chapters itself, with their users, by the user's name."""
    rows = db.session.scalars(
        select(ChapterRole)
        .join(ChapterRole.user)
        .where(
            ChapterRole.chapter_id.in_(set(chapter_ids)),
            ChapterRole.role.not_in((Role.MEMBER, Role.VIEWER)),
            User.active,
        )
        .options(selectinload(ChapterRole.user))
        .order_by(User.name, ChapterRole.id)
    )
    found: dict[int, list[ChapterRole]] = {}
    for row in rows:
        found.setdefault(row.chapter_id or 0, []).append(row)
    return found


# Members


@dataclass(frozen=True)
class Answered:
    """Members by what they answered to a field of `fields`; of an empty part, whatever."""

    key: str
    #: text | number | choice | date
    kind: str
    #: What a text contains, or the choice that was made.
    value: str = ""
    #: The least and the most of a number (as a number), the first and last of days (as ISO text).
    least: float | str | None = None
    most: float | str | None = None


class AgeGroup(StrEnum):
    """Members by how old they are, as far as lists ask. Whose age is unknown is a minor too."""

    MINOR = "minor"
    ADULT = "adult"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class MemberFilter:
    """Which members; what is None or empty does not narrow."""

    q: str = ""
    #: A chapter and all below it, as ids.
    chapter_ids: frozenset[int] | None = None
    standing: Standing = Standing.CURRENT
    graduation_year: int | None = None
    #: Tags, all of which they have.
    tag_ids: tuple[int, ...] = ()
    team_id: int | None = None
    import_id: int | None = None
    answered: tuple[Answered, ...] = ()
    #: The three that follow tell something of those they find: they are asked only by whoever keeps
    #: the members (`filters`).
    age: AgeGroup | None = None
    #: A purpose somebody would have to say yes to, and nobody did.
    lacks: Purpose | None = None
    #: Minors nobody is known to decide for.
    without_guardian: bool = False
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
    found = found.where(*_more(wanted, today))
    down = wanted.sort.startswith("-")
    columns = SORTS.get(wanted.sort.removeprefix("-"), SORTS["name"])
    order = [column.desc() if down else column.asc() for column in columns]
    # Only where there are empty ones: on SQLite the words keep an index from being used.
    if columns[0] is Member.graduation_year:
        order[0] = order[0].nulls_last()
    return found.order_by(*order)


def _more(wanted: MemberFilter, today: date) -> list[ColumnElement[bool]]:
    """Conditions of what is known beside name, chapter and year."""
    conditions: list[ColumnElement[bool]] = [
        Member.id.in_(select(MemberTag.member_id).where(MemberTag.tag_id == tag_id))
        for tag_id in wanted.tag_ids
    ]
    if wanted.team_id is not None:
        on_it = select(TeamMember.member_id).where(TeamMember.team_id == wanted.team_id)
        conditions.append(Member.id.in_(on_it))
    if wanted.import_id is not None:
        conditions.append(Member.import_id == wanted.import_id)
    for each in wanted.answered:
        conditions += _answered(each)
    if wanted.age is AgeGroup.UNKNOWN:
        conditions.append(Member.age_band == AgeBand.UNKNOWN)
    elif wanted.age is not None:
        conditions.append(is_minor() if wanted.age is AgeGroup.MINOR else not_(is_minor()))
    if wanted.lacks is not None:
        conditions.append(lacks(wanted.lacks, today=today))
    if wanted.without_guardian:
        conditions += [is_minor(), Member.id.not_in(select(Guardianship.member_id))]
    return conditions


def _answered(wanted: Answered) -> list[ColumnElement[bool]]:
    kept = Member.custom[wanted.key].as_string()
    if wanted.kind == "text":
        return [kept.icontains(wanted.value, autoescape=True)] if wanted.value else []
    if wanted.kind == "choice":
        return [kept == wanted.value] if wanted.value else []
    # Days are kept as ISO text, which sorts as they do.
    value = sql_cast(kept, Float) if wanted.kind == "number" else kept
    conditions = []
    if wanted.least is not None:
        conditions.append(value >= wanted.least)
    if wanted.most is not None:
        conditions.append(value <= wanted.most)
    return conditions


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
        .where(
            in_scope(Chapter.id, scope),
            Member.id.in_(visible_members(scope).with_only_columns(Member.id)),
        )
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


def user_names(ids: Collection[int] | Select[int], *, to: Viewer) -> dict[int, str]:
    """Names of users by id: whole of those with a role where `to` sees members, else the first."""
    near = exists().where(
        ChapterRole.user_id == User.id, ChapterRole.chapter_id.in_(to.sees.chapter_ids)
    )
    rows = db.session.execute(select(User.id, User.name, near).where(User.id.in_(ids)))
    return {
        number: name if to.sees.everywhere or is_near else first_name(name)
        for number, name, is_near in rows
    }


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
