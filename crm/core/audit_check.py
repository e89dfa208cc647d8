"""Whether the record of what was done is whole: the chain walked from its first entry to its last.

It reads one row at a time as the database has it, whatever somebody put there, computes everything
anew, and tells in words the first place where the record is not what was sealed. That nothing was
cut off at the end can be told only against a head that was noted elsewhere.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Text, and_, case, cast, exists, func, literal, select, text, type_coerce
from sqlalchemy.orm import aliased

from crm.core import audit, chain, db
from crm.core.audit import AuditEntry

#: Rows the database hands over at once.
_AT_ONCE = 1000
#: What refuses to change the record, by database.
_GUARDS = {
    "sqlite": (
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'",
        3,
    ),
    "postgresql": (
        "SELECT count(*) FROM pg_trigger WHERE tgrelid = 'audit_entry'::regclass"
        " AND NOT tgisinternal AND tgenabled IN ('O', 'A')",
        1,
    ),
}


class Head(NamedTuple):
    """The last entry's number and hash: noted elsewhere, it shows what happened to all before."""

    seq: int
    hash: str

    def __str__(self) -> str:
        return f"{self.seq}:{self.hash}"

    @classmethod
    def parse(cls, text: str) -> "Head":
        """`57:3f…`. Raises ValueError."""
        number, colon, hash = text.strip().partition(":")
        if not (colon and number.isascii() and number.isdigit() and len(hash) == 64):
            raise ValueError("a head is written as NUMBER:HASH, as this command prints it")
        return cls(int(number), hash.lower())


NOTHING = Head(0, chain.BEGINNING)


@dataclass(frozen=True)
class Verdict:
    """How many entries hold, where that ends, and in words what is wrong after it."""

    checked: int
    head: Head
    fault: str | None = None


class Entry(NamedTuple):
    """A row of the record as it is, however strange."""

    id: Any
    at: Any
    by_id: Any
    verb: Any
    kind: Any
    record_id: Any
    request_id: Any
    seq: Any
    salt: Any
    digest: Any
    hash: Any
    reason: Any
    #: The text of the JSON.
    changes: Any
    #: Whether, once what it said was erased, a later entry says that its record was forgotten.
    is_forgotten: Any

    def told(self) -> str:
        """What a person finds it by."""
        of = f"{self.kind} {self.record_id}" if self.record_id is not None else f"{self.kind}"
        by = f"user {self.by_id}" if self.by_id is not None else "a command"
        return f"entry {self.seq} ({self.verb} of {of} by {by}, {str(self.at)[:19]} UTC)"


def head() -> Head:
    """The last entry there is."""
    found = db.session.execute(
        select(AuditEntry.seq, AuditEntry.hash)
        .where(AuditEntry.seq.is_not(None))
        .order_by(AuditEntry.seq.desc())
        .limit(1)
    ).first()
    return Head(found.seq or 0, found.hash or "") if found else NOTHING


def is_guarded() -> bool:
    """Whether the database itself still refuses to change the record."""
    statement, wanted = _GUARDS[db.session.get_bind().dialect.name]
    return bool(db.session.scalar(text(statement)) == wanted)


def entries() -> int:
    """How many there are to walk."""
    return db.session.scalar(select(func.count()).select_from(AuditEntry)) or 0


def verify(
    expected: Head | None = None, *, moved: Callable[[int], object] = lambda _: None
) -> Verdict:
    """Walk the chain. `moved(n)` hears how far it is."""
    last, before = NOTHING, None
    for entry in _stream():
        if fault := _fault(entry, last, before) or _unexpected(entry, expected):
            return Verdict(last.seq, last, fault)
        last, before = Head(entry.seq, entry.hash), entry
        if last.seq % _AT_ONCE == 0:
            moved(last.seq)
    if expected is not None and expected.seq > last.seq:
        cut = expected.seq - last.seq
        return Verdict(
            last.seq,
            last,
            f"the end was cut off: the head that was noted is entry {expected.seq}, and the record"
            f" ends with entry {last.seq}. Missing: {cut}.",
        )
    loose = select(func.count()).select_from(AuditEntry).where(AuditEntry.seq.is_(None))
    if count := db.session.scalar(loose):
        return Verdict(
            last.seq, last, f"{count} entries were put in past the program: they are not sealed."
        )
    return Verdict(last.seq, last)


def _fault(entry: Entry, last: Head, before: Entry | None) -> str | None:
    """What is wrong with an entry that comes after `last`, in words."""
    wanted = last.seq + 1
    after = f" The one before it is {before.told()}." if before else ""
    if not isinstance(entry.seq, int) or entry.seq < wanted:
        return f"{entry.told()} stands where entry {wanted} belongs.{after}"
    if entry.seq > wanted:
        gone = f"entry {wanted} is" if entry.seq == wanted + 1 else (
            f"entries {wanted} to {entry.seq - 1} are"
        )  # fmt: skip
        return f"{gone} missing. What follows is {entry.told()}.{after}"
    if _hash(entry, last.hash, entry.seq) != entry.hash:
        if (place := _came_from(entry)) is not None:
            return f"{entry.told()} was moved: it was sealed as entry {place}.{after}"
        return (
            f"{entry.told()} was changed, or put there, after it was sealed: who, what, when or"
            f" its place is not what its hash says.{after}"
        )
    try:
        changes = json.loads(entry.changes)
        if entry.salt is not None:
            same = chain.digest_of(entry.salt, changes, entry.reason) == entry.digest
        else:
            same = changes == {} and entry.reason is None
    except (TypeError, ValueError):
        same = False
    if not same:
        return (
            f"{entry.told()} was changed after it was sealed: what it says changed, or why.{after}"
        )
    if entry.salt is None and not entry.is_forgotten:
        return (
            f"{entry.told()} was erased, and no later entry says that its record was"
            f" forgotten.{after}"
        )
    return None


def _unexpected(entry: Entry, expected: Head | None) -> str | None:
    if expected is None or entry.seq != expected.seq or entry.hash == expected.hash:
        return None
    return (
        f"{entry.told()} is not the one that was noted: the record up to it was written anew"
        " since, or the note is of another database."
    )


def _hash(entry: Entry, before: str, seq: int) -> str | None:
    """The hash the entry would have at this place; None where it cannot be computed."""
    try:
        at = entry.at if isinstance(entry.at, datetime) else datetime.fromisoformat(entry.at)
        return chain.hash_of(
            before,
            seq=seq,
            id=entry.id,
            at=at if at.tzinfo else at.replace(tzinfo=UTC),
            by_id=entry.by_id,
            verb=entry.verb,
            kind=entry.kind,
            record_id=entry.record_id,
            request_id=entry.request_id,
            digest=entry.digest,
        )
    except (TypeError, ValueError):
        return None


def _came_from(entry: Entry) -> int | None:
    """The place an entry was sealed at, if it is whole and another one's neighbour."""
    pairs = select(AuditEntry.seq, AuditEntry.hash).where(AuditEntry.seq.is_not(None))
    rows = db.session.execute(pairs.execution_options(yield_per=_AT_ONCE))
    for row in rows:
        seq, hash = row.seq or 0, row.hash or ""
        # The one before may have been moved as well, by a place.
        for place in (seq + 1, seq, seq + 2):
            if place != entry.seq and _hash(entry, hash, place) == entry.hash:
                return int(place)
    return 1 if entry.seq != 1 and _hash(entry, chain.BEGINNING, 1) == entry.hash else None


def _stream() -> Iterator[Entry]:
    later = aliased(AuditEntry)
    forgotten = exists().where(
        and_(
            later.kind == AuditEntry.kind,
            later.record_id == AuditEntry.record_id,
            later.verb.startswith(audit.FORGETS),
            later.seq > AuditEntry.seq,
        )
    )
    # As text, for what is neither JSON nor a moment is for us to tell, not for a driver to fail on.
    plain = db.session.get_bind().dialect.name == "sqlite"
    at = type_coerce(cast(AuditEntry.at, Text), Text) if plain else AuditEntry.at
    statement = (
        select(
            AuditEntry.id,
            at,
            AuditEntry.by_id,
            AuditEntry.verb,
            AuditEntry.kind,
            AuditEntry.record_id,
            AuditEntry.request_id,
            AuditEntry.seq,
            AuditEntry.salt,
            AuditEntry.digest,
            AuditEntry.hash,
            AuditEntry.reason,
            cast(AuditEntry.changes, Text),
            case((AuditEntry.salt.is_(None), forgotten), else_=literal(False)),
        )
        .where(AuditEntry.seq.is_not(None))
        .order_by(AuditEntry.seq)
    )
    result = db.session.execute(statement.execution_options(yield_per=_AT_ONCE))
    try:
        for row in result:
            yield Entry._make(row)
    finally:
        result.close()
