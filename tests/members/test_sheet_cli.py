"""`crm import members`, and the way back by `crm import undo`."""

from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.members.models import Member
from tests import make

DATA = Path(__file__).parent / "data"


def run(app: Flask, *words: str) -> tuple[int, str]:
    """The command's exit code and all it said."""
    db.session.remove()
    done = app.test_cli_runner().invoke(args=["import", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def members() -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(Member)) or 0


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    path = tmp_path / "roster.csv"
    path.write_text("Who,Year\nAna Alder,9\nBea Birch,10\n", encoding="utf-8")
    return path


@pytest.fixture(autouse=True)
def school(app: Flask) -> None:
    make.chapter("Alder High School")


def test_it_works(app: Flask, rows: Path, tmp_path: Path) -> None:
    mapping = tmp_path / "columns.json"
    mapping.write_text('{"Who": "name", "Year": "grade"}', encoding="utf-8")
    words = ("members", str(rows), "--chapter", "alder-high-school", "--mapping", str(mapping))
    code, told = run(app, *words, "--dry-run")
    assert (code, members()) == (0, 0)
    assert "members: 2 new, 0 changed, 0 unchanged\n" in told
    changes = tmp_path / "changes.csv"
    code, told = run(app, *words, "--changes", str(changes))
    assert (code, members()) == (0, 2)
    assert "members: 2 new, 0 changed, 0 unchanged (import 1)" in told
    lines = changes.read_text(encoding="utf-8").splitlines()
    assert lines[1].startswith("added,M-")
    # The file names nobody.
    assert "Ana" not in "".join(lines)
    assert "2 unchanged" in run(app, *words)[1]
    assert "Import 1 undone: 2 members removed" in run(app, "undo", "1")[1]
    assert members() == 0


def test_errors_refuse_all_of_it_unless_rows_may_be_left_out(app: Flask) -> None:
    words = ("members", str(DATA / "class-list.csv"), "--chapter", "alder-high-school")
    code, told = run(app, *words)
    assert (code, members()) == (1, 0)
    assert "row 20: Student Email is not an e-mail address" in told
    code, told = run(app, *words, "--only-clean", "--duplicates", "new")
    assert (code, members()) == (0, 12)
    assert "row 17: Beatrice Brook looks like one that is here: Row 16" in told


def test_a_chapter_is_needed_and_must_be_there(app: Flask, rows: Path) -> None:
    assert (
        "There is no chapter nowhere" in run(app, "members", str(rows), "--chapter", "nowhere")[1]
    )
    path = rows.with_name("names.csv")
    path.write_text("Name\nAna\n", encoding="utf-8")
    assert "Choose a chapter" in run(app, "members", str(path))[1]
