"""An import of a roster taken back whole, while nothing has come to depend on it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, and_, exists, false, func, or_, select, tuple_

from crm.accounts.imports import UNDOING, ImportRun, Undoing
from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.audit import AuditEntry
from crm.core.bulk import (
    batched,
    changed_rows,
    changed_since,
    delete_rows,
    pointing_at,
    restore,
)
from crm.core.errors import Refused
from crm.members import forgetting
from crm.members.models import (
    Guardian,
    Guardianship,
    Member,
    Membership,
    MemberTag,
    MemberWord,
    Tag,
)
from crm.members.sheets.meaning import IMPORTER
from crm.members.sheets.runs import reaches
from crm.members.sheets.writing import write_words

#: What the rows of tables are called, where they hold an import back.
_CALLED = {
    "action_member": _l("logged outreach"),
    "consent": _l("consents"),
    "consent_request": _l("links sent to guardians"),
    "member_key": _l("links and codes to members' own pages"),
    "departure_member": _l("files and letters that left with their names"),
    "team_member": _l("teams"),
    "member_merge": _l("merges"),
    "member": _l("merges"),
    "member_apart": _l("pairs said to be different"),
    "task": _l("tasks"),
    "membership": _l("chapters they joined since"),
    "guardianship": _l("guardians added since"),
    "member_tag": _l("tags added since"),
}
_MODELS: Mapping[str, Any] = {"member": Member}
#: Written with a member, and removed with them.
_OURS = {"membership", "member_word", "member_tag", "guardianship"}


def undo_import(run_id: int, *, by: User | None) -> dict[str, int]:
    """Remove what the import made and bring back what it changed; returns how many of each.

    `accounts.imports.undo_run` calls it. Raises `Refused` naming what depends on it; nothing is
    changed then.
    """
    run = db.session.get_one(ImportRun, run_id)
    kept: dict[str, Any] = run.kept or {}
    if forgetting.is_scrubbed(kept):
        raise Refused(
            _("Somebody this import added or changed was forgotten since. It cannot be undone.")
        )
    if by is not None and not reaches(access.scope(by, Can.IMPORT_MEMBERS), kept["chapters"]):
        raise Refused(_("This import reached chapters that are not yours. Ask who carried it out."))
    _refuse_dependent(run, kept)
    restored = restore(kept["before"], _MODELS)
    _words_back(kept["before"])
    removed = _remove(run, kept)
    run.undone_at, run.undone_by_id = db.now(), by.id if by is not None else None
    # What else was kept for this is of no more use.
    run.kept = {"chapters": kept["chapters"]}
    db.session.flush()
    counts = {"removed": removed, "restored": restored}
    audit.record("undo_import", "import_run", run_id, by=by, changes={**counts, "file": run.source})
    db.session.expire_all()
    return counts


# What depends on it


def _refuse_dependent(run: ImportRun, kept: Mapping[str, Any]) -> None:
    made = select(Member.id).where(Member.import_id == run.id)
    held: dict[str, int] = {}

    def count(name: Any, model: Any, *conditions: ColumnElement[bool]) -> None:
        statement = select(func.count()).select_from(model).where(*conditions)
        if number := db.session.scalar(statement):
            held[str(name)] = held.get(str(name), 0) + number

    for table, column in pointing_at(Member.__table__):
        if table.name not in _OURS:
            count(_called(table.name), table, column.in_(made))
    guardians = _within(Guardian.id, kept["guardians"])
    for table, column in pointing_at(Guardian.__table__):
        if table.name != "guardianship":
            ours = select(Guardian.id).where(guardians)
            count(_called(table.name), table, column.in_(ours), ~_of_made(table, made))
    for table, column in pointing_at(Membership.__table__):
        theirs = select(Membership.id).where(
            or_(Membership.member_id.in_(made), _within(Membership.id, kept["memberships"]))
        )
        count(_called(table.name), table, column.in_(theirs))
    by_hand = ~AuditEntry.verb.like("read%")
    count(_("changes by hand"), AuditEntry, AuditEntry.kind == "member",
          AuditEntry.record_id.in_(made), by_hand)  # fmt: skip
    count(_("changes of guardians by hand"), AuditEntry, AuditEntry.kind == "guardian",
          AuditEntry.record_id.in_(select(Guardian.id).where(guardians)), by_hand)  # fmt: skip
    linked = [tuple(pair) for pair in kept["linked"]]
    added = (Guardianship.member_id.in_(made), ~_within(Guardianship.guardian_id,
                                                        kept["guardians"]))  # fmt: skip
    if db.session.scalar(select(func.count()).where(*added)) != len(linked):
        count(_called("guardianship"), Guardianship, *added)
    if held:
        told = ", ".join(f"{what} ({number})" for what, number in held.items())
        raise Refused(
            _("This import cannot be undone: %(what)s depend on it. Take these away first.",
              what=told)
        )  # fmt: skip
    for _table, _number, name in changed_since(kept["before"], _MODELS):
        raise Refused(
            _("This import cannot be undone: what it changed of members was changed again since "
              "(%(what)s).", what=name.replace("_", " "))
        )  # fmt: skip


def _of_made(table: Any, made: Any) -> ColumnElement[bool]:
    """Rows that are about a member of the import are counted there."""
    return table.c.member_id.in_(made) if "member_id" in table.c else false()


def _called(table: str) -> str:
    return str(_CALLED.get(table) or table.replace("_", " "))


def _within(column: Any, pairs: Sequence[Sequence[int]]) -> ColumnElement[bool]:
    return or_(false(), *(column.between(*pair) for pair in pairs))


# Taking back


def _words_back(packed: str | None) -> None:
    """The words of names that were changed, as the names are now again."""
    for tables in changed_rows(packed):
        ids = [number for number, row in tables.get("member", {}).items() if "search" in row]
        if ids:
            delete_rows(MemberWord, MemberWord.member_id.in_(ids))
            found = db.session.execute(
                select(Member.id, Member.search).where(Member.id.in_(ids))
            ).all()
            write_words((number, search) for number, search in found)


def _remove(run: ImportRun, kept: Mapping[str, Any]) -> int:
    made = select(Member.id).where(Member.import_id == run.id)
    _delete_pairs(Guardianship, Guardianship.guardian_id, kept["guardianships"])
    _delete_pairs(MemberTag, MemberTag.tag_id, kept["member_tags"])
    delete_rows(Membership, _within(Membership.id, kept["memberships"]))
    for child in (Guardianship, MemberTag, MemberWord, Membership):
        delete_rows(child, child.member_id.in_(made))
    removed = delete_rows(Member, Member.import_id == run.id)
    shared: tuple[tuple[Any, str], ...] = ((Guardian, "guardians"), (Tag, "tags"))
    for model, key in shared:
        # A guardian or a word somebody else has come to have stays.
        unused = and_(
            *(~exists().where(column == model.id) for _table, column in
              pointing_at(model.__table__))
        )  # fmt: skip
        for pair in kept[key]:
            delete_rows(model, and_(model.id.between(*pair), unused))
    return removed


def _delete_pairs(model: Any, second: Any, pairs: Sequence[Sequence[int]]) -> None:
    for some in batched(pairs, 300):
        delete_rows(model, tuple_(model.member_id, second).in_([tuple(pair) for pair in some]))


UNDOING[IMPORTER] = Undoing(undo_import, _l("members"))


def _told(kept: Mapping[str, Any]) -> Iterator[Any]:
    """What a run keeps of people, unpacked: asked when one of them is forgotten."""
    yield {**kept, "before": None}
    yield from changed_rows(kept.get("before"))


forgetting.READING[IMPORTER] = _told
