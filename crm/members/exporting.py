"""The list of members as a file: with pseudonyms, or with names for a reason that is kept.

Who is on it is settled once, before the file begins, and recorded where it names people; the rows
are then read a few hundred at a time, so a file of a hundred thousand costs what one of a few
hundred does. What a row may say of a member is asked of `disclosure`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from sqlalchemy import select

from crm.core import audit, db, i18n
from crm.core.errors import Refused
from crm.core.settings import in_force
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row, Table
from crm.members import departures, fields, filters, queries, tags, teams
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.filters import Asked
from crm.members.models import CustomField, Member, Membership
from crm.members.rules import band_name, has_graduated, is_open

#: Kinds of answers that leave without a name: a text may hold one.
_SAFE = frozenset({"number", "choice", "date"})
_KINDS = {"number": Kind.NUMBER, "date": Kind.DATE}


@dataclass(frozen=True, kw_only=True)
class Listing:
    """Who is on the file, in its order, and for whose eyes."""

    member_ids: Sequence[int]
    viewer: Viewer
    today: date
    facts: Sequence[tuple[str, str]] = ()
    made_at: datetime
    made_by: str

    @property
    def names(self) -> bool:
        """Whether it names people."""
        return self.viewer.exports_people

    def filename(self, format: str) -> str:
        """`members-2026-11-23.csv`."""
        return f"members-{self.made_at:%Y-%m-%d}.{format}"


def listing(asked: Asked, viewer: Viewer, *, made_at: datetime, made_by: str) -> Listing:
    """The members that are asked for, where the viewer may export them."""
    today = i18n.today()
    narrower = replace(asked, scope=asked.scope.within(viewer.sees))
    found = filters.found(narrower, today=today).with_only_columns(Member.id)
    return Listing(
        member_ids=db.session.scalars(found).all(),
        viewer=viewer,
        today=today,
        facts=asked.facts,
        made_at=made_at,
        made_by=made_by,
    )


def record_export(listed: Listing, *, format: str, reason: str | None = None, by: Any) -> Listing:
    """Record that the file leaves, before it does, and give it as it may leave.

    One with names asks a reason, names those it was recorded for and nobody else.
    """
    given = {"format": format, "members": len(listed.member_ids), "filters": dict(listed.facts)}
    if not listed.names:
        audit.record("export_members", "member", None, by=by, changes=given)
        return listed
    reason = (reason or "").strip()
    if not reason:
        raise Refused(_("Say what you need the names for."), "reason")
    named = frozenset(
        shown.member_id
        for some in db.batches(listed.member_ids)
        for shown in disclose(some, to=listed.viewer, exit=Exit.EXPORT).values()
        if shown.is_named
    )
    departures.record(
        exit=Exit.EXPORT,
        what=_("List of members, %(format)s", format=format.upper()),
        member_ids=named,
        reason=reason,
        by=by,
    )
    changes = {**given, "named": len(named)}
    audit.record("export_people", "member", None, by=by, changes=changes, reason=reason)
    return replace(listed, viewer=replace(listed.viewer, recorded=named))


def table(listed: Listing) -> Table:
    """The file's columns and rows."""
    asked = [each for each in fields.defined() if listed.names or each.kind in _SAFE]
    return Table(
        name="members",
        title=_("Members"),
        columns=_columns(listed, asked),
        rows=_rows(listed, asked),
        facts=listed.facts,
        made_at=listed.made_at,
        made_by=listed.made_by,
        closing=lambda: _closing(listed),
    )


def _closing(listed: Listing) -> str:
    count = len(listed.member_ids)
    return ngettext("%(number)s member.", "%(number)s members.", count, number=number(count))


def _columns(listed: Listing, asked: Sequence[CustomField]) -> list[Column]:
    who = _l("Name") if listed.names else _l("Member")
    columns = [
        Column("name" if listed.names else "pseudonym", who, width=28),
        Column("chapters", _l("Chapters"), width=36),
        Column("graduation_year", _l("Graduates"), Kind.NUMBER, 11),
        Column("standing", _l("Standing"), width=12),
        Column("since", _l("Since"), Kind.DATE, 12),
    ]
    if listed.names:
        columns += [
            Column("age", _l("Age"), width=10),
            Column("email", _l("E-mail"), width=28),
            Column("phone", _l("Phone"), width=18),
            Column("address", _l("Home address"), width=36),
            Column("postal_code", _l("Postal code"), width=12),
        ]
    columns += [Column(f"{kind}s", label, width=28) for kind, label in tags.KINDS.items()]
    columns.append(Column("teams", _l("Teams"), width=28))
    # Heads of a workbook differ from each other: an administrator may have asked for a “Phone” too.
    taken = {str(each.label) for each in columns}
    for each in asked:
        label = each.label if each.label not in taken else f"{each.label} ({each.key})"
        taken.add(label)
        columns.append(Column(f"field_{each.key}", label, _KINDS.get(each.kind, Kind.TEXT), 18))
    return columns


def _rows(listed: Listing, asked: Sequence[CustomField]) -> Iterator[Row]:
    for some in db.batches(listed.member_ids):
        yield from _some_rows(listed, asked, some)


@dataclass(frozen=True)
class _Known:
    """What some members' rows are made of, by id."""

    shown: Mapping[int, Shown]
    memberships: Mapping[int, Sequence[Any]]
    tags: Mapping[int, Mapping[str, Sequence[str]]]
    places: Mapping[int, Sequence[teams.Place]]


def _some_rows(listed: Listing, asked: Sequence[CustomField], ids: Sequence[int]) -> Iterator[Row]:
    known = _Known(
        disclose(ids, to=listed.viewer, exit=Exit.EXPORT, details=listed.names, today=listed.today),
        _memberships(listed, ids),
        tags.tags_of(ids),
        teams.places_of(ids),
    )
    records = {
        row.id: row
        for row in db.session.execute(
            select(Member.id, Member.graduation_year, Member.custom).where(Member.id.in_(ids))
        )
    }
    for each_id in ids:
        if each_id in known.shown and each_id in records:
            yield _row(listed, asked, records[each_id], known)


def _row(listed: Listing, asked: Sequence[CustomField], record: Any, known: _Known) -> Row:
    shown, memberships = known.shown[record.id], known.memberships.get(record.id, ())
    lasting = [each for each in memberships if is_open(each.left_on, listed.today)]
    is_current = bool(lasting) and not has_graduated(record.graduation_year, listed.today)
    days = [each.joined_on for each in lasting or memberships if each.joined_on]
    cells: list[Any] = [
        shown.name,
        shown.chapters,
        record.graduation_year,
        _("Current") if is_current else _("Alumni"),
        min(days, default=None),
    ]
    if listed.names:
        limits = in_force().age_limits
        cells += [
            band_name(shown.age_band, limits) if shown.age_band else None,
            shown.email,
            shown.phone,
            shown.address,
            shown.postal_code,
        ]
    cells += [", ".join(known.tags[record.id].get(kind, ())) for kind in tags.KINDS]
    cells.append(", ".join(place.team.name for place in known.places[record.id]))
    for each in asked:
        # In a file with names some may not be named: of those a text is not told either.
        tells = each.kind in _SAFE or shown.is_named
        cells.append(_answer(each, record.custom.get(each.key)) if tells else None)
    return tuple(cells)


def _answer(each: CustomField, value: str | None) -> Any:
    if not value:
        return None
    if each.kind == "number":
        amount = Decimal(value)
        return int(amount) if amount == amount.to_integral_value() else float(amount)
    return date.fromisoformat(value) if each.kind == "date" else value


def _memberships(listed: Listing, ids: Sequence[int]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in db.session.execute(
        select(Membership.member_id, Membership.joined_on, Membership.left_on).where(
            Membership.member_id.in_(ids),
            queries.in_scope(Membership.chapter_id, listed.viewer.sees),
        )
    ):
        found.setdefault(row.member_id, []).append(row)
    return found
