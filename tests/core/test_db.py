"""The one commit, and what it refuses."""

from pathlib import Path

import pytest
from flask import Flask

from crm import create_app
from crm.core import audit, db
from crm.core.cli import migrate_database
from crm.members.models import Chapter
from tests import make
from tests.conftest import settings_for


def chapter() -> Chapter:
    return Chapter(name="A", slug="a", kind="school", path="/")


def test_it_works(any_app: Flask) -> None:
    with db.unit_of_work():
        db.session.add(chapter())
        audit.record("add", "chapter", None, by=None)
    assert db.session.query(Chapter).count() == 1


def test_a_write_without_audit_is_refused_and_undone(any_app: Flask) -> None:
    with (
        pytest.raises(RuntimeError, match="chapter changed without an audit entry"),
        db.unit_of_work(),
    ):
        db.session.add(chapter())
    assert db.session.query(Chapter).count() == 0


def test_reading_may_not_write(any_app: Flask) -> None:
    db.session.add(chapter())
    with pytest.raises(RuntimeError, match="only reads"):
        db.session.flush()


def test_a_failed_unit_of_work_keeps_nothing(any_app: Flask) -> None:
    waiting: list[int] = []
    with pytest.raises(LookupError), db.unit_of_work():  # noqa: PT012
        db.session.add(chapter())
        audit.record("add", "chapter", None, by=None)
        db.after_commit(lambda: waiting.append(1))
        raise LookupError
    assert db.session.query(Chapter).count() == 0
    assert waiting == []


def test_what_waits_for_the_commit_runs_after_it(any_app: Flask) -> None:
    seen: list[int] = []
    with db.unit_of_work():
        make_it = chapter()
        db.session.add(make_it)
        audit.record("add", "chapter", None, by=None)
        db.after_commit(lambda: seen.append(db.session.query(Chapter).count()))
    assert seen == [1]


def test_people(any_app: Flask) -> None:
    assert make.people().school_a.path.startswith("/1/")


def test_the_lock_is_let_go_only_before_anything_is_written(any_app: Flask) -> None:
    with db.unit_of_work():
        db.session.query(Chapter).count()
        db.release()
        assert not db.session().in_transaction()
        db.session.add(chapter())
        audit.record("add", "chapter", None, by=None)
        for flush in (lambda: None, db.session.flush):
            flush()
            with pytest.raises(RuntimeError, match="cannot be let go"):
                db.release()
    assert db.session.query(Chapter).count() == 1


def test_a_new_database_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "made-by-hand"
    folder.mkdir(mode=0o755)
    with create_app(settings_for(folder)).app_context():
        migrate_database()
        db.session.remove()
        modes = {path.name: path.stat().st_mode & 0o077 for path in folder.iterdir()}
        db.extension.engine.dispose()
    assert "crm.sqlite3" in modes
    assert set(modes.values()) == {0}
