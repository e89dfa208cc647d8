"""Targets by spreadsheet: the file opened and its columns understood, its rows written in bulk.

`check` has judged every row before; here nothing is judged anew but whether the targets are
still as they were then. What an undo needs is kept with the run.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import audit, db
from crm.core.bulk import (
    BATCH,
    Before,
    Progress,
    Ranges,
    insert_rows,
    inserted,
    update_rows,
)
from crm.core.errors import Refused
from crm.core.text import fold, one_line
from crm.targets import list_operations, rules
from crm.targets.models import (
    Body,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
    TargetList,
    TargetListItem,
    Term,
)
from crm.targets.operations import body_classification
from crm.targets.sheets.check import found_by_key, load_present
from crm.targets.sheets.compare import COLUMNS, Plan, Present, compare, is_current
from crm.targets.sheets.rules import Contact, Facts, Office
from crm.targets.sheets.store import Judged, Store

IMPORTER = "sheet"


@dataclass(frozen=True)
class Imported:
    """What an import by spreadsheet did."""

    run_id: int
    counts: dict[str, int]

    def __str__(self) -> str:
        """`sheet: 3 new, 1 changed, 12 unchanged`."""
        told = ("new", "changed", "unchanged", "skipped")
        return f"{IMPORTER}: " + ", ".join(
            f"{self.counts[word]} {word}" for word in told if self.counts[word] or word != "skipped"
        )


@dataclass
class _Work:
    """The import in hand."""

    run_id: int
    scheme: str
    source: str
    today: date
    store: Store
    bodies: Ranges = field(default_factory=Ranges)
    posts: Ranges = field(default_factory=Ranges)
    #: Rows added to targets that were here.
    added: dict[str, Ranges] = field(
        default_factory=lambda: {
            "target_identifier": Ranges(), "term": Ranges(), "contact_point": Ranges()
        }
    )  # fmt: skip
    before: Before = field(default_factory=Before)
    #: Targets a row has changed: a second one must not, or an undo would not know what was first.
    touched: set[int] = field(default_factory=set)
    on_list: list[int] | None = None
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("new", "changed", "left", "unchanged", "skipped"), 0)
    )


def import_rows(
    store: Store,
    *,
    file: str,
    scheme: str,
    with_duplicates: bool,
    list_name: str | None = None,
    by: User | None,
    today: date,
    progress: Progress | None = None,
) -> Imported:
    """Write the rows that were judged: the clean ones, and the likely duplicates as chosen.

    Whole or not at all: raises `Refused` when the targets changed since the rows were judged.
    Rows with errors are left out; whether there may be any is the caller's to say.
    """
    db.take_turn("import")
    found = store.counts()
    total = sum(found.values())
    run = ImportRun(
        importer=IMPORTER, source=file[:500], by_id=by.id if by is not None else None, counts={}
    )
    db.session.add(run)
    db.session.flush()
    work = _Work(run.id, scheme, _("spreadsheet %(file)s", file=file)[:200], today, store)
    if list_name:
        work.on_list = []
    work.counts["skipped"] = found["error"]
    done = 0
    for rows in store.batches(BATCH):
        _write_batch(work, rows, with_duplicates)
        done += len(rows)
        if progress:
            progress(done, total)
    kept = {
        "bodies": work.bodies.pairs,
        "posts": work.posts.pairs,
        "added": {name: ranges.pairs for name, ranges in work.added.items() if ranges.pairs},
        "before": work.before.text() if work.before.lines else None,
        "list": _put_on_list(one_line(list_name), work.on_list, by) if list_name else None,
    }
    run = db.session.get_one(ImportRun, work.run_id)
    run.counts, run.kept = work.counts, kept
    db.session.flush()
    audit.record(
        "import_sheet", "import_run", work.run_id, by=by,
        changes={**work.counts, "source": file, "scheme": scheme, "list": list_name},
    )  # fmt: skip
    # What the session read before may be old now.
    db.session.expire_all()
    return Imported(work.run_id, work.counts)


def _write_batch(work: _Work, rows: Sequence[Judged], with_duplicates: bool) -> None:
    new: list[tuple[Judged, Facts]] = []
    known: list[tuple[Judged, Facts]] = []
    for row in rows:
        facts = Facts.from_plain(row.facts or {})
        action = {"new": "new", "update": "update", "unchanged": "unchanged"}.get(row.verdict)
        if row.verdict == "duplicate":
            action = row.choice if with_duplicates else "skip"
        if action == "skip":
            work.counts["skipped"] += 1
        elif action == "unchanged":
            work.counts["unchanged"] += 1
            if work.on_list is not None and row.record_id:
                _note_for_list(work, [row.record_id])
        elif action == "new":
            new.append((row, facts))
        else:
            known.append((row, facts))
    _refuse_changed(work, new, known)
    _write_new(work, new)
    _write_known(work, known)


def _refuse_changed(
    work: _Work, new: Sequence[tuple[Judged, Facts]], known: Sequence[tuple[Judged, Facts]]
) -> None:
    """A key that was free must be free still, and one that was somebody's still theirs."""
    keys = found_by_key(work.scheme, [f.key for _row, f in (*new, *known) if f.key])
    for row, facts in new:
        if row.verdict == "duplicate" and row.record_id == keys.get(facts.key or ""):
            # Somebody said that the key is another's: this one goes without.
            facts.key = None
    taken = any(f.key in keys for _row, f in new)
    moved = any(keys.get(f.key, r.record_id) != r.record_id for r, f in known if f.key)
    if taken or moved:
        raise _changed_since()


def _changed_since() -> Refused:
    return Refused(
        _("Targets of this file were changed by somebody else meanwhile. Nothing was imported: "
          "look at the rows again.")
    )  # fmt: skip


# New targets


def _write_new(work: _Work, rows: Sequence[tuple[Judged, Facts]]) -> None:
    if not rows:
        return
    post_ids = _posts(work, [facts for _row, facts in rows])
    ids = inserted(Target, [_target(work, facts) for _row, facts in rows])
    identifiers: list[dict[str, Any]] = []
    terms: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for target_id, (_row, facts) in zip(ids, rows, strict=True):
        if facts.key:
            identifiers.append(_identifier(target_id, work.scheme, facts.key))
        if facts.office:
            terms.append(_term(target_id, post_ids[facts.office.post_key], facts.office, work))
        points += [_point(target_id, contact, work) for contact in facts.contacts]
    insert_rows(TargetIdentifier, identifiers)
    insert_rows(Term, terms)
    insert_rows(ContactPoint, points)
    work.counts["new"] += len(ids)
    if work.on_list is not None:
        _note_for_list(work, ids)
    told = [
        {
            "import_id": work.run_id, "target_id": target_id, "kind": "arrived",
            "what": _("office") if facts.office else _("target"), "old": None,
            "new": row.detail or None, "seen_on": work.today,
        }
        for target_id, (row, facts) in zip(ids, rows, strict=True)
    ]  # fmt: skip
    insert_rows(TargetChange, told)
    work.store.note_changes(
        ("added", facts.key or str(target_id), facts.name, "", row.detail or facts.kind)
        for target_id, (row, facts) in zip(ids, rows, strict=True)
    )


def _target(work: _Work, facts: Facts) -> dict[str, Any]:
    columns = facts.columns
    name, office = facts.name, facts.office
    said = {column: columns.get(column) or None for column in COLUMNS}
    is_now = office is not None and is_current(office, work.today)
    return {
        **said,
        "kind": facts.kind,
        "sort_name": rules.sort_name(name, columns.get("given_name"), columns.get("family_name")),
        "search": _search(said, office if is_now else None),
        "source": work.source,
        "import_id": work.run_id,
    }


def _search(columns: Mapping[str, str | None], office: Office | None) -> str:
    places = (office.role, office.body, office.area, office.district) if office else ()
    return rules.searchable(*(columns[name] for name in ("name", "nickname", "country")), *places)


def _identifier(target_id: int, scheme: str, key: str) -> dict[str, Any]:
    return {"target_id": target_id, "scheme": scheme, "identifier": key}


def _term(target_id: int, post_id: int, office: Office, work: _Work) -> dict[str, Any]:
    return {
        "target_id": target_id,
        "post_id": post_id,
        "starts_on": date.fromisoformat(office.starts_on) if office.starts_on else None,
        "ends_on": date.fromisoformat(office.ends_on) if office.ends_on else None,
        "party": office.party,
        "is_current": is_current(office, work.today),
    }


def _point(target_id: int, contact: Contact, work: _Work) -> dict[str, Any]:
    return {
        **contact._asdict(),
        "target_id": target_id,
        "status": "good",
        "source": work.source,
        "checked_on": work.today,
    }


def _posts(work: _Work, rows: Sequence[Facts]) -> dict[str, int]:
    """Posts by key: those that are here, and new ones for the rest."""
    offices = {f.office.post_key: (f.office, f) for f in rows if f.office}
    if not offices:
        return {}
    found = _ids_by_key(Post, offices)
    missing = {key: pair for key, pair in offices.items() if key not in found}
    bodies = {office.body_key: (office, facts) for office, facts in missing.values()}
    body_ids = _ids_by_key(Body, bodies)
    new: list[dict[str, Any]] = [
        {
            "key": key,
            "name": office.body,
            "classification": body_classification(office.body),
            "country": facts.columns.get("country"),
        }
        for key, (office, facts) in bodies.items()
        if key not in body_ids
    ]
    ids = inserted(Body, new)
    work.bodies.add(ids)
    body_ids |= dict(zip((row["key"] for row in new), ids, strict=True))
    new = [
        {
            "key": key, "body_id": body_ids[office.body_key], "role": office.role,
            "label": office.label, "area": office.area, "district": office.district,
        }
        for key, (office, _facts) in missing.items()
    ]  # fmt: skip
    ids = inserted(Post, new)
    work.posts.add(ids)
    return found | dict(zip(missing, ids, strict=True))


def _ids_by_key(model: Any, keys: Mapping[str, Any]) -> dict[str, int]:
    if not keys:
        return {}
    return dict(db.session.execute(select(model.key, model.id).where(model.key.in_(keys))).all())


# Targets that are here


def _write_known(work: _Work, rows: Sequence[tuple[Judged, Facts]]) -> None:
    present = load_present({row.record_id for row, _facts in rows if row.record_id})
    plans: list[tuple[Present, Facts, Plan]] = []
    for row, facts in rows:
        known = present.get(row.record_id or 0)
        if known is None:
            raise _changed_since()
        plan = compare(facts, known, scheme=work.scheme, today=work.today)
        if work.on_list is not None:
            _note_for_list(work, [known.id])
        if plan.differences:
            if known.id in work.touched:
                raise Refused(
                    _("Row %(row)s and one above it would both change %(name)s. Leave one out.",
                      row=row.number, name=known.name)
                )  # fmt: skip
            work.touched.add(known.id)
            plans.append((known, facts, plan))
        else:
            work.counts["unchanged"] += 1
    if not plans:
        return
    post_ids = _posts(work, [facts for _known, facts, plan in plans if plan.new_term])
    _update_targets(work, plans)
    _update_terms(work, plans, post_ids)
    _update_contacts(work, plans)
    _insert_noted(
        work, TargetIdentifier,
        [_identifier(known.id, *plan.identifier) for known, _f, plan in plans if plan.identifier],
    )  # fmt: skip
    _tell(work, plans)


def _insert_noted(work: _Work, model: Any, rows: list[dict[str, Any]]) -> None:
    work.added[model.__tablename__].add(inserted(model, rows))


def _update_targets(work: _Work, plans: Sequence[tuple[Present, Facts, Plan]]) -> None:
    changed = {known.id for known, _facts, plan in plans if _touches_target(known, plan)}
    rows = db.session.execute(
        select(Target.id, Target.search, Target.sort_name).where(Target.id.in_(changed))
    )
    old = {row[0]: {"search": row[1], "sort_name": row[2]} for row in rows}
    updates: list[dict[str, Any]] = []
    for known, facts, plan in plans:
        if known.id not in old:
            continue
        columns: dict[str, str | None] = {**known.columns, **plan.columns}
        held, office = known.office, facts.office
        if plan.new_term and office and is_current(office, work.today):
            search = _search(columns, office)
        elif held:
            search = rules.searchable(
                columns["name"], columns["nickname"], columns["country"], held.label, held.body,
                held.area,
            )  # fmt: skip
        else:
            search = _search(columns, None)
        new: dict[str, Any] = {**plan.columns, "search": search}
        new["sort_name"] = rules.sort_name(
            columns["name"] or "", columns["given_name"], columns["family_name"]
        )
        work.before.add("target", known.id, {**known.columns, **old[known.id]}, new)
        updates.append({"id": known.id, **new})
    update_rows(Target, updates)


def _touches_target(known: Present, plan: Plan) -> bool:
    return not known.is_kept and bool(plan.columns or plan.new_term)


def _update_terms(
    work: _Work, plans: Sequence[tuple[Present, Facts, Plan]], post_ids: Mapping[str, int]
) -> None:
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for known, facts, plan in plans:
        held = {term.id: term for term in known.terms}
        for number, changes in plan.terms:
            work.before.add("term", number, held[number]._asdict(), changes)
            updates.append({"id": number, **changes})
        if plan.new_term and facts.office:
            new.append(_term(known.id, post_ids[facts.office.post_key], facts.office, work))
    update_rows(Term, updates)
    _insert_noted(work, Term, new)


def _update_contacts(work: _Work, plans: Sequence[tuple[Present, Facts, Plan]]) -> None:
    numbers = [number for _known, _facts, plan in plans for number, _changes in plan.contacts]
    seen = {
        number: {"source": source, "checked_on": day}
        for number, source, day in db.session.execute(
            select(ContactPoint.id, ContactPoint.source, ContactPoint.checked_on).where(
                ContactPoint.id.in_(numbers)
            )
        )
    }
    new: list[dict[str, Any]] = []
    updates: list[dict[str, Any]] = []
    for known, _facts, plan in plans:
        held = {point.id: point for point in known.contacts}
        for number, changes in plan.contacts:
            changes = {**changes, "source": work.source, "checked_on": work.today}
            old = {**held[number]._asdict(), **seen[number]}
            work.before.add("contact_point", number, old, changes)
            updates.append({"id": number, **changes})
        new += [_point(known.id, contact, work) for contact in plan.new_contacts]
    update_rows(ContactPoint, updates)
    _insert_noted(work, ContactPoint, new)


def _tell(work: _Work, plans: Sequence[tuple[Present, Facts, Plan]]) -> None:
    """Lines of what changed: for the target's history and for the changes file."""
    rows = [
        {
            "import_id": work.run_id, "target_id": known.id, "kind": each.kind, "what": each.what,
            "old": each.old or None, "new": each.new or None, "seen_on": work.today,
        }
        for known, _facts, plan in plans
        for each in plan.differences
    ]  # fmt: skip
    insert_rows(TargetChange, rows)
    work.counts["changed"] += len(plans)
    work.store.note_changes(
        ("changed", facts.key or str(known.id), known.name, each.old, each.new)
        for known, facts, plan in plans
        for each in plan.differences
    )


# The list


def _note_for_list(work: _Work, ids: Sequence[int]) -> None:
    assert work.on_list is not None  # noqa: S101 - asked by the caller
    work.on_list += ids
    if len(work.on_list) > list_operations.MOST_ON_A_LIST:
        raise Refused(
            _("A list holds at most %(most)s targets. Import without a list.",
              most=list_operations.MOST_ON_A_LIST),
            "list",
        )  # fmt: skip


def _put_on_list(name: str, ids: list[int] | None, by: User | None) -> dict[str, Any] | None:
    """The list of this name, made when there is none, with all of the file on it."""
    if not ids:
        return None
    kept = find_list(name)
    if kept is None:
        kept = list_operations.keep_list(name=name, target_ids=ids, by=by)
        return {"id": kept.id, "made": True, "added": _in_order(ids)}
    there = set(
        db.session.scalars(
            select(TargetListItem.target_id).where(TargetListItem.list_id == kept.id)
        )
    )
    list_operations.add_to_list(kept, ids, by=by)
    return {"id": kept.id, "made": False, "added": _in_order(set(ids) - there)}


def _in_order(ids: Sequence[int] | set[int]) -> list[int]:
    return sorted(set(ids))


def find_list(name: str) -> TargetList | None:
    """The list of this name, however it is written."""
    rows = db.session.scalars(select(TargetList).order_by(TargetList.id))
    return next((each for each in rows if fold(each.name) == fold(name)), None)
