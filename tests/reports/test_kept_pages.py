"""Pages of frozen and saved reports: what they show, to whom, as which files."""

import csv
import json
from collections.abc import Callable
from hashlib import sha256
from io import StringIO
from types import SimpleNamespace

import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select

from crm.core import db
from crm.reports.models import FrozenReport, ReportSubscription, SavedReport
from tests import make
from tests.members.test_queries import statements
from tests.reports.conftest import ids, logged

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def work(app: Flask) -> SimpleNamespace:
    people = make.people()
    people.targets = ids(make.target("Niue", region="Oceania"), make.target("Tonga"))
    people.ana = make.member("Ana", "Secretname", people.school_a).id
    people.campaign = make.campaign().id
    more(people, 5)
    return people


def more(people: SimpleNamespace, pieces: int, target: int = 0) -> None:
    logged("postcard", people.campaign, pieces=pieces, members={people.ana: pieces},
           chapters=[people.school_a.id],
           targets={people.targets[target]: pieces})  # fmt: skip


def freeze(browser: FlaskClient, address: str, reason: str = "") -> str:
    sent = browser.post(address, data={"reason": reason})
    assert sent.status_code == 303, sent.text
    return sent.location.rsplit("/", 1)[1]


def test_a_report_is_frozen_read_and_compared(work: SimpleNamespace, sign_in: SignIn) -> None:
    browser = sign_in(work.coordinator)
    offered = browser.get("/reports/activity-by-target?channel=postcard").text
    assert "/reports/activity-by-target/freeze?channel=postcard" in offered
    code = freeze(browser, "/reports/activity-by-target/freeze?channel=postcard", "For the board")
    page = browser.get(f"/reports/frozen/{code}").text
    for told in (code, "Niue", "Unchanged since", "For the board", "Cory Coordinator",
                 "Channel: Postcards", "sha256"):  # fmt: skip
        assert told in page, told
    assert "For the board" in browser.get("/reports/frozen").text
    assert code not in browser.get("/reports/frozen?report=answers").text
    assert code in browser.get("/reports").text
    same = browser.get(f"/reports/frozen/{code}/now").text
    assert "Nothing changed" in same

    more(work, 2)
    more(work, 3, target=1)
    now = browser.get(f"/reports/frozen/{code}/now").text
    assert "1 line changed" in now
    assert "1 new line" in now
    # To the records of the line.
    assert f"/targets/{work.targets[0]}" in now
    sent = browser.get(f"/reports/frozen/{code}/now?format=csv")
    rows = list(csv.reader(StringIO(sent.data.decode("utf-8-sig"))))
    assert ["Activity by target", "Niue", "changed", "Reached", "5", "7"] in rows
    assert ["Activity by target", "Total", "changed", "Reached", "5", "10"] in rows
    # What was frozen still says what it said, and another one says how it went on.
    assert "Niue,,Oceania,,5,1," in browser.get(f"/reports/frozen/{code}.csv").text
    later = freeze(browser, "/reports/activity-by-target/freeze?channel=postcard")
    between = browser.get(f"/reports/frozen/{code}/against?other={later}")
    assert "1 line changed" in between.text
    other = freeze(browser, "/reports/outcomes/freeze")
    assert browser.get(f"/reports/frozen/{code}/against?other={other}").status_code == 404
    assert browser.get(f"/reports/frozen/{code}/against").status_code == 303


def test_its_files(work: SimpleNamespace, sign_in: SignIn) -> None:
    browser = sign_in(work.coordinator)
    code = freeze(browser, "/reports/activity-by-member/freeze")
    row = db.session.scalars(select(FrozenReport)).one()
    # The text whose digest it is, byte for byte.
    told = browser.get(f"/reports/frozen/{code}.json")
    assert sha256(told.data).hexdigest() == row.digest
    assert json.loads(told.data)["code"] == code
    for format in ("csv", "xlsx"):
        sent = browser.get(f"/reports/frozen/{code}.{format}")
        assert sent.status_code == 200
        assert f"{code}.{format}" in sent.headers["Content-Disposition"]
        assert b"Secretname" not in sent.data
    assert "Secretname" not in browser.get(f"/reports/frozen/{code}").text
    # A leader sees reports, and takes none away.
    assert sign_in(work.leader).get(f"/reports/frozen/{code}").status_code == 200
    assert sign_in(work.leader).get(f"/reports/frozen/{code}.csv").status_code == 403


def test_who_sees_fewer_members_finds_none_of_it(work: SimpleNamespace, sign_in: SignIn) -> None:
    code = freeze(sign_in(work.coordinator), "/reports/activity-by-member/freeze")
    stranger = sign_in(work.outsider)
    for address in ("", "/now", ".csv"):
        found = stranger.get(f"/reports/frozen/{code}{address}")
        assert found.status_code == (403 if address == ".csv" else 404)
    assert code not in stranger.get("/reports/frozen").text
    assert code not in stranger.get("/reports").text
    assert stranger.post("/reports/outcomes/freeze", data={}).status_code == 403
    assert sign_in(work.admin).get(f"/reports/frozen/{code}").status_code == 200


def test_what_cannot_be_frozen_comes_back(work: SimpleNamespace, sign_in: SignIn) -> None:
    browser = sign_in(work.coordinator)
    for query in ("since=spring", "campaign=nowhere", "since=2026-02-01&until=2026-01-01"):
        refused = browser.post(f"/reports/outcomes/freeze?{query}", data={"reason": "Mine"})
        assert refused.status_code == 422
        assert "Mine" in refused.text
    assert browser.post("/reports/nothing/freeze", data={}).status_code == 404
    assert db.session.scalars(select(FrozenReport)).all() == []


def test_a_saved_report_leads_to_its_filters(work: SimpleNamespace, sign_in: SignIn) -> None:
    browser = sign_in(work.leader)
    sent = browser.post(
        "/reports/activity-by-target/save?channel=postcard", data={"name": "Our postcards"}
    )
    assert sent.status_code == 303
    code = db.session.scalars(select(SavedReport.code)).one()
    assert sent.location == f"/reports/saved/{code}/edit"
    opened = browser.get(f"/reports/saved/{code}")
    assert opened.location == "/reports/activity-by-target?channel=postcard"
    assert "Our postcards" in browser.get("/reports").text
    again = browser.post("/reports/outcomes/save", data={"name": "our  postcards"})
    assert again.status_code == 422
    assert "of this name already" in again.text
    # Nobody else's, until it is shared.
    for who in (work.viewer, work.admin, work.outsider):
        assert sign_in(who).get(f"/reports/saved/{code}").status_code == 404
    refused = browser.post(
        f"/reports/saved/{code}/edit", data={"name": "Kept", "shared": "chapter", "chapter_id": ""}
    )
    assert refused.status_code == 422
    assert 'value="Kept"' in refused.text
    shared = browser.post(
        f"/reports/saved/{code}/edit",
        data={"name": "Postcards", "shared": "chapter", "chapter_id": str(work.school_a.id)},
    )
    assert shared.status_code == 303
    assert sign_in(work.viewer).get(f"/reports/saved/{code}").status_code == 303
    assert "Postcards" in sign_in(work.viewer).get("/reports").text
    assert sign_in(work.outsider).get(f"/reports/saved/{code}").status_code == 404
    assert sign_in(work.member).get(f"/reports/saved/{code}").status_code == 403
    assert sign_in(work.viewer).get(f"/reports/saved/{code}/edit").status_code == 404
    assert sign_in(work.admin).get(f"/reports/saved/{code}/edit").status_code == 200
    # By mail, from its page, with its filters.
    page = browser.get(f"/reports/saved/{code}/edit").text
    assert "/reports/activity-by-target/mail?channel=postcard" in page
    mailed = browser.post(
        "/reports/activity-by-target/mail?channel=postcard",
        data={"every": "month", "period": "month"},
    )
    assert mailed.status_code == 303
    assert db.session.scalars(select(ReportSubscription.report)).all() == ["activity-by-target"]
    assert browser.post(f"/reports/saved/{code}/delete").status_code == 303
    assert browser.get(f"/reports/saved/{code}").status_code == 404


def test_pages_ask_little_of_the_database(work: SimpleNamespace, sign_in: SignIn) -> None:
    browser = sign_in(work.coordinator)
    codes = [
        freeze(browser, f"/reports/{name}/freeze", "Board")
        for name in ("activity-by-target", "activity-by-target", "activity-by-member")
    ]
    for number in range(3):
        browser.post("/reports/outcomes/save", data={"name": f"Mine {number}"})
    for address in (
        "/reports", "/reports/frozen", f"/reports/frozen/{codes[0]}",
        f"/reports/frozen/{codes[0]}/against?other={codes[1]}", "/reports/saved",
        f"/reports/frozen/{codes[0]}/now", f"/reports/saved/{_any_saved()}/edit",
    ):  # fmt: skip
        with statements() as asked:
            assert browser.get(address).status_code == 200
        assert len(asked) <= 16, (address, len(asked), asked)


def _any_saved() -> str:
    return db.session.scalars(select(SavedReport.code).limit(1)).one()


def test_from_the_shell(work: SimpleNamespace, app: Flask) -> None:
    def run(*args: str) -> Result:
        return app.test_cli_runner().invoke(args=["report", *args])

    frozen = run("freeze", "activity-by-target", "--channel", "postcard", "--reason", "Board")
    assert frozen.exit_code == 0, frozen.output
    code = frozen.output.split()[0]
    assert code in run("frozen").output
    content = json.loads(run("frozen", code).output)
    assert (content["query"], content["frozen_by"]) == ("channel=postcard", None)
    assert run("verify").output.startswith("All 1 frozen reports")
    assert "no report called" in run("freeze", "nothing").output
    assert run("frozen", "F-NOTTHERE").exit_code == 1
    # A report is written as ever.
    assert "Niue" in run("activity-by-target").output
    assert "activity-by-target" in run("--list").output
    db.session.remove()
    with db.extension.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER frozen_report_no_update")
        connection.exec_driver_sql("UPDATE frozen_report SET reason = 'Another'")
    told = run("verify")
    assert told.exit_code == 1
    assert f"{code} is not what was frozen" in told.output


@pytest.mark.parametrize("report", ["activity-by-target", "explorer"])
def test_words_of_an_address_that_build_others_are_left_out(
    work: SimpleNamespace, sign_in: SignIn, report: str
) -> None:
    browser = sign_in(work.coordinator)
    odd = "name=x&_external=1&_scheme=ftp&_anchor=x&_method=PUT"
    for what in ("freeze", "save"):
        sent = browser.post(f"/reports/{report}/{what}?channel=nix&{odd}", data={})
        assert sent.status_code == 422
        assert "ftp:" not in sent.text
    sent = browser.post(f"/reports/{report}/mail?channel=postcard&{odd}", data={})
    assert sent.location in ("/reports", "/reports/activity-by-target?channel=postcard")


def test_a_content_somebody_wrote_over_is_no_error(
    work: SimpleNamespace, sign_in: SignIn, app: Flask
) -> None:
    browser = sign_in(work.coordinator)
    code = freeze(browser, "/reports/activity-by-target/freeze")
    db.session.remove()
    with db.extension.engine.begin() as connection:
        connection.exec_driver_sql("DROP TRIGGER frozen_report_no_update")
    for content in ("[1", '{"extracts": [{}]}', '{"extracts": 5, "facts": 3}'):
        with db.extension.engine.begin() as connection:
            connection.exec_driver_sql("UPDATE frozen_report SET content = ?", (content,))
        page = browser.get(f"/reports/frozen/{code}")
        assert page.status_code == 200
        assert "This is not what was frozen" in page.text
        assert browser.get(f"/reports/frozen/{code}.pdf").status_code == 404
        assert browser.get(f"/reports/frozen/{code}.csv").status_code == 404
        assert browser.get(f"/reports/frozen/{code}/now").status_code == 200
