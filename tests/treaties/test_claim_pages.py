"""The claim check as a page and as a command: nothing of the text is kept."""

import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select

from crm.core import db
from crm.core.audit import AuditEntry
from crm.treaties import claims, operations
from crm.treaties.claims.ledger import read_ledger
from crm.treaties.claims.views import parts

SignIn = Callable[[object], FlaskClient]
POST = "The CCM has 108 States Parties + 13 signatories = 121. Another 22 to reach 130."


@pytest.fixture
def treaties(app: Flask) -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)


def test_it_works(people: SimpleNamespace, sign_in: SignIn, treaties: None) -> None:
    client = sign_in(people.member)
    assert "Paste a letter" in client.get("/treaties/claims").text
    page = client.post("/treaties/claims", data={"text": POST, "on": "2020-11-25"})
    assert page.status_code == 200
    assert '<mark class="claim-wrong">108</mark>' in page.text
    assert "110 States Parties (joined by deposit), not 108" in page.text
    assert "20 are missing to 130" in page.text
    assert "As of November 25, 2020, the date given." in page.text


def test_nothing_is_written(people: SimpleNamespace, sign_in: SignIn, treaties: None) -> None:
    client = sign_in(people.member)
    before = db.session.scalar(select(func.count()).select_from(AuditEntry))
    client.post("/treaties/claims", data={"text": POST})
    assert db.session.scalar(select(func.count()).select_from(AuditEntry)) == before


def test_the_text_is_escaped_and_never_run(
    people: SimpleNamespace, sign_in: SignIn, treaties: None
) -> None:
    hostile = "<script>alert(1)</script> {{ 7 * 7 }} [<b>YOUR</b> COUNTRY] 108 States Parties"
    page = sign_in(people.member).post("/treaties/claims", data={"text": hostile}).text
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<b>YOUR" not in page
    assert "{{ 7 * 7 }}" in page


@pytest.mark.parametrize(
    ("text", "on", "said"),
    [
        ("", "", "Fill this in."),
        ("x" * (claims.MOST + 1), "", "Use at most 100000 characters."),
        ("text", "31 June", "Not a valid date"),
    ],
)
def test_what_cannot_be_checked_is_said(
    people: SimpleNamespace, sign_in: SignIn, text: str, on: str, said: str
) -> None:
    page = sign_in(people.member).post("/treaties/claims", data={"text": text, "on": on})
    assert page.status_code == 422
    assert said in page.text


def test_an_empty_ledger_is_said(people: SimpleNamespace, sign_in: SignIn) -> None:
    page = sign_in(people.member).post("/treaties/claims", data={"text": POST + " [NAME]"}).text
    assert "The treaty ledger is empty" in page
    assert "has not been filled in" in page


def test_a_text_without_claims(people: SimpleNamespace, sign_in: SignIn, treaties: None) -> None:
    page = sign_in(people.member).post("/treaties/claims", data={"text": "Hello there."}).text
    assert "Nothing that can be looked up was found" in page


def test_the_text_is_cut_without_loss(app: Flask, treaties: None) -> None:

    text = (
        "121 countries have endorsed the CCM, which falls short of 130 States Parties.\r\n"
        "Thursday, August 15th, 2004 [NAME]"
    )
    report = claims.check(text, read_ledger(), on=date(2020, 8, 1), today=date(2026, 11, 23))
    cut = parts(text, report.claims)
    assert "".join(part.text for part in cut) == text
    ended = [number for part in cut for number in part.ending]
    assert sorted(ended) == list(range(1, len(report.claims) + 1))


def test_the_command_fills_an_empty_ledger(app: Flask, tmp_path: Path) -> None:
    file = tmp_path / "post.txt"
    file.write_text("The CCM has 108 States Parties.", encoding="utf-8")
    run = app.test_cli_runner().invoke
    answer = run(args=["check-claims", str(file), "--on", "2020-11-25", "--format", "json"])
    assert "816 events" in answer.stderr
    assert [each["ledger"] for each in json.loads(answer.stdout)["claims"]] == [110]


def test_the_command(app: Flask, treaties: None, tmp_path: Path) -> None:
    run = app.test_cli_runner().invoke
    file = tmp_path / "post.txt"
    file.write_text(POST, encoding="utf-8")
    answer = run(args=["check-claims", str(file), "--on", "2020-11-25", "--format", "json"])
    assert answer.exit_code == 0
    told = json.loads(answer.output)
    assert told["on"] == "2020-11-25"
    assert [(each["kind"], each["says"], each["ledger"]) for each in told["claims"]] == [
        ("joined", 108, 110),
        ("signatories", 13, 13),
        ("endorsed", 121, 123),
        ("gap", 22, 20),
    ]
    assert set(told["claims"][0]) == {
        "kind", "text", "line", "start", "end", "says", "ledger", "verdict", "message", "treaty",
        "source",
    }  # fmt: skip
    piped = run(args=["check-claims", "-", "--on", "2020-11-25"], input=POST)
    assert "4 claims found, 3 wrong." in piped.output
    strict = run(args=["check-claims", str(file), "--on", "2020-11-25", "--strict"])
    assert strict.exit_code == 1


def test_the_command_refuses_in_words(app: Flask, tmp_path: Path) -> None:
    run = app.test_cli_runner().invoke
    absent = run(args=["check-claims", str(tmp_path / "none.txt")])
    assert absent.exit_code == 1
    assert "No such file" in absent.output
    (tmp_path / "bytes.txt").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in run(args=["check-claims", str(tmp_path / "bytes.txt")]).output
    (tmp_path / "long.txt").write_text("é" * 500_000, encoding="utf-8")
    assert "at most 100000" in run(args=["check-claims", str(tmp_path / "long.txt")]).output
    assert run(args=["check-claims", "-", "--on", "31 June"], input="x").exit_code == 2
