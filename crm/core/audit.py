"""Who did what to which record, from what to what: one entry an operation, in its transaction.

At the one commit the entries of the transaction are sealed: each gets the next number and a hash
over the entry before (`chain`), so that a change of the record itself shows (`audit_check`). The
database refuses to change or delete a sealed entry; only what it said of somebody who is forgotten
may be taken out of it (`erase`).
"""

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime
from typing import Any

from flask import g, has_request_context
from sqlalchemy import JSON, Index, Row, Table, bindparam, insert, select, union_all, update
from sqlalchemy.orm import Mapped, mapped_column

from crm.core import chain, db

#: Entries sealed, and records erased, in one statement.
_AT_ONCE = 1000
#: How the verbs begin that let what is known of a record be erased.
FORGETS = "forget"


class AuditEntry(db.Model):
    """Append-only. `by_id` has no foreign key: the record outlives the user."""

    __tablename__ = "audit_entry"
    __audited__ = False
    __table_args__ = (
        # The record is read the newest first: whole, of one record, person, verb or kind.
        Index(None, "kind", "record_id", "at"),
        Index(None, "at"),
        Index(None, "by_id", "at"),
        Index(None, "verb", "at"),
        Index(None, "kind", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=db.now)
    by_id: Mapped[int | None]
    verb: Mapped[str]
    kind: Mapped[str]
    record_id: Mapped[int | None]
    changes: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    request_id: Mapped[str | None]
    #: Why, in the person's own words.
    reason: Mapped[str | None]
    #: Place in the chain, from 1 without a gap; given when the entry is sealed at the commit.
    seq: Mapped[int | None] = mapped_column(unique=True)
    #: Salt and salted SHA-256 of `changes` and `reason`: these can be erased with the salt when
    #: somebody is forgotten, and the chain still holds.
    salt: Mapped[str | None]
    digest: Mapped[str | None]
    #: SHA-256 over the entry before, all of this one but what may be erased, and `digest`.
    hash: Mapped[str | None]


def record(
    verb: str,
    kind: str,
    record_id: int | None,
    *,
    by: Any,
    changes: Mapping[str, Any] | None = None,
    reason: str | None = None,
) -> None:
    """Add the entry of an operation.

    `verb` is the operation's name, `kind` the table's; `by` is the user or None for a command.
    `changes` maps a field to its new value or to `[old, new]`.
    """
    db.session.add(AuditEntry(**_values(verb, kind, record_id, by, changes, reason)))


def record_each(verb: str, kind: str, changes: Mapping[int, Mapping[str, Any]], *, by: Any) -> None:
    """Add an entry for each of many records: `changes` by record, one statement."""
    rows = [_values(verb, kind, each, by, changed, None) for each, changed in changes.items()]
    if rows:
        db.session.flush()
        db.session.execute(insert(AuditEntry), rows)


def _values(
    verb: str,
    kind: str,
    record_id: int | None,
    by: Any,
    changes: Mapping[str, Any] | None,
    reason: str | None,
) -> dict[str, Any]:
    return {
        "by_id": by.id if by is not None else None,
        "verb": verb,
        "kind": kind,
        "record_id": record_id,
        "changes": {name: _plain(value) for name, value in (changes or {}).items()},
        "request_id": g.get("request_id") if has_request_context() else None,
        "reason": reason or None,
    }


def difference(record: object, values: Mapping[str, Any]) -> dict[str, list[Any]]:
    """What `values` would change of `record`: field → [old, new]."""
    return {
        name: [getattr(record, name), value]
        for name, value in values.items()
        if getattr(record, name) != value
    }


def _plain(value: Any) -> Any:
    if isinstance(value, date | datetime):
        return value.isoformat()
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    return value


def erase(kind: str, record_ids: Collection[int], *, by: Any, verb: str) -> None:
    """Forget what the record says of these: what changed, why, and the salt that could prove it.

    That something was done, when and by whom stays, and the chain holds. Each gets an entry with
    `verb`, which begins with `forget` and says that it happened, nothing more.
    """
    if not verb.startswith(FORGETS):
        raise ValueError(f"a verb that erases begins with “{FORGETS}”, not {verb!r}")
    db.session.flush()
    wanted = sorted(set(record_ids))
    for some in db.batches(wanted, _AT_ONCE):
        db.session.execute(
            update(AuditEntry)
            .where(AuditEntry.kind == kind, AuditEntry.record_id.in_(some))
            .values(changes={}, reason=None, salt=None),
            execution_options={"synchronize_session": False},
        )
    for entry in db.session:
        if isinstance(entry, AuditEntry):
            db.session.expire(entry)
    record_each(verb, kind, {each: {} for each in wanted}, by=by)


def _told_nobody(_done: Mapping[tuple[str, str], int]) -> None:
    """Until somebody counts."""


#: Told how many entries of each verb and kind were committed: `metrics` counts them.
told: Callable[[Mapping[tuple[str, str], int]], None] = _told_nobody


def _seal() -> None:
    """Give the new entries of this transaction their places in the chain.

    Others wait from here to the commit, and no longer: so numbers have no gap, and each entry
    follows the one before it on every database.
    """
    db.take_turn("audit")
    connection = db.session.connection()
    seq, before = 0, chain.BEGINNING
    done: Counter[tuple[str, str]] = Counter()
    while True:
        found = connection.execute(_NEW_AND_LAST).all()
        new = sorted((row for row in found if row.seq is None), key=lambda row: row.id)
        for last in (row for row in found if row.seq is not None):
            seq, before = last.seq, last.hash
        sealed = []
        done.update((row.verb, row.kind) for row in new)
        for row in new:
            seq, salt = seq + 1, chain.new_salt()
            digest = chain.digest_of(salt, row.changes, row.reason)
            before = link(before, row, seq=seq, digest=digest)
            values = {"seq": seq, "salt": salt, "digest": digest, "hash": before}
            sealed.append({"sealed_id": row.id, **values})
        if sealed:
            connection.execute(_SEALED, sealed)
        if len(new) < _AT_ONCE:
            db.after_commit(lambda: told(done))
            return


def link(before: str, row: Row[Any], *, seq: int, digest: str | None) -> str:
    """The hash of an entry as it was read, at the place `seq` after the hash `before`."""
    return chain.hash_of(
        before,
        seq=seq,
        id=row.id,
        at=row.at,
        by_id=row.by_id,
        verb=row.verb,
        kind=row.kind,
        record_id=row.record_id,
        request_id=row.request_id,
        digest=digest,
    )


_TABLE: Table = AuditEntry.__table__  # type: ignore[assignment]
#: What is not sealed yet, in its order, and the last that is: one statement. Only this transaction
#: sees entries that are not sealed.
_NEW_AND_LAST = union_all(
    *(
        select(each)
        for each in (
            select(_TABLE).where(_TABLE.c.seq.is_(None)).order_by(_TABLE.c.id)
            .limit(_AT_ONCE).subquery("new"),
            select(_TABLE).where(_TABLE.c.seq.is_not(None)).order_by(_TABLE.c.seq.desc())
            .limit(1).subquery("last"),
        )
    )
)  # fmt: skip
_SEALED = (
    update(_TABLE)
    .where(_TABLE.c.id == bindparam("sealed_id"))
    .values({name: bindparam(name) for name in ("seq", "salt", "digest", "hash")})
)
db.seal = _seal
