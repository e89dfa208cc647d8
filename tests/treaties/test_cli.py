"""`crm treaty`, `crm figure` and `crm import treaties`, as a script meets them."""

import csv
import json
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.treaties.models import TreatyEvent


def run(app: Flask, *words: str) -> Result:
    return app.test_cli_runner().invoke(args=words)


def said(app: Flask, *words: str) -> Any:
    result = run(app, *words)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_it_works(ledger: Flask) -> None:
    assert said(ledger, "treaty", "counts", "ccm", "--on", "2020-11-25") == {
        "treaty": "CCM",
        "on": "2020-11-25",
        "joined": 110,
        "in_force": 108,
        "signatories": 13,
        "outside": 74,
        "withdrawn": 0,
        "not_party": 87,
        "states": 197,
        "source": "UN Treaty Collection, status as at 3 February 2026",
    }


def test_an_empty_ledger_is_filled_and_that_is_said(app: Flask) -> None:
    result = run(app, "treaty", "counts", "MBT", "--on", "2026-11-23")
    assert result.stderr.splitlines()[-1] == (
        "The ledger was empty: 816 events that come with the project were loaded."
    )
    counts = json.loads(result.stdout)
    assert (counts["joined"], counts["in_force"], counts["unknown_day"]) == (162, 161, ["LBN"])
    assert counts["source"].endswith(", and entries since")
    assert run(app, "figure", "ccm.joined", "--on", "2020-11-25").stderr == ""


def test_the_status_of_each_state(ledger: Flask) -> None:
    words = ("treaty", "status", "CCM", "--on", "2020-08-06")
    states = said(ledger, *words, "--format", "json")
    assert len(states) == 197
    assert next(each for each in states if each["iso3"] == "NIU") == {
        "iso3": "NIU",
        "name": "Niue",
        "status": "state_party",
        "signed": None,
        "consent": "2020-08-06",
        "consent_kind": "accession",
        "day_known": True,
        "in_force": "2021-02-01",
        "is_in_force": False,
        "provisional": None,
        "withdrawal_deposited": None,
        "withdrawn": None,
        "number": 109,
    }
    rows = list(csv.DictReader(StringIO(run(ledger, *words, "--format", "csv").stdout)))
    assert len(rows) == 197
    assert {row["status"] for row in rows} == {"state_party", "signatory", "non_signatory"}


def test_deadlines(ledger: Flask) -> None:
    words = ("treaty", "deadlines", "niu", "--on", "2021-03-01")
    due = said(ledger, *words, "--format", "json")
    assert (due["iso3"], due["name"]) == ("NIU", "Niue")
    assert due["deadlines"][-4] == {
        "treaty": "CCM",
        "article": "3",
        "label": "Destroy stockpiles",
        "due": "2029-02-01",
        "first_due": "2029-02-01",
        "status": "due",
        "met": None,
        "requested_until": None,
        "note": None,
    }
    text = run(ledger, *words).stdout
    assert "2029-02-01  art. 3  Destroy stockpiles: due" in text
    assert run(ledger, *words, "--format", "csv").stdout.count("\n") == 10
    assert "has not joined; nothing is due." in run(ledger, "treaty", "deadlines", "USA").stdout


def test_a_figure(ledger: Flask) -> None:
    found = said(ledger, "figure", "ccm.gap_to:130", "--on", "2020-11-25")
    assert (found["value"], found["on"]) == (20, "2020-11-25")
    assert found["label"].endswith("States Parties by deposit missing to 130")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("figure", "ccm.joind"), "There is no figure ccm.joind. The nearest: ccm.joined"),
        (("treaty", "counts", "XXX"), "there is no treaty XXX, but MBT and CCM"),
        (("treaty", "counts", "CCM", "--on", "2020-02-30"), "2020-02-30 is not a date"),
        (("treaty", "deadlines", "GR"), "There is no state GR. Give three letters"),
        (("import", "treaties", "nowhere"), "There is no folder or file nowhere"),
    ],
)
def test_what_cannot_be_answered(ledger: Flask, words: tuple[str, ...], sentence: str) -> None:
    result = run(ledger, *words)
    assert result.exit_code != 0
    assert sentence in result.output
    assert "Traceback" not in result.output


def test_a_table_by_command(ledger: Flask, tmp_path: Path) -> None:
    table, changes = tmp_path / "new.csv", tmp_path / "changes.csv"
    table.write_text("date,treaty,iso_alpha3,event\n2026-10-05,CCM,BRA,accession\n")
    words = ("import", "treaties", str(table), "--changes", str(changes))
    result = run(ledger, *words, "--dry-run")
    assert result.stdout == (
        "treaties: 1 added, 0 corrected, 0 unchanged, 0 kept\nDry run: nothing was changed.\n"
    )
    rows = "kind,key,name,from,to\nadded,CCM BRA accession,Brazil,,2026-10-05\n"
    assert changes.read_text().replace("\r", "") == rows
    assert db.session.scalar(select(func.count(TreatyEvent.id))) == 816
    assert run(ledger, *words).exit_code == 0
    assert changes.read_text().replace("\r", "") == rows
    assert run(ledger, *words).stdout.startswith("treaties: 0 added, 0 corrected, 1 unchanged")


def test_a_table_for_an_empty_ledger(app: Flask, tmp_path: Path) -> None:
    table = tmp_path / "new.csv"
    table.write_text("date,treaty,iso_alpha3,event\n2026-10-05,CCM,BRA,accession\n")
    result = run(app, "import", "treaties", str(table))
    assert "The ledger was empty: 816 events" in result.stderr
    assert result.stdout.startswith("treaties: 1 added")
