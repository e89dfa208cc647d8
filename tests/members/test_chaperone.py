"""No private line to a child: who gets a copy of what, and what is not sent at all."""

from email.message import EmailMessage
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask_babel import lazy_gettext as _l

from crm.accounts import operations as accounts
from crm.core import audit, db, mail, outbox
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import chaperone, consent_requests, consents, guardians, operations
from crm.members.consent_rules import How, Purpose
from crm.members.models import Consent, ConsentRequest, Member
from tests import make
from tests.accounts.conftest import with_password

CHILD = "ana@example.org"
LINK = "https://outreach.example.org/reset/secret-part"


@pytest.fixture
def there(mailing_app: Flask) -> SimpleNamespace:
    """Ana of school A, whose e-mail we have; nobody has said anything for her yet."""
    people = make.people()
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    change(people.ana, email=CHILD)
    return people


def change(member_id: int, **values: Any) -> None:
    with db.unit_of_work():
        record = db.session.get_one(Member, member_id)
        for name, value in values.items():
            setattr(record, name, value)
        audit.record("make", "test", None, by=None)


def guardian(member_id: int, name: str = "Maria Núñez", **values: Any) -> int:
    with db.unit_of_work():
        return int(
            guardians.add_guardian(
                member_id=member_id, name=name, by=None, **({"phone": "1"} | values)
            ).id
        )


def allow(member_id: int, who: int | None, *purposes: Purpose) -> None:
    day = db.now().date()
    for each in purposes or (Purpose.CONTACT,):
        make.kept(
            Consent(
                member_id=member_id, guardian_id=who, purpose=each.value, answer="given",
                how="paper", starts_on=day,
            )
        )  # fmt: skip


def write(to: str = CHILD) -> mail.Sent:
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        return mail.send(
            "reset", to=to, subject=_l("Choose a new password"), name="Ana", link=LINK, hours=24
        )


def plain(message: EmailMessage) -> str:
    return str(message.get_body(("plain",)).get_content())  # type: ignore[union-attr]


def withheld() -> list[AuditEntry]:
    return db.session.query(AuditEntry).filter_by(verb="withhold_mail").all()


def received(letterbox: SimpleNamespace, number: int) -> dict[str, EmailMessage]:
    """So many messages by their one recipient, and no more."""
    found = {}
    for _each in range(number):
        _sender, recipients, message = letterbox.next()
        [to] = recipients
        found[to] = message
    outbox.drain()
    assert letterbox.box.received.empty()
    return found


def test_a_guardian_gets_a_copy_without_the_link(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    allow(there.ana, guardian(there.ana, email="maria@example.org"))
    assert write()
    both = received(letterbox, 2)
    assert set(both) == {CHILD, "maria@example.org"}
    assert LINK in plain(both[CHILD])
    assert "A copy of this message goes to Maria Núñez." in plain(both[CHILD])
    copy = both["maria@example.org"]
    assert copy["Subject"] == "Copy: Choose a new password"
    assert "secret-part" not in copy.as_string()
    assert "https://" not in copy.as_string()
    for words in ("Hello Maria Núñez,", "wrote to Ana about", "asked for a new password"):
        assert words in plain(copy)
    assert CHILD not in copy.as_string()
    assert both[CHILD]["Cc"] is None


def test_without_contact_consent_nothing_is_written(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    guardian(there.ana, email="maria@example.org")
    sent = write()
    assert not sent
    assert sent.is_withheld
    assert "contacted directly" in str(sent.why_not)
    [entry] = withheld()
    assert (entry.kind, entry.record_id) == ("member", there.ana)
    assert CHILD not in str(entry.changes)
    received(letterbox, 0)


def test_a_leader_gets_the_copy_where_no_guardian_has_mail(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    allow(there.ana, guardian(there.ana))
    with_password(there.leader)
    assert write()
    both = received(letterbox, 2)
    assert set(both) == {CHILD, db.session.get(make.User, there.leader.id).email}


@pytest.mark.parametrize("why", ["no password", "inactive", "is a minor", "elsewhere", "has left"])
def test_with_nobody_to_copy_nothing_is_written(
    there: SimpleNamespace, letterbox: SimpleNamespace, why: str
) -> None:
    allow(there.ana, guardian(there.ana))
    if why != "no password":
        with_password(there.leader)
    if why == "inactive":
        with db.unit_of_work():
            db.session.get_one(make.User, there.leader.id).active = False
            audit.record("make", "test", None, by=None)
    elif why == "is a minor":
        change(make.member("Lee", "Leader", there.school_a).id, user_id=there.leader.id)
    elif why == "elsewhere":
        with db.unit_of_work():
            db.session.query(make.ChapterRole).filter_by(user_id=there.leader.id).update(
                {"chapter_id": there.school_b.id}
            )
            audit.record("make", "test", None, by=None)
    elif why == "has left":
        with db.unit_of_work():
            db.session.query(make.Membership).update({"left_on": make.date(2026, 1, 1)})
            audit.record("make", "test", None, by=None)
    sent = write()
    assert "nobody to get a copy" in str(sent.why_not)
    assert len(withheld()) == 1
    received(letterbox, 0)


def test_an_address_shared_with_a_guardian_is_the_guardians(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    guardian(there.ana, email=CHILD)
    brother = make.member("Ben", "Núñez", there.school_a).id
    change(brother, email=CHILD.upper())
    assert write()
    assert set(received(letterbox, 1)) == {CHILD}


def test_of_two_children_with_one_address_both_must_be_allowed(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    allow(there.ana, guardian(there.ana, email="maria@example.org"))
    change(make.member("Ben", "Núñez", there.school_a).id, email=CHILD)
    assert not write()
    received(letterbox, 0)


def test_grown_ups_are_written_to_alone(there: SimpleNamespace, letterbox: SimpleNamespace) -> None:
    change(there.ana, age_band="adult")
    assert write()
    assert set(received(letterbox, 1)) == {CHILD}
    # Entering an administrator's address as a child's shuts nobody out.
    change(there.ana, age_band="child", email=there.admin.email)
    assert write(there.admin.email)
    received(letterbox, 1)
    # A child that signs in is a child, whatever its role.
    change(there.ana, email=None, user_id=there.coordinator.id)
    assert not write(there.coordinator.email)


def test_a_password_reset_of_a_child_says_the_same_as_always(
    there: SimpleNamespace, mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    user = with_password(make.user(Role.MEMBER, there.school_a, name="Ana"))
    change(there.ana, user_id=user.id, email=None)
    client = mailing_app.test_client()
    pages = []
    for typed in (user.email, "nobody@example.org"):
        answer = client.post("/forgot", data={"email": typed})
        pages.append((answer.status_code, answer.location, client.get("/sign-in").data))
    assert pages[0] == pages[1]
    received(letterbox, 0)
    assert len(withheld()) == 1
    allow(there.ana, guardian(there.ana, email="maria@example.org"))
    client.post("/forgot", data={"email": user.email})
    both = received(letterbox, 2)
    assert "/reset/" in plain(both[db.session.get(make.User, user.id).email])
    assert "/reset/" not in both["maria@example.org"].as_string()


def test_an_invitation_of_a_child_needs_the_consent(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    def invite() -> Any:
        with db.unit_of_work():
            return operations.invite(
                email=CHILD, name="Ana", role="member", chapter_id=there.school_a.id, by=there.admin
            )

    with pytest.raises(Refused, match="may not have an account") as caught:
        invite()
    assert caught.value.field == "email"
    mother = guardian(there.ana, email="maria@example.org")
    allow(there.ana, mother, Purpose.ACCOUNT)
    invite()
    received(letterbox, 0)
    [entry] = withheld()
    assert entry.changes["template"] == "invitation"
    allow(there.ana, mother, Purpose.CONTACT)
    with db.unit_of_work():
        user = db.session.query(make.User).filter_by(email=CHILD).one()
        assert accounts.send_invitation(user, by=there.admin)
    both = received(letterbox, 2)
    assert "/welcome/" in plain(both[CHILD])
    assert "/welcome/" not in both["maria@example.org"].as_string()


def test_a_no_to_the_account_shuts_it_at_the_next_page(
    there: SimpleNamespace, mailing_app: Flask
) -> None:
    change(there.ana, user_id=there.leader.id)
    mother = guardian(there.ana)
    client = mailing_app.test_client()
    with client.session_transaction() as session:
        session["_user_id"] = there.leader.get_id()
    assert client.get("/members").status_code == 200
    with db.unit_of_work():
        consents.withdraw_consent(
            member_id=there.ana, purposes=[Purpose.ACCOUNT], withdrawn_by=mother,
            withdrawn_on=db.now().date(), how=How.IN_PERSON, by=None, today=db.now().date(),
        )  # fmt: skip
    assert client.get("/members").status_code == 403
    assert client.get("/preferences").status_code == 200


def test_a_member_is_written_to_where_they_sign_in(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    def to_ana() -> mail.Sent:
        with db.unit_of_work():
            audit.record("make", "test", None, by=None)
            return chaperone.send_to_member(
                db.session.get_one(Member, there.ana), "reset", subject="Hello", name="Ana",
                link=LINK, hours=1,
            )  # fmt: skip

    assert "may not be contacted" in str(to_ana().why_not)
    allow(there.ana, guardian(there.ana, email="maria@example.org"))
    assert to_ana()
    assert CHILD in received(letterbox, 2)
    user = make.user(Role.MEMBER, there.school_a)
    change(there.ana, user_id=user.id)
    assert to_ana()
    assert db.session.get(make.User, user.id).email in received(letterbox, 2)
    change(there.ana, user_id=None, email=None)
    assert "no e-mail" in str(to_ana().why_not)


def test_a_code_is_no_more_copied_than_a_link(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    allow(there.ana, guardian(there.ana, email="maria@example.org"))
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        mail.send(
            "invitation", to=CHILD, subject="Hello", name="Ana", inviter=None, days=1,
            link="7K2QX9RB",
        )  # fmt: skip
    both = received(letterbox, 2)
    assert "7K2QX9RB" in plain(both[CHILD])
    assert "7K2QX9RB" not in both["maria@example.org"].as_string()


# Links to guardians


def test_a_guardian_gets_one_message_for_all_children(
    there: SimpleNamespace, letterbox: SimpleNamespace
) -> None:
    mother = guardian(there.ana, email="maria@example.org")
    father = guardian(there.ana, name="Paul", phone="2")
    ben = make.member("Ben", "Núñez", there.school_a).id
    with db.unit_of_work():
        guardians.link_guardian(member_id=ben, guardian_id=mother, by=None)
        asked = consent_requests.ask_by_link(
            whom=[(there.ana, mother), (there.ana, father), (ben, mother)],
            purposes=[Purpose.PHOTO],
            by=there.leader,
        )
        assert [each.link is None for each in asked] == [True, False, True]
    text = plain(received(letterbox, 1)["maria@example.org"])
    for words in ("Hello Maria Núñez,", "For Ana, Alder High School", "For Ben", "Photos"):
        assert words in text
    assert text.count("https://outreach.example.org/consent/") == 2
    assert "Núñez:" not in text


def test_a_new_link_goes_to_the_address_we_have(
    there: SimpleNamespace, mailing_app: Flask, letterbox: SimpleNamespace
) -> None:
    mother = guardian(there.ana, email="maria@example.org")
    with db.unit_of_work():
        consent_requests.ask_by_link(
            whom=[(there.ana, mother)], purposes=[Purpose.PHOTO], by=there.leader
        )
    token = plain(received(letterbox, 1)["maria@example.org"]).split("/consent/")[1].split()[0]
    client = mailing_app.test_client()
    data = {"answer_photo": "given", "signed_as": "Maria Núñez"}
    assert client.post(f"/consent/{token}", data=data).status_code == 200
    page = client.get(f"/consent/{token}")
    assert page.status_code == 410
    assert "Send me a new link" in page.text
    assert "maria@example.org" not in page.text
    for each in (token, "mistyped"):
        answer = client.post(f"/consent/{each}/again")
        assert answer.status_code == 303
        said = client.get(answer.location).text
        assert "If we have an e-mail address of yours" in said
        assert "maria" not in said
    new = plain(received(letterbox, 1)["maria@example.org"])
    assert token not in new
    assert db.session.query(ConsentRequest).filter_by(used_at=None, revoked_at=None).count() == 1
