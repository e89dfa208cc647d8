"""The record is sealed at the commit, changed by no one, and what it said can be forgotten."""

import threading

import pytest
from flask import Flask
from sqlalchemy import insert, select, text
from sqlalchemy.exc import DBAPIError

from crm.core import audit, chain, db
from crm.core.audit import AuditEntry


def write(*verbs: str, record_id: int = 1) -> None:
    with db.unit_of_work():
        for verb in verbs:
            audit.record(
                verb, "thing", record_id, by=None, changes={"name": ["Ana", "Zoë"]}, reason="Why"
            )


def entries() -> list[AuditEntry]:
    db.rollback()
    return list(db.session.scalars(select(AuditEntry).order_by(AuditEntry.seq)))


def test_it_works(any_app: Flask) -> None:
    write("add", "edit")
    write("close")
    found = entries()
    assert [(each.seq, each.verb) for each in found] == [(1, "add"), (2, "edit"), (3, "close")]
    before = chain.BEGINNING
    for each in found:
        assert each.salt
        assert each.digest == chain.digest_of(each.salt, each.changes, each.reason)
        before = audit.link(before, each, seq=each.seq, digest=each.digest)
        assert each.hash == before
    assert len({each.salt for each in found}) == 3


def test_what_is_written_in_bulk_is_sealed_too(any_app: Flask) -> None:
    with db.unit_of_work():
        values = {"verb": "add", "kind": "thing", "changes": {}}
        db.session.execute(insert(AuditEntry), [values] * (audit._AT_ONCE + 5))
    assert [each.seq for each in entries()] == list(range(1, audit._AT_ONCE + 6))


def test_what_is_rolled_back_takes_no_number(any_app: Flask) -> None:
    write("add")
    with pytest.raises(LookupError), db.unit_of_work():  # noqa: PT012
        audit.record("edit", "thing", 1, by=None)
        raise LookupError
    with db.unit_of_work():
        with pytest.raises(LookupError), db.session.begin_nested():  # noqa: PT012
            audit.record("edit", "thing", 1, by=None)
            raise LookupError
        audit.record("close", "thing", 1, by=None)
    assert [(each.seq, each.verb) for each in entries()] == [(1, "add"), (2, "close")]


def test_many_writers_make_one_chain(any_app: Flask) -> None:
    def work() -> None:
        with any_app.app_context():
            for _ in range(10):
                write("add", "edit")
            db.session.remove()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    found = entries()
    assert [each.seq for each in found] == list(range(1, 161))
    before = chain.BEGINNING
    for each in found:
        before = audit.link(before, each, seq=each.seq, digest=each.digest)
        assert each.hash == before


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_entry",
        "UPDATE audit_entry SET verb = 'look'",
        "UPDATE audit_entry SET by_id = 7",
        "UPDATE audit_entry SET seq = NULL",
        "UPDATE audit_entry SET hash = 'new'",
        "UPDATE audit_entry SET changes = '{\"name\": 1}'",
        "UPDATE audit_entry SET changes = '{}'",
        "UPDATE audit_entry SET reason = NULL, salt = NULL",
        "UPDATE audit_entry SET changes = '{}', reason = NULL, salt = NULL, record_id = 2",
    ],
)
def test_the_database_refuses_to_change_it(any_app: Flask, statement: str) -> None:
    write("add")
    with pytest.raises(DBAPIError, match="changed by no one"), db.unit_of_work():
        db.session.connection().execute(text(statement))
    assert [each.verb for each in entries()] == ["add"]


def test_replacing_is_deleting(app: Flask) -> None:
    write("add")
    for column, value in (("id", 1), ("seq", 1)):
        statement = (
            f"INSERT OR REPLACE INTO audit_entry ({column}, at, verb, kind, changes)"
            f" VALUES ({value}, '2026-01-01', 'look', 'thing', '{{}}')"
        )
        with pytest.raises(DBAPIError, match="changed by no one"), db.unit_of_work():
            db.session.connection().execute(text(statement))
    assert [each.verb for each in entries()] == ["add"]


def test_what_it_said_of_somebody_can_be_forgotten(any_app: Flask) -> None:
    write("add", "edit", record_id=1)
    write("add", record_id=2)
    hashes = [each.hash for each in entries()]
    with db.unit_of_work():
        audit.record("edit", "thing", 1, by=None, changes={"name": ["Zoë", "Eva"]})
        audit.erase("thing", [1], by=None, verb="forget_thing")
    found = entries()
    assert [each.hash for each in found][:3] == hashes
    told = [(each.verb, each.record_id, each.changes, each.reason) for each in found]
    assert told == [
        ("add", 1, {}, None),
        ("edit", 1, {}, None),
        ("add", 2, {"name": ["Ana", "Zoë"]}, "Why"),
        ("edit", 1, {}, None),
        ("forget_thing", 1, {}, None),
    ]
    assert [each.salt is None for each in found] == [True, True, False, False, False]


def test_only_a_verb_that_forgets_erases(any_app: Flask) -> None:
    with pytest.raises(ValueError, match="forget"), db.unit_of_work():
        audit.erase("thing", [1], by=None, verb="edit")
