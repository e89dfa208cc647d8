"""`crm report`: files for scripts, and one clear line for what is wrong."""

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click
import openpyxl
import pytest
from click.testing import Result
from flask import Flask

from crm.core import db
from crm.core.cli import write_whole
from crm.core.i18n import today
from crm.core.tables import Row
from crm.members.models import Member
from crm.reports.catalogue import Question, reports
from tests import make
from tests.reports.conftest import ids, logged

Run = Callable[..., Result]


@pytest.fixture
def work(app: Flask, people: SimpleNamespace) -> SimpleNamespace:
    members = ids(make.member("Nora", "Núñez", people.school_a))
    targets = ids(make.legislator("Ann", "Alpha"))
    campaign = make.campaign().id
    logged("postcard", campaign, pieces=30, targets={targets[0]: 30}, members={members[0]: 10})
    return SimpleNamespace(member=members[0])


@pytest.fixture
def run(app: Flask) -> Run:
    return lambda *arguments: app.test_cli_runner().invoke(args=["report", *arguments])


def test_it_works(work: SimpleNamespace, run: Run) -> None:
    result = run("activity-by-target", "--campaign", "postcards", "--since", "2025-09-01")
    assert result.exit_code == 0
    rows = list(csv.reader(io.StringIO(result.stdout_bytes.decode("utf-8-sig"), newline="")))
    assert rows[1][0] == "Ann Alpha"
    assert json.loads(run("outcomes", "--format", "json").stdout)["rows"] == []


def test_by_post(work: SimpleNamespace, run: Run) -> None:
    result = run("activity-by-target", "--by", "post", "--format", "json")
    assert [row["post"] for row in json.loads(result.stdout)["rows"]] == ["No post"]
    assert "cannot be counted by “post”" in run("outcomes", "--by", "post").output


def test_the_list_names_every_report(app: Flask, run: Run) -> None:
    lines = run("--list").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(reports())


def test_members_are_numbers(work: SimpleNamespace, run: Run) -> None:
    output = run("activity-by-member").stdout
    assert db.session.get_one(Member, work.member).pseudonym in output
    assert "Nora" not in output


def test_a_file_is_written_whole(work: SimpleNamespace, run: Run, tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    assert run("activity-by-target", "--format", "xlsx", "-o", str(path)).exit_code == 0
    assert openpyxl.load_workbook(path)["Rows"]["A2"].value == "Ann Alpha"
    assert list(tmp_path.glob(".report*")) == []


def test_what_fails_leaves_the_file_that_was_there(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(b"before")

    def pieces() -> object:
        yield b"half"
        raise LookupError

    with pytest.raises(LookupError):
        write_whole(path, pieces())  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ((), "name a report"),
        (("nothing",), "there is no report 'nothing'"),
        (("outcomes", "--campaign", "nothing"), "Nothing is known as “nothing” for campaign"),
        (("outcomes", "--since", "soon"), "“soon” is not a date"),
        (("outcomes", "--since", "2026-02-01", "--until", "2026-01-01"), "ends before it starts"),
        (("outcomes", "--format", "docx"), "'docx' is not one of"),
        (("outcomes", "-o", "/nowhere/at/all.csv"), "No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line(
    app: Flask, run: Run, arguments: tuple[str, ...], sentence: str
) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_folder_cannot_be_written_over(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(click.ClickException):
        write_whole(tmp_path / "taken", iter([b"x"]))
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_report_that_breaks_midway_leaves_no_half_file(
    work: SimpleNamespace, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does it touch the whole one of last week."""

    def breaking(question: Question) -> Iterator[Row]:
        for row in kept.rows(question):
            for _again in range(5_000):
                yield row
            raise LookupError("the disk went away")

    kept = reports()["actions"]
    known = {**reports(), "actions": replace(kept, rows=breaking)}
    monkeypatch.setattr("crm.reports.cli.reports", lambda: known)
    for format in ("csv", "xlsx", "json"):
        path = tmp_path / f"actions.{format}"
        path.write_text("last week's")
        result = run("actions", "--format", format, "-o", str(path))
        assert isinstance(result.exception, LookupError)
        assert path.read_text() == "last week's"
    assert sorted(each.name for each in tmp_path.glob("*actions*")) == [
        "actions.csv", "actions.json", "actions.xlsx",
    ]  # fmt: skip


def test_a_document_periods_and_an_earlier_day(
    work: SimpleNamespace, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "targets.pdf"
    asked = ("activity-by-target", "--period", "last-12-months", "--compare", "year")
    assert run(*asked, "--format", "pdf", "-o", str(path)).exit_code == 0
    assert path.read_bytes().startswith(b"%PDF")
    today_ = today().isoformat()
    found = json.loads(run("outcomes", "--as-of", today_, "--format", "json").stdout)
    assert "what the record said" in found["filters"]["Note"]
    assert "choose a day that is over" in run("outcomes", "--as-of", "2999-01-01").output
