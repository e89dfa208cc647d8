"""Rows of a roster that were judged, written in bulk: whole or not at all, and never twice.

`check` has judged every row before; here nothing is judged anew but whether the members are still
as they were then. What an undo needs is kept with the run. Rows go past the mapper, so what it does
for a member (the words of the name) is done here.
"""

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import func, or_, select

from crm.accounts.imports import ImportRun
from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can, Scope
from crm.core.bulk import (
    BATCH,
    Before,
    Progress,
    Ranges,
    among,
    by_the_thousand,
    delete_rows,
    free_ids,
    insert_tuples,
    inserted,
    update_rows,
)
from crm.core.errors import Refused
from crm.core.judged import Judged
from crm.core.text import fold
from crm.members import queries
from crm.members.likeness import email_key, keys, phone_key
from crm.members.models import (
    CODE_LETTERS,
    Chapter,
    Guardian,
    Guardianship,
    Member,
    Membership,
    MemberTag,
    MemberWord,
    Tag,
    words_of,
)
from crm.members.rules import search_key
from crm.members.sheets import rules
from crm.members.sheets.check import load_present
from crm.members.sheets.compare import Plan, Present, compare, is_same_guardian
from crm.members.sheets.meaning import IMPORTER
from crm.members.sheets.rules import Facts
from crm.members.sheets.store import Store

#: Columns of a new member: those that are always there, and those a row may leave unsaid.
_SAID = ("email", "phone", "graduation_year", "address", "postal_code", "note")
_COLUMNS = (
    "id", "pseudonym", "given_name", "family_name", "search", "custom", "import_id", "created_at",
    "age_band", "age_band_on", *_SAID,
)  # fmt: skip


@dataclass(frozen=True)
class Imported:
    """What an import of a roster did."""

    run_id: int
    counts: dict[str, int]

    def __str__(self) -> str:
        """`members: 3 new, 1 changed, 12 unchanged`."""
        told = ("new", "changed", "unchanged", "skipped")
        return f"{IMPORTER}: " + ", ".join(
            f"{self.counts[word]} {word}" for word in told if self.counts[word] or word != "skipped"
        )


@dataclass
class _Work:
    """The import in hand."""

    run_id: int
    today: date
    now: datetime
    scope: Scope
    by: User | None
    store: Store
    #: The last member there was when the rows were judged; None when nobody came since.
    last_member: int | None
    before: Before = field(default_factory=Before)
    guardians: Ranges = field(default_factory=Ranges)
    tags: Ranges = field(default_factory=Ranges)
    #: Memberships of members who were here.
    memberships: Ranges = field(default_factory=Ranges)
    #: Guardians and tags given to members who were here; guardians who were here, of new ones.
    guardianships: list[tuple[int, int]] = field(default_factory=list)
    member_tags: list[tuple[int, int]] = field(default_factory=list)
    linked: list[tuple[int, int]] = field(default_factory=list)
    #: (kind, folded name) → tag.
    tag_ids: dict[tuple[str, str], int] = field(default_factory=dict)
    #: Members a row has changed: a second one must not, or an undo would not know what was first.
    touched: set[int] = field(default_factory=set)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("new", "changed", "unchanged", "skipped"), 0)
    )


@by_the_thousand()
def import_rows(
    store: Store,
    *,
    file: str,
    with_duplicates: bool,
    once: str | None = None,
    by: User | None,
    today: date,
    progress: Progress | None = None,
) -> Imported:
    """Write the rows that were judged: the clean ones, and the likely duplicates as chosen.

    `once` is a word under which nothing is imported a second time. Raises `Refused` when the
    members changed since the rows were judged; rows with errors are left out.
    """
    scope = access.scope(by, Can.IMPORT_MEMBERS) if by is not None else Scope(True, frozenset())
    db.take_turn("import")
    if once and db.session.scalar(select(ImportRun.id).where(ImportRun.once == once)):
        raise Refused(_("This file was imported already."))
    chapters = store.noted("chapters")
    _must_be_open(chapters, scope)
    found = store.counts()
    total = found["new"] + found["update"] + found["duplicate"]
    run = ImportRun(
        importer=IMPORTER, source=file[:500], once=once, counts={},
        by_id=by.id if by is not None else None,
    )  # fmt: skip
    db.session.add(run)
    db.session.flush()
    last, newest = store.noted("last_member"), db.session.scalar(select(func.max(Member.id))) or 0
    work = _Work(
        run.id, today, db.now(), scope, by, store, last_member=None if newest <= last else last
    )
    work.counts |= {"unchanged": found["unchanged"], "skipped": found["error"]}
    done = 0
    for rows in store.batches(BATCH, but=("error", "unchanged")):
        with store.writing():
            _write_batch(work, rows, with_duplicates)
        done += len(rows)
        if progress:
            progress(done, total)
    run = db.session.get_one(ImportRun, work.run_id)
    run.counts = work.counts
    run.kept = {
        "chapters": chapters,
        "guardians": work.guardians.pairs,
        "tags": work.tags.pairs,
        "memberships": work.memberships.pairs,
        "guardianships": work.guardianships,
        "member_tags": work.member_tags,
        "linked": work.linked,
        "before": work.before.text() if work.before.lines else None,
    }
    db.session.flush()
    audit.record(
        "import_members", "import_run", work.run_id, by=by,
        changes={**work.counts, "source": file, "chapters": chapters},
    )  # fmt: skip
    # What the session read before may be old now.
    db.session.expire_all()
    return Imported(work.run_id, work.counts)


def _must_be_open(chapters: Sequence[int], scope: Scope) -> None:
    open_now = set(
        db.session.scalars(
            select(Chapter.id).where(
                Chapter.id.in_(chapters),
                Chapter.closed_on.is_(None),
                queries.in_scope(Chapter.id, scope),
            )
        )
    )
    if set(chapters) - open_now:
        raise Refused(
            _("A chapter of this file was closed, or is not yours any more. Nothing was imported: "
              "look at the rows again.")
        )  # fmt: skip


def _write_batch(work: _Work, rows: Sequence[Judged], with_duplicates: bool) -> None:
    new: list[Facts] = []
    known: list[tuple[Judged, Facts]] = []
    for row in rows:
        action = row.verdict
        if action == "duplicate":
            action = row.choice if with_duplicates else "skip"
        if action == "skip":
            work.counts["skipped"] += 1
            continue
        facts = Facts.from_plain(row.facts)
        if action == "new":
            new.append(facts)
        else:
            known.append((row, facts))
    if work.last_member is not None:
        _refuse_newcomers(work, new)
    _write_new(work, new)
    _write_known(work, known)


def _changed_since() -> Refused:
    return Refused(
        _("Members of this file were changed by somebody else meanwhile. Nothing was imported: "
          "look at the rows again.")
    )  # fmt: skip


def _refuse_newcomers(work: _Work, rows: Sequence[Facts]) -> None:
    """Who was added since the rows were judged must not be added once more."""
    wanted = {(facts.chapter_id, search_key(facts.given, facts.family)) for facts in rows}
    if not wanted:
        return
    found = db.session.execute(
        select(Membership.chapter_id, Member.search)
        .join(Membership, Membership.member_id == Member.id)
        .where(
            among(Member.search, {search for _chapter, search in wanted}),
            Member.id > work.last_member,
            or_(Member.import_id.is_(None), Member.import_id != work.run_id),
        )
    )
    if any((chapter_id, search) in wanted for chapter_id, search in found):
        raise _changed_since()


# New members


def _write_new(work: _Work, rows: Sequence[Facts]) -> None:
    if not rows:
        return
    searches = [search_key(facts.given, facts.family) for facts in rows]
    ids = free_ids(Member, len(rows))
    insert_tuples(
        Member,
        _COLUMNS,
        [
            _member(work, number, facts, search, pseudonym)
            for number, facts, search, pseudonym in zip(
                ids, rows, searches, _pseudonyms(len(rows)), strict=True
            )
        ],
    )
    write_words(zip(ids, searches, strict=True))
    insert_tuples(
        Membership,
        ("member_id", "chapter_id", "joined_on"),
        [
            (number, facts.chapter_id, _day(facts.joined_on))
            for number, facts in zip(ids, rows, strict=True)
        ],
    )
    pairs, fresh = _give_guardians(
        work, [(n, each) for n, facts in zip(ids, rows, strict=True) for each in facts.guardians]
    )
    work.linked += [pair for pair in pairs if pair[1] not in fresh]
    _give_tags(work, [(n, facts.tags) for n, facts in zip(ids, rows, strict=True) if facts.tags])
    work.counts["new"] += len(ids)
    work.store.note_changes(("added", str(number), "", "", "") for number in ids)


def _member(work: _Work, number: int, facts: Facts, search: str, pseudonym: str) -> tuple[Any, ...]:
    said = facts.columns.get
    band = said("age_band", "unknown")
    return (
        number, pseudonym, facts.given, facts.family, search, facts.custom, work.run_id, work.now,
        band, work.today if band != "unknown" else None, *map(said, _SAID),
    )  # fmt: skip


def _day(written: str | None) -> date | None:
    return date.fromisoformat(written) if written else None


def _pseudonyms(count: int) -> list[str]:
    """As `models.new_pseudonym` makes them, many at once."""
    letters = "".join(CODE_LETTERS[byte & 31] for byte in secrets.token_bytes(8 * count))
    return [f"M-{letters[at : at + 8]}" for at in range(0, 8 * count, 8)]


def write_words(found: Iterable[tuple[int, str]]) -> None:
    """The words of folded names, of members who have none yet."""
    insert_tuples(
        MemberWord,
        ("word", "member_id"),
        [(word, number) for number, search in found for word in words_of(search)],
    )


def _give_guardians(
    work: _Work, wanted: Sequence[tuple[int, rules.Guardian]]
) -> tuple[list[tuple[int, int]], set[int]]:
    """Let members have guardians: (member, guardian) as written, and which guardians are new.

    The same guardian of brothers and sisters is one.
    """
    if not wanted:
        return [], set()
    reached = [_keys_of(each) for _number, each in wanted]
    by_key: dict[str, list[list[Any]]] = {}
    for key, number, name, email, phone in work.store.whose(sorted(frozenset().union(*reached))):
        by_key.setdefault(key, []).append([number, rules.Guardian(name, email, phone)])
    held = {entry[0] for entries in by_key.values() for entry in entries}
    gone = held - set(db.session.scalars(select(Guardian.id).where(among(Guardian.id, held))))
    # An entry is [id, guardian]; of a new one the id comes when all are known.
    new: list[list[Any]] = []
    new_keys: list[frozenset[str]] = []
    chosen: list[tuple[int, list[Any], str | None]] = []
    for (member_id, each), its_keys in zip(wanted, reached, strict=True):
        candidates = [entry for key in its_keys if key in by_key for entry in by_key[key]]
        entry = next(
            (one for one in candidates if one[0] not in gone and is_same_guardian(each, one[1])),
            None,
        )
        if entry is None:
            entry = [None, each]
            new.append(entry)
            new_keys.append(its_keys)
            for key in its_keys:
                by_key.setdefault(key, []).append(entry)
        chosen.append((member_id, entry, each.relation))
    ids = free_ids(Guardian, len(new))
    for entry, number in zip(new, ids, strict=True):
        entry[0] = number
    insert_tuples(
        Guardian,
        ("id", "name", "search", "email", "phone", "created_at"),
        [
            (number, each.name, fold(each.name)[:200], each.email, each.phone, work.now)
            for number, each in new
        ],
    )
    work.guardians.add(ids)
    work.store.know_guardians(
        (key, number, *each[:3])
        for (number, each), its_keys in zip(new, new_keys, strict=True)
        for key in its_keys
    )
    pairs = {(member_id, entry[0]): relation for member_id, entry, relation in chosen}
    insert_tuples(
        Guardianship,
        ("member_id", "guardian_id", "relation"),
        [(*pair, relation) for pair, relation in pairs.items()],
    )
    return list(pairs), set(ids)


def _keys_of(guardian: rules.Guardian) -> frozenset[str]:
    return keys(email_key(guardian.email), phone_key(guardian.phone))


def _give_tags(
    work: _Work, wanted: Sequence[tuple[int, dict[str, list[str]]]]
) -> list[tuple[int, int]]:
    """Let members have tags they have not; tags nobody had yet are made."""
    names = {
        (kind, fold(name)): name
        for _number, tags in wanted
        for kind, words in tags.items()
        for name in words
    }
    missing = {key: name for key, name in names.items() if key not in work.tag_ids}
    if missing:
        for number, kind, search in db.session.execute(
            select(Tag.id, Tag.kind, Tag.search).where(
                Tag.search.in_({search for _kind, search in missing})
            )
        ):
            work.tag_ids[kind, search] = number
            missing.pop((kind, search), None)
        rows = [
            {"kind": kind, "name": name, "search": search}
            for (kind, search), name in missing.items()
        ]
        ids = inserted(Tag, rows)
        work.tags.add(ids)
        work.tag_ids |= dict(zip(missing, ids, strict=True))
    pairs = [
        (number, work.tag_ids[kind, fold(name)])
        for number, tags in wanted
        for kind, words in tags.items()
        for name in words
    ]
    insert_tuples(MemberTag, ("member_id", "tag_id"), pairs)
    return pairs


# Members who are here


def _write_known(work: _Work, rows: Sequence[tuple[Judged, Facts]]) -> None:
    if not rows:
        return
    visible = db.session.scalars(
        queries.visible_members(work.scope, today=work.today)
        .with_only_columns(Member.id)
        .where(among(Member.id, {row.record_id for row, _facts in rows}))
    ).all()
    present = load_present(visible, today=work.today)
    plans: list[tuple[Present, Facts, Plan]] = []
    for row, facts in rows:
        known = present.get(row.record_id or 0)
        if known is None:
            raise _changed_since()
        plan = compare(facts, known)
        if not plan:
            work.counts["unchanged"] += 1
            continue
        if known.id in work.touched:
            raise Refused(
                _("Row %(row)s and one above it would both change the same member. Leave one out.",
                  row=row.number)
            )  # fmt: skip
        work.touched.add(known.id)
        plans.append((known, facts, plan))
    _update_members(work, plans)
    ids = inserted(
        Membership,
        [
            {
                "member_id": known.id, "chapter_id": facts.chapter_id,
                "joined_on": _day(facts.joined_on),
            }
            for known, facts, plan in plans
            if plan.joins
        ],
    )  # fmt: skip
    work.memberships.add(ids)
    pairs, _fresh = _give_guardians(
        work, [(known.id, each) for known, _facts, plan in plans for each in plan.guardians]
    )
    work.guardianships += pairs
    work.member_tags += _give_tags(
        work, [(known.id, plan.tags) for known, _facts, plan in plans if plan.tags]
    )
    work.counts["changed"] += len(plans)
    work.store.note_changes(
        ("changed", str(known.id), "", "", what)
        for known, _facts, plan in plans
        for what in (*plan.columns, *plan.custom, *(["chapter"] if plan.joins else ()),
                     *(["guardian"] if plan.guardians else ()), *plan.tags)
    )  # fmt: skip


def _update_members(work: _Work, plans: Sequence[tuple[Present, Facts, Plan]]) -> None:
    updates = []
    renamed: list[tuple[int, str]] = []
    held_on = dict(
        db.session.execute(
            select(Member.id, Member.age_band_on).where(
                among(Member.id, {known.id for known, _facts, plan in plans if plan.columns})
            )
        ).all()
    )
    for known, facts, plan in plans:
        old: dict[str, Any] = {**known.columns, "custom": known.custom}
        new: dict[str, Any] = dict(plan.columns)
        if plan.custom:
            new["custom"] = {**known.custom, **plan.custom}
        if "age_band" in new:
            old["age_band_on"], new["age_band_on"] = held_on[known.id], work.today
        if "family_name" in new:
            old["search"] = search_key(known.given, known.family)
            new["search"] = search_key(known.given, new["family_name"])
            renamed.append((known.id, new["search"]))
        changes: dict[str, Any] = {name: [old[name], value] for name, value in new.items()}
        changes.pop("search", None)
        if plan.joins:
            changes["chapter_id"] = facts.chapter_id
        audit.record("import_members", "member", known.id, by=work.by,
                     changes={**changes, "import_id": work.run_id})  # fmt: skip
        if new:
            work.before.add("member", known.id, old, new)
            updates.append({"id": known.id, **new})
    update_rows(Member, updates)
    if renamed:
        delete_rows(MemberWord, MemberWord.member_id.in_([number for number, _s in renamed]))
        write_words(renamed)
