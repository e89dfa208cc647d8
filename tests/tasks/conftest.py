"""A school with a class, a campaign and three targets: what tests of tasks begin with."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import update

from crm.core import audit, db
from crm.core.access import Role
from crm.members.models import ChapterRole, Member
from crm.tasks.doing import Doer
from tests import make

TODAY = date(2026, 5, 1)


@pytest.fixture
def today() -> date:
    return TODAY


def link(member_id: int, user: Any) -> None:
    """The member is who signs in as the user."""
    with db.unit_of_work():
        db.session.execute(update(Member).where(Member.id == member_id).values(user_id=user.id))
        audit.record("make", "test", None, by=None)


def scene() -> SimpleNamespace:
    """Ids only. Ana signs in as a member, Ben as one of the same school, Sol of another."""
    people = make.people()
    names = [("Ana", "Brook"), ("Ben", "Cole"), ("Cleo", "Dunn")]
    members = [make.member(given, family, people.school_a).id for given, family in names]
    stranger = make.member("Sol", "Secretname", people.school_b).id
    ana = people.member
    ben = make.user(Role.MEMBER, people.school_a, name="Ben Cole")
    sol = make.user(Role.MEMBER, people.school_b, name="Sol Secretname")
    for member_id, user in ((members[0], ana), (members[1], ben), (stranger, sol)):
        link(member_id, user)
    targets = [
        make.legislator("Shelley", "Alder", district="2"),
        make.legislator("Jim", "Birch", district="1", party="Democratic"),
        make.target("Niue", country="NU", region="Oceania", sub_region="Polynesia"),
    ]
    campaign = make.campaign("Postcards", chapters=(people.state,), targets=tuple(targets))
    return SimpleNamespace(
        people=people,
        ana=ana,
        ben=ben,
        sol=sol,
        school_a=people.school_a.id,
        school_b=people.school_b.id,
        state=people.state.id,
        members=members,
        stranger=stranger,
        targets=[target.id for target in targets],
        campaign=campaign.id,
        campaign_slug=campaign.slug,
    )


@pytest.fixture
def any_scene(any_app: Flask) -> SimpleNamespace:
    """The scene on SQLite and on PostgreSQL."""
    return scene()


@pytest.fixture(name="scene")
def scene_(app: Flask) -> SimpleNamespace:
    """The scene on SQLite."""
    return scene()


def again(user: Any) -> Any:
    """The user anew, with what is kept of a request's rights forgotten."""
    g.pop("grants", None)
    g.pop("known_members", None)
    return db.session.merge(user)


def doer(user: Any) -> Doer:
    return Doer.of(again(user))


def revoke(user: Any) -> None:
    """Take all roles from a user."""
    with db.unit_of_work():
        db.session.query(ChapterRole).filter_by(user_id=user.id).delete()
        audit.record("make", "test", None, by=None)
