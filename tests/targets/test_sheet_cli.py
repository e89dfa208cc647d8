"""`crm import targets` and `crm import undo`."""

import csv
import json
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.targets.models import Target, TargetList

DATA = Path(__file__).parent / "data" / "sheets"
ROWS = "ID,Name,Country,Phone\n1,Ada Alder,LT,555 0101\n2,Bea Birch,NU,\n"


def run(app: Flask, *words: str) -> tuple[int, str]:
    """The command's exit code and all it said."""
    db.session.remove()
    done = app.test_cli_runner().invoke(args=["import", *words])
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    return done.exit_code, done.output


def targets() -> int:
    db.session.remove()
    return db.session.scalar(select(func.count()).select_from(Target)) or 0


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """A file of two officials."""
    path = tmp_path / "people.csv"
    path.write_text(ROWS, encoding="utf-8")
    return path


def read(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def test_it_works(app: Flask, rows: Path, tmp_path: Path) -> None:
    changes = tmp_path / "changes.csv"
    code, told = run(app, "targets", str(rows), "--changes", str(changes))
    assert code == 0
    assert "sheet: 2 new, 0 changed, 0 unchanged (import 1)" in told
    assert read(changes) == [
        ["kind", "key", "name", "from", "to"],
        ["added", "1", "Ada Alder", "", "official"],
        ["added", "2", "Bea Birch", "", "official"],
    ]
    rows.write_text(ROWS.replace("555 0101", "555 0199"), encoding="utf-8")
    assert "0 new, 1 changed, 1 unchanged" in run(
        app, "targets", str(rows), "--changes", str(changes)
    )[1]  # fmt: skip
    assert read(changes)[1:] == [["changed", "1", "Ada Alder", "555 0101", "555 0199"]]
    assert "1 changes taken back" in run(app, "undo", "2")[1]
    assert "2 targets removed" in run(app, "undo", "1")[1]
    assert targets() == 0
    assert run(app, "undo", "1") == (1, "Error: This import was undone already.\n")


def test_a_dry_run_writes_nothing_but_the_changes(app: Flask, rows: Path, tmp_path: Path) -> None:
    changes = tmp_path / "changes.csv"
    code, told = run(app, "targets", str(rows), "--dry-run", "--changes", str(changes))
    assert code == 0
    assert "2 new" in told
    assert "Dry run: nothing was changed." in told
    assert len(read(changes)) == 3
    assert targets() == 0
    assert db.session.scalar(select(func.count()).select_from(ImportRun)) == 0


def test_errors_refuse_the_whole_file(app: Flask, rows: Path) -> None:
    rows.write_text(ROWS + "".join(f"{n},Cai,Narnia,\n" for n in range(3, 33)), encoding="utf-8")
    code, told = run(app, "targets", str(rows))
    assert code == 1
    assert "people.csv, row 4: Country is no country known here: “Narnia”" in told
    assert "people.csv, row 23:" in told
    assert "people.csv, row 24:" not in told
    assert "30 rows with errors in all" in told
    assert targets() == 0
    assert run(app, "targets", str(rows), "--only-clean")[0] == 0
    assert targets() == 2


def test_a_mapping_and_values_for_all_rows(app: Flask, tmp_path: Path) -> None:
    table, mapping = tmp_path / "t.csv", tmp_path / "m.json"
    table.write_text("A,B,C\nAda,Alder,Alderbrook\n", encoding="utf-8")
    mapping.write_text(json.dumps({"A": "given_name", "B": "family_name", "C": "district"}))
    code, told = run(
        app, "targets", str(table), "--mapping", str(mapping), "--kind", "legislator",
        "--set", "body=House of Commons", "--set", "country=UK", "--list", "MPs",
    )  # fmt: skip
    assert code == 0, told
    target = db.session.scalars(select(Target)).one()
    assert (target.name, target.kind, target.country) == ("Ada Alder", "legislator", "GB")
    assert db.session.scalars(select(TargetList.name)).one() == "MPs"


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        ("[]", "m.json is no JSON object from columns to fields"),
        ("{", "m.json is no JSON object from columns to fields"),
        ('{"Nome": "name"}', "There is no column “Nome”; there are ID, Name, Country, Phone."),
        ('{"Name": "title_of"}', "There is no field “title_of”"),
        ('{"ID": "key"}', "Say which column holds the name."),
    ],
)
def test_a_mapping_that_does_not_fit(
    app: Flask, rows: Path, tmp_path: Path, mapping: str, sentence: str
) -> None:
    (tmp_path / "m.json").write_text(mapping)
    code, told = run(app, "targets", str(rows), "--mapping", str(tmp_path / "m.json"))
    assert code == 1
    assert sentence in told


def test_likely_duplicates_are_left_out_unless_said(app: Flask, rows: Path) -> None:
    run(app, "targets", str(rows))
    code, told = run(app, "targets", str(rows), "--scheme", "theirs")
    assert "people.csv, row 2: Ada Alder looks like one that is here: the same name." in told
    assert "0 new, 0 changed, 0 unchanged, 2 skipped" in told
    assert "2 changed" in run(
        app, "targets", str(rows), "--scheme", "theirs", "--duplicates", "update"
    )[1]  # fmt: skip
    assert (code, targets()) == (0, 2)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "body"], "Write --set as FIELD=TEXT"),
        (["--set", "email=x"], "“email” cannot be given for all rows"),
        (["--scheme", "No!"], "Use a short word of plain letters"),
        (["--encoding", "rot13"], "There is no encoding rot13."),
    ],
)
def test_what_cannot_be_said(app: Flask, rows: Path, words: list[str], sentence: str) -> None:
    code, told = run(app, "targets", str(rows), *words)
    assert code == 1
    assert sentence in told


@pytest.mark.parametrize("number", ["7", "2147483647"])
def test_there_is_nothing_to_undo(app: Flask, number: str) -> None:
    assert run(app, "undo", number) == (1, f"Error: There is no import {number}.\n")
