"""Writes what a source gave, whole or not at all, and says what changed. Twice is like once.

Rows are compared with what is there and only differences are written, in bulk. Nothing is ever
deleted that outreach may point to: who left keeps their page, an office that closed turns past.
What differs is gathered on the way and told in the end, one line for each thing that changed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import insert, or_, select, update
from sqlalchemy.orm import aliased

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.changes import Change
from crm.targets.identity import merged_of, settle
from crm.targets.intake_terms import write_terms
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
)
from crm.targets.numbered import Points, realigned
from crm.targets.seen import Contact, ContactChange, PostWords, SeatValues, Seen, summary, told
from crm.targets.sources.facts import ContactFacts, Intake, TargetFacts
from crm.targets.sources.reading import Progress
from crm.targets.writing import (
    Row,
    Work,
    delete_rows,
    differing,
    insert_for_ids,
    insert_rows,
    update_rows,
)


@dataclass(frozen=True)
class Taken:
    """What an import did: people by what became of them, rows by table, and what it left out."""

    importer: str
    counts: dict[str, int]
    rows: dict[str, int]
    warnings: list[str]
    #: One for each thing that changed.
    seen: Sequence[Seen] = ()
    run_id: int = 0

    @property
    def changes(self) -> list[Change]:
        """The lines of a changes file."""
        return [row.change for row in self.seen]

    def __str__(self) -> str:
        """`congress: 1 left, 2 party changed, 534 unchanged`: what is none is left out."""
        words = [word for word in self.counts if word not in ("new", "changed", "unchanged")]
        told = [word for word in words if self.counts[word]]
        parts = [f"{self.counts[word]} {word}" for word in (*told, "unchanged")]
        return f"{self.importer}: {', '.join(parts)}"


def take_in(intake: Intake, *, by: User | None, progress: Progress | None = None) -> Taken:
    """Write an intake: one audit entry and one `ImportRun`. Raises `Refused` when it looks cut off.

    Counts are of targets. `new, changed, left, unchanged`: those seen first, those of whom any
    fact differs, those in office who are no longer listed, and the rest. The finer words
    (`rules.SUMMARY`) say what changed; somebody of whom two things changed counts in both.
    """
    db.take_turn("import")
    run = ImportRun(
        importer=intake.importer,
        source=intake.origin[:500],
        by_id=by.id if by is not None else None,
        counts={},
    )
    db.session.add(run)
    db.session.flush()
    run_id = run.id
    work = Work(intake, intake.day, run_id, warnings=list(intake.warnings))
    known = _known_targets(intake)
    settle(intake, known, _TARGET)
    work.warnings[:] = intake.warnings
    new = [facts for facts in intake.targets if facts.identifier not in known]
    steps: Sequence[Callable[[], None]] = (
        lambda: _write_bodies(work),
        lambda: _write_posts(work),
        lambda: _write_targets(work, known, new),
        lambda: _write_identifiers(work),
        lambda: write_terms(work),
        lambda: _write_contacts(work),
        lambda: _write_seats(work),
    )
    for done, step in enumerate(steps, start=1):
        step()
        if progress:
            progress(done, len(steps))
    seen = _tell(work)
    fresh = {work.target_ids[facts.identifier] for facts in new}
    changed = {row.target_id for row in seen} - fresh - set(work.left)
    _mark_seen(changed, work.day)
    counts = {
        "new": len(fresh),
        "changed": len(changed),
        **summary(seen),
        "unchanged": len(intake.targets) - len(fresh) - len(changed),
    }
    run.counts = counts
    db.session.flush()
    if seen:
        db.session.execute(insert(TargetChange), [_kept(row, work) for row in seen])
    audit.record(
        f"import_{intake.importer}",
        "import_run",
        run_id,
        by=by,
        changes={**counts, "source": run.source, "rows": work.rows},
    )
    # What the session read before may be old now.
    db.session.expire_all()
    return Taken(intake.importer, counts, work.rows, work.warnings, seen, run_id)


def only_new(intake: Intake) -> Intake:
    """The same intake without targets that are here already: older facts change nobody."""
    known = _known_targets(intake)
    intake.targets = [each for each in intake.targets if each.identifier not in known]
    return intake


# Telling what changed


def _tell(work: Work) -> list[Seen]:
    """All that changed, in words; at most three statements, whatever it is."""
    if work.left:
        _name_who_left(work)
    post_ids, body_ids = set(), set()
    for each in work.differing.values():
        if each.is_new:
            post_ids |= {each.after.post_id} if each.after else set()
            continue
        post_ids |= {held.post_id for held in (each.before, each.after) if held}
        body_ids |= {body_id for body_id, _old, _new in each.seats}
    return told(
        work.differing, _post_words(post_ids), _body_words(body_ids), work.intake.of_the_post
    )


def _name_who_left(work: Work) -> None:
    names = db.session.execute(
        select(Target.id, Target.name, TargetIdentifier.identifier)
        .outerjoin(
            TargetIdentifier,
            (TargetIdentifier.target_id == Target.id)
            & (TargetIdentifier.scheme == work.intake.scheme),
        )
        .where(Target.id.in_(work.left))
    )
    for target_id, name, identifier in names:
        each = work.of(target_id)
        each.key, each.name = identifier or "", name
        each.has_left, each.before = True, work.left[target_id]


def _post_words(ids: set[int]) -> Mapping[int, PostWords]:
    if not ids:
        return {}
    rows = db.session.execute(
        select(Post.id, Post.label, Body.key, Post.area, Post.district)
        .join(Body, Body.id == Post.body_id)
        .where(Post.id.in_(ids))
    )
    return {row[0]: PostWords(*row[1:]) for row in rows}


def _body_words(ids: set[int]) -> Mapping[int, tuple[str, str]]:
    """Key and name of bodies; a subcommittee's after its committee's."""
    if not ids:
        return {}
    parent = aliased(Body)
    rows = db.session.execute(
        select(Body.id, Body.key, Body.name, Body.classification, parent.name)
        .outerjoin(parent, parent.id == Body.parent_id)
        .where(Body.id.in_(ids))
    )
    return {
        number: (key, f"{above}: {name}" if kind == "subcommittee" else name)
        for number, key, name, kind, above in rows
    }


def _kept(row: Seen, work: Work) -> dict[str, Any]:
    return {
        "import_id": work.run_id,
        "target_id": row.target_id,
        "kind": row.kind,
        "what": row.what,
        "old": row.old,
        "new": row.new,
        "old_post_id": row.old_post_id,
        "new_post_id": row.new_post_id,
        "seen_on": work.day,
    }


# Bodies and posts

_BODY = ("name", "classification", "parent_id", "country", "url")
_POST = ("body_id", "role", "label", "division", "area", "district")


def _write_bodies(work: Work) -> None:
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
            elif change := differing(_BODY, present[key], values):
                updates.append(change)
        ids = insert_for_ids(work, Body, new)
        work.body_ids.update(zip((row["key"] for row in new), ids, strict=True))
    update_rows(work, Body, updates)


def _write_posts(work: Work) -> None:
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
        elif change := differing(_POST, present[key], values):
            updates.append(change)
    ids = insert_for_ids(work, Post, new)
    work.post_ids.update(zip((row["key"] for row in new), ids, strict=True))
    update_rows(work, Post, updates)


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


def _write_targets(work: Work, known: dict[str, Row], new: list[TargetFacts]) -> None:
    def values(facts: TargetFacts) -> tuple[Any, ...]:
        columns = {"source": work.intake.source, **facts.columns}
        return tuple(columns.get(name) for name in _TARGET)

    rows = [
        {
            **dict(zip(_TARGET, values(facts), strict=True)),
            "seen_on": work.day,
            "import_id": work.run_id,
        }
        for facts in new
    ]
    ids = insert_for_ids(work, Target, rows)
    work.target_ids = dict(zip((facts.identifier for facts in new), ids, strict=True))
    work.target_ids |= {key: row[0] for key, row in known.items()}
    work.listed = {
        work.target_ids[facts.identifier]: (facts.identifier, facts.columns["name"])
        for facts in work.intake.targets
    }
    for target_id in ids:
        work.of(target_id).is_new = True
    updates = []
    for facts in work.intake.targets:
        row = known.get(facts.identifier)
        if row and (change := differing(_TARGET, row, values(facts))):
            updates.append(change)
            work.of(row[0]).columns = {
                name: (old, change[name])
                for name, old in zip(_TARGET, row[1], strict=True)
                if old != change[name]
            }
    update_rows(work, Target, updates)


def _mark_seen(changed: set[int], day: date) -> None:
    if changed:
        db.session.execute(
            update(Target), [{"id": number, "seen_on": day} for number in sorted(changed)]
        )


def _write_identifiers(work: Work) -> None:
    schemes = {scheme for facts in work.intake.targets for scheme, _id in facts.identifiers}
    schemes |= work.intake.schemes
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
    wanted = {
        target_id: set(facts.identifiers)
        for facts in work.intake.targets
        if (target_id := work.target_ids[facts.identifier])
    }
    new: list[dict[str, Any]] = []
    # An identifier of somebody listed, who no longer has it, is free for whoever has it now. Who
    # was merged of several keeps those of all.
    several = merged_of(wanted)
    gone = {
        pair: owner
        for pair, owner in owners.items()
        if owner[1] in wanted and pair not in wanted[owner[1]] and owner[1] not in several
    }
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        for pair in facts.identifiers:
            owner = owners.get(pair)
            if owner is None or (pair in gone and owner is gone[pair]):
                scheme, identifier = pair
                new.append({"target_id": target_id, "scheme": scheme, "identifier": identifier})
                owners[pair] = (0, target_id)
                work.of(target_id).gained.append(pair)
            elif owner[1] != target_id:
                work.warnings.append(
                    _("%(scheme)s %(identifier)s belongs to another target already; "
                      "%(name)s goes without it.",
                      scheme=pair[0], identifier=pair[1], name=facts.columns["name"])
                )  # fmt: skip
    for pair, (_number, target_id) in gone.items():
        work.of(target_id).lost.append(pair)
    delete_rows(work, TargetIdentifier, (number for number, _target_id in gone.values()))
    insert_rows(work, TargetIdentifier, new)


# Contact points and committee seats

_CONTACT = ("kind", "label", "value", "parts")
_SEAT = ("title", "rank", "side")


def _write_contacts(work: Work) -> None:
    parts = work.intake.contact_parts
    if not parts:
        return
    concerned = work.listed.keys() | work.left.keys()
    present: dict[tuple[int, str], tuple[Row, str]] = {}
    known: dict[int, Points] = {}
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
        known.setdefault(target_id, {})[key] = (values[0], values[2])
    seen = {"source": work.intake.source, "checked_on": work.day}
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        contacts: Sequence[ContactFacts] = facts.contacts
        if work.intake.is_numbered and target_id in known:
            contacts = realigned(contacts, known[target_id])
        for contact in contacts:
            found = present.pop((target_id, contact.key), None)
            change = _contact_change(contact, found)
            if change is None:
                continue
            if found is None:
                new.append({"target_id": target_id, "key": contact.key, **change, **seen})
            else:
                updates.append({"id": found[0][0], **change, **seen})
            before = Contact(*found[0][1]) if found and found[1] != "past" else None
            work.of(target_id).contacts.append(
                ContactChange(contact.key, before, Contact(*contact[1:]))
            )
    rekeyed = _rekeyed(new, present)
    for (target_id, key), ((number, last), status) in present.items():
        if status != "past":
            work.of(target_id).contacts.append(ContactChange(key, Contact(*last), None))
            if number not in rekeyed:
                updates.append({"id": number, "status": "past"})
    updates += [{**row, "id": number} for number, row in rekeyed.items()]
    update_rows(work, ContactPoint, updates)
    insert_rows(work, ContactPoint, new)


def _rekeyed(
    new: list[dict[str, Any]], present: Mapping[tuple[int, str], tuple[Row, str]]
) -> dict[int, dict[str, Any]]:
    """Rows that live on under another key, taken out of `new`: same target, kind and value.

    What hangs on one (a mark that it is bad, a campaign's choice of it) stays with it.
    """
    closed = {
        (target_id, last[_CONTACT.index("kind")], last[_CONTACT.index("value")]): number
        for (target_id, _key), ((number, last), status) in present.items()
        if status != "past"
    }
    found: dict[int, dict[str, Any]] = {}
    for row in new[:]:
        number = closed.pop((row["target_id"], row["kind"], row["value"]), None)
        if number is not None:
            new.remove(row)
            found[number] = {name: row[name] for name in row if name not in ("target_id", "status")}
    return found


def _contact_change(contact: ContactFacts, found: tuple[Row, str] | None) -> dict[str, Any] | None:
    """What to write of a contact point; None when nothing.

    What somebody marked bad stays bad until the source gives another value.
    """
    values = tuple(contact[1:])
    columns = dict(zip(_CONTACT, values, strict=True))
    if found is None:
        return {"status": "good", **columns}
    (_number, present), status = found
    if present == values:
        return {"status": "good"} if status == "past" else None
    if status == "bad" and present[_CONTACT.index("value")] == contact.value:
        return columns
    return {"status": "good", "note": None, **columns}


def _write_seats(work: Work) -> None:
    if not work.intake.has_seats and not work.left:
        return
    concerned = work.listed.keys() if work.intake.has_seats else set()
    present: dict[tuple[int, int], tuple[int, SeatValues]] = {
        (target_id, body_id): (number, (title, rank, side))
        for number, target_id, body_id, title, rank, side in db.session.execute(
            select(
                CommitteeSeat.id,
                CommitteeSeat.target_id,
                CommitteeSeat.body_id,
                CommitteeSeat.title,
                CommitteeSeat.rank,
                CommitteeSeat.side,
            )
            .join(Body, Body.id == CommitteeSeat.body_id)
            .where(
                CommitteeSeat.target_id.in_(concerned | work.left.keys()),
                # Seats of another source's committees are none of this one's.
                or_(*(Body.key.startswith(root) for root in work.intake.roots)),
            )
        )
    }
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for facts in work.intake.targets:
        target_id = work.target_ids[facts.identifier]
        for seat in facts.seats:
            body_id, values = work.body_ids[seat.body_key], (seat.title, seat.rank, seat.side)
            row = present.pop((target_id, body_id), None)
            if row is None:
                columns = dict(zip(_SEAT, values, strict=True))
                new.append({"target_id": target_id, "body_id": body_id, **columns})
                work.of(target_id).seats.append((body_id, None, values))
            elif change := differing(_SEAT, row, values):
                updates.append(change)
                work.of(target_id).seats.append((body_id, row[1], values))
    for (target_id, body_id), (_number, last) in present.items():
        work.of(target_id).seats.append((body_id, last, None))
    delete_rows(work, CommitteeSeat, (number for number, _last in present.values()))
    update_rows(work, CommitteeSeat, updates)
    insert_rows(work, CommitteeSeat, new)
