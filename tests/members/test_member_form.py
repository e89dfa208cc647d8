"""A member's form and page: what is asked, what is kept back, who is told how to reach a minor."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from crm.core import access, audit, db
from crm.core.access import Can, Role
from crm.core.audit import AuditEntry
from crm.members import field_operations, guardians, operations, tags, teams
from crm.members.models import Consent, Guardian, Guardianship, Member, Tag
from tests import make
from tests.members.test_queries import statements

SignIn = Callable[[object], FlaskClient]
TODAY = date(2026, 5, 1)
REACH = {
    "email": "ana@example.org",
    "phone": "304-555-0100",
    "address": "1 Home Street",
    "postal_code": "25301",
}


@pytest.fixture
def there(people: SimpleNamespace) -> SimpleNamespace:
    people.a_id, people.a_slug = people.school_a.id, people.school_a.slug
    with db.unit_of_work():
        people.size = field_operations.define_field(
            label="Size", kind="choice", choices=("Small", "Large"), by=None
        ).id
        field_operations.define_field(label="Course on", kind="date", help="First aid", by=None)
        people.ana = operations.add_member(
            given_name="Ana", family_name="Núñez", chapter_id=people.a_id, by=None,
            age_band="older_teen", note="Brings paper", today=TODAY, **REACH,
            tags_by_kind={"skill": ["Driving"]}, custom={"size": "Small"},
        ).id  # fmt: skip
        people.ben = operations.add_member(
            given_name="Ben", family_name="Birch", chapter_id=people.a_id, by=None,
            age_band="adult", today=TODAY, **REACH,
        ).id  # fmt: skip
        people.team = teams.create_team(chapter_id=people.a_id, name="Posters", by=None).id
        teams.put_on_team(team_id=people.team, member_ids=[people.ana], by=None, today=TODAY)
    return people


def consented(member_id: int, purpose: str = "contact", answer: str = "given") -> None:
    guardian = make.kept(Guardian(name="Rosa", search="rosa")).id
    make.kept(
        Guardianship(member_id=member_id, guardian_id=guardian),
        Consent(
            member_id=member_id, guardian_id=guardian, purpose=purpose,
            answer="given" if answer == "withdrawn" else answer,
            withdrawn_on=date(2026, 2, 1) if answer == "withdrawn" else None,
            how="paper", starts_on=date(2026, 1, 1),
        ),
    )  # fmt: skip


@pytest.fixture
def read(app: Flask) -> list[Any]:
    """What pages noted as read."""
    noted: list[Any] = []

    @app.after_request
    def note(response: Any) -> Any:
        noted.extend((kind, what, sorted(ids)) for (kind, what), ids in g.get("reads", {}).items())
        return response

    return noted


def form(**more: str) -> dict[str, str]:
    return {"given_name": "Ana", "family_name": "Núñez", "age_band": "older_teen", **more}


def test_it_works(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    page = client.get("/members/new").text
    for words in ("under 13", "16–17", "birthday is kept", "First aid", '<option value="Driv'):
        assert words in page
    answer = client.post(
        "/members/new",
        data={
            "given_name": "Cleo", "chapter_id": str(there.a_id), "age_band": "child",
            "skill": "driving, Poster art;", "language": "Español", "postal_code": "25301",
            "address": "2 Home Street", "custom_size": "Large", "custom_course_on": "2026-03-01",
        },
    )  # fmt: skip
    assert answer.status_code == 303
    record = db.session.query(Member).filter_by(given_name="Cleo").one()
    assert (record.age_band, record.custom) == (
        "child", {"size": "Large", "course_on": "2026-03-01"},
    )  # fmt: skip
    assert record.age_band_on is not None
    assert tags.tags_of([record.id])[record.id] == {
        "skill": ["Driving", "Poster art"], "language": ["Español"],
    }  # fmt: skip
    page = client.get(answer.location).text
    for words in ("under 13", "Poster art", "Español", "Large", "Mar 1, 2026"):
        assert words in page
    for words in ("Home Street", "25301", record.pseudonym):
        assert words not in page


def test_how_to_reach_a_minor_is_a_page_of_its_own_and_recorded(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    consented(there.ana)
    client = sign_in(there.leader)
    page = client.get(f"/members/{there.ana}").text
    assert not any(value in page for value in REACH.values())
    assert f"/members/{there.ana}/contact" in page
    assert "Brings paper" in page
    # The card of what may be done is a read of consent, and of nothing more.
    assert read == [("member", "consent", [there.ana])]
    read.clear()
    page = client.get(f"/members/{there.ana}/contact").text
    assert all(value in page for value in REACH.values())
    assert "mailto:" not in page
    assert read == [("member", "contact", [there.ana])]


def test_a_minors_guardians_stand_where_it_says_how_to_reach_them(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    with db.unit_of_work():
        guardians.add_guardian(
            member_id=there.ana, name="Gale Hart", relation="aunt", phone="555-0177", by=None
        )
    client = sign_in(there.leader)
    page = client.get(f"/members/{there.ana}/contact").text
    for words in ("Gale Hart", "aunt", "555-0177", "It is recorded that you looked this up."):
        assert words in page
    assert ("member", "contact", [there.ana]) in read
    assert "Gale Hart" not in sign_in(there.leader).get(f"/members/{there.ana}").text
    assert (
        "Through a guardian" not in sign_in(there.leader).get(f"/members/{there.ben}/contact").text
    )


def test_an_adult_is_reached_from_their_page(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    page = sign_in(there.leader).get(f"/members/{there.ben}").text
    assert all(value in page for value in REACH.values())
    assert f"/members/{there.ben}/contact" not in page
    assert read == []


def test_without_consent_nothing_is_told_and_nothing_lost(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    client = sign_in(there.leader)
    for path in ("contact", "edit"):
        page = client.get(f"/members/{there.ana}/{path}").text
        assert not any(value in page for value in REACH.values())
        assert "nobody said yes to direct contact" in page
    assert "An e-mail is kept and not shown" in page
    assert read == []
    kept = "email,phone,address,postal_code"
    answer = client.post(
        f"/members/{there.ana}/edit",
        data=form(withheld=kept, email="", phone="", remove_phone="y", postal_code="25302",
                  custom_size="Small", skill="Driving"),
    )  # fmt: skip
    assert answer.status_code == 303
    record = db.session.get_one(Member, there.ana)
    assert (record.email, record.phone) == ("ana@example.org", None)
    assert (record.address, record.postal_code) == ("1 Home Street", "25302")
    # The form says again what it kept back, and keeps what was typed.
    page = client.post(
        f"/members/{there.ana}/edit", data=form(withheld=kept, given_name="", phone="1 2 3")
    )
    assert page.status_code == 422
    assert "An e-mail is kept and not shown" in page.text
    assert 'value="1 2 3"' in page.text


def test_the_form_that_shows_a_minors_contact_is_a_read_of_it(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    consented(there.ana)
    client = sign_in(there.leader)
    page = client.get(f"/members/{there.ana}/edit").text
    assert 'value="ana@example.org"' in page
    assert read == [("member", "contact", [there.ana])]
    answer = client.post(
        f"/members/{there.ana}/edit",
        data=form(email="", phone="304-555-0100", reason="They moved", age_band="adult"),
    )
    assert answer.status_code == 303
    record = db.session.get_one(Member, there.ana)
    assert (record.email, record.address, record.age_band) == (None, None, "adult")
    entry = db.session.query(AuditEntry).filter_by(verb="edit_member").one()
    assert entry.reason == "They moved"
    assert entry.changes == {
        "email": ["ana@example.org", None],
        "age_band": ["older_teen", "adult"],
        "address": ["1 Home Street", None],
        "postal_code": ["25301", None],
        "note": ["Brings paper", None],
        "skill": [["Driving"], []],
        "custom.size": ["Small", None],
    }


@pytest.mark.parametrize("said", ["refused", "withdrawn"])
def test_whoever_is_no_member_is_said_so_and_told_by_a_first_name(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any], said: str
) -> None:
    consented(there.ana, "member", said)
    client = sign_in(there.leader)
    for path in ("", "/edit", "/contact"):
        page = client.get(f"/members/{there.ana}{path}").text
        assert "Ana N." in page
        assert "Núñez" not in page
    page = client.get(f"/members/{there.ana}").text
    assert "said no to their being a member" in page
    assert ("member", "consent", [there.ana]) in read
    answer = client.post(
        f"/members/{there.ana}/edit", data=form(family_name="", withheld="family_name,email")
    )
    assert answer.status_code == 303
    assert db.session.get_one(Member, there.ana).family_name == "Núñez"
    assert "Núñez" not in client.get(f"/chapters/{there.a_slug}/teams/{there.team}").text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"age_band": "ancient"}, "Not a valid choice"),
        ({"skill": "x" * 61}, "each of at most 60 characters"),
        ({"skill": ",".join(f"s{n}" for n in range(31))}, "Use at most 30"),
        ({"custom_size": "Huge"}, "Not a valid choice"),
        ({"custom_course_on": "soon"}, "Not a valid date"),
        ({"postal_code": "1" * 13}, "Use at most 12 characters."),
        ({"address": "x" * 401}, "Use at most 400 characters."),
        ({"reason": "x" * 301}, "Use at most 300 characters."),
    ],
)
def test_bad_input_gets_a_sentence(
    there: SimpleNamespace, sign_in: SignIn, values: dict[str, str], words: str
) -> None:
    answer = sign_in(there.leader).post(
        f"/members/{there.ana}/edit", data=form(note="typed note", **values)
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert "typed note" in answer.text
    assert db.session.query(Tag).count() == 1


def test_a_colleague_who_does_not_keep_the_chapter_learns_no_age(
    there: SimpleNamespace, sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeing = access.ROLES[Role.VIEWER] | {Can.SEE_MEMBERS}
    monkeypatch.setitem(access.ROLES, Role.VIEWER, seeing)
    client = sign_in(there.viewer)
    for number in (there.ana, there.ben):
        page = client.get(f"/members/{number}").text
        assert not any(value in page for value in (*REACH.values(), "16–17", "Brings paper"))
        assert "Small" not in page
        assert client.get(f"/members/{number}/contact").status_code == 403
    page = client.get("/members?age=minor").text
    assert "Nothing is known as" in page
    assert "Ana" not in page
    page = client.get("/members").text
    assert 'name="lacks"' not in page
    assert 'name="age"' not in page


def test_another_schools_leader_finds_none_of_it(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.outsider)
    team = f"/chapters/{there.a_slug}/teams/{there.team}"
    for address in (
        f"/members/{there.ana}/contact", f"/members/{there.ana}/edit", team, f"{team}/edit",
        f"{team}/members/{there.ana}", f"/chapters/{there.a_slug}/teams",
    ):  # fmt: skip
        assert client.get(address).status_code == 404, address
    for address in (team, f"{team}/close", f"{team}/members/{there.ana}/off"):
        assert client.post(address, data={"member_ids": "1"}).status_code == 404, address
    assert "Posters" not in client.get("/members").text


def test_who_lacks_a_consent_is_read(
    there: SimpleNamespace, sign_in: SignIn, read: list[Any]
) -> None:
    page = sign_in(there.leader).get("/members?lacks=photo&skill=&age=").text
    assert "Lacks consent to: Photos" in page
    assert "Ana Núñez" in page
    assert "Ben Birch" in page
    assert read == [("member", "consent", [there.ana])]
    assert '<details class="more-filters" open>' in page


def test_the_list_takes_as_many_statements_whatever_it_lists(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.leader)
    address = f"/members?lacks=photo&age=minor&team={there.team}&field-size=Small"

    def count() -> int:
        with statements() as seen:
            assert client.get(address).status_code == 200
        return len(seen)

    before = count()
    with db.unit_of_work():
        for number in range(30):
            more = operations.add_member(
                given_name=f"N{number}", family_name=None, chapter_id=there.a_id, by=None,
                custom={"size": "Small"}, tags_by_kind={"skill": ["Driving", f"S{number}"]},
            )  # fmt: skip
            teams.put_on_team(team_id=there.team, member_ids=[more.id], by=None, today=TODAY)
    assert count() == before


# Settings and teams, by their pages


def test_an_administrator_defines_fields(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.admin)
    data = {"label": "Bus line", "kind": "text", "choices": "", "help": "From the timetable"}
    assert client.post("/settings/fields", data=data).status_code == 303
    assert "From the timetable" in client.get("/members/new").text
    refused = client.post("/settings/fields", data={**data, "kind": "choice", "label": "Colour"})
    assert refused.status_code == 422
    assert "Write at least one choice" in refused.text
    address = f"/settings/fields/{there.size}"
    assert client.post(f"{address}/down").status_code == 303
    assert client.post(f"{address}/down").status_code == 303
    assert client.post(f"{address}/down").status_code == 409
    changed = client.post(address, data={"label": "Shirt", "choices": "Medium\n\nLarge"})
    assert changed.status_code == 303
    assert "Small, Large, Medium" in client.get("/settings/fields").text
    assert client.post(f"{address}/retire").status_code == 303
    page = client.get("/settings/fields").text
    assert "Not asked any more" in page
    assert "Shirt" not in client.get(f"/members/{there.ana}").text
    assert client.post(f"{address}/restore").status_code == 303
    assert "Small" in client.get(f"/members/{there.ana}").text
    assert client.get("/settings/fields/999").status_code == 404


def test_an_administrator_tidies_tags(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.admin)
    with db.unit_of_work():
        audit.record("make", "test", None, by=None)
        (other,) = tags.ids_of("skill", ["Drives"])
        tag = tags.ids_of("skill", ["Driving"])[0]
    assert "Drives" in client.get("/settings/tags").text
    assert client.post(f"/settings/tags/{other}", data={"name": "driving"}).status_code == 422
    assert client.post(f"/settings/tags/{tag}/merge", data={"into_id": ""}).status_code == 422
    refused = client.post(f"/settings/tags/{tag}/delete")
    assert "Somebody has this tag" in client.get(refused.location).text
    assert client.post(f"/settings/tags/{tag}", data={"name": "Drives cars"}).status_code == 303
    merged = client.post(f"/settings/tags/{tag}/merge", data={"into_id": str(other)})
    assert merged.status_code == 303
    assert "Drives" in client.get(f"/members/{there.ana}").text
    assert client.get(f"/settings/tags/{tag}").status_code == 404


@pytest.mark.parametrize("who", ["staff", "leader", "viewer"])
def test_others_define_nothing(there: SimpleNamespace, sign_in: SignIn, who: str) -> None:
    client = sign_in(getattr(there, who))
    for address in ("/settings/fields", f"/settings/fields/{there.size}", "/settings/tags"):
        assert client.get(address).status_code == 403, address


def test_a_leader_keeps_a_team(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    address = f"/chapters/{there.a_slug}/teams"
    made = client.post(address, data={"name": "Visits", "about": "To offices"})
    assert made.status_code == 303
    page = client.get(made.location).text
    assert "Nobody is on it yet" in page
    assert "Ben Birch" in page
    assert "Ben Birch" not in client.get(f"{made.location}?q=ana").text
    assert client.post(made.location, data={}).status_code == 422
    put = client.post(made.location, data={"member_ids": str(there.ben), "part": "drives"})
    assert put.status_code == 303
    assert "1 member is new" in client.get(made.location).text
    assert "drives" in client.get(f"/members/{there.ben}").text
    assert "Visits" in client.get(f"/chapters/{there.a_slug}").text
    part = f"{made.location}/members/{there.ben}"
    assert client.post(part, data={"part": "takes pictures"}).status_code == 303
    assert "takes pictures" in client.get(made.location).text
    assert client.post(f"{part}/off").status_code == 303
    assert client.post(f"{made.location}/edit", data={"name": "Posters"}).status_code == 422
    assert client.post(f"{made.location}/close").status_code == 303
    assert "Closed on" in client.get(made.location).text
    assert client.post(made.location, data={"member_ids": str(there.ben)}).status_code == 422
    assert client.post(f"{made.location}/reopen").status_code == 303


def test_what_is_typed_is_text_wherever_it_is_shown(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    hostile = "<script>alert(1)</script>{{ 7*7 }}"
    client = sign_in(there.admin)
    with db.unit_of_work():
        for kind in ("text", "number", "choice", "date"):
            field_operations.define_field(
                label=f"{hostile} {kind}", kind=kind, choices=[hostile], help=hostile, by=None
            )
        operations.edit_member(
            member_id=there.ana, given_name="Ana", family_name="Núñez", by=None,
            tags_by_kind={"skill": [hostile]}, custom={"script_alert_1_script_7_7_text": hostile},
        )  # fmt: skip
        team = teams.create_team(chapter_id=there.a_id, name=hostile, about=hostile, by=None).id
        teams.put_on_team(team_id=team, member_ids=[there.ana], part=hostile, by=None, today=TODAY)
    tag = next(each.id for each in tags.all_tags() if each.name == hostile)
    for address in (
        "/members", f"/members?skill={tag}&team={team}", "/members/new", f"/members/{there.ana}",
        f"/members/{there.ana}/edit", "/settings/fields", "/settings/tags",
        f"/settings/tags/{tag}", f"/chapters/{there.a_slug}", f"/chapters/{there.a_slug}/teams",
        f"/chapters/{there.a_slug}/teams/{team}",
        f"/chapters/{there.a_slug}/teams/{team}/members/{there.ana}",
    ):  # fmt: skip
        page = client.get(address)
        assert page.status_code == 200, address
        assert "&lt;script&gt;alert" in page.text, address
        assert "<script>alert" not in page.text, address
        assert "{{ 7*7 }}" in page.text, address
