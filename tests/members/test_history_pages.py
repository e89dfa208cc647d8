"""The history of a record and the record of everything: told in words, to those who may read it."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import audit, db
from crm.core.audit import AuditEntry
from crm.members import operations
from crm.members.models import Consent, Member, Membership
from tests import make

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def nora(people: SimpleNamespace) -> int:
    """A member whose number was changed."""
    with db.unit_of_work():
        member = operations.add_member(
            given_name="Nora", family_name="Núñez", chapter_id=people.school_a.id,
            email="nora@example.org", phone="304 555 0101", by=people.leader,
        )  # fmt: skip
        number = int(member.id)
    with db.unit_of_work():
        operations.edit_member(
            member_id=number, given_name="Nora", family_name="Quill", by=people.admin,
            email="quill@example.org", phone="304 555 0102", graduation_year=2027,
        )  # fmt: skip
    return number


def consent_to_contact(member_id: int) -> None:
    make.kept(
        Consent(
            member_id=member_id, purpose="contact", answer="given", how="paper",
            starts_on=date(2025, 1, 1),
        )
    )  # fmt: skip


def of_age(member_id: int) -> None:
    with db.unit_of_work():
        db.session.get_one(Member, member_id).age_band = "adult"
        audit.record("make", "test", None, by=None)


def reads_of(member_id: int) -> list[tuple[int | None, dict[str, object]]]:
    rows = db.session.execute(
        select(AuditEntry.by_id, AuditEntry.changes).where(
            AuditEntry.kind == "member",
            AuditEntry.record_id == member_id,
            AuditEntry.verb == "read",
        )
    )
    return [(row.by_id, row.changes) for row in rows]


def test_it_works(people: SimpleNamespace, nora: int, sign_in: SignIn) -> None:
    of_age(nora)
    client = sign_in(people.leader)
    assert f"/members/{nora}/history" in client.get(f"/members/{nora}").text
    page = client.get(f"/members/{nora}/history").text
    assert "History of Nora Quill" in page
    for words in ("Added", "Changed", "Family name", "Núñez", "Graduates", "2027"):
        assert words in page
    assert reads_of(nora) == []


def test_contact_is_not_told_without_consent(
    people: SimpleNamespace, nora: int, sign_in: SignIn
) -> None:
    with db.unit_of_work():
        # Nothing is kept any more, and what was is still nobody's to read.
        operations.edit_member(
            member_id=nora, given_name="Nora", family_name="Quill", by=None, graduation_year=2027
        )
    page = sign_in(people.leader).get(f"/members/{nora}/history").text
    assert "Núñez" in page
    assert "E-mail" in page
    for secret in ("nora@example.org", "quill@example.org", "304 555"):
        assert secret not in page
    assert reads_of(nora) == [(people.leader.id, {"what": ["history"]})]


def test_contact_is_told_with_consent(people: SimpleNamespace, nora: int, sign_in: SignIn) -> None:
    of_age(nora)
    consent_to_contact(nora)
    assert "quill@example.org" in sign_in(people.leader).get(f"/members/{nora}/history").text


def test_names_are_not_told_of_who_said_no(
    people: SimpleNamespace, nora: int, sign_in: SignIn
) -> None:
    make.kept(
        Consent(
            member_id=nora, purpose="member", answer="refused", how="paper",
            starts_on=date(2025, 1, 1),
        )
    )  # fmt: skip
    for path in (f"/members/{nora}/history", "/settings/record"):
        page = sign_in(people.admin).get(path).text
        assert "Nora Q." in page
        assert "Quill" not in page
        assert "Núñez" not in page


@pytest.mark.parametrize(
    ("who", "status"),
    [("admin", 200), ("staff", 200), ("leader", 200), ("outsider", 404), ("viewer", 403)],
)
def test_whose_history_may_be_read(
    people: SimpleNamespace, nora: int, sign_in: SignIn, who: str, status: int
) -> None:
    client = sign_in(getattr(people, who))
    assert client.get(f"/members/{nora}/history").status_code == status


def test_who_looked_is_told_to_administrators(
    people: SimpleNamespace, nora: int, sign_in: SignIn
) -> None:
    sign_in(people.leader).get(f"/members/{nora}/history")
    assert "Looked at" not in sign_in(people.staff).get(f"/members/{nora}/history").text
    assert "Looked at" in sign_in(people.admin).get(f"/members/{nora}/history").text


def test_people_beyond_are_a_first_name(
    people: SimpleNamespace, nora: int, sign_in: SignIn
) -> None:
    with db.unit_of_work():
        people.admin.name = "Zelda Marsh"
        audit.record("make", "test", None, by=None)
        db.session.add(people.admin)
    page = sign_in(people.leader).get(f"/members/{nora}/history").text
    assert "Zelda" in page
    assert "Marsh" not in page
    assert people.leader.name in page


def test_what_was_forgotten(people: SimpleNamespace, nora: int, sign_in: SignIn) -> None:
    with db.unit_of_work():
        audit.erase("member", [nora], by=people.admin, verb="forget_member")
    page = sign_in(people.admin).get(f"/settings/record?kind=member&record={nora}").text
    assert "What it said was forgotten." in page
    assert "Forgotten" in page
    assert "Núñez" not in page


def test_a_chapter_and_a_user(people: SimpleNamespace, sign_in: SignIn) -> None:
    with db.unit_of_work():
        operations.edit_chapter(
            chapter_id=people.school_a.id, name="North High", kind="school",
            parent_id=people.state.id, place="Fairmont", by=people.staff,
        )  # fmt: skip
        operations.grant_role(
            user_id=people.viewer.id, role="leader", chapter_id=people.school_a.id, by=people.admin
        )
    slug = people.school_a.slug
    page = sign_in(people.leader).get(f"/chapters/{slug}/history").text
    assert "Fairmont" in page
    assert "North High" in page
    assert sign_in(people.outsider).get(f"/chapters/{slug}/history").status_code == 404
    path = f"/settings/users/{people.viewer.id}/history"
    page = sign_in(people.admin).get(path).text
    assert "Given a role" in page
    assert "Leader" in page
    assert "North High" in page
    assert sign_in(people.staff).get(path).status_code == 403


@pytest.mark.parametrize(
    ("who", "status"), [("admin", 200), ("staff", 403), ("leader", 403), ("outsider", 403)]
)
def test_who_may_read_the_record(
    people: SimpleNamespace, sign_in: SignIn, who: str, status: int
) -> None:
    client = sign_in(getattr(people, who))
    for path in ("/settings/record", "/settings/record.csv"):
        assert client.get(path).status_code == status


def test_an_administrator_of_one_chapter_does_not(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(make.user("administrator", people.school_a))
    assert client.get("/settings/record").status_code == 403


def test_the_record_is_filtered(people: SimpleNamespace, nora: int, sign_in: SignIn) -> None:
    client = sign_in(people.admin)

    def rows(query: str) -> int:
        return client.get(f"/settings/record?{query}").text.count('<th scope="row">')

    assert rows("kind=member") == 2
    assert rows(f"kind=member&record={nora}&verb=edit_member") == 1
    assert rows(f"by={people.leader.id}") == 1
    assert rows("by=0") > 2
    assert rows("until=2000-01-01") == 0
    assert rows("since=2000-01-01&kind=member") == 2
    assert "Choose also of what" in client.get("/settings/record?record=1").text
    for nonsense in ("by=x", "record=1e9", "since=never", "kind=%00", "record=99999999999999"):
        assert client.get(f"/settings/record?{nonsense}").status_code == 200
    page = client.get("/settings/record?kind=member").text
    assert "nora@example.org" not in page
    assert "304 555" not in page
    assert "E-mail" in page


def test_the_record_as_a_file(
    people: SimpleNamespace, nora: int, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crm.core.audit_queries._AT_ONCE", 3)
    client = sign_in(people.admin)
    answer = client.get("/settings/record.csv?since=2000-01-01")
    lines = answer.data.decode("utf-8-sig").splitlines()
    entries = db.session.query(AuditEntry).count()
    # The last entry says that this very file left.
    assert len(lines) == entries + 1
    assert ",export,report," in lines[1]
    said = answer.text
    for secret in ("Nora", "Quill", "Núñez", "nora@", "304 555"):
        assert secret not in said
    assert "email, family_name, graduation_year, phone" in said


def test_the_record_costs_the_same_however_long(
    app: Flask, people: SimpleNamespace, nora: int, sign_in: SignIn
) -> None:
    client = sign_in(people.admin)
    seen: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *each: seen.append(each[2]))
    client.get("/settings/record?kind=member")
    few, seen[:] = len(seen), []
    with db.unit_of_work():
        for number in range(60):
            audit.record("edit_member", "member", nora, by=people.leader, changes={"note": number})
    seen.clear()
    client.get("/settings/record?kind=member")
    assert len(seen) <= few
    assert db.session.query(Membership).count() == 1
