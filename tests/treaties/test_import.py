"""Tables come in: only what is new or on another day is written, and nothing of a broken one."""

from datetime import date
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.changes import Change
from crm.core.errors import Refused
from crm.treaties import operations, queries
from crm.treaties.models import TreatyEvent
from crm.treaties.operations import Imported
from crm.treaties.rules import Status

NOW = date(2026, 11, 23)
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "treaties"
HEAD = "date,treaty,iso_alpha3,event\n"


def load() -> None:
    with db.unit_of_work():
        operations.load_reference(by=None)


def take(place: Path | None) -> Imported:
    with db.unit_of_work():
        return operations.import_treaties(str(place) if place else None, by=None, today=NOW)


def table(folder: Path, *rows: str, name: str = "events.csv", head: str = HEAD) -> Path:
    path = folder / name
    path.write_text(head + "".join(f"{row}\n" for row in rows), encoding="utf-8")
    return path


def rows() -> int:
    return db.session.scalar(select(func.count(TreatyEvent.id))) or 0


def test_it_works(any_app: Flask, tmp_path: Path) -> None:
    load()
    path = table(
        tmp_path,
        "2020-08-07,CCM,NIU,accession",
        "2026-10-05,CCM,BRA,accession",
        "2008-12-03,CCM,NOR,signature",
        "2026-05-04,MBT,LBN,accession",
    )
    taken = take(path)
    assert taken.counts == {"added": 1, "corrected": 2, "unchanged": 1, "kept": 0}
    assert taken.changes == [
        Change("corrected", "CCM NIU accession", "Niue", "2020-08-06", "2020-08-07"),
        Change("corrected", "MBT LBN accession", "Lebanon", "day not known", "2026-05-04"),
        Change("added", "CCM BRA accession", "Brazil", "", "2026-10-05"),
    ]
    assert queries.standings("CCM", NOW)["BRA"].number == 114
    again = take(path)
    assert (again.counts["unchanged"], again.changes) == (4, [])
    # The shipped table does not bring back what was corrected.
    assert take(None).counts == {"added": 0, "corrected": 0, "unchanged": 815, "kept": 1}
    runs = db.session.scalars(select(ImportRun).where(ImportRun.importer == "treaties")).all()
    assert [run.counts["added"] for run in runs] == [816, 1, 0, 0]


def test_the_shipped_table_fills_an_empty_ledger(any_app: Flask) -> None:
    taken = take(None)
    assert taken.counts["added"] == len(taken.changes) == 816
    assert take(None).counts == {"added": 0, "corrected": 0, "unchanged": 816, "kept": 0}


def test_the_real_tables_say_what_is_shipped(ledger: Flask) -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/data/treaties is not here")
    assert take(REAL).counts == {"added": 0, "corrected": 0, "unchanged": 816, "kept": 0}
    found = take(REAL / "treaty-events.csv")
    assert found.counts == {"added": 0, "corrected": 0, "unchanged": 811, "kept": 0}
    assert take(REAL / "cluster-munitions.csv").changes == []


def test_a_table_a_treaty(ledger: Flask, tmp_path: Path) -> None:
    head = "iso_alpha3,signature_date,consent_date,consent_type,entry_into_force\n"
    path = table(
        tmp_path, "NIU,,2020-08-06,accession,2021-02-01", "BRA,,,accession,", "USA,,,,",
        head=head, name="cluster-munitions-2027.csv",
    )  # fmt: skip
    taken = take(path)
    assert taken.changes == [Change("added", "CCM BRA accession", "Brazil", "", "day not known")]
    found = queries.standings("CCM", NOW)["BRA"]
    assert (found.status, found.day_known) == (Status.PARTY, False)
    # Read again later, it has nothing new to say.
    assert take(path).changes == []


def test_a_deposit_that_moves_takes_its_entry_into_force_along(
    ledger: Flask, tmp_path: Path
) -> None:
    taken = take(table(tmp_path, "2020-09-01,CCM,NIU,accession"))
    assert [(change.kind, change.key, change.new) for change in taken.changes] == [
        ("corrected", "CCM NIU accession", "2020-09-01"),
        ("corrected", "CCM NIU entry_into_force", "2021-03-01"),
    ]
    assert taken.warnings == []


def test_a_day_of_entry_into_force_that_does_not_follow_is_told(
    ledger: Flask, tmp_path: Path
) -> None:
    taken = take(
        table(tmp_path, "2020-09-01,CCM,NIU,accession", "2021-02-01,CCM,NIU,entry_into_force")
    )
    assert len(taken.changes) == 1
    assert "article 17 gives 2021-03-01" in taken.warnings[0]
    assert queries.standings("CCM", NOW)["NIU"].in_force_on == date(2021, 2, 1)


def test_a_way_to_join_that_was_another(ledger: Flask, tmp_path: Path) -> None:
    taken = take(table(tmp_path, "2011-03-24,CCM,LTU,acceptance"))
    assert taken.changes == [
        Change("corrected", "CCM LTU acceptance", "Lithuania", "ratification 2011-03-24",
               "acceptance 2011-03-24")
    ]  # fmt: skip


def test_coming_back_is_no_correction(ledger: Flask, tmp_path: Path) -> None:
    taken = take(table(tmp_path, "2026-02-10,CCM,LTU,accession"))
    assert [change.kind for change in taken.changes] == ["added"]


def test_withdrawals_come_in(ledger: Flask, tmp_path: Path) -> None:
    path = table(
        tmp_path, "2026-03-02,CCM,NIU,withdrawal_notice", "2026-09-02,CCM,NIU,withdrawal_effective"
    )
    assert len(take(path).changes) == 2
    assert queries.standings("CCM", date(2026, 9, 2))["NIU"].status is Status.WITHDRAWN


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("2020-02-30,CCM,BRA,accession", "date: “2020-02-30” is not a date"),
        ("20200228,CCM,BRA,accession", "date: “20200228” is not a date"),
        ("2020-W10-1,CCM,BRA,accession", "date: “2020-W10-1” is not a date"),
        (",CCM,BRA,accession", "date: it is missing"),
        ("2020-02-28,CCM,ZZZ,accession", "iso_alpha3: there is no state “ZZZ”"),
        ("2020-02-28,CWC,BRA,accession", "treaty: there is no treaty “CWC”"),
        ("2020-02-28,CCM,BRA,joined", "event: there is no event “joined”"),
        ("2020-02-28,CCM,BRA,retraction", "event: there is no event “retraction”"),
        ("2020-02-28,CCM,BRA,accession,x", "row: there are more cells"),
        ("2020-02-28,CCM,BRA,ratification", "date: BRA CCM: It had not signed by then"),
        ("2020-02-28,CCM,BRA,withdrawal_notice", "date: BRA CCM: It had not joined"),
        ("2027-02-28,CCM,BRA,accession", "date: BRA CCM: 2027-02-28 is in the future"),
        ("2009-02-28,MBT,USA,signature", "date: USA MBT: The Mine Ban Treaty is closed"),
        ("2008-01-01,CCM,LTU,ratification", "date: LTU CCM: "),
        ("2026-10-05,CCM,BRA,accession", "date: this stands in the file twice"),
    ],
)
def test_a_bad_row_is_named_and_nothing_is_written(
    ledger: Flask, tmp_path: Path, row: str, said: str
) -> None:
    path = table(tmp_path, "2026-10-05,CCM,BRA,accession", row)
    if "2027" in row or "2020-02-28,CCM,BRA,r" in row or "withdrawal" in row:
        path = table(tmp_path, "2008-12-03,CCM,NOR,signature", row)
    with pytest.raises(Refused) as no:
        take(path)
    assert f"events.csv, row 3, {said}" in no.value.message
    assert no.value.message.endswith("Nothing was written.")
    assert rows() == 816


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "has not the columns"),
        (b"a,b\n1,2\n", "has not the columns"),
        (HEAD.encode(), "holds no events"),
        (b"date," + HEAD.encode(), "has two columns date"),
        (HEAD.encode() + b'2020-08-06,CCM,"NIU,accession\n', "is broken at line"),
        (b"\xff\xfe" + HEAD.encode("utf-16-le"), "is not UTF-8"),
        (HEAD.encode() + b"x" * (5 * 2**20), "is larger than 5 MB"),
    ],
)
def test_a_broken_file(ledger: Flask, tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(content)
    with pytest.raises(Refused, match=said):
        take(path)


def test_places_without_tables(ledger: Flask, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="There is no folder or file"):
        take(tmp_path / "nowhere")
    table(tmp_path, "1,2", head="a,b\n")
    with pytest.raises(Refused, match="holds no table of treaty events"):
        take(tmp_path)


def test_many_bad_rows_are_told_in_few_lines(ledger: Flask, tmp_path: Path) -> None:
    with pytest.raises(Refused) as no:
        take(table(tmp_path, *[f"2020-01-01,CCM,ZZ{number},accession" for number in range(9)]))
    assert no.value.message.splitlines()[-2:] == ["And 4 more.", "Nothing was written."]
