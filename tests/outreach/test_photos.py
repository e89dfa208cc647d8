"""Pictures are shown only while everybody who can be recognised in them may be."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from crm.core import db, store
from crm.core.audit import AuditEntry
from crm.members.models import Consent, Guardian, Guardianship, Member
from crm.outreach.models import Action, ActionPhoto
from crm.outreach.photos import pictures_of
from tests import make

SignIn = Callable[[object], FlaskClient]
Log = Callable[..., Action]
PICTURE = "a" * 32 + ".jpg"


def says(member_id: int, answer: str = "given", **more: Any) -> Consent:
    """A guardian's word to photos."""
    guardian = make.kept(Guardian(name="Gale Brook", search="gale brook", email="g@example.org"))
    make.kept(Guardianship(member_id=member_id, guardian_id=guardian.id))
    return make.kept(
        Consent(
            member_id=member_id,
            purpose="photo",
            guardian_id=guardian.id,
            answer=answer,
            how="paper",
            starts_on=date(2026, 1, 1),
            **more,
        )
    )


def held_back(action_id: int) -> str | None:
    db.rollback()
    # The test's own context outlives a request's, which asks once.
    g.pop("known_members", None)
    (picture,) = pictures_of(db.session.get_one(Action, action_id))
    return picture.held_back


def test_it_works(any_app: Flask, any_scene: SimpleNamespace, log: Log) -> None:
    s = any_scene
    ana, ben, _cleo = s.members
    with any_app.test_request_context():
        number = log(s, members={ana: 100, ben: 50}, photos=["a.jpg"]).id
        assert held_back(number) == "2 who took part have no consent to photos."
        says(ana)
        assert held_back(number) == "1 who took part has no consent to photos."
        consent = says(ben)
        assert held_back(number) is None
        with db.unit_of_work():
            db.session.merge(consent).withdrawn_on = date(2026, 2, 1)
            make.audit.record("make", "test", None, by=None)
        assert held_back(number) == "1 who took part has no consent to photos."


def test_somebody_grown_up_is_asked_too(
    any_app: Flask, any_scene: SimpleNamespace, log: Log
) -> None:
    ana = any_scene.members[0]
    with any_app.test_request_context():
        number = log(any_scene, members={ana: 150}, photos=["a.jpg"]).id
        with db.unit_of_work():
            db.session.get_one(Member, ana).age_band = "adult"
            db.session.add(
                Consent(
                    member_id=ana,
                    purpose="photo",
                    answer="given",
                    how="in person",
                    starts_on=date(2026, 1, 1),
                )
            )
            make.audit.record("make", "test", None, by=None)
        assert held_back(number) is None


@pytest.mark.parametrize("members", [{}, {0: 100}])
def test_a_tally_does_not_say_whose_consent_it_takes(
    any_app: Flask, any_scene: SimpleNamespace, log: Log, members: dict[int, int]
) -> None:
    ids = {any_scene.members[place]: pieces for place, pieces in members.items()}
    with any_app.test_request_context():
        number = log(any_scene, members=ids, photos=["a.jpg"]).id
        for each in ids:
            says(each)
        assert "not all" in (held_back(number) or "").lower()


def test_the_page_says_why_and_gives_no_picture(
    app: Flask, scene: SimpleNamespace, log: Log, sign_in: SignIn
) -> None:
    store.here().keep(PICTURE, b"\xff\xd8\xff")
    number = log(scene, members={scene.members[0]: 150}, photos=[PICTURE]).id
    photo = db.session.query(ActionPhoto).one().id
    coordinator = sign_in(scene.people.coordinator)
    page = coordinator.get(f"/outreach/{number}").text
    assert "Photo 1 is held back." in page
    assert "<img" not in page
    assert coordinator.get(f"/outreach/{number}/photos/{photo}").status_code == 404
    url = f"/outreach/{number}/photos/{photo}"
    assert sign_in(scene.people.outsider).post(url, data={"shows": "nobody"}).status_code == 409
    assert sign_in(scene.people.viewer).post(url, data={"shows": "nobody"}).status_code == 403
    assert coordinator.post(url, data={"shows": "nobody"}).status_code == 303
    assert coordinator.get(f"/outreach/{number}/photos/{photo}").status_code == 200
    entry = db.session.query(AuditEntry).filter_by(verb="say_whom_it_shows").one()
    assert entry.changes == {"photo": photo, "shows": ["members", "nobody"]}
    assert coordinator.post(url, data={"shows": "members"}).status_code == 303
    assert coordinator.get(f"/outreach/{number}/photos/{photo}").status_code == 404
