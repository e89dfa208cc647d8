"""Scopes, the tree, and who is found."""

from collections.abc import Callable
from contextlib import contextmanager
from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, text
from sqlalchemy.exc import NoResultFound

from crm.core import audit, db
from crm.core.access import Can, Role, Scope
from crm.members import queries
from crm.members.models import Chapter, ChapterRole, Member, Membership
from crm.members.queries import MemberFilter
from crm.members.rules import Standing
from tests import make

TODAY = date(2026, 3, 1)
EVERYWHERE = Scope(True, frozenset())


@contextmanager
def statements() -> Any:
    """The SQL run inside the block."""
    seen: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_more: Any) -> None:
        seen.append(statement)

    event.listen(db.extension.engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(db.extension.engine, "before_cursor_execute", note)


def scope_of(*chapters: Chapter) -> Scope:
    return Scope(False, frozenset(each.id for each in chapters))


def found(wanted: MemberFilter, scope: Scope = EVERYWHERE) -> list[str]:
    return [
        each.full_name for each in db.session.scalars(queries.members(wanted, scope, today=TODAY))
    ]


def change(record: Any, **values: Any) -> None:
    with db.unit_of_work():
        for name, value in values.items():
            setattr(db.session.merge(record), name, value)
        audit.record("change", "test", None, by=None)


def test_it_works(any_app: Flask) -> None:
    people = make.people()
    state, school_a, school_b = people.state.id, people.school_a.id, people.school_b.id
    user_id = people.staff.id
    with statements() as seen:
        grants = queries.grants_of(user_id)
    assert len(seen) == 1
    assert grants.scope(Can.EDIT_CHAPTERS) == Scope(False, frozenset({state, school_a, school_b}))
    assert not grants.can(Can.MANAGE_USERS)


def test_a_role_without_a_chapter_holds_everywhere(any_app: Flask) -> None:
    people = make.people()
    assert queries.grants_of(people.admin.id).scope(Can.MANAGE_USERS).everywhere
    assert queries.grants_of(people.leader.id).scope(Can.SEE_MEMBERS) == scope_of(people.school_a)
    assert not queries.grants_of(9999).can(Can.SEE)


def test_several_roles_add_up(any_app: Flask) -> None:
    people = make.people()
    leader = people.leader.id
    make.kept(ChapterRole(user_id=leader, chapter_id=people.school_b.id, role=Role.LEADER))
    make.kept(ChapterRole(user_id=leader, chapter_id=people.state.id, role=Role.VIEWER))
    grants = queries.grants_of(leader)
    assert grants.scope(Can.SEE_MEMBERS) == scope_of(people.school_a, people.school_b)
    assert grants.scope(Can.SEE_REPORTS) == scope_of(people.state, people.school_a, people.school_b)


def test_a_chapter_in_the_making_opens_nothing(any_app: Flask) -> None:
    people = make.people()
    made = make.kept(Chapter(name="In the making", slug="making", kind="school", path=""))
    make.kept(ChapterRole(user_id=people.viewer.id, chapter_id=made.id, role=Role.LEADER))
    made_id = made.id
    assert queries.grants_of(people.viewer.id).scope(Can.SEE_MEMBERS).chapter_ids == {made_id}
    assert queries.below(made_id) == {made_id}


def test_the_number_of_a_chapter_is_no_prefix_of_another(any_app: Flask) -> None:
    chapters = [make.chapter(f"Chapter {number}", kind="state") for number in range(1, 13)]
    child = make.chapter("Below the twelfth", chapters[11])
    assert queries.below(chapters[0].id) == {chapters[0].id}
    assert queries.below(chapters[11].id) == {chapters[11].id, child.id}
    assert queries.below(999) == frozenset()


def test_chapters_come_in_tree_order(any_app: Flask) -> None:
    top = make.chapter("National", kind="national")
    zeta = make.chapter("zeta state", top, kind="state")
    alpha = make.chapter("Álpha State", top, kind="state")
    make.chapter("School Z", zeta)
    make.chapter("School B", alpha)
    make.chapter("school a", alpha)
    assert [(each.name, each.depth) for each in queries.chapters_in(EVERYWHERE)] == [
        ("National", 0),
        ("Álpha State", 1),
        ("school a", 2),
        ("School B", 2),
        ("zeta state", 1),
        ("School Z", 2),
    ]
    assert [each.name for each in queries.chapters_in(scope_of(zeta))] == ["zeta state"]
    assert queries.chapters_in(Scope(False, frozenset())) == []
    assert [each.name for each in queries.above(alpha)] == ["National"]


@pytest.mark.parametrize(
    "q",
    ["nunez", "NÚÑEZ", "ana nun", "nún an", "Núñez, Ana", "maria", "a", "ana maria nunez"],
)
def test_a_name_is_found_by_the_beginnings_of_its_words(any_app: Flask, q: str) -> None:
    make.member("Ana María", "Núñez")
    assert found(MemberFilter(q=q, standing=Standing.ALL)) == ["Ana María Núñez"]


@pytest.mark.parametrize("q", ["unez", "ana smith", "%", "_na", "zz", "anan"])
def test_what_begins_no_word_finds_nobody(any_app: Flask, q: str) -> None:
    make.member("Ana María", "Núñez")
    expected = ["Ana María Núñez"] if q == "%" else []
    assert found(MemberFilter(q=q, standing=Standing.ALL)) == expected


def test_current_and_alumni(any_app: Flask) -> None:
    people = make.people()
    make.member("Here", "Now", people.school_a)
    gone = make.member("Gone", "Away", people.school_a)
    leaving = make.member("Leaving", "Soon", people.school_a)
    graduate = make.member("Graduate", "Past", people.school_a)
    moved = make.member("Moved", "Over", people.school_a)
    for each, day in ((gone, TODAY), (leaving, date(2026, 6, 1)), (moved, date(2026, 1, 1))):
        record = db.session.query(Membership).filter_by(member_id=each.id).one()
        change(record, left_on=day)
    change(graduate, graduation_year=2025)
    make.kept(Membership(member_id=moved.id, chapter_id=people.school_b.id))
    assert found(MemberFilter()) == ["Here Now", "Moved Over", "Leaving Soon"]
    assert found(MemberFilter(standing=Standing.ALUMNI)) == ["Gone Away", "Graduate Past"]
    assert len(found(MemberFilter(standing=Standing.ALL))) == 5
    in_a = scope_of(people.school_a)
    assert found(MemberFilter(), in_a) == ["Here Now", "Leaving Soon"]
    # Whoever moved to another school is that school's.
    assert found(MemberFilter(standing=Standing.ALUMNI), in_a) == ["Gone Away", "Graduate Past"]
    below_b = MemberFilter(chapter_ids=frozenset({people.school_b.id}))
    assert found(below_b) == ["Moved Over"]
    assert found(below_b, in_a) == []
    counts = queries.current_counts(
        [people.state.id, people.school_a.id, people.school_b.id], today=TODAY
    )
    assert counts == {people.state.id: 3, people.school_a.id: 2, people.school_b.id: 1}


def test_the_list_sorts(any_app: Flask) -> None:
    people = make.people()
    for given, family, year in (("B", "A", 2028), ("A", "B", None), ("C", "C", 2027)):
        change(make.member(given, family, people.school_a), graduation_year=year)
    assert found(MemberFilter(sort="name")) == ["B A", "A B", "C C"]
    assert found(MemberFilter(sort="-name")) == ["C C", "A B", "B A"]
    assert found(MemberFilter(sort="graduation")) == ["C C", "B A", "A B"]
    assert found(MemberFilter(sort="-graduation")) == ["B A", "C C", "A B"]
    assert found(MemberFilter(sort="nonsense")) == ["B A", "A B", "C C"]
    assert found(MemberFilter(graduation_year=2027)) == ["C C"]
    assert queries.graduation_years(EVERYWHERE) == [2028, 2027]
    assert queries.graduation_years(scope_of(people.school_b)) == []


def test_a_member_outside_the_scope_is_not_there(any_app: Flask) -> None:
    people = make.people()
    member_id = make.member("Ana", "Núñez", people.school_a).id
    assert queries.member(member_id, scope_of(people.school_a)).memberships[0].chapter.kind
    for scope in (scope_of(people.school_b), Scope(False, frozenset())):
        with pytest.raises(NoResultFound):
            queries.member(member_id, scope)
        assert not db.session.scalars(queries.visible_members(scope)).all()
        assert queries.candidates(scope) == []
    with pytest.raises(NoResultFound):
        queries.chapter(people.school_a.slug, scope_of(people.school_b))


def test_candidates_name_each_member_once(any_app: Flask) -> None:
    people = make.people()
    ana = make.member("Ana", "Núñez", people.school_a)
    make.kept(Membership(member_id=ana.id, chapter_id=people.school_b.id))
    (candidate,) = queries.candidates(EVERYWHERE)
    assert (candidate.given_name, candidate.chapter) == ("Ana", "Birch High School")


def test_users_are_seen_where_they_hold_a_role(any_app: Flask) -> None:
    people = make.people()
    names = [each.name for each in db.session.scalars(queries.users_in(scope_of(people.school_b)))]
    assert names == ["Otto Outsider"]
    assert len(db.session.scalars(queries.users_in(EVERYWHERE)).all()) == 7
    with pytest.raises(NoResultFound):
        queries.user(people.admin.id, scope_of(people.school_b))


def test_the_list_reads_an_index(app: Flask) -> None:
    people = make.people()
    with db.unit_of_work():
        db.session.add_all(
            Member(given_name=f"N{number}", search=f"n{number}") for number in range(300)
        )
        audit.record("make", "test", None, by=None)
    plan: Callable[[Scope], str] = lambda scope: " ".join(  # noqa: E731
        row[3]
        for row in db.session.connection().exec_driver_sql(
            "EXPLAIN QUERY PLAN "
            + str(
                queries.members(MemberFilter(), scope, today=TODAY)
                .limit(50)
                .compile(db.extension.engine, compile_kwargs={"literal_binds": True})
            )
        )
    )
    assert "ix_member_search" in plan(EVERYWHERE)
    assert "TEMP B-TREE" not in plan(EVERYWHERE)
    assert "ix_membership_chapter_id_member_id" in plan(scope_of(people.school_a))


# The search by name


@pytest.mark.parametrize(
    ("q", "names"),
    [
        ("núñ", ["Ana Núñez"]),
        ("nun an", ["Ana Núñez"]),
        ("AN NUN", ["Ana Núñez"]),
        ("ana", ["Ana Núñez", "Ana Pine"]),
        ("a", ["Ana Núñez", "Ana Pine", "𝐀𝐁 X"]),
        ("unez", []),
        ("ana ana", ["Ana Núñez", "Ana Pine"]),
        ("ana zorn", []),
        ("pine-w", ["Łucja Pine-Wood"]),
        ("%", ["Ana Núñez", "Ana Pine", "Łucja Pine-Wood", "𝐀𝐁 X"]),
        ("_", ["Ana Núñez", "Ana Pine", "Łucja Pine-Wood", "𝐀𝐁 X"]),
        ("ab", ["𝐀𝐁 X"]),
    ],
)
def test_each_word_begins_a_word_of_the_name(any_app: Flask, q: str, names: list[str]) -> None:
    for given, family in (
        ("Ana", "Núñez"), ("Ana", "Pine"), ("Łucja", "Pine-Wood"), ("𝐀𝐁", "X"),
    ):  # fmt: skip
        make.member(given, family)
    assert found(MemberFilter(q=q, standing=Standing.ALL)) == names


def test_a_changed_name_is_found_by_its_new_words_alone(any_app: Flask) -> None:
    change(make.member("Ana", "Núñez"), given_name="Eva", search="nunez eva")
    assert found(MemberFilter(q="eva", standing=Standing.ALL)) == ["Eva Núñez"]
    assert found(MemberFilter(q="ana", standing=Standing.ALL)) == []


def test_the_search_reads_the_index_of_words(any_app: Flask) -> None:
    """By the names themselves, 100,000 members took a look at each of them."""
    school = make.chapter("Alder").id
    with db.unit_of_work():
        for number in range(3000):
            given = f"g{number % 50:02}"
            db.session.add(
                Member(
                    given_name=given, family_name=f"f{number:04}", search=f"f{number:04} {given}",
                    memberships=[Membership(chapter_id=school)],
                )
            )  # fmt: skip
        audit.record("make", "test", None, by=None)
    is_sqlite = db.session.get_bind().dialect.name == "sqlite"
    with db.unit_of_work():
        db.session.execute(text("ANALYZE"))
        audit.record("make", "test", None, by=None)
    for scope in (EVERYWHERE, Scope(False, frozenset({school}))):
        for q in ("f0042", "g42 f0042"):
            wanted = queries.members(
                MemberFilter(q=q, standing=Standing.ALL), scope, today=TODAY
            ).limit(50)
            asked = wanted.compile(db.session.get_bind(), compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
            rows = db.session.connection().exec_driver_sql(f"{explain} {asked}".replace("%", "%%"))
            plan = "\n".join(str(row[-1]) for row in rows)
            if is_sqlite:
                assert "SCAN" not in plan, plan
                assert "SEARCH member_word" in plan, plan
                assert "(word>? AND word<?)" in plan, plan
            else:
                assert "Seq Scan" not in plan, plan
                assert "pk_member_word" in plan, plan
