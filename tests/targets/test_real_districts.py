"""The real table of ZIPs and districts, where it lies beside the project. Skipped by name else."""

from collections import Counter
from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from crm.core import db
from crm.core.errors import Refused
from crm.targets import districts, operations
from crm.targets.models import ZipDistrict
from crm.targets.sources import districts as source

NEAR = [above / "shared" / "data" for above in Path(__file__).parents[3:]]
FOLDER = next((folder for folder in NEAR if folder.is_dir()), Path("shared/data"))
TABLE = FOLDER / "zip" / "zccd.csv"
TODAY = date(2026, 11, 23)

pytestmark = pytest.mark.skipif(
    not TABLE.is_file(), reason="the table of ZIPs (shared/data/zip/zccd.csv) is not here"
)


def test_all_of_it_comes_in_whole_and_once(any_app: Flask) -> None:
    for added, unchanged in ((42_033, 0), (0, 42_033)):
        with db.unit_of_work():
            brought = districts.import_districts(str(TABLE), by=None)
        assert (brought.added, brought.removed, brought.unchanged) == (added, 0, unchanged)
        assert brought.warnings == []
    pairs = db.session.execute(
        select(ZipDistrict.zip, ZipDistrict.area, ZipDistrict.district)
    ).all()
    of_zip = Counter(zip_code for zip_code, _area, _district in pairs)
    assert Counter(of_zip.values()) == {1: 26_475, 2: 6_458, 3: 755, 4: 61, 5: 17, 6: 8}
    states = Counter(zip_code for zip_code, _area in {(row[0], row[1]) for row in pairs})
    assert sum(number > 1 for number in states.values()) == 109
    assert len({(area, district) for _zip, area, district in pairs}) == 435 + 2
    assert districts.represented("91759", TODAY).status == "several"


def test_a_file_cut_off_anywhere_is_refused_or_says_so(app: Flask) -> None:
    whole = TABLE.read_bytes()
    for part in (3, 10, 50, 90, 99):
        cut = whole[: len(whole) * part // 100]
        with pytest.raises(Refused):
            source.parse("zccd.csv", cut)


@pytest.mark.skipif(not (FOLDER / "congress").is_dir(), reason="shared/data/congress is not here")
def test_the_real_members_are_found(app: Flask) -> None:
    with db.unit_of_work():
        operations.import_congress(str(FOLDER / "congress"), by=None, today=TODAY)
    with db.unit_of_work():
        districts.import_districts(str(TABLE), by=None)
    for asked, expected in {
        "25705": {"M001205", "J000312", "C001047"},
        "26507": {"M001205", "M001235", "J000312", "C001047"},
        "20001": {"N000147"},
        "00601": {"H001103"},
        "96799": {"R000600"},
    }.items():
        seats = districts.represented(asked, TODAY).seats
        assert {each.bioguide for seat in seats for each in seat.holders} == expected
    vacant = {
        seat.short
        for asked in ("94541", "33311", "30034", "77016")
        for seat in districts.represented(asked, TODAY).house
        if not seat.holders
    }
    assert vacant <= {"CA-14", "FL-20", "GA-13", "TX-23"}
    assert {"CA-14", "FL-20"} <= vacant
