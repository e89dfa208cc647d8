"""All data for other systems, and the same back; and from one database into another."""

import csv
import json
import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import create_engine, func, select, text

from crm import create_app
from crm.accounts.models import User
from crm.core import audit, audit_check, db, exporting, moving, restoring, store
from crm.core.archives import Unreadable
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.demo import load_demo
from crm.members.models import Member
from crm.outreach import kept as kept_sums
from crm.reports import frozen
from tests import make
from tests.conftest import settings_for
from tests.core.places import empty_place, kept_files, new_database, sums
from tests.hostile.scene import scene


@pytest.fixture
def postgres_later(request: pytest.FixtureRequest) -> Callable[[], str]:
    return lambda: str(request.getfixturevalue("postgres"))


def lines_of(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.mark.parametrize("name", ["all", "all.zip"])
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_it_works(
    any_app: Flask, tmp_path: Path, name: str, kind: str, postgres_later: Callable[[], str]
) -> None:
    scene()
    store.here().keep("1" * 32 + ".jpg", b"a photo")
    before_export = sums()
    path, told = exporting.export_all(tmp_path / name, reason="We change systems")
    before, files = sums(), kept_files()
    assert before["audit_entry"].rows == before_export["audit_entry"].rows + 1
    with empty_place(kind, tmp_path / "other", postgres_later):
        back = exporting.import_all(path)
        after = sums()
        differing = {name for name in before if after[name] != before[name]}
        # Whose doors are closed: the rest is the same to the bit.
        assert differing <= set(exporting.left_out())
        assert {name: one.rows for name, one in after.items()} == {
            name: one.rows for name, one in before.items()
        }
        assert kept_files() == files
        assert back.contents.missing == told.missing
        assert audit_check.verify().fault is None
        user = db.session.scalars(select(User).limit(1)).one()
        assert user.password_hash is None
        assert len(user.session_key) > 30


def test_another_system_can_read_it(app: Flask, tmp_path: Path) -> None:
    people = make.people()
    make.member("Zoë", "=HYPERLINK()", people.school_a)
    with db.unit_of_work():
        db.session.get_one(User, people.admin.id).password_hash = "argon2 of something"
        audit.record("set_password", "user_account", people.admin.id, by=None)
    folder, _told = exporting.export_all(tmp_path / "all", reason="A look")
    schema = json.loads((folder / "schema.json").read_text(encoding="utf-8"))
    told = schema["tables"]["membership"]
    assert told["columns"]["member_id"]["refers_to"] == "member.id"
    assert schema["tables"]["user_account"]["meaning"].startswith("Somebody who signs in")
    assert any("meaning" in column for table in schema["tables"].values()
               for column in table["columns"].values())  # fmt: skip
    # Every line fits what the schema says, and every table is there.
    # Kept sums are made anew from the rows; nobody needs them twice.
    kept = {name for name in db.metadata.tables if db.is_derived(name)}
    assert set(schema["tables"]) == set(db.metadata.tables) - kept
    for name, table in schema["tables"].items():
        for row in lines_of(folder / "tables" / f"{name}.jsonl"):
            assert set(row) <= set(table["columns"])
            for column, said in table["columns"].items():
                if not said.get("may_be_empty") and not said.get("left_out"):
                    assert column in row, (name, column)
    [row] = lines_of(folder / "tables" / "member.jsonl")
    assert row["family_name"] == "=HYPERLINK()"
    with (folder / "csv" / "member.csv").open(encoding="utf-8-sig", newline="") as file:
        [shown] = csv.DictReader(file)
    assert shown["family_name"] == "'=HYPERLINK()"
    assert shown["given_name"] == "Zoë"
    # No door opens with it.
    everything = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert b"argon2 of something" not in everything
    for user in db.session.scalars(select(User)):
        assert user.session_key.encode() not in everything
    assert "Passwords" in (folder / "README.txt").read_text().replace("passwords", "Passwords")


def test_its_reason_is_recorded(app: Flask, tmp_path: Path) -> None:
    make.people()
    with pytest.raises(Refused, match="--reason"):
        exporting.export_all(tmp_path / "all", reason=" ")
    exporting.export_all(tmp_path / "all.zip", reason="We change systems")
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "export_all")).one()
    assert (entry.reason, entry.changes) == ("We change systems", {"form": "zip"})


def test_it_writes_nowhere_where_something_is(app: Flask, tmp_path: Path) -> None:
    (tmp_path / "all").mkdir()
    with pytest.raises(Refused, match="there already"):
        exporting.export_all(tmp_path / "all", reason="x")


def test_a_folder_somebody_changed_is_refused(app: Flask, tmp_path: Path) -> None:
    make.people()
    folder, _told = exporting.export_all(tmp_path / "all", reason="x")
    path = folder / "tables" / "chapter.jsonl"
    whole = path.read_bytes()
    changes: dict[str, Callable[[], object]] = {
        "something in it was changed": lambda: path.write_bytes(whole.replace(b"High", b"Low")),
        "chapter.jsonl is missing": path.unlink,
    }
    for number, (words, change) in enumerate(changes.items()):
        change()
        with empty_place("sqlite", tmp_path / f"n{number}", str):
            with pytest.raises(Unreadable, match=words):
                exporting.import_all(folder)
            assert sums() == {}
    path.write_bytes(whole)
    (folder / "more.sh").write_text("x")
    with (
        empty_place("sqlite", tmp_path / "more", str),
        pytest.raises(Unreadable, match="none of ours has"),
    ):
        exporting.import_all(folder)


def test_a_zip_that_leads_elsewhere(app: Flask, tmp_path: Path) -> None:
    make.people()
    path, _told = exporting.export_all(tmp_path / "all.zip", reason="x")
    with zipfile.ZipFile(path, "a") as packed:
        packed.writestr("../../evil", "x")
    with (
        empty_place("sqlite", tmp_path / "other", str),
        pytest.raises(Unreadable, match="none of ours has"),
    ):
        exporting.import_all(path)
    assert not (tmp_path.parent / "evil").exists()


# Moved


def address(kind: str, folder: Path, postgres_later: Callable[[], str]) -> str:
    if kind == "sqlite":
        return f"sqlite:///{folder / 'moved.sqlite3'}"
    return new_database(postgres_later(), "moved")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_database_is_moved_row_by_row(
    any_app: Flask, tmp_path: Path, kind: str, postgres_later: Callable[[], str]
) -> None:
    if db.extension.engine.dialect.name == kind == "sqlite":
        with db.unit_of_work():
            load_demo(password="quiet-otter-42", today=date(2026, 5, 1))
    else:
        scene()
    before = sums()
    goal = address(kind, tmp_path, postgres_later)
    tables = moving.move(goal)
    assert {each.name: (each.rows, each.sha256) for each in tables} == {
        name: (one.rows, one.sha256) for name, one in before.items()
    }
    assert sums() == before, "the source was only read"
    with create_app(settings_for(tmp_path / "goal", database_url=goal)).app_context():
        assert sums() == before
        assert audit_check.verify().fault is None
        assert list(frozen.faults()) == []
        # What is not moved is made anew there.
        derived = [each for each in db.metadata.sorted_tables if db.is_derived(each.name)]
        assert {each.name for each in derived} >= {"kept_done", "kept_reach", "kept_chapter"}
        # Of months nothing is kept before a night: all are scanned until then.
        derived.remove(db.metadata.tables["kept_month"])
        for each in derived:
            assert db.session.scalar(select(func.count()).select_from(each)), each.name
        assert kept_sums.wrong() == {}
        assert kept_sums.is_guarded()
        make.chapter("Next door")
        db.session.remove()
        db.extension.engine.dispose()
    with pytest.raises(Refused, match="not empty"):
        moving.move(goal)


def test_it_is_not_moved_onto_itself(any_app: Flask) -> None:
    make.people()
    own = db.extension.engine.url.render_as_string(hide_password=False)
    with pytest.raises(Refused, match="in use"):
        moving.move(own)


def test_what_the_other_database_does_not_take_is_refused_whole(
    app: Flask, tmp_path: Path, postgres_later: Callable[[], str]
) -> None:
    people = make.people()
    make.member("A", "B", people.school_a)
    with db.unit_of_work():
        # As no form would let it in: PostgreSQL knows no text with this in it.
        db.session.scalars(select(Member)).one().note = "a\0b"
        audit.record("edit_member", "member", 1, by=None)
    goal = new_database(postgres_later(), "moved")
    with pytest.raises(Refused, match="member"):
        moving.move(goal)
    engine = create_engine(goal)
    with engine.connect() as connection:
        found = connection.execute(text("SELECT count(*) FROM pg_tables WHERE schemaname='public'"))
        assert found.scalar() == 0
    engine.dispose()


def test_head_revision_is_the_newest(app: Flask) -> None:
    assert restoring.head_revision().isdecimal()
