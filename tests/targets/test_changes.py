"""One thing that changed for a person is one line, and nothing else is."""

import csv
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import select

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.targets import operations, queries
from crm.targets.intake import Taken
from crm.targets.models import (
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
    Term,
)

HERE = Path(__file__).parent / "data" / "congress"
FIRST, LATER = date(2026, 6, 15), date(2026, 11, 23)
Files = dict[str, Any]
Line = tuple[str, str, str, str]

LEGISLATORS, OFFICES, SEATS = (
    "legislators-current",
    "legislators-district-offices",
    "committee-membership-current",
)


def read(folder: Path = HERE) -> Files:
    """The files of the source, by stem."""
    return {
        path.stem: yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)  # noqa: S506
        for path in folder.glob("*.yaml")
    }


def take(place: Path = HERE, today: date = FIRST) -> Taken:
    with db.unit_of_work():
        return operations.import_congress(str(place), by=None, today=today)


@pytest.fixture
def take_edited(any_app: Flask, tmp_path: Path) -> Callable[..., Taken]:
    """Import as it is, then once more with a change of the files."""

    def edited(*changes: Callable[[Files], Any], today: date = LATER) -> Taken:
        if not db.session.query(ImportRun).count():
            take()
        files = read()
        for change in changes:
            change(files)
        for stem, data in files.items():
            text = yaml.safe_dump(data, allow_unicode=True)
            (tmp_path / f"{stem}.yaml").write_text(text, encoding="utf-8")
        return take(tmp_path, today)

    return edited


def lines(taken: Taken) -> list[Line]:
    """Kind, key, from and to of each change."""
    return [(change.kind, change.key, change.old, change.new) for change in taken.changes]


def member(files: Files, number: int) -> Any:
    return files[LEGISLATORS][number]


def last_term(files: Files, number: int) -> Any:
    return member(files, number)["terms"][-1]


def office(files: Files, number: int) -> Any:
    return files[OFFICES][number]["offices"][0]


def person(bioguide: str) -> Target:
    return db.session.scalars(
        select(Target).join(TargetIdentifier).where(TargetIdentifier.identifier == bioguide)
    ).one()


def terms(bioguide: str) -> list[tuple[Any, ...]]:
    return [
        (post.key, term.starts_on, term.ends_on, term.party, term.is_current)
        for term, post, _body in queries.terms(person(bioguide).id)
    ]


SENATOR = "U.S. Senator for West Virginia (class 2)"
CLASS_1 = "U.S. Senator for West Virginia (class 1)"
OF_WV_1 = "U.S. Representative for West Virginia, district 1"


def test_it_works(take_edited: Callable[..., Taken]) -> None:
    taken = take_edited(
        lambda f: last_term(f, 1).update(party="Independent", caucus="Democrat"),
        lambda f: last_term(f, 4).update(phone="202-225-9999"),
        lambda f: member(f, 4)["name"].update(last="Brooke"),
        lambda f: f[SEATS].pop("HSIN"),
    )
    assert lines(taken) == [
        ("party", "X000002", "Republican", "Independent"),
        ("name", "X000005", "Brook", "Brooke"),
        ("contact", "X000005", "202-225-0005", "202-225-9999"),
        ("committee", "X000005", "House Committee on Ink", ""),
    ]
    assert str(taken) == (
        "congress: 1 party changed, 1 name changed, 1 contact changed, 1 committee changed, "
        "3 unchanged"
    )
    run = db.session.query(ImportRun).order_by(ImportRun.id.desc()).first()
    assert run is not None
    assert run.counts == taken.counts
    assert (taken.counts["changed"], taken.counts["party changed"]) == (2, 1)
    kept = db.session.query(TargetChange).filter_by(import_id=run.id).order_by(TargetChange.id)
    assert [(row.kind, row.what, row.seen_on) for row in kept] == [
        ("party", "party", LATER),
        ("name", "family name", LATER),
        ("contact", "DC phone", LATER),
        ("committee", "House Committee on Ink", LATER),
    ]


def test_the_first_import_is_one_line_a_person(any_app: Flask) -> None:
    taken = take()
    assert len(taken.changes) == 5
    assert {change.kind for change in taken.changes} == {"arrived"}
    assert ("arrived", "X000001", "", SENATOR) in lines(taken)
    assert {each.import_id for each in db.session.scalars(select(Target))} == {taken.run_id}


def test_the_same_again_says_and_writes_nothing(take_edited: Callable[..., Taken]) -> None:
    taken = take_edited()
    assert (lines(taken), taken.rows, str(taken)) == ([], {}, "congress: 5 unchanged")


def left(files: Files) -> None:
    files[LEGISLATORS].pop(0)


def arrived(files: Files) -> None:
    files[LEGISLATORS].append(
        {
            "id": {"bioguide": "X000010"},
            "name": {"first": "Nell", "last": "Newcomb"},
            "bio": {},
            "terms": [
                {"type": "sen", "start": "2026-09-01", "end": "2027-01-03", "state": "WV",
                 "class": 2, "party": "Republican", "phone": "202-224-0010"},
            ],
        }
    )  # fmt: skip


def to_the_senate(files: Files) -> None:
    member(files, 4)["terms"].append(
        {"type": "sen", "start": "2026-09-01", "end": "2031-01-03", "state": "WV", "class": 1,
         "party": "Republican", "phone": "202-224-0005"}
    )  # fmt: skip


def reelected(files: Files) -> None:
    member(files, 4)["terms"].append(
        {"type": "rep", "start": "2027-01-03", "end": "2029-01-03", "state": "WV", "district": 1,
         "party": "Republican"}
    )  # fmt: skip


def moved_office(files: Files) -> None:
    office(files, 0).update(city="Firtown", address="9 Fir St.", zip="02531")


def new_office_id(files: Files) -> None:
    office(files, 0).update(id="X000001-firtown", city="Firtown", address="9 Fir St.")


def swapped(files: Files) -> None:
    last_term(files, 4).update(district="2")


ELM = "Federal Building, 5 Elm St., 247, Elmtown, WV 02530"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (left, [("left", "X000001", SENATOR, "")]),
        (arrived, [("arrived", "X000010", "", SENATOR)]),
        (to_the_senate, [("moved", "X000005", OF_WV_1, CLASS_1)]),
        (reelected, [("other", "X000005", "2027-01-03", "2029-01-03")]),
        (swapped, [("district", "X000005", "WV-1", "WV-2")]),
        (lambda f: last_term(f, 1).update(district=1), [("district", "X000002", "AK-AL", "AK-1")]),
        (lambda f: last_term(f, 0).update(**{"class": 1}),
         [("moved", "X000001", SENATOR, CLASS_1)]),
        (lambda f: last_term(f, 0).update(caucus="Republican"),
         [("other", "X000001", "Democrat", "Republican")]),
        (lambda f: last_term(f, 4).update(end="2026-12-01"),
         [("other", "X000005", "2027-01-03", "2026-12-01")]),
        (lambda f: last_term(f, 4).update(start="2025-01-04"),
         [("other", "X000005", "2025-01-03", "2025-01-04")]),
        (lambda f: member(f, 0)["terms"][0].update(party="Independent"),
         [("other", "X000001", "2011-01-05 – 2013-01-03, Democrat",
           "2011-01-05 – 2013-01-03, Independent")]),
        (lambda f: member(f, 0)["name"].update(official_full="Zoë Núñez"),
         [("name", "X000001", 'Zélie A. "Zee" Núñez-O\'Neil, Jr.', "Zoë Núñez")]),
        (lambda f: member(f, 0)["name"].update(first="Zoë"),
         [("name", "X000001", "Zélie", "Zoë")]),
        (lambda f: member(f, 0)["name"].update(first="Zoë", last="Nuñez"),
         [("name", "X000001", "Zélie Núñez-O'Neil", "Zoë Nuñez")]),
        (lambda f: member(f, 0)["name"].pop("nickname"), [("name", "X000001", "Zee", "")]),
        (lambda f: member(f, 0)["id"].update(wikidata="Q5"),
         [("other", "X000001", "Q9000001", "Q5")]),
        (lambda f: member(f, 4)["id"].update(cspan="55"), [("other", "X000005", "", "55")]),
        (lambda f: member(f, 0)["id"]["fec"].pop(), [("other", "X000001", "H0WV00001", "")]),
        (lambda f: member(f, 0)["bio"].update(gender="M"),
         [("other", "X000001", "female", "male")]),
        (moved_office, [("contact", "X000001", ELM,
                         "Federal Building, 9 Fir St., 247, Firtown, WV 02531")]),
        (new_office_id, [("contact", "X000001", ELM,
                          "Federal Building, 9 Fir St., 247, Firtown, WV 02530")]),
        (lambda f: office(f, 0).update(hours="M-Th"),
         [("contact", "X000001", "hours M-F 9-5", "hours M-Th")]),
        (lambda f: office(f, 0).update(phone="304-555-9"),
         [("contact", "X000001", "304-555-0001", "304-555-9")]),
        (lambda f: office(f, 0).pop("fax"), [("contact", "X000001", "304-555-0002", "")]),
        (lambda f: f[OFFICES][0]["offices"].pop(0), [("contact", "X000001", ELM, "")]),
        (lambda f: f[OFFICES][1]["offices"].append(
            {"id": "X000005-fir", "city": "Firtown", "phone": "304-555-0099"}),
         [("contact", "X000005", "", "Firtown")]),
        (lambda f: last_term(f, 0).update(url="https://new.example"),
         [("contact", "X000001", "https://www.nunez.example", "https://new.example")]),
        (lambda f: f[SEATS]["SSPA"][0].pop("title"),
         [("committee", "X000001", "Senate Committee on Paper: Chairman, rank 1",
           "Senate Committee on Paper: member, rank 1")]),
        (lambda f: f[SEATS]["SSPA01"][0].update(rank="3"),
         [("committee", "X000001", "Senate Committee on Paper: Postcards: member, rank 2",
           "Senate Committee on Paper: Postcards: member, rank 3")]),
        (lambda f: f[SEATS]["HSIN"].append({"bioguide": "X000002", "rank": 9, "party": "majority"}),
         [("committee", "X000002", "", "House Committee on Ink")]),
    ],
)  # fmt: skip
def test_one_change_is_one_line(
    take_edited: Callable[..., Taken], change: Callable[[Files], Any], expected: list[Line]
) -> None:
    taken = take_edited(change)
    assert lines(taken) == expected
    number = person(expected[0][1]).id
    assert {row.target_id for row in taken.seen} == {number}
    # And once more nothing, and the way back is as many.
    again = take_edited(change, today=date(2026, 12, 24))
    assert (lines(again), again.rows) == ([], {})
    back = take_edited(today=date(2026, 12, 24))
    assert len(back.changes) == 1
    assert person(expected[0][1]).id == number


def test_who_moves_to_the_senate_is_the_same_person(take_edited: Callable[..., Taken]) -> None:
    take()
    number = person("X000005").id
    (change,) = take_edited(to_the_senate).seen
    assert change.target_id == number
    assert [(row[0], row[2], row[4]) for row in terms("X000005")] == [
        ("us/senate/WV/1", date(2031, 1, 3), True),
        # Foreseen until January, ended on the day the new one began.
        ("us/house/WV/1", date(2026, 9, 1), False),
    ]
    held = db.session.scalars(
        select(Post.key)
        .join(Term, Term.post_id == Post.id)
        .where(Term.id == queries.terms_on([number], date(2026, 8, 1))[number])
    ).one()
    assert held == "us/house/WV/1"
    kept = db.session.query(TargetChange).filter_by(kind="moved").one()
    posts = dict(db.session.execute(select(Post.id, Post.key)).all())  # type: ignore[arg-type]
    assert (posts[kept.old_post_id], posts[kept.new_post_id]) == (
        "us/house/WV/1", "us/senate/WV/1",
    )  # fmt: skip


def test_who_left_keeps_the_page_and_comes_back(take_edited: Callable[..., Taken]) -> None:
    take_edited(left)
    number = person("X000001").id
    assert terms("X000001")[0][2:] == (LATER, "Independent", False)
    assert db.session.query(CommitteeSeat).filter_by(target_id=number).count() == 0
    back = take_edited()
    assert lines(back) == [("arrived", "X000001", "", SENATOR)]
    assert str(back) == "congress: 1 arrived, 4 unchanged"
    assert terms("X000001")[0][2:] == (date(2027, 1, 3), "Independent", True)
    assert {p.status for p in db.session.query(ContactPoint).filter_by(target_id=number)} == {
        "good"
    }


def test_a_seat_that_changed_hands_in_one_import(take_edited: Callable[..., Taken]) -> None:
    taken = take_edited(left, arrived)
    assert lines(taken) == [
        ("left", "X000001", SENATOR, ""),
        ("arrived", "X000010", "", SENATOR),
    ]
    # Nobody held it longer than until the successor came.
    assert terms("X000001")[0][2] == date(2026, 9, 1)
    assert str(taken) == "congress: 1 left, 1 arrived, 4 unchanged"


def test_two_who_swap_their_districts(take_edited: Callable[..., Taken]) -> None:
    def two(files: Files) -> None:
        last_term(files, 1).update(state="WV", district="2")

    def swap(files: Files) -> None:
        last_term(files, 1).update(state="WV", district="1")
        last_term(files, 4).update(district="2")

    take_edited(two)
    taken = take_edited(swap)
    assert lines(taken) == [
        ("district", "X000005", "WV-1", "WV-2"),
        ("district", "X000002", "WV-2", "WV-1"),
    ]


def test_a_district_changed_in_a_second_term_leaves_both_terms_whole(
    take_edited: Callable[..., Taken],
) -> None:
    """The term that ended on the day the next began has no part in it."""

    def former(files: Files) -> None:
        rows = member(files, 4)["terms"]
        rows.insert(0, {**rows[0], "start": "2023-01-03", "end": "2025-01-03"})

    def moved(files: Files) -> None:
        former(files)
        last_term(files, 4).update(district="2")

    take_edited(former)
    assert lines(take_edited(moved)) == [("district", "X000005", "WV-1", "WV-2")]
    assert sorted(terms("X000005")) == [
        ("us/house/WV/1", date(2023, 1, 3), date(2025, 1, 3), "Republican", False),
        ("us/house/WV/1", date(2025, 1, 3), LATER, "Republican", False),
        ("us/house/WV/2", date(2025, 1, 3), date(2027, 1, 3), "Republican", True),
    ]


def test_a_seat_named_for_two_is_said_and_kept(take_edited: Callable[..., Taken]) -> None:
    taken = take_edited(lambda f: last_term(f, 4).update(state="AK", district="0"))
    assert [change.kind for change in taken.changes] == ["moved"]
    assert any("somebody else holds" in each for each in taken.warnings)


def test_a_change_of_party_parts_the_term(take_edited: Callable[..., Taken]) -> None:
    """What was logged before stays with the party of its day."""
    taken = take_edited(lambda f: last_term(f, 4).update(party="Independent"))
    assert lines(taken) == [("party", "X000005", "Republican", "Independent")]
    assert terms("X000005") == [
        ("us/house/WV/1", LATER, date(2027, 1, 3), "Independent", True),
        ("us/house/WV/1", date(2025, 1, 3), LATER, "Republican", False),
    ]


def test_a_party_the_source_dates_itself(take_edited: Callable[..., Taken]) -> None:
    def affiliations(files: Files) -> None:
        last_term(files, 4).update(
            party="Independent",
            caucus="Democrat",
            party_affiliations=[
                {"start": "2025-01-03", "end": "2026-03-08", "party": "Republican"},
                {"start": "2026-03-09", "end": "2027-01-03", "party": "Independent",
                 "caucus": "Democrat"},
            ],
        )  # fmt: skip

    taken = take_edited(affiliations)
    assert lines(taken) == [("party", "X000005", "Republican", "Independent")]
    assert [row[1:] for row in terms("X000005")] == [
        (date(2026, 3, 9), date(2027, 1, 3), "Independent", True),
        (date(2025, 1, 3), date(2026, 3, 8), "Republican", False),
    ]
    assert lines(take_edited(affiliations)) == []
    # Re-elected for the new party: its terms stay as they were.
    taken = take_edited(affiliations, reelected, lambda f: last_term(f, 4).update(party="Green"))
    assert lines(taken) == [
        ("party", "X000005", "Independent", "Green"),
        ("other", "X000005", "2027-01-03", "2029-01-03"),
    ]


def test_an_identifier_given_to_the_right_person(take_edited: Callable[..., Taken]) -> None:
    def swap(files: Files) -> None:
        one, other = member(files, 0)["id"], member(files, 4)["id"]
        one["govtrack"], other["govtrack"] = other["govtrack"], one["govtrack"]

    taken = take_edited(swap)
    assert lines(taken) == [
        ("other", "X000005", "900005", "900001"),
        ("other", "X000001", "900001", "900005"),
    ]
    assert lines(take_edited(swap)) == []


def test_what_is_bad_stays_bad_when_its_office_only_moves(
    take_edited: Callable[..., Taken],
) -> None:
    take()
    phone = db.session.query(ContactPoint).filter_by(value="304-555-0001").one()
    with db.unit_of_work():
        operations.mark_contact_point(db.session.merge(phone), status="bad", by=None, today=FIRST)
    take_edited(moved_office)
    phone = db.session.query(ContactPoint).filter_by(value="304-555-0001").one()
    assert (phone.label, phone.status) == ("Firtown", "bad")


def test_an_office_with_another_key_alone_is_no_news(take_edited: Callable[..., Taken]) -> None:
    taken = take_edited(lambda f: office(f, 0).update(id="X000001-elmtown-1"))
    assert lines(taken) == []
    taken = take_edited(lambda f: office(f, 0).update(id="X000001-elmtown-2", phone="304-555-9"))
    assert lines(taken) == [("contact", "X000001", "304-555-0001", "304-555-9")]


def test_what_is_bad_stays_bad_under_another_key(take_edited: Callable[..., Taken]) -> None:
    take()
    phone = db.session.query(ContactPoint).filter_by(value="304-555-0001").one()
    number = phone.id
    with db.unit_of_work():
        operations.mark_contact_point(db.session.merge(phone), status="bad", by=None, today=FIRST)
    take_edited(lambda f: office(f, 0).update(id="X000001-elmtown-1"))
    phone = db.session.query(ContactPoint).filter_by(value="304-555-0001").one()
    assert (phone.id, phone.key, phone.status) == (
        number, "office/X000001-elmtown-1/phone", "bad"
    )  # fmt: skip


# --- on the command line ------------------------------------------------------------------------


def test_a_dry_run_says_the_same_and_changes_nothing(
    take_edited: Callable[..., Taken], any_app: Flask, tmp_path: Path
) -> None:
    take()
    db.rollback()
    folder = tmp_path / "newer"
    shutil.copytree(HERE, folder)
    files = read()
    left(files)
    arrived(files)
    text = yaml.safe_dump(files[LEGISLATORS], allow_unicode=True)
    (folder / f"{LEGISLATORS}.yaml").write_text(text, encoding="utf-8")
    out = tmp_path / "changes.csv"
    runner = any_app.test_cli_runner()
    arguments = ["import", "congress", str(folder), "--changes", str(out)]
    dry = runner.invoke(args=[*arguments, "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert dry.stdout.splitlines() == [
        "congress: 1 left, 1 arrived, 4 unchanged",
        "Dry run: nothing was changed.",
    ]
    with out.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ["kind", "key", "name", "from", "to"],
        ["left", "X000001", 'Zélie A. "Zee" Núñez-O\'Neil, Jr.', SENATOR, ""],
        ["arrived", "X000010", "Nell Newcomb", "", SENATOR],
    ]
    db.rollback()
    assert db.session.query(ImportRun).count() == 1
    assert db.session.query(Target).count() == 5
    db.rollback()
    out.unlink()
    wet = runner.invoke(args=arguments)
    assert wet.stdout.splitlines() == ["congress: 1 left, 1 arrived, 4 unchanged"]
    with out.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == rows
    again = runner.invoke(args=arguments)
    assert again.stdout.splitlines() == ["congress: 5 unchanged"]
    with out.open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == rows[:1]


def test_a_changes_file_that_cannot_be_written_keeps_nothing(app: Flask) -> None:
    result = app.test_cli_runner().invoke(
        args=["import", "congress", str(HERE), "--changes", "/nowhere/at/all.csv"]
    )
    assert result.exit_code != 0
    assert "No such file or directory" in result.output
    assert "Traceback" not in result.output
    assert db.session.query(Target).count() == 0
