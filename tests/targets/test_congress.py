"""Congress comes in whole, twice is like once, and a broken file changes nothing."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import select, text

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.targets import operations, queries
from crm.targets.intake import Taken
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetChange,
    TargetIdentifier,
    Term,
)
from tests import make

HERE = Path(__file__).parent / "data" / "congress"
TODAY = date(2026, 11, 23)
TABLES = (Target, TargetIdentifier, Body, Post, Term, ContactPoint, CommitteeSeat, TargetChange)


def take(place: Path | str = HERE, today: date = TODAY) -> Taken:
    with db.unit_of_work():
        return operations.import_congress(str(place), by=None, today=today)


def four(taken: Taken) -> tuple[int, ...]:
    """New, changed, left, unchanged."""
    return tuple(taken.counts[word] for word in ("new", "changed", "left", "unchanged"))


def dump() -> dict[str, list[Any]]:
    """Every row of the room's tables, as the database has it."""
    return {
        model.__tablename__: [
            tuple(row)
            for row in db.session.execute(text(f"SELECT * FROM {model.__tablename__} ORDER BY id"))
        ]
        for model in TABLES
    }


def person(bioguide: str) -> Target:
    return db.session.scalars(
        select(Target)
        .join(TargetIdentifier)
        .where(TargetIdentifier.scheme == "bioguide", TargetIdentifier.identifier == bioguide)
    ).one()


def copy_of(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    shutil.copytree(HERE, folder)
    return folder


def edit(folder: Path, stem: str, change: Callable[[Any], Any]) -> None:
    path = folder / f"{stem}.yaml"
    data = yaml.safe_load(path.read_text(encoding="utf-8"))
    result = change(data)
    path.write_text(
        yaml.safe_dump(data if result is None else result, allow_unicode=True), encoding="utf-8"
    )


def test_it_works(any_app: Flask) -> None:
    taken = take()
    assert str(taken) == "congress: 5 arrived, 0 unchanged"
    zee = person("X000001")
    assert zee.name == 'Zélie A. "Zee" Núñez-O\'Neil, Jr.'
    assert (zee.given_name, zee.additional_name, zee.family_name) == (
        "Zélie",
        "Ann",
        "Núñez-O'Neil",
    )
    assert (zee.suffix, zee.nickname, zee.gender) == ("Jr.", "Zee", "female")
    assert zee.salutation == "Senator Núñez-O'Neil"
    assert (zee.country, zee.seen_on) == ("US", TODAY)
    assert "congress-legislators" in (zee.source or "")
    found = {(each.scheme, each.identifier) for each in queries.identifiers(zee.id)}
    assert found == {
        ("bioguide", "X000001"), ("lis", "S901"), ("govtrack", "900001"), ("wikidata", "Q9000001"),
        ("fec", "S0WV00001"), ("fec", "H0WV00001"),
    }  # fmt: skip


def test_terms_and_posts(any_app: Flask) -> None:
    take()
    zee = person("X000001")
    held = [
        (post.key, term.starts_on, term.party, term.caucus, term.is_current)
        for term, post, _body in queries.terms(zee.id)
    ]
    assert held == [
        ("us/senate/WV/2", date(2021, 1, 3), "Independent", "Democrat", True),
        ("us/senate/WV/2", date(2015, 1, 6), "Democrat", None, False),
        ("us/house/WV/2", date(2011, 1, 5), "Democrat", None, False),
    ]
    office = queries.offices([zee.id])[zee.id]
    assert office.label == "U.S. Senator for West Virginia (class 2)"
    assert (office.party, office.area, office.body) == ("Independent", "WV", "U.S. Senate")
    labels = {
        post.area: (post.label, post.division, post.district, post.role)
        for post in db.session.scalars(select(Post))
        if post.area != "WV"
    }
    assert labels == {
        "AK": ("U.S. Representative for Alaska, at large", "ocd-division/country:us/state:ak",
               "At large", "Representative"),
        "GU": ("U.S. Delegate for Guam", "ocd-division/country:us/territory:gu", "At large",
               "Delegate"),
        "PR": ("Resident Commissioner of Puerto Rico", "ocd-division/country:us/territory:pr",
               "At large", "Resident Commissioner"),
    }  # fmt: skip


def test_a_term_due_to_end_earlier_is_still_the_present_one(any_app: Flask) -> None:
    take()
    strom = person("X000002")
    office = queries.offices([strom.id])[strom.id]
    assert queries.terms_on([strom.id], TODAY) == {strom.id: office.term_id}


def test_ways_to_reach_them(any_app: Flask) -> None:
    take()
    points = {
        point.key: point
        for point in db.session.scalars(
            select(ContactPoint).where(ContactPoint.target_id == person("X000001").id)
        )
    }
    dc = points["dc/postal"]
    assert dc.value == "1 Alder Senate Office Building\nWashington, DC 20510"
    assert dc.parts == {
        "street": "1 Alder Senate Office Building",
        "locality": "Washington",
        "region": "DC",
        "postal_code": "20510",
    }
    assert (dc.label, dc.status, dc.checked_on) == ("DC", "good", TODAY)
    assert points["dc/phone"].value == "202-224-0001"
    assert points["dc/fax"].value == "202-228-0001"
    assert points["dc/web form"].kind == "web form"
    assert points["dc/website"].value == "https://www.nunez.example"
    elm = points["office/X000001-elmtown/postal"]
    assert elm.value == "Federal Building\n5 Elm St., 247\nElmtown, WV 02530"
    assert elm.label == "Elmtown"
    assert elm.parts is not None
    assert (elm.parts["hours"], elm.parts["postal_code"]) == ("M-F 9-5", "02530")
    assert points["office/X000001-oakville/postal"].value == "Oakville, WV"
    assert points["office/X000001-oakville/phone"].value == "304-555-0003"
    assert {key: point.value for key, point in points.items() if key.startswith("social/")} == {
        "social/X": "https://x.com/SenNunez",
        "social/YouTube": "https://www.youtube.com/channel/UCabc",
        "social/Mastodon": "https://mastodon.example/@zee",
    }


def test_somebody_without_phone_or_office_comes_in(any_app: Flask) -> None:
    take()
    lino = person("X000003")
    assert lino.name == "Lino Taitano"
    assert queries.contact_points(lino.id) == {}
    assert queries.committee_seats(lino.id) == []
    # An address that is not written as the others are is kept as it is.
    assert queries.contact_points(person("X000004").id)["postal"][0].value == (
        "Somewhere else, Washington"
    )


def test_committees(any_app: Flask) -> None:
    taken = take()
    seats = [
        (seat.title, seat.rank, seat.side, body.key, above.key if above else None)
        for seat, body, above in queries.committee_seats(person("X000001").id)
    ]
    assert seats == [
        ("Chairman", 1, "majority", "us/senate/SSPA", "us/senate"),
        (None, 2, "majority", "us/senate/SSPA/01", "us/senate/SSPA"),
    ]
    assert [body.key for _s, body, _a in queries.committee_seats(person("X000005").id)] == [
        "us/house/HSIN",
        "us/joint/JSST",
    ]
    assert len([each for each in taken.warnings if "nobody in the list" in each]) == 2


def test_a_second_import_changes_no_row(any_app: Flask) -> None:
    take()
    before = dump()
    taken = take(today=date(2027, 1, 1))
    assert str(taken) == "congress: 5 unchanged"
    assert dump() == before
    assert taken.rows == {}
    assert db.session.query(ImportRun).count() == 2
    entries = db.session.query(AuditEntry).filter_by(verb="import_congress").all()
    assert [entry.changes["new"] for entry in entries] == [5, 0]


def test_json_is_read_like_yaml(any_app: Flask, tmp_path: Path) -> None:
    for path in HERE.glob("*.yaml"):
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        (tmp_path / f"{path.stem}.json").write_text(json.dumps(data), encoding="utf-8")
    take()
    before = dump()
    assert take(tmp_path).counts["unchanged"] == 5
    assert dump() == before


def test_a_single_file_leaves_offices_and_committees_alone(any_app: Flask) -> None:
    take()
    before = dump()
    assert take(HERE / "legislators-current.yaml").counts["unchanged"] == 5
    assert dump() == before


def test_what_changed_is_changed(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)

    def change(people: list[Any]) -> None:
        people[0]["name"]["official_full"] = "Zélie Núñez"
        people[1]["terms"][0]["phone"] = "202-225-9999"
        people[2]["terms"][0]["start"] = "2025-01-04"

    edit(folder, "legislators-current", change)
    later = date(2026, 12, 1)
    assert four(take(folder, later)) == (0, 3, 0, 2)
    assert (person("X000001").name, person("X000001").seen_on) == ("Zélie Núñez", later)
    phone = queries.contact_points(person("X000002").id)["phone"][0]
    assert (phone.value, phone.checked_on) == ("202-225-9999", later)
    ((term, _post, _body),) = queries.terms(person("X000003").id)
    assert term.starts_on == date(2025, 1, 4)
    assert person("X000005").seen_on == TODAY


def test_an_office_that_closed_is_past_and_comes_back(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)
    edit(folder, "legislators-district-offices", lambda rows: rows[:1])
    assert take(folder).counts["changed"] == 1
    (point,) = queries.contact_points(person("X000005").id)["postal"]
    assert (point.label, point.status) == ("Elmtown", "past")
    assert take().counts["changed"] == 1
    (point,) = queries.contact_points(person("X000005").id)["postal"]
    assert point.status == "good"


def test_what_somebody_marked_bad_stays_bad_until_it_changes(
    any_app: Flask, tmp_path: Path
) -> None:
    take()
    (phone,) = queries.contact_points(person("X000005").id)["phone"]
    with db.unit_of_work():
        operations.mark_contact_point(db.session.merge(phone), status="bad", by=None, today=TODAY)
    assert take().counts["unchanged"] == 5
    (phone,) = queries.contact_points(person("X000005").id)["phone"]
    assert phone.status == "bad"
    folder = copy_of(tmp_path)
    edit(
        folder,
        "legislators-current",
        lambda people: people[4]["terms"][0].update(phone="202-225-7777"),
    )
    take(folder)
    (phone,) = queries.contact_points(person("X000005").id)["phone"]
    assert (phone.status, phone.value) == ("good", "202-225-7777")


def test_who_is_listed_no_more_has_left(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)
    edit(folder, "legislators-current", lambda people: people[1:])
    taken = take(folder, date(2026, 12, 1))
    assert four(taken) == (0, 0, 1, 4)
    zee = person("X000001")
    assert queries.offices([zee.id]) == {}
    term, _post, _body = queries.terms(zee.id)[0]
    assert (term.ends_on, term.is_current) == (date(2026, 12, 1), False)
    assert queries.committee_seats(zee.id) == []
    assert {p.status for points in queries.contact_points(zee.id).values() for p in points} == {
        "past"
    }
    assert four(take(folder)) == (0, 0, 0, 4)
    assert four(take()) == (0, 1, 0, 4)
    assert queries.offices([zee.id])[zee.id].area == "WV"


def test_a_seat_that_changed_hands_is_held_once(any_app: Flask, tmp_path: Path) -> None:
    take()
    folder = copy_of(tmp_path)
    edit(folder, "legislators-current", lambda people: people[4]["id"].update(bioguide="X000009"))
    taken = take(folder)
    assert (taken.counts["new"], taken.counts["left"]) == (1, 1)
    holders = db.session.scalars(
        select(Term).join(Post).where(Post.key == "us/house/WV/1", Term.is_current)
    ).all()
    assert len(holders) == 1
    # The govtrack number stays with whom it was seen first.
    assert any("govtrack 900005" in each for each in taken.warnings)


def test_a_list_that_was_cut_off_is_refused(any_app: Flask, tmp_path: Path) -> None:
    for number in range(60):
        make.legislator("Invented", f"Person{number}", chamber="us/house", district=str(number + 5))
    before = dump()
    with pytest.raises(Refused, match="looks cut off"):
        take()
    assert dump() == before


def test_west_virginia_is_shipped_and_fits_a_full_import(any_app: Flask) -> None:
    with db.unit_of_work():
        taken = operations.import_west_virginia(by=None)
    assert four(taken) == (4, 0, 0, 0)
    offices = queries.offices([each.id for each in db.session.scalars(select(Target))])
    assert sorted(office.label for office in offices.values()) == [
        "U.S. Representative for West Virginia, district 1",
        "U.S. Representative for West Virginia, district 2",
        "U.S. Senator for West Virginia (class 1)",
        "U.S. Senator for West Virginia (class 2)",
    ]
    assert {each.seen_on for each in db.session.scalars(select(Target))} == {date(2026, 6, 15)}
    for target in db.session.scalars(select(Target)):
        assert {"postal", "phone"} <= set(queries.contact_points(target.id))
    before = dump()
    with db.unit_of_work():
        again = operations.import_west_virginia(by=None)
    assert (again.counts["new"], again.counts["left"], dump()) == (0, 0, before)


def test_governments(any_app: Flask) -> None:
    with db.unit_of_work():
        taken = operations.import_governments(by=None)
    assert str(taken) == "governments: 197 arrived, 0 unchanged"
    before = dump()
    with db.unit_of_work():
        taken = operations.import_governments(by=None)
    assert str(taken) == "governments: 197 unchanged"
    assert dump() == before
    (niue,) = queries.find_targets("niue", 5)
    assert (niue.country, niue.region, niue.sub_region) == ("NU", "Oceania", "Polynesia")
    assert {(each.scheme, each.identifier) for each in queries.identifiers(niue.id)} == {
        ("iso3166", "NU"), ("iso3166-alpha3", "NIU"), ("m49", "570"), ("wikidata", "Q34020"),
    }  # fmt: skip
    assert niue.salutation == "Excellency"
