"""A school, its members, targets with addresses, a campaign, and a letter in one version."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from crm.core import db
from crm.members.models import Chapter, Consent, Guardian, Guardianship
from crm.targets.models import ContactPoint
from crm.texts.models import Text, TextVersion
from tests import make

TODAY = date(2026, 5, 1)


@pytest.fixture
def today() -> date:
    return TODAY


def text(
    name: str = "Ask to join",
    body: str = "((target.salutation)), please join.",
    *,
    kind: str = "letter",
    language: str = "en",
    approved: bool = True,
    chapter_id: int | None = None,
    campaign_id: int | None = None,
    **more: Any,
) -> int:
    """Id of a text with one version, approved unless said otherwise."""
    from crm.core.text import free_slug
    from crm.texts.queries import slugs

    record = make.kept(
        Text(
            slug=free_slug(name, slugs()),
            name=name,
            kind=kind,
            chapter_id=chapter_id,
            campaign_id=campaign_id,
        )
    )
    make.kept(
        TextVersion(
            text_id=record.id,
            language=language,
            number=1,
            body=body,
            approved_at=db.now() if approved else None,
            **{"figures": {}, "fields": [], **more},
        )
    )
    return int(record.id)


def address(target_id: int, value: str = "1 Hill Road\nWashington, DC 20510") -> int:
    point = make.kept(ContactPoint(target_id=target_id, kind="postal", label="DC", value=value))
    return int(point.id)


def says(member_id: int, purpose: str, answer: str = "given") -> None:
    """A guardian of the member says yes (or no)."""
    guardian = make.kept(Guardian(name="Pat Guardian", search="pat guardian"))
    make.kept(Guardianship(member_id=member_id, guardian_id=guardian.id))
    make.kept(
        Consent(
            member_id=member_id,
            guardian_id=guardian.id,
            purpose=purpose,
            answer=answer,
            how="paper",
            starts_on=date(2025, 9, 1),
        )
    )


def scene() -> SimpleNamespace:
    """Ids only, so that nothing expires."""
    people = make.people()
    with db.unit_of_work():
        from crm.core import audit

        school = db.session.get_one(Chapter, people.school_a.id)
        school.address = "Alder High School\n9 School Lane\nCharleston, WV 25301"
        audit.record("make", "test", None, by=None)
    ana = make.member("Ana", "Núñez", people.school_a).id
    ben = make.member("Ben", "Cole", people.school_a).id
    ann = make.legislator("Ann", "Alpha", district="2").id
    bo = make.legislator("Bo", "Beta", chamber="us/house", district="1").id
    address(ann)
    targets = [ann, bo]
    campaign = make.campaign(chapters=(people.school_a,))
    return SimpleNamespace(
        people=people, ana=ana, ben=ben, ann=ann, bo=bo, targets=targets,
        campaign_id=campaign.id, school_id=people.school_a.id,
    )  # fmt: skip


@pytest.fixture
def there(app: Flask) -> SimpleNamespace:
    return scene()


@pytest.fixture
def anywhere(any_app: Flask) -> SimpleNamespace:
    return scene()
