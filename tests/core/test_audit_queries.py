"""The record is asked through its indexes, however long it is."""

from datetime import date

import pytest
from flask import Flask
from sqlalchemy import text

from crm.core import audit, audit_queries, db
from crm.core.audit_queries import RecordFilter


def write() -> None:
    with db.unit_of_work():
        for number in range(6):
            verb, kind = ("edit", "thing") if number % 2 else ("add", "place")
            audit.record(verb, kind, number, by=None)


def asked(wanted: RecordFilter) -> list[tuple[str, int | None]]:
    found = db.session.scalars(audit_queries.entries(wanted, "UTC"))
    return [(each.verb, each.record_id) for each in found]


def test_it_works(any_app: Flask) -> None:
    write()
    assert asked(RecordFilter(kind="thing")) == [("edit", 5), ("edit", 3), ("edit", 1)]
    assert asked(RecordFilter(kind="thing", record_id=3)) == [("edit", 3)]
    assert asked(RecordFilter(kind="thing", record_id=3, by_id=0, verb="edit")) == [("edit", 3)]
    assert asked(RecordFilter(kind="place", verb="edit")) == []
    assert asked(RecordFilter(by_id=4)) == []
    assert asked(RecordFilter(since=date(2000, 1, 1), until=date(2000, 1, 2))) == []
    assert audit_queries.verbs() == ["add", "edit"]
    assert audit_queries.kinds() == ["place", "thing"]
    assert audit_queries.people() == []


def test_all_of_it_a_few_at_a_time(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_queries, "_AT_ONCE", 2)
    write()
    db.rollback()
    pieces = list(audit_queries.pieces(any_app, RecordFilter(), "UTC"))
    assert [each.record_id for some in pieces for each in some] == [5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (RecordFilter(), "ix_audit_entry_at"),
        (RecordFilter(since=date(2026, 1, 1)), "ix_audit_entry_at"),
        (RecordFilter(by_id=3), "ix_audit_entry_by_id_at"),
        (RecordFilter(by_id=3, verb="read", kind="member"), "ix_audit_entry_by_id_at"),
        (RecordFilter(verb="read"), "ix_audit_entry_verb_at"),
        (RecordFilter(verb="read", kind="member"), "ix_audit_entry_verb_at"),
        (RecordFilter(kind="member"), "ix_audit_entry_kind_at"),
        (RecordFilter(kind="member", record_id=1), "ix_audit_entry_kind_record_id_at"),
        (
            # Who looked at this member.
            RecordFilter(kind="member", record_id=1, verb="read", by_id=3),
            "ix_audit_entry_kind_record_id_at",
        ),
    ],
)
def test_each_filter_goes_by_an_index_that_is_in_order(
    app: Flask, wanted: RecordFilter, index: str
) -> None:
    statement = audit_queries.entries(wanted, "UTC").compile(
        db.extension.engine, compile_kwargs={"literal_binds": True}
    )
    plan = str(db.session.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all())
    assert f"USING INDEX {index}" in plan
    assert "TEMP B-TREE FOR ORDER BY" not in plan.replace("LAST TERM OF ORDER BY", "")
