"""Two targets that are one: every record moves to the one that is kept, and can be brought back.

The other keeps its row, its name and `merged_into_id`, so that it is still found by its old name
and leads to the one kept; lists, pickers, matching, filters and imports know the kept one only.
What is true of every merge stands in `core.merging`; here is what targets have of their own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, Table, select

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.errors import Refused
from crm.core.journal import Journal, moved_ids, references, same_in
from crm.core.merging import (
    WAYS,
    Merging,
    apart,
    bring_back,
    carry_over,
    fold,
    lead_to,
    locked,
    refuse_order,
    stay,
)
from crm.core.text import fold as folded
from crm.targets import rules
from crm.targets.likeness import Card
from crm.targets.models import (
    CommitteeSeat,
    ContactPoint,
    NotTheSame,
    Target,
    TargetIdentifier,
    TargetListItem,
    TargetMerge,
    Term,
)

#: The scheme of the code that a state has one of.
_STATE = "iso3166-alpha3"

#: Facts of which one chooses whose is kept, each with the columns that go together.
FACTS: dict[str, tuple[str, ...]] = {
    "kind": ("kind",),
    "name": ("name", "given_name", "additional_name", "family_name", "suffix", "sort_name"),
    "nickname": ("nickname",),
    "salutation": ("salutation",),
    "gender": ("gender",),
    "country": ("country",),
    "region": ("region", "sub_region"),
    "note": ("note",),
}
FACT_WORDS = {
    "kind": _l("Kind"),
    "name": _l("Name"),
    "nickname": _l("Also known as"),
    "salutation": _l("Salutation"),
    "gender": _l("Gender"),
    "country": _l("Country"),
    "region": _l("Region"),
    "note": _l("Note"),
    "office": _l("Present office"),
}


def merge(
    *,
    kept: Target,
    merged: Target,
    theirs: Mapping[str, bool] | None = None,
    by: User | None,
) -> TargetMerge:
    """Make one of two. `theirs` names the facts (and `office`) that are taken from the merged one.

    Of a note the other's is not lost: both are kept, unless one is said to be taken.
    """
    # An import finds its people by identifiers, which move.
    db.take_turn("import")
    table: Table = Target.__table__  # type: ignore[assignment]
    names = {target.id: target.name for target in (kept, merged)}
    for number, into in locked(table, kept.id, merged.id).items():
        if into is not None:
            raise Refused(_("%(name)s was merged already.", name=names[number]))
    # What somebody changed in the meantime.
    db.session.refresh(kept)
    db.session.refresh(merged)
    refuse_unlike(kept, merged)
    taken = {name for name, is_theirs in (theirs or {}).items() if is_theirs}
    work = Merging(kept.id, merged.id, frozenset(taken))
    carry_over(table, work)
    values = _facts(kept, merged, taken)
    work.journal.update(table, work.journal.rows(table, id=kept.id)[0], **values)
    row = work.journal.rows(table, id=merged.id)[0]
    work.journal.update(table, row, merged_into_id=kept.id)
    done = TargetMerge(
        kept_id=kept.id,
        merged_id=merged.id,
        by_id=by.id if by is not None else None,
        moved=work.journal.as_json(),
    )
    db.session.add(done)
    db.session.flush()
    audit.record(
        "merge",
        "target",
        kept.id,
        by=by,
        changes={"merged": merged.id, "name": merged.name, "theirs": sorted(taken)},
    )
    # The rows were changed beside the session.
    db.session.expire_all()
    return done


def better(one: Target, other: Target) -> Target:
    """Which of two is kept unless somebody says otherwise: the one a source keeps, the older."""
    return min(one, other, key=lambda each: (each.seen_on is None, each.id))


@dataclass(frozen=True)
class Choice:
    """A fact in which two differ, as each has it; `picked` is whose is taken unless told."""

    fact: str
    label: Any
    values: tuple[str, str]
    picked: int


def choices(one: Target, other: Target, cards: Mapping[int, Card]) -> Iterator[Choice]:
    """The facts in which two differ."""
    first = better(one, other)

    def told(fact: str, values: tuple[str, str]) -> Iterator[Choice]:
        if values[0] != values[1]:
            mine = values[0] if first is one else values[1]
            second = other if first is one else one
            yield Choice(fact, FACT_WORDS[fact], values, first.id if mine else second.id)

    for fact, columns in FACTS.items():
        yield from told(fact, (_shown(one, columns), _shown(other, columns)))
    offices = (cards[one.id].office or "", cards[other.id].office or "")
    if all(offices):
        yield from told("office", offices)


def _shown(target: Target, columns: tuple[str, ...]) -> str:
    if columns[0] == "kind":
        return str(rules.KINDS.get(target.kind, target.kind))
    if columns[0] == "name":
        parts = rules.full_name(
            target.given_name, target.family_name, additional=target.additional_name,
            suffix=target.suffix,
        )  # fmt: skip
        return f"{target.name} ({parts})" if parts and parts != target.name else target.name
    values = dict.fromkeys(getattr(target, column) for column in columns)
    return ", ".join(value for value in values if value)


def refuse_unlike(kept: Target, merged: Target) -> None:
    """Refuse what cannot be one: a target with itself, a person with what is none, two states."""
    if kept.id == merged.id:
        raise Refused(_("These are the same record already."))
    if kept.kind != merged.kind and not {kept.kind, merged.kind} <= rules.PERSONS:
        raise Refused(
            _("A %(kind)s and a %(other)s cannot be one.",
              kind=str(rules.KINDS[kept.kind]).lower(), other=str(rules.KINDS[merged.kind]).lower())
        )  # fmt: skip
    states = db.session.scalars(
        select(TargetIdentifier.target_id)
        .where(
            TargetIdentifier.scheme == _STATE, TargetIdentifier.target_id.in_((kept.id, merged.id))
        )
        .distinct()
    ).all()
    if len(states) > 1:
        raise Refused(
            _("%(name)s and %(other)s are two states, each with a treaty record of its own.",
              name=kept.name, other=merged.name)
        )  # fmt: skip


def unmerge(done: TargetMerge, *, by: User | None) -> None:
    """Take a merge back. What came to the kept target since stays with it."""
    db.take_turn("import")
    table: Table = Target.__table__  # type: ignore[assignment]
    locked(table, done.kept_id, done.merged_id)
    db.session.refresh(done)
    if done.undone_at is not None:
        return
    names = dict(
        db.session.execute(
            select(Target.id, Target.name).where(Target.id.in_((done.kept_id, done.merged_id)))
        ).all()
    )
    kept = names[done.kept_id]
    refuse_order(
        table,
        done,
        itself=_("%(name)s was itself merged since. Undo that first.", name=kept),
        another=_("Another target was merged into %(name)s since. Undo that first.", name=kept),
    )
    bring_back(table, done, by=by)
    _refuse_strays(done)
    audit.record(
        "unmerge", "target", done.kept_id, by=by,
        changes={"merged": done.merged_id, "name": names[done.merged_id]},
    )  # fmt: skip
    db.session.expire_all()


def _refuse_strays(done: TargetMerge) -> None:
    """Refuse where something new of the kept one hangs on an office or address that goes back."""
    sentences = {
        Term: _(
            "Something was logged since for an office that would go back. It cannot be undone."
        ),
        ContactPoint: _("Something uses an address since that would go back. It cannot be undone."),
    }
    for model, sentence in sentences.items():
        owner: Table = model.__table__  # type: ignore[assignment]
        back = moved_ids(done.moved, owner.c.target_id)
        back += [
            step["key"]["id"]
            for step in done.moved["steps"]
            if step["table"] == owner.name and step.get("verb") in ("update", "delete")
        ]
        for column in references(owner):
            targets = [each for each in references(Target.__table__)  # type: ignore[arg-type]
                       if each.table is column.table]  # fmt: skip
            for of_target in targets:
                stray = select(of_target).where(
                    column.in_(
                        select(owner.c.id).where(
                            owner.c.id.in_(back), owner.c.target_id == done.merged_id
                        )
                    ),
                    of_target == done.kept_id,
                )
                if db.session.execute(stray.limit(1)).first() is not None:
                    raise Refused(sentence)


def _facts(kept: Target, merged: Target, taken: set[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for fact, columns in FACTS.items():
        mine = [getattr(kept, column) for column in columns]
        # What only the other has is no choice.
        if fact in taken or not any(mine):
            values |= {column: getattr(merged, column) for column in columns}
    if "note" not in taken and kept.note and merged.note and kept.note != merged.note:
        values["note"] = f"{kept.note}\n\n{merged.note}"
    if kept.seen_on is None and merged.seen_on is not None:
        # From now on a source keeps the facts.
        values |= {"seen_on": merged.seen_on, "source": merged.source}
    if any(getattr(kept, column) != value for column, value in values.items()):
        words = dict.fromkeys((*kept.search.split(), *merged.search.split()))
        values["search"] = f" {' '.join(words)} "
    return values


# The ways of this room's own tables


def _terms(work: Merging, column: Column[Any]) -> None:
    """Terms move; the same term of both is one; one office is the present one."""
    table, journal = column.table, work.journal
    present = {
        owner: journal.rows(table, target_id=owner, is_current=True)
        for owner in (work.kept_id, work.merged_id)
    }
    if present[work.kept_id] and present[work.merged_id]:
        loser = work.kept_id if "office" in work.taken else work.merged_id
        for row in present[loser]:
            journal.update(table, row, is_current=False)
    there = journal.rows(table, target_id=work.kept_id)
    for row in journal.rows(table, target_id=work.merged_id):
        same = same_in(there, row, [table.c.post_id, table.c.starts_on])
        if same is None:
            journal.update(table, row, target_id=work.kept_id)
            continue
        lead_to(journal, table, row["id"], same["id"])
        journal.delete(table, row)
        if row["is_current"]:
            journal.update(table, same, is_current=True)


def _contact_points(work: Merging, column: Column[Any]) -> None:
    """Ways to reach both; one that both have is one, and the importer's, which keeps it."""
    table, journal = column.table, work.journal
    there = journal.rows(table, target_id=work.kept_id)
    keys = {row["key"] for row in there}
    for row in journal.rows(table, target_id=work.merged_id):
        same = next((each for each in there if _same_point(each, row)), None)
        if same is not None and row["key"] in (None, same["key"]):
            _spoilt(journal, table, row, same)
            lead_to(journal, table, row["id"], same["id"])
            journal.delete(table, row)
        elif same is not None and same["key"] is None:
            _spoilt(journal, table, same, row)
            lead_to(journal, table, same["id"], row["id"])
            journal.delete(table, same)
            there.remove(same)
            journal.update(table, row, target_id=work.kept_id)
        elif row["key"] in keys and row["key"] is not None:
            # Two of one name: the importer would find only one of them again.
            journal.update(table, row, target_id=work.kept_id, key=None)
        else:
            journal.update(table, row, target_id=work.kept_id)


def _same_point(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    return bool(one["kind"] == other["kind"] and folded(one["value"]) == folded(other["value"]))


def _spoilt(journal: Journal, table: Table, gone: dict[str, Any], stays: dict[str, Any]) -> None:
    """What somebody found out of one of the two holds for the one that stays."""
    if gone["status"] == "bad" and stays["status"] == "good":
        journal.update(table, stays, status="bad", note=gone["note"], checked_on=gone["checked_on"])


WAYS |= {
    f"{Term.__tablename__}.target_id": _terms,
    f"{ContactPoint.__tablename__}.target_id": _contact_points,
    f"{CommitteeSeat.__tablename__}.target_id": fold,
    f"{TargetListItem.__tablename__}.target_id": fold,
    # Both columns at once.
    f"{NotTheSame.__tablename__}.a_id": apart,
    f"{NotTheSame.__tablename__}.b_id": stay,
    # Who was merged into whom, and when, is history.
    f"{TargetMerge.__tablename__}.kept_id": stay,
    f"{TargetMerge.__tablename__}.merged_id": stay,
}

# Pairs that are none


def keep_apart(one: Target, other: Target, *, by: User | None) -> None:
    """Say that two who look alike are not the same; they are not proposed again."""
    a, b = sorted((one.id, other.id))
    if a == b:
        raise Refused(_("These are the same record already."))
    if db.session.get(NotTheSame, (a, b)) is not None:
        return
    db.session.add(NotTheSame(a_id=a, b_id=b, by_id=by.id if by is not None else None))
    db.session.flush()
    audit.record("keep_apart", "target", a, by=by, changes={"other": b})
