"""The pages of targets, as people of each role meet them."""

from collections.abc import Callable
from datetime import date
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.accounts.imports import ImportRun
from crm.core import db
from crm.targets import operations, queries
from crm.targets.models import ContactPoint, Target, TargetList
from tests import make

HERE = Path(__file__).parent / "data" / "congress"
TODAY = date(2026, 11, 23)
SignIn = Callable[[object], FlaskClient]


@pytest.fixture
def congress(app: Flask) -> None:
    with db.unit_of_work():
        operations.import_congress(str(HERE), by=None, today=TODAY)
        operations.import_governments(by=None)


def number_of(name: str) -> int:
    return db.session.scalars(select(Target.id).where(Target.name == name)).one()


def test_it_works(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.member)
    page = client.get("/targets").text
    assert "1–50 of 202" in page
    assert "Afghanistan" in page
    page = client.get("/targets?chamber=us/senate&state=WV").text
    assert "Núñez-O&#39;Neil" in page
    assert "U.S. Senator for West Virginia (class 2)" in page
    assert "1–1 of 1" in page


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("q=nunez", {'Zélie A. "Zee" Núñez-O\'Neil, Jr.'}),
        ("q=senator west", {'Zélie A. "Zee" Núñez-O\'Neil, Jr.'}),
        ("state=WV&party=Republican", {"Ada Brook"}),
        ("region=Polynesia", {"Cook Islands", "Niue", "Samoa", "Tonga", "Tuvalu"}),
        ("kind=legislator&chamber=us/house&state=AK", {"Øyvind Ström"}),
        ("list=999", set()),
        ("committee=999999999", set()),
        ("q=%25", set()),
    ],
)
def test_filters(
    people: SimpleNamespace, sign_in: SignIn, congress: None, query: str, names: set[str]
) -> None:
    page = sign_in(people.member).get(f"/targets?{query}").text
    for name in names:
        assert name.replace("'", "&#39;").replace('"', "&#34;") in page
    if query.startswith("q=%25"):
        assert "1–50 of 202" in page
    elif not names:
        assert "No target fits" in page
    else:
        assert f"of {len(names)}\n" in page or f"of {len(names)} " in page


def test_a_committee_is_a_filter(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    ((number, name), *_rest) = queries.filter_choices().committees
    assert name == "House Committee on Ink"
    page = sign_in(people.member).get(f"/targets?committee={number}&sort=-state").text
    assert "Ada Brook" in page
    assert "1–1 of 1" in page


def test_an_empty_list_says_what_to_do(people: SimpleNamespace, sign_in: SignIn) -> None:
    assert "Import targets" in sign_in(people.coordinator).get("/targets").text
    page = sign_in(people.member).get("/targets").text
    assert "No targets yet" in page
    assert "/targets/import" not in page


def test_the_page_of_a_target(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    number = number_of('Zélie A. "Zee" Núñez-O\'Neil, Jr.')
    page = sign_in(people.member).get(f"/targets/{number}").text
    for text in (
        "1 Alder Senate Office Building", "Elmtown", "304-555-0001", "Senate Committee on Paper",
        "2 earlier terms", "caucuses with the Democrats", "Senator Núñez-O&#39;Neil", "X000001",
        "https://x.com/SenNunez", "Chairman", "Source: unitedstates/congress-legislators",
    ):  # fmt: skip
        assert text in page, text
    marking = f"/targets/{number}?contacts=mark"
    assert "Mark as bad" not in sign_in(people.member).get(marking).text
    assert "Mark as bad" in sign_in(people.coordinator).get(marking).text


def test_pages_cost_few_statements(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    number = number_of("Ada Brook")
    statements: list[str] = []
    engine = db.extension.engine
    event.listen(engine, "before_cursor_execute", lambda *args: statements.append(args[2]))
    for address in ("/targets?party=Democrat", f"/targets/{number}", "/targets/lists"):
        statements.clear()
        assert client.get(address).status_code == 200
        assert len(statements) <= 15, "\n".join(statements)


def test_find(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.member)
    found = client.get("/targets/find.json?q=nun").json
    assert [each["office"] for each in found] == ["U.S. Senator for West Virginia (class 2)"]
    assert client.get("/targets/find.json?q=niu").json[0]["office"] == "Polynesia"
    assert len(client.get("/targets/find.json?q=a").json) == 10
    assert client.get("/targets/find.json").json == []
    assert client.get("/targets/find.json?q=%00%25_").json == []


def test_who_may_not(people: SimpleNamespace, sign_in: SignIn, client: FlaskClient) -> None:
    target = make.target("Niue")
    number = target.id
    for address in ("/targets", f"/targets/{number}", "/targets/find.json", "/targets/lists"):
        assert client.get(address).status_code in (303, 403)
    leader = sign_in(people.leader)
    for address in (
        "/targets/new", f"/targets/{number}/edit", f"/targets/{number}/offices/new",
        f"/targets/{number}/contact-points/new", "/targets/lists/new", "/targets/import",
    ):  # fmt: skip
        assert leader.get(address).status_code == 403
        assert leader.post(address).status_code == 403


def test_what_is_not_there(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    for address in ("/targets/99", "/targets/99/edit", "/targets/lists/no",
                    "/targets/lists/no/edit", "/targets/contact-points/9"):  # fmt: skip
        assert client.get(address).status_code == 404
    assert client.post("/targets/contact-points/9/mark").status_code == 404
    assert client.post("/targets/lists/no/add").status_code == 404


def test_a_target_by_hand(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    answer = client.post(
        "/targets/new",
        data={"kind": "official", "given_name": "Ieva", "family_name": "Šalna", "country": "lt"},
    )
    assert answer.status_code == 303
    number = number_of("Ieva Šalna")
    answer = client.post(
        f"/targets/{number}/offices/new",
        data={"body": "Embassy of Lithuania", "office": "Ambassador", "starts_on": "2025-01-01"},
    )
    assert answer.status_code == 303
    office = queries.offices([number])[number]
    assert (office.label, office.body) == ("Ambassador", "Embassy of Lithuania")
    assert [t.id for t in queries.find_targets("ambassador lith", 5)] == [number]
    assert "Embassy of Lithuania" in client.get(f"/targets/{number}").text
    answer = client.post(
        f"/targets/{number}/edit",
        data={"given_name": "", "family_name": "Šalnienė", "country": "LT", "note": "Hi"},
    )
    assert answer.status_code == 303
    target = queries.target(number)
    assert (target.name, target.note, target.kind) == ("Šalnienė", "Hi", "official")
    assert [t.id for t in queries.find_targets("ambassador", 5)] == [number]


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({"kind": "official"}, "Give at least one of the names."),
        ({"kind": "company"}, "Fill this in."),
        ({"kind": "wizard", "name": "A"}, "Not a valid choice"),
        ({"name": "A", "kind": "company", "country": "U1"}, "Give two letters"),
        ({"name": "A" * 201, "kind": "company"}, "Use at most 200 characters."),
    ],
)
def test_a_target_that_cannot_be_added(
    people: SimpleNamespace, sign_in: SignIn, data: dict[str, str], sentence: str
) -> None:
    answer = sign_in(people.coordinator).post("/targets/new", data=data)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert db.session.query(Target).count() == 0


def test_hostile_text_shows_as_text(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    evil = "<script>alert(1)</script>\"'{{ 7*7 }}"
    client.post("/targets/new", data={"kind": "company", "name": evil, "note": evil})
    number = number_of(evil)
    client.post(f"/targets/{number}/contact-points/new",
                data={"kind": "postal", "label": evil, "value": evil})  # fmt: skip
    for address in ("/targets", f"/targets/{number}", f"/targets/{number}/edit"):
        page = client.get(address).text
        assert "<script>alert" not in page
        assert "{{ 7*7 }}" in page


def test_an_imported_target_keeps_its_facts(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    number = number_of("Ada Brook")
    assert "the next import would overwrite" in client.get(f"/targets/{number}/edit").text
    client.post(f"/targets/{number}/edit", data={"note": "Met us", "family_name": "Mallory"})
    target = queries.target(number)
    assert (target.note, target.family_name) == ("Met us", "Brook")


def test_an_imported_legislator_has_an_earlier_office_at_most(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    number = number_of("Ada Brook")
    data = {"body": "House of Delegates", "office": "Delegate", "area": "WV"}
    answer = client.post(f"/targets/{number}/offices/new", data=data)
    assert (answer.status_code, "Give the day this one ended" in answer.text) == (422, True)
    data |= {"starts_on": "2019-01-01", "ends_on": "2018-01-01"}
    assert client.post(f"/targets/{number}/offices/new", data=data).status_code == 422
    data["ends_on"] = "2024-12-31"
    assert client.post(f"/targets/{number}/offices/new", data=data).status_code == 303
    # The same again is refused; an import leaves it there.
    assert client.post(f"/targets/{number}/offices/new", data=data).status_code == 422
    with db.unit_of_work():
        taken = operations.import_congress(str(HERE), by=None, today=TODAY)
    assert taken.counts["unchanged"] == 5
    assert [post.label for _t, post, _b in queries.terms(number)] == [
        "U.S. Representative for West Virginia, district 1",
        "Delegate",
    ]


def test_contact_points(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    number = make.target("Niue").id
    new = f"/targets/{number}/contact-points/new"
    for kind, value, sentence in (
        ("website", "javascript:alert(1)", "with https:// in front"),
        ("email", "nobody", "not an e-mail address"),
        ("phone", "none", "A number needs digits"),
        ("pigeon", "x", "Not a valid choice"),
    ):
        answer = client.post(new, data={"kind": kind, "label": "Alofi", "value": value})
        assert (answer.status_code, sentence in answer.text) == (422, True)
    client.post(new, data={"kind": "email", "label": "Alofi", "value": "gov@niue.example"})
    point = db.session.query(ContactPoint).one()
    where = f"/targets/contact-points/{point.id}"
    assert client.post(f"{where}/mark", data={"status": "bad"}).status_code == 303
    assert ">Bad<" in client.get(f"/targets/{number}").text
    assert client.post(f"{where}/mark", data={"status": "odd"}).status_code == 409
    client.post(where, data={"kind": "email", "label": "Alofi", "value": "pm@niue.example"})
    point = db.session.query(ContactPoint).one()
    assert (point.value, point.status) == ("pm@niue.example", "good")


def test_an_imported_contact_point_is_marked_and_not_changed(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    point = db.session.query(ContactPoint).filter_by(key="dc/fax").one()
    number = point.id
    answer = client.post(f"/targets/contact-points/{number}",
                         data={"kind": "fax", "label": "DC", "value": "1"})  # fmt: skip
    assert answer.status_code == 422
    assert "The next import would overwrite this." in answer.text
    assert client.post(f"/targets/contact-points/{number}/mark",
                       data={"status": "bad"}).status_code == 303  # fmt: skip
    assert db.session.get_one(ContactPoint, number).status == "bad"


# --- lists ------------------------------------------------------------------------------------


def test_a_list_from_a_filter(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    assert "Keep these 5 as a list" in client.get("/targets?region=Polynesia").text
    assert "Cook Islands" in client.get("/targets/lists/new?region=Polynesia").text
    answer = client.post("/targets/lists/new?region=Polynesia", data={"name": "Polynesia"})
    assert answer.location == "/targets/lists/polynesia"
    page = client.get(answer.location).text
    assert "Tuvalu" in page
    assert "1–5 of 5" in page
    kept = db.session.query(TargetList).one()
    assert "1–5 of 5" in client.get(f"/targets?list={kept.id}").text
    answer = client.post("/targets/lists/new?region=Polynesia", data={"name": "Polynesia"})
    assert (answer.status_code, "of this name already" in answer.text) == (422, True)


def test_a_list_from_names(people: SimpleNamespace, sign_in: SignIn, congress: None) -> None:
    client = sign_in(people.coordinator)
    names = "Niue\nSen. Nunez-O'Neil\nTuvallu\nAtlantis"
    answer = client.post("/targets/lists/new", data={"name": "Mine", "names": names})
    assert answer.status_code == 422
    assert "Who is meant?" in answer.text
    assert "Tuvalu – Polynesia" in answer.text
    assert "Atlantis" in answer.text
    assert db.session.query(TargetList).count() == 0
    tuvalu = number_of("Tuvalu")
    answer = client.post(
        "/targets/lists/new",
        data={"name": "Mine", "names": names, "choice:Tuvallu": tuvalu, "choice:Atlantis": "skip"},
    )
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "1–3 of 3" in page
    other = number_of("Tonga")
    sent = {"name": "Other", "names": "Tuvallu", "choice:Tuvallu": other}
    # Only what was offered can be chosen.
    assert client.post("/targets/lists/new", data=sent).status_code == 422


def test_a_list_is_added_to_renamed_and_removed(
    people: SimpleNamespace, sign_in: SignIn, congress: None
) -> None:
    client = sign_in(people.coordinator)
    client.post("/targets/lists/new", data={"name": "Mine", "names": "Niue"})
    assert client.post("/targets/lists/mine/add", data={"names": "Tonga\nNiue"}).status_code == 303
    assert client.post("/targets/lists/mine/add", data={"names": ""}).status_code == 422
    assert client.post("/targets/lists/mine/add", data={"names": "Tongga"}).status_code == 422
    assert "1–2 of 2" in client.get("/targets/lists/mine").text
    niue = number_of("Niue")
    client.post(f"/targets/lists/mine/take-off/{niue}")
    assert "1–1 of 1" in client.get("/targets/lists/mine").text
    client.post("/targets/lists/mine/edit", data={"name": "Ours", "note": "N"})
    assert "Ours" in client.get("/targets/lists").text
    assert sign_in(people.leader).post("/targets/lists/mine/remove").status_code == 403
    assert client.post("/targets/lists/mine/remove").status_code == 303
    assert db.session.query(TargetList).count() == 0
    assert queries.target(niue).name == "Niue"


def test_lists_need_a_name_and_somebody(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    for data, sentence in (
        ({"name": "", "names": "Niue"}, "Fill this in."),
        ({"name": "A", "names": ""}, "Fill this in."),
        ({"name": "A", "names": "Atlantis", "choice:Atlantis": "skip"}, "None of these names"),
    ):
        answer = client.post("/targets/lists/new", data=data)
        assert (answer.status_code, sentence in answer.text) == (422, True)


# --- imports ----------------------------------------------------------------------------------


def files(*names: str) -> list[tuple[BytesIO, str]]:
    return [(BytesIO((HERE / name).read_bytes()), name) for name in names]


def test_import_from_files(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    sent = {"what": "files", "files": files(*(path.name for path in HERE.glob("*.yaml")))}
    answer = client.post("/targets/import", data=sent, content_type="multipart/form-data")
    assert answer.status_code == 303
    page = client.get(answer.location).text
    assert "5 targets new, 0 changed, 0 left, 0 unchanged." in page
    assert "nobody in the list of legislators" in page
    run = db.session.query(ImportRun).one()
    assert run.by_id == people.coordinator.id


def test_import_of_governments(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    assert client.post("/targets/import", data={"what": "governments"}).status_code == 303
    assert "197 targets new" in client.get("/targets/import").text


def test_import_of_what_is_broken(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.coordinator)
    for sent, sentence in (
        ({"what": "files", "files": [(BytesIO(b"- 1"), "a.yaml")]}, "record 1 is not a record"),
        ({"what": "files"}, "Choose at least one file."),
        ({"what": "everything"}, "Invalid value"),
    ):
        answer = client.post("/targets/import", data=sent, content_type="multipart/form-data")
        assert answer.status_code == 422
        assert sentence in answer.text
    assert db.session.query(ImportRun).count() == 0
    big = {"what": "files", "files": [(BytesIO(b" " * 60_000_000), "a.yaml")]}
    assert client.post("/targets/import", data=big,
                       content_type="multipart/form-data").status_code == 413  # fmt: skip


def test_commands(app: Flask) -> None:
    runner = app.test_cli_runner()
    result = runner.invoke(args=["import", "congress", str(HERE)])
    assert result.stdout.splitlines()[-1] == "congress: 5 arrived, 0 unchanged"
    result = runner.invoke(args=["import", "governments"])
    assert result.stdout.splitlines()[-1] == "governments: 197 arrived, 0 unchanged"
    result = runner.invoke(args=["import", "congress", "/no/such/place"])
    assert result.exit_code != 0
    assert "There is no folder or file /no/such/place." in result.output
