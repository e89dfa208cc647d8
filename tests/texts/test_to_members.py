"""A text written to members: no target in it, filled for each of them."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from crm.core import audit, db
from crm.core.errors import Refused
from crm.members.models import Consent, Member
from crm.members.rules import AgeBand
from crm.texts import operations
from crm.texts.models import Text, TextVersion
from crm.texts.to_members import to_members
from tests import make
from tests.members.test_queries import statements

ON = date(2026, 5, 1)


def version(body: str, subject: str = "Hello", **more: Any) -> TextVersion:
    text = Text(slug="hello", name="Hello", kind="message")
    record = TextVersion(
        text=text, language="en", number=1, subject=subject, body=body,
        approved_at=datetime(2026, 4, 1, tzinfo=UTC), **more,
    )  # fmt: skip
    make.kept(text, record)
    return record


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    people = make.people()
    people.ana = make.member("Ana", "Secretname", people.school_a).id
    people.bea = make.member("Bea", "Secretname", people.school_a).id
    return people


def filled(of: TextVersion, *members: int, values: dict[str, str] | None = None) -> list[Any]:
    return to_members(of, members, campaign=None, chapter=None, values=values or {}, on=ON)


def test_each_is_called_by_the_first_name(there: SimpleNamespace) -> None:
    ana, bea = filled(version("Dear ((member.first_name)) of ((member.chapter)),"),
                      there.ana, there.bea)  # fmt: skip
    assert str(ana.body) == "Dear Ana of Alder High School,"
    assert str(bea.body) == "Dear Bea of Alder High School,"
    assert ana.can_print


def test_a_full_name_stands_in_it_where_it_may_stand_on_letters(there: SimpleNamespace) -> None:
    make.kept(
        Consent(
            member_id=there.ana, guardian_id=None, purpose="full_name", answer="given",
            how="paper", starts_on=date(2026, 1, 1),
        )
    )  # fmt: skip
    with db.unit_of_work():
        db.session.get_one(Member, there.ana).age_band = AgeBand.ADULT
        audit.record("make", "test", None, by=None)
    ana, bea = filled(version("Dear ((member.full_name)),"), there.ana, there.bea)
    assert str(ana.body) == "Dear Ana Secretname,"
    assert [each.why for each in bea.hindrances] == ["consent"]
    assert "Secretname" not in str(bea.body)


def test_what_nobody_gave_hinders_all(there: SimpleNamespace) -> None:
    words = version("At ((place)).", fields=[{"name": "place", "kind": "text"}])
    [ana] = filled(words, there.ana)
    assert [each.why for each in ana.hindrances] == ["empty"]
    [ana] = filled(words, there.ana, values={"place": "Room 4"})
    assert str(ana.body) == "At Room 4."


def test_a_target_is_a_question(there: SimpleNamespace) -> None:
    given: dict[str, Any] = {
        "name": "News", "kind": "message", "chapter_id": None, "campaign_id": None,
        "language": "en", "by": None,
    }  # fmt: skip
    with pytest.raises(Refused, match="of a target"), db.unit_of_work():
        operations.make_text(subject="News", body="Dear ((target.name))", **given)
    with pytest.raises(Refused, match="subject"), db.unit_of_work():
        operations.make_text(subject="", body="Dear all", **given)


def test_statements_do_not_grow(there: SimpleNamespace) -> None:
    words = version("Dear ((member.first_name)) of ((member.chapter)),")
    filled(words, there.ana)
    with statements() as one:
        filled(words, there.ana)
    with statements() as two:
        filled(words, there.ana, there.bea)
    assert len(one) == len(two)
