"""Of two members one is made, all that was with either moves, and all of it can be brought back."""

from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.exc import NoResultFound

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.core.journal import references
from crm.core.merging import way_of
from crm.members import disclosure, duplicates, merging, operations, queries
from crm.members.consent_rules import Purpose, State
from crm.members.forgetting import forget, is_scrubbed
from crm.members.models import (
    Chapter,
    Consent,
    ConsentRequest,
    CustomField,
    Departure,
    DepartureMember,
    Guardian,
    Guardianship,
    Member,
    MemberApart,
    MemberKey,
    MemberMerge,
    Membership,
    MemberTag,
    MemberWord,
    Tag,
    Team,
    TeamMember,
    words_of,
)
from tests import make
from tests.dumps import dump

#: Of a merge and its undo these remain.
TRACES = ("audit_entry", "member_merge")
TODAY = date(2026, 3, 1)


def scene() -> SimpleNamespace:
    """Somebody who is here twice, and all that can point to either. Ids only."""
    people = make.people()
    ana = make.member("Ana", "Núñez", people.school_a).id
    twin = make.member("Anna", "Núñez García", people.school_a).id
    other = make.member("Bo", "Pine", people.school_a).id
    school_a, school_b, user = people.school_a.id, people.school_b.id, people.member.id
    mother = make.kept(Guardian(name="Eva", search="eva", phone="304 555 0101")).id
    father = make.kept(Guardian(name="Leo", search="leo")).id
    tags = [make.kept(Tag(kind="skill", name=name, search=name)).id for name in ("art", "sums")]
    team = make.kept(Team(chapter_id=school_a, name="Cards")).id
    gone = make.kept(Departure(exit="letter", what="Letters"), Departure(exit="export", what="CSV"))
    departures = list(db.session.scalars(select(Departure.id).order_by(Departure.id)))
    assert gone.id in departures
    soon = db.now() + timedelta(days=9)
    make.kept(
        Membership(member_id=twin, chapter_id=school_b, left_on=date(2024, 6, 30)),
        Guardianship(member_id=ana, guardian_id=mother),
        Guardianship(member_id=twin, guardian_id=mother, relation="mother"),
        Guardianship(member_id=twin, guardian_id=father),
        MemberTag(member_id=ana, tag_id=tags[0]),
        MemberTag(member_id=twin, tag_id=tags[0]),
        MemberTag(member_id=twin, tag_id=tags[1]),
        TeamMember(team_id=team, member_id=ana),
        TeamMember(team_id=team, member_id=twin, part="colours"),
        MemberKey(member_id=twin, kind="card", code_hash="x", expires_at=soon),
        DepartureMember(departure_id=departures[0], member_id=ana),
        DepartureMember(departure_id=departures[0], member_id=twin),
        DepartureMember(departure_id=departures[1], member_id=twin),
        MemberApart(a_id=twin, b_id=other),
        Consent(member_id=ana, purpose="photo", guardian_id=mother, answer="given", how="paper",
                starts_on=date(2025, 9, 1)),
        Consent(member_id=twin, purpose="photo", guardian_id=father, answer="refused", how="paper",
                starts_on=date(2025, 8, 1)),
        ConsentRequest(member_id=twin, guardian_id=father, token_hash="y", purposes=["photo"],
                       expires_at=soon),
        CustomField(key="shirt", label="Shirt", kind="text"),
        CustomField(key="bus", label="Bus", kind="text"),
    )  # fmt: skip
    change(ana, email="home@example.org", note="Quick.", custom={"shirt": "M"})
    change(
        twin, phone="304 555 0199", note="Draws.", age_band="older_teen", user_id=user,
        age_band_on=date(2025, 9, 1), graduation_year=2027, custom={"shirt": "L", "bus": "7"},
    )  # fmt: skip
    return SimpleNamespace(
        people=people, ana=ana, twin=twin, other=other, school_a=school_a, school_b=school_b,
        user=user, mother=mother, father=father, team=team,
    )  # fmt: skip


def change(member_id: int, **values: Any) -> None:
    with db.unit_of_work():
        record = db.session.get_one(Member, member_id)
        for name, value in values.items():
            setattr(record, name, value)
        audit.record("change", "test", None, by=None)


def merge(kept: int, merged: int, *theirs: str, by: Any = None) -> int:
    with db.unit_of_work():
        return merging.merge(kept_id=kept, merged_id=merged, theirs=theirs, by=by).id


def unmerge(number: int, by: Any = None) -> None:
    with db.unit_of_work():
        merging.unmerge(merge_id=number, by=by)


def words(member_id: int) -> set[str]:
    return set(db.session.scalars(select(MemberWord.word).where(MemberWord.member_id == member_id)))


def test_it_works(any_app: Flask) -> None:
    one = scene()
    merge(one.ana, one.twin)
    ana = db.session.get_one(Member, one.ana)
    assert (ana.full_name, ana.email, ana.phone, ana.note) == (
        "Ana Núñez", "home@example.org", "304 555 0199", "Quick.\n\nDraws.",
    )  # fmt: skip
    assert (ana.age_band, ana.age_band_on, ana.graduation_year) == (
        "older_teen", date(2025, 9, 1), 2027,
    )  # fmt: skip
    assert ana.custom == {"shirt": "M", "bus": "7"}
    assert ana.user_id == one.user
    twin = db.session.get_one(Member, one.twin)
    assert (twin.merged_into_id, twin.user_id, twin.full_name) == (
        one.ana, None, "Anna Núñez García",
    )  # fmt: skip
    relations = db.session.execute(select(Guardianship.guardian_id, Guardianship.relation)).all()
    assert {tuple(row) for row in relations} == {(one.mother, "mother"), (one.father, None)}
    assert db.session.scalars(select(TeamMember.part)).all() == ["colours"]
    apart = db.session.scalars(select(MemberApart)).one()
    assert (apart.a_id, apart.b_id) == (one.ana, one.other)
    for column in references(Member.__table__):  # type: ignore[arg-type]
        if column.table.name not in (*TRACES, "member_word"):
            assert db.session.execute(select(column).where(column == one.twin)).all() == [], column


def test_the_stricter_of_what_was_said_wins(any_app: Flask) -> None:
    one = scene()
    assert disclosure.states([one.ana], today=TODAY)[one.ana][Purpose.PHOTO] is State.GIVEN
    merge(one.ana, one.twin)
    assert disclosure.states([one.ana], today=TODAY)[one.ana][Purpose.PHOTO] is State.REFUSED


def test_facts_are_taken_from_the_one_that_is_chosen(any_app: Flask) -> None:
    one = scene()
    change(one.twin, email="anna@example.org")
    merge(one.ana, one.twin, "given_name", "family_name", "email", "note", "custom-shirt")
    ana = db.session.get_one(Member, one.ana)
    assert (ana.full_name, ana.email, ana.note) == (
        "Anna Núñez García", "anna@example.org", "Draws.",
    )  # fmt: skip
    assert ana.custom == {"shirt": "L", "bus": "7"}
    assert words(one.ana) == {"anna", "nunez", "garcia"}


def test_undone_everything_is_as_it_was(any_app: Flask) -> None:
    one = scene()
    before = dump(leaving_out=TRACES)
    number = merge(one.ana, one.twin, "given_name", "family_name", "custom-shirt")
    assert dump(leaving_out=TRACES) != before
    unmerge(number)
    assert dump(leaving_out=TRACES) == before
    # And the other way about.
    unmerge(merge(one.twin, one.ana, "note"))
    assert dump(leaving_out=TRACES) == before
    verbs = db.session.scalars(select(AuditEntry.verb).order_by(AuditEntry.id)).all()
    assert verbs[-4:] == ["merge_members", "unmerge_members"] * 2


def test_undone_twice_is_like_once(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    unmerge(number)
    before = dump()
    unmerge(number)
    assert dump() == before


@pytest.mark.parametrize(
    ("mine", "theirs", "together"),
    [
        ([("2024-09-01", None)], [("2025-09-01", None)], [("2024-09-01", None)]),
        ([("2024-09-01", "2025-06-30")], [(None, None)], [("2024-09-01", None)]),
        ([(None, None)], [(None, "2025-06-30")], [(None, None)]),
        (
            [("2020-09-01", "2021-06-30")],
            [("2023-09-01", None)],
            [("2020-09-01", "2021-06-30"), ("2023-09-01", None)],
        ),
        (
            [("2020-09-01", "2021-06-30"), ("2022-09-01", "2023-06-30")],
            [("2021-01-01", "2022-12-31")],
            [("2020-09-01", "2023-06-30")],
        ),
    ],
)
def test_memberships_at_the_same_time_are_one(
    any_app: Flask, mine: list[Any], theirs: list[Any], together: list[Any]
) -> None:
    school = make.chapter("Alder").id
    ana, twin = make.member("Ana").id, make.member("Ana").id
    for owner, periods in ((ana, mine), (twin, theirs)):
        for joined, left in periods:
            make.kept(
                Membership(
                    member_id=owner, chapter_id=school,
                    joined_on=date.fromisoformat(joined) if joined else None,
                    left_on=date.fromisoformat(left) if left else None,
                )
            )  # fmt: skip
    before = dump(leaving_out=TRACES)
    number = merge(ana, twin)
    found = db.session.execute(
        select(Membership.joined_on, Membership.left_on)
        .where(Membership.member_id == ana)
        .order_by(Membership.joined_on)
    ).all()
    assert [tuple(day and day.isoformat() for day in row) for row in found] == together
    assert db.session.scalars(select(Membership).where(Membership.member_id == twin)).all() == []
    unmerge(number)
    assert dump(leaving_out=TRACES) == before


def test_a_membership_that_came_together_and_was_changed_since_stays_one(any_app: Flask) -> None:
    one = scene()
    change_of = select(Membership.id).where(
        Membership.member_id == one.ana, Membership.chapter_id == one.school_a
    )
    with db.unit_of_work():
        twins = db.session.scalars(
            select(Membership).where(
                Membership.member_id == one.twin, Membership.chapter_id == one.school_a
            )
        ).one()
        twins.joined_on = date(2024, 9, 1)
        audit.record("change", "test", None, by=None)
    number = merge(one.ana, one.twin)
    with db.unit_of_work():
        operations.correct_membership(
            membership_id=db.session.scalars(change_of).one(),
            joined_on=date(2024, 10, 1), left_on=None, by=None,
        )  # fmt: skip
    before = dump()
    with pytest.raises(Refused, match="changed since"):
        unmerge(number)
    db.rollback()
    assert dump() == before


def test_a_chain_is_undone_from_its_end(any_app: Flask) -> None:
    one = scene()
    first = merge(one.ana, one.twin)
    second = merge(one.other, one.ana)
    assert queries.kept_ids([one.ana, one.twin]) == {one.ana: one.other, one.twin: one.other}
    with pytest.raises(Refused, match="merged into another since"):
        unmerge(first)
    db.rollback()
    unmerge(second)
    third = merge(one.ana, one.other)
    with pytest.raises(Refused, match="Another member was merged into this one since"):
        unmerge(first)
    db.rollback()
    unmerge(third)
    unmerge(first)
    assert queries.kept_ids([one.ana, one.twin, one.other]) == {}


def test_two_accounts_do_not_become_one(any_app: Flask) -> None:
    one = scene()
    change(one.ana, user_id=one.people.viewer.id)
    with pytest.raises(Refused, match="two accounts"):
        merge(one.ana, one.twin)


def test_an_account_that_is_anothers_by_now(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    change(one.ana, user_id=None)
    change(one.other, user_id=one.user)
    with pytest.raises(Refused, match="another member's now"):
        unmerge(number)


def test_a_name_that_was_changed_since_stays(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin, "given_name", "family_name")
    with db.unit_of_work():
        operations.edit_member(
            member_id=one.ana, given_name="Anna Maria", family_name="Núñez García", by=None
        )
    unmerge(number)
    ana = db.session.get_one(Member, one.ana)
    assert ana.full_name == "Anna Maria Núñez"
    assert words(one.ana) == set(words_of(ana.search)) == {"anna", "maria", "nunez"}
    assert words(one.twin) == {"anna", "nunez", "garcia"}


def test_what_comes_since_stays_with_the_one_kept(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    make.kept(
        Consent(member_id=one.ana, purpose="media", answer="given", how="paper",
                starts_on=date(2026, 1, 1))
    )  # fmt: skip
    unmerge(number)
    said = select(Consent.member_id).where(Consent.purpose == "media")
    assert db.session.scalars(said).one() == one.ana


@pytest.mark.parametrize(
    ("who", "may"),
    [("coordinator", True), ("admin", True), ("staff", True), ("leader", False),
     ("outsider", False), ("viewer", False)],
)  # fmt: skip
def test_who_may_merge(any_app: Flask, who: str, may: bool) -> None:
    people = make.people()
    school = db.session.get_one(Chapter, people.school_a.id)
    pair = [make.member("Ana", "Núñez", school).id for _time in range(2)]
    by = getattr(people, who)
    if may:
        unmerge(merge(*pair, by=by), by=by)
        return
    with pytest.raises(NoResultFound):
        merge(*pair, by=by)
    db.rollback()
    with pytest.raises(NoResultFound), db.unit_of_work():
        merging.keep_apart(one_id=pair[0], other_id=pair[1], by=by)
    number = merge(*pair)
    with pytest.raises(NoResultFound):
        unmerge(number, by=by)


def test_another_schools_member_is_not_to_be_merged(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Núñez", people.school_a).id
    twin = make.member("Ana", "Núñez", people.school_b).id
    with pytest.raises(NoResultFound):
        merge(ana, twin, by=people.coordinator)
    db.rollback()
    assert merge(ana, twin, by=people.staff)


def test_what_cannot_be_one(any_app: Flask) -> None:
    one = scene()
    with pytest.raises(Refused, match="same member already"):
        merge(one.ana, one.ana)
    db.rollback()
    merge(one.ana, one.twin)
    with pytest.raises(Refused, match="merged already"):
        merge(one.other, one.twin)
    db.rollback()
    change(one.other, forgotten_at=db.now())
    with pytest.raises(NoResultFound):
        merge(one.ana, one.other)


def test_of_the_forgotten_nothing_is_brought_back(any_app: Flask) -> None:
    one = scene()
    number = merge(one.ana, one.twin)
    with db.unit_of_work():
        forget(member_id=one.ana, by=None, today=date(2026, 5, 1))
    assert is_scrubbed(db.session.get_one(MemberMerge, number).moved)
    with pytest.raises(Refused, match="forgotten since"):
        unmerge(number)


def test_likely_pairs_are_those_whom_one_may_merge(any_app: Flask) -> None:
    one = scene()
    coordinator, outsider = one.people.coordinator, one.people.outsider
    found = [(pair.a.member_id, pair.b.member_id) for pair in duplicates.likely(coordinator) or ()]
    assert found == [(one.ana, one.twin)]
    assert duplicates.likely(outsider) == []
    elsewhere = duplicates.likely(coordinator, frozenset({one.school_b}))
    assert elsewhere == []
    with db.unit_of_work():
        merging.keep_apart(one_id=one.twin, other_id=one.ana, by=coordinator)
        merging.keep_apart(one_id=one.twin, other_id=one.ana, by=coordinator)
    assert duplicates.likely(coordinator) == []


def test_every_way_to_a_member_is_known(app: Flask) -> None:
    """A table that points to members moves by one update, or somebody said how it moves."""
    columns = references(Member.__table__)  # type: ignore[arg-type]
    assert len(columns) > 12
    for column in columns:
        way_of(column)
    # What is moved one by one is counted for whoever decides.
    told = {f"{column.table.name}.{column.name}" for column in columns}
    unseen = {
        "member.merged_into_id", "member_word.member_id", "member_apart.a_id",
        "member_apart.b_id", "member_merge.kept_id", "member_merge.merged_id",
    }  # fmt: skip
    assert told - unseen == set(merging.MOVES)


def test_words_are_compared_byte_by_byte(any_app: Flask) -> None:
    scene()
    found = db.session.execute(text("SELECT word FROM member_word ORDER BY word")).scalars().all()
    assert list(found) == sorted(found)
