"""A report on paper: set as a document, and printed from its page."""

import re
from datetime import date, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader
from sqlalchemy import insert

from crm.core import audit, db
from crm.core.i18n import today
from crm.core.tables import Column, Kind, Share
from crm.outreach.models import Action
from crm.reports import documents
from crm.reports.extracts import Extract
from tests import make
from tests.reports.conftest import ids, logged


@pytest.fixture
def work(app: Flask, people: SimpleNamespace) -> SimpleNamespace:
    members = ids(make.member("Nora", "Núñez", people.school_a))
    targets = ids(
        make.legislator("Ann", "Alpha"), make.target("=Land *of* #panic()", region="Oceania")
    )
    campaign = make.campaign().id
    logged(
        "postcard", campaign, pieces=30, targets=dict.fromkeys(targets, 15),
        members={members[0]: 10}, on=today(),
    )  # fmt: skip
    logged("meeting", campaign, targets=targets, on=today())
    return SimpleNamespace(campaign=campaign)


def read(data: bytes) -> PdfReader:
    return PdfReader(BytesIO(data))


def text_of(found: PdfReader) -> str:
    return re.sub(r"\s+", " ", " ".join(page.extract_text() for page in found.pages))


def test_it_says_what_when_by_whom_and_how_it_adds_up(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    answer = sign_in(people.staff).get("/reports/activity-by-target.pdf?campaign=postcards")
    assert answer.mimetype == "application/pdf"
    assert f"activity-by-target-{today()}.pdf" in answer.headers["Content-Disposition"]
    found = read(answer.data)
    said = text_of(found)
    for words in (
        "Activity by target", "Campaign Postcards", f"by {people.staff.name}", "Page 1 of 1",
        "Sum of the lines", "Total, each counted once", "=Land *of* #panic()", "HOW IT ADDS UP",
        "Counted once that is 31: 30 postcards and 1 meeting.",
    ):  # fmt: skip
        assert words in said, words
    # Headings and heads of columns are told to those who hear it.
    assert found.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert found.metadata.title == "Activity by target"
    assert b"/TH" in answer.data or b"/StructTreeRoot" in answer.data


def test_members_are_numbers_in_it(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    said = text_of(read(sign_in(people.admin).get("/reports/activity-by-member.pdf").data))
    assert "Nora" not in said
    assert "Núñez" not in said


def test_what_is_too_long_for_one_is_said_and_taken_as_csv(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    rows = [
        {"channel": "event", "campaign_id": work.campaign, "happened_on": today(), "pieces": 1,
         "unnamed": 1, "details": {}, "client_key": f"event-{number}"}
        for number in range(documents.MOST)
    ]  # fmt: skip
    with db.unit_of_work():
        db.session.execute(insert(Action), rows)
        audit.record("make", "test", None, by=None)
    answer = sign_in(people.staff).get("/reports/actions.pdf")
    assert answer.status_code == 422
    assert "This is more than 2,000 lines. Narrow it, or take it as CSV." in answer.text
    assert sign_in(people.staff).get("/reports/actions/print").text.count("<tr>") <= 2_003


def test_who_may_not_download_has_no_document(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    assert sign_in(people.viewer).get("/reports/activity-by-target.pdf").status_code == 403


def long_extract(rows: int, columns: int) -> Extract:
    heads = [Column(f"c{n}", f"Column {n}", Kind.NUMBER, 10) for n in range(1, columns)]
    return Extract(
        name="long",
        title="A long report of a title that goes on over more than one line of the page it is on",
        columns=[Column("who", "Who", width=30), *heads],
        rows=[(f"Row {n} with a rather long name", *range(1, columns)) for n in range(rows)],
        keys=[str(n) for n in range(rows)],
        totals=(None, *range(1, columns)),
        told="It adds up.",
        limits=["Only what Alder High did."],
        counts="c1",
    )


@pytest.mark.parametrize(("columns", "wide"), [(4, False), (12, True)])
def test_heads_are_repeated_and_what_is_wide_lies_on_its_side(
    app: Flask, columns: int, wide: bool
) -> None:
    made = documents.of_extract(
        long_extract(120, columns), made_at=db.now(), made_by="Ines Admin", paper="a4"
    )
    found = read(made)
    assert len(found.pages) >= 3
    assert [page.extract_text().count("Column 1") >= 1 for page in found.pages[:-1]] == [True] * (
        len(found.pages) - 1
    )
    box = found.pages[0].mediabox
    assert (box.width > box.height) == wide
    assert "Only what Alder High did." in text_of(found)


def test_the_longest_there_is_does_not_hang(app: Flask) -> None:
    made = documents.of_extract(
        long_extract(documents.MOST, 9), made_at=db.now(), made_by="Ines Admin", paper="letter"
    )
    assert len(read(made).pages) > 30


def test_the_page_to_print_has_every_line_and_no_form(
    work: SimpleNamespace, people: SimpleNamespace, sign_in: Any
) -> None:
    client = sign_in(people.staff)
    assert (
        "/reports/activity-by-target/print?campaign=postcards"
        in client.get("/reports/activity-by-target?campaign=postcards").text
    )
    page = client.get("/reports/activity-by-target/print?campaign=postcards").text
    assert 'class="filters' not in page
    assert "Back to the report" in page
    assert f"by {people.staff.name}" in page


def test_cells_are_written_as_the_reader_writes_them(app: Flask) -> None:
    day = date(2026, 3, 1)
    columns = [Column("a", "A"), Column("m", "M", Kind.MONTH), Column("d", "D", Kind.DATE),
               Column("n", "N", Kind.NUMBER), Column("s", "S", Kind.SHARE)]  # fmt: skip
    extract = Extract(
        name="x", title="X", columns=columns, keys=["1"],
        rows=[("a", day, day + timedelta(days=1), 12_345, Share(1, 4))],
    )  # fmt: skip
    made = documents.of_extract(extract, made_at=db.now(), made_by="Ines Admin", paper="a4")
    said = text_of(read(made))
    for words in ("March 2026", "Mar 2, 2026", "12,345", "1 of 4 (25%)"):
        assert words in said
