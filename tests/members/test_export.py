"""The list as a file: pseudonyms without a reason, names with one, and whom it was recorded for."""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import openpyxl
import pytest
from click.testing import Result
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members import departures, exporting, field_operations, filters, operations, teams
from crm.members.disclosure import Exit, Viewer
from crm.members.models import (
    ChapterRole,
    Consent,
    Departure,
    DepartureMember,
    Guardian,
    Guardianship,
    Member,
    Membership,
)
from tests import make
from tests.members.test_queries import statements

SignIn = Callable[[object], FlaskClient]
TODAY = date(2026, 5, 1)
#: What no file without a reason may hold.
PRIVATE = ("Núñez", "Ana", "ana@example.org", "304-555", "Home Street", "25301", "16–17", "12 East")


@pytest.fixture
def there(any_app: Flask) -> SimpleNamespace:
    """In school A: Ana, 16, of whom all is known; Ben, grown; Cleo, whose guardian said no."""
    people = make.people()
    people.a_id = people.school_a.id
    with db.unit_of_work():
        for label, kind, choices in (
            ("Size", "choice", ("Small", "Large")), ("Years", "number", ()),
            ("Course on", "date", ()), ("Bus line", "text", ()), ("Phone", "choice", ("Old",)),
        ):  # fmt: skip
            field_operations.define_field(label=label, kind=kind, choices=choices, by=None)

    def add(given: str, family: str, **more: Any) -> int:
        with db.unit_of_work():
            return operations.add_member(
                given_name=given, family_name=family, chapter_id=people.a_id, by=None,
                joined_on=date(2025, 9, 1), today=TODAY, **more,
            ).id  # fmt: skip

    reach = {"phone": "304-555-0100", "address": "1 Home Street", "postal_code": "25301"}
    people.ana = add(
        "Ana", "Núñez", email="ana@example.org", age_band="older_teen", graduation_year=2090,
        tags_by_kind={"skill": ["=2+5", "Driving"]},
        custom={"size": "Small", "years": "3.5", "course_on": "2026-03-01", "bus_line": "12 East",
                "phone": "Old"},
        **reach,
    )  # fmt: skip
    people.ben = add("Ben", "Birch", email="ben@example.org", age_band="adult", **reach)
    people.cleo = add("Cleo", "Cedar", custom={"bus_line": "9 West"}, **reach)
    guardian = make.kept(Guardian(name="Rosa", search="rosa")).id
    people.guardian = guardian
    make.kept(
        Guardianship(member_id=people.cleo, guardian_id=guardian),
        Guardianship(member_id=people.ana, guardian_id=guardian),
        said(people.cleo, "member", "refused", guardian),
    )
    with db.unit_of_work():
        team = teams.create_team(chapter_id=people.a_id, name="Posters", by=None)
        teams.put_on_team(team_id=team.id, member_ids=[people.ana], by=None, today=TODAY)
    people.pseudonyms = dict(db.session.execute(select(Member.id, Member.pseudonym)).all())
    return people


def said(member_id: int, purpose: str, answer: str, guardian_id: int | None) -> Consent:
    return Consent(
        member_id=member_id, guardian_id=guardian_id, purpose=purpose, answer=answer,
        how="paper", starts_on=date(2026, 1, 1),
    )  # fmt: skip


def listing(viewer: Viewer, **given: str) -> exporting.Listing:
    asked = filters.parse(MultiDict(given), filters.COMMAND)
    return exporting.listing(asked, viewer, made_at=datetime.now(UTC), made_by="A test")


def rows(listed: exporting.Listing) -> list[dict[str, Any]]:
    table = exporting.table(listed)
    keys = [column.key for column in table.columns]
    return [dict(zip(keys, row, strict=True)) for row in table.rows]


PLAIN = Viewer(sees=filters.COMMAND.sees)
NAMING = Viewer(sees=filters.COMMAND.sees, exports_people=True)


def named(by: Any = None, viewer: Viewer = NAMING) -> exporting.Listing:
    with db.unit_of_work():
        return exporting.record_export(listing(viewer), format="csv", reason="Badges", by=by)


def test_it_works(there: SimpleNamespace) -> None:
    found = rows(listing(PLAIN))
    assert [each["pseudonym"] for each in found] == [
        there.pseudonyms[each] for each in (there.ben, there.cleo, there.ana)
    ]
    ana = found[-1]
    assert ana == {
        "pseudonym": there.pseudonyms[there.ana],
        "chapters": "Alder High School",
        "graduation_year": 2090,
        "standing": "Current",
        "since": date(2025, 9, 1),
        "skills": "=2+5, Driving",
        "interests": "",
        "languages": "",
        "teams": "Posters",
        "field_size": "Small",
        "field_years": 3.5,
        "field_course_on": date(2026, 3, 1),
        "field_phone": "Old",
    }
    text = str(found)
    for words in PRIVATE:
        assert words not in text


def test_with_names_each_tells_what_was_said_yes_to(there: SimpleNamespace) -> None:
    listed = named(there.admin)
    found = {each["name"]: each for each in rows(listed)}
    assert set(found) == {"Ana Núñez", "Ben Birch", there.pseudonyms[there.cleo]}
    ana, ben = found["Ana Núñez"], found["Ben Birch"]
    assert (ana["age"], ana["email"], ana["phone"], ana["address"]) == ("16–17", None, None, None)
    assert ana["field_bus_line"] == "12 East"
    assert ben["address"] == "1 Home Street"
    # Who said no to being a member is a number, and nothing of theirs is told.
    cleo = found[there.pseudonyms[there.cleo]]
    assert [cleo[name] for name in ("age", "email", "phone", "field_bus_line")] == [None] * 4
    make.kept(said(there.ana, "contact", "given", there.guardian))
    ana = next(each for each in rows(listed) if each["name"] == "Ana Núñez")
    assert (ana["email"], ana["phone"]) == ("ana@example.org", "304-555-0100")
    # A minor's home leaves with no file.
    assert (ana["address"], ana["postal_code"]) == (None, None)
    assert "Phone (phone)" in [str(each.label) for each in exporting.table(listed).columns]


def test_it_is_recorded_with_whom_it_names(there: SimpleNamespace) -> None:
    named(there.admin)
    left = db.session.query(Departure).one()
    assert (left.exit, left.what, left.reason) == ("export", "List of members, CSV", "Badges")
    ids = {row.member_id for row in db.session.query(DepartureMember)}
    assert ids == {there.ana, there.ben}
    assert departures.of_member(there.cleo) == []
    entry = db.session.query(AuditEntry).filter_by(verb="export_people").one()
    assert (entry.reason, entry.changes["members"], entry.changes["named"]) == ("Badges", 3, 2)
    with pytest.raises(Refused, match="Say what you need"), db.unit_of_work():
        exporting.record_export(listing(NAMING), format="csv", reason=" ", by=there.admin)


def test_nobody_is_named_whom_it_was_not_recorded_for(there: SimpleNamespace) -> None:
    listed = named()
    # Between the record and the file somebody withdrew a no: the record is what holds.
    with db.unit_of_work():
        db.session.query(Consent).delete()
        audit.record("make", "test", None, by=None)
    assert there.pseudonyms[there.cleo] in [each["name"] for each in rows(listed)]


def test_it_takes_as_many_statements_a_batch_whatever_is_in_it(there: SimpleNamespace) -> None:
    def count(listed: exporting.Listing) -> int:
        with statements() as seen:
            assert len(rows(listed)) == len(listed.member_ids)
        return len(seen)

    with db.unit_of_work():
        records = [Member(given_name="N", search=f"n{number}") for number in range(1000)]
        db.session.add_all(records)
        db.session.flush()
        db.session.add_all(Membership(member_id=each.id, chapter_id=there.a_id) for each in records)
        audit.record("make", "test", None, by=None)
        ids = [each.id for each in records]
    for viewer in (PLAIN, NAMING):
        whole = listing(viewer)
        ten = replace(whole, member_ids=ids[:10])
        five_hundred = replace(whole, member_ids=ids[:500])
        thousand = replace(whole, member_ids=ids)
        fields = 1
        assert count(ten) == count(five_hundred)
        assert count(thousand) - fields == 2 * (count(ten) - fields)


# Over the web


@pytest.fixture
def pages(there: SimpleNamespace, any_app: Flask) -> SignIn:
    any_app.config["WTF_CSRF_ENABLED"] = False

    def sign_in(user: Any) -> FlaskClient:
        client = any_app.test_client()
        key = user.get_id()
        with client.session_transaction() as session:
            session["_user_id"], session["_fresh"] = key, True
        return client

    return sign_in


def test_a_download_gives_pseudonyms_in_each_form(there: SimpleNamespace, pages: SignIn) -> None:
    client = pages(there.coordinator)
    pseudonyms = there.pseudonyms
    text = client.get("/members.csv").data.decode("utf-8-sig")
    assert [row["Member"] for row in csv.DictReader(io.StringIO(text, newline=""))] == [
        pseudonyms[each] for each in (there.ben, there.cleo, there.ana)
    ]
    # A spreadsheet must not take it for a formula.
    assert '"\'=2+5, Driving"' in text
    data = json.loads(client.get("/members.json?skill=1&sort=-name").data)
    assert data["reconciliation"] == "1 member."
    workbook = openpyxl.load_workbook(io.BytesIO(client.get("/members.xlsx").data))
    assert workbook["Rows"]["A2"].value == pseudonyms[there.ben]
    for words in PRIVATE:
        assert words not in text + str(data)
    assert client.get("/members.csv?age=old").status_code == 422
    assert client.get("/members.csv?chapter=nowhere").status_code == 404


def test_who_may_download_what(there: SimpleNamespace, pages: SignIn) -> None:
    reason = {"reason": "Badges", "format": "csv"}
    for who, plain, with_names in (
        ("admin", 200, 200), ("staff", 200, 200), ("coordinator", 200, 403),
        ("leader", 403, 403), ("member", 403, 403), ("viewer", 403, 403), ("outsider", 403, 403),
    ):  # fmt: skip
        client = pages(getattr(there, who))
        assert client.get("/members.csv").status_code == plain, who
        assert client.post("/members/download", data=reason).status_code == with_names, who


def test_names_ask_a_reason_and_keep_the_filter(there: SimpleNamespace, pages: SignIn) -> None:
    client = pages(there.staff)
    refused = client.post("/members/download?q=ana", data={"reason": " ", "format": "csv"})
    assert refused.status_code == 422
    assert "/members/download?q=ana" in refused.text
    assert db.session.query(Departure).count() == 0
    answer = client.post("/members/download?q=ana", data={"reason": "Badges", "format": "csv"})
    text = answer.data.decode("utf-8-sig")
    assert "Ana Núñez" in text
    assert "Ben" not in text
    (left,) = departures.of_member(there.ana)
    assert left.exit is Exit.EXPORT
    assert departures.of_member(there.ben) == []


def test_staff_of_one_chapter_who_lead_another_export_the_one(
    there: SimpleNamespace, pages: SignIn
) -> None:
    dora = make.member("Dora", "Dogwood", there.school_b).id
    operations_of = make.user(name="Two Roles")
    make.kept(
        ChapterRole(user_id=operations_of.id, chapter_id=there.a_id, role="staff"),
        ChapterRole(user_id=operations_of.id, chapter_id=there.school_b.id, role="leader"),
    )
    pseudonym = db.session.get_one(Member, dora).pseudonym
    client = pages(operations_of)
    assert "Dora Dogwood" in client.get("/members").text
    assert pseudonym not in client.get("/members.csv").text
    answer = client.post("/members/download", data={"reason": "Badges", "format": "csv"})
    assert "Ben Birch" in answer.text
    assert "Dora" not in answer.text
    assert pseudonym not in answer.text
    assert departures.of_member(dora) == []


# On the command line


@pytest.fixture
def run(there: SimpleNamespace, any_app: Flask) -> Callable[..., Result]:
    return lambda *given: any_app.test_cli_runner().invoke(args=["export", "members", *given])


def test_the_command_names_nobody(there: SimpleNamespace, run: Callable[..., Result]) -> None:
    result = run()
    assert result.exit_code == 0
    assert there.pseudonyms[there.ana] in result.stdout
    for words in PRIVATE:
        assert words not in result.stdout
    entry = db.session.query(AuditEntry).filter_by(verb="export_members").one()
    assert entry.changes["members"] == 3
    assert there.pseudonyms[there.ana] not in run("--chapter", "birch-high-school").stdout


def test_the_command_names_people_for_a_reason(
    there: SimpleNamespace, run: Callable[..., Result], tmp_path: Path
) -> None:
    path = tmp_path / "members.xlsx"
    result = run("--identifiable", "--reason", "Badges", "--format", "xlsx", "-o", str(path))
    assert (result.exit_code, result.output) == (0, "")
    assert openpyxl.load_workbook(path)["Rows"]["A2"].value == "Ben Birch"
    assert len(departures.of_member(there.ana)) == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--identifiable",), "Say with --reason"),
        (("--identifiable", "--reason", "  "), "Say with --reason"),
        (("--reason", "Badges"), "belongs to --identifiable"),
        (("--chapter", "nowhere"), "There is no chapter “nowhere”"),
        (("-o", "/nowhere/at/all.csv"), "No such file or directory"),
    ],
)
def test_what_is_wrong_is_one_line_and_exit_1(
    run: Callable[..., Result], given: tuple[str, ...], words: str
) -> None:
    result = run(*given)
    assert result.exit_code == 1
    assert words in result.output
    assert len(result.output.strip().splitlines()) == 1
    assert db.session.query(Departure).count() == 0


def test_only_one_permission_names(there: SimpleNamespace) -> None:
    assert [role for role, can in access.ROLES.items() if Can.EXPORT_PEOPLE in can] == [
        access.Role.ADMINISTRATOR,
        access.Role.STAFF,
    ]
