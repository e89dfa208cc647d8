"""Targets by spreadsheet: judged, written, written again, taken back; on both databases."""

import csv
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from crm.accounts.imports import ImportRun, undo_run
from crm.core import db
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.sheets import open_table
from crm.targets import operations, queries
from crm.targets.list_operations import keep_list
from crm.targets.models import (
    Body,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
    TargetList,
    TargetListItem,
    Term,
)
from crm.targets.sheets.check import check_rows
from crm.targets.sheets.meaning import meaning, understood
from crm.targets.sheets.store import Judged, Store
from crm.targets.sheets.writing import Imported, import_rows
from tests import make

TODAY = date(2026, 6, 1)
DATA = Path(__file__).parent / "data" / "sheets"
MPS = {"body": "House of Commons", "role": "Member of Parliament", "country": "GB"}
TABLES = (Target, TargetIdentifier, Body, Post, Term, ContactPoint, TargetChange, TargetList)


@dataclass
class Looked:
    """What was found out about a file, and the way on."""

    store: Store
    counts: dict[str, int]
    scheme: str

    @property
    def rows(self) -> list[Judged]:
        """All rows."""
        with self.store:
            return self.store.page(None, first=0, size=100)

    def bring(self, **more: Any) -> Imported:
        """Import it."""
        given = {"with_duplicates": False, "by": None, "today": TODAY, **more}
        with self.store, db.unit_of_work():
            return import_rows(self.store, file="people.csv", scheme=self.scheme, **given)

    def choose(self, choice: str) -> None:
        """Say what is done with all likely duplicates."""
        with self.store:
            self.store.choose_all(choice)


Look = Callable[..., Looked]


@pytest.fixture
def look(tmp_path: Path, any_app: Flask) -> Look:
    """Judge the rows of a file, or of a table given as lists."""

    def look(
        *table: list[str], path: Path | None = None, kind: str = "official", scheme: str = "own",
        fixed: dict[str, str] | None = None, order: Any = None,
    ) -> Looked:  # fmt: skip
        if path is None:
            text = StringIO(newline="")
            csv.writer(text).writerows(table)
            path = tmp_path / "people.csv"
            path.write_text(text.getvalue(), encoding="utf-8")
        opened = open_table(path, path.name)
        mapped, _beside = understood(opened)
        said = meaning(opened, mapped, kind=kind, fixed=fixed or {}, order=order)
        with Store(tmp_path / "rows.sqlite3") as store:
            counts = check_rows(opened, said, store, scheme=scheme, today=TODAY)
        return Looked(Store(tmp_path / "rows.sqlite3"), counts, scheme)

    return look


HEAD = ["ID", "Name", "Office", "Ministry", "Country", "E-mail", "Phone"]
ADA = ["1", "Ada Alder", "Minister", "Ministry of Health", "LT", "ada@example.org", "555 0101"]
BEA = ["2", "Bea Birch", "Minister", "Ministry of War", "LT", "bea@example.org", ""]


def with_(row: list[str], **new: str) -> list[str]:
    """The row with other cells."""
    names = {name.replace("-", "").lower(): place for place, name in enumerate(HEAD)}
    row = list(row)
    for name, value in new.items():
        row[names[name]] = value
    return row


def all_rows() -> dict[str, list[Any]]:
    """Everything of the room, to compare."""
    return {
        model.__tablename__: [tuple(row) for row in db.session.execute(
            select(model.__table__).order_by(*model.__table__.primary_key.columns))]
        for model in TABLES
    }  # fmt: skip


def test_it_works(look: Look) -> None:
    looked = look(HEAD, ADA, BEA)
    assert looked.counts == {"error": 0, "duplicate": 0, "update": 0, "new": 2, "unchanged": 0}
    done = looked.bring()
    assert str(done) == "sheet: 2 new, 0 changed, 0 unchanged"
    ada = db.session.scalars(select(Target).where(Target.name == "Ada Alder")).one()
    assert (ada.kind, ada.country, ada.sort_name, ada.import_id) == (
        "official", "LT", "alder ada", done.run_id,
    )  # fmt: skip
    assert queries.offices([ada.id])[ada.id].label == "Minister"
    assert {kind: [p.value for p in points] for kind, points in
            queries.contact_points(ada.id).items()} == {
        "phone": ["555 0101"], "email": ["ada@example.org"],
    }  # fmt: skip
    assert [target.name for target in queries.find_targets("ministry of war", 5)] == ["Bea Birch"]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "import_sheet")).one()
    assert entry.record_id == done.run_id


def test_the_same_file_once_more_changes_nothing(look: Look) -> None:
    look(HEAD, ADA, BEA).bring()
    before = all_rows()
    again = look(HEAD, ADA, BEA)
    assert again.counts["unchanged"] == 2
    assert again.bring().counts["unchanged"] == 2
    assert all_rows() == before


@pytest.mark.parametrize(
    ("name", "kind", "fixed", "rows"),
    [
        ("uk-mps.csv", "legislator", MPS, 5), ("ministers.csv", "official", {}, 3),
        ("embassies.csv", "body", {}, 3), ("companies.tsv", "company", {}, 3),
    ],
)  # fmt: skip
def test_plausible_files(
    look: Look, name: str, kind: str, fixed: dict[str, str], rows: int
) -> None:
    first = look(path=DATA / name, kind=kind, fixed=fixed)
    assert first.counts["new"] == rows, [row.told for row in first.rows]
    first.bring()
    assert look(path=DATA / name, kind=kind, fixed=fixed).counts["unchanged"] == rows


def test_a_file_without_keys_once_more(look: Look) -> None:
    rows = [row[1:] for row in (HEAD, ADA, BEA)]
    look(*rows).bring()
    assert look(*rows).counts["unchanged"] == 2
    changed = look(rows[0], with_(ADA, phone="555 0199")[1:])
    assert changed.counts["duplicate"] == 1
    (row,) = changed.rows
    assert row.reason == "the same name, Minister, Ministry of Health"
    assert row.told == [["Phone (Office)", "555 0101", "555 0199"]]


def test_a_key_finds_and_what_differs_is_recorded(look: Look) -> None:
    look(HEAD, ADA, BEA).bring()
    looked = look(
        HEAD, with_(ADA, name="Ada Alder-Elm", phone="555 0199", office="Chief Minister"), BEA
    )
    assert looked.counts == {"error": 0, "duplicate": 0, "update": 1, "new": 0, "unchanged": 1}
    done = looked.bring()
    changes = db.session.execute(
        select(TargetChange.kind, TargetChange.what, TargetChange.old, TargetChange.new)
        .where(TargetChange.import_id == done.run_id).order_by(TargetChange.id)
    ).all()  # fmt: skip
    assert [tuple(row) for row in changes] == [
        ("name", "Name", "Ada Alder", "Ada Alder-Elm"),
        ("moved", "Office", "Minister, Ministry of Health", "Chief Minister, Ministry of Health"),
        ("contact", "Phone (Office)", "555 0101", "555 0199"),
    ]
    ada = db.session.scalars(select(Target).where(Target.name == "Ada Alder-Elm")).one()
    assert ada.sort_name == "alder elm ada"
    assert [t.id for t in queries.find_targets("chief", 5)] == [ada.id]
    with looked.store:
        assert [line[:3] for line in looked.store.changes()] == [("changed", "1", "Ada Alder")] * 3


def test_an_empty_cell_takes_nothing_away(look: Look) -> None:
    look(HEAD, ADA).bring()
    assert look(HEAD, with_(ADA, phone="", ministry="", office="", country="")).counts[
        "unchanged"
    ] == 1  # fmt: skip


def test_likely_duplicates_are_asked_about(look: Look) -> None:
    here = make.target("Ada Alder", kind="official", given_name="Ada", family_name="Alder")
    number = here.id
    with db.unit_of_work():
        db.session.get_one(Target, number).sort_name = "alder ada"
        operations.add_contact_point(
            db.session.get_one(Target, number), kind="email", label="Office",
            value="BEA@example.org", by=None, today=TODAY,
        )  # fmt: skip
    looked = look(HEAD, ADA, BEA)
    assert [(row.verdict, row.reason) for row in looked.rows] == [
        ("duplicate", "the same name"),
        ("duplicate", "Ada Alder has the address bea@example.org"),
    ]
    assert looked.bring().counts["skipped"] == 2
    with looked.store:
        looked.store.choose({2: "update", 3: "new"})
    assert looked.bring(with_duplicates=True).counts == {
        "new": 1, "changed": 1, "left": 0, "unchanged": 0, "skipped": 0,
    }  # fmt: skip
    again = look(HEAD, ADA, BEA)
    assert again.counts["unchanged"] == 2


def test_somebody_of_another_country_is_another(look: Look) -> None:
    make.target("Ada Alder", kind="official", given_name="Ada", family_name="Alder", country="NU")
    assert look(HEAD, ADA).counts["new"] == 1


def test_an_address_everybody_has_says_nothing(look: Look) -> None:
    look(HEAD, with_(ADA, email="info@example.org")).bring()
    rows = [with_(BEA, id=str(n), name=f"Bea Birch-{n}", email="info@example.org") for n in (5, 6)]
    assert look(HEAD, *rows).counts["new"] == 2


def test_a_key_that_is_somebody_elses_is_asked_about(look: Look) -> None:
    look(HEAD, ADA).bring()
    looked = look(HEAD, with_(BEA, id="1", email=""))
    (row,) = looked.rows
    assert row.reason == "its key is that of Ada Alder, whose name is another"
    looked.choose("new")
    looked.bring(with_duplicates=True)
    assert db.session.scalar(select(func.count()).select_from(Target)) == 2
    assert db.session.scalar(select(func.count()).select_from(TargetIdentifier)) == 1


def test_rows_that_are_the_same(look: Look) -> None:
    rows = [row[1:] for row in (HEAD, ADA, ADA)]
    assert [row.reason for row in look(*rows).rows] == [
        None, "the same name and office stand in row 2",
    ]  # fmt: skip
    twice = look(HEAD, ADA, with_(BEA, id="1"))
    assert twice.counts["error"] == 1
    assert twice.rows[1].told == [["ID", "stands in row 2 already"]]


def test_what_another_source_keeps_is_left_to_it(look: Look) -> None:
    person = {"given_name": "Ada", "family_name": "Alder", "sort_name": "alder ada", "search": ""}
    make.kept(Target(kind="official", name="Ada Alder", seen_on=TODAY, **person))
    (row,) = look(HEAD, ADA).rows
    assert [what for what, _old, _new in row.told] == [
        "Key own", "E-mail (Office)", "Phone (Office)",
    ]  # fmt: skip


def test_errors_are_told_by_row_and_field(look: Look) -> None:
    looked = look(
        HEAD, ADA, with_(BEA, email="bea@", country="Narnia"), ["3"],
        with_(BEA, id="4", name="B" * 5001),
    )  # fmt: skip
    assert looked.counts["error"] == 3
    told = {row.number: row.told for row in looked.rows if row.verdict == "error"}
    assert told == {
        3: [["Country", "is no country known here: “Narnia”"],
            ["E-mail", "is not an e-mail address: “bea@”"]],
        4: [["Name", "is empty: a target needs a name"]],
        5: [["The row", "Name is longer than 5,000 characters"]],
    }  # fmt: skip
    assert looked.bring().counts == {
        "new": 1, "changed": 0, "left": 0, "unchanged": 0, "skipped": 3,
    }  # fmt: skip


def test_only_a_head(look: Look) -> None:
    with pytest.raises(Refused, match="has a head and no rows below it"):
        look(HEAD)


def test_the_order_of_days_is_asked_once(look: Look) -> None:
    head = ["Name", "Office", "Since"]
    with pytest.raises(Refused, match=r"people.csv, row 2: “03/04/2024” may have the day or"):
        look(head, ["Ada Alder", "Minister", "03/04/2024"])
    # Another row shows it.
    look(head, ["Ada Alder", "Minister", "03/04/2024"], ["Bea", "Minister", "25/12/2023"]).bring()
    assert db.session.scalars(select(Term.starts_on).order_by(Term.starts_on)).all() == [
        date(2023, 12, 25), date(2024, 4, 3),
    ]  # fmt: skip


def test_a_formula_is_a_name_like_any_other(look: Look) -> None:
    looked = look(["Name", "Note"], ["=cmd|' /C calc'!A0", "@SUM(1)"], kind="company")
    looked.bring()
    assert db.session.scalars(select(Target.name)).one() == "=cmd|' /C calc'!A0"


def test_right_to_left_and_emoji(look: Look) -> None:
    looked = look(["Name", "Country"], ["\u200fعلي حسن", "EG"], ["Ada 🌳 Alder", "LT"])
    looked.bring()
    names = db.session.scalars(select(Target.name).order_by(Target.id)).all()
    assert names == ["علي حسن", "Ada 🌳 Alder"]


def test_targets_that_changed_since_the_look(look: Look) -> None:
    first = look(HEAD, ADA)
    make.kept(TargetIdentifier(target_id=make.target("Cai").id, scheme="own", identifier="1"))
    before = all_rows()
    with pytest.raises(Refused, match="were changed by somebody else meanwhile"):
        first.bring()
    assert all_rows() == before


def test_a_list(look: Look) -> None:
    look(HEAD, ADA, BEA).bring(list_name="Ministers")
    kept = db.session.scalars(select(TargetList)).one()
    on = select(func.count()).where(TargetListItem.list_id == kept.id)
    assert db.session.scalar(on) == 2
    look(HEAD, ADA, with_(BEA, id="3", name="Cai Cedar", email="")).bring(list_name="ministers")
    assert db.session.scalar(on) == 3


# Taking back


def undo(run_id: int) -> dict[str, int]:
    with db.unit_of_work():
        return undo_run(run_id, by=None)


def test_an_import_is_taken_back_whole(look: Look) -> None:
    look(HEAD, ADA).bring()
    before = all_rows()
    done = look(
        HEAD, with_(ADA, name="Ada Elm", phone="555 0199", office="Chief", country="NU"), BEA
    ).bring(list_name="Ministers")
    assert all_rows() != before
    counts = undo(done.run_id)
    assert counts["removed"] == 1
    assert all_rows() == before
    run = db.session.get_one(ImportRun, done.run_id)
    assert run.undone_at is not None
    with pytest.raises(Refused, match="was undone already"):
        undo(done.run_id)


def _logged(number: int) -> None:
    make.campaign(targets=(db.session.get_one(Target, number),))


def _listed(number: int) -> None:
    with db.unit_of_work():
        keep_list(name="Mine", target_ids=[number], by=None)


def _edited(number: int) -> None:
    with db.unit_of_work():
        target = db.session.get_one(Target, number)
        operations.change_target(target, family_name="Elm", by=None)


def _reached(number: int) -> None:
    with db.unit_of_work():
        operations.add_contact_point(
            db.session.get_one(Target, number), kind="phone", label="Home", value="5", by=None,
            today=TODAY,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("happen", "named"),
    [
        (_logged, "campaigns they are in (1)"), (_listed, "lists they were put on (1)"),
        (_edited, "changes by hand (1)"), (_reached, "contact points kept by hand (1)"),
    ],
)  # fmt: skip
def test_what_depends_on_it_is_named(look: Look, happen: Callable[[int], None], named: str) -> None:
    done = look(HEAD, ADA).bring()
    number = db.session.scalars(select(Target.id)).one()
    happen(number)
    before = all_rows()
    with pytest.raises(Refused) as told:
        undo(done.run_id)
    assert named in str(told.value)
    assert all_rows() == before


def test_a_later_import_of_the_same(look: Look) -> None:
    first = look(HEAD, ADA).bring()
    second = look(HEAD, with_(ADA, phone="555 0199")).bring()
    with pytest.raises(Refused, match=r"changes by later imports \(1\)"):
        undo(first.run_id)
    undo(second.run_id)
    undo(first.run_id)
    assert db.session.scalar(select(func.count()).select_from(Target)) == 0
    assert db.session.scalar(select(func.count()).select_from(Body)) == 0


def test_what_was_changed_again_since(look: Look) -> None:
    look(HEAD, ADA).bring()
    done = look(HEAD, with_(ADA, phone="555 0199")).bring()
    with db.unit_of_work():
        point = db.session.scalars(select(ContactPoint).where(ContactPoint.kind == "phone")).one()
        point.value = "555 0200"
        make.audit.record("x", "contact_point", point.id, by=None)
    with pytest.raises(Refused, match=r"changed again since \(Ada Alder: value\)"):
        undo(done.run_id)


def test_posts_others_have_come_to_hold_stay(look: Look) -> None:
    done = look(HEAD, ADA).bring()
    other = make.target("Cai Cedar", kind="official", given_name="Cai", family_name="Cedar").id
    with db.unit_of_work():
        operations.hold_post(
            db.session.get_one(Target, other), body="Ministry of Health", office="Minister",
            by=None, today=TODAY,
        )  # fmt: skip
    undo(done.run_id)
    assert db.session.scalars(select(Post.label)).all() == ["Minister"]


def test_other_imports_cannot_be_undone(any_app: Flask) -> None:
    with db.unit_of_work():
        taken = operations.import_governments(by=None)
    with pytest.raises(Refused, match="Only an import from a spreadsheet"):
        undo(taken.run_id)


def test_who_did_it_is_kept(look: Look) -> None:
    somebody = make.user(Role.STAFF)
    number = somebody.id
    done = look(HEAD, ADA).bring(by=somebody)
    assert db.session.get_one(ImportRun, done.run_id).by_id == number
