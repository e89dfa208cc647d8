"""From ZIPs to districts: tables read, brought in twice, looked up on both databases."""

import csv
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, func, select, text

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.targets import district_rules, districts
from crm.targets.models import DistrictTable, ZipDistrict
from crm.targets.sources import districts as source
from tests import make

HERE = Path(__file__).parent / "data" / "districts"
CSV, CENSUS = HERE / "zccd.csv", HERE / "tab20_cd11920_zcta520_natl.txt"
TODAY = date(2026, 11, 23)
HEAD = "state_fips,state_abbr,zcta,cd\n"


def bring(path: Path = CSV, **more: Any) -> districts.Brought:
    with db.unit_of_work():
        return districts.import_districts(str(path), by=None, **more)


def bring_text(written: str, name: str = "zccd.csv", **more: Any) -> districts.Brought:
    with db.unit_of_work():
        return districts.import_districts_file(name, written.encode(), by=None, **more)


def house(given: str, family: str, area: str, district: int, **more: Any) -> Any:
    return make.legislator(
        given, family, area=area, chamber="us/house", district=str(district),
        ends_on=date(2027, 1, 3), **more,
    )  # fmt: skip


def delegation() -> None:
    house("Ann", "One", "WV", 1)
    house("Bea", "Two", "WV", 2)
    make.legislator("Cal", "Senior", district="1")
    make.legislator("Dot", "Junior", district="2")
    house("Eve", "Nine", "VA", 9)
    house("Fay", "Lone", "WY", 0)
    house("Gus", "Delegate", "DC", 0)


def names(answer: districts.Answer) -> list[str]:
    return [holder.name for seat in answer.seats for holder in seat.holders]


def count() -> int:
    return db.session.scalar(select(func.count()).select_from(ZipDistrict)) or 0


def test_it_works(any_app: Flask) -> None:
    delegation()
    assert str(bring()) == "districts of the 119th Congress: 9 added, 0 removed, 0 unchanged"
    answer = districts.represented("25705", TODAY)
    assert answer.status == "one"
    assert answer.reason == ""
    assert names(answer) == ["Ann One", "Cal Senior", "Dot Junior"]
    assert [seat.short for seat in answer.seats] == ["WV-1", "WV", "WV"]
    told = answer.vintage.told(TODAY)
    assert told == "119th Congress districts, good for members serving until January 3, 2027."


def test_twice_is_like_once_and_changes_are_exact(any_app: Flask, tmp_path: Path) -> None:
    first = bring()
    assert {change.kind for change in first.changes} == {"added"}
    assert str(bring()).endswith("0 added, 0 removed, 9 unchanged")
    edited = tmp_path / "zccd.csv"
    rows = CSV.read_text().replace("54,WV,25705,1", "54,WV,25705,2").replace("11,DC,20001,0\n", "")
    edited.write_text(rows)
    brought = bring(edited)
    assert [tuple(each) for each in brought.changes] == [
        ("removed", "20001", "District of Columbia", "DC-AL", ""),
        ("added", "25705", "West Virginia", "", "WV-2"),
        ("removed", "25705", "West Virginia", "WV-1", ""),
    ]
    assert (brought.added, brought.removed, brought.unchanged) == (1, 2, 7)
    assert count() == 8
    table = db.session.scalars(select(DistrictTable)).one()
    assert (table.starts_on, table.ends_on, table.zips) == (
        date(2025, 1, 3), date(2027, 1, 2), 6,
    )  # fmt: skip
    runs = db.session.scalars(select(ImportRun.counts).order_by(ImportRun.id)).all()
    assert [run["new"] for run in runs] == [9, 0, 1]
    verbs = db.session.scalars(select(AuditEntry.verb)).all()
    assert verbs.count("import_districts") == 3


def test_the_census_file_is_known_by_its_head(any_app: Flask) -> None:
    brought = bring(CENSUS)
    assert brought.added == 6
    assert [each.key for each in brought.changes if each.new == "AS-AL"] == ["96799"]
    assert not [each for each in brought.changes if each.key == "60601"]


def test_each_congress_has_its_own_table(any_app: Flask) -> None:
    delegation()
    bring()
    bring_text(HEAD + "54,WV,25705,2\n", congress=120)
    assert names(districts.represented("25705", TODAY))[0] == "Ann One"
    in_2027 = districts.represented("25705", date(2027, 2, 1))
    assert [seat.short for seat in in_2027.house] == ["WV-2"]
    assert in_2027.vintage.holds(date(2027, 2, 1))
    before = districts.represented("25705", date(2024, 6, 1))
    assert "began on January 3, 2025" in before.vintage.told(date(2024, 6, 1))


def test_several_districts_are_all_shown_with_the_reason(any_app: Flask) -> None:
    delegation()
    bring()
    answer = districts.represented("26501-0042", TODAY)
    assert answer.status == "several"
    assert names(answer) == ["Ann One", "Bea Two", "Cal Senior", "Dot Junior"]
    assert answer.reason.startswith("26501 touches 2 districts; a ZIP is a mail route, not an area")
    two = districts.represented("24604", TODAY)
    assert "It lies in Virginia and West Virginia." in two.reason
    assert [seat.short for seat in two.house] == ["VA-9", "WV-1"]
    assert [seat.area for seat in two.senate] == ["VA", "VA", "WV", "WV"]


def test_a_zip_without_ground_is_answered_by_its_state(any_app: Flask) -> None:
    delegation()
    bring()
    answer = districts.represented("26507", TODAY)
    assert (answer.status, answer.areas) == ("state", ("WV",))
    assert names(answer) == ["Ann One", "Bea Two", "Cal Senior", "Dot Junior"]
    assert "ZIPs that begin with 265 lie in West Virginia" in answer.reason
    crossing = districts.represented("24699", TODAY)
    assert crossing.areas == ("VA", "WV")
    assert len(crossing.house) == 13
    capital = districts.represented("94203", TODAY)
    assert capital.areas == ("CA",)
    assert len(capital.house) == 52


def test_delegates_have_no_senators_and_one_seat_is_at_large(any_app: Flask) -> None:
    delegation()
    bring()
    district = districts.represented("20001", TODAY)
    assert names(district) == ["Gus Delegate"]
    assert district.senate == ()
    wyoming = districts.represented("82001", TODAY)
    assert [seat.short for seat in wyoming.seats] == ["WY-AL", "WY", "WY"]
    island = districts.represented("96799", TODAY)
    assert [seat.label for seat in island.seats] == ["U.S. Delegate for American Samoa"]
    assert island.reason.endswith("It lies in American Samoa.")


def test_a_vacant_seat_is_shown_as_one(any_app: Flask) -> None:
    delegation()
    bring()
    answer = districts.represented("00601", TODAY)
    assert [(seat.label, seat.holders) for seat in answer.house] == [
        ("Resident Commissioner of Puerto Rico", ())
    ]
    wyoming = districts.represented("82001", TODAY)
    assert [seat.holders for seat in wyoming.senate] == [(), ()]
    assert not wyoming.is_empty


def test_the_holder_of_a_past_day_is_asked_of_that_day(any_app: Flask) -> None:
    delegation()
    bring()
    answer = districts.represented("25705", date(2024, 6, 1))
    assert names(answer) == []


def test_the_end_of_the_congress_is_said_and_members_stay(any_app: Flask) -> None:
    delegation()
    bring()
    last, after = date(2027, 1, 2), date(2027, 1, 3)
    assert districts.represented("25705", last).vintage.holds(last)
    answer = districts.represented("25705", after)
    assert not answer.vintage.holds(after)
    assert "which ended on January 3, 2027" in answer.vintage.told(after)
    assert names(answer)[0] == "Ann One"


@pytest.mark.parametrize("asked", ["25705", "26501", "26507", "24699"])
def test_at_most_three_statements(any_app: Flask, asked: str) -> None:
    delegation()
    bring()
    db.session.rollback()
    statements: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        if statement.startswith("SELECT"):
            statements.append(statement)

    event.listen(db.extension.engine, "before_cursor_execute", note)
    districts.represented(asked, TODAY)
    event.remove(db.extension.engine, "before_cursor_execute", note)
    reads = [each for each in statements if "zip_district" in each]
    assert len(statements) <= 3
    assert len(reads) == (1 if asked in ("25705", "26501") else 2)


def test_a_look_up_reads_an_index(app: Flask) -> None:
    bring()
    statement = districts.look_up("25705").compile(
        db.extension.engine, compile_kwargs={"literal_binds": True}
    )
    plan = db.session.execute(text(f"EXPLAIN QUERY PLAN {statement}")).all()
    of_zip = [row[3] for row in plan if "zip_district" in row[3]]
    assert len(of_zip) == 1
    assert of_zip[0].startswith("SEARCH zip_district USING")
    assert "(zip=? AND table_id=?)" in of_zip[0]


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("601", "If a spreadsheet took the zeros away, ask for 00601."),
        ("2138", "ask for 02138"),
        ("SW1A 1AA", "Give a ZIP of the United States"),
        ("K1A 0B1", "Give a ZIP of the United States"),
        ("٢٥٧٠٥", "Give a ZIP of the United States"),
        ("257051", "Give a ZIP of the United States"),
        ("09012", "is a military address"),
        ("96941", "independent state with American mail"),
        ("00001", "No ZIP begins with 000"),
        ("", "Give a ZIP"),
    ],
)
def test_what_is_no_zip_is_refused_with_a_sentence(any_app: Flask, typed: str, said: str) -> None:
    bring()
    with pytest.raises(Refused, match=said):
        districts.represented(typed, TODAY)


def test_without_a_table_it_says_how_to_get_one(any_app: Flask) -> None:
    with pytest.raises(Refused, match="crm import districts FILE"):
        districts.represented("25705", TODAY)


CENSUS_HEAD = CENSUS.read_text(encoding="utf-8-sig").partition("\n")[0]
CENSUS_ROW = "1|{}|CD|1|1|G5200|N|2|{}|Z|1|1|G6350|B5|S|1|1\n"


@pytest.mark.parametrize(
    ("written", "said"),
    [
        (HEAD + "54,WV,25705,1\n99,XX,25705,1\n", "row 3: state_abbr is no state: XX"),
        (HEAD + "51,WV,25705,1\n", "row 2: state_fips is not the number of WV: 51"),
        (HEAD + "54,WV,2570,1\n", "row 2: ZIP is not five digits: 2570"),
        (HEAD + "54,WV,25705,3\n", "row 2: district is none of WV's: 3"),
        (HEAD + "54,WV,25705,0\n", "row 2: district is none of WV's: 0"),
        (HEAD + "56,WY,82001,1\n", "row 2: district is none of WY's: 1"),
        (HEAD + "54,WV,25705,\n", "row 2: district is not a number: "),
        (HEAD + "54,WV,25705,-1\n", "row 2: district is not a number: -1"),
        (
            HEAD + "54,WV,25705,1\n54,WV,25705,1\n",
            "row 3 says 25705 WV-1 again, as row 2 does",
        ),
        (HEAD + "54,WV,25705,1\n54,WV,257", "row 3 has 3 fields instead of 4: it looks cut off"),
        (HEAD, "has a head and no rows: it looks cut off"),
        ("", "is no table of districts that can be read"),
        ("zip,district\n25705,1\n", "is no table of districts that can be read"),
        (HEAD + '54,WV,"25705,1\n', "is broken at line"),
        (f"{CENSUS_HEAD}\n" + CENSUS_ROW.format("9901", "25705"), "begins with no state's number"),
        (f"{CENSUS_HEAD}\n" + CENSUS_ROW.format("541", "25705"), "GEOID_CD119_20 is not four"),
        (f"{CENSUS_HEAD}\n" + CENSUS_ROW.format("5403", "25705"), "district is none of WV's: 03"),
        (f"{CENSUS_HEAD}\n1|5401|CD|1|1", "row 2 has 5 fields instead of 17: it looks cut off"),
    ],
)
def test_a_bad_file_is_refused_whole(app: Flask, written: str, said: str) -> None:
    bring()
    before = count()
    with pytest.raises(Refused) as refusal:
        bring_text(written, "table.txt")
    assert said in str(refusal.value.message)
    assert "table.txt" in str(refusal.value.message)
    assert count() == before


def test_bytes_that_are_no_text_are_refused(app: Flask) -> None:
    with pytest.raises(Refused, match="is not UTF-8 text"):
        source.parse("zccd.csv", b"state_fips,state_abbr,zcta,cd\n\xff\xfe")
    with pytest.raises(Refused, match="There is no file"):
        source.read("/nowhere/zccd.csv")
    with pytest.raises(Refused, match="Only https"):
        source.read("http://example.org/zccd.csv")


def test_the_congress_is_read_from_head_and_name(app: Flask) -> None:
    content = (HEAD + "54,WV,25705,1\n").encode()
    assert source.parse("zccd.csv", content).congress == 119
    assert source.parse("zccd-cd120.csv", content).congress == 120
    assert source.parse("zccd.csv", content, congress=120).congress == 120
    with pytest.raises(Refused, match="is of the 119th Congress, not the 120th"):
        source.parse("natl.txt", CENSUS.read_bytes(), congress=120)


def whole_country() -> str:
    rows = [HEAD]
    zips = iter(range(10_000, 100_000))
    fips = {area: number for number, area in source._STATES.items()}
    for area in (*district_rules.SEATS, "DC", "PR"):
        for district in district_rules.districts_of(area):
            rows += [f"{fips[area]},{area},{next(zips)},{district}\n" for _ in range(25)]
    return "".join(rows)


def test_a_large_file_that_was_cut_off_is_refused(app: Flask) -> None:
    whole = whole_country()
    assert bring_text(whole).added == 437 * 25
    without_end = whole[: whole.rindex(",PR,")].rpartition("\n")[0] + "\n"
    with pytest.raises(Refused, match="it looks cut off"):
        bring_text("".join(without_end.splitlines(keepends=True)[:-25]))
    with pytest.raises(Refused, match="ends within a line"):
        bring_text(whole.rstrip("\n"))
    with pytest.raises(Refused, match="It looks cut off; nothing was changed"):
        bring_text(HEAD + "54,WV,25705,1\n")


def test_the_commands(app: Flask, tmp_path: Path) -> None:
    delegation()
    run: Callable[..., Any] = lambda *args: app.test_cli_runner().invoke(args=list(args))  # noqa: E731
    file = tmp_path / "changes.csv"
    dry = run("import", "districts", str(CSV), "--dry-run", "--changes", str(file))
    assert dry.exit_code == 0
    assert "9 added" in dry.output
    assert "Dry run: nothing was changed." in dry.output
    assert count() == 0
    with file.open(newline="") as opened:
        rows = list(csv.reader(opened))
    assert rows[0] == ["kind", "key", "name", "from", "to"]
    assert ["added", "25705", "West Virginia", "", "WV-1"] in rows
    assert len(rows) == 10
    assert run("import", "districts", str(CSV)).exit_code == 0
    lines = run("district", "26501", "--on", "2026-11-23").output.splitlines()
    assert lines[0].split() == ["WV-1", "Ann", "One"]
    assert lines[1].split() == ["WV-2", "Bea", "Two"]
    assert "26501 touches 2 districts" in lines[4]
    assert "good for members serving until" in lines[5]
    answer = json.loads(run("district", "25705", "--on", "2026-11-23", "--format", "json").output)
    assert answer["districts"] == ["WV-1"]
    assert answer["seats"][0]["holders"][0]["name"] == "Ann One"
    assert answer["vintage"]["until"] == "2027-01-03"
    assert "vacant" in run("district", "82001").output
    refused = run("district", "601")
    assert refused.exit_code == 1
    assert "ask for 00601" in refused.output


def test_every_seat_is_counted() -> None:
    assert sum(district_rules.SEATS.values()) == 435
    assert len(district_rules.SEATS) == 50
    assert district_rules.dates_of(119) == (date(2025, 1, 3), date(2027, 1, 2))
    assert [district_rules.ordinal(n) for n in (111, 119, 121, 122, 123)] == [
        "111th", "119th", "121st", "122nd", "123rd",
    ]  # fmt: skip
