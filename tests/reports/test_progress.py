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
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pypdf import PdfReader
from sqlalchemy import select

from crm.campaigns import outline, strategies, strategy_queries
from crm.campaigns.strategies import ValueDraft
from crm.core import audit, db
from crm.core.access import Role, Scope
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.tables import Column, Kind
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Consent, Departure, DepartureMember, Member, Membership
from crm.reports import answering
from crm.reports.catalogue import Question, reports
from crm.reports.extracts import Extract
from crm.reports.forms import parse
from crm.reports.progress import chapters
from crm.reports.progress import files as progress_files
from crm.reports.progress import paper as progress_paper
from crm.reports.progress.asked import SOURCE, wished
from crm.reports.progress.audiences import AUDIENCES, FEW, together
from crm.reports.progress.document import SECTIONS, Document, document
from crm.reports.progress.words import cell
from crm.targets.models import Target
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
        assert each.totals == alone.totals
        if each.name == "activity-by-chapter":
            # Small chapters are one line, which adds up what they did.
            assert each.told.startswith(alone.told)
            assert [row[2:] for row in each.rows] == [(32, 3, date(2026, 1, 10))]
        else:
            assert (each.rows, each.told) == (alone.rows, alone.told)
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


@pytest.mark.parametrize(
    ("listed", "told"),
    [
        ("Ash, Birch", "Ash, Birch"),
        ("Ash, Cedar", "Ash, other chapters"),
        ("Cedar, Cedar, North", "Other chapters"),
        ("Ash, Cedar, Birch, Hill and Dale, and 2 more", "Ash, Birch, other chapters, and 2 more"),
        ("Hill, Upper, Ash", "Hill, Upper, Ash"),
        ("", ""),
    ],
)
def test_small_chapters_are_not_named(app: Flask, listed: str, told: str) -> None:
    alone = {
        "Ash": True, "Birch": True, "Hill": False, "Hill, Upper": True, "Cedar": False,
        "Cedar, North": False, "Hill and Dale": False,
    }  # fmt: skip
    with app.test_request_context():
        assert chapters.named(listed, alone) == told


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    did=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 90), st.integers(1, 9)), min_size=1, max_size=9
    )
)
def test_chapters_told_together_add_up(app: Flask, did: list[tuple[int, int, int]]) -> None:
    slugs = [f"c{place}" for place in range(len(did))]
    known = {
        slug: chapters.Sized(slug.upper(), members)
        for slug, (members, _pieces, _actions) in zip(slugs, did, strict=True)
    }
    columns = [Column("chapter", "Chapter"), Column("place", "Place"),
               Column("pieces", "Outreach", Kind.NUMBER), Column("actions", "Actions", Kind.NUMBER),
               Column("last", "Last", Kind.DATE)]  # fmt: skip
    rows = [
        (known[slug].name, "Here", pieces, actions, date(2026, 1, 1 + place))
        for place, (slug, (_members, pieces, actions)) in enumerate(zip(slugs, did, strict=True))
    ]
    found = Extract(name="x", title="X", columns=columns, rows=rows, keys=slugs,
                    totals=("Total", "", 1, 1, None))  # fmt: skip
    parted = chapters.split(slugs, known)
    with app.test_request_context():
        told = chapters.few_as_one(found, slugs, parted)
    for at in (2, 3):
        assert sum(row[at] for row in told.rows) == sum(row[at] for row in rows)
    assert max(row[4] for row in told.rows) == rows[-1][4]
    assert told.totals == found.totals
    assert len(told.rows) == len(told.keys)
    alone = [slug for slug in slugs if slug not in parted.joined]
    assert told.keys[: len(alone)] == alone
    assert all(known[slug].members >= FEW for slug in alone)
    if parted.joined and alone:
        # Taken from the total, the line would say what five people of two chapters did at least.
        assert len(parted.joined) > 1
        assert sum(known[slug].members for slug in parted.joined) >= FEW


def test_small_chapters_in_every_file(app: Flask) -> None:
    world = make.people()
    tale = told(world)
    large = make.chapter("Cedar High School", world.state)
    for place in range(6):
        make.member(f"P{place}", None, large)
    logged("postcard", tale.campaign, targets={tale.niue.id: 40}, chapters=[large.id], pieces=40)
    with db.unit_of_work():
        # One of Alder's five leaves; the next smallest goes with the small ones.
        tale.ana = db.session.get_one(Member, tale.ana.id)
        membership = db.session.scalars(
            select(Membership).where(Membership.member_id == tale.ana.id)
        ).one()
        membership.left_on = UNTIL
        audit.record("make", "test", None, by=None)
    hidden = (b"Alder", b"Birch")
    for name in ("board", "coalition"):
        found = made(app, audience=name)
        did = named(found, "activity-by-chapter")
        assert [(row[0], row[2], row[3]) for row in did.rows] == [
            ("Cedar High School", 40, 1), ("Other chapters", 32, 3),
        ]  # fmt: skip
        assert cell(did, "pieces") == 71
        acted = next(each for each in found.extracts if each.title == "Who acted in which country")
        assert [row[1] for row in acted.rows] == [
            "Cedar High School, other chapters", "Other chapters",
        ]  # fmt: skip
        with app.test_request_context():
            paper = progress_paper.paper(found, paper="a4", made=db.now(), made_by="Ann")
            for format in ("zip", "xlsx", "json"):
                body, _type = progress_files.made(found, format, made=db.now(), made_by="Ann")
                if format != "json":
                    with zipfile.ZipFile(BytesIO(body)) as archive:
                        body = b"".join(archive.read(each) for each in archive.namelist())
                assert b"Cedar" in body
                assert not any(each in body for each in hidden), (name, format)
        text = "".join(page.extract_text() for page in PdfReader(BytesIO(paper)).pages)
        assert "Other chapters" in text
        assert "Alder" not in text


def test_a_chapter_without_members_is_as_big_as_what_is_below_it(any_app: Flask) -> None:
    world = make.people()
    told(world)
    found = chapters.sizes(UNTIL)
    assert {each.name: each.members for each in found.values()} == {
        "Mountain State Campaign": 6, "Alder High School": 5, "Birch High School": 1,
    }  # fmt: skip


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
        assert b"one chapter whose members you see" in body, format


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


def test_who_made_it_may_be_a_minor(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    told(people)
    kit = make.user(Role.COORDINATOR, people.school_a, name="Kit Youngster")
    pupil = make.member("Kit", "Youngster", people.school_a)
    with db.unit_of_work():
        db.session.get_one(Member, pupil.id).user_id = kit.id
        audit.record("make", "test", None, by=None)
    signed_in = sign_in(kit)
    frozen = signed_in.post(
        "/reports/progress/freeze", query_string=GIVEN, data={"reason": "Meeting"}
    ).location
    addresses = [
        *(f"/reports/progress.{format}" for format in ("pdf", "xlsx", "json")),
        f"{frozen}.pdf", f"{frozen}.xlsx",
        f"/targets/{db.session.scalar(select(Target.id).limit(1))}/dossier.pdf",
        "/reports/explorer.xlsx",
    ]  # fmt: skip
    for address in addresses:
        explored = {"rows": "channel", "measure": "pieces"}
        answer = signed_in.get(address, query_string=explored if "explorer" in address else GIVEN)
        assert answer.status_code == 200, address
        text = answer.get_data()
        if answer.mimetype == "application/pdf":
            pages = PdfReader(BytesIO(text)).pages
            text = " ".join(" ".join(page.extract_text().split()) for page in pages).encode()
        elif address.endswith("xlsx"):
            with zipfile.ZipFile(BytesIO(text)) as book:
                text = b"".join(book.read(each) for each in book.namelist())
        assert b"a student of Alder" in text, address
        assert b"Youngster" not in text, address


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
