"""the record of what was done: sealed, and changed by no one"""

import json
import secrets
from hashlib import sha256

import sqlalchemy as sa
from alembic import op

from crm.core import db

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

AT_ONCE = 2000
ENTRY = sa.table(
    "audit_entry",
    sa.column("id", sa.Integer),
    sa.column("at", db.UTCDateTime(timezone=True)),
    sa.column("by_id", sa.Integer),
    sa.column("verb", sa.String),
    sa.column("kind", sa.String),
    sa.column("record_id", sa.Integer),
    sa.column("changes", sa.JSON),
    sa.column("request_id", sa.String),
    sa.column("reason", sa.String),
    sa.column("seq", sa.Integer),
    sa.column("salt", sa.String),
    sa.column("digest", sa.String),
    sa.column("hash", sa.String),
)
#: What an erasure leaves as it is.
KEPT = ("id", "at", "by_id", "verb", "kind", "record_id", "request_id", "seq", "digest", "hash")
INDEXES = {
    "ix_audit_entry_at": ["at"],
    "ix_audit_entry_by_id_at": ["by_id", "at"],
    "ix_audit_entry_verb_at": ["verb", "at"],
    "ix_audit_entry_kind_at": ["kind", "at"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(op.f(name), "audit_entry", columns)
    seal_what_is_there()
    if op.get_bind().dialect.name == "postgresql":
        guard_postgresql()
    else:
        guard_sqlite()


def downgrade() -> None:
    # What is sealed stays so: an upgrade goes on after it.
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_entry_kept ON audit_entry")
        op.execute("DROP FUNCTION audit_entry_kept()")
    else:
        for name in ("delete", "update", "replace"):
            op.execute(f"DROP TRIGGER audit_entry_no_{name}")
    for name in reversed(INDEXES):
        op.drop_index(op.f(name), "audit_entry")


def seal_what_is_there() -> None:
    """Seal the entries in the order of their ids, as `crm.core.chain` does."""
    connection = op.get_bind()
    sealed = sa.update(ENTRY).where(ENTRY.c.id == sa.bindparam("sealed_id"))
    sealed = sealed.values({name: sa.bindparam(name) for name in ("seq", "salt", "digest", "hash")})
    last = connection.execute(
        sa.select(ENTRY.c.seq, ENTRY.c.hash)
        .where(ENTRY.c.seq.is_not(None))
        .order_by(ENTRY.c.seq.desc())
        .limit(1)
    ).first()
    seq, before = last or (0, "0" * 64)
    new = sa.select(ENTRY).where(ENTRY.c.seq.is_(None)).order_by(ENTRY.c.id).limit(AT_ONCE)
    while rows := connection.execute(new).all():
        values = []
        for row in rows:
            seq, salt = seq + 1, secrets.token_hex(16)
            digest = hashed(salt, [row.changes, row.reason])
            moment = row.at.isoformat(timespec="microseconds")
            before = hashed(
                before,
                [seq, row.id, moment, row.by_id, row.verb, row.kind, row.record_id,
                 row.request_id, digest],
            )  # fmt: skip
            values.append(
                {"sealed_id": row.id, "seq": seq, "salt": salt, "digest": digest, "hash": before}
            )
        connection.execute(sealed, values)


def hashed(before: str, value: object) -> str:
    written = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return sha256(f"{before}{written}".encode()).hexdigest()


def guard_sqlite() -> None:
    """Refuse to delete an entry, and to change a sealed one but by erasing what it said."""
    same = " AND ".join(f"NEW.{name} IS OLD.{name}" for name in KEPT)
    refused = "BEGIN SELECT RAISE(ABORT, 'the record is changed by no one'); END"
    op.execute(f"CREATE TRIGGER audit_entry_no_delete BEFORE DELETE ON audit_entry {refused}")
    op.execute(
        "CREATE TRIGGER audit_entry_no_update BEFORE UPDATE ON audit_entry "
        "WHEN OLD.seq IS NOT NULL AND NOT (NEW.changes IS '{}' AND NEW.reason IS NULL "
        f"AND NEW.salt IS NULL AND {same}) {refused}"
    )
    # INSERT OR REPLACE deletes without asking a trigger.
    there = "SELECT 1 FROM audit_entry WHERE id = NEW.id OR seq = NEW.seq"
    op.execute(
        "CREATE TRIGGER audit_entry_no_replace BEFORE INSERT ON audit_entry "
        f"WHEN EXISTS ({there}) {refused}"
    )


def guard_postgresql() -> None:
    """The same for every row on PostgreSQL."""
    same = " AND ".join(f"NEW.{name} IS NOT DISTINCT FROM OLD.{name}" for name in KEPT)
    op.execute(
        f"""
        CREATE FUNCTION audit_entry_kept() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            IF TG_OP = 'UPDATE' THEN
                IF OLD.seq IS NULL OR (NEW.changes::text = '{{}}' AND NEW.reason IS NULL
                        AND NEW.salt IS NULL AND {same}) THEN
                    RETURN NEW;
                END IF;
            END IF;
            RAISE EXCEPTION 'the record is changed by no one';
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_entry_kept BEFORE UPDATE OR DELETE ON audit_entry "
        "FOR EACH ROW EXECUTE FUNCTION audit_entry_kept()"
    )
