"""What may be shown of a member: viewer by purpose by chapter."""

from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask, g
from flask_login import login_user

from crm.accounts.models import User
from crm.core import audit, db
from crm.core.access import Role
from crm.members.disclosure import Exit, Viewer, disclose, maker_name, user_name
from crm.members.models import Consent, Guardian, Guardianship, Member, Membership
from tests import make
from tests.members.test_queries import statements

FULL, FIRST, NUMBER = "Ana Núñez", "Ana", "{pseudonym}"
SHORT, UNNAMED = "Ana N.", "A student of {chapter}"


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.own = make.member("Ana", "Núñez", people.school_a).id
    people.other = make.member("Ana", "Núñez", people.school_b).id
    return people


#: Viewer, claims the export, then for page, print, export: a member of school A, one of school B.
MATRIX = [
    ("admin", False, (FULL, FULL), (SHORT, SHORT), (NUMBER, NUMBER)),
    ("admin", True, (FULL, FULL), (SHORT, SHORT), (FULL, FULL)),
    ("staff", True, (FULL, FULL), (SHORT, SHORT), (FULL, FULL)),
    ("coordinator", False, (FULL, FIRST), (SHORT, UNNAMED), (NUMBER, NUMBER)),
    ("coordinator", True, (FULL, FIRST), (SHORT, UNNAMED), (NUMBER, NUMBER)),
    ("leader", True, (FULL, FIRST), (SHORT, UNNAMED), (NUMBER, NUMBER)),
    ("outsider", True, (FIRST, FULL), (UNNAMED, SHORT), (NUMBER, NUMBER)),
    ("member", True, (FIRST, FIRST), (UNNAMED, UNNAMED), (NUMBER, NUMBER)),
    ("viewer", True, (FIRST, FIRST), (UNNAMED, UNNAMED), (NUMBER, NUMBER)),
]


@pytest.mark.parametrize(("who", "claims", "page", "paper", "export"), MATRIX)
def test_it_works(
    there: SimpleNamespace,
    who: str,
    claims: bool,
    page: tuple[str, str],
    paper: tuple[str, str],
    export: tuple[str, str],
) -> None:
    viewer = Viewer.of(getattr(there, who), exports_people=claims)
    expected = {Exit.PAGE: page, Exit.PRINT: paper, Exit.EXPORT: export}
    for purpose, names in expected.items():
        shown = disclose([there.own, there.other], to=viewer, exit=purpose)
        for member_id, name in zip((there.own, there.other), names, strict=True):
            record = db.session.get_one(Member, member_id)
            expected_name = name.format(
                pseudonym=record.pseudonym, chapter=shown[member_id].chapters
            )
            assert shown[member_id].name == expected_name
            assert shown[member_id].is_named is (name == FULL)
    assert shown[there.own].chapters == "Alder High School"


def test_nobody_sees_first_names_and_no_more(there: SimpleNamespace) -> None:
    viewer = Viewer.of(None, exports_people=True)
    assert disclose([there.own], to=viewer, exit=Exit.PAGE)[there.own].name == FIRST


def test_one_of_two_chapters_is_enough(there: SimpleNamespace) -> None:
    make.kept(Membership(member_id=there.other, chapter_id=there.school_a.id))
    shown = disclose([there.other], to=Viewer.of(there.leader), exit=Exit.PAGE)
    assert shown[there.other].name == FULL
    assert shown[there.other].chapters == "Birch High School, Alder High School"


def test_a_member_of_no_chapter_is_shown_to_those_who_see_everywhere(
    there: SimpleNamespace,
) -> None:
    alone = make.member("Solo", "Person").id
    for who, name in ((there.admin, "Solo Person"), (there.leader, "Solo")):
        assert disclose([alone], to=Viewer.of(who), exit=Exit.PAGE)[alone].name == name


def test_many_take_two_statements_and_very_many_a_few(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        db.session.add_all(Member(given_name="N", search="n") for _ in range(1200))
        audit.record("make", "test", None, by=None)
    viewer = Viewer.of(there.admin)
    ids = [row.id for row in db.session.query(Member.id)]
    with statements() as seen:
        assert len(disclose(ids[:500], to=viewer, exit=Exit.PAGE)) == 500
    assert len(seen) == 2
    with statements() as seen:
        assert len(disclose([*ids, 99_999_999], to=viewer, exit=Exit.PAGE)) == len(ids)
    assert len(seen) == 6
    with statements() as seen:
        assert disclose([], to=viewer, exit=Exit.PAGE) == {}
    assert not seen


def test_who_signs_in_is_a_first_name_beyond_their_chapter(app: Flask) -> None:
    people = make.people()
    child = make.user(Role.COORDINATOR, people.school_b, name="Kit Youngster")
    pupil = make.member("Kit", "Youngster", people.school_b)
    with db.unit_of_work():
        db.session.get_one(Member, pupil.id).user_id = child.id
        audit.record("make", "test", None, by=None)
    expected = {
        "leader": ("Lee Leader", "Cory Coordinator", "Otto", "Kit", ""),
        "outsider": ("Lee", "Cory Coordinator", "Otto Outsider", "Kit Youngster", ""),
        "viewer": ("Lee", "Cory Coordinator", "Otto", "Kit", ""),
        "admin": ("Lee Leader", "Cory Coordinator", "Otto Outsider", "Kit Youngster", ""),
    }
    asked = [people.leader, people.coordinator, people.outsider, child, None]
    for who, names in expected.items():
        reader = db.session.merge(getattr(people, who))
        with app.test_request_context():
            login_user(reader)
            # The test's own context outlives a request's.
            g.pop("known_users", None)
            g.pop("grants", None)
            records = [db.session.merge(each) if each else None for each in asked]
            assert tuple(map(user_name, records)) == names, who
            with statements() as seen:
                user_name(records[0])
            assert not seen


def test_paper_says_who_made_it_as_far_as_anybody_may_know(any_app: Flask) -> None:
    people = make.people()
    pupil = make.member("Kit", "Youngster", people.school_b)
    grown = make.member("Gray", "Elder", people.school_a)
    child, adult = (
        make.user(role, people.school_b, name=name)
        for role, name in ((Role.COORDINATOR, "Kit Youngster"), (Role.STAFF, "Gray Elder"))
    )
    pupil_id, child_id, adult_id = pupil.id, child.id, adult.id
    with db.unit_of_work():
        db.session.get_one(Member, pupil_id).user_id = child_id
        elder = db.session.get_one(Member, grown.id)
        elder.user_id, elder.age_band = adult_id, "adult"
        audit.record("make", "test", None, by=None)
    makers = {
        people.coordinator.id: "Cory Coordinator",
        people.leader.id: "Lee",
        adult_id: "Gray Elder",
        child_id: "a student of Birch High School",
    }
    with any_app.test_request_context():
        # One's own name as well: others read the paper.
        login_user(db.session.get_one(User, child_id))
        assert {key: maker_name(db.session.get_one(User, key)) for key in makers} == makers
        assert maker_name(None) == ""
    guardian = make.kept(Guardian(name="Gale", search="gale", phone="1"))
    make.kept(Guardianship(member_id=pupil_id, guardian_id=guardian.id))
    make.kept(
        Consent(
            member_id=pupil_id, purpose="media", guardian_id=guardian.id, answer="given",
            how="paper", starts_on=date(2026, 1, 1),
        )
    )  # fmt: skip
    with any_app.test_request_context():
        g.pop("known_members", None)
        assert maker_name(db.session.get_one(User, child_id)) == "Kit Youngster"


#: Exit, then what is said of a minor nothing was asked about, and with a no to membership.
EXITS = [
    (Exit.LETTER, "A student of Alder High School", "A student of Alder High School"),
    (Exit.PRINT, "Ana N.", "A student of Alder High School"),
    (Exit.MAIL, "Ana", "A member"),
    (Exit.GUARDIAN, "Ana", "Ana"),
    (Exit.CALENDAR, "Ana", "A member"),
    (Exit.MEDIA, "A student of Alder High School", "A student of Alder High School"),
    (Exit.PAGE, "Ana Núñez", "Ana N."),
]


@pytest.mark.parametrize(("way", "unasked", "refused"), EXITS)
def test_each_exit_has_its_own_words(
    there: SimpleNamespace, way: Exit, unasked: str, refused: str
) -> None:
    viewer = Viewer.of(there.leader)
    assert disclose([there.own], to=viewer, exit=way)[there.own].name == unasked
    make.kept(
        Consent(
            member_id=there.own, purpose="member", answer="refused", how="in person",
            starts_on=date(2026, 1, 1),
        )
    )  # fmt: skip
    assert disclose([there.own], to=viewer, exit=way)[there.own].name == refused


@pytest.mark.parametrize(
    ("purpose", "way", "told"),
    [
        ("first_name", Exit.LETTER, "Ana"),
        ("full_name", Exit.LETTER, "Ana Núñez"),
        ("media", Exit.MEDIA, "Ana Núñez"),
    ],
)
def test_a_yes_opens_its_own_exit_alone(
    there: SimpleNamespace, purpose: str, way: Exit, told: str
) -> None:
    guardian = make.kept(Guardian(name="Gale", search="gale", phone="1"))
    make.kept(Guardianship(member_id=there.own, guardian_id=guardian.id))
    make.kept(
        Consent(
            member_id=there.own, purpose=purpose, guardian_id=guardian.id, answer="given",
            how="paper", starts_on=date(2026, 1, 1),
        )
    )  # fmt: skip
    viewer = Viewer.of(there.leader)
    assert disclose([there.own], to=viewer, exit=way)[there.own].name == told
    for other in {Exit.LETTER, Exit.MEDIA} - {way}:
        shown = disclose([there.own], to=viewer, exit=other)[there.own]
        assert (shown.name, shown.is_named) == ("A student of Alder High School", False)


def test_every_exit_has_a_rule_and_words() -> None:
    assert {way for way, *_words in EXITS} == set(Exit) - {Exit.EXPORT, Exit.LOG}


def test_the_log_knows_a_pseudonym(there: SimpleNamespace) -> None:
    shown = disclose([there.own], to=Viewer.of(there.admin), exit=Exit.LOG)[there.own]
    assert shown.name == db.session.get_one(Member, there.own).pseudonym


def test_a_page_asks_once_and_a_file_is_not_held(there: SimpleNamespace, any_app: Flask) -> None:
    with db.unit_of_work():
        db.session.add_all(Member(given_name="N", search="n") for _ in range(1200))
        audit.record("make", "test", None, by=None)
    viewer = Viewer.of(there.admin)
    ids = [row.id for row in db.session.query(Member.id)]
    with any_app.test_request_context():
        with statements() as seen:
            for way in (Exit.PAGE, Exit.PRINT, Exit.PAGE):
                disclose([there.own], to=viewer, exit=way)
        assert len(seen) == 2
        with statements() as seen:
            disclose([there.own], to=viewer, exit=Exit.LETTER)
        assert len(seen) == 1
        for start in range(0, len(ids), 400):
            disclose(ids[start : start + 400], to=viewer, exit=Exit.EXPORT)
        assert all(len(each) <= 500 for each in g.known_members.values())
