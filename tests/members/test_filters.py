"""The filter of the list: what it finds, what it refuses to guess, who may ask what."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from werkzeug.datastructures import MultiDict

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.core.access import Scope
from crm.members import field_operations, filters, operations, tags, teams
from crm.members.filters import COMMAND, Reader
from crm.members.models import Consent, Guardian, Guardianship, Member, Team
from tests import make
from tests.members.test_queries import statements

TODAY = date(2026, 5, 1)
NOWHERE = Scope(everywhere=False, chapter_ids=frozenset())


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    """Ana (16, drives, size small, 3 years), Ben (grown, paints and drives), Cleo (unknown)."""
    people = make.people()
    with db.unit_of_work():
        for label, kind, choices in (
            ("Size", "choice", ("Small", "Large")),
            ("Years", "number", ()),
            ("Course on", "date", ()),
            ("Bus line", "text", ()),
        ):
            field_operations.define_field(label=label, kind=kind, choices=choices, by=None)

    def add(given: str, **more: Any) -> int:
        with db.unit_of_work():
            return operations.add_member(
                given_name=given, family_name=None, chapter_id=people.school_a.id, by=None,
                today=TODAY, **more,
            ).id  # fmt: skip

    people.ana = add(
        "Ana", age_band="older_teen", tags_by_kind={"skill": ["Driving"]},
        custom={"size": "small", "years": "3.5", "course_on": "2026-03-01", "bus_line": "12 East"},
    )  # fmt: skip
    people.ben = add(
        "Ben", age_band="adult", tags_by_kind={"skill": ["driving", "Painting"]},
        custom={"size": "Large", "years": "10", "course_on": "2025-03-01"},
    )  # fmt: skip
    people.cleo = add("Cleo", tags_by_kind={"language": ["Spanish"]})
    with db.unit_of_work():
        team = teams.create_team(chapter_id=people.school_a.id, name="Posters", by=None)
        teams.put_on_team(team_id=team.id, member_ids=[people.cleo], by=None, today=TODAY)
        people.team = team.id
    run = make.kept(ImportRun(importer="members", source="roster.csv", counts={}))
    with db.unit_of_work():
        db.session.get_one(Member, people.ben).import_id = run.id
        operations.edit_member(member_id=people.ana, given_name="Ana", family_name=None, by=None)
    people.run = run.id
    guardian = make.kept(Guardian(name="Rosa", search="rosa"))
    make.kept(
        Guardianship(member_id=people.ana, guardian_id=guardian.id),
        Consent(
            member_id=people.ana, guardian_id=guardian.id, purpose="photo", answer="given",
            how="paper", starts_on=date(2026, 1, 1),
        ),
    )  # fmt: skip
    return people


def asked(reader: Reader = COMMAND, **given: Any) -> filters.Asked:
    pairs = [(name.replace("__", "-"), value) for name, value in given.items()]
    return filters.parse(
        MultiDict(
            (name, str(each))
            for name, value in pairs
            for each in (value if isinstance(value, list) else [value])
        ),
        reader,
    )


def found(reader: Reader = COMMAND, **given: Any) -> list[str]:
    rows = db.session.scalars(filters.found(asked(reader, **given), today=TODAY))
    return [each.given_name for each in rows]


def tag(name: str) -> str:
    return str(next(each.id for each in tags.all_tags() if each.name == name))


def test_it_works(there: SimpleNamespace) -> None:
    assert found() == ["Ana", "Ben", "Cleo"]
    assert found(skill=tag("Driving")) == ["Ana", "Ben"]
    assert found(skill=[tag("Driving"), tag("Painting")]) == ["Ben"]
    assert found(language=tag("Spanish")) == ["Cleo"]
    assert found(team=there.team) == ["Cleo"]
    assert found(**{"import": there.run}) == ["Ben"]
    assert found(age="minor") == ["Ana", "Cleo"]
    assert found(age="adult") == ["Ben"]
    assert found(age="unknown") == ["Cleo"]
    assert found(lacks="photo") == ["Ben", "Cleo"]
    assert found(lacks="contact") == ["Ana", "Cleo"]
    assert found(guardian="none") == ["Cleo"]
    assert found(guardian="none", lacks="photo", team=there.team) == ["Cleo"]


@pytest.mark.parametrize(
    ("given", "names"),
    [
        ({"field__size": "SMALL"}, ["Ana"]),
        ({"field__bus_line": "east"}, ["Ana"]),
        ({"field__bus_line": "%"}, []),
        ({"field__years__from": "3.5"}, ["Ana", "Ben"]),
        ({"field__years__from": "3.6", "field__years__to": "10"}, ["Ben"]),
        ({"field__years__to": "9"}, ["Ana"]),
        ({"field__course_on__from": "2025-03-02"}, ["Ana"]),
        ({"field__course_on__to": "2025-03-01"}, ["Ben"]),
        ({"field__course_on__from": "", "field__size": ""}, ["Ana", "Ben", "Cleo"]),
    ],
)
def test_defined_fields_are_filters_by_their_kind(
    there: SimpleNamespace, given: dict[str, str], names: list[str]
) -> None:
    assert found(**given) == names


@pytest.mark.parametrize(
    "given",
    [
        {"skill": "9999"},
        {"skill": "x"},
        {"language": "' OR 1=1"},
        {"team": "9999"},
        {"import": "9999"},
        {"import": "9" * 40},
        {"age": "old"},
        {"lacks": "everything"},
        {"guardian": "some"},
        {"field__size": "Huge"},
        {"field__years__from": "many"},
        {"field__course_on__to": "soon"},
    ],
)
def test_what_names_nothing_is_said_and_finds_nobody(
    there: SimpleNamespace, given: dict[str, str]
) -> None:
    assert asked(**given).problems
    assert found(**given) == []


def test_age_and_consent_are_asked_by_those_who_keep_them(there: SimpleNamespace) -> None:
    sees = Scope(everywhere=False, chapter_ids=frozenset({there.school_a.id}))
    colleague = Reader(sees, NOWHERE, NOWHERE, 1)
    assert found(colleague) == ["Ana", "Ben", "Cleo"]
    for given in ({"age": "adult"}, {"lacks": "photo"}, {"guardian": "none"}):
        assert found(colleague, **given) == []
        assert not asked(colleague, **given).narrowed
    # Who keeps one chapter and sees another learns of the one alone.
    other = Scope(everywhere=False, chapter_ids=frozenset({there.school_b.id}))
    elsewhere = Reader(Scope(True, frozenset()), other, other, 1)
    assert found(elsewhere, skill=tag("Driving")) == ["Ana", "Ben"]
    assert found(elsewhere, age="minor") == []
    assert found(elsewhere, lacks="photo") == []


def test_one_leader_learns_nothing_of_anothers_teams_and_imports(there: SimpleNamespace) -> None:
    outsider = Reader.of(there.outsider)
    assert asked(outsider).teams == []
    assert asked(outsider, team=there.team).problems
    assert asked(outsider, **{"import": there.run}).problems
    with pytest.raises(LookupError):
        asked(outsider, chapter=there.school_a.slug)


def test_words_of_what_was_asked(there: SimpleNamespace) -> None:
    facts = asked(q="an", age="minor", field__years__from="3", field__size="small").facts
    assert facts == [("Name", "an"), ("Size", "Small"), ("Years", "from 3"), ("Age", "Minors")]


def test_the_choices_take_as_many_statements_whatever_there_is(there: SimpleNamespace) -> None:
    def count() -> int:
        with statements() as seen:
            one = asked(skill=tag("Driving"), lacks="photo")
            _all = one.chapters, one.tags, one.teams, one.fields, one.imports
        return len(seen)

    before = count()
    make.kept(*(Team(chapter_id=there.school_a.id, name=f"Team {n}") for n in range(20)))
    assert count() == before
