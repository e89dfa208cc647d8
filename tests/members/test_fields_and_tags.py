"""Fields an administrator defines, tags and teams: what may be done, and what is kept."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import NoResultFound

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import field_operations, fields, operations, tags, teams
from crm.members.models import CustomField, Member, MemberTag, Tag, Team
from tests import make

TODAY = date(2026, 5, 1)
#: The operations of both modules run in units of work of their own.
Do = Callable[..., Any]


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.a_id, people.b_id = people.school_a.id, people.school_b.id
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    people.ben = make.member("Ben", "Hidden", people.school_b).id
    return people


def do(operation: Do, **given: Any) -> Any:
    with db.unit_of_work():
        done = operation(**given)
        return getattr(done, "id", done)


@contextmanager
def refused(words: str) -> Iterator[None]:
    with pytest.raises(Refused, match=words):
        yield


def last() -> AuditEntry:
    return db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()  # type: ignore[return-value]


def edit(member_id: int, **more: Any) -> None:
    do(
        operations.edit_member, member_id=member_id, given_name="Ana", family_name="Núñez",
        today=TODAY, **{"by": None, **more},
    )  # fmt: skip


# Fields


def define(label: str, kind: str = "text", **more: Any) -> int:
    number: int = do(field_operations.define_field, label=label, kind=kind, **{"by": None, **more})
    return number


def test_a_field_keeps_its_answers_through_everything(there: SimpleNamespace) -> None:
    size = define("Shirt size", "choice", choices=["Small", "small ", "", "Large"], by=there.admin)
    assert db.session.get_one(CustomField, size).choices == ["Small", "Large"]
    edit(there.ana, custom={"shirt_size": "LARGE"})
    assert last().changes["custom.shirt_size"] == [None, "Large"]
    do(
        field_operations.edit_field, field_id=size, label="Size", more_choices=["Medium"],
        by=there.admin,
    )  # fmt: skip
    record = db.session.get_one(CustomField, size)
    assert (record.key, record.choices) == ("shirt_size", ["Small", "Large", "Medium"])
    do(field_operations.retire_field, field_id=size, by=there.admin, today=TODAY)
    assert fields.defined() == []
    # What is not asked is not touched, whatever a form says.
    edit(there.ana, custom={"shirt_size": "Small"})
    assert db.session.get_one(Member, there.ana).custom == {"shirt_size": "Large"}
    do(field_operations.bring_back_field, field_id=size, by=there.admin)
    edit(there.ana, custom={"shirt_size": ""}, reason="Asked to")
    assert db.session.get_one(Member, there.ana).custom == {}
    assert (last().changes["custom.shirt_size"], last().reason) == (["Large", None], "Asked to")


def test_an_answer_of_the_wrong_kind_is_refused_beside_its_field(there: SimpleNamespace) -> None:
    define("Years", "number")
    with pytest.raises(Refused, match="Years: give a number") as caught:
        edit(there.ana, custom={"years": "many"})
    assert caught.value.field == "custom_years"


def test_labels_and_choices_must_be_told_apart(there: SimpleNamespace) -> None:
    define("Bus line")
    with refused("is there already"):
        define("BUS  LINE")
    with refused("at least one letter"):
        define("🙂")
    with refused("at most 60"):
        define("x" * 61)
    with refused("at least one choice"):
        define("Size", "choice", choices=["", " "])
    with refused("one of the kinds"):
        define("Size", "colour")
    with refused("administrator defines"):
        define("Size", by=there.staff)
    assert db.session.get_one(CustomField, define("Bus-line 2")).key == "bus_line_2"
    with refused("fields already"):
        for number in range(fields_most() + 1):
            define(f"More {number}")


def fields_most() -> int:
    return field_operations.FIELDS_MOST


def test_fields_change_places(there: SimpleNamespace) -> None:
    one, two, three = define("One"), define("Two"), define("Three")
    do(field_operations.move_field, field_id=three, up=True, by=there.admin)
    assert [each.id for each in fields.defined()] == [one, three, two]
    do(field_operations.move_field, field_id=one, up=False, by=there.admin)
    assert [each.id for each in fields.defined()] == [three, one, two]
    with refused("at the end"):
        do(field_operations.move_field, field_id=three, up=True, by=there.admin)


# Tags


def test_tags_are_told_from_to_and_kept_once(there: SimpleNamespace) -> None:
    edit(there.ana, tags_by_kind={"skill": ["Driving", "Poster art"], "language": ["Español"]})
    assert last().changes == {
        "skill": [[], ["Driving", "Poster art"]], "language": [[], ["Español"]],
    }  # fmt: skip
    edit(there.ana, tags_by_kind={"skill": ["DRIVING"]})
    assert last().changes == {"skill": [["Driving", "Poster art"], ["Driving"]]}
    assert tags.tags_of([there.ana])[there.ana] == {"skill": ["Driving"], "language": ["Español"]}
    with refused("at most 60"):
        edit(there.ana, tags_by_kind={"skill": ["x" * 61]})


def test_two_tags_become_one(there: SimpleNamespace) -> None:
    edit(there.ana, tags_by_kind={"skill": ["Driving", "Drives"]})
    do(
        operations.edit_member, member_id=there.ben, given_name="Ben", family_name="H", by=None,
        tags_by_kind={"skill": ["Drives"], "interest": ["Peace"]},
    )  # fmt: skip
    ids = {each.name: each.id for each in tags.all_tags()}
    with refused("of the same kind"):
        do(field_operations.merge_tags, tag_id=ids["Drives"], into_id=ids["Peace"], by=None)
    with refused("of the same kind"):
        do(field_operations.merge_tags, tag_id=ids["Drives"], into_id=ids["Drives"], by=None)
    with refused("administrator"):
        do(field_operations.merge_tags, tag_id=ids["Drives"], into_id=ids["Driving"],
           by=there.leader)  # fmt: skip
    with refused("Merge the two"):
        do(field_operations.rename_tag, tag_id=ids["Drives"], name="driving", by=there.admin)
    with refused("Somebody has"):
        do(field_operations.delete_tag, tag_id=ids["Drives"], by=there.admin)
    do(field_operations.merge_tags, tag_id=ids["Drives"], into_id=ids["Driving"], by=there.admin)
    assert db.session.query(Tag).filter_by(kind="skill").one().name == "Driving"
    assert db.session.query(MemberTag).filter_by(tag_id=ids["Driving"]).count() == 2
    do(field_operations.rename_tag, tag_id=ids["Driving"], name="Drives a bus", by=there.admin)
    assert last().changes == {"name": ["Driving", "Drives a bus"]}
    (unused,) = do(tags_made, kind="skill", names=["Nobody's"])
    do(field_operations.delete_tag, tag_id=unused, by=there.admin)
    assert field_operations.uses_of_tags() == {ids["Driving"]: 2, ids["Peace"]: 1}


def tags_made(*, kind: str, names: list[str]) -> list[int]:
    audit.record("make", "test", None, by=None)
    return tags.ids_of(kind, names)


# Teams


def test_a_team_is_of_the_chapter_and_below(there: SimpleNamespace) -> None:
    team = do(teams.create_team, chapter_id=there.state.id, name="Posters", by=there.staff)
    put = do(teams.put_on_team, team_id=team, member_ids=[there.ana, there.ben], part="paints",
             by=there.staff, today=TODAY)  # fmt: skip
    assert put == 2
    (place,) = teams.places_of([there.ana])[there.ana]
    assert (place.team.name, place.part) == ("Posters", "paints")
    assert last().changes == {"members": sorted([there.ana, there.ben]), "part": "paints"}
    do(teams.set_part, team_id=team, member_id=there.ana, part=None, by=there.staff)
    assert teams.parts_in(team) == {there.ana: None, there.ben: "paints"}
    do(teams.take_off_team, team_id=team, member_id=there.ben, by=there.staff)
    assert teams.parts_in(team) == {there.ana: None}
    school = do(teams.create_team, chapter_id=there.a_id, name="Posters", by=there.leader)
    with refused("current members of the chapter"):
        do(teams.put_on_team, team_id=school, member_ids=[there.ana, there.ben], by=there.leader,
           today=TODAY)  # fmt: skip
    assert teams.parts_in(school) == {}
    with refused("has a team “Posters”"):
        do(teams.create_team, chapter_id=there.a_id, name="posters", by=there.leader)


def test_another_chapters_team_is_not_there(there: SimpleNamespace) -> None:
    team = do(teams.create_team, chapter_id=there.a_id, name="Posters", by=there.leader)
    for operation, more in (
        (teams.edit_team, {"name": "X"}),
        (teams.close_team, {"today": TODAY}),
        (teams.put_on_team, {"member_ids": [there.ben], "today": TODAY}),
        (teams.take_off_team, {"member_id": there.ana}),
    ):
        with pytest.raises(NoResultFound):
            do(operation, team_id=team, by=there.outsider, **more)
    with refused("not one of yours"):
        do(teams.create_team, chapter_id=there.a_id, name="Mine", by=there.outsider)


def test_a_closed_team_takes_nobody_and_can_go_on(there: SimpleNamespace) -> None:
    team = do(teams.create_team, chapter_id=there.a_id, name="Posters", by=there.leader)
    do(teams.put_on_team, team_id=team, member_ids=[there.ana], by=there.leader, today=TODAY)
    do(teams.close_team, team_id=team, by=there.leader, today=TODAY)
    assert teams.places_of([there.ana])[there.ana] == []
    with refused("is closed"):
        do(teams.put_on_team, team_id=team, member_ids=[there.ana], by=there.leader, today=TODAY)
    do(teams.reopen_team, team_id=team, by=there.leader)
    assert len(teams.places_of([there.ana])[there.ana]) == 1
    assert db.session.get_one(Team, team).closed_on is None


# Age and ways to be reached


def test_an_age_is_kept_with_the_day_it_was_said(there: SimpleNamespace) -> None:
    edit(there.ana, age_band="older_teen")
    record = db.session.get_one(Member, there.ana)
    assert (record.age_band, record.age_band_on) == ("older_teen", TODAY)
    assert last().changes == {"age_band": ["unknown", "older_teen"]}
    with db.unit_of_work():
        operations.edit_member(
            member_id=there.ana, given_name="Ana", family_name="Núñez", by=None,
            age_band="older_teen", today=date(2027, 1, 1),
        )  # fmt: skip
    assert db.session.get_one(Member, there.ana).age_band_on == TODAY
    edit(there.ana, age_band="unknown")
    assert db.session.get_one(Member, there.ana).age_band_on is None
    with refused("one of the ages"):
        edit(there.ana, age_band="ancient")


def test_what_is_not_given_stays(there: SimpleNamespace) -> None:
    edit(there.ana, email="a@example.org", phone="1", address="1 Street", postal_code="25301")
    edit(there.ana, phone=None)
    record = db.session.get_one(Member, there.ana)
    assert (record.email, record.phone, record.address) == ("a@example.org", None, "1 Street")
    assert last().changes == {"phone": ["1", None]}
