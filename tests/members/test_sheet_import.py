"""Rosters judged, written and taken back, on both databases; two of them with real mess."""

import zipfile
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun, undo_run
from crm.core import access, audit, db
from crm.core.access import Can, Scope
from crm.core.errors import Refused
from crm.core.sheets import Reading, open_table
from crm.members import forgetting
from crm.members.consent_rules import Purpose
from crm.members.forgetting import forget
from crm.members.models import (
    Consent,
    CustomField,
    Guardian,
    Guardianship,
    Member,
    Membership,
    MemberTag,
    MemberWord,
    Tag,
)
from crm.members.operations import edit_member
from crm.members.sheets.check import check_rows
from crm.members.sheets.fields import all_fields
from crm.members.sheets.meaning import meaning, understood
from crm.members.sheets.store import Store
from crm.members.sheets.writing import Imported, import_rows
from tests import make

DATA = Path(__file__).parent / "data"
DAY = date(2026, 9, 10)
EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())
MODELS: tuple[Any, ...] = (Member, Membership, MemberWord, Guardian, Guardianship, MemberTag, Tag)


class Roster:
    """A file on its way in."""

    def __init__(self, folder: Path, chapter_id: int | None, by: Any = None):
        self.folder, self.chapter_id, self.by = folder, chapter_id, by
        self.store = Store(folder / "rows.sqlite3")

    @property
    def scope(self) -> Scope:
        return access.scope(self.by, Can.IMPORT_MEMBERS) if self.by else EVERYWHERE

    def look(self, content: str | bytes | Path, name: str = "roster.csv") -> dict[str, int]:
        path = content if isinstance(content, Path) else self.folder / name
        if not isinstance(content, Path):
            path.write_bytes(content.encode() if isinstance(content, str) else content)
        db.rollback()
        table = open_table(path, path.name)
        said = meaning(table, understood(table, all_fields())[0], chapter_id=self.chapter_id,
                       scope=self.scope, today=DAY)  # fmt: skip
        with self.store as store:
            return {k: n for k, n in check_rows(table, said, store, scope=self.scope).items() if n}

    def rows(self) -> list[Any]:
        with self.store as store:
            return store.page(None, first=0, size=100)

    def write(self, choice: str = "skip", once: str | None = None) -> Imported:
        with self.store as store, db.unit_of_work():
            store.choose_all(choice)
            return import_rows(store, file="roster.csv", with_duplicates=True, once=once,
                               by=self.by, today=DAY)  # fmt: skip


@pytest.fixture
def scene(any_app: Flask, tmp_path: Path) -> Iterator[SimpleNamespace]:
    with any_app.test_request_context():
        people = make.people()
        people.roster = Roster(tmp_path, people.school_a.id)
        yield people


def counted() -> list[int]:
    db.session.rollback()
    return [db.session.scalar(select(func.count()).select_from(model)) or 0 for model in MODELS]


def undo(run_id: int, by: Any = None) -> dict[str, int]:
    with db.unit_of_work():
        return undo_run(run_id, by=by)


def named(given: str) -> Member:
    db.session.rollback()
    return db.session.scalars(select(Member).where(Member.given_name == given)).one()


def test_a_class_list_with_real_mess(scene: SimpleNamespace) -> None:
    """Titles above, semicolons, `Lastname, Firstname`, a head twice, blank lines, siblings."""
    before = counted()
    found = scene.roster.look(DATA / "class-list.csv")
    assert found == {"error": 3, "duplicate": 1, "new": 11}
    rows = {row.number: row for row in scene.roster.rows()}
    assert [rows[n].name for n in (5, 6, 7, 8, 11, 12, 13)] == [
        "Ana María Núñez", "Luis Núñez", "Kwame van der Berg", "Zoë O'Neil-Smith", "王 小明",
        "محمد الأحمد", "Mina 🌻 Sol",
    ]  # fmt: skip
    # Two of one name in two grades are two; one who is here twice is asked about.
    assert {rows[14].verdict, rows[15].verdict} == {"new"}
    assert rows[17].verdict == "duplicate"
    assert rows[17].reason.startswith("Row 16: One first name is a form of the other.")
    assert [each[0] for each in rows[20].told] == ["Student Email", "Cell", "Grade"]
    assert list(rows[19].told[0]) == ["Student", "is empty: a member needs a first name"]
    done = scene.roster.write("skip")
    assert str(done) == "members: 11 new, 0 changed, 0 unchanged, 4 skipped"
    ana = named("Ana María")
    assert (ana.family_name, ana.graduation_year, ana.age_band) == ("Núñez", 2030, "young_teen")
    assert named("Luis").email == "maria.nunez@example.org"
    guardians = db.session.scalars(select(Guardian).where(Guardian.search == "maria nunez")).all()
    assert len(guardians) == 1
    assert db.session.scalar(
        select(func.count()).where(Guardianship.guardian_id == guardians[0].id)
    ) == 2  # fmt: skip
    assert scene.roster.look(DATA / "class-list.csv") == {
        "error": 3, "duplicate": 1, "unchanged": 11,
    }  # fmt: skip
    assert undo(done.run_id) == {"removed": 11, "restored": 0}
    assert counted() == before


def test_a_sign_up_sheet_with_real_mess(scene: SimpleNamespace) -> None:
    """Tabs, a cell of two lines, a chapter in each row, parents apart, an own field."""
    make.kept(CustomField(key="shirt", label="T-shirt", kind="choice",
                          choices=["S", "M", "L", "XL"]))  # fmt: skip
    found = scene.roster.look(DATA / "sign-up.tsv")
    assert found == {"error": 2, "duplicate": 1, "new": 4}
    rows = {row.number: row for row in scene.roster.rows()}
    assert rows[4].detail == "Birch High School"
    assert list(rows[5].told[0]) == ["School", "is none of your open chapters: “Cedar High School”"]
    assert rows[7].told[0][0] == "T-shirt"
    done = scene.roster.write()
    ana = named("ana")
    assert ana.custom == {"shirt": "M"}
    held = db.session.scalars(
        select(Guardian.name).join(Guardianship).where(Guardianship.member_id == ana.id)
    ).all()
    assert sorted(held) == ["Eva Alder", "Finn Alder"]
    # Brother and sister: the mother by her phone, the father by his address.
    assert db.session.scalar(select(func.count()).select_from(Guardian)) == 3
    undo(done.run_id)


def test_what_changes_is_told_and_an_undo_brings_it_back(scene: SimpleNamespace) -> None:
    make.member("Bea", None, scene.school_a)
    first = scene.roster
    assert first.look("Name,E-mail\nBea,bea@example.org\n") == {"update": 1}
    assert [list(each) for each in first.rows()[0].told] == [["email", "E-mail", "bea@example.org"]]
    first.write()
    found = first.look(
        "First name,Last name,E-mail,Grade,Skills,Guardian\n"
        "Bea,,new@example.org,9,maps,Ada Brook\n"
    )  # fmt: skip
    assert found == {"update": 1}
    before = counted()
    run = first.write()
    bea = named("Bea")
    assert (bea.email, bea.graduation_year) == ("new@example.org", 2030)
    assert undo(run.run_id) == {"removed": 0, "restored": 1}
    bea = named("Bea")
    assert (bea.email, bea.graduation_year) == ("bea@example.org", None)
    assert counted() == before
    with pytest.raises(Refused, match="undone already"):
        undo(run.run_id)


def test_who_left_the_chapter_comes_back(scene: SimpleNamespace) -> None:
    dov = make.member("Dov", "Elm", scene.school_a)
    with db.unit_of_work():
        db.session.scalars(select(Membership)).one().left_on = date(2026, 6, 1)
        audit.record("make", "test", None, by=None)
    assert scene.roster.look("Name\nDov Elm\n") == {"update": 1}
    run = scene.roster.write()
    assert db.session.scalar(select(func.count()).where(Membership.member_id == dov.id)) == 2
    undo(run.run_id)
    assert db.session.scalar(select(func.count()).where(Membership.member_id == dov.id)) == 1


def test_somebody_who_may_be_here_is_asked_about(scene: SimpleNamespace) -> None:
    cai = make.member("Catherine", "Dogwood", scene.school_a)
    roster = scene.roster
    assert roster.look("Name,E-mail\nKate Dogwood,k@example.org\n") == {"duplicate": 1}
    row = roster.rows()[0]
    assert (row.record_id, row.reason) == (
        cai.id, "One first name is a form of the other. Same family name. Same chapter.",
    )  # fmt: skip
    assert roster.write("skip").counts["skipped"] == 1
    roster.look("Name,E-mail\nKate Dogwood,k@example.org\n")
    assert roster.write("update").counts["changed"] == 1
    assert named("Catherine").email == "k@example.org"
    roster.look("Name,Grade\nKate Dogwood,9\n")
    assert roster.write("new").counts["new"] == 1


def test_another_grade_is_asked_about(scene: SimpleNamespace) -> None:
    make.member("Eva", "Fir", scene.school_a)
    roster = scene.roster
    roster.look("Name,Class of\nEva Fir,2028\n")
    roster.write()
    assert roster.look("Name,Class of\nEva Fir,2030\n") == {"duplicate": 1}
    assert "But the graduation years differ." in roster.rows()[0].reason


def test_brothers_and_sisters_on_one_address_are_two(scene: SimpleNamespace) -> None:
    found = scene.roster.look(
        "Name,E-mail,Phone\nAna Gum,gum@example.org,304 555 0101\n"
        "Ben Gum,gum@example.org,304 555 0101\n"
    )  # fmt: skip
    assert found == {"new": 2}


def test_nobody_of_anothers_chapter_is_shown_or_changed(scene: SimpleNamespace) -> None:
    make.member("Hana", "Ivy", scene.school_b)
    roster = Roster(scene.roster.folder, scene.school_a.id, by=scene.leader)
    assert roster.look("Name,Phone\nHana Ivy,304 555 0101\n") == {"new": 1}
    found = roster.look("Name,Chapter\nIda Juniper,birch-high-school\n")
    assert found == {"error": 1}
    with pytest.raises(Refused, match="Choose one of your open chapters"):
        Roster(roster.folder, scene.school_b.id, by=scene.leader).look("Name\nIda\n")


def test_a_repeated_import_is_none(scene: SimpleNamespace) -> None:
    scene.roster.look("Name\nAna Alder\n")
    scene.roster.write(once="a file")
    with pytest.raises(Refused, match="imported already"):
        scene.roster.write(once="a file")
    assert counted()[0] == 1


def test_who_was_added_meanwhile_is_not_added_again(scene: SimpleNamespace) -> None:
    scene.roster.look("Name\nAna Alder\nBea Birch\n")
    make.member("Ana", "Alder", scene.school_a)
    with pytest.raises(Refused, match="changed by somebody else"):
        scene.roster.write()
    assert counted()[0] == 1


def test_the_same_member_in_two_rows_is_asked_about(scene: SimpleNamespace) -> None:
    make.member("Ana", "Alder", scene.school_a)
    found = scene.roster.look("Name,Phone\nAna Alder,304 555 0101\nALDER Ana,304 555 0102\n")
    assert found == {"duplicate": 1, "update": 1}


@pytest.mark.parametrize("what", ["consent", "by hand", "changed"])
def test_an_undo_is_refused_while_something_depends_on_it(
    scene: SimpleNamespace, what: str
) -> None:
    make.member("Bea", "Birch", scene.school_a)
    scene.roster.look("Name,Phone\nAna Alder,304 555 0101\nBea Birch,304 555 0102\n")
    run = scene.roster.write()
    ana, bea = named("Ana").id, named("Bea").id
    if what == "consent":
        make.kept(Consent(member_id=ana, purpose=Purpose.PHOTO, answer="given", how="paper",
                          starts_on=DAY))  # fmt: skip
        told = r"consents \(1\) depend"
    else:
        with db.unit_of_work():
            edit_member(member_id=ana if what == "by hand" else bea, given_name="Anna",
                        family_name="Alder", phone="1 234 567", by=None)  # fmt: skip
        told = r"changes by hand \(1\)" if what == "by hand" else "was changed again since"
    before = counted()
    with pytest.raises(Refused, match=told):
        undo(run.run_id)
    assert counted() == before


def test_an_undo_needs_all_its_chapters(scene: SimpleNamespace) -> None:
    scene.roster.look("Name,Chapter\nAna Alder,Alder High School\nBea Birch,Birch High School\n")
    run = scene.roster.write()
    with pytest.raises(Refused, match="not yours"):
        undo(run.run_id, by=scene.leader)
    undo(run.run_id, by=scene.staff)


# Bad input


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-16-le", "cp1252"])
def test_letters_are_read_as_they_were_written(scene: SimpleNamespace, encoding: str) -> None:
    text = "First name,Last name\nZoë,Núñez\nJosé,Müller\n"
    assert scene.roster.look(text.encode(encoding)) == {"new": 2}
    assert [row.name for row in scene.roster.rows()] == ["Zoë Núñez", "José Müller"]


def test_latin_2_is_read_once_it_is_chosen(scene: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "latin2.csv"
    path.write_bytes("Name\nŻaneta Łącka\n".encode("iso-8859-2"))
    table = open_table(path, path.name, Reading(encoding="iso-8859-2"))
    assert [row.cells for row in table.rows()] == [["Żaneta Łącka"]]


def test_rows_that_cannot_be_kept_say_why(scene: SimpleNamespace) -> None:
    found = scene.roster.look(
        "Name,E-mail,Phone\n" + "A" * 5000 + " B,a@example.org\n"
        "Ana\x00 Alder,b@example.org\n\n,\nBea Birch\nCai,c@example.org,1 234 567,many\n"
        "\u202eevil\u202c Dov,d@example.org\n12,e@example.org\n"
    )
    told = {row.number: row for row in scene.roster.rows()}
    assert found == {"error": 4, "new": 2}
    assert "longer than" in told[2].told[0][1]
    assert "cannot be kept" in told[3].told[0][1]
    assert "4 cells where the head names 3 columns" in told[7].told[0][1]
    assert told[8].name == "evil Dov"
    assert told[9].told[0][1].startswith("is a number and no name")


def test_a_formula_stays_text(scene: SimpleNamespace) -> None:
    assert scene.roster.look("Name,Note\n=1+1 Alder,=cmd|' /C calc'!A0\n") == {"new": 1}
    scene.roster.write()
    assert named("=1+1").note == "=cmd|' /C calc'!A0"


def test_a_formula_in_every_cell_of_a_workbook_stays_text(
    scene: SimpleNamespace, tmp_path: Path
) -> None:
    """What only looks like a formula is a name like any other; a real one is what it came to."""
    texts = ("=1+1 Alder", "=HYPERLINK(A1)", "+1 304 555 0100", "-2+3", "@SUM(A1)", "=cmd|'/C'!A0")
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(["Name", "Note", "Phone", "Address", "Skills", "Parent"])
    sheet.append(texts)
    for cell in sheet[2]:
        cell.data_type = "s"
    # Written by a program that works nothing out: it came to nothing.
    sheet.append(["=A2", "=1+1", "=A2", "=A2", "=A2", "=A2"])
    book.save(path := tmp_path / "formulas.xlsx")
    assert scene.roster.look(path) == {"new": 1}
    scene.roster.write()
    member = named("=1+1")
    assert (member.family_name, member.note, member.phone, member.address) == (
        "Alder", texts[1], texts[2], texts[3],
    )  # fmt: skip
    assert db.session.scalars(select(Tag.name)).all() == [texts[4]]
    assert db.session.scalars(select(Guardian.name)).all() == [texts[5]]


def test_merged_titles_above_the_head_are_passed_over(
    scene: SimpleNamespace, tmp_path: Path
) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    for row in (["Lincoln High"], ["Climate club, autumn"], [], ["Name", "Grade", "E-mail"],
                ["Ana Alder", 10, "ana@example.org"], ["Bea Birch", 11, None]):  # fmt: skip
        sheet.append(row)
    sheet.merge_cells("A1:C1")
    sheet.merge_cells("A2:C2")
    book.save(path := tmp_path / "titles.xlsx")
    assert scene.roster.look(path) == {"new": 2}
    assert [(row.number, row.name) for row in scene.roster.rows()] == [
        (5, "Ana Alder"), (6, "Bea Birch"),
    ]  # fmt: skip
    assert scene.roster.look(_ods_with_titles(tmp_path / "titles.ods")) == {"new": 2}
    assert [(row.number, row.name) for row in scene.roster.rows()] == [
        (4, "Ana Alder"), (5, "Bea Birch"),
    ]  # fmt: skip


def _ods_with_titles(path: Path) -> Path:
    """A title over three columns, twice, and a head with two rows below it."""

    def row(*cells: str) -> str:
        return f"<table:table-row>{''.join(cells)}</table:table-row>"

    def cell(text: str, more: str = "") -> str:
        return (f'<table:table-cell office:value-type="string"{more}><text:p>{text}</text:p>'
                "</table:table-cell>")  # fmt: skip

    wide = ' table:number-columns-spanned="3" table:number-rows-spanned="1"'
    covered = '<table:covered-table-cell table:number-columns-repeated="2"/>'
    rows = "".join((
        row(cell("Lincoln High", wide), covered), row(cell("Climate club", wide), covered),
        row(*map(cell, ("Name", "Grade", "E-mail"))),
        row(*map(cell, ("Ana Alder", "10", "ana@example.org"))),
        row(*map(cell, ("Bea Birch", "11", "bea@example.org"))),
    ))  # fmt: skip
    names = "urn:oasis:names:tc:opendocument:xmlns"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{names}:office:1.0" '
            f'xmlns:table="{names}:table:1.0" xmlns:text="{names}:text:1.0"><office:body>'
            f'<office:spreadsheet><table:table table:name="S">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
        packed.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{names}:manifest:1.0"/>',
        )
    return path


def test_a_zip_bomb_is_refused(scene: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("[Content_Types].xml", "<Types/>")
        bomb.writestr("xl/workbook.xml", "<workbook/>")
        bomb.writestr("xl/worksheets/sheet1.xml", b"0" * (700 * 1024 * 1024))
    with pytest.raises(Refused):
        scene.roster.look(path)
    assert counted()[0] == 0


def test_a_file_that_is_too_large_is_refused(scene: SimpleNamespace, tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as file:
        file.truncate(50 * 1024 * 1024 + 1)
    with pytest.raises(Refused, match="larger than 50 MB"):
        scene.roster.look(path)


def test_nothing_is_left_of_an_import_that_breaks_off(scene: SimpleNamespace) -> None:
    scene.roster.look("Name\nAna Alder\nBea Birch\n")

    def stop(_done: int, _of: int) -> None:
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt), scene.roster.store as store, db.unit_of_work(),
    ):  # fmt: skip
        import_rows(store, file="x", with_duplicates=False, by=None, today=DAY, progress=stop)
    assert counted()[0] == 0
    assert db.session.scalar(select(func.count()).select_from(ImportRun)) == 0
    assert scene.roster.write().counts["new"] == 2


def test_the_day_of_birth_is_kept_nowhere(scene: SimpleNamespace) -> None:
    scene.roster.look("Name,Date of birth\nAna Alder,2012-03-14\nBea Birch,2099-03-17\n")
    content = (scene.roster.folder / "rows.sqlite3").read_bytes()
    assert b"03-14" not in content
    assert b"03-17" not in content
    scene.roster.write()
    assert named("Ana").age_band == "young_teen"


def test_who_was_forgotten_does_not_come_back_by_an_undo(scene: SimpleNamespace) -> None:
    roster = scene.roster
    roster.look("First name,Family name,Phone\nAna,Núñez,555-0177\nBo,Birch,")
    first = roster.write()
    roster.look("First name,Family name,Phone\nAna,Núñez,555-0188\n")
    second = roster.write()
    ana = db.session.scalars(select(Member.id).where(Member.given_name == "Ana")).one()
    assert ana in _held(second.run_id)
    with db.unit_of_work():
        forget(member_id=ana, by=None, today=DAY)
    for run in (first, second):
        with pytest.raises(Refused, match="was forgotten since"), db.unit_of_work():
            undo_run(run.run_id, by=None)
        kept = db.session.get_one(ImportRun, run.run_id).kept or {}
        assert set(kept) <= {"forgotten", "chapters"}


def _held(run_id: int) -> list[int]:
    kept = db.session.get_one(ImportRun, run_id).kept or {}
    return [
        number for part in forgetting.READING["members"](kept) for number in part.get("member", {})
    ]
