"""Who represents a ZIP: the table of districts written and looked up, and the seats it leads to."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import PurePath
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import Select, and_, delete, insert, or_, select

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.changes import Change
from crm.core.errors import Refused
from crm.targets import district_rules, rules
from crm.targets.district_rules import Vintage
from crm.targets.models import (
    Body,
    DistrictTable,
    Post,
    Target,
    TargetIdentifier,
    Term,
    ZipDistrict,
)
from crm.targets.sources import districts as source
from crm.targets.sources.districts import Districts, Pair

#: Losing more than half of a table of so many rows means a file that was cut off.
_MANY = 1000


# Bringing a table in


@dataclass(frozen=True)
class Brought:
    """What an import of districts did, a change per pair of ZIP and district."""

    congress: int
    added: int
    removed: int
    unchanged: int
    changes: Sequence[Change]
    warnings: Sequence[str]

    def __str__(self) -> str:
        return _(
            "districts of the %(congress)s Congress: %(added)s added, %(removed)s removed, "
            "%(unchanged)s unchanged",
            congress=district_rules.ordinal(self.congress),
            added=self.added, removed=self.removed, unchanged=self.unchanged,
        )  # fmt: skip


def import_districts(place: str, *, congress: int | None = None, by: User | None) -> Brought:
    """Read a file or https address and make it the table of its Congress."""
    return bring(source.read(place, congress=congress), by=by)


def import_districts_file(
    name: str, content: bytes, *, congress: int | None = None, by: User | None
) -> Brought:
    """The same of a file somebody sent."""
    return bring(source.parse(name, content, congress=congress), by=by)


def bring(found: Districts, *, by: User | None) -> Brought:
    """Write what differs: whole or not at all. Raises `Refused` when it looks cut off."""
    db.take_turn("import")
    table = db.session.scalars(
        select(DistrictTable).where(DistrictTable.congress == found.congress)
    ).one_or_none()
    present = _pairs(table.id) if table else set()
    wanted = set(found.pairs)
    added, removed = sorted(wanted - present), sorted(present - wanted)
    if len(present) >= _MANY and len(removed) * 2 > len(present) and len(wanted) < len(present):
        raise Refused(
            _("%(file)s has %(rows)s rows, and %(removed)s of the %(present)s here are not among "
              "them. It looks cut off; nothing was changed.",
              file=found.origin, rows=len(wanted), removed=len(removed), present=len(present))
        )  # fmt: skip
    counts = {
        "new": len(added),
        "changed": 0,
        "left": len(removed),
        "unchanged": len(wanted) - len(added),
    }
    run = ImportRun(
        importer="districts",
        source=found.origin[:500],
        by_id=by.id if by is not None else None,
        counts=counts,
    )
    db.session.add(run)
    db.session.flush()
    table = table or DistrictTable(congress=found.congress)
    # Whoever looks a ZIP up need not know where on a machine the file lay.
    table.source = PurePath(run.source).name if "://" not in run.source else run.source
    table.starts_on, table.ends_on = district_rules.dates_of(found.congress)
    table.zips = len({zip_code for zip_code, _area, _district in wanted})
    table.import_id = run.id
    db.session.add(table)
    db.session.flush()
    _write(table.id, present, wanted)
    audit.record(
        "import_districts", "district_table", table.id, by=by,
        changes={**counts, "congress": found.congress, "source": run.source},
    )  # fmt: skip
    changes = [
        *(_change("added", pair) for pair in added),
        *(_change("removed", pair) for pair in removed),
    ]
    changes.sort(key=lambda each: (each.key, each.kind))
    return Brought(
        found.congress, len(added), len(removed), counts["unchanged"], changes, found.warnings
    )


def _pairs(table_id: int) -> set[Pair]:
    rows = db.session.execute(
        select(ZipDistrict.zip, ZipDistrict.area, ZipDistrict.district).where(
            ZipDistrict.table_id == table_id
        )
    )
    return {(row[0], row[1], row[2]) for row in rows}


def _write(table_id: int, present: set[Pair], wanted: set[Pair]) -> None:
    """Write the ZIPs of which anything differs anew."""
    touched = sorted({pair[0] for pair in present ^ wanted})
    known = sorted({pair[0] for pair in present} & set(touched))
    for some in db.batches(known):
        db.session.execute(
            delete(ZipDistrict).where(
                ZipDistrict.table_id == table_id,
                ZipDistrict.zip.in_(some),
            ),
            execution_options={"synchronize_session": False},
        )
    changed = set(touched)
    rows = [
        {"zip": zip_code, "table_id": table_id, "area": area, "district": district}
        for zip_code, area, district in sorted(wanted)
        if zip_code in changed
    ]
    if rows:
        db.session.execute(insert(ZipDistrict), rows)


def _change(kind: str, pair: Pair) -> Change:
    zip_code, area, district = pair
    label = district_rules.short(area, district)
    old, new = ("", label) if kind == "added" else (label, "")
    return Change(kind, zip_code, rules.area_name(area), old, new)


# Looking up


@dataclass(frozen=True)
class Holder:
    """Who holds a seat."""

    target_id: int
    name: str
    party: str | None
    bioguide: str | None


@dataclass(frozen=True)
class HeldSeat:
    """A seat of Congress and who holds it; nobody when it is vacant."""

    chamber: str
    area: str
    #: 0 at large; None of a senator.
    district: int | None
    label: str
    holders: tuple[Holder, ...]

    @property
    def short(self) -> str:
        """`WV-2`, `WY-AL`; of the Senate `WV`."""
        return self.area if self.district is None else district_rules.short(
            self.area, self.district
        )  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """Who represents a ZIP.

    `status` is `one` district, `several`, or `state`: all of the states the ZIP may lie in.
    """

    zip: str
    on: date
    status: str
    areas: tuple[str, ...]
    house: tuple[HeldSeat, ...]
    senate: tuple[HeldSeat, ...]
    reason: str
    vintage: Vintage

    @property
    def seats(self) -> tuple[HeldSeat, ...]:
        """All of them, the House first."""
        return self.house + self.senate

    @property
    def is_empty(self) -> bool:
        """Whether nobody is known who holds any of the seats: Congress was never imported."""
        return not any(seat.holders for seat in self.seats)


def vintages() -> Sequence[DistrictTable]:
    """The tables there are, the latest Congress first."""
    return db.session.scalars(select(DistrictTable).order_by(DistrictTable.congress.desc())).all()


def represented(zip_code: str, on: date) -> Answer:
    """Who represents a ZIP (or ZIP+4, or nonsense) on a day: at most three statements.

    Raises `Refused` for what is no ZIP, for one nobody answers for, and without a table.
    """
    zip_code = district_rules.read_zip(zip_code)
    table, pairs = _look_up(zip_code, on)
    vintage = Vintage(table.congress, table.source, table.starts_on, table.ends_on)
    if pairs:
        areas = tuple(dict.fromkeys(area for area, _district in pairs))
        status = "one" if len(pairs) == 1 else "several"
        reason = "" if status == "one" else district_rules.why_several(zip_code, len(pairs), areas)
    else:
        areas = district_rules.areas_without_ground(zip_code, _areas_near(table.id, zip_code))
        pairs = [(area, number) for area in areas for number in district_rules.districts_of(area)]
        status = "state"
        reason = district_rules.why_states(zip_code, areas, len(pairs))
    house, senate = _seats(areas, pairs, on)
    return Answer(zip_code, on, status, areas, house, senate, reason, vintage)


def _look_up(zip_code: str, on: date) -> tuple[DistrictTable, list[tuple[str, int]]]:
    """The table that is right on the day (or the nearest before, or the first), and its districts.

    One statement: the tables, which are few, each with an index's reading of the ZIP.
    """
    rows = db.session.execute(look_up(zip_code)).all()
    if not rows:
        raise Refused(
            _("No table of ZIPs and districts has been imported yet. Somebody who may import "
              "targets can: on the page Import districts, or with `crm import districts FILE`."),
            field="zip",
        )  # fmt: skip
    begun = [row[0] for row in rows if row[0].starts_on <= on]
    table: DistrictTable = (
        max(begun, key=lambda each: each.starts_on)
        if begun
        else min((row[0] for row in rows), key=lambda each: each.starts_on)
    )
    pairs = sorted(
        (area, number) for each, area, number in rows if each is table and area is not None
    )
    return table, pairs


def look_up(zip_code: str) -> Select[Any, Any, Any]:
    """The statement of a look-up: every table, and what it says of the ZIP."""
    return select(DistrictTable, ZipDistrict.area, ZipDistrict.district).outerjoin(
        ZipDistrict,
        and_(ZipDistrict.zip == zip_code, ZipDistrict.table_id == DistrictTable.id),
    )


@dataclass(frozen=True)
class Represented:
    """Who represents somebody as far as their ZIP says; who is not sure is not named."""

    #: The only district the ZIP lies in; None: several, or nobody knows.
    is_sure: bool
    target_ids: frozenset[int]


def represented_each(zip_codes: Iterable[str], on: date) -> dict[str, Represented]:
    """Who represents each of many ZIPs, by the ZIP as it was given: three statements for all.

    Where a ZIP lies in several districts of one state, the senators alone are sure. What is no
    ZIP, or has no district, is left out; without a table, all are.
    """
    digits: dict[str, str] = {}
    for typed in zip_codes:
        with suppress(Refused):
            digits[typed] = district_rules.read_zip(typed)
    tables = vintages()
    if not digits or not tables:
        return {}
    begun = [each for each in tables if each.starts_on <= on]
    table = begun[0] if begun else tables[-1]
    lie_in: dict[str, list[tuple[str, int]]] = {}
    for zip_code, area, number in db.session.execute(
        select(ZipDistrict.zip, ZipDistrict.area, ZipDistrict.district).where(
            ZipDistrict.table_id == table.id, ZipDistrict.zip.in_(set(digits.values()))
        )
    ):
        lie_in.setdefault(zip_code, []).append((area, number))
    pairs = sorted({pair for theirs in lie_in.values() for pair in theirs})
    areas = sorted({area for area, _number in pairs})
    house, senate = _seats(areas, pairs, on) if pairs else ((), ())
    members = {
        (seat.area, seat.district): {holder.target_id for holder in seat.holders} for seat in house
    }
    senators: dict[str, set[int]] = {}
    for seat in senate:
        senators.setdefault(seat.area, set()).update(each.target_id for each in seat.holders)
    found = {}
    for typed, zip_code in digits.items():
        theirs = lie_in.get(zip_code, [])
        if not theirs:
            continue
        states = {area for area, _number in theirs}
        ids = set(senators.get(theirs[0][0], ())) if len(states) == 1 else set[int]()
        if len(theirs) == 1:
            ids |= members.get(theirs[0], set())
        found[typed] = Represented(len(theirs) == 1, frozenset(ids))
    return found


def _areas_near(table_id: int, zip_code: str) -> list[str]:
    """States of the ZIPs that begin with the same three digits."""
    return list(
        db.session.scalars(
            select(ZipDistrict.area)
            .where(
                ZipDistrict.zip.between(f"{zip_code[:3]}00", f"{zip_code[:3]}99"),
                ZipDistrict.table_id == table_id,
            )
            .distinct()
            .order_by(ZipDistrict.area)
        )
    )


def _seats(
    areas: Sequence[str], pairs: Sequence[tuple[str, int]], on: date
) -> tuple[tuple[HeldSeat, ...], tuple[HeldSeat, ...]]:
    """The House seats of these districts and the states' Senate seats. One statement."""
    wanted = {rules.house_seat(area, number).key: (area, number) for area, number in pairs}
    holding = and_(
        Term.post_id == Post.id,
        or_(Term.starts_on.is_(None), Term.starts_on <= on),
        or_(Term.is_current, Term.ends_on > on),
    )
    rows = db.session.execute(
        select(Post.key, Post.area, Post.label, Body.key, Term, Target, TargetIdentifier.identifier)
        .join(Body, Body.id == Post.body_id)
        .outerjoin(Term, holding)
        .outerjoin(Target, and_(Target.id == Term.target_id, Target.merged_into_id.is_(None)))
        .outerjoin(
            TargetIdentifier,
            and_(TargetIdentifier.target_id == Target.id, TargetIdentifier.scheme == "bioguide"),
        )
        .where(
            or_(
                Post.key.in_(wanted),
                and_(Body.key == "us/senate", Post.area.in_(areas)),
            )
        )
        .order_by(Post.key, Term.starts_on, Term.id)
    ).all()
    held: dict[str, list[tuple[Term, Holder]]] = {}
    senate: dict[str, tuple[str, str]] = {}
    for key, area, label, body, term, target, bioguide in rows:
        theirs = held.setdefault(key, [])
        if target is not None:
            theirs.append((term, Holder(target.id, target.name, term.party, bioguide)))
        if body == "us/senate":
            senate[key] = (area or "", label)
    house = tuple(
        HeldSeat("house", area, number, rules.house_seat(area, number).label,
                 _present(held.get(key, ())))
        for key, (area, number) in wanted.items()
    )  # fmt: skip
    senators = [
        HeldSeat("senate", area, None, label, _present(held[key]))
        for key, (area, label) in senate.items()
        if area not in district_rules.DELEGATES
    ]
    for area in areas:
        # A seat nobody held when Congress was imported has no post yet.
        if area not in district_rules.DELEGATES:
            known = sum(seat.area == area for seat in senators)
            label = _("U.S. Senator for %(state)s", state=rules.area_name(area))
            senators += [HeldSeat("senate", area, None, label, ())] * (2 - known)
    order = {area: place for place, area in enumerate(areas)}
    return house, tuple(sorted(senators, key=lambda seat: (order[seat.area], seat.label)))


def _present(terms: Sequence[tuple[Term, Holder]]) -> tuple[Holder, ...]:
    """Who holds a seat of those whose terms reach the day: the present holders, else the last."""
    current = [holder for term, holder in terms if term.is_current]
    if current:
        return tuple(dict.fromkeys(current))
    return tuple(holder for _term, holder in terms[-1:])
