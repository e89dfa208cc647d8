"""Pages of members and chapters, as the owner, a colleague and one who must see nothing."""

import re
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_login import login_user

from crm.core import audit, db, shell
from crm.members import operations
from crm.members.models import Chapter, Member, Membership
from tests import make
from tests.members.test_queries import statements

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def there(people: SimpleNamespace) -> SimpleNamespace:
    people.ana = make.member("Ana", "Núñez", people.school_a).id
    people.ben = make.member("Ben", "Hidden", people.school_b).id
    people.a_id, people.b_id = people.school_a.id, people.school_b.id
    people.a_slug, people.b_slug = people.school_a.slug, people.school_b.slug
    return people


def typed(chapter_id: int, **more: str) -> dict[str, str]:
    return {"given_name": "Cleo", "chapter_id": str(chapter_id), **more}


def test_it_works(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    answer = client.post(
        "/members/new",
        data=typed(
            there.a_id, family_name="Fox", joined_on="2025-09-01", graduation_year="2090",
            email="parent@example.org", phone="304-555-0100", note="Brings\npaper",
        ),
    )  # fmt: skip
    assert answer.status_code == 303
    page = client.get(answer.location)
    for words in ("Cleo Fox", "Alder High School", "Sep 1, 2025", "How to reach them", "2090"):
        assert words in page.text
    assert "parent@example.org" not in page.text
    assert "Cleo Fox" in client.get("/members?q=fox").text


def test_one_chapters_members_are_hidden_from_anothers_leader(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    outsider = sign_in(there.outsider)
    for address in (
        f"/members/{there.ana}",
        f"/members/{there.ana}/edit",
        f"/members/{there.ana}/contact",
        f"/members/{there.ana}/join",
        f"/members/{there.ana}/memberships/1",
        f"/members/{there.ana}/memberships/1/leave",
        f"/chapters/{there.a_slug}",
        f"/members?chapter={there.a_slug}",
        "/members/999",
        "/chapters/nowhere",
    ):
        assert outsider.get(address).status_code == 404, address
    for address in (
        f"/members/{there.ana}/edit",
        f"/members/{there.ana}/join",
        f"/members/{there.ana}/memberships/1/leave",
    ):
        assert outsider.post(address, data=typed(there.b_id)).status_code == 404, address
    assert "Núñez" not in outsider.get("/members?standing=all&q=a").text
    assert "Alder" not in outsider.get("/chapters").text
    assert "Ben Hidden" in outsider.get("/members").text
    leader = sign_in(there.leader).get("/members?standing=all").text
    assert "Ana Núñez" in leader
    assert "Hidden" not in leader


@pytest.mark.parametrize("who", ["member", "viewer"])
def test_who_may_not_see_members_is_told_so(
    there: SimpleNamespace, sign_in: SignIn, who: str
) -> None:
    client = sign_in(getattr(there, who))
    for address in ("/members", f"/members/{there.ana}", "/chapters", f"/chapters/{there.a_slug}"):
        assert client.get(address).status_code == 403, address


def test_contacts_are_for_those_who_change_members(there: SimpleNamespace, sign_in: SignIn) -> None:
    with db.unit_of_work():
        member = db.session.get_one(Member, there.ana)
        member.email, member.note, member.age_band = "parent@example.org", "allergic", "adult"
        db.session.add(Membership(member_id=there.ana, chapter_id=there.b_id))
        audit.record("make", "test", None, by=None)
    assert "parent@example.org" in sign_in(there.leader).get(f"/members/{there.ana}").text
    # One of both chapters is theirs, so they keep the member too.
    assert "parent@example.org" in sign_in(there.outsider).get(f"/members/{there.ana}").text


def test_another_chapter_is_named_without_a_link(there: SimpleNamespace, sign_in: SignIn) -> None:
    make.kept(Membership(member_id=there.ana, chapter_id=there.b_id))
    page = sign_in(there.leader).get(f"/members/{there.ana}").text
    assert "Birch High School" in page
    assert f"/chapters/{there.b_slug}" not in page


def test_a_likely_double_asks_once_more(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    form = typed(there.a_id, given_name="ana", family_name="NUNEZ")
    answer = client.post("/members/new", data=form)
    assert answer.status_code == 422
    assert "already has a member with this name" in answer.text
    assert f'href="/members/{there.ana}"' in answer.text
    assert 'value="NUNEZ"' in answer.text
    assert client.post("/members/new", data={**form, "anyway": "y"}).status_code == 303


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"given_name": ""}, "Fill this in."),
        ({"given_name": "x" * 5000}, "Use at most 100 characters."),
        ({"given_name": "🙂"}, "at least one letter"),
        ({"family_name": "y" * 5000}, "Use at most 100 characters."),
        ({"graduation_year": "-2027"}, "Give a year such as 2027."),
        ({"graduation_year": "soon"}, "Give a year such as 2027."),
        ({"graduation_year": "1066"}, "Give a year such as 2027."),
        ({"graduation_year": "9" * 5000}, "Give a year such as 2027."),
        ({"joined_on": "yesterday"}, "Not a valid date"),
        ({"joined_on": "2999-01-01"}, "in the future"),
        ({"email": "no address"}, "This is not an e-mail address."),
        ({"phone": "1" * 41}, "Use at most 40 characters."),
        ({"chapter_id": "999999"}, "Not a valid choice"),
        ({"chapter_id": "x"}, "Not a valid choice"),
        ({"chapter_id": ""}, "Choose one."),
    ],
)
def test_bad_input_gets_a_sentence_and_is_kept(
    there: SimpleNamespace, sign_in: SignIn, values: dict[str, str], words: str
) -> None:
    before = db.session.query(Member).count()
    answer = sign_in(there.leader).post(
        "/members/new", data={**typed(there.a_id, note="typed note"), **values}
    )
    assert answer.status_code == 422
    assert words in answer.text
    assert "typed note" in answer.text
    assert db.session.query(Member).count() == before


def test_another_leaders_chapter_cannot_be_chosen(there: SimpleNamespace, sign_in: SignIn) -> None:
    answer = sign_in(there.leader).post("/members/new", data=typed(there.b_id))
    assert answer.status_code == 422
    assert "Not a valid choice" in answer.text


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>x", "يوسف حداد", "{{ 7*7 }}a", "' OR 1=1"]
)
def test_hostile_names_are_text(there: SimpleNamespace, sign_in: SignIn, name: str) -> None:
    client = sign_in(there.leader)
    answer = client.post("/members/new", data=typed(there.a_id, given_name=name, note=name))
    for page in (client.get(answer.location), client.get("/members")):
        assert page.status_code == 200
        assert "<script>alert" not in page.text
        assert ">49a<" not in page.text


def test_a_member_is_edited(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    address = f"/members/{there.ana}/edit"
    assert 'value="Núñez"' in client.get(address).text
    answer = client.post(address, data={"given_name": "", "family_name": "Changed"})
    assert answer.status_code == 422
    assert 'value="Changed"' in answer.text
    assert client.post(address, data={"given_name": "Anna", "family_name": ""}).status_code == 303
    assert "<bdi>Anna</bdi>" in client.get(f"/members/{there.ana}").text


def test_leaving_correcting_and_rejoining(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.leader)
    (membership,) = db.session.query(Membership.id).filter_by(member_id=there.ana).one()
    place = f"/members/{there.ana}/memberships/{membership}"
    assert client.get(f"{place}/leave").status_code == 200
    answer = client.post(f"{place}/leave", data={"left_on": "2020-01-01"})
    assert answer.status_code == 422
    assert "before the day of joining" in answer.text
    assert client.post(f"{place}/leave", data={"left_on": "2026-01-05"}).status_code == 303
    page = client.get(f"/members/{there.ana}").text
    assert "Alumni" in page
    assert "Rejoin" in page
    assert "Ana Núñez" not in client.get("/members").text
    assert "Ana Núñez" in client.get("/members?standing=alumni").text
    again = client.get(f"/members/{there.ana}/join?chapter={there.a_id}")
    assert f'<option selected value="{there.a_id}">' in again.text
    data = {"chapter_id": str(there.a_id), "joined_on": "2026-02-01"}
    assert client.post(f"/members/{there.ana}/join", data=data).status_code == 303
    assert client.get(place).status_code == 200
    data = {"joined_on": "2025-08-01", "left_on": "2025-12-20"}
    assert client.post(place, data=data).status_code == 303
    assert "Aug 1, 2025 to Dec 20, 2025" in client.get(f"/members/{there.ana}").text
    other = f"/members/{there.ana}/memberships/9999"
    assert client.get(other).status_code == 404


@pytest.mark.parametrize(
    "query",
    ["q=%25&page=9", "page=-1", "year=banana", "standing=undead", "sort=%27;--", "q=" + "x" * 4000,
     "q=%00", "q=%E2%80%AE", "year=99999999999999", "page=99999999999"],
)  # fmt: skip
def test_odd_addresses_give_a_page(there: SimpleNamespace, sign_in: SignIn, query: str) -> None:
    assert sign_in(there.leader).get(f"/members?{query}").status_code == 200


def test_an_empty_list_says_what_to_do(there: SimpleNamespace, sign_in: SignIn) -> None:
    empty = make.chapter("Cedar High School", there.state)
    leader = make.user("leader", empty)  # type: ignore[arg-type]
    client = sign_in(leader)
    assert "No members yet" in client.get("/members").text
    assert "Nobody matches" in client.get("/members?q=zzz").text
    assert "No current members of its own" in client.get("/chapters/cedar-high-school").text


def test_lists_take_as_many_statements_whatever_they_list(
    there: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(there.admin)
    addresses = (
        "/members",
        f"/members?chapter={there.a_slug}&standing=all",
        "/chapters",
        f"/chapters/{there.a_slug}",
        f"/members/{there.ana}",
        "/settings/users",
        f"/settings/users/{there.admin.id}",
    )

    def counts() -> list[int]:
        found = []
        for address in addresses:
            with statements() as seen:
                assert client.get(address).status_code == 200
            found.append(len([each for each in seen if not each.startswith("BEGIN")]))
        return found

    few = counts()
    with db.unit_of_work():
        for number in range(80):
            operations.add_member(
                given_name=f"N{number}", family_name=None, chapter_id=there.a_id, by=None
            )
            if number % 10 == 0:
                chapter = operations.add_chapter(
                    name=f"G{number}", kind="group", parent_id=there.a_id, by=None
                )
                operations.invite(
                    email=f"n{number}@example.org", name="N", role="leader",
                    chapter_id=chapter.id, by=None, and_tell=False,
                )  # fmt: skip
    assert counts() == few
    # Of one member six parts of the room tell; whatever there is, it is as many.
    assert max(few) <= 22
    assert sorted(few)[-2] <= 16
    assert "1–50 of 82" in client.get("/members").text


def test_the_search_finds_members_of_the_scope(app: Flask, there: SimpleNamespace) -> None:
    def found(user: object, query: str) -> list[str]:
        with app.app_context(), app.test_request_context():
            login_user(user)
            return [hit.label for _heading, hits in shell.search(query, 5) for hit in hits]

    assert found(there.leader, "nun") == ["Ana Núñez"]
    assert found(there.admin, "hid") == ["Ben Hidden"]
    for user, query in ((there.outsider, "nun"), (there.viewer, "nun"), (there.leader, " % ")):
        assert found(user, query) == []


# Chapters


def test_the_tree_shows_the_readers_chapters(there: SimpleNamespace, sign_in: SignIn) -> None:
    page = sign_in(there.staff).get("/chapters").text
    names = re.findall(r'href="/chapters/[^"]+">([^<]+)<', page)
    assert names == ["Mountain State Campaign", "Alder High School", "Birch High School"]
    assert "Lee Leader" in page


def test_a_chapter_is_added_moved_and_closed(there: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(there.staff)
    state = there.state.id
    form = {"name": "Alder High School", "kind": "school", "parent_id": str(state)}
    answer = client.post("/chapters/new", data=form)
    assert answer.location == "/chapters/alder-high-school-2"
    place = f"{answer.location}/edit"
    moved = {**form, "name": "Film Group", "kind": "group", "parent_id": str(there.a_id)}
    moved["address"] = "Alder High School\n12 Long Road"
    assert client.post(place, data=moved).status_code == 303
    assert "Film Group" in client.get(f"/chapters/{there.a_slug}").text
    assert "12 Long Road" in client.get(answer.location).text
    closed = client.post(place, data={**moved, "closed_on": "2026-01-01"})
    assert closed.status_code == 303
    assert "Closed on" in client.get(answer.location).text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": ""}, "Fill this in."),
        ({"name": "x" * 5000}, "Use at most 100 characters."),
        ({"kind": "club"}, "Not a valid choice"),
        ({"kind": "national"}, "cannot be under"),
        ({"parent_id": "9999"}, "Not a valid choice"),
        ({"parent_id": ""}, "Choose one."),
        ({"founded_on": "-0001-01-01"}, "Not a valid date"),
    ],
)
def test_a_bad_chapter_gets_a_sentence(
    there: SimpleNamespace, sign_in: SignIn, values: dict[str, str], words: str
) -> None:
    form = {"name": "Cedar", "kind": "school", "parent_id": str(there.state.id), **values}
    answer = sign_in(there.staff).post("/chapters/new", data=form)
    assert answer.status_code == 422
    assert words in answer.text
    assert db.session.query(Chapter).count() == 3


def test_chapters_are_changed_by_staff_of_them(there: SimpleNamespace, sign_in: SignIn) -> None:
    for who in (there.coordinator, there.leader, there.viewer):
        client = sign_in(who)
        assert client.get("/chapters/new").status_code == 403
        assert client.get(f"/chapters/{there.a_slug}/edit").status_code == 403
    state = make.chapter("Other State", kind="state")
    other = sign_in(make.user("staff", state))  # type: ignore[arg-type]
    assert other.get(f"/chapters/{there.a_slug}/edit").status_code == 404


def test_staff_keep_their_own_top_where_it_hangs(there: SimpleNamespace, sign_in: SignIn) -> None:
    place = f"/chapters/{there.state.slug}/edit"
    client = sign_in(there.staff)
    assert "the top of the tree" in client.get(place).text
    form = {"name": "Renamed Campaign", "kind": "state", "parent_id": ""}
    assert client.post(place, data=form).status_code == 303
    assert "Renamed Campaign" in client.get("/chapters").text
