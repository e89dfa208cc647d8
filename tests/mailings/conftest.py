"""A class of 31, five targets, an approved postcard: what a pack is made of."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from crm.core import db
from crm.mailings.allotment import Way
from crm.mailings.models import Mailing
from crm.mailings.operations import make_pack
from crm.mailings.planning import Asked
from crm.members.models import Member, Membership
from crm.members.rules import search_key
from crm.texts.models import Text, TextVersion
from tests import make

TODAY = date(2026, 5, 1)


def text(kind: str = "postcard", *, approved: bool = True, **more: Any) -> Text:
    """A text with one version."""
    record = Text(slug=f"join-{kind}", name=f"Join by {kind}", kind=kind, **more)
    version = TextVersion(
        text=record,
        language="en",
        number=1,
        subject="Please join" if kind == "letter" else None,
        body="((target.salutation)), please join. ((member.first_name))",
        approved_at=datetime(2026, 4, 1, tzinfo=UTC) if approved else None,
    )
    return make.kept(record, version)


def class_of(number: int, chapter: Any, **more: Any) -> list[int]:
    members = [
        Member(
            given_name=f"Ana{place}",
            family_name=f"Brook{place}",
            search=search_key(f"Ana{place}", f"Brook{place}"),
            **more,
        )
        for place in range(number)
    ]
    make.kept(*members)
    ids = [each.id for each in members]
    make.kept(
        *(
            Membership(member_id=each, chapter_id=chapter.id, joined_on=date(2025, 9, 1))
            for each in ids
        )
    )
    return ids


def scene() -> SimpleNamespace:
    """Ids only, so that nothing expires."""
    people = make.people()
    members = class_of(31, people.school_a)
    stranger = make.member("Sol", "Secretname", people.school_b).id
    targets = [
        make.legislator("Shelley", "Alder", district="2"),
        make.legislator("Jim", "Birch", district="1", party="Democratic"),
        make.legislator("Carol", "Cedar", chamber="us/house", district="1"),
        make.legislator("Riley", "Dogwood", chamber="us/house", district="2"),
        make.target("Niue", country="NU"),
    ]
    campaign = make.campaign("Postcards", chapters=(people.state,), targets=tuple(targets))
    words = text()
    return SimpleNamespace(
        people=people,
        school_a=people.school_a.id,
        school_b=people.school_b.id,
        members=members,
        stranger=stranger,
        targets=[target.id for target in targets],
        campaign=campaign.id,
        text=words.id,
    )


@pytest.fixture
def any_scene(any_app: Flask) -> SimpleNamespace:
    """The scene on SQLite and on PostgreSQL."""
    return scene()


@pytest.fixture(name="scene")
def scene_(app: Flask) -> SimpleNamespace:
    """The scene on SQLite."""
    return scene()


def asked(scene: SimpleNamespace, **changes: Any) -> Asked:
    given: dict[str, Any] = {
        "campaign_id": scene.campaign,
        "chapter_id": scene.school_a,
        "text_id": scene.text,
        "way": Way.ALL,
        "target_ids": frozenset(scene.targets),
        "members": dict.fromkeys(scene.members),
    }
    return Asked(**(given | changes))


@pytest.fixture
def pack() -> Callable[..., Mailing]:
    """Make the pack of 155, with what is given changed."""
    keys = iter(range(10_000))

    def pack(scene: SimpleNamespace, by: Any = None, **changes: Any) -> Mailing:
        own = {name: changes.pop(name) for name in list(changes) if hasattr(Asked, name)
               or name in Asked.__dataclass_fields__}  # fmt: skip
        given: dict[str, Any] = {
            "planned_on": date(2026, 5, 8),
            "client_key": f"pack-key-{next(keys)}",
            "minutes_each": 5,
            "postage_each": 61,
            "today": TODAY,
        }
        with db.unit_of_work():
            made = make_pack(asked=asked(scene, **own), by=by, **(given | changes))
            db.session.flush()
        return made

    return pack
