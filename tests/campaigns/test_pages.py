"""The pages of campaigns, as the coordinator, a colleague and a stranger meet them."""

import re
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.campaigns import queries
from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.access import Role
from tests import make

SignIn = Callable[[Any], FlaskClient]


def sent(people: SimpleNamespace, **more: Any) -> dict[str, Any]:
    return {
        "name": "Mine Ban Treaty postcards",
        "starts_on": "2025-09-01",
        "chapter_ids": [str(people.school_a.id)],
        "asks-0-text": "Join the treaty",
        "asks-1-text": "",
        "goals-0-number": "150",
        "goals-0-channel": "postcard",
        "goals-0-due_on": "2026-03-31",
        "goals-1-number": "",
        "goals-1-channel": "",
    } | more


def test_it_works(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    assert "No campaign here yet" in client.get("/campaigns").text
    assert "New campaign" in client.get("/campaigns/new").text
    answer = client.post("/campaigns/new", data=sent(people))
    assert answer.status_code == 303
    assert answer.location == "/campaigns/mine-ban-treaty-postcards/targets"
    page = client.get("/campaigns/mine-ban-treaty-postcards").text
    assert "150 postcards by Mar 31, 2026" in page
    assert "Join the treaty" in page
    assert "No targets on the list yet" in page
    listed = client.get("/campaigns").text
    assert "150 postcards by Mar 31, 2026" in listed
    assert "Alder High School" in listed


def test_changing(people: SimpleNamespace, sign_in: SignIn) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    campaign = queries.campaign(slug)
    ask, goal = campaign.asks[0].id, campaign.goals[0].id
    client = sign_in(people.coordinator)
    form = client.get(f"/campaigns/{slug}/edit").text
    assert 'value="Join the treaty"' in form
    assert form.count('aria-label="Ask ') == 4
    answer = client.post(
        f"/campaigns/{slug}/edit",
        data=sent(
            people,
            **{"name": "Cards", "asks-0-id": ask, "asks-0-text": "Sign", "goals-0-id": goal},
        ),
    )
    assert answer.status_code == 303
    campaign = queries.campaign(slug)
    assert (campaign.name, campaign.asks[0].id, campaign.asks[0].text) == ("Cards", ask, "Sign")
    assert campaign.goals[0].id == goal


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"name": ""}, "Fill this in."),
        ({"name": "x" * 201}, "Use at most 200 characters."),
        ({"starts_on": "soon"}, "Not a valid date value."),
        ({"ends_on": "2025-01-01"}, "The last day lies before the first."),
        ({"chapter_ids": []}, "Choose at least one chapter"),
        ({"chapter_ids": ["9999"]}, "not a valid choice"),
        ({"chapter_ids": ["x"]}, "could not be coerced"),
        ({"lead_id": "9999"}, "Not a valid choice"),
        ({"lead_id": "x"}, "Invalid Choice"),
        ({"goals-0-number": "many"}, "Write a whole number, such as 150."),
        ({"goals-0-number": ""}, "Say how many, or empty the row."),
        ({"goals-0-number": "0"}, "A goal is a number from 1"),
        ({"goals-0-channel": "smoke"}, "Not a valid choice"),
        ({"asks-1-text": "JOIN THE TREATY"}, "twice"),
        ({"asks-0-id": "9999"}, "not there any more"),
    ],
)
def test_bad_input_keeps_what_was_typed(
    people: SimpleNamespace, sign_in: SignIn, more: dict[str, Any], sentence: str
) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    client = sign_in(people.coordinator)
    for address in ("/campaigns/new", f"/campaigns/{slug}/edit"):
        if "asks-0-id" in more and address == "/campaigns/new":
            continue
        answer = client.post(address, data=sent(people, summary="kept typing", **more))
        assert answer.status_code == 422, address
        assert sentence in answer.text
        assert "kept typing" in answer.text
        assert "{&#39;" not in answer.text
    assert [each.name for each in db.session.scalars(select(Campaign))] == ["Postcards"]


def test_picking_targets(people: SimpleNamespace, sign_in: SignIn) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    niue = make.target("Niue", region="Oceania").id
    make.target("Tonga", region="Oceania")
    make.target("Chad", region="Africa")
    make.legislator("Ada", "Lovett")
    client = sign_in(people.coordinator)
    found = client.get(f"/campaigns/{slug}/targets?region=Oceania").text
    assert "Niue" in found
    assert "Chad" not in found
    assert "Add all 2 found" in found
    answer = client.post(f"/campaigns/{slug}/targets?q=niu", data={"target_ids": [niue]})
    assert answer.location == f"/campaigns/{slug}/targets?q=niu"
    assert "1 target is new on the list." in client.get(answer.location).text
    client.post(f"/campaigns/{slug}/targets?region=Oceania", data={"all": "1"})
    campaign_id = queries.campaign(slug).id
    assert queries.target_counts([campaign_id]) == {campaign_id: 2}
    assert "on the list" in client.get(f"/campaigns/{slug}/targets?region=Oceania").text
    listed = client.get(f"/campaigns/{slug}/targets?show=listed").text
    assert "Tonga" in listed
    assert "Chad" not in listed
    answer = client.post(
        f"/campaigns/{slug}/targets/remove?show=listed&region=Africa", data={"all": "1"}
    )
    assert answer.status_code == 422
    answer = client.post(
        f"/campaigns/{slug}/targets/remove?show=listed", data={"target_ids": [niue]}
    )
    assert answer.location == f"/campaigns/{slug}/targets?show=listed"
    assert "Tonga" in client.get(f"/campaigns/{slug}").text
    assert queries.target_counts([campaign_id]) == {campaign_id: 1}


@pytest.mark.parametrize("ids", [[], ["x"], ["9999"], ["99999999999999"]])
def test_picking_nothing(people: SimpleNamespace, sign_in: SignIn, ids: list[str]) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    client = sign_in(people.coordinator)
    answer = client.post(f"/campaigns/{slug}/targets", data={"target_ids": ids})
    assert answer.status_code == 422


def test_odd_filters_narrow_nothing(people: SimpleNamespace, sign_in: SignIn) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    make.target("Niue")
    client = sign_in(people.coordinator)
    odd = "committee=x&list=99999999999999999999&page=0&state=odd"
    assert "Niue" in client.get(f"/campaigns/{slug}/targets?{odd}").text
    assert client.get("/campaigns?state=odd&page=-1").status_code == 200


def test_strangers(people: SimpleNamespace, sign_in: SignIn) -> None:
    slug = make.campaign("Postcards", chapters=(people.school_a,)).slug
    stranger = make.user(Role.COORDINATOR, people.school_b)
    for user in (stranger, people.outsider, people.viewer):
        client = sign_in(user)
        page = client.get(f"/campaigns/{slug}")
        assert page.status_code == 200
        assert "Choose targets" not in page.text
        assert client.get(f"/campaigns/{slug}/edit").status_code == 403
        assert client.get(f"/campaigns/{slug}/targets").status_code == 403
        assert client.post(f"/campaigns/{slug}/edit", data=sent(people)).status_code == 403
        for address in ("targets", "targets/remove"):
            posted = client.post(f"/campaigns/{slug}/{address}", data={"all": "1"})
            assert posted.status_code == 403
    assert sign_in(people.viewer).post("/campaigns/new", data=sent(people)).status_code == 403


def test_absent(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.admin)
    for address in ("", "/edit", "/targets"):
        assert client.get(f"/campaigns/none-such{address}").status_code == 404


def test_other_owners_are_kept(people: SimpleNamespace, sign_in: SignIn) -> None:
    slug = make.campaign("Joint", chapters=(people.school_a, people.school_b)).slug
    client = sign_in(people.coordinator)
    assert "Also owned by Birch High School" in client.get(f"/campaigns/{slug}/edit").text
    assert client.post(f"/campaigns/{slug}/edit", data=sent(people)).status_code == 303
    names = {chapter.name for chapter in queries.campaign(slug).chapters}
    assert names == {"Alder High School", "Birch High School"}


def test_hostile_text_is_text(people: SimpleNamespace, sign_in: SignIn) -> None:
    bad = "<script>alert(1)</script>{{ 7*7 }}"
    client = sign_in(people.coordinator)
    data = sent(people, name=bad, title=bad, summary=bad, description=bad)
    client.post("/campaigns/new", data=data | {"asks-0-text": bad, "goals-0-source": bad})
    slug = db.session.scalars(select(Campaign.slug)).one()
    for address in ("", "/edit", "/targets"):
        page = client.get(f"/campaigns/{slug}{address}").text
        assert "<script>alert" not in page
        assert "49" not in re.sub(r"<svg.*?</svg>", "", page, flags=re.S)


def test_few_statements(app: Flask, people: SimpleNamespace, sign_in: SignIn) -> None:
    targets = tuple(make.legislator(f"Ada{n}", "Lovett", district=str(n)) for n in range(8))
    for n in range(8):
        make.campaign(f"Campaign {n}", chapters=(people.school_a,), targets=targets)
    client = sign_in(people.coordinator)
    statements: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    for address in ("", "/campaign-1", "/campaign-1/edit", "/campaign-1/targets", "/new"):
        statements.clear()
        assert client.get(f"/campaigns{address}").status_code == 200
        asked = [each for each in statements if not each.startswith("BEGIN")]
        assert len(asked) <= 16, (address, asked)


def test_the_search_box_finds(app: Flask, people: SimpleNamespace) -> None:
    from crm.campaigns.views import find

    make.campaign("Último")
    with app.test_request_context():
        hits = find("ultimo", 5)
    assert [(hit.label, hit.url) for hit in hits] == [("Último", "/campaigns/ultimo")]
    assert hits[0].detail == "Running"
