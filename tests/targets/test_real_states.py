"""All of West Virginia's people, where the public files lie beside the project. Skipped else."""

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
from crm.targets.models import Body, CommitteeSeat, ContactPoint, Post, Target, Term
from tests.targets.test_openstates import dump

NEAR = [above / "shared" / "data" / "states" / "openstates" for above in Path(__file__).parents[3:]]
FOLDER = next((folder for folder in NEAR if folder.is_dir()), Path("shared/data/states/openstates"))
TODAY = date(2026, 11, 23)

pytestmark = pytest.mark.skipif(
    not FOLDER.is_dir(), reason="the files of Open States (shared/data/states) are not here"
)


def load(part: str) -> list[dict[str, Any]]:
    # Every scalar as text, as the files write it.
    return [
        yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506
        for path in sorted((FOLDER / "data" / "wv" / part).iterdir())
    ]


def count(column: Any, *where: Any) -> int:
    return db.session.scalar(select(func.count(column)).where(*where)) or 0


def test_all_of_a_state_comes_in_whole_and_once(any_app: Flask) -> None:
    with db.unit_of_work():
        taken = operations.import_openstates(str(FOLDER), by=None, today=TODAY)
    assert (taken.counts["new"], taken.counts["unchanged"]) == (137, 0)
    before = dump()
    with db.unit_of_work():
        taken = operations.import_openstates(str(FOLDER / "data/wv"), by=None, today=TODAY)
    assert str(taken) == "openstates: 137 unchanged"
    assert taken.rows == {}
    assert dump() == before
    assert count(Target.id, Target.kind == "legislator") == 134
    assert count(Target.id, Target.kind == "official") == 3
    now = db.session.execute(
        select(Body.key, func.count())
        .join(Post, Post.body_id == Body.id)
        .join(Term, Term.post_id == Post.id)
        .where(Term.is_current)
        .group_by(Body.key)
    )
    assert dict(tuple(row) for row in now) == {
        "us-wv/lower": 100,
        "us-wv/upper": 34,
        "us-wv/executive": 2,
    }
    assert count(Body.id, Body.classification == "committee") == 52
    assert count(CommitteeSeat.id) == 923
    _people()
    _committees()


def _people() -> None:
    """Every role, party, office, name and link, against the files."""
    held: Counter[tuple[Any, ...]] = Counter()
    for person in load("legislature") + load("executive"):
        target = _target(person["id"])
        assert target.name == person["name"]
        assert (target.given_name, target.family_name) == (
            person["given_name"], person["family_name"],
        )  # fmt: skip
        terms = queries.terms(target.id)
        begun = [role["start_date"] for role in person["roles"] if _is_present(role)]
        for role in person["roles"]:
            start, end = role.get("start_date"), role.get("end_date")
            if start and end and end < start:
                # Two roles were copied with the dates of another.
                start = None
            if start and end and begun and start < begun[0]:
                # Nobody holds the former post on when the present one begins.
                end = min(end, begun[0])
            held[person["id"], _key(role), start, end] += 1
            assert (_key(role), start, end) in [
                (post.key, _words(term.starts_on), _words(term.ends_on))
                for term, post, _body in terms
            ]
        present = [role for role in person["roles"] if _is_present(role)]
        assert [post.key for term, post, _body in terms if term.is_current] == [
            _key(role) for role in present
        ]
        assert {term.party for term, _post, _body in terms} == {person["party"][0]["name"]}
        _contacts(target, person)
    assert set(held.values()) == {1}
    assert count(Term.id) == sum(held.values()) == 276


def _contacts(target: Target, person: dict[str, Any]) -> None:
    points = db.session.scalars(select(ContactPoint).where(ContactPoint.target_id == target.id))
    found = {str(point.key): point.value for point in points}
    for office in person["offices"]:
        key = f"openstates/{office['classification']}"
        written = " ".join(office["address"].replace(";", " ").replace(",", " ").split())
        if office["address"] == "WV":
            assert f"{key}/postal" not in found
        else:
            assert " ".join(found[f"{key}/postal"].replace(",", " ").split()) == written
        assert found.get(f"{key}/phone") == office.get("voice")
        assert found.get(f"{key}/fax") == office.get("fax")
    assert found.get("openstates/email") == person.get("email")
    links = [value for key, value in sorted(found.items()) if key.startswith("openstates/link/")]
    assert sorted(links) == sorted(link["url"] for link in person["links"])
    for each in person.get("other_names", ()):
        for word in queries.fold(each["name"]).split():
            assert f" {word} " in target.search


def _committees() -> None:
    for committee in load("committees"):
        number = committee["id"].partition("/")[2]
        body = db.session.scalars(
            select(Body).where(Body.key == f"us-wv/{committee['chamber']}/{number}")
        ).one()
        assert (body.name, body.classification) == (committee["name"], "committee")
        rows = db.session.execute(
            select(CommitteeSeat.target_id, CommitteeSeat.title).where(
                CommitteeSeat.body_id == body.id
            )
        )
        assert {(number, (title or "member").lower()) for number, title in rows} == {
            (_target(row["person_id"]).id, row["role"]) for row in committee["members"]
        }


def _target(identifier: str) -> Target:
    known = queries.TargetIdentifier
    return db.session.scalars(
        select(Target)
        .join(known)
        .where(known.scheme == "openstates", known.identifier == identifier)
    ).one()


def _key(role: dict[str, Any]) -> str:
    if "district" in role:
        return f"us-wv/{role['type']}/{role['district']}"
    return f"us-wv/executive/{role['type']}"


def _is_present(role: dict[str, Any]) -> bool:
    return not role.get("end_date") or role["end_date"] >= TODAY.isoformat()


def _words(day: date | None) -> str | None:
    return day.isoformat() if day else None
