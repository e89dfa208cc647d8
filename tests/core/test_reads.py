"""What is read of a minor, and what leaves as a file, is recorded before it leaves or not shown."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, Response, abort
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import audit, db, reads
from crm.core.access import Can, requires
from crm.core.audit import AuditEntry
from crm.members.models import Chapter
from tests import make

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def pages(app: Flask) -> Flask:
    """Pages that note what they show."""

    def page(count: int) -> str:
        reads.note("member", range(1, count + 1), "contact")
        return "shown"

    def twice() -> str:
        reads.note("member", [1], "contact")
        reads.note("member", [2, 1], "consent")
        return "shown"

    def nothing() -> str:
        reads.note("member", [1], "contact")
        abort(404)

    def back() -> tuple[str, int]:
        reads.note("member", [1], "contact")
        return "a form", 422

    def save() -> str:
        reads.note("member", [1], "contact")
        db.session.add(Chapter(name="New", slug="new", kind="school", path="/9/"))
        audit.record("add_chapter", "chapter", 9, by=None)
        return "kept"

    def file() -> Response:
        reads.export("activity", format="csv", filters={"campaign": "cards"})

        def pieces() -> Any:
            # Recorded before the first piece leaves.
            with db.apart(app):
                verbs = db.session.scalars(select(AuditEntry.verb)).all()
            yield ",".join(verbs)

        return Response(pieces())

    app.add_url_rule("/t/<int:count>", "t.page", requires(Can.SEE)(page))
    app.add_url_rule("/t/twice", "t.twice", requires(Can.SEE)(twice))
    app.add_url_rule("/t/nothing", "t.nothing", requires(Can.SEE)(nothing))
    app.add_url_rule("/t/back", "t.back", requires(Can.SEE)(back), methods=["GET", "POST"])
    app.add_url_rule("/t/save", "t.save", requires(Can.SEE)(save), methods=["POST"])
    app.add_url_rule("/t/file", "t.file", requires(Can.SEE)(file))
    return app


def told() -> list[tuple[Any, ...]]:
    return [
        (each.verb, each.kind, each.record_id, each.by_id, each.changes, each.seq is not None)
        for each in db.session.scalars(
            select(AuditEntry).where(AuditEntry.kind != "test").order_by(AuditEntry.id)
        )
    ]


def test_it_works(pages: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    number = people.leader.id
    assert sign_in(people.leader).get("/t/2").text == "shown"
    read = ("read", "member")
    assert told() == [
        (*read, 1, number, {"what": ["contact"]}, True),
        (*read, 2, number, {"what": ["contact"]}, True),
    ]


def test_one_entry_a_record(pages: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    sign_in(people.leader).get("/t/twice")
    assert [each[2:5:2] for each in told()] == [
        (1, {"what": ["consent", "contact"]}),
        (2, {"what": ["consent"]}),
    ]


def test_what_is_not_shown_is_not_recorded(
    pages: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    assert sign_in(people.leader).get("/t/nothing").status_code == 404
    assert told() == []


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_form_that_comes_back_is_shown(
    pages: Flask, people: SimpleNamespace, sign_in: SignIn, method: str
) -> None:
    assert sign_in(people.leader).open("/t/back", method=method).status_code == 422
    assert [each[0] for each in told()] == ["read"]


def test_with_what_was_written(pages: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    assert sign_in(people.leader).post("/t/save").text == "kept"
    assert [each[0] for each in told()] == ["add_chapter", "read"]
    assert db.session.query(Chapter).filter_by(slug="new").count() == 1


def test_a_file_is_recorded_before_it_leaves(
    pages: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    assert sign_in(people.leader).get("/t/file").text.count("export") == 1
    values = {"report": "activity", "format": "csv", "filters": {"campaign": "cards"}}
    assert [each[:5] for each in told()] == [("export", "report", None, people.leader.id, values)]


@pytest.mark.parametrize("path", ["/t/2", "/t/file", "/t/back"])
def test_what_cannot_be_recorded_is_not_shown(
    pages: Flask,
    people: SimpleNamespace,
    sign_in: SignIn,
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails() -> None:
        raise OSError("the disk is full")

    pages.config["PROPAGATE_EXCEPTIONS"] = False
    client = sign_in(people.leader)
    monkeypatch.setattr(db, "seal", fails)
    answer = client.get(path)
    assert answer.status_code == 500
    assert "the number" in answer.text
    assert "shown" not in answer.text
    monkeypatch.undo()
    assert told() == []


def test_what_cannot_be_recorded_is_not_kept_either(
    pages: Flask, people: SimpleNamespace, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.config["PROPAGATE_EXCEPTIONS"] = False
    monkeypatch.setattr(reads, "_write", lambda *_: 1 / 0)
    assert sign_in(people.leader).post("/t/save").status_code == 500
    assert db.session.query(Chapter).filter_by(slug="new").count() == 0


def test_a_page_of_many_costs_what_a_page_of_one_does(
    pages: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.leader)
    seen: list[str] = []
    engine = db.extension.engine
    event.listen(engine, "before_cursor_execute", lambda *each: seen.append(each[2]))
    client.get("/t/1")
    one, seen[:] = len(seen), []
    client.get("/t/100")
    assert len(seen) == one
    assert len(told()) == 101


def test_a_command_records_its_file_at_once(any_app: Flask) -> None:
    reads.export("activity", format="csv")
    entry = db.session.scalars(select(AuditEntry)).one()
    assert (entry.verb, entry.by_id, entry.request_id) == ("export", None, None)
    reads.note("member", [1], "contact")


def test_who_looked_at_one_member_is_found_through_an_index(any_app: Flask) -> None:
    make.people()
    statement = select(AuditEntry.id).where(
        AuditEntry.kind == "member", AuditEntry.record_id == 1, AuditEntry.verb == reads.READ
    )
    if db.session.get_bind().dialect.name == "sqlite":
        compiled = statement.compile(db.extension.engine, compile_kwargs={"literal_binds": True})
        plan = db.session.connection().exec_driver_sql(f"EXPLAIN QUERY PLAN {compiled}").all()
        assert "USING INDEX ix_audit_entry_kind_record_id" in str(plan)
