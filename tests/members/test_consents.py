"""Guardians, what they say, links they answer by: what is kept and what is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import NoResultFound

from crm.core import db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import consent_requests, consents, disclosure, guardians
from crm.members.consent_requests import Lapsed, digest, lapsed
from crm.members.consent_rules import Answer, How, Purpose, State, usual_end
from crm.members.models import Consent, ConsentRequest, Guardian, Guardianship, Member
from tests import make

TODAY = date(2026, 3, 2)
YES, NO = Answer.GIVEN, Answer.REFUSED
PHOTO, NAME = Purpose.PHOTO, Purpose.FIRST_NAME


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    """Ana of school A with a mother, her brother Ben of school B, and Cleo who is grown up."""
    people = make.people()
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    people.ben = make.member("Ben", "Núñez", people.school_b).id
    people.cleo = make.member("Cleo", "Fox", people.school_a).id
    with db.unit_of_work():
        db.session.get_one(Member, people.cleo).age_band = "adult"
        make.audit.record("make", "test", None, by=None)
    people.mother = add(people, people.ana, name="Maria Núñez", phone="304-555-0100")
    people.father = add(people, people.ana, name="Paul Núñez", email="paul@example.org")
    return people


def add(there: SimpleNamespace, member_id: int, by: Any = None, **values: Any) -> int:
    with db.unit_of_work():
        return int(guardians.add_guardian(member_id=member_id, by=by, **values).id)


def record(there: SimpleNamespace, member_id: int, who: int | None, **values: Any) -> None:
    given: dict[str, Any] = {
        "answers": {PHOTO: YES},
        "how": How.PAPER,
        "starts_on": TODAY,
        "ends_on": date(2026, 6, 30),
        "by": there.leader,
        "today": TODAY,
        **values,
    }
    with db.unit_of_work():
        consents.record_consents(member_id=member_id, given_by=who, **given)


def withdraw(there: SimpleNamespace, member_id: int, who: int | None, **values: Any) -> None:
    given: dict[str, Any] = {
        "purposes": [PHOTO],
        "withdrawn_on": TODAY,
        "how": How.IN_PERSON,
        "by": there.leader,
        "today": TODAY,
        **values,
    }
    with db.unit_of_work():
        consents.withdraw_consent(member_id=member_id, withdrawn_by=who, **given)


def state(member_id: int, purpose: Purpose = PHOTO, today: date = TODAY) -> State:
    return disclosure.states([member_id], today=today)[member_id][purpose]


@contextmanager
def refused(field: str | None, words: str | None = None) -> Iterator[None]:
    before = db.session.query(Consent).count(), db.session.query(Guardianship).count()
    db.rollback()
    with pytest.raises(Refused, match=words) as caught:
        yield
    assert caught.value.field == field
    assert before == (db.session.query(Consent).count(), db.session.query(Guardianship).count())


def last_entry() -> AuditEntry:
    return db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()  # type: ignore[return-value]


# Guardians


def test_a_guardian_is_added_changed_and_unlinked(there: SimpleNamespace) -> None:
    aunt = add(
        there, there.ana, by=there.leader, name=" Rosa  Núñez ", relation="aunt", phone="1 234 5678"
    )
    entry = last_entry()
    assert (entry.verb, entry.kind, entry.record_id) == ("add_guardian", "member", there.ana)
    assert entry.changes["guardian_id"] == aunt
    with db.unit_of_work():
        guardians.change_guardian(
            member_id=there.ana, guardian_id=aunt, name="Rosa Núñez", phone="1 234 5678",
            email="Rosa@Example.org", relation="great-aunt", by=there.leader,
        )  # fmt: skip
    known = guardians.guardians_of([there.ana])[there.ana]
    assert [each.called for each in known][-1] == "Rosa Núñez (great-aunt)"
    assert known[-1].guardian.email == "rosa@example.org"
    with refused("reason"), db.unit_of_work():
        guardians.unlink_guardian(
            member_id=there.ana, guardian_id=aunt, reason=" ", by=there.leader
        )
    with db.unit_of_work():
        guardians.unlink_guardian(
            member_id=there.ana, guardian_id=aunt, reason="a mistake", by=there.leader
        )
    assert len(guardians.guardians_of([there.ana])[there.ana]) == 2
    assert (last_entry().verb, last_entry().reason) == ("unlink_guardian", "a mistake")


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"name": "  ", "phone": "1"}, "name"),
        ({"name": "x" * 101, "phone": "1"}, "name"),
        ({"name": "Rosa"}, "phone"),
        ({"name": "Rosa", "email": "no address"}, "email"),
        ({"name": "Rosa", "phone": "1", "language": "xx"}, "language"),
    ],
)
def test_what_is_no_guardian(there: SimpleNamespace, values: dict[str, Any], field: str) -> None:
    with refused(field):
        add(there, there.ana, by=there.leader, **values)


def test_nobody_enters_their_own_address_nor_a_childs(there: SimpleNamespace) -> None:
    with refused("email", "your own address"):
        add(there, there.ana, by=there.leader, name="Lee", email=there.leader.email)
    with db.unit_of_work():
        db.session.get_one(Member, there.ana).user_id = there.member.id
        make.audit.record("make", "test", None, by=None)
    with refused("email", "A minor signs in"):
        add(there, there.ana, by=there.leader, name="Mum", email=there.member.email)


@pytest.mark.parametrize(
    "same",
    [{"phone": "+1 (304) 555 0100"}, {"phone": "304.555.0100"}, {"email": "PAUL@example.org"}],
)
def test_a_sibling_proposes_the_same_person(there: SimpleNamespace, same: dict[str, str]) -> None:
    dora = make.member("Dora", "Núñez", there.school_a).id
    with refused("same", "the same person"):
        add(there, dora, by=there.leader, name="M. Núñez", **same)
    scope = guardians.kept_in(there.leader)
    [found] = guardians.perhaps_the_same(same.get("email"), same.get("phone"), scope)
    with db.unit_of_work():
        guardians.link_guardian(member_id=dora, guardian_id=found.id, by=there.leader)
    assert guardians.siblings_of(dora, scope) == [there.ana]
    assert guardians.children_of([found.id], scope) == {found.id: [there.ana, dora]}
    with refused("same", "already"), db.unit_of_work():
        guardians.link_guardian(member_id=dora, guardian_id=found.id, by=there.leader)
    # Somebody else with the same telephone is still somebody else.
    add(there, dora, by=there.leader, name="Landlady", anyway=True, **same)


def test_a_guardian_of_another_chapter_is_neither_proposed_nor_linked(
    there: SimpleNamespace,
) -> None:
    scope = guardians.kept_in(there.outsider)
    assert guardians.perhaps_the_same("paul@example.org", "304-555-0100", scope) == []
    with refused("same", "no such guardian"), db.unit_of_work():
        guardians.link_guardian(member_id=there.ben, guardian_id=there.mother, by=there.outsider)
    with db.unit_of_work():  # the staff of both may
        guardians.link_guardian(member_id=there.ben, guardian_id=there.mother, by=there.staff)
    assert guardians.children_of([there.mother], scope) == {there.mother: [there.ben]}
    assert guardians.siblings_of(there.ben, scope) == []


@pytest.mark.parametrize("who", ["outsider", "viewer", "member"])
def test_who_keeps_no_consents_there_finds_nobody(there: SimpleNamespace, who: str) -> None:
    by = getattr(there, who)
    for act in (
        lambda: add(there, there.ana, by=by, name="X", phone="1"),
        lambda: record(there, there.ana, there.mother, by=by),
        lambda: withdraw(there, there.ana, there.mother, by=by),
        lambda: guardians.unlink_guardian(
            member_id=there.ana, guardian_id=there.mother, reason="x", by=by
        ),
    ):
        with pytest.raises(NoResultFound):
            act()


# What is said


def test_several_purposes_from_one_paper(there: SimpleNamespace) -> None:
    record(
        there, there.ana, there.mother, answers={PHOTO: YES, NAME: YES, Purpose.MEDIA: NO},
        scan="0" * 32 + ".pdf",
    )  # fmt: skip
    said = db.session.query(Consent).order_by(Consent.id).all()
    assert [(each.purpose, each.answer, each.ends_on) for each in said] == [
        ("photo", "given", date(2026, 6, 30)),
        ("first_name", "given", date(2026, 6, 30)),
        ("media", "refused", None),
    ]
    assert {each.scan for each in said} == {"0" * 32 + ".pdf"}
    assert {each.recorded_by_id for each in said} == {there.leader.id}
    entry = last_entry()
    assert entry.verb == "record_consents"
    assert entry.changes["answers"] == {"photo": "given", "first_name": "given", "media": "refused"}
    assert entry.changes["with_scan"] is True
    assert (state(there.ana), state(there.ana, Purpose.MEDIA)) == (State.GIVEN, State.REFUSED)
    assert state(there.ana, today=date(2026, 7, 1)) is State.EXPIRED


def test_of_two_guardians_the_stricter_and_withdrawing(there: SimpleNamespace) -> None:
    record(there, there.ana, there.mother)
    # The father never said yes: by withdrawing he says no.
    withdraw(there, there.ana, there.father, reason="he called")
    assert state(there.ana) is State.REFUSED
    assert (last_entry().verb, last_entry().reason) == ("withdraw_consent", "he called")
    record(there, there.ana, there.father)
    assert state(there.ana) is State.GIVEN
    withdraw(there, there.ana, there.mother)
    assert state(there.ana) is State.WITHDRAWN
    assert db.session.query(Consent).filter_by(answer="refused").count() == 1
    record(there, there.ana, there.mother)
    assert state(there.ana) is State.GIVEN
    withdraw(there, there.ana, there.mother, withdrawn_on=TODAY + timedelta(days=3))
    assert state(there.ana) is State.GIVEN
    assert state(there.ana, today=TODAY + timedelta(days=3)) is State.WITHDRAWN


def test_unlinking_a_guardian_lets_their_word_lapse(there: SimpleNamespace) -> None:
    record(there, there.ana, there.mother)
    record(there, there.ana, there.father, answers={PHOTO: NO})
    member = db.session.get_one(Member, there.ana)
    of = guardians.guardians_of([there.ana])[there.ana]
    said = [consent for consent, _by in consents.history(there.ana)]

    def without(who: int | None) -> State:
        found = consents.stands(member, of, said, today=TODAY, but=who)
        return next(each.state for each in found if each.purpose is PHOTO)

    assert (without(None), without(there.father), without(there.mother)) == (
        State.REFUSED,
        State.GIVEN,
        State.REFUSED,
    )
    [stand] = [
        each for each in consents.stands(member, of, said, today=TODAY) if each.purpose is PHOTO
    ]
    assert stand.differ
    assert [word.state for word in stand.words] == [State.GIVEN, State.REFUSED]


def test_a_minors_own_no_counts_and_a_yes_does_not(there: SimpleNamespace) -> None:
    record(there, there.ana, there.mother)
    with refused("given_by", "own does not count"):
        record(there, there.ana, None)
    record(there, there.ana, None, answers={PHOTO: NO}, how=How.IN_PERSON)
    assert state(there.ana) is State.REFUSED


def test_somebody_grown_up_decides_alone(there: SimpleNamespace) -> None:
    with refused("given_by", "decides alone"):
        record(there, there.cleo, there.mother)
    record(there, there.cleo, None)
    assert state(there.cleo) is State.GIVEN
    withdraw(there, there.cleo, None)
    assert state(there.cleo) is State.WITHDRAWN
    withdraw(there, there.cleo, None, purposes=[Purpose.CONTACT])
    assert there.cleo not in disclosure.allowed([there.cleo], Purpose.CONTACT, today=TODAY)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"answers": {}}, "answers"),
        ({"starts_on": TODAY + timedelta(days=1)}, "starts_on"),
        ({"starts_on": date(1999, 1, 1)}, "starts_on"),
        ({"ends_on": TODAY - timedelta(days=1)}, "ends_on"),
        ({"ends_on": date(2300, 1, 1)}, "ends_on"),
        ({"how": How.IN_PERSON, "scan": "0" * 32 + ".pdf"}, "scan"),
    ],
)
def test_what_cannot_be_recorded(there: SimpleNamespace, values: Any, field: str) -> None:
    with refused(field):
        record(there, there.ana, there.mother, **values)


def test_a_stranger_says_nothing_for_a_child(there: SimpleNamespace) -> None:
    stranger = add(there, there.ben, name="Sam Stranger", phone="555 9999")
    for act in (record, withdraw):
        with refused("given_by", "one of the guardians"):
            act(there, there.ana, stranger)


def test_nobody_records_what_they_said_for_their_own_child(there: SimpleNamespace) -> None:
    own = add(there, there.ana, name="Lee Leader", email=there.leader.email)
    with refused("given_by", "Somebody else"):
        record(there, there.ana, own)
    record(there, there.ana, own, by=there.coordinator)
    record(there, there.ana, own, answers={PHOTO: NO})  # a no is never held up
    with db.unit_of_work():
        db.session.get_one(Member, there.ana).user_id = there.leader.id
        make.audit.record("make", "test", None, by=None)
    with refused("given_by", "allowed to you"):
        record(there, there.ana, there.mother)


@given(st.dates(date(2000, 1, 1), date(2090, 12, 31)))
def test_a_consent_lasts_to_the_end_of_a_school_year(today: date) -> None:
    end = usual_end(today)
    assert (end.month, end.day) == (6, 30)
    assert 60 <= (end - today).days <= 366 + 60


# Links


def ask(there: SimpleNamespace, *whom: tuple[int, int | None], **values: Any) -> list[Any]:
    with db.unit_of_work():
        return consent_requests.ask_by_link(
            **{"whom": whom, "purposes": [PHOTO, NAME], "by": there.leader, **values}
        )


def token_of(asked: Any) -> str:
    return str(asked.link.rsplit("/", 1)[1])


def answer(token: str, **answers: Answer) -> None:
    said = {PHOTO: YES, NAME: NO} if not answers else {Purpose(k): v for k, v in answers.items()}
    with db.unit_of_work():
        consent_requests.answer_request(
            token=token, answers=said, signed_as=" Maria  Núñez", today=TODAY
        )


def test_a_link_is_answered_once(there: SimpleNamespace) -> None:
    [asked] = ask(there, (there.ana, there.mother))
    token = token_of(asked)
    kept = db.session.query(ConsentRequest).one()
    assert kept.token_hash == digest(token)
    assert token not in str(vars(kept))
    assert kept.purposes == ["first_name", "photo"]
    answer(token)
    said = {each.purpose: each for each in db.session.query(Consent)}
    assert (said["photo"].answer, said["first_name"].answer) == ("given", "refused")
    assert {each.how for each in said.values()} == {"link"}
    assert said["photo"].guardian_id == there.mother
    assert said["photo"].ends_on == date(2026, 6, 30)
    assert db.session.query(ConsentRequest).one().signed_as == "Maria Núñez"
    assert (last_entry().verb, last_entry().by_id) == ("answer_request", None)
    with refused(None, "has been used"):
        answer(token)
    # A new link, and what was given is taken back by it.
    [again] = ask(there, (there.ana, there.mother))
    answer(token_of(again), photo=NO, first_name=NO)
    assert state(there.ana) is State.REFUSED


def test_a_newer_link_ends_the_older(there: SimpleNamespace) -> None:
    [first] = ask(there, (there.ana, there.mother))
    ask(there, (there.ana, there.mother))
    with refused(None, "newer one took its place"):
        answer(token_of(first))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"expires_at": db.now() - timedelta(minutes=1)}, Lapsed.EXPIRED),
        ({"revoked_at": db.now()}, Lapsed.REVOKED),
        ({"used_at": db.now()}, Lapsed.USED),
    ],
)
def test_a_link_lapses(there: SimpleNamespace, change: dict[str, Any], why: Lapsed) -> None:
    [asked] = ask(there, (there.ana, there.mother))
    with db.unit_of_work():
        found = db.session.query(ConsentRequest).one()
        for name, value in change.items():
            setattr(found, name, value)
        make.audit.record("make", "test", None, by=None)
    found = consent_requests.find_request(token_of(asked))
    assert found is not None
    assert lapsed(found, db.now()) is why
    with refused(None):
        answer(token_of(asked))


def test_a_link_ends_with_what_it_rests_on(there: SimpleNamespace) -> None:
    [asked] = ask(there, (there.ana, there.mother))
    with db.unit_of_work():
        guardians.unlink_guardian(
            member_id=there.ana, guardian_id=there.mother, reason="moved", by=there.leader
        )
    with refused(None, "taken back"):
        answer(token_of(asked))
    [asked] = ask(there, (there.ana, there.father))
    with db.unit_of_work():
        guardians.change_guardian(
            member_id=there.ana, guardian_id=there.father, name="Paul Núñez",
            email="other@example.org", by=there.leader,
        )  # fmt: skip
    with refused(None, "taken back"):
        answer(token_of(asked))
    [asked] = ask(there, (there.ana, there.father))
    with db.unit_of_work():
        db.session.get_one(Member, there.ana).age_band = "adult"
        make.audit.record("make", "test", None, by=None)
    with refused(None, "taken back"):
        answer(token_of(asked))


@pytest.mark.parametrize(
    ("answers", "signed_as", "field"),
    [
        ({PHOTO: YES}, "Maria", "answers"),
        ({PHOTO: YES, NAME: NO, Purpose.MEDIA: YES}, "Maria", "answers"),
        ({PHOTO: YES, NAME: NO}, " ", "signed_as"),
        ({PHOTO: YES, NAME: NO}, "x" * 101, "signed_as"),
    ],
)
def test_half_an_answer_is_none(
    there: SimpleNamespace, answers: Any, signed_as: str, field: str
) -> None:
    [asked] = ask(there, (there.ana, there.mother))
    with refused(field), db.unit_of_work():
        consent_requests.answer_request(
            token=token_of(asked), answers=answers, signed_as=signed_as, today=TODAY
        )
    answer(token_of(asked))


def test_many_are_asked_at_once(there: SimpleNamespace) -> None:
    asked = ask(
        there, (there.ana, there.mother), (there.ana, there.father), (there.cleo, None),
        (there.cleo, None),
    )  # fmt: skip
    assert len({token_of(each) for each in asked}) == 3
    assert len(consent_requests.open_requests([there.ana, there.cleo])) == 3
    assert last_entry().changes["members"] == [there.ana, there.cleo]
    answer(token_of(asked[2]))
    assert state(there.cleo) is State.GIVEN


def test_who_cannot_be_asked(there: SimpleNamespace) -> None:
    stranger = add(there, there.ben, name="Sam Stranger", phone="555 9999")
    for whom, values, words in (
        ((), {}, "at least one person"),
        (((there.ana, there.mother),), {"purposes": []}, "at least one thing"),
        (((there.ana, None),), {}, "A minor is not asked"),
        (((there.ana, stranger),), {}, "no guardian who decides"),
        (((there.cleo, there.mother),), {}, "no guardian who decides"),
        (((there.ben, stranger),), {}, "not one of yours"),
        (tuple((there.ana, n) for n in range(251)), {}, "At most 250"),
    ):
        with pytest.raises(Refused, match=words):
            ask(there, *whom, **values)
    assert db.session.query(ConsentRequest).count() == 0


def test_a_link_is_taken_back(there: SimpleNamespace) -> None:
    [asked] = ask(there, (there.ana, there.mother))
    number = db.session.query(ConsentRequest.id).scalar()
    with pytest.raises(NoResultFound), db.unit_of_work():
        consent_requests.revoke_request(request_id=number, by=there.outsider)
    with db.unit_of_work():
        consent_requests.revoke_request(request_id=number, by=there.leader)
    with refused(None, "taken back already"), db.unit_of_work():
        consent_requests.revoke_request(request_id=number, by=there.leader)
    with refused(None, "taken back"):
        answer(token_of(asked))


def test_guardians_are_kept_when_nobody_is_left(there: SimpleNamespace) -> None:
    record(there, there.ana, there.mother)
    with db.unit_of_work():
        guardians.unlink_guardian(
            member_id=there.ana, guardian_id=there.mother, reason="x", by=there.leader
        )
    assert state(there.ana) is State.MISSING
    [(said, by)] = consents.history(there.ana)
    assert (said.guardian.name, by) == ("Maria Núñez", "Lee Leader")
    assert db.session.get(Guardian, there.mother) is not None
