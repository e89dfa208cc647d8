"""The progress report: its numbers are the catalogue's, its audiences show what they may of people,
its paper is read back, and it is kept and compared.
"""

import json
import zipfile
from collections.abc import Callable
from datetime import date
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import select

from crm.campaigns import outline, strategies, strategy_queries
from crm.campaigns.strategies import ValueDraft
from crm.core import audit, db
from crm.core.access import Scope
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Consent, Departure, DepartureMember, Member
from crm.reports import answering
from crm.reports.catalogue import Question, reports
from crm.reports.extracts import Extract
from crm.reports.forms import parse
from crm.reports.progress import files as progress_files
from crm.reports.progress.asked import SOURCE, wished
from crm.reports.progress.audiences import AUDIENCES, together
from crm.reports.progress.document import SECTIONS, Document, document
from crm.reports.progress.words import cell
from tests import make
from tests.members.test_queries import statements
from tests.reports.conftest import logged

SignIn = Callable[[Any], FlaskClient]
SINCE, UNTIL = date(2025, 9, 1), date(2026, 3, 1)
EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()))
SURNAMES = ("Quillfeather", "Thistledown")
GIVEN = {"strategy": "plan", "since": "2025-09-01", "until": "2026-03-01", "audience": "board"}


def told(world: SimpleNamespace) -> SimpleNamespace:
    """Two schools at work for a strategy: joint work, an act with two targets, a tally."""
    ana = make.member("Ana", SURNAMES[0], world.school_a)
    others = [make.member(name, SURNAMES[1], world.school_a) for name in ("Bo", "Cy", "Di", "Ed")]
    lone = make.member("Fay", SURNAMES[1], world.school_b)
    senator = make.legislator("Ada", "Senator")
    niue = make.target("Niue")
    campaign = make.campaign(chapters=(world.state,), targets=(senator, niue))
    everybody = [ana, *others]
    logged(
        "postcard", campaign, targets={senator.id: 20, niue.id: 10},
        members={each.id: 5 for each in everybody}, chapters=[world.school_a.id], pieces=30,
        outcomes=[(senator.id, "substantive_reply", date(2025, 11, 1))],
    )  # fmt: skip
    logged("meeting", campaign, targets=[senator.id, niue.id], members={ana.id: 1, lone.id: 1},
           chapters=[world.school_a.id, world.school_b.id], on=date(2026, 1, 10))  # fmt: skip
    logged("postcard", campaign, targets={niue.id: 7}, chapters=[world.school_b.id], pieces=7,
           on=date(2024, 1, 10))  # fmt: skip
    with db.unit_of_work():
        strategy = strategies.create_strategy(
            name="Plan", chapter_id=world.state.id, starts_on=SINCE, ends_on=date(2027, 6, 30),
            summary="Three years.", goals=outline.read("I More states join\n1a Cards\n1b Calls"),
            approved_on=SINCE, approved_by="the board", by=None,
        )  # fmt: skip
        first, second = strategy_queries.objectives(strategy)
        strategies.add_indicator(
            strategy, first, text="Postcards", count="pieces", asked={"channel": "postcard"},
            values=[ValueDraft("baseline", 0, SINCE), ValueDraft("target", 100, date(2027, 6, 30))],
            by=None,
        )  # fmt: skip
        strategies.add_indicator(strategy, second, text="Calls", by=None)
    return SimpleNamespace(ana=ana, others=others, lone=lone, campaign=campaign, niue=niue)


def made(app: Flask, **more: str) -> Document:
    with app.test_request_context():
        return document(app, wished({**GIVEN, **more}, UNTIL), EVERYWHERE)


def named(found: Document, name: str) -> Extract:
    return next(each for each in found.extracts if each.name == name)


def test_its_numbers_are_those_of_the_catalogue(any_app: Flask) -> None:
    told(make.people())
    found = made(any_app)
    seen = set()
    for each in found.extracts:
        report = reports().get(each.name)
        if report is None or each.name != report.name:
            continue
        with any_app.test_request_context():
            given = {k: v for k, v in GIVEN.items() if k in ("since", "until")}
            wanted = parse(given, report, EVERYWHERE).wanted
            asked = Question(wanted=wanted, viewer=EVERYWHERE, exit=Exit.EXPORT, on=UNTIL)
            if each.title != str(report.title):
                continue
            alone = answering.extract(any_app, report, asked)
        assert (each.rows, each.totals, each.told) == (alone.rows, alone.totals, alone.told)
        assert each.holds
        seen.add(each.name)
    assert {"activity-by-campaign", "activity-by-target", "outcomes", "response-rate"} <= seen
    # Key figures are the totals of those tables.
    figures = dict(named(found, "key-figures").rows)
    assert figures["Pieces and acts"] == 31
    assert cell(named(found, "activity-by-campaign"), "pieces") == 31
    assert figures["Targets reached"] == 2
    assert figures["Members who took part"] == 6
    indicators = named(found, "indicators")
    value = [column.key for column in indicators.columns].index("value")
    assert [row[value] for row in indicators.rows] == [30, None]
    # The same written and read.
    again = Document.from_json(json.loads(json.dumps(found.as_json())))
    assert again.as_json() == found.as_json()
    assert [section.key for section, _tables in again.sections] == [
        section.key for section, _tables in found.sections
    ]
    # As of a day on which nothing had been entered yet.
    early = made(any_app, as_of="2025-09-02", until="2025-09-02")
    assert dict(named(early, "key-figures").rows)["Pieces and acts"] == 0


def test_audiences_and_what_they_show_of_people(app: Flask) -> None:
    world = make.people()
    told(world)
    school = {"audience": "school", "chapter": world.school_a.slug}
    rows = {
        name: [row[:2] for row in named(made(app, audience=name), "participation").rows]
        for name in ("board", "coalition", "funder")
    }
    # One took part of the other school: told alone, the number would say who.
    assert rows["board"] == rows["coalition"] == [("2 smaller groups together", 6)]
    assert rows["funder"] == []
    assert named(made(app, **school), "participation").rows == [("Alder High School", 5)]
    for name in AUDIENCES:
        words = json.dumps(made(app, **{**school, "audience": name}).as_json())
        assert not any(surname in words for surname in SURNAMES)
        assert not any(f'"{given}' in words for given in ("Ana", "Fay"))
        tables = {each["name"] for each in json.loads(words)}
        assert "activity-by-member" not in tables
        assert ("activity-by-chapter" in tables) == (name != "funder")
    with app.test_request_context(), pytest.raises(Refused, match="Choose the school"):
        wished({**GIVEN, "audience": "school"}, UNTIL)


@pytest.mark.parametrize(
    ("groups", "alone", "joined"),
    [
        ({}, [], []),
        ({"a": 9, "b": 7}, ["a", "b"], []),
        ({"a": 9, "b": 2}, [], ["a", "b"]),
        ({"a": 9, "b": 2, "c": 1}, [], ["a", "b", "c"]),
        ({"a": 9, "b": 3, "c": 3}, ["a"], ["b", "c"]),
        ({"a": 9, "b": 6, "c": 1}, ["a"], ["b", "c"]),
        ({"a": 2}, [], ["a"]),
    ],
)
def test_small_groups_are_told_together(
    groups: dict[str, int], alone: list[str], joined: list[str]
) -> None:
    assert together(groups) == (alone, joined)


def test_page_and_files(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    staff = sign_in(people.staff)
    assert "No strategy yet" in staff.get("/reports/progress").text
    told(people)
    assert "What is to be told" in staff.get("/reports/progress").text
    for wrong, words in (
        ({"audience": "press"}, "Choose whom the report is for."),
        ({"until": "2024-01-01"}, "The period ends before it starts"),
        ({"since": "soon"}, "is not a date"),
        ({"strategy": "none"}, "Nothing is known as “none”."),
        ({"audience": "school"}, "Choose the school"),
        ({"period": "someday"}, "Nothing is known as"),
    ):
        answer = staff.get("/reports/progress", query_string={**GIVEN, **wrong})
        assert answer.status_code == 422
        assert words in answer.text
    with statements() as seen:
        page = staff.get("/reports/progress", query_string=GIVEN)
    assert page.status_code == 200
    assert "More states join" in page.text
    assert "Adds up" not in page.text
    assert 'href="#objectives"' in page.text
    assert not any(surname in page.text for surname in SURNAMES)
    few = len(seen)
    with db.unit_of_work():
        for number in range(5):
            make.target(f"Land {number}")
    with statements() as seen:
        staff.get("/reports/progress", query_string=GIVEN)
    assert len(seen) == few
    files = {
        format: staff.get(f"/reports/progress.{format}", query_string=GIVEN)
        for format in ("json", "zip", "xlsx", "pdf")
    }
    assert {answer.status_code for answer in files.values()} == {200}
    said = files["json"].get_json()
    assert said["about"] == "Plan"
    assert [each["key"] for each in said["sections"]] == [
        each for each in SECTIONS if each in {section["key"] for section in said["sections"]}
    ]
    with zipfile.ZipFile(BytesIO(files["zip"].data)) as archive:
        names = archive.namelist()
        assert any(name.endswith("activity-by-campaign.csv") for name in names)
    with zipfile.ZipFile(BytesIO(files["xlsx"].data)) as book:
        workbook = book.read("xl/workbook.xml").decode()
    assert "Activity by campaign" in workbook
    assert "Activity by target 2" in workbook
    exports = [
        row.changes["format"]
        for row in db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "export"))
    ]
    assert sorted(exports) == ["json", "pdf", "xlsx", "zip"]
    viewer = sign_in(people.viewer) if hasattr(people, "viewer") else None
    if viewer is not None:
        assert viewer.get("/reports/progress.pdf", query_string=GIVEN).status_code == 403


def test_files_say_what_their_maker_does_not_see(app: Flask, people: SimpleNamespace) -> None:
    told(people)
    own = Viewer(sees=Scope(everywhere=False, chapter_ids=frozenset({people.school_a.id})))
    found = document(app, wished(GIVEN, UNTIL), own)
    for format in ("zip", "xlsx", "json"):
        body, _type = progress_files.made(found, format, made=db.now(), made_by="Ann")
        if format != "json":
            with zipfile.ZipFile(BytesIO(body)) as archive:
                body = b"".join(archive.read(name) for name in archive.namelist())
        assert b"1 chapter whose members you see" in body, format


def test_the_paper_is_read_back(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    told(people)
    staff = sign_in(people.staff)
    answer = staff.get("/reports/progress.pdf", query_string={**GIVEN, "paper": "a4"})
    assert answer.mimetype == "application/pdf"
    paper = PdfReader(BytesIO(answer.data))
    text = " ".join(page.extract_text() for page in paper.pages)
    text = " ".join(text.split())
    places = [text.index(words) for words in ("Contents", "Summary", "Goals and objectives")]
    assert places == sorted(places)
    assert text.rindex("Appendix: every target") > text.rindex("Sources")
    assert "1a Cards" in text
    assert "Targets were reached 32 times" in text
    assert not any(surname in text for surname in SURNAMES)
    root: Any = paper.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert "/StructTreeRoot" in root
    assert paper.metadata is not None
    assert paper.metadata.title == "Progress report: Plan"
    assert abs(float(paper.pages[0].mediabox.width) - 595) < 1
    assert len(paper.outline) >= 5


def test_first_names_for_a_school(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    found = told(people)
    with db.unit_of_work():
        for member, answer in ((found.ana, "given"), (found.others[0], "refused")):
            db.session.get_one(Member, member.id).age_band = "adult"
            db.session.add(
                Consent(member_id=member.id, purpose="media", answer=answer,
                        starts_on=date(2025, 9, 1), how="paper")
            )  # fmt: skip
        audit.record("make", "test", None, by=None)
    given = {**GIVEN, "audience": "school", "chapter": people.school_a.slug}
    staff = sign_in(people.staff)
    address = "/reports/progress"
    assert "PDF with first names" in staff.get(address, query_string=given).text
    assert staff.post(address, query_string=given, data={"reason": ""}).status_code == 422
    answer = staff.post(address, query_string=given, data={"reason": "The principal asked"})
    assert answer.status_code == 200
    text = " ".join(
        " ".join(page.extract_text().split()) for page in PdfReader(BytesIO(answer.data)).pages
    )
    assert "Ana" in text
    assert "and 4 more who took part" in text
    assert not any(name in text for name in (*SURNAMES, "Bo,", "Fay"))
    left = db.session.scalars(select(Departure)).one()
    assert (left.exit, left.reason) == ("media", "The principal asked")
    assert list(db.session.scalars(select(DepartureMember.member_id))) == [found.ana.id]
    # Nobody else's audience has names.
    board = staff.post(address, query_string=GIVEN, data={"reason": "x"})
    assert board.status_code == 422
    coordinator = sign_in(people.coordinator)
    assert "PDF with first names" not in coordinator.get(address, query_string=given).text


def test_it_is_kept_and_compared(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    told(people)
    with app.test_request_context():
        reading = SOURCE.read(GIVEN | {"period": "last-12-months"}, EVERYWHERE, UNTIL)
        assert "period" not in reading.given
        assert reading.moving["period"] == "last-12-months"
        tables = SOURCE.answer(app, reading.given, EVERYWHERE)
    assert Document(tables).title == "Progress report"
    staff = sign_in(people.staff)
    answer = staff.post("/reports/progress/freeze", query_string=GIVEN, data={"reason": "Meeting"})
    assert answer.status_code == 303
    assert staff.get(answer.location).status_code == 200
