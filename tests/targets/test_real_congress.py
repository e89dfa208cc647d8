"""All of the real Congress, where the public files lie beside the project. Skipped by name else."""

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from sqlalchemy import func, select

from crm.core import db
from crm.targets import operations, queries
from crm.targets.models import (
    Body,
    CommitteeSeat,
    ContactPoint,
    Post,
    Target,
    TargetIdentifier,
    Term,
)

NEAR = [above / "shared" / "data" / "congress" for above in Path(__file__).parents[3:]]
FOLDER = next((folder for folder in NEAR if folder.is_dir()), Path("shared/data/congress"))
TODAY = date(2026, 11, 23)

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the public files of Congress (shared/data/congress) are not here"
)


def load(stem: str) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    with (FOLDER / f"{stem}.yaml").open(encoding="utf-8") as file:
        return yaml.load(file, Loader=loader)  # noqa: S506


def count(column: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count(column)).where(*where)) or 0


def test_all_of_congress_comes_in_whole_and_once(any_app: Flask) -> None:
    for expected in (
        "congress: 537 arrived, 0 unchanged",
        "congress: 537 unchanged",
    ):
        with db.unit_of_work():
            taken = operations.import_congress(str(FOLDER), by=None, today=TODAY)
        assert str(taken) == expected
    assert count(Target.id, Target.kind == "legislator") == 537
    # 2,792 terms, and two in which the party changed.
    assert count(Term.id) == 2794
    assert count(CommitteeSeat.id) == 3879
    assert count(Body.id, Body.classification == "committee") == 49
    assert count(Body.id, Body.classification == "subcommittee") == 181
    offices = db.session.scalars(
        select(ContactPoint.key).where(ContactPoint.key.startswith("office/"))
    )
    assert len({key.split("/")[1] for key in offices if key}) == 1312
    _invariants()
    _sample()


def _invariants() -> None:
    """One present office each, no seat held twice, every identifier of one target."""
    assert count(Term.id, Term.is_current) == 537
    assert count(Term.target_id.distinct(), Term.is_current) == 537
    assert count(Term.post_id.distinct(), Term.is_current) == 537
    assert count(ContactPoint.id, ContactPoint.status != "good") == 0
    assert count(TargetIdentifier.id, TargetIdentifier.scheme == "bioguide") == 537
    roles = Counter(
        db.session.scalars(
            select(Post.role).join(Term, Term.post_id == Post.id).where(Term.is_current)
        )
    )
    assert roles == {
        "Senator": 100, "Representative": 431, "Delegate": 5, "Resident Commissioner": 1,
    }  # fmt: skip
    assert count(Post.id, Post.division.is_(None)) == 0


def _sample() -> None:
    """Every field of every thirteenth person, and of those known for their traps."""
    people = load("legislators-current")
    offices = {
        each["id"]["bioguide"]: each["offices"] for each in load("legislators-district-offices")
    }
    seats: dict[str, set[tuple[Any, ...]]] = {}
    for code, rows in load("committee-membership-current").items():
        for row in rows:
            seats.setdefault(row["bioguide"], set()).add(
                (code, row.get("title"), row["rank"], row["party"])
            )
    traps = {"G000607", "H001103", "M001219", "B001323", "K000404", "N000147", "M001246",
             "K000401", "V000133"}  # fmt: skip
    for person in people[::13] + [p for p in people if p["id"]["bioguide"] in traps]:
        bioguide = person["id"]["bioguide"]
        target = db.session.scalars(
            select(Target).join(TargetIdentifier).where(
                TargetIdentifier.scheme == "bioguide", TargetIdentifier.identifier == bioguide
            )
        ).one()  # fmt: skip
        name = person["name"]
        assert target.name == name.get("official_full", f"{name['first']} {name['last']}")
        assert (target.given_name, target.family_name) == (name["first"], name["last"])
        assert (target.additional_name, target.suffix, target.nickname) == (
            name.get("middle"), name.get("suffix"), name.get("nickname"),
        )  # fmt: skip
        assert target.gender == {"F": "female", "M": "male"}[person["bio"]["gender"]]
        found = {(each.scheme, each.identifier) for each in queries.identifiers(target.id)}
        for scheme in ("govtrack", "wikidata", "lis", "opensecrets", "votesmart", "icpsr"):
            if scheme in person["id"]:
                assert (scheme, str(person["id"][scheme])) in found
        assert {number for scheme, number in found if scheme == "fec"} == set(
            person["id"].get("fec", [])
        )
        held = {
            (post.key, term.starts_on.isoformat(), term.ends_on.isoformat(), term.party,
             term.caucus)
            for term, post, _body in queries.terms(target.id)
        }  # fmt: skip
        assert held == {
            (_seat(term), part["start"], part["end"], part.get("party"), part.get("caucus"))
            for term in person["terms"]
            for part in term.get("party_affiliations", [term])
        }
        _contacts(target, person["terms"][-1], offices.get(bioguide, []))
        sat = {
            ("".join(body.key.split("/")[2:]), seat.title, seat.rank, seat.side)
            for seat, body, _above in queries.committee_seats(target.id)
        }
        assert sat == seats.get(bioguide, set())


def _seat(term: dict[str, Any]) -> str:
    if term["type"] == "sen":
        return f"us/senate/{term['state']}/{term['class']}"
    return f"us/house/{term['state']}/{term['district']}"


def _contacts(target: Target, term: dict[str, Any], offices: list[dict[str, Any]]) -> None:
    points = [p for points in queries.contact_points(target.id).values() for p in points]
    values = {point.key: point for point in points}
    for key, field in (("dc/phone", "phone"), ("dc/fax", "fax"), ("dc/website", "url"),
                       ("dc/web form", "contact_form")):  # fmt: skip
        assert (key in values) == bool(term.get(field))
        assert not term.get(field) or values[key].value == term[field]
    if term.get("address"):
        words = (
            values["dc/postal"].value.replace("\n", " ").replace("Washington, DC", "Washington DC")
        )
        assert words == term["address"]
    for office in offices:
        postal = values[f"office/{office['id']}/postal"]
        parts = postal.parts or {}
        for part, field in (("street", "address"), ("suite", "suite"), ("building", "building"),
                            ("locality", "city"), ("region", "state"), ("postal_code", "zip"),
                            ("hours", "hours"), ("latitude", "latitude")):  # fmt: skip
            expected = office.get(field)
            assert parts.get(part) == (
                None if expected is None else " ".join(str(expected).split())
            )
        for kind in ("phone", "fax"):
            key = f"office/{office['id']}/{kind}"
            assert (key in values) == bool(office.get(kind))
            assert not office.get(kind) or values[key].value == office[kind]
