"""The front page, the search, the reports on screen and as files: who may, and what they get."""

import csv
import io
import json
import re
from collections.abc import Callable
from datetime import date
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.campaigns.models import Ask, Position
from crm.core import db
from crm.core.access import Can
from crm.core.audit import AuditEntry
from crm.core.i18n import today
from crm.core.shell import Hit, Panel, add_panel, add_search
from crm.members import departures
from crm.members.disclosure import Exit
from crm.members.models import Member
from crm.outreach.models import Commitment
from crm.reports.catalogue import reports
from crm.reports.forms import heeds
from crm.targets.models import Target
from crm.tasks.models import Task
from tests import make
from tests.reports.conftest import ids, logged

SignIn = Callable[[object], FlaskClient]
NAMES = list(reports())


@pytest.fixture
def work(app: Flask, people: SimpleNamespace) -> SimpleNamespace:
    """A class's cards and a joint meeting, with a member and a target of hostile names; and a
    promise, a target that moved, a task and an hour of work.
    """
    hostile = "=HYPERLINK(1)<b>"
    members = ids(
        make.member("Nora", "Núñez", people.school_a),
        make.member("Olaf", "Other", people.school_b),
    )
    targets = ids(make.legislator("Ann", "Alpha"), make.target(hostile, region="Oceania"))
    chapters = ids(people.school_a, people.school_b)
    campaign = make.campaign(
        chapters=(people.school_a,),
        targets=tuple(db.session.get_one(Target, each) for each in targets),
    ).id
    logged(
        "postcard", campaign, pieces=30, targets=dict.fromkeys(targets, 15),
        members={members[0]: 10, members[1]: 5}, chapters=chapters[:1], on=today(),
        terms={targets[0]: 1},
        outcomes=[(targets[0], "refusal", today())],
    )  # fmt: skip
    logged("meeting", campaign, targets=targets, chapters=chapters, on=date(2025, 9, 9))
    ask = db.session.scalars(select(Ask.id).where(Ask.campaign_id == campaign)).one()
    said = {"target_id": targets[0], "ask_id": ask, "confidence": "low"}
    make.kept(
        Commitment(target_id=targets[0], campaign_id=campaign, text="Vote", made_on=today()),
        Position(support=-1, seen_on=date(2026, 1, 5), **said),
        Position(support=1, seen_on=date(2026, 2, 5), **said),
        Task(title="Write", chapter_id=chapters[0], campaign_id=campaign, member_id=members[0],
             minutes=60, state="completed", finished_at=db.now()),
    )  # fmt: skip
    return SimpleNamespace(members=members, targets=targets, hostile=hostile)


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", page)))


def read(format: str, data: bytes, tmp_path: Path) -> list[list[str]]:
    """A file's rows as text, whatever its form."""
    if format == "csv":
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))[1:]
        return [[cell.removeprefix("'").removesuffix(".0") for cell in row]
                for row in rows if len(row) > 1]  # fmt: skip
    if format == "json":
        return [[_said(cell) for cell in row.values()] for row in json.loads(data)["rows"]]
    path = tmp_path / "report.xlsx"
    path.write_bytes(data)
    return [
        [_said(cell.value) for cell in row]
        for row in openpyxl.load_workbook(path)["Rows"].iter_rows(min_row=2)
    ]


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.4f}".rstrip("0").rstrip(".")
    return value.date().isoformat() if hasattr(value, "date") else str(value)


@pytest.mark.parametrize("name", NAMES)
def test_it_works(
    name: str, work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn, tmp_path: Path
) -> None:
    """Screen, CSV, XLSX and JSON show the same rows in the same order."""
    client = sign_in(people.staff)
    page = client.get(f"/reports/{name}")
    assert page.status_code == 200
    files = {}
    for format in ("csv", "xlsx", "json"):
        answer = client.get(f"/reports/{name}.{format}")
        assert answer.status_code == 200
        assert answer.headers["Content-Disposition"].endswith(f".{format}")
        files[format] = read(format, answer.data, tmp_path)
    assert files["csv"] == files["xlsx"] == files["json"]
    assert files["csv"]
    shown = text_of(page.text.split("table-report")[1].split("<tbody>")[1].split("</tbody>")[0])
    # The page names members, the files number them.
    if not reports()[name].shows_people:
        place = 0
        for row in files["csv"]:
            first = next(cell for cell in row if cell and not cell[:4].isdigit())
            place = shown.index(re.sub(r"\s+", " ", first), place)


def test_by_post(people: SimpleNamespace, work: SimpleNamespace, sign_in: SignIn,
                 tmp_path: Path) -> None:  # fmt: skip
    """Screen and files show the same rows, and each number leads to its records."""
    client = sign_in(people.staff)
    page = client.get("/reports/activity-by-target?by=post&campaign=postcards")
    assert page.status_code == 200
    for words in ("Activity by post", "Counted by", "WV 2", "Ann Alpha", "No post"):
        assert words in page.text
    files = [
        read(format, client.get(f"/reports/activity-by-target.{format}?by=post").data, tmp_path)
        for format in ("csv", "xlsx", "json")
    ]
    assert files[0] == files[1] == files[2]
    assert [row[:4] for row in files[0]] == [
        ["WV 2", "Ann Alpha", "WV", "15"],
        ["No post", "", "", "17"],
    ]
    asked = client.get("/reports/activity-by-target.json?by=post").json["filters"]
    assert asked == {"Counted by": "Post"}
    links = {unescape(link) for link in re.findall(r'href="(/outreach\?[^"]+)"', page.text)}
    records = {link: text_of(client.get(link).text) for link in links if "post=" in link}
    assert {re.search(r"post=(\w+)", link)[1] for link in records} == {"1", "none"}  # type: ignore[index]
    for link, text in records.items():
        assert ("To who held: WV 2" in text) == ("post=1" in link)
        assert ("1 meeting " in text) == ("post=none" in link)
    answers = client.get("/reports/answers?outcome=answered&post=1")
    assert "Ann Alpha" in answers.text
    wrong = client.get("/reports/outcomes?by=post")
    assert (wrong.status_code, "cannot be counted by" in wrong.text) == (422, True)
    assert client.get("/outreach?post=999").status_code == 404


@pytest.mark.parametrize("name", NAMES)
def test_every_number_leads_to_records(
    name: str, work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    """To a list under the same filter, or to the one thing it is of. How many records are there
    is asked in test_drilling.
    """
    client = sign_in(people.staff)
    # Hours are of no campaign alone.
    page = client.get(f"/reports/{name}?campaign=postcards" if name != "service-hours"
                      else "/reports/service-hours")  # fmt: skip
    assert page.status_code == 200
    links = re.findall(r'<a class="figure" href="([^"]+)"', page.text)
    for link in {unescape(link) for link in links}:
        # What went before a change of position went before it in every campaign.
        of_one = ("/members/", "/outreach/", "/campaigns/", "/targets/", "/me/", "/chapters/",
                  "/hours")  # fmt: skip
        assert "campaign=postcards" in link or link.startswith(of_one) or (
            name == "changes" and "since=" in link
        ), link  # fmt: skip
        assert client.get(link).status_code == 200
    assert links or name == "answers"


def test_the_line_that_reconciles_is_on_the_page(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = sign_in(people.viewer).get("/reports/activity-by-target").text
    assert "Targets were reached 32 times. 1 of these repeat one act" in text_of(page)
    assert "Sum of the lines 32 Total, each counted once 31" in re.sub(
        r" +", " ", text_of(page.split("<tfoot>")[1].split("</tfoot>")[0])
    ).strip().replace("  ", " ")


def test_hostile_names_show_as_text(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    for name in ("activity-by-target", "actions"):
        page = sign_in(people.viewer).get(f"/reports/{name}").text
        assert "=HYPERLINK(1)<b>" not in page
        assert "=HYPERLINK(1)&lt;b&gt;" in page


def test_the_filter_and_the_order_are_the_address(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.staff)
    down = client.get("/reports/activity-by-target.csv?sort=-target&kind=government")
    assert len(down.text.splitlines()) == 2
    names = [
        line.split(",")[0]
        for line in client.get("/reports/activity-by-target.csv?sort=target").text.splitlines()[1:]
    ]
    assert names == ["'=HYPERLINK(1)<b>", "Ann Alpha"]
    page = client.get("/reports/activity-by-target?sort=-target&since=2025-09-01")
    assert "/reports/activity-by-target.csv?since=2025-09-01&amp;sort=-target" in page.text


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("since=2026-02-01&until=2026-01-01", "The period ends before it starts"),
        ("since=soon", "“soon” is not a date"),
        ("campaign=nothing", "Nothing is known as “nothing” for campaign"),
        ("channel=pigeon", "Nothing is known as “pigeon” for channel"),
        ("chapter=zz", "Nothing is known as “zz”"),
        ("party=%3Cscript%3E", "Nothing is known as “<script>”"),
        ("target=x", "Nothing is known as “x”"),
        ("outcome=x", "Nothing is known as “x”"),
        ("area=%00", "Nothing is known as"),
    ],
)
def test_a_filter_that_means_nothing_is_a_sentence(
    query: str, sentence: str, work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.staff)
    for ending in ("", ".csv", ".xlsx"):
        page = client.get(f"/reports/activity-by-target{ending}?{query}")
        assert page.status_code == 422
        assert sentence in text_of(page.text)
        assert "<tbody>" not in page.text


def test_an_odd_sort_or_page_is_the_first(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.viewer)
    assert client.get("/reports/activity-by-target?sort=zz&page=900").status_code == 200


def test_there_is_no_such_report(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.staff)
    for address in ("/reports/nothing", "/reports/nothing.csv", "/reports/outcomes.docx"):
        assert client.get(address).status_code == 404


def test_who_may_not_download_sees_no_button(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.viewer)
    assert ".csv" not in client.get("/reports/activity-by-target").text
    assert client.get("/reports/activity-by-target.csv").status_code == 403
    assert sign_in(people.member).get("/reports").status_code == 403
    assert client.post("/reports/activity-by-member").status_code == 403


def test_the_catalogue_lists_every_report(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = sign_in(people.viewer).get("/reports").text
    assert all(f'href="/reports/{name}"' in page for name in NAMES)


def test_names_stay_where_they_may_be_seen(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = text_of(sign_in(people.leader).get("/reports/activity-by-member").text)
    assert "Nora Núñez" in page
    assert "Olaf" not in page
    assert "1 member of other chapters" in page
    outsider = text_of(sign_in(people.outsider).get("/reports/activity-by-member").text)
    assert "Nora" not in outsider
    assert "Olaf Other" in outsider


def test_a_download_gives_numbers_for_names(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    pseudonym = db.session.get_one(Member, work.members[0]).pseudonym
    for format in ("csv", "json"):
        data = sign_in(people.admin).get(f"/reports/activity-by-member.{format}").text
        assert pseudonym in data
        assert "Nora" not in data
        assert "Núñez" not in data


def test_a_download_with_names_asks_why_and_is_recorded(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    staff_id, nora = people.staff.id, work.members[0]
    client = sign_in(people.staff)
    refused = client.post("/reports/activity-by-member", data={"format": "csv", "reason": " "})
    assert refused.status_code == 422
    assert "Say what you need the names for." in refused.text
    assert db.session.query(AuditEntry).filter_by(verb="export_people").count() == 0
    given = client.post(
        "/reports/activity-by-member?channel=postcard",
        data={"format": "csv", "reason": "Certificates"},
    )
    assert given.status_code == 200
    assert "Nora Núñez" in given.data.decode("utf-8-sig")
    entry = db.session.query(AuditEntry).filter_by(verb="export_people").one()
    assert entry.by_id == staff_id
    assert entry.reason == "Certificates"
    assert entry.changes == {
        "report": "activity-by-member",
        "format": "csv",
        "filters": {"channel": "postcard"},
    }
    (left,) = departures.of_member(nora)
    assert (left.what, left.exit) == ("Activity by member, CSV", Exit.EXPORT)


def test_a_report_without_people_has_no_names_to_give(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.staff)
    answer = client.post("/reports/outcomes", data={"format": "csv", "reason": "Certificates"})
    assert answer.status_code == 422
    assert db.session.query(AuditEntry).filter_by(verb="export_people").count() == 0


@pytest.fixture
def statements(app: Flask) -> list[str]:
    seen: list[str] = []
    event.listen(
        db.extension.engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, *_rest: seen.append(statement),
    )
    return seen


def test_no_page_asks_more_than_seventeen_times(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn, statements: list[str]
) -> None:
    client = sign_in(people.staff)
    addresses = [
        f"/reports/{name}{'?party=Republican' if heeds(report, 'party') else ''}"
        for name, report in reports().items()
    ]
    for address in ("/", "/reports", *addresses):
        statements.clear()
        assert client.get(address).status_code == 200
        asked = [each for each in statements if not each.startswith(("BEGIN", "PRAGMA"))]
        # The front page, for what five rooms hang there; a report at most sixteen.
        assert len(asked) <= (17 if address == "/" else 16), (address, len(asked))


def test_the_front_page_is_alive(
    app: Flask, work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = text_of(sign_in(people.viewer).get("/").text)
    assert "This month so far: 30 postcards." in page
    assert "Pieces and acts 30" in page
    assert "Targets reached 2" in page
    assert "Answers received 1" in page
    assert "150 postcards by Mar 1, 2026" in page


def test_the_front_page_shows_what_rooms_hang_there(
    app: Flask, work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    def load(user: Any) -> dict[str, Any]:
        return {"query": f"for {user.name}"}

    add_panel(app, "front", Panel(1, "components/empty.html", load))
    assert sign_in(people.viewer).get("/").status_code == 200


def test_an_empty_database_says_what_to_do(app: Flask, sign_in: SignIn) -> None:
    admin, viewer = make.user("administrator"), make.user("viewer", make.chapter("Alder"))
    page = sign_in(admin).get("/").text
    assert "Three steps" in page
    assert "/campaigns" in page
    assert "/targets" in page
    other = sign_in(viewer).get("/").text
    assert "A coordinator does this." in other
    assert "Make a campaign" not in other


def test_search_groups_what_the_rooms_find(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    add_search(
        app, "Targets", Can.SEE, lambda q, limit: [Hit(f"<{q}>", "Senator", "/targets/1")][:limit]
    )
    add_search(app, "Members", Can.SEE_MEMBERS, lambda _q, _limit: [Hit("Nora", "", "/members/1")])
    client = sign_in(people.viewer)
    page = client.get("/search?q=alpha").text
    assert "&lt;alpha&gt;" in page
    assert "Nora" not in page
    assert "What are you looking for?" in client.get("/search").text
    assert client.get("/search?q=%00").status_code == 200


def test_search_that_finds_nothing_says_so(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    add_search(app, "Nothing", Can.SEE, lambda _q, _limit: [])
    assert "Nothing found for" in sign_in(people.viewer).get("/search?q=zzzz").text


def test_the_rail_names_today_and_reports(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    page = text_of(sign_in(people.viewer).get("/reports").text)
    assert "Overview" in page
    assert "Reports" in page


def test_a_target_s_office_stands_below_its_name_on_screen_alone(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.staff)
    page = client.get("/reports/activity-by-target").text
    assert ">Office<" not in page
    report = reports()["activity-by-target"]
    _place, column, below = report.across[0]
    assert (column.key, [report.columns[place].key for place in below]) == ("target", ["office"])
    assert "Target,Office," in client.get("/reports/activity-by-target.csv").text
