"""`crm audit verify` finds whatever is done to the record by somebody who has the database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert, select, text, update

from crm.core import audit, audit_check, chain, db
from crm.core.audit import AuditEntry
from crm.core.audit_check import Head
from crm.core.audit_cli import audit_commands

TABLE = AuditEntry.__table__
TABLE_COLUMNS = [column.name for column in TABLE.columns]


def write(*verbs: str, record_id: int = 1) -> None:
    for verb in verbs:
        with db.unit_of_work():
            audit.record(
                verb, "thing", record_id, by=None, changes={"name": ["Ana", "Zoë"]}, reason="Why"
            )


@pytest.fixture
def unguarded(any_app: Flask) -> Iterator[Flask]:
    """A record of five entries, without what refuses to change it."""
    write("add", "edit", "close", "open", "edit")
    with guards_off():
        yield any_app


@contextmanager
def guards_off() -> Iterator[None]:
    """Take the triggers away, as somebody with the file can; PostgreSQL's is shared by tests."""
    dialect = db.session.get_bind().dialect.name
    if dialect == "sqlite":
        names = db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'"))
        tampered(*(f"DROP TRIGGER {name}" for name in names.all()))
        yield
        return
    tampered("ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_kept")
    try:
        yield
    finally:
        tampered("ALTER TABLE audit_entry ENABLE TRIGGER audit_entry_kept")


def tampered(*statements: Any) -> None:
    with db.unit_of_work():
        for each in statements:
            statement = text(each) if isinstance(each, str) else each
            db.session.connection().execute(statement)


def put(place: int, /, **values: Any) -> Any:
    return update(TABLE).where(TABLE.c.seq == place).values(values)


def fault(expected: Head | None = None) -> str:
    db.rollback()
    found = audit_check.verify(expected).fault or ""
    db.rollback()
    return found


def test_it_works(any_app: Flask) -> None:
    assert audit_check.verify() == audit_check.Verdict(0, audit_check.NOTHING)
    write("add", "edit")
    verdict = audit_check.verify()
    assert (verdict.checked, verdict.fault, verdict.head) == (2, None, audit_check.head())
    assert audit_check.is_guarded()
    assert audit_check.verify(verdict.head).fault is None
    write("close")
    assert audit_check.verify(verdict.head).fault is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"at": datetime(2026, 1, 1, tzinfo=UTC)}, "who, what, when or its place"),
        ({"by_id": 7}, "who, what, when or its place"),
        ({"verb": "look"}, "who, what, when or its place"),
        ({"kind": "other"}, "who, what, when or its place"),
        ({"record_id": None}, "who, what, when or its place"),
        ({"request_id": "ab"}, "who, what, when or its place"),
        ({"digest": "0" * 64}, "who, what, when or its place"),
        ({"digest": None}, "who, what, when or its place"),
        ({"hash": "0" * 64}, "who, what, when or its place"),
        ({"hash": None}, "who, what, when or its place"),
        ({"id": 900}, "who, what, when or its place"),
        ({"changes": {"name": ["Ana", "Eva"]}}, "what it says changed, or why"),
        ({"changes": {}}, "what it says changed, or why"),
        ({"reason": "Because"}, "what it says changed, or why"),
        ({"salt": "00"}, "what it says changed, or why"),
        ({"salt": None}, "what it says changed, or why"),
        ({"changes": {}, "reason": None, "salt": None}, "no later entry says"),
        ({"seq": 17}, "entry 3 is missing"),
        ({"seq": 0}, "stands where entry 1 belongs"),
        ({"seq": None}, "entry 3 is missing"),
    ],
)
def test_each_column(unguarded: Flask, values: dict[str, Any], words: str) -> None:
    tampered(put(3, **values))
    found = fault()
    assert words in found
    if "seq" not in values:
        verdict = audit_check.verify()
        assert "entry 3 (" in found
        assert verdict.checked == 2
        assert "The one before it is entry 2 (edit of thing 1 by a command, 20" in found


def test_taken_out(unguarded: Flask) -> None:
    tampered(delete(TABLE).where(TABLE.c.seq.in_((2, 3))))
    assert "entries 2 to 3 are missing. What follows is entry 4" in fault()


def test_taken_out_and_closed_up(unguarded: Flask) -> None:
    tampered(delete(TABLE).where(TABLE.c.seq == 3), put(4, seq=3), put(5, seq=4))
    assert "entry 3 (open" in fault()


def test_taken_out_at_the_beginning(unguarded: Flask) -> None:
    tampered(delete(TABLE).where(TABLE.c.seq == 1))
    assert "entry 1 is missing" in fault()


def test_moved(unguarded: Flask) -> None:
    tampered(put(2, seq=99), put(4, seq=2), put(99, seq=4))
    assert "entry 2 (open" in fault()
    assert "was moved: it was sealed as entry 4" in fault()


def test_neighbours_changed_places(unguarded: Flask) -> None:
    tampered(put(2, seq=99), put(3, seq=2), put(99, seq=3))
    assert "was moved: it was sealed as entry 3" in fault()


def test_put_in(unguarded: Flask) -> None:
    for place in (5, 4, 3):
        tampered(put(place, seq=place + 1))
    db.rollback()
    before = db.session.scalar(select(AuditEntry.hash).where(AuditEntry.seq == 2)) or ""
    values: dict[str, Any] = {
        "id": 70, "at": datetime(2026, 1, 1, tzinfo=UTC), "by_id": None, "verb": "look",
        "kind": "thing", "record_id": 1, "request_id": None,
        "digest": chain.digest_of("00", {}, None),
    }  # fmt: skip
    hash = chain.hash_of(before, seq=3, **values)
    tampered(insert(TABLE).values(**values, seq=3, salt="00", changes={}, hash=hash))
    # What was put in fits to what is before it, and what comes after it does not.
    assert "entry 4 (close" in fault()


def test_put_in_past_the_program(unguarded: Flask) -> None:
    tampered(insert(TABLE).values(at=db.now(), verb="look", kind="thing", changes={}))
    assert "1 entries were put in past the program" in fault()


def test_the_end_cut_off(unguarded: Flask) -> None:
    head = audit_check.head()
    tampered(delete(TABLE).where(TABLE.c.seq > 3))
    assert fault() == ""
    assert "the end was cut off" in fault(head)
    write("add", "add", "add")
    assert fault() == ""
    assert "is not the one that was noted" in fault(head)


def test_what_is_neither_a_moment_nor_json(app: Flask) -> None:
    write("add", "edit")
    with guards_off():
        tampered("UPDATE audit_entry SET at = 'never' WHERE seq = 2")
        assert "entry 2 (" in fault()
        tampered("UPDATE audit_entry SET changes = x'00', at = x'00' WHERE seq = 1")
        assert "entry 1 (" in fault()


def test_forgotten_is_whole(any_app: Flask) -> None:
    write("add", "edit")
    write("add", record_id=2)
    with db.unit_of_work():
        audit.erase("thing", [1], by=None, verb="forget_thing")
    with db.unit_of_work():
        audit.erase("thing", [1], by=None, verb="forget_thing")
    assert audit_check.verify().fault is None


def test_forgotten_before_and_not_after(any_app: Flask) -> None:
    with db.unit_of_work():
        audit.erase("thing", [1], by=None, verb="forget_thing")
    write("add")
    with db.unit_of_work():
        db.session.connection().execute(put(2, changes={}, reason=None, salt=None))
    assert "entry 2 (add" in fault()


VALUES = {
    "at": st.integers(0, 2**32).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)),
    "changes": st.dictionaries(
        st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=3),
        st.none() | st.integers(-5, 5) | st.text(st.characters(codec="ascii"), max_size=3),
        max_size=2,
    ),
    **{name: st.none() | st.integers(1, 2**31 - 1) for name in ("by_id", "record_id", "seq")},
    "id": st.integers(1, 2**31 - 1),
}
WORDS = st.text(
    st.characters(codec="utf-8", exclude_characters="\x00", exclude_categories=("Cs",)), max_size=4
)


@given(data=st.data(), place=st.integers(1, 5), column=st.sampled_from(sorted(TABLE_COLUMNS)))
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_single_change_of_any_field_is_found(
    unguarded: Flask, data: st.DataObject, place: int, column: str
) -> None:
    optional = TABLE.c[column].nullable
    values = VALUES.get(column, st.none() | WORDS if optional else WORDS)
    old = db.session.execute(select(TABLE).where(TABLE.c.seq == place)).one()._asdict()
    taken = (1, 2, 3, 4, 5) if column in ("id", "seq") else (old[column],)
    new = data.draw(values.filter(lambda value: value not in taken))
    db.rollback()
    assert fault() == ""
    tampered(put(place, **{column: new}))
    try:
        assert fault()
    finally:
        tampered(
            update(TABLE).where(TABLE.c.id == (new if column == "id" else old["id"])).values(old)
        )


def run(app: Flask, *arguments: str) -> tuple[int, str]:
    result = app.test_cli_runner().invoke(audit_commands, ["verify", *arguments])
    return result.exit_code, result.output


def test_the_command(any_app: Flask) -> None:
    write("add", "edit")
    head = audit_check.head()
    db.rollback()
    code, said = run(any_app)
    assert (code, f"Head: {head}" in said, "whole: 2 entries" in said) == (0, True, True)
    assert run(any_app, "--expect", str(head))[0] == 0
    code, said = run(any_app, "--expect", f"9:{head.hash}")
    assert code == 1
    assert "Entries 1 to 2 hold. Then: the end was cut off" in said
    assert run(any_app, "--expect", "9")[0] == 2


def test_the_command_finds_a_change(unguarded: Flask) -> None:
    tampered(put(3, by_id=4))
    code, said = run(unguarded)
    assert code == 1
    assert "Entries 1 to 2 hold. Then: entry 3 (close of thing 1 by user 4, " in said
    tampered(put(3, by_id=None))
    code, said = run(unguarded)
    assert code == 0
    assert "its triggers are missing" in said


def test_it_holds_few_rows_at_once(any_app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_check, "_AT_ONCE", 2)
    write("add", "edit", "close", "open", "edit")
    heard: list[int] = []
    assert audit_check.verify(moved=heard.append).checked == 5
    assert heard == [2, 4]
