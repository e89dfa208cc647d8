"""What changes members, chapters and roles, and what is refused."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from sqlalchemy.exc import NoResultFound

from crm.accounts.models import User
from crm.core import db
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import operations, queries
from crm.members.models import Chapter, ChapterRole, Member, Membership
from tests import make

TODAY = date(2026, 3, 1)


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    for name in ("state", "school_a", "school_b"):
        setattr(people, f"{name}_id", getattr(people, name).id)
    return people


@contextmanager
def refused(field: str | None, words: str | None = None) -> Iterator[None]:
    """The block is refused at the field, and nothing of it is kept."""
    with pytest.raises(Refused, match=words) as caught, db.unit_of_work():
        yield
    assert caught.value.field == field


def add(there: SimpleNamespace, **values: Any) -> int:
    with db.unit_of_work():
        record = operations.add_member(
            **{
                "given_name": "Ana",
                "family_name": "Núñez",
                "chapter_id": there.school_a_id,
                "by": there.leader,
                **values,
            }
        )
        return int(record.id)


def last_entry() -> AuditEntry:
    return db.session.query(AuditEntry).order_by(AuditEntry.id.desc()).first()  # type: ignore[return-value]


# Members


def test_it_works(there: SimpleNamespace) -> None:
    member_id = add(there, email="parent@Example.org", graduation_year=2027, joined_on=TODAY)
    member = db.session.get(Member, member_id)
    assert member is not None
    assert (member.search, member.email, member.graduation_year) == (
        "nunez ana",
        "parent@example.org",
        2027,
    )
    membership = db.session.query(Membership).filter_by(member_id=member_id).one()
    assert (membership.chapter_id, membership.joined_on) == (there.school_a_id, TODAY)
    entry = last_entry()
    assert (entry.verb, entry.kind, entry.record_id) == ("add_member", "member", member_id)
    assert entry.by_id == there.leader.id


def test_a_name_and_a_chapter_are_enough_and_siblings_share_an_address(
    there: SimpleNamespace,
) -> None:
    first = add(there, given_name="Li", family_name=None, email="p@example.org")
    second = add(there, given_name="Lo", family_name=None, email="p@example.org")
    assert first != second


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"given_name": " "}, "given_name"),
        ({"given_name": "x" * 5000}, "given_name"),
        ({"given_name": "🙂"}, "given_name"),
        ({"family_name": "x" * 101}, "family_name"),
        ({"graduation_year": -3}, "graduation_year"),
        ({"graduation_year": 20270}, "graduation_year"),
        ({"email": "nobody"}, "email"),
        ({"chapter_id": 9999}, "chapter_id"),
    ],
)
def test_what_cannot_be_kept_is_refused(
    there: SimpleNamespace, values: dict[str, Any], field: str
) -> None:
    with pytest.raises(Refused) as caught:
        add(there, **values)
    assert caught.value.field == field
    assert db.session.query(Member).count() == 0


def test_another_leaders_chapter_is_refused(there: SimpleNamespace) -> None:
    for by in (there.outsider, there.viewer, there.member):
        with pytest.raises(Refused) as caught:
            add(there, by=by)
        assert caught.value.field == "chapter_id"


def test_a_name_the_chapter_has_asks_once_more(there: SimpleNamespace) -> None:
    add(there)
    for given, family in (("ANA", "nunez"), ("Núñez", "Ana")):
        with pytest.raises(Refused, match="Alder High School already has") as caught:
            add(there, given_name=given, family_name=family)
        assert caught.value.field == "anyway"
    add(there, anyway=True)
    add(there, chapter_id=there.school_b_id, by=there.outsider)
    assert db.session.query(Member).count() == 3


def test_editing_keeps_what_was(there: SimpleNamespace) -> None:
    member_id = add(there)
    with db.unit_of_work():
        operations.edit_member(
            member_id=member_id, given_name="Ana", family_name="Li", by=there.leader
        )
    assert db.session.get(Member, member_id).search == "li ana"  # type: ignore[union-attr]
    assert last_entry().changes["family_name"] == ["Núñez", "Li"]
    with pytest.raises(NoResultFound), db.unit_of_work():
        operations.edit_member(
            member_id=member_id, given_name="X", family_name=None, by=there.outsider
        )


def test_leaving_and_coming_back(there: SimpleNamespace) -> None:
    member_id = add(there, joined_on=date(2025, 9, 1))
    (membership_id,) = db.session.query(Membership.id).one()
    with refused("left_on", "before the day of joining"):
        operations.leave_chapter(
            membership_id=membership_id, left_on=date(2025, 8, 31), by=there.leader, today=TODAY
        )
    with refused("chapter_id", "in that chapter already"):
        operations.join_chapter(
            member_id=member_id, chapter_id=there.school_a_id, by=there.leader, today=TODAY
        )
    with pytest.raises(NoResultFound), db.unit_of_work():
        operations.leave_chapter(
            membership_id=membership_id, left_on=TODAY, by=there.outsider, today=TODAY
        )
    with db.unit_of_work():
        operations.leave_chapter(
            membership_id=membership_id, left_on=TODAY, by=there.leader, today=TODAY
        )
    with refused(None, "left that chapter already"):
        operations.leave_chapter(
            membership_id=membership_id, left_on=TODAY, by=there.leader, today=TODAY
        )
    with refused("joined_on", "before the day they left"):
        operations.join_chapter(
            member_id=member_id,
            chapter_id=there.school_a_id,
            joined_on=date(2026, 1, 1),
            by=there.leader,
            today=TODAY,
        )
    with db.unit_of_work():
        operations.join_chapter(
            member_id=member_id,
            chapter_id=there.school_a_id,
            joined_on=TODAY,
            by=there.leader,
            today=TODAY,
        )
    assert db.session.query(Membership).count() == 2


def test_a_member_joins_another_chapter_of_whoever_may(there: SimpleNamespace) -> None:
    member_id = add(there)
    with refused("chapter_id"):
        operations.join_chapter(
            member_id=member_id, chapter_id=there.school_b_id, by=there.leader, today=TODAY
        )
    with db.unit_of_work():
        operations.join_chapter(
            member_id=member_id, chapter_id=there.school_b_id, by=there.staff, today=TODAY
        )
    assert db.session.query(Membership).count() == 2


def test_dates_are_put_right(there: SimpleNamespace) -> None:
    add(there, joined_on=TODAY)
    (membership_id,) = db.session.query(Membership.id).one()
    with refused("left_on"):
        operations.correct_membership(
            membership_id=membership_id, joined_on=TODAY, left_on=date(2020, 1, 1), by=there.leader
        )
    with db.unit_of_work():
        operations.correct_membership(
            membership_id=membership_id, joined_on=None, left_on=TODAY, by=there.leader
        )
    assert last_entry().changes["joined_on"] == [TODAY.isoformat(), None]


# Chapters


def chapter(there: SimpleNamespace, **values: Any) -> Chapter:
    return operations.add_chapter(
        **{
            "name": "Cedar School",
            "kind": "school",
            "parent_id": there.state_id,
            "by": there.staff,
            **values,
        }
    )


def edit(there: SimpleNamespace, chapter_id: int, **values: Any) -> Chapter:
    record = db.session.get_one(Chapter, chapter_id)
    kept = {
        name: getattr(record, name)
        for name in ("name", "kind", "parent_id", "place", "founded_on", "closed_on")
    }
    return operations.edit_chapter(
        **{"chapter_id": chapter_id, "by": there.admin, **kept, **values}
    )


def path(chapter_id: int) -> str:
    return str(db.session.query(Chapter.path).filter_by(id=chapter_id).scalar())


def test_a_chapter_hangs_under_another(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        first = chapter(there).id
        second = chapter(there).id
    assert path(first) == f"/{there.state_id}/{first}/"
    assert {each.slug for each in queries.chapters_in(queries.Scope(True, frozenset()))} >= {
        "cedar-school",
        "cedar-school-2",
    }
    assert second != first


def test_adding_a_chapter_takes_the_right_above_it(there: SimpleNamespace) -> None:
    with refused("parent_id"):
        chapter(there, by=there.coordinator, parent_id=there.school_a_id, kind="group")
    with refused("parent_id"):
        chapter(there, parent_id=None, kind="national")
    with refused("parent_id"):
        chapter(there, parent_id=9999)
    with refused("kind", "cannot be under"):
        chapter(there, kind="national")
    with refused("kind"):
        chapter(there, kind="club")
    with refused("name"):
        chapter(there, name="\u202e")
    with db.unit_of_work():
        chapter(there, parent_id=None, kind="national", by=there.admin)


def test_moving_a_chapter_moves_all_below(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        top = chapter(there, parent_id=None, kind="national", by=there.admin).id
        group = chapter(there, parent_id=there.school_a_id, kind="group").id
    with db.unit_of_work():
        edit(there, there.state_id, parent_id=top)
    assert path(there.state_id) == f"/{top}/{there.state_id}/"
    assert path(there.school_b_id) == f"/{top}/{there.state_id}/{there.school_b_id}/"
    assert path(group) == f"/{top}/{there.state_id}/{there.school_a_id}/{group}/"
    assert len(queries.below(top)) == 5
    with db.unit_of_work():
        edit(there, there.school_a_id, parent_id=None)
    assert path(group) == f"/{there.school_a_id}/{group}/"
    assert path(there.school_b_id).startswith(f"/{top}/")


def test_a_chapter_is_never_under_itself(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        group = chapter(there, parent_id=there.school_a_id, kind="group").id
    for parent_id in (there.school_a_id, group):
        with refused("parent_id", "under itself"):
            edit(there, there.school_a_id, parent_id=parent_id)


def test_moving_takes_the_right_at_both_ends(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        other = chapter(there, parent_id=None, kind="state", by=there.admin).id
    with refused("parent_id"):
        edit(there, there.school_a_id, parent_id=other, by=there.staff)
    with refused("parent_id"):
        edit(there, there.state_id, parent_id=other, by=there.staff)
    with refused(None):
        edit(there, other, name="Mine", by=there.staff)
    with db.unit_of_work():
        edit(there, there.state_id, name="Still there", by=there.staff)


def test_a_kind_stays_wider_than_those_below(there: SimpleNamespace) -> None:
    with refused("kind", "below it"):
        with db.unit_of_work():
            chapter(there, parent_id=there.state_id, kind="state")
        edit(there, there.state_id, kind="school")


def test_closing_ends_memberships_and_opening_again_opens_them(there: SimpleNamespace) -> None:
    add(there, joined_on=date(2025, 9, 1))
    with refused("closed_on", "below it first"):
        edit(there, there.state_id, closed_on=TODAY)
    with refused("closed_on", "1 member joined after"):
        edit(there, there.school_a_id, closed_on=date(2025, 8, 1))
    with db.unit_of_work():
        edit(there, there.school_a_id, closed_on=TODAY)
    assert db.session.query(Membership.left_on).scalar() == TODAY
    with pytest.raises(Refused, match="is closed"):
        add(there, given_name="Late")
    with db.unit_of_work():
        edit(there, there.school_a_id, closed_on=None)
    assert db.session.query(Membership.left_on).scalar() is None


# Roles


def grant(there: SimpleNamespace, user_id: int, role: str, chapter_id: int | None, by: Any) -> int:
    return int(operations.grant_role(user_id=user_id, role=role, chapter_id=chapter_id, by=by).id)


def test_a_role_is_given_and_taken(there: SimpleNamespace) -> None:
    user_id = there.viewer.id
    with db.unit_of_work():
        role_id = grant(there, user_id, "leader", there.school_b_id, there.admin)
    with refused("role", "already"):
        grant(there, user_id, "leader", there.school_b_id, there.admin)
    with db.unit_of_work():
        operations.revoke_role(chapter_role_id=role_id, by=there.admin)
    assert [each.role for each in queries.roles_of([user_id])[user_id]] == ["viewer"]
    assert last_entry().verb == "revoke_role"


def test_a_role_everywhere_is_not_given_twice(there: SimpleNamespace) -> None:
    user_id = there.viewer.id
    with db.unit_of_work():
        grant(there, user_id, "staff", None, there.admin)
    with refused("role", "already"):
        grant(there, user_id, "staff", None, there.admin)


def test_nobody_gives_a_role_above_or_beside_their_own(there: SimpleNamespace) -> None:
    chief_id = make.user(Role.ADMINISTRATOR, there.school_a, name="Chapter Chief").id
    chief = db.session.get(User, chief_id)
    user_id = there.viewer.id
    for chapter_id in (there.state_id, there.school_b_id, None):
        with refused("chapter_id"):
            grant(there, user_id, "viewer", chapter_id, chief)
    with refused("role"):
        grant(there, user_id, "emperor", there.school_a_id, chief)
    with refused("chapter_id"):
        grant(there, user_id, "leader", 9999, there.admin)
    with refused("chapter_id"):
        grant(there, user_id, "leader", there.school_a_id, there.staff)
    with db.unit_of_work():
        grant(there, user_id, "coordinator", there.school_a_id, chief)
    (over,) = db.session.query(ChapterRole.id).filter_by(user_id=there.staff.id).one()
    with refused("chapter_id"):
        operations.revoke_role(chapter_role_id=over, by=chief)


def test_the_last_administrator_stays(there: SimpleNamespace) -> None:
    admin_id = there.admin.id
    (role_id,) = db.session.query(ChapterRole.id).filter_by(user_id=admin_id).one()
    second = make.user(Role.ADMINISTRATOR, name="Second")
    second_id = second.id
    with db.unit_of_work():
        operations.deactivate(user_id=second_id, by=None)
    with refused(None, "last administrator"):
        operations.revoke_role(chapter_role_id=role_id, by=None)
    with refused(None, "last administrator"):
        operations.deactivate(user_id=admin_id, by=None)
    with db.unit_of_work():
        operations.activate(user_id=second_id, by=None)
    with db.unit_of_work():
        operations.revoke_role(chapter_role_id=role_id, by=None)


def test_an_account_is_changed_by_who_manages_all_of_it(there: SimpleNamespace) -> None:
    chief_id = make.user(Role.ADMINISTRATOR, there.school_a, name="Chapter Chief").id
    make.kept(
        ChapterRole(user_id=there.outsider.id, chapter_id=there.school_a_id, role=Role.VIEWER)
    )
    outsider_id, viewer_id, admin_id = there.outsider.id, there.viewer.id, there.admin.id
    chief = db.session.get(User, chief_id)
    for act in (operations.end_sessions, operations.deactivate, operations.invite_again):
        with refused(None, "outside of your chapters"):
            act(user_id=outsider_id, by=chief)
        with pytest.raises(NoResultFound), db.unit_of_work():
            act(user_id=admin_id, by=chief)
    with refused(None, "shut yourself out"):
        operations.deactivate(user_id=chief_id, by=chief)
    before = db.session.query(User.session_key).filter_by(id=viewer_id).scalar()
    with db.unit_of_work():
        operations.end_sessions(user_id=viewer_id, by=chief)
    assert db.session.query(User.session_key).filter_by(id=viewer_id).scalar() != before


def test_an_invitation_makes_a_user_with_a_role(there: SimpleNamespace) -> None:
    with db.unit_of_work():
        user, is_new = operations.invite(
            email="New@Example.org",
            name="New Person",
            role="leader",
            chapter_id=there.school_a_id,
            by=there.admin,
        )
        user_id = user.id
    assert is_new
    assert [each.role for each in queries.roles_of([user_id])[user_id]] == ["leader"]
    with db.unit_of_work():
        again, is_new = operations.invite(
            email="new@example.org ",
            name="Other name",
            role="viewer",
            chapter_id=there.school_b_id,
            by=there.admin,
        )
        assert (again.id, again.name, is_new) == (user_id, "New Person", False)


def test_a_refused_invitation_leaves_nobody_behind(there: SimpleNamespace) -> None:
    before = db.session.query(User).count()
    with refused("email"):
        operations.invite(email="no", name="N", role="leader", chapter_id=None, by=there.admin)
    with refused("chapter_id"):
        operations.invite(
            email="n@example.org", name="N", role="leader", chapter_id=None, by=there.staff
        )
    assert db.session.query(User).count() == before
