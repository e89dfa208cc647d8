"""Where paper goes, and which contact points need a look."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, Select, and_, exists, func, not_, or_, select, union_all
from sqlalchemy.orm import aliased

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.text import fold
from crm.members.disclosure import first_name
from crm.targets.models import ContactPoint, Target, Term

CAPITAL, DISTRICT = "capital", "district"
#: After so many days a good contact point wants to be checked again.
CHECKED_FOR = timedelta(days=365)
#: Beginnings of keys by the importer whose every run says again what it knows of them.
_IMPORTED = {"congress": ("dc/", "office/", "social/"), "openstates": ("openstates/",)}
_CAPITAL_WORDS = frozenset({"dc", "washington", "capitol", "capital"})


class Why(StrEnum):
    """Why paper goes to this address, or to none."""

    CHOSEN = "chosen"
    CAPITAL = "capital"
    DISTRICT = "district"
    OTHER = "other"
    UNKNOWN = "unknown"
    BAD = "bad"
    PAST = "past"


WHY = {
    Why.CHOSEN: _l("chosen for this campaign"),
    Why.CAPITAL: _l("office in the capital"),
    Why.DISTRICT: _l("district office"),
    Why.OTHER: _l("another address"),
    Why.UNKNOWN: _l("No postal address is known."),
    Why.BAD: _l("The postal address known is bad."),
    Why.PAST: _l("The postal address known is past."),
}


@dataclass(frozen=True)
class Paper:
    """The address paper for a target goes to, and why; None with the reason where there is none."""

    point: ContactPoint | None
    why: Why


def place_of(key: str | None, label: str) -> str:
    """Whether an address is an office in the capital (`dc/…`, `openstates/capitol/…`) or another.

    One kept by hand is told by its label.
    """
    if key and key.startswith(("dc/", "openstates/capitol")):
        return CAPITAL
    if key:
        return DISTRICT
    return CAPITAL if _CAPITAL_WORDS & set(fold(label).split()) else DISTRICT


def points_of(
    target_ids: Collection[int] | Select[int], *, kind: str = "postal"
) -> dict[int, list[ContactPoint]]:
    """All contact points of a kind, bad and past ones too, by target and label: one statement.

    A post's are those of whoever holds it now. Targets without any are absent.
    """
    own = select(ContactPoint.id, ContactPoint.target_id.label("owner")).where(
        ContactPoint.target_id.in_(target_ids), ContactPoint.kind == kind
    )
    of_post = (
        select(ContactPoint.id, Term.target_id)
        .join(Term, and_(Term.post_id == ContactPoint.post_id, Term.is_current))
        .where(Term.target_id.in_(target_ids), ContactPoint.kind == kind)
    )
    owned = union_all(own, of_post).subquery()
    found: dict[int, list[ContactPoint]] = {}
    for point, owner in db.session.execute(
        select(ContactPoint, owned.c.owner).join(owned, owned.c.id == ContactPoint.id)
    ):
        found.setdefault(owner, []).append(point)
    for points in found.values():
        points.sort(key=lambda point: (fold(point.label), point.id))
    return found


def paper_addresses(
    target_ids: Collection[int] | Select[int],
    *,
    prefer: str,
    chosen: Mapping[int, int] | None = None,
) -> dict[int, Paper]:
    """Where paper for each target goes: one statement. Targets of a `Select` without any postal
    contact point are absent.

    The one `chosen` for it (target → contact point), else the first good one of the preferred
    place (`capital` or `district`) by its label, else any good one. A bad or past one never is.
    """
    points = points_of(target_ids)
    wanted = points if isinstance(target_ids, Select) else target_ids
    own = chosen or {}
    return {
        each: paper(points.get(each, ()), prefer=prefer, chosen=own.get(each)) for each in wanted
    }


def paper(points: Sequence[ContactPoint], *, prefer: str, chosen: int | None = None) -> Paper:
    """The same of one target, whose postal contact points are given by label."""
    good = [point for point in points if point.status == "good"]
    for point in good:
        if point.id == chosen:
            return Paper(point, Why.CHOSEN)
    for point in good:
        if place_of(point.key, point.label) == prefer:
            return Paper(point, Why(prefer))
    if good:
        return Paper(good[0], Why.OTHER)
    statuses = {point.status for point in points}
    if not statuses:
        return Paper(None, Why.UNKNOWN)
    return Paper(None, Why.BAD if "bad" in statuses else Why.PAST)


def has_good_address() -> ColumnElement[bool]:
    """Whether paper can go to a `Target` at all."""
    good = (ContactPoint.kind == "postal", ContactPoint.status == "good")
    return or_(
        exists().where(ContactPoint.target_id == Target.id, *good),
        exists().where(
            Term.target_id == Target.id,
            Term.is_current,
            ContactPoint.post_id == Term.post_id,
            *good,
        ),
    )


def need_a_look(targets: Select[int], *, today: date, which: str | None = None) -> Select[Any]:
    """Contact points of these targets to be looked at, as (ContactPoint, Target) with its mark:
    the bad ones nobody has replaced, then good ones nobody has checked for a year, the oldest
    first.

    `which` asks for `bad` or `old` alone. What an import of the last year still lists is checked.
    """
    other = aliased(ContactPoint)
    replaced = exists().where(
        other.target_id == ContactPoint.target_id,
        other.kind == ContactPoint.kind,
        other.status == "good",
        other.key.is_(None),
        other.id > ContactPoint.id,
    )
    bad = and_(ContactPoint.status == "bad", not_(replaced))
    since = today - CHECKED_FOR
    old = and_(
        ContactPoint.status == "good",
        or_(ContactPoint.checked_on.is_(None), ContactPoint.checked_on < since),
        *(
            or_(ContactPoint.key.is_(None), not_(ContactPoint.key.startswith(part)))
            for part in _still_listed(since)
        ),
    )
    asked = {"bad": bad, "old": old}.get(which or "", or_(bad, old))
    found: Select[Any] = select(ContactPoint, Target)  # type: ignore[assignment]
    return (
        with_mark(found.join(Target, Target.id == ContactPoint.target_id))
        .where(ContactPoint.target_id.in_(targets), asked)
        .order_by(
            ContactPoint.status,
            ContactPoint.checked_on.is_not(None),
            ContactPoint.checked_on,
            Target.sort_name,
            ContactPoint.id,
        )
    )


def _still_listed(since: date) -> list[str]:
    """Beginnings of the keys that an import since that day has said again."""
    runs = db.session.scalars(
        select(ImportRun.importer)
        .where(ImportRun.at >= datetime.combine(since, datetime.min.time(), db.now().tzinfo))
        .distinct()
    ).all()
    return [part for importer in runs for part in _IMPORTED.get(importer, ())]


@dataclass(frozen=True)
class Mark:
    """Who said last how a contact point is, and when. The first name: everybody reads it."""

    by: str
    at: datetime


def with_mark(statement: Select[Any]) -> Select[Any]:
    """Contact points beside the last entry about each that is not good; `mark_of` reads it."""
    last = (
        select(func.max(AuditEntry.id))
        .where(AuditEntry.kind == "contact_point", AuditEntry.record_id == ContactPoint.id)
        .correlate(ContactPoint)
        .scalar_subquery()
    )
    return (
        statement.outerjoin(AuditEntry, and_(ContactPoint.status != "good", AuditEntry.id == last))
        .outerjoin(User, User.id == AuditEntry.by_id)
        .add_columns(User.name, AuditEntry.at)
    )


def mark_of(row: Any) -> Mark | None:
    """The mark at the end of a row of `with_mark`; None where nobody is named."""
    *_rest, name, at = row
    return Mark(first_name(name), at) if name else None
