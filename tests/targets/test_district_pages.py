"""The page that says who represents a ZIP, and the one that brings the table in."""

from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, func, select

from crm.core import db
from crm.targets import districts
from crm.targets.models import DistrictTable, ZipDistrict
from tests import make

CSV = Path(__file__).parent / "data" / "districts" / "zccd.csv"
SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def table(app: Flask) -> None:
    with db.unit_of_work():
        districts.import_districts(str(CSV), by=None)
    for given, family, district in (("Ann", "One", "1"), ("Bea", "Two", "2")):
        make.legislator(given, family, chamber="us/house", district=district)
    make.legislator("Cal", "Senior", district="1")


def test_it_works(people: SimpleNamespace, sign_in: SignIn, table: None) -> None:
    client = sign_in(people.member)
    assert "Only the ZIP is asked" in client.get("/targets/represents").text
    page = client.get("/targets/represents?zip=25705").text
    assert "Ann One" in page
    assert "Bea Two" not in page
    assert "Cal Senior" in page
    assert "Vacant" in page
    assert "good for members serving until January 3, 2027" in page or "ended on" in page
    assert "Log outreach to" not in page


def test_several_are_all_shown_and_one_can_be_chosen(
    people: SimpleNamespace, sign_in: SignIn, table: None
) -> None:
    client = sign_in(people.leader)
    page = client.get("/targets/represents?zip=26501").text
    assert "26501 touches 2 districts" in page
    assert 'href="https://www.house.gov/representatives/find-your-representative"' in page
    assert page.index("Ann One") < page.index("Bea Two")
    assert "/outreach/log?target=" in page
    chosen = client.get("/targets/represents?zip=26501&district=WV-2").text
    assert chosen.index("Bea Two") < chosen.index("Ann One")
    assert "chosen" in chosen


def test_nonsense_is_answered_on_the_form(
    people: SimpleNamespace, sign_in: SignIn, table: None
) -> None:
    client = sign_in(people.member)
    answer = client.get("/targets/represents", query_string={"zip": "<b>601</b>"})
    assert answer.status_code == 422
    assert "<b>601" not in answer.text
    assert "five digits" in answer.text
    assert "ask for 00601" in client.get("/targets/represents?zip=601").text
    assert client.get("/targets/represents?zip=%00&district=%00").status_code == 200


def test_without_a_table_it_says_what_to_do(people: SimpleNamespace, sign_in: SignIn) -> None:
    assert "No table of districts yet" in sign_in(people.member).get("/targets/represents").text
    page = sign_in(people.coordinator).get("/targets/represents?zip=25705").text
    assert "No table of ZIPs and districts" in page
    assert "/targets/import/districts" in page


def test_five_digits_in_the_search_are_a_zip(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    assert "/targets/represents?zip=25705" in client.get("/search?q=25705").text
    assert "/targets/represents?zip" not in client.get("/search?q=Alder").text


def test_statements_of_a_page_do_not_grow(
    people: SimpleNamespace, sign_in: SignIn, table: None
) -> None:
    client = sign_in(people.leader)
    counts = {}
    for asked in ("25705", "26501", "94203"):
        statements: list[str] = []

        def note(*args: Any, into: list[str] = statements) -> None:
            into.append(args[2])

        event.listen(db.extension.engine, "before_cursor_execute", note)
        assert client.get(f"/targets/represents?zip={asked}").status_code == 200
        event.remove(db.extension.engine, "before_cursor_execute", note)
        counts[asked] = len([each for each in statements if each.startswith("SELECT")])
    assert max(counts.values()) <= 5


def test_a_table_is_sent_in(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    sent = {"table": (BytesIO(CSV.read_bytes()), "zccd.csv"), "congress": ""}
    answer = client.post("/targets/import/districts", data=sent, follow_redirects=True)
    assert "9 added, 0 removed, 0 unchanged" in answer.text
    assert db.session.scalar(select(func.count()).select_from(ZipDistrict)) == 9
    run_id = db.session.scalars(select(DistrictTable.import_id)).one()
    assert "ZIPs and districts" in client.get("/targets/import").text
    assert client.get(f"/targets/imports/{run_id}").status_code == 200


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a,b\n1,2\n", "is no table of districts that can be read"),
        (b"state_fips,state_abbr,zcta,cd\n54,WV,25705,7\n", "row 2: district is none of WV"),
    ],
)
def test_a_bad_table_is_refused(
    people: SimpleNamespace, sign_in: SignIn, content: bytes, said: str
) -> None:
    client = sign_in(people.coordinator)
    answer = client.post(
        "/targets/import/districts", data={"table": (BytesIO(content), "t.csv"), "congress": "119"}
    )
    assert answer.status_code == 422
    assert said in answer.text
    assert client.post("/targets/import/districts", data={}).status_code == 422
    odd = {"table": (BytesIO(b"x"), "t.csv"), "congress": "abc"}
    assert client.post("/targets/import/districts", data=odd).status_code == 422


def test_only_those_who_may_import_do(people: SimpleNamespace, sign_in: SignIn) -> None:
    assert sign_in(people.leader).get("/targets/import/districts").status_code == 403
    assert sign_in(people.member).get("/targets/represents").status_code == 200
