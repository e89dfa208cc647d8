"""A state's people come in whole, twice is like once, and nobody else's people are touched."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import select, text

from crm.core import db
from crm.targets import operations, queries
from crm.targets.intake import Taken
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetIdentifier,
    Term,
)
from tests import make

HERE = Path(__file__).parent / "data" / "openstates"
TODAY = date(2026, 11, 23)
TABLES = (Target, TargetIdentifier, Body, Post, Term, ContactPoint, CommitteeSeat)


def take(place: Path | str = HERE / "wv", *, today: date = TODAY, **more: Any) -> Taken:
    with db.unit_of_work():
        return operations.import_openstates(str(place), by=None, today=today, **more)


def dump() -> dict[str, list[Any]]:
    """Every row of the room's tables, as the database has it."""
    return {
        model.__tablename__: [
            tuple(row)
            for row in db.session.execute(text(f"SELECT * FROM {model.__tablename__} ORDER BY id"))
        ]
        for model in TABLES
    }


def number(first: int) -> str:
    return f"ocd-person/{first}0000000-0000-4000-8000-000000000000"


def person(first: int) -> Target:
    return db.session.scalars(
        select(Target)
        .join(TargetIdentifier)
        .where(
            TargetIdentifier.scheme == "openstates", TargetIdentifier.identifier == number(first)
        )
    ).one()


def held(first: int) -> list[tuple[Any, ...]]:
    return [
        (post.key, term.starts_on, term.ends_on, term.party, term.is_current)
        for term, post, _body in queries.terms(person(first).id)
    ]


def copy_of(tmp_path: Path, state: str = "wv") -> Path:
    folder = tmp_path / state
    shutil.copytree(HERE / state, folder)
    return folder


def edit(path: Path, **changes: Any) -> None:
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    data.update(changes)
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")


def file_of(folder: Path, start: str) -> Path:
    return next(path for path in folder.rglob("*.yml") if path.name.startswith(start))


def test_it_works(any_app: Flask) -> None:
    taken = take()
    assert taken.counts["unchanged"] == 0
    assert len(db.session.scalars(select(Target.id)).all()) == 5
    ana = person(1)
    assert (ana.name, ana.given_name, ana.family_name) == ("Ana Álder-Núñez", "Ana", "Álder-Núñez")
    assert (ana.kind, ana.salutation, ana.gender) == (
        "legislator", "Senator Álder-Núñez", "female",
    )  # fmt: skip
    assert (ana.country, ana.seen_on, ana.source) == ("US", TODAY, "openstates/people (CC0)")
    for words in ("alder nunez", "anita", "west virginia"):
        assert ana.id in {each.id for each in queries.find_targets(words, 10)}
    assert {(each.scheme, each.identifier) for each in queries.identifiers(ana.id)} == {
        ("openstates", number(1)),
        ("openstates", number(9)),
        ("legacy_openstates", "WVL900001"),
    }


def test_twice_is_like_once(any_app: Flask) -> None:
    take()
    before = dump()
    taken = take()
    assert taken.counts["unchanged"] == 5
    assert sum(taken.counts.values()) == 5
    assert dump() == before


def test_terms_and_posts(any_app: Flask) -> None:
    take()
    assert held(1) == [
        ("us-wv/upper/1", date(2020, 12, 1), None, "Democratic", True),
        ("us-wv/lower/14B", date(2018, 12, 1), date(2020, 11, 30), "Democratic", False),
        ("us-wv/lower/3", None, date(2018, 11, 30), "Republican", False),
        ("us-wv/lower/3", None, date(2016, 11, 30), "Republican", False),
    ]
    office = queries.offices([person(1).id])[person(1).id]
    assert office.label == "West Virginia State Senator, district 1"
    assert (office.area, office.body) == ("WV", "West Virginia Senate")


def test_two_hold_the_post_of_one_district(any_app: Flask) -> None:
    take()
    post = db.session.scalars(select(Post).where(Post.key == "us-wv/upper/1")).one()
    now = select(Term.target_id).where(Term.post_id == post.id, Term.is_current)
    assert set(db.session.scalars(now)) == {person(1).id, person(2).id}
    wanted = queries.TargetFilter(chamber="us-wv/upper")
    assert len(db.session.scalars(queries.targets(wanted)).all()) == 2


def test_a_name_without_parts(any_app: Flask) -> None:
    take()
    bo = person(2)
    assert (bo.given_name, bo.family_name, bo.suffix) == ("Bo", "Birch", "Jr.")


def test_parties_and_dates_that_are_half_known(any_app: Flask) -> None:
    warnings = take().warnings
    assert held(3) == [
        ("us-wv/lower/64", date(2023, 1, 1), date(2099, 12, 31), "Democratic/Mountain", True),
        ("us-wv/lower/64", None, date(2016, 11, 30), "Democratic/Mountain", False),
    ]
    assert (
        "legislature/Cy-Cedar-3.yml: " + number(3) + ", Cy Cedar: roles[1].end_date is before its "
        "start. The role is kept without its first day." in warnings
    )


def test_who_governs(any_app: Flask) -> None:
    take()
    di, ed = person(4), person(5)
    assert (di.kind, di.salutation) == ("official", "Lieutenant Governor Dogwood")
    assert held(4)[0][0] == "us-wv/executive/lt_governor"
    assert queries.offices([di.id])[di.id].label == "Lieutenant Governor of West Virginia"
    # Somebody without a present role is known, and holds nothing.
    assert queries.offices([ed.id]) == {}
    assert ed.salutation == "Secretary Elder"


def test_ways_to_reach_them(any_app: Flask) -> None:
    warnings = take().warnings
    found = db.session.scalars(select(ContactPoint).where(ContactPoint.target_id == person(1).id))
    points = {point.key: (point.kind, point.label, point.value) for point in found}
    assert points == {
        "openstates/email": ("email", "Capitol", "ana.alder@wvsenate.example"),
        "openstates/capitol/postal": (
            "postal",
            "Capitol",
            "State Capitol Room 9E, Complex, Building 1 1900 Kanawha Blvd. East\n"
            "Charleston, WV 25305",
        ),
        "openstates/capitol/phone": ("phone", "Capitol", "304-555-0101"),
        "openstates/capitol/fax": ("fax", "Capitol", "304-555-0102"),
        "openstates/district/postal": (
            "postal", "District", "5 Elm St.\nSuite 2\nElmtown, WV 25401",
        ),
        "openstates/district/phone": ("phone", "District", "304-555-0103"),
        "openstates/district-mail/postal": (
            "postal", "District mail", "P.O. Box 7\nElmtown, WV 25401-0007",
        ),
        "openstates/link/0": (
            "website", "Official site", "https://www.legislature.example/alder",
        ),
        "openstates/link/1": ("website", "Homepage", "https://alder.example"),
        "openstates/social/X": ("social", "X", "https://x.com/anaalder"),
        "openstates/social/YouTube": ("social", "YouTube", "https://www.youtube.com/@anaalder"),
    }  # fmt: skip
    mail = db.session.scalars(
        select(ContactPoint).where(ContactPoint.key == "openstates/district-mail/postal")
    ).one()
    assert mail.parts == {
        "street": "P.O. Box 7", "locality": "Elmtown", "region": "WV", "postal_code": "25401-0007",
    }  # fmt: skip
    assert "1 address is the state alone and was left out." in warnings


def test_committees(any_app: Flask) -> None:
    warnings = take().warnings
    sat = [
        (person(n).id, body.key, body.classification, seat.title, above.name)
        for n in (1, 2, 3)
        for seat, body, above in queries.committee_seats(person(n).id)
    ]
    forests = "us-wv/upper/a0000000-0000-4000-8000-000000000000"
    ana, bo, cy = person(1).id, person(2).id, person(3).id
    assert sat == [
        (ana, forests, "committee", "Vice chair", "West Virginia Senate"),
        (bo, forests, "committee", None, "West Virginia Senate"),
        (bo, f"{forests}/0b000000-0000-4000-8000-000000000000", "subcommittee", "Chair",
         "Forests"),
        (cy, "us-wv/legislature/c0000000-0000-4000-8000-000000000000", "committee", "Ex-officio",
         "West Virginia Legislature"),
    ]  # fmt: skip
    assert "2 members of committees are none of the people here and were left out." in warnings
    assert "1 member is named twice in a committee and was left out." in warnings


def test_one_chamber_and_no_parties(any_app: Flask) -> None:
    take(HERE, state="ne")
    assert held(6) == [
        ("us-ne/legislature/32", date(2023, 1, 4), None, "Nonpartisan", True),
    ]
    fay = person(6)
    assert fay.salutation == "Senator Fir"
    assert queries.offices([fay.id])[fay.id].body == "Nebraska Legislature"
    body = queries.committee_seats(fay.id)[0][1]
    assert (body.key.rpartition("/")[0], body.name) == ("us-ne/legislature", "Rivers")


def test_a_district_is_text(any_app: Flask) -> None:
    take(HERE / "ma")
    assert held(7)[0][0] == "us-ma/upper/Barnstable, Dukes and Nantucket"
    assert person(7).salutation == "Senator O'Grove"


def test_a_whole_list_retires_only_its_own(any_app: Flask, tmp_path: Path) -> None:
    senator = make.legislator("Hal", "Hazel").id
    take(HERE / "ne")
    take()
    folder = copy_of(tmp_path)
    file_of(folder, "Bo-Birch").unlink()
    file_of(folder, "Di-Dogwood").unlink()
    taken = take(folder, today=date(2027, 1, 20))
    assert taken.counts["left"] == 2
    assert held(2) == [("us-wv/upper/1", date(2022, 12, 1), date(2027, 1, 20), "Republican", False)]
    assert held(4)[0][2:] == (date(2027, 1, 20), "Republican", False)
    assert held(6)[0][4]
    assert held(1)[0][4]
    now = select(Term.id).where(Term.target_id == senator, Term.is_current)
    assert db.session.scalars(now).all()
    assert queries.committee_seats(person(2).id) == []


def test_without_a_folder_of_offices_nobody_there_has_left(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)
    shutil.rmtree(folder / "executive")
    shutil.rmtree(folder / "committees")
    before = dump()
    assert take(folder).counts["left"] == 0
    assert dump() == before


def test_somebody_whose_role_ended_has_left(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)
    path = file_of(folder, "Bo-Birch")
    role = {
        "start_date": "2022-12-01", "end_date": "2026-11-30", "type": "upper", "district": "1",
        "jurisdiction": "ocd-jurisdiction/country:us/state:wv/government",
    }  # fmt: skip
    edit(path, roles=[role])
    taken = take(folder, today=date(2026, 12, 1))
    assert held(2) == [
        ("us-wv/upper/1", date(2022, 12, 1), date(2026, 11, 30), "Republican", False)
    ]
    assert queries.offices([person(2).id]) == {}
    assert [(row.kind, row.key) for row in taken.changes] == [("left", number(2))]
    assert taken.counts["left"] == 1


def test_from_one_chamber_to_the_other(any_app: Flask, tmp_path: Path) -> None:
    take()
    ids = person(3).id
    folder = copy_of(tmp_path)
    jurisdiction = "ocd-jurisdiction/country:us/state:wv/government"
    roles = [
        {"start_date": "2026-12-01", "type": "upper", "district": "2",
         "jurisdiction": jurisdiction},
        {"start_date": "2023-01-01", "end_date": "2026-11-30", "type": "lower", "district": "64",
         "jurisdiction": jurisdiction},
        {"end_date": "2016-11-30", "type": "lower", "district": "64",
         "jurisdiction": jurisdiction},
    ]  # fmt: skip
    edit(file_of(folder, "Cy-Cedar"), roles=roles)
    take(folder, today=date(2026, 12, 1))
    assert person(3).id == ids
    assert person(3).salutation == "Senator Cedar"
    assert [row[0] for row in held(3) if row[4]] == ["us-wv/upper/2"]
    assert len(held(3)) == 3


@pytest.mark.parametrize("state", ["wv", "ne", "ma"])
def test_each_state_apart(any_app: Flask, state: str) -> None:
    for each in ("wv", "ne", "ma"):
        take(HERE, state=each)
    before = dump()
    assert take(HERE / state).counts["left"] == 0
    assert dump() == before


def test_a_link_put_first_is_one_line(any_app: Flask, tmp_path: Path) -> None:
    folder = copy_of(tmp_path)
    path = file_of(folder, "Bo-Birch")
    links = [{"url": "https://one.example"}, {"url": "https://two.example"}]
    edit(path, links=links)
    take(folder)
    edit(path, links=[{"url": "https://new.example"}, *reversed(links)])
    taken = take(folder)
    assert [(row.kind, row.old, row.new) for row in taken.changes] == [
        ("contact", "", "https://new.example")
    ]
    assert take(folder).rows == {}
