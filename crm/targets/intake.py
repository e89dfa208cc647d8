"""Writes what a source gave, whole or not at all, and says what changed. Twice is like once.

Rows are compared with what is there and only differences are written, in bulk. Nothing is ever
deleted that outreach may point to: who left keeps their page, an office that closed turns past.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import delete, insert, or_, select, update

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    ImportRun,
    Post,
    Target,
    TargetIdentifier,
    Term,
)
from crm.targets.sources.facts import ContactFacts, Intake, TargetFacts, TermFacts
from crm.targets.sources.reading import Progress

#: So many leaving at once, and more than half of all, means a file that was cut off.
MANY = 50

#: A row as it is: its id and its values, in the order of the columns compared.
Row = tuple[int, tuple[Any, ...]]


@dataclass(frozen=True)
class Taken:
    """What an import did: people by what became of them, rows by table, and what it left out."""

    importer: str
    counts: dict[str, int]
    rows: dict[str, int]
    warnings: list[str]

    def __str__(self) -> str:
        told = ", ".join(f"{number} {word}" for word, number in self.counts.items())
        return f"{self.importer}: {told}"


@dataclass
class _Writing:
    """The work in hand: ids by key, whom it touched, what is written beside each fact."""

    intake: Intake
    day: date
    post_ids: dict[str, int] = field(default_factory=dict)
    body_ids: dict[str, int] = field(default_factory=dict)
    target_ids: dict[str, int] = field(default_factory=dict)
    touched: set[int] = field(default_factory=set)
    left: set[int] = field(default_factory=set)
    rows: dict[str, int] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def take_in(intake: Intake, *, by: User | None, progress: Progress | None = None) -> Taken:
    """Write an intake: one audit entry and one `ImportRun`. Raises `Refused` when it looks cut off.

    `new, changed, left, unchanged` count targets: those seen first, those of whom any fact
    differs, those in office who are no longer listed, and the rest.
    """
    db.take_turn("import")
    work = _Writing(intake, day=intake.day, warnings=list(intake.warnings))
    known = _known_targets(intake)
    new = [facts for facts in intake.targets if facts.identifier not in known]
    steps: Sequence[Callable[[], None]] = (
        lambda: _write_bodies(work),
        lambda: _write_posts(work),
        lambda: _write_targets(work, known, new),
        lambda: _write_identifiers(work),
        lambda: _write_terms(work),
        lambda: _write_contacts(work),
        lambda: _write_seats(work),
    )
    for done, step in enumerate(steps, start=1):
        step()
        if progress:
            progress(done, len(steps))
    fresh = {work.target_ids[facts.identifier] for facts in new}
    changed = work.touched - fresh - work.left
    _mark_seen(changed, work.day)
    counts = {
        "new": len(fresh),
        "changed": len(changed),
        "left": len(work.left),
        "unchanged": len(intake.targets) - len(fresh) - len(changed),
    }
    run = ImportRun(
        importer=intake.importer,
        source=intake.origin[:500],
        by_id=by.id if by is not None else None,
        counts=counts,
    )
    db.session.add(run)
    db.session.flush()
    audit.record(
        f"import_{intake.importer}",
        "import_run",
        run.id,
        by=by,
        changes={**counts, "source": run.source, "rows": work.rows},
    )
    # What the session read before may be old now.
    db.session.expire_all()
    return Taken(intake.importer, counts, work.rows, work.warnings)


def only_new(intake: Intake) -> Intake:
    """The same intake without targets that are here already: older facts change nobody."""
    known = _known_targets(intake)
    intake.targets = [each for each in intake.targets if each.identifier not in known]
    return intake


# Comparing and writing rows


def _insert(work: _Writing, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(insert(model), rows)
        _count(work, model, len(rows))


def _insert_for_ids(work: _Writing, model: Any, rows: list[dict[str, Any]]) -> list[int]:
    """Insert and give the ids in the order of the rows."""
    if not rows:
        return []
    statement = insert(model).returning(model.id, sort_by_parameter_order=True)
    _count(work, model, len(rows))
    return list(db.session.scalars(statement, rows))


def _update(work: _Writing, model: Any, rows: list[dict[str, Any]]) -> None:
    if rows:
        db.session.execute(update(model), rows)
        _count(work, model, len(rows))


def _count(work: _Writing, model: Any, number: int) -> None:
    name = model.__tablename__
    work.rows[name] = work.rows.get(name, 0) + number


def _differing(columns: Sequence[str], row: Row, values: tuple[Any, ...]) -> dict[str, Any] | None:
    """The update that turns a row into `values`; None when it is so already."""
    number, present = row
    if present == values:
        return None
    return {"id": number, **dict(zip(columns, values, strict=True))}


# Bodies and posts

_BODY = ("name", "classification", "parent_id", "country", "url")
_POST = ("body_id", "role", "label", "division", "area", "district")


def _write_bodies(work: _Writing) -> None:
    wanted = work.intake.bodies
    rows = db.session.execute(
        select(Body.id, Body.key, *(getattr(Body, name) for name in _BODY)).where(
            Body.key.in_(wanted)
        )
    )
    present: dict[str, Row] = {row[1]: (row[0], tuple(row[2:])) for row in rows}
    work.body_ids = {key: row[0] for key, row in present.items()}
    updates: list[dict[str, Any]] = []
    # A parent's key is the beginning of its children's: parents come first.
    for depth in sorted({key.count("/") for key in wanted}):
        new: list[dict[str, Any]] = []
        for key, facts in wanted.items():
            if key.count("/") != depth:
                continue
            parent_id = work.body_ids[facts.parent_key] if facts.parent_key else None
            values = (facts.name, facts.classification, parent_id, facts.country, facts.url)
            if key not in present:
                new.append({"key": key, **dict(zip(_BODY, values, strict=True))})
            elif change := _differing(_BODY, present[key], values):
                updates.append(change)
        ids = _insert_for_ids(work, Body, new)
        work.body_ids.update(zip((row["key"] for row in new), ids, strict=True))
    _update(work, Body, updates)


def _write_posts(work: _Writing) -> None:
    wanted = work.intake.posts
    rows = db.session.execute(
        select(Post.id, Post.key, *(getattr(Post, name) for name in _POST)).where(
            Post.key.in_(wanted)
        )
    )
    present: dict[str, Row] = {row[1]: (row[0], tuple(row[2:])) for row in rows}
    work.post_ids = {key: row[0] for key, row in present.items()}
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for key, seat in wanted.items():
        body_id = work.body_ids[seat.body]
        values = (body_id, seat.role, seat.label, seat.division, seat.area, seat.district)
        if key not in present:
            new.append({"key": key, **dict(zip(_POST, values, strict=True))})
        elif change := _differing(_POST, present[key], values):
            updates.append(change)
    ids = _insert_for_ids(work, Post, new)
    work.post_ids.update(zip((row["key"] for row in new), ids, strict=True))
    _update(work, Post, updates)


# Targets

#: Columns of a target that are facts of a source; a note is ours.
_TARGET = (
    "kind", "name", "sort_name", "search", "given_name", "family_name", "additional_name",
    "suffix", "nickname", "salutation", "gender", "country", "region", "sub_region", "source",
)  # fmt: skip


def _known_targets(intake: Intake) -> dict[str, Row]:
    rows = db.session.execute(
        select(TargetIdentifier.identifier, Target.id, *(getattr(Target, name) for name in _TARGET))
        .join(Target, Target.id == TargetIdentifier.target_id)
        .where(TargetIdentifier.scheme == intake.scheme)
    )
    return {row[0]: (row[1], tuple(row[2:])) for row in rows}


def _write_targets(work: _Writing, known: dict[str, Row], new: list[TargetFacts]) -> None:
    def values(facts: TargetFacts) -> tuple[Any, ...]:
        return tuple(
            work.intake.source if name == "source" else facts.columns.get(name) for name in _TARGET
        )

    rows = [
        {**dict(zip(_TARGET, values(facts), strict=True)), "seen_on": work.day} for facts in new
    ]
    ids = _insert_for_ids(work, Target, rows)
    work.target_ids = dict(zip((facts.identifier for facts in new), ids, strict=True))
    work.touched.update(ids)
    updates = []
    for facts in work.intake.targets:
        if row := known.get(facts.identifier):
            work.target_ids[facts.identifier] = row[0]
            if change := _differing(_TARGET, row, values(facts)):
                updates.append(change)
                work.touched.add(row[0])
    _update(work, Target, updates)


def _mark_seen(changed: set[int], day: date) -> None:
    if changed:
        db.session.execute(
            update(Target), [{"id": number, "seen_on": day} for number in sorted(changed)]
        )


def _write_identifiers(work: _Writing) -> None:
    schemes = {scheme for facts in work.intake.targets for scheme, _id in facts.identifiers}
    owners: dict[tuple[str, str], tuple[int, int]] = {
        (scheme, identifier): (number, target_id)
        for number, target_id, scheme, identifier in db.session.execute(
            select(
                TargetIdentifier.id,
                TargetIdentifier.target_id,
                TargetIdentifier.scheme,
                TargetIdentifier.identifier,
            ).where(TargetIdentifier.scheme.in_(schemes))
        )
    }
    ours = set(work.target_ids.values())
    new: list[dict[str, Any]] = []
    kept: set[int] = set()
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        for pair in facts.identifiers:
            owner = owners.get(pair)
            if owner is None:
                scheme, identifier = pair
                new.append({"target_id": target_id, "scheme": scheme, "identifier": identifier})
                owners[pair] = (0, target_id)
                work.touched.add(target_id)
            elif owner[1] == target_id:
                kept.add(owner[0])
            else:
                work.warnings.append(
                    _("%(scheme)s %(identifier)s belongs to another target already; "
                      "%(name)s goes without it.",
                      scheme=pair[0], identifier=pair[1], name=facts.columns["name"])
                )  # fmt: skip
    gone = {
        number: target_id
        for number, target_id in owners.values()
        if number and target_id in ours and number not in kept
    }
    _delete(work, TargetIdentifier, gone)
    _insert(work, TargetIdentifier, new)


def _delete(work: _Writing, model: Any, gone: dict[int, int]) -> None:
    """Delete rows, given as id → target."""
    if gone:
        db.session.execute(
            delete(model).where(model.id.in_(gone)),
            execution_options={"synchronize_session": False},
        )
        work.touched.update(gone.values())
        _count(work, model, len(gone))


# Terms

_TERM = ("starts_on", "ends_on", "party", "caucus", "is_current")


def _write_terms(work: _Writing) -> None:
    if not work.intake.chambers:
        return
    chambers = {work.body_ids[key] for key in work.intake.chambers}
    listed = {work.target_ids[facts.identifier] for facts in work.intake.targets}
    rows = db.session.execute(
        select(
            Term.id, Term.target_id, Term.post_id, Post.body_id,
            Term.starts_on, Term.ends_on, Term.party, Term.caucus, Term.is_current,
        )
        .join(Post, Post.id == Term.post_id)
        .where(or_(Post.body_id.in_(chambers), Term.target_id.in_(listed)))
        .order_by(Term.id)
    ).all()  # fmt: skip
    held: dict[int, dict[int, list[Row]]] = {}
    updates: list[dict[str, Any]] = []
    retired: list[tuple[int, int, date | None]] = []
    for row in rows:
        number, target_id, post_id, body_id = row[:4]
        if target_id in listed:
            theirs = held.setdefault(target_id, {}).setdefault(post_id, [])
            theirs.append((number, tuple(row[4:])))
        elif row.is_current and body_id in chambers:
            retired.append((number, target_id, row.ends_on))
    new: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        adds, changes = _compare_terms(work, target_id, facts.terms, held.get(target_id, {}))
        if adds or changes:
            work.touched.add(target_id)
        new += adds
        updates += changes
    if work.intake.is_whole:
        updates += _retire(work, retired)
    for same in _alike(updates):
        _update(work, Term, same)
    _insert(work, Term, new)


def _compare_terms(
    work: _Writing, target_id: int, wanted: list[TermFacts], held: dict[int, list[Row]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Terms to add and to change. A term whose first day was corrected is found by its seat."""
    new: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    free = {
        post_id: {row[1][0]: row for row in rows} for post_id, rows in held.items()
    }  # post → first day → row
    missing: list[tuple[int, tuple[Any, ...]]] = []
    for term in wanted:
        post_id = work.post_ids[term.post_key]
        values = tuple(term[1:])
        row = free.get(post_id, {}).pop(term.starts_on, None)
        if row is None:
            missing.append((post_id, values))
        elif change := _differing(_TERM, row, values):
            changes.append(change)
    for post_id, values in missing:
        if others := free.get(post_id):
            row = others.pop(next(iter(others)))
            changes.append({"id": row[0], **dict(zip(_TERM, values, strict=True))})
        else:
            columns = dict(zip(_TERM, values, strict=True))
            new.append({"target_id": target_id, "post_id": post_id, **columns})
    # A term the source does not know stays as history, and is not the present one.
    for rows in free.values():
        for number, values in rows.values():
            if values[-1]:
                changes.append({"id": number, "is_current": False})
    return new, changes


def _retire(work: _Writing, retired: list[tuple[int, int, date | None]]) -> list[dict[str, Any]]:
    """End the terms of those a whole list no longer names."""
    leaving = {target_id for _number, target_id, _ends_on in retired}
    if len(leaving) >= MANY and len(leaving) > len(work.intake.targets):
        raise Refused(
            _("%(source)s lists %(listed)s people, and %(leaving)s in office are not among them. "
              "It looks cut off; nothing was changed.",
              source=work.intake.origin, listed=len(work.intake.targets), leaving=len(leaving))
        )  # fmt: skip
    work.left = leaving
    return [
        {
            "id": number,
            "is_current": False,
            "ends_on": min(ends_on, work.day) if ends_on else work.day,
        }
        for number, _target_id, ends_on in retired
    ]


# Contact points and committee seats

_CONTACT = ("kind", "label", "value", "parts")
_SEAT = ("title", "rank", "side")


def _write_contacts(work: _Writing) -> None:
    parts = work.intake.contact_parts
    if not parts:
        return
    concerned = set(work.target_ids.values()) | work.left
    present: dict[tuple[int, str], tuple[Row, str]] = {}
    for number, target_id, key, status, *values in db.session.execute(
        select(
            ContactPoint.id, ContactPoint.target_id, ContactPoint.key, ContactPoint.status,
            *(getattr(ContactPoint, name) for name in _CONTACT),
        ).where(
            ContactPoint.target_id.in_(concerned),
            or_(*(ContactPoint.key.startswith(part) for part in parts)),
        )
    ):  # fmt: skip
        present[target_id, key] = ((number, tuple(values)), status)
    seen = {"source": work.intake.source, "checked_on": work.day}
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        for contact in facts.contacts:
            found = present.pop((target_id, contact.key), None)
            change = _contact_change(contact, found)
            if change is None:
                continue
            work.touched.add(target_id)
            if found is None:
                new.append({"target_id": target_id, "key": contact.key, **change, **seen})
            else:
                updates.append({"id": found[0][0], **change, **seen})
    for (target_id, _key), ((number, _values), status) in present.items():
        if status != "past":
            work.touched.add(target_id)
            updates.append({"id": number, "status": "past"})
    for same in _alike(updates):
        _update(work, ContactPoint, same)
    _insert(work, ContactPoint, new)


def _contact_change(contact: ContactFacts, found: tuple[Row, str] | None) -> dict[str, Any] | None:
    """What to write of a contact point; None when nothing.

    What somebody marked bad stays bad until the source gives another value.
    """
    values = tuple(contact[1:])
    if found is not None:
        (_number, present), status = found
        if present == values:
            return {"status": "good"} if status == "past" else None
    return {"status": "good", **dict(zip(_CONTACT, values, strict=True))}


def _alike(rows: Iterable[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Rows grouped by the columns they set: one statement each."""
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row), []).append(row)
    return list(groups.values())


def _write_seats(work: _Writing) -> None:
    if not work.intake.has_seats and not work.left:
        return
    concerned = set(work.target_ids.values()) if work.intake.has_seats else set()
    present: dict[tuple[int, int], Row] = {
        (target_id, body_id): (number, tuple(values))
        for number, target_id, body_id, *values in db.session.execute(
            select(
                CommitteeSeat.id,
                CommitteeSeat.target_id,
                CommitteeSeat.body_id,
                *(getattr(CommitteeSeat, name) for name in _SEAT),
            ).where(CommitteeSeat.target_id.in_(concerned | work.left))
        )
    }
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        for seat in facts.seats:
            body_id, values = work.body_ids[seat.body_key], tuple(seat[1:])
            row = present.pop((target_id, body_id), None)
            if row is None:
                columns = dict(zip(_SEAT, values, strict=True))
                new.append({"target_id": target_id, "body_id": body_id, **columns})
                work.touched.add(target_id)
            elif change := _differing(_SEAT, row, values):
                updates.append(change)
                work.touched.add(target_id)
    gone = {row[0]: target_id for (target_id, _body), row in present.items()}
    _delete(work, CommitteeSeat, gone)
    _update(work, CommitteeSeat, updates)
    _insert(work, CommitteeSeat, new)
