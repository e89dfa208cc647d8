"""The pages of likely duplicates: who sees which pair, what is shown of it, merge and undo."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask, Response, g
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import audit, db
from crm.members import duplicates
from crm.members.models import Consent, Guardian, Guardianship, Member, MemberMerge, Membership
from tests import make

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def twins(people: SimpleNamespace) -> tuple[int, int]:
    """Ana twice in school A, with different e-mails; ids."""
    ana = make.member("Ana", "Núñez", people.school_a).id
    twin = make.member("Anna", "Nunez", people.school_a).id
    with db.unit_of_work():
        for number, email in ((ana, "ana@example.org"), (twin, "anna@example.org")):
            db.session.get_one(Member, number).email = email
        audit.record("make", "test", None, by=None)
    return ana, twin


def merge(client: FlaskClient, one: int, other: int, **more: str) -> str:
    answer = client.post(
        f"/members/{one}/merge", data={"with": str(other), "kept": str(one), **more}
    )
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def merge_id() -> int:
    return db.session.scalars(select(MemberMerge.id)).one()


def test_it_works(people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]) -> None:
    ana, twin = twins
    client = sign_in(people.coordinator)
    page = client.get("/members/duplicates").text
    assert "Ana Núñez" in page
    assert "The first names are spelt almost the same" in page
    assert f'href="/members/{ana}/merge?with={twin}"' in page
    assert "/members/duplicates" in client.get("/members").text
    side_by_side = client.get(f"/members/{ana}/merge?with={twin}").text
    for words in ("First name", "Anna", "Nunez", "Times in a chapter"):
        assert words in side_by_side
    where = merge(client, ana, twin, **{"fact-given_name": str(twin)})
    kept = client.get(where).text
    assert "Anna Núñez" in kept
    assert "Merged into this member" in kept
    assert "No likely duplicates" in client.get("/members/duplicates").text
    answer = client.post(f"/members/merges/{merge_id()}/undo")
    assert (answer.status_code, answer.location) == (303, f"/members/{twin}")
    assert "Ana Núñez" in client.get(f"/members/{ana}").text
    assert client.get(f"/members/{twin}").status_code == 200


def test_the_address_of_the_merged_leads_to_the_kept(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    ana, twin = twins
    client = sign_in(people.coordinator)
    merge(client, ana, twin)
    for address in (f"/members/{twin}", f"/members/{twin}/edit", f"/members/{twin}/merge"):
        answer = client.get(address)
        assert (answer.status_code, answer.location) == (303, f"/members/{ana}"), address
    assert client.post(f"/members/{twin}/edit", data={"given_name": "x"}).status_code == 404
    outsider = sign_in(people.outsider)
    assert outsider.get(f"/members/{twin}").status_code == 404
    assert "Anna" not in client.get("/members?q=anna&standing=all").text
    assert client.get("/members/9999").status_code == 404


def test_not_the_same_is_not_proposed_again(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    client = sign_in(people.coordinator)
    answer = client.post(f"/members/{twins[0]}/not-the-same", data={"with": str(twins[1])})
    assert (answer.status_code, answer.location) == (303, "/members/duplicates")
    assert "No likely duplicates" in client.get("/members/duplicates").text


@pytest.mark.parametrize("who", ["leader", "outsider", "viewer", "member"])
def test_who_does_not_merge_is_told_so(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int], who: str
) -> None:
    client = sign_in(getattr(people, who))
    for address in ("/members/duplicates", f"/members/{twins[0]}/merge?with={twins[1]}"):
        assert client.get(address).status_code == 403
    for address in (f"/members/{twins[0]}/merge", f"/members/{twins[0]}/not-the-same"):
        assert client.post(address, data={"with": str(twins[1])}).status_code == 403
    if who == "leader":
        page = client.get(f"/members/{twins[0]}").text
        assert "Merge with" not in page
        assert "/members/duplicates" not in client.get("/members").text


def test_members_of_other_schools_are_not_there(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    hidden = make.member("Ana", "Nuñez", people.school_b).id
    with db.unit_of_work():
        db.session.get_one(Member, hidden).email = "ana@example.org"
        audit.record("make", "test", None, by=None)
    client = sign_in(people.coordinator)
    assert f"/members/{hidden}" not in client.get("/members/duplicates").text
    for first, second in ((twins[0], hidden), (hidden, twins[0])):
        assert client.get(f"/members/{first}/merge?with={second}").status_code == 404
        answer = client.post(
            f"/members/{first}/merge", data={"with": str(second), "kept": str(first)}
        )
        assert answer.status_code == 404
    found = client.get(f"/members/{twins[0]}/merge?q=ana").text
    assert f"with={hidden}" not in found
    assert client.get("/members/duplicates?chapter=birch-high-school").status_code == 404
    assert f"/members/{hidden}" in sign_in(people.staff).get("/members/duplicates").text


def test_contact_of_minors_is_shown_by_consent_and_noted(
    app: Flask, people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    noted: list[dict[tuple[str, str], set[int]]] = []

    @app.after_request
    def note(answer: Response) -> Response:
        noted.append(dict(g.get("reads", {})))
        return answer

    client = sign_in(people.coordinator)
    address = f"/members/{twins[0]}/merge?with={twins[1]}"
    page = client.get(address).text
    assert "@example.org" not in page
    assert "there is no consent to be contacted" in page
    with db.unit_of_work():
        for number in twins:
            db.session.get_one(Member, number).age_band = "adult"
        audit.record("make", "test", None, by=None)
    assert "anna@example.org" in client.get(address).text
    with db.unit_of_work():
        db.session.get_one(Member, twins[0]).age_band = "older_teen"
        mother = Guardian(name="Eva", search="eva")
        db.session.add(mother)
        db.session.flush()
        db.session.add_all([
            Guardianship(member_id=twins[0], guardian_id=mother.id),
            Consent(
                member_id=twins[0], purpose="contact", answer="given", how="paper",
                starts_on=date(2020, 1, 1), guardian_id=mother.id,
            ),
        ])  # fmt: skip
        audit.record("make", "test", None, by=None)
    client.get(address)
    assert noted == [{}, {}, {("member", "contact"): {twins[0]}}]


def test_whose_guardians_said_no_is_told_apart_by_an_initial(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    make.kept(
        Consent(
            member_id=twins[0], purpose="member", answer="refused", how="paper",
            starts_on=date(2020, 1, 1),
        )
    )  # fmt: skip
    with db.unit_of_work():
        twin = db.session.get_one(Member, twins[1])
        twin.given_name, twin.family_name = "Ana", "Nunes"
        audit.record("make", "test", None, by=None)
    client = sign_in(people.coordinator)
    for address in ("/members/duplicates", f"/members/{twins[0]}/merge?with={twins[1]}"):
        page = client.get(address).text
        assert "Ana N." in page
        assert "Núñez" not in page


def test_a_refusal_keeps_what_was_chosen(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    with db.unit_of_work():
        for number, user in zip(twins, (people.member, people.viewer), strict=True):
            db.session.get_one(Member, number).user_id = user.id
        audit.record("make", "test", None, by=None)
    client = sign_in(people.coordinator)
    answer = client.post(
        f"/members/{twins[0]}/merge",
        data={"with": str(twins[1]), "kept": str(twins[1]), "fact-given_name": str(twins[0])},
    )
    assert answer.status_code == 422
    assert "two accounts cannot become one" in answer.text
    for name, chosen in (("kept", twins[1]), ("fact-given_name", twins[0])):
        assert f'id="{name}-{chosen}" value="{chosen}" checked' in answer.text


def test_an_undo_that_cannot_be_says_why(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    with db.unit_of_work():
        row = db.session.scalars(select(Membership).where(Membership.member_id == twins[1])).one()
        row.joined_on = date(2024, 9, 1)
        audit.record("make", "test", None, by=None)
    client = sign_in(people.coordinator)
    merge(client, *twins)
    with db.unit_of_work():
        row = db.session.scalars(select(Membership).where(Membership.member_id == twins[0])).one()
        row.joined_on = date(2024, 10, 1)
        audit.record("make", "test", None, by=None)
    answer = client.post(f"/members/merges/{merge_id()}/undo")
    assert answer.status_code == 409
    assert "changed since" in answer.text
    assert sign_in(people.outsider).post(f"/members/merges/{merge_id()}/undo").status_code == 403
    assert client.post("/members/merges/99/undo").status_code == 404


def test_too_many_members_ask_for_a_chapter(
    people: SimpleNamespace,
    sign_in: SignIn,
    twins: tuple[int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(duplicates, "MOST", 1)
    page = sign_in(people.staff).get("/members/duplicates").text
    assert "Choose a chapter first" in page


def test_the_other_is_searched_for_by_name(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    client = sign_in(people.coordinator)
    assert f"with={twins[1]}" in client.get(f"/members/{twins[0]}/merge?q=nun+an").text
    assert "Nobody else" in client.get(f"/members/{twins[0]}/merge?q=zorn").text
    assert "Nobody else" in client.get(f"/members/{twins[0]}/merge?q=...").text
    assert client.get(f"/members/{twins[0]}/merge?with={twins[0]}").status_code == 404
    assert client.get(f"/members/{twins[0]}/merge?with=x").status_code == 404


def test_statements_do_not_grow_with_the_pairs(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client, school = sign_in(people.coordinator), people.school_a

    def statements() -> int:
        seen: list[str] = []

        def note(*arguments: object) -> None:
            seen.append(str(arguments[2]))

        event.listen(db.extension.engine, "before_cursor_execute", note)
        assert client.get("/members/duplicates").status_code == 200
        event.remove(db.extension.engine, "before_cursor_execute", note)
        return len(seen)

    for _time in range(2):
        make.member("Ana", "Birch", school)
    few = statements()
    for place in range(24):
        make.member("Cleo", f"Pine{place // 2}", school)
    assert statements() == few <= 20
