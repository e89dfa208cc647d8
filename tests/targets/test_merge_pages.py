"""The pages of likely duplicates and merges, as people of each role meet them."""

from collections.abc import Callable
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import db
from crm.targets.models import NotTheSame, Target, TargetMerge
from tests import make

SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def twins(app: Flask) -> tuple[int, int]:
    one = make.legislator("Ana", "Álder")
    other = make.target(
        "Ana Alder", kind="official", given_name="Ana", family_name="Alder", country="US",
        salutation="Dear Ana",
    )  # fmt: skip
    return one.id, other.id


def merge(client: FlaskClient, kept: int, merged: int, **facts: int) -> None:
    sent = {"with": merged, "kept": kept}
    sent |= {f"fact-{fact}": whose for fact, whose in facts.items()}
    answer = client.post(f"/targets/{kept}/merge", data=sent)
    assert (answer.status_code, answer.location) == (303, f"/targets/{kept}")


def test_it_works(people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]) -> None:
    one, other = twins
    client = sign_in(people.coordinator)
    page = client.get("/targets/duplicates").text
    assert "The names are the same but for accents, order or punctuation" in page
    assert f'href="/targets/{one}/merge?with={other}"' in page
    page = client.get(f"/targets/{one}/merge?with={other}").text
    assert "Keep this record" in page
    assert "Dear Ana" in page
    merge(client, one, other, name=other)
    page = client.get(f"/targets/{one}").text
    assert "<h1>Ana Alder</h1>" in page.replace("\n", "")
    assert "Ana Alder was merged into this record." in page
    assert "Cory Coordinator" in page
    answer = client.get(f"/targets/{other}")
    assert (answer.status_code, answer.location) == (302, f"/targets/{one}")
    assert "No likely duplicates" in client.get("/targets/duplicates").text
    number = db.session.scalars(select(TargetMerge.id)).one()
    answer = client.post(f"/targets/merges/{number}/undo")
    assert (answer.status_code, answer.location) == (303, f"/targets/{other}")
    assert "stands by itself again" in client.get(f"/targets/{other}").text
    assert "Álder" in client.get(f"/targets/{one}").text


def test_a_merge_that_cannot_be_undone_says_why(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    client = sign_in(people.coordinator)
    third = make.target("Bo Birch", kind="official").id
    one, other = twins
    merge(client, one, other)
    merge(client, third, one)
    first = db.session.scalars(select(TargetMerge.id).order_by(TargetMerge.id)).first()
    answer = client.post(f"/targets/merges/{first}/undo")
    assert answer.status_code == 409
    assert "was itself merged since. Undo that first." in answer.text


def test_not_the_same(people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]) -> None:
    client = sign_in(people.coordinator)
    answer = client.post(f"/targets/{twins[1]}/not-the-same", data={"with": twins[0]})
    assert (answer.status_code, answer.location) == (303, "/targets/duplicates")
    pair = db.session.scalars(select(NotTheSame)).one()
    assert (pair.a_id, pair.b_id) == twins
    assert "No likely duplicates" in client.get("/targets/duplicates").text


def test_the_other_record_is_searched_for(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    client = sign_in(people.coordinator)
    page = client.get(f"/targets/{twins[0]}/merge").text
    assert "Find the other record" in page
    page = client.get(f"/targets/{twins[0]}/merge?q=alder").text
    assert f"/targets/{twins[0]}/merge?with={twins[1]}" in page
    assert "Nothing found" in client.get(f"/targets/{twins[0]}/merge?q=zzz").text


def test_a_refusal_keeps_what_was_chosen(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    niue = make.target("Niue").id
    answer = sign_in(people.coordinator).post(
        f"/targets/{twins[0]}/merge", data={"with": niue, "kept": niue}
    )
    assert answer.status_code == 422
    assert "A government and a legislator cannot be one." in answer.text
    assert f'id="kept-{niue}" value="{niue}" checked' in answer.text


@pytest.mark.parametrize("sent", ["", "x", "0", "999999", "self"])
def test_nobody_to_merge_with(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int], sent: str
) -> None:
    client = sign_in(people.coordinator)
    other = str(twins[0]) if sent == "self" else sent
    if other:
        assert client.get(f"/targets/{twins[0]}/merge?with={other}").status_code == 404
        answer = client.post(f"/targets/{twins[0]}/merge", data={"with": other, "kept": twins[0]})
        assert answer.status_code == 404
        answer = client.post(f"/targets/{twins[0]}/not-the-same", data={"with": other})
        assert answer.status_code in (404, 409)
    assert db.session.scalars(select(TargetMerge)).all() == []


def test_only_who_may_change_targets(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    merge(sign_in(people.coordinator), *twins)
    number = db.session.scalars(select(TargetMerge.id)).one()
    for user in (people.leader, people.viewer, people.outsider):
        client = sign_in(user)
        assert client.get("/targets/duplicates").status_code == 403
        assert client.get(f"/targets/{twins[0]}/merge").status_code == 403
        assert client.post(f"/targets/merges/{number}/undo").status_code == 403
        page = client.get(f"/targets/{twins[0]}").text
        assert "was merged into this record" in page
        assert "/undo" not in page


def test_what_was_merged_is_left_out(
    people: SimpleNamespace, sign_in: SignIn, twins: tuple[int, int]
) -> None:
    client = sign_in(people.coordinator)
    merge(client, *twins)
    found = client.get("/targets/find.json?q=alder").json
    assert [each["id"] for each in found or []] == [twins[0]]
    assert "1–1 of 1" in client.get("/targets?q=alder").text
    for part in ("edit", "offices/new", "contact-points/new", "merge"):
        assert client.get(f"/targets/{twins[1]}/{part}").status_code == 404
    assert f"/targets/{twins[0]}" in client.get("/search?q=ana").text


def test_statements_do_not_grow_with_the_pairs(
    app: Flask, people: SimpleNamespace, sign_in: SignIn
) -> None:
    client = sign_in(people.coordinator)

    def statements(address: str) -> int:
        seen: list[str] = []

        def note(*arguments: object) -> None:
            seen.append(str(arguments[2]))

        event.listen(db.extension.engine, "before_cursor_execute", note)
        assert client.get(address).status_code == 200
        event.remove(db.extension.engine, "before_cursor_execute", note)
        return len(seen)

    few = statements("/targets/duplicates")
    with db.unit_of_work():
        for place in range(60):
            db.session.add(
                Target(kind="company", name=f"Birch {place // 2}", sort_name="b", search=" b ")
            )
        make.audit.record("make", "test", None, by=None)
    assert statements("/targets/duplicates") == few <= 15
    assert statements("/targets/duplicates?page=2") == few
