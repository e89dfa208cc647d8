"""Two members who are one: what both did and what was said for both is one member's, and back.

The other keeps the row and `merged_into_id`, and its address leads to the one that is kept. What is
true of every merge stands in `core.merging`; here is what members have of their own.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, Select, Table, delete, func, insert, select, update

from crm.accounts.models import User
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.journal import references
from crm.core.merging import (
    AFTERWARDS,
    EXACT,
    WAYS,
    Merging,
    apart,
    bring_back,
    carry_over,
    fold,
    fold_filling,
    lead_to,
    locked,
    refuse_order,
    stay,
)
from crm.members import fields, queries, rules
from crm.members.models import Member, MemberApart, MemberMerge, MemberWord, words_of
from crm.members.rules import AgeBand

_MEMBERS: Table = Member.__table__  # type: ignore[assignment]
_WORDS: Table = MemberWord.__table__  # type: ignore[assignment]

#: Facts of which one chooses whose is kept, with the columns that go together.
FACTS: Mapping[str, tuple[str, ...]] = {
    "given_name": ("given_name",),
    "family_name": ("family_name",),
    "email": ("email",),
    "phone": ("phone",),
    "address": ("address",),
    "postal_code": ("postal_code",),
    "graduation_year": ("graduation_year",),
    "age_band": ("age_band", "age_band_on"),
    "note": ("note",),
}
FACT_WORDS: Mapping[str, Any] = {
    "given_name": _l("First name"),
    "family_name": _l("Family name"),
    "email": _l("E-mail"),
    "phone": _l("Phone"),
    "address": _l("Address"),
    "postal_code": _l("Postal code"),
    "graduation_year": _l("Graduation year"),
    "age_band": _l("Age"),
    "note": _l("Note"),
}
#: Before the key of a field that an administrator defined.
CUSTOM = "custom-"

#: What moves and can be counted, by `table.column`, in words. A room above adds its own.
MOVES: dict[str, Any] = {
    "membership.member_id": _l("Times in a chapter"),
    "guardianship.member_id": _l("Guardians"),
    "consent.member_id": _l("Consents"),
    "consent_request.member_id": _l("Links sent to guardians"),
    "member_tag.member_id": _l("Skills, interests, languages"),
    "team_member.member_id": _l("Teams"),
    "member_key.member_id": _l("Links and cards of their own page"),
    "departure_member.member_id": _l("What already went out"),
}


# What is chosen


@dataclass(frozen=True)
class Choice:
    """A fact in which two differ; `picked` is the id of the member whose it is unless told."""

    fact: str
    label: Any
    #: Of a field that an administrator defined: as it is kept.
    values: tuple[Any, Any]
    picked: int


def better(one: Member, other: Member) -> Member:
    """Which of two is kept unless somebody says otherwise: who signs in, then the older record."""
    return min(one, other, key=lambda each: (each.user_id is None, each.id))


def choices(one: Member, other: Member) -> Iterator[Choice]:
    """The facts in which two differ and both have something."""
    first = better(one, other)
    for fact, columns in FACTS.items():
        values = (getattr(one, columns[0]), getattr(other, columns[0]))
        if fact == "age_band":
            if AgeBand.UNKNOWN not in values and values[0] != values[1]:
                yield Choice(fact, FACT_WORDS[fact], values, _said_last(one, other).id)
        elif all(values) and values[0] != values[1]:
            yield Choice(fact, FACT_WORDS[fact], values, first.id)
    for each in fields.defined(retired=True):
        values = (one.custom.get(each.key), other.custom.get(each.key))
        if all(values) and values[0] != values[1]:
            yield Choice(f"{CUSTOM}{each.key}", each.label, values, first.id)


def _said_last(one: Member, other: Member) -> Member:
    """Whose age was said last; the younger where nobody knows when."""
    bands = list(AgeBand)

    def rank(each: Member) -> tuple[date, int, int]:
        return each.age_band_on or date.min, -bands.index(AgeBand(each.age_band)), -each.id

    return max(one, other, key=rank)


def moving(member_ids: Sequence[int]) -> list[tuple[Any, list[int]]]:
    """What each of the members has that a merge would move: words, and a count for each."""
    found = []
    for column in references(_MEMBERS):
        words = MOVES.get(f"{column.table.name}.{column.name}")
        if words is None:
            continue
        rows = db.session.execute(
            select(column, func.count()).where(column.in_(member_ids)).group_by(column)
        )
        counts = {row[0]: row[1] for row in rows}
        if counts:
            found.append((words, [counts.get(each, 0) for each in member_ids]))
    return found


# Merge


def merge(
    *, kept_id: int, merged_id: int, theirs: Collection[str] = (), by: User | None
) -> MemberMerge:
    """Make one of two. `theirs` names the facts that are taken from the merged one.

    What only one of them has is the kept one's in any case. Of two notes both are kept, unless the
    merged one's is taken.
    """
    # An import finds its people by name, and an import's undo asks what became of them.
    db.take_turn("import")
    if kept_id == merged_id:
        raise Refused(_("These are the same member already."))
    records = {each: _mergeable(each, by) for each in sorted((kept_id, merged_id))}
    if any(into is not None for into in locked(_MEMBERS, *records).values()):
        raise Refused(_("One of the two was merged already."))
    for record in records.values():
        db.session.refresh(record)
    kept, merged = records[kept_id], records[merged_id]
    if kept.user_id is not None and merged.user_id is not None:
        raise Refused(
            _(
                "Both sign in, each with an account of their own. Take one account away first:"
                " two accounts cannot become one."
            )
        )
    work = Merging(kept_id, merged_id, frozenset(theirs))
    values = _facts(kept, merged, work.taken)
    changes = {
        "merged": merged_id,
        "theirs": sorted(work.taken),
        **{
            name: change
            for name, change in audit.difference(kept, values).items()
            if name not in ("search", "age_band_on")
        },
    }
    carry_over(_MEMBERS, work)
    # First away from the one, then to the other: an account is of one member.
    row = work.journal.rows(_MEMBERS, id=merged_id)[0]
    work.journal.update(_MEMBERS, row, merged_into_id=kept_id, user_id=None)
    work.journal.update(_MEMBERS, work.journal.rows(_MEMBERS, id=kept_id)[0], **values)
    done = MemberMerge(
        kept_id=kept_id,
        merged_id=merged_id,
        by_id=by.id if by is not None else None,
        moved=work.journal.as_json(),
    )
    db.session.add(done)
    db.session.flush()
    _write_words(kept_id)
    audit.record("merge_members", "member", kept_id, by=by, changes=changes)
    # The rows were changed beside the session.
    db.session.expire_all()
    return done


def mergeable(by: User) -> Select[Member]:
    """The members whom `by` may both change and merge."""
    found = queries.visible_members(access.scope(by, Can.MERGE_MEMBERS))
    edits = access.scope(by, Can.EDIT_MEMBERS)
    if edits.everywhere:
        return found
    return found.where(Member.id.in_(queries.visible_members(edits).with_only_columns(Member.id)))


def _mergeable(member_id: int, by: User | None) -> Member:
    """The member, where `by` may both change and merge members; else NoResultFound."""
    if by is None:
        wanted = select(Member).where(Member.id == member_id, Member.forgotten_at.is_(None))
    else:
        wanted = mergeable(by).where(Member.id == member_id)
    return db.session.scalars(wanted).one()


def _facts(kept: Member, merged: Member, taken: Collection[str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for fact, columns in FACTS.items():
        mine = getattr(kept, columns[0])
        theirs = getattr(merged, columns[0])
        is_missing = not mine or (fact == "age_band" and mine == AgeBand.UNKNOWN)
        is_there = bool(theirs) and not (fact == "age_band" and theirs == AgeBand.UNKNOWN)
        if is_there and (is_missing or fact in taken):
            values |= {column: getattr(merged, column) for column in columns}
    if "note" not in taken and kept.note and merged.note and kept.note != merged.note:
        values["note"] = f"{kept.note}\n\n{merged.note}"
    given = values.get("given_name", kept.given_name)
    family = values.get("family_name", kept.family_name)
    values["search"] = rules.search_key(given, family)
    values["custom"] = dict(kept.custom)
    for key, value in merged.custom.items():
        if value and (not kept.custom.get(key) or f"{CUSTOM}{key}" in taken):
            values["custom"][key] = value
    if kept.user_id is None and merged.user_id is not None:
        values["user_id"] = merged.user_id
    return values


def _write_words(*member_ids: int) -> None:
    """Write the words of names anew: names were changed past the session."""
    db.session.execute(delete(MemberWord).where(MemberWord.member_id.in_(member_ids)))
    rows = [
        {"word": word, "member_id": number}
        for number, search in db.session.execute(
            select(Member.id, Member.search).where(Member.id.in_(member_ids))
        )
        for word in words_of(search)
    ]
    if rows:
        db.session.execute(insert(_WORDS), rows)


# And back


def unmerge(*, merge_id: int, by: User | None) -> MemberMerge:
    """Take a merge back. What came to the kept member since stays with them."""
    db.take_turn("import")
    done = db.session.scalars(select(MemberMerge).where(MemberMerge.id == merge_id)).one()
    if by is not None:
        _mergeable(_stands_for(done.kept_id), by)
    locked(_MEMBERS, done.kept_id, done.merged_id)
    db.session.refresh(done)
    if done.undone_at is not None:
        return done
    if not done.moved.get("steps"):
        raise Refused(_("One of the two was forgotten since. It cannot be undone."))
    refuse_order(
        _MEMBERS,
        done,
        itself=_("This member was merged into another since. Undo that first."),
        another=_("Another member was merged into this one since. Undo that first."),
    )
    _refuse_account(done)
    bring_back(_MEMBERS, done, by=by)
    audit.record(
        "unmerge_members", "member", done.kept_id, by=by, changes={"merged": done.merged_id}
    )
    db.session.expire_all()
    return done


def kept_of(merge_id: int) -> int:
    """The member who stands for a merge's kept one by now; raises NoResultFound."""
    kept_id = db.session.scalars(select(MemberMerge.kept_id).where(MemberMerge.id == merge_id))
    return _stands_for(kept_id.one())


def _stands_for(member_id: int) -> int:
    """The member that this one leads to by now; itself if it was not merged."""
    into = db.session.scalar(select(Member.merged_into_id).where(Member.id == member_id))
    return into if into is not None else member_id


def _refuse_account(done: MemberMerge) -> None:
    """Refuse where the account that would go back is somebody else's by now."""
    accounts = [
        step["old"]["user_id"]
        for step in done.moved["steps"]
        if step["table"] == "member" and step.get("verb") == "update"
        and step["key"] == {"id": done.merged_id} and step["old"].get("user_id") is not None
    ]  # fmt: skip
    if accounts and db.session.scalar(
        select(Member.id).where(
            Member.user_id.in_(accounts), Member.id.not_in((done.kept_id, done.merged_id))
        )
    ):
        raise Refused(_("The account of one of the two is another member's now."))


def _settle(kept_id: int, merged_id: int) -> None:
    """A name that was changed since is searched for as it is now."""
    for record in db.session.execute(
        select(Member.id, Member.given_name, Member.family_name).where(
            Member.id.in_((kept_id, merged_id))
        )
    ).all():
        key = rules.search_key(record.given_name, record.family_name)
        db.session.execute(update(_MEMBERS).where(_MEMBERS.c.id == record.id).values(search=key))
    _write_words(kept_id, merged_id)


# The ways of this room's own tables


def _memberships(work: Merging, column: Column[Any]) -> None:
    """Memberships move; those in one chapter at the same time are one, from the first day on."""
    table, journal = column.table, work.journal
    both = [
        row
        for owner in (work.kept_id, work.merged_id)
        for row in journal.rows(table, member_id=owner)
    ]
    for group in _overlapping(both):
        mine = [row for row in group if row["member_id"] == work.kept_id]
        theirs = [row for row in group if row["member_id"] == work.merged_id]
        if not mine or not theirs:
            for row in theirs:
                journal.update(table, row, member_id=work.kept_id)
            continue
        stays, *rest = mine + theirs
        joined = [row["joined_on"] for row in group if row["joined_on"] is not None]
        left = [row["left_on"] for row in group]
        for row in rest:
            lead_to(journal, table, row["id"], stays["id"])
            journal.delete(table, row)
        journal.update(
            table,
            stays,
            joined_on=min(joined, default=None),
            left_on=None if None in left else max(left),
        )


def _overlapping(rows: Sequence[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """Rows of one chapter whose days touch, together."""
    group: list[dict[str, Any]] = []
    until = date.min
    for row in sorted(
        rows, key=lambda each: (each["chapter_id"], each["joined_on"] or date.min, each["id"])
    ):
        starts, ends = row["joined_on"] or date.min, row["left_on"] or date.max
        if group and row["chapter_id"] == group[0]["chapter_id"] and starts <= until:
            group.append(row)
            until = max(until, ends)
            continue
        if group:
            yield group
        group, until = [row], ends
    if group:
        yield group


WAYS |= {
    "membership.member_id": _memberships,
    "member_tag.member_id": fold,
    "team_member.member_id": fold_filling,
    "guardianship.member_id": fold_filling,
    "departure_member.member_id": fold,
    # Written anew of the names.
    "member_word.member_id": stay,
    "member_apart.a_id": apart,
    "member_apart.b_id": stay,
    # Who was merged into whom, and when, is history.
    "member_merge.kept_id": stay,
    "member_merge.merged_id": stay,
}
EXACT["membership"] = _l(
    "A time in a chapter that came together was changed since, and cannot be parted."
)
AFTERWARDS["member"].append(_settle)


# Pairs that are none


def keep_apart(*, one_id: int, other_id: int, by: User | None) -> None:
    """Say that two who look alike are two people; they are not proposed again."""
    if one_id == other_id:
        raise Refused(_("These are the same member already."))
    a, b = sorted((one_id, other_id))
    for each in (a, b):
        _mergeable(each, by)
    if db.session.get(MemberApart, (a, b)) is not None:
        return
    db.session.add(MemberApart(a_id=a, b_id=b, by_id=by.id if by is not None else None))
    db.session.flush()
    audit.record("keep_members_apart", "member", a, by=by, changes={"other": b})
