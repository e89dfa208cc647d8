"""A school with a class, a campaign and its five targets: what most tests here begin with."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.campaigns.models import Ask
from crm.core import db
from crm.outreach.models import Action
from crm.outreach.operations import log_action
from tests import make

TODAY = date(2026, 5, 1)


@pytest.fixture
def today() -> date:
    return TODAY


def ask_of(campaign_id: int) -> int:
    return db.session.scalars(select(Ask.id).where(Ask.campaign_id == campaign_id)).one()


def scene() -> SimpleNamespace:
    """Ids only, so that nothing expires: people, members, targets, campaign, ask."""
    people = make.people()
    names = [("Ana", "Brook"), ("Ben", "Cole"), ("Cleo", "Dunn")]
    members = [make.member(given, family, people.school_a).id for given, family in names]
    stranger = make.member("Sol", "Secretname", people.school_b).id
    targets = [
        make.legislator("Shelley", "Alder", district="2"),
        make.legislator("Jim", "Birch", district="1", party="Democratic"),
        make.legislator("Carol", "Cedar", chamber="us/house", district="1"),
        make.legislator("Riley", "Dogwood", chamber="us/house", district="2"),
        make.target("Niue", country="NU", region="Oceania", sub_region="Polynesia"),
    ]
    campaign = make.campaign("Postcards", chapters=(people.state,), targets=tuple(targets))
    other = make.campaign("Letters")
    return SimpleNamespace(
        people=people,
        school_a=people.school_a.id,
        school_b=people.school_b.id,
        state=people.state.id,
        members=members,
        stranger=stranger,
        targets=[target.id for target in targets],
        campaign=campaign.id,
        ask=ask_of(campaign.id),
        foreign_ask=ask_of(other.id),
        other_campaign=other.id,
    )


@pytest.fixture
def any_scene(any_app: Flask) -> SimpleNamespace:
    """The scene on SQLite and on PostgreSQL."""
    return scene()


@pytest.fixture(name="scene")
def scene_(app: Flask) -> SimpleNamespace:
    """The scene on SQLite."""
    return scene()


@pytest.fixture
def log() -> Callable[..., Action]:
    """Log 150 postcards to the five targets, with what is given changed."""
    keys = iter(range(10_000))

    def log(scene: SimpleNamespace, **changes: Any) -> Action:
        given: dict[str, Any] = {
            "channel": "postcard",
            "campaign_id": scene.campaign,
            "happened_on": date(2026, 3, 3),
            "pieces": 150,
            "targets": dict.fromkeys(scene.targets, 30),
            "members": {},
            "chapter_ids": [scene.school_a],
            "client_key": f"key-{next(keys)}",
            "by": None,
            "today": TODAY,
        }
        if changes.get("channel", "postcard") in ("meeting", "event", "petition"):
            given |= {"pieces": 1, "targets": dict.fromkeys(scene.targets[:3], 1)}
        with db.unit_of_work():
            return log_action(**given | changes)

    return log
