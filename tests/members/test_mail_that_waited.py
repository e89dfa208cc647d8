"""A message may wait for hours: what was decided meanwhile holds when it leaves."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from sqlalchemy import select

from crm.accounts import operations as accounts
from crm.accounts.models import User
from crm.core import audit, db, mail, outbox
from crm.core.outbox import Outgoing
from crm.members import chaperone, guardians
from crm.members.consent_rules import Purpose
from crm.members.models import Consent, Guardianship, Member
from crm.members.rules import AgeBand
from tests import make
from tests.members.test_chaperone import allow, change, guardian

ADULT, CHILD = "bo@example.org", "ana@example.org"


@pytest.fixture
def there(mailing_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.bo = make.member("Bo", "Lind", people.school_a).id
    change(people.bo, email=ADULT, age_band=AgeBand.ADULT)
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    change(people.ana, email=CHILD)
    people.maria = guardian(people.ana, email="maria@example.org")
    allow(people.ana, people.maria)
    return people


def write(member_id: int) -> mail.Sent:
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        member = db.session.get_one(Member, member_id)
        return chaperone.send_to_member(
            member, "own_link", subject="Your own page", name="Bo", link="https://x/", until="then"
        )


def left(letterbox: SimpleNamespace) -> set[str]:
    g.pop("known_members", None)
    outbox.drain()
    found = set()
    while not letterbox.box.received.empty():
        _sender, recipients, _message = letterbox.next()
        found |= set(recipients)
    return found


def rows() -> dict[str, str]:
    db.session.expire_all()
    return {each.about or "": each.state for each in db.session.scalars(select(Outgoing))}


def say_no(people: SimpleNamespace) -> None:
    day = db.now().date()
    make.kept(
        Consent(
            member_id=people.bo, guardian_id=None, purpose=Purpose.CONTACT, answer="refused",
            how="paper", starts_on=day,
        )
    )  # fmt: skip


@pytest.mark.parametrize(
    "what",
    [
        say_no,
        lambda people: change(people.bo, email="bo.lind@example.org"),
        lambda people: change(people.bo, forgotten_at=db.now()),
        lambda people: change(people.bo, merged_into_id=people.ana),
        lambda people: change(people.bo, age_band=AgeBand.OLDER_TEEN),
    ],
    ids=["no", "other address", "forgotten", "one with a child", "a minor after all"],
)
def test_a_grown_ups_message_heeds_what_was_said_since(
    there: SimpleNamespace, letterbox: SimpleNamespace, what: Callable[[SimpleNamespace], Any]
) -> None:
    assert write(there.bo)
    what(there)
    assert left(letterbox) == set()
    assert rows() == {"own_link": outbox.State.GONE}


def test_who_was_made_one_with_another_gets_it(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    other = make.member("Bo", "Lind", there.school_a).id
    change(other, email="bo.l@example.org", age_band=AgeBand.ADULT)
    assert write(there.bo)
    change(there.bo, merged_into_id=other)
    assert left(letterbox) == {ADULT}


def test_it_leaves_where_nothing_was_said(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    assert write(there.bo)
    assert write(there.ana)
    assert left(letterbox) == {ADULT, CHILD, "maria@example.org"}


def test_a_copy_goes_to_nobody_who_is_no_guardian_any_more(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    allow(there.ana, guardian(there.ana, "Iris Núñez", email="iris@example.org"))
    assert write(there.ana)
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        tie = db.session.scalars(
            select(Guardianship).where(Guardianship.guardian_id == there.maria)
        ).one()
        db.session.delete(tie)
    assert left(letterbox) == {CHILD, "iris@example.org"}


def test_a_reset_of_an_account_that_was_deactivated_stays(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    user = make.user(name="Cleo Dune")
    with db.unit_of_work():
        accounts.request_reset(email=user.email)
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        db.session.get_one(User, user.id).active = False
    assert left(letterbox) == set()
    assert rows() == {"reset": outbox.State.GONE}


def test_a_guardians_wrong_address_gets_no_request_that_waits(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        assert mail.send(
            "reset", to="maria@example.org", subject="s", name="m", link="l", hours=1,
            batch=guardians.batch_of(there.maria),
        )  # fmt: skip
    with db.unit_of_work():
        guardians.change_guardian(
            member_id=there.ana, guardian_id=there.maria, name="Maria Núñez",
            email="m.nunez@example.org", by=None,
        )  # fmt: skip
    assert left(letterbox) == set()
