"""Targets, asked of the database. One filter serves list, picker, report and export."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select, true
from sqlalchemy.orm import aliased, defer

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.text import fold
from crm.targets import rules
from crm.targets.contact_queries import Mark, mark_of, with_mark
from crm.targets.list_queries import on_list
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetIdentifier,
    TargetList,
    TargetListItem,
    TargetMerge,
    Term,
)


@dataclass(frozen=True, kw_only=True)
class TargetFilter:
    """Which targets; what is None does not narrow. Office, state and party are the present ones."""

    q: str | None = None
    kind: str | None = None
    #: Key of the chamber: `us/senate`.
    chamber: str | None = None
    area: str | None = None
    party: str | None = None
    #: Id of a committee's or subcommittee's body.
    committee: int | None = None
    #: Region or sub-region of a government.
    region: str | None = None
    list_id: int | None = None
    #: ISO 3166-1 alpha-2: of links alone, the bar does not offer it.
    country: str | None = None

    def __bool__(self) -> bool:
        """Whether it narrows at all."""
        return any(getattr(self, each.name) is not None for each in fields(self))


@dataclass(frozen=True)
class Office:
    """What a target holds now."""

    label: str
    party: str | None
    area: str | None
    term_id: int
    body: str


def target(target_id: int) -> Target:
    """One target; raises `NoResultFound` when absent, and for one that was merged into another."""
    return db.session.scalars(select(Target).where(Target.id == target_id, is_kept())).one()


def kept_or_merged(target_id: int) -> Target:
    """One target, also one that was merged; raises `NoResultFound` when absent."""
    return db.session.scalars(select(Target).where(Target.id == target_id)).one()


def for_page(target_id: int) -> tuple[Target, bool]:
    """One target, also one that was merged, and whether another was merged into it.

    Raises `NoResultFound` when absent.
    """
    merged = exists().where(TargetMerge.kept_id == Target.id, TargetMerge.undone_at.is_(None))
    row = db.session.execute(select(Target, merged).where(Target.id == target_id)).one()
    return row[0], row[1]


def names(target_ids: Collection[int]) -> dict[int, str]:
    """Names by id, in their order."""
    rows = db.session.execute(
        select(Target.id, Target.name)
        .where(Target.id.in_(target_ids))
        .order_by(Target.sort_name, Target.id)
    )
    return {target_id: name for target_id, name in rows}  # noqa: C416


def is_kept() -> ColumnElement[bool]:
    """That a target was not merged into another: what every list and choice asks."""
    return Target.merged_into_id.is_(None)


def kept_ids(target_ids: Collection[int]) -> dict[int, int]:
    """Those of the ids that were merged into another, with the one that was kept."""
    rows = db.session.execute(
        select(Target.id, Target.merged_into_id).where(
            Target.id.in_(set(target_ids)), Target.merged_into_id.is_not(None)
        )
    )
    return {number: kept for number, kept in rows if kept is not None}


def targets(wanted: TargetFilter, *, sort: str = "name") -> Select[Target]:
    """The targets in order: `name`, `state` (then name), with `-` before it backwards."""
    statement = (
        select(Target)
        .outerjoin(Term, (Term.target_id == Target.id) & Term.is_current)
        .outerjoin(Post, Post.id == Term.post_id)
        .where(*_conditions(wanted))
    )
    down = sort.startswith("-")
    names = Target.sort_name.desc() if down else Target.sort_name
    if sort.lstrip("-") == "state":
        # Those without a state come last either way.
        area = Post.area.desc() if down else Post.area
        return statement.order_by(Post.area.is_(None), area, Target.sort_name, Target.id)
    return statement.order_by(names, Target.id)


def _conditions(wanted: TargetFilter) -> list[ColumnElement[bool]]:
    asked = [is_kept()]
    if wanted.q:
        asked.append(_named(wanted.q))
    if wanted.kind is not None:
        asked.append(Target.kind == wanted.kind)
    if wanted.chamber is not None:
        asked.append(
            Post.body_id == select(Body.id).where(Body.key == wanted.chamber).scalar_subquery()
        )
    if wanted.area is not None:
        asked.append(Post.area == wanted.area)
    if wanted.party is not None:
        asked.append(Term.party == wanted.party)
    if wanted.committee is not None:
        asked.append(
            exists().where(
                CommitteeSeat.target_id == Target.id, CommitteeSeat.body_id == wanted.committee
            )
        )
    if wanted.region is not None:
        asked.append(or_(Target.region == wanted.region, Target.sub_region == wanted.region))
    if wanted.list_id is not None:
        asked.append(on_list(wanted.list_id))
    if wanted.country is not None:
        asked.append(Target.country == wanted.country)
    return asked


def _named(q: str) -> ColumnElement[bool]:
    """Each typed word begins a word of the target's, or of one that was merged into it."""
    former = aliased(Target)
    under = select(former.merged_into_id).where(
        former.merged_into_id.is_not(None), *_words(q, former.search)
    )
    return or_(and_(*_words(q, Target.search)), Target.id.in_(under))


def _words(q: str, search: Any) -> Iterable[ColumnElement[bool]]:
    text = literal(" ") + search
    return [true(), *(text.contains(f" {w}", autoescape=True) for w in fold(q).split()[:8])]


def offices(target_ids: Collection[int] | Select[int]) -> dict[int, Office]:
    """What these targets hold now, by target; absent who holds nothing. One statement."""
    wanted = target_ids if isinstance(target_ids, Select) else set(target_ids)
    rows = db.session.execute(
        select(Term.target_id, Post.label, Term.party, Post.area, Term.id, Body.name)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.is_current, Term.target_id.in_(wanted))
    )
    return {row[0]: Office(*row[1:]) for row in rows}


def terms_on(target_ids: Collection[int], day: date) -> dict[int, int]:
    """Id of the term each target held that day; of several, the one begun last. One statement."""
    rows = db.session.execute(
        select(Term.target_id, Term.id, Term.starts_on).where(
            Term.target_id.in_(set(target_ids)),
            or_(Term.starts_on.is_(None), Term.starts_on <= day),
            or_(Term.ends_on.is_(None), Term.ends_on >= day, Term.is_current),
        )
    ).all()
    rows = sorted(rows, key=lambda row: (row[2] or date.min, row[1]))
    return {target_id: term_id for target_id, term_id, _starts_on in rows}


def find_targets(q: str, limit: int) -> list[Target]:
    """The best hits for what somebody typed: those in office first, then names that begin so."""
    words = fold(q)
    if not words:
        return []
    holds = exists().where(Term.target_id == Target.id, Term.is_current)
    best = case((Target.sort_name.startswith(words, autoescape=True), 0), else_=1)
    gone = case((Target.kind != "legislator", 0), (holds, 0), else_=1)
    return list(
        db.session.scalars(
            select(Target)
            .where(is_kept(), _named(q))
            .order_by(gone, best, Target.sort_name, Target.id)
            .limit(limit)
        )
    )


def match_targets(lines: Iterable[str]) -> list[rules.Match]:
    """What names typed one a line mean: sure, unsure with candidates, or none. Two statements."""
    codes: dict[int, list[str]] = {}
    for target_id, code in db.session.execute(
        select(TargetIdentifier.target_id, TargetIdentifier.identifier).where(
            TargetIdentifier.scheme.in_(("iso3166", "iso3166-alpha3"))
        )
    ):
        codes.setdefault(target_id, []).append(code)
    rows = db.session.execute(
        select(Target, Post.label, Post.area, Post.role)
        .outerjoin(Term, (Term.target_id == Target.id) & Term.is_current)
        .outerjoin(Post, Post.id == Term.post_id)
        .order_by(Target.sort_name, Target.id)
    ).all()
    for each, *_office in rows:
        if each.merged_into_id is not None:
            codes.setdefault(each.merged_into_id, []).append(each.name)
    candidates = [
        rules.candidate(
            each.id,
            each.name,
            given=each.given_name,
            additional=each.additional_name,
            family=each.family_name,
            suffix=each.suffix,
            nickname=each.nickname,
            area=area,
            office=label or each.sub_region or each.region or "",
            role=role,
            codes=codes.get(each.id, ()),
        )
        for each, label, area, role in rows
        if each.merged_into_id is None
    ]
    return rules.match_lines(lines, candidates)


@dataclass(frozen=True)
class Choices:
    """What filters can offer, each as (value, words)."""

    areas: Sequence[tuple[str, str]]
    parties: Sequence[tuple[str, str]]
    chambers: Sequence[tuple[str, str]]
    committees: Sequence[tuple[int, str]]
    #: Regions, each followed by its sub-regions.
    regions: Sequence[tuple[str, str]]


def filter_choices() -> Choices:
    """States, parties, chambers, committees and regions in use. Three statements."""
    held = db.session.execute(
        select(Post.area, Term.party, Body.key, Body.name)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.is_current)
        .distinct()
    ).all()
    areas = {area for area, *_rest in held if area}
    parties = {party for _area, party, *_rest in held if party}
    chambers = {key: name for _area, _party, key, name in held}
    parent = aliased(Body)
    committees = db.session.execute(
        select(Body.id, Body.name, Body.classification, parent.name, Body.key)
        .outerjoin(parent, parent.id == Body.parent_id)
        .where(exists().where(CommitteeSeat.body_id == Body.id))
    ).all()
    # Committees of the states bear short names: which chamber's Education it is must be said.
    named = [
        (number, f"{above}: {name}" if kind == "subcommittee" or _is_states(key) else name)
        for number, name, kind, above, key in committees
    ]
    places = db.session.execute(
        select(Target.region, Target.sub_region)
        .where(Target.region.is_not(None), is_kept())
        .distinct()
    ).all()
    regions: dict[str, set[str]] = {}
    for region, sub_region in places:
        below = regions.setdefault(str(region), set())
        if sub_region and sub_region != region:
            below.add(sub_region)
    return Choices(
        areas=sorted(((a, rules.area_name(a)) for a in areas), key=lambda pair: pair[1]),
        parties=[(party, party) for party in sorted(parties)],
        chambers=sorted(chambers.items(), key=lambda pair: pair[1]),
        committees=sorted(named, key=lambda pair: pair[1]),
        regions=[
            pair
            for region in sorted(regions)
            for pair in [(region, region), *((s, f"– {s}") for s in sorted(regions[region]))]
        ],
    )


def _is_states(key: str) -> bool:
    return key.startswith("us-")


def terms(target_id: int) -> list[Any]:
    """All posts held as (Term, Post, Body), the present one first, then the latest."""
    rows = db.session.execute(
        select(Term, Post, Body)
        .join(Post, Post.id == Term.post_id)
        .join(Body, Body.id == Post.body_id)
        .where(Term.target_id == target_id)
    ).all()

    def order(row: Any) -> tuple[bool, date, int]:
        term = row[0]
        return term.is_current, term.starts_on or date.min, term.id

    return sorted(rows, key=order, reverse=True)


def contact_points(target_id: int) -> dict[str, list[ContactPoint]]:
    """Contact points by kind, in the order pages show them; of each kind the good ones first."""
    return contact_points_and_marks(target_id)[0]


def contact_points_and_marks(
    target_id: int,
) -> tuple[dict[str, list[ContactPoint]], dict[int, Mark]]:
    """The same, and who said last how those are that are not good: one statement for both."""
    held = select(Term.post_id).where(Term.target_id == target_id, Term.is_current)
    rows = db.session.execute(
        with_mark(select(ContactPoint)).where(
            or_(ContactPoint.target_id == target_id, ContactPoint.post_id.in_(held))
        )
    ).all()
    statuses = list(rules.CONTACT_STATUSES)
    points = sorted(
        (row[0] for row in rows),
        key=lambda p: (statuses.index(p.status), p.label != "DC", fold(p.label), p.id),
    )
    by_kind = {
        kind: found
        for kind in rules.CONTACT_KINDS
        if (found := [point for point in points if point.kind == kind])
    }
    return by_kind, {row[0].id: mark for row in rows if (mark := mark_of(row)) is not None}


def committee_seats(target_id: int) -> list[Any]:
    """Committees and subcommittees as (CommitteeSeat, Body, parent Body or None), by name."""
    parent = aliased(Body)
    rows = db.session.execute(
        select(CommitteeSeat, Body, parent)
        .join(Body, Body.id == CommitteeSeat.body_id)
        .outerjoin(parent, parent.id == Body.parent_id)
        .where(CommitteeSeat.target_id == target_id)
    ).all()

    def order(row: Any) -> tuple[str, bool, str]:
        _seat, body, above = row
        is_sub = body.classification == "subcommittee"
        return (above.name if is_sub else body.name, is_sub, body.name)

    return sorted(rows, key=order)


def identifiers(target_id: int) -> Sequence[TargetIdentifier]:
    """What others call the target."""
    return db.session.scalars(
        select(TargetIdentifier)
        .where(TargetIdentifier.target_id == target_id)
        .order_by(TargetIdentifier.scheme, TargetIdentifier.identifier)
    ).all()


def target_list(slug: str) -> TargetList:
    """One list; raises `NoResultFound` when absent."""
    return db.session.scalars(select(TargetList).where(TargetList.slug == slug)).one()


def target_lists() -> Select[Any]:
    """All lists as (TargetList, how many targets), by name."""
    size = (
        select(func.count())
        .where(TargetListItem.list_id == TargetList.id)
        .correlate(TargetList)
        .scalar_subquery()
    )
    return select(TargetList, size).order_by(func.lower(TargetList.name), TargetList.id)


def import_runs() -> Select[ImportRun]:
    """Imports of targets and of the ledger, the last first."""
    # What an undo needs may be large, and no list shows it.
    return (
        select(ImportRun)
        .where(ImportRun.importer.in_(rules.IMPORTERS))
        .options(defer(ImportRun.kept))
        .order_by(ImportRun.at.desc(), ImportRun.id.desc())
    )
