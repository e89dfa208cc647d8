"""Pages of the treaties: on a day, of a state, the forms, the figures, an empty ledger."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import event, select

from crm.core import db
from crm.treaties import history, queries
from crm.treaties.models import TreatyEvent
from crm.treaties.rules import Status

SignIn = Callable[[object], FlaskClient]
CCM, MBT = "/treaties/cluster-munitions", "/treaties/mine-ban-treaty"


@pytest.fixture
def app(ledger: Flask) -> Flask:
    return ledger


def words(page: str) -> str:
    """The page's text without the blanks between."""
    return " ".join(page.split())


def number_of(iso3: str, treaty: str, kind: str) -> int:
    found = history.entries(history.government(iso3).id)
    return next(e.row.id for e in found if (e.row.treaty, e.row.kind) == (treaty, kind))


def test_it_works(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.viewer)
    page = words(client.get(CCM, query_string={"on": "2020-11-25", "goal": 130, "by": "2020"}).text)
    for text in (
        '<span class="stat-label">Joined</span><span class="stat-number">110</span>',
        "consent deposited by that day",
        "130 States Parties by 2020",
        "110 had joined on Nov 25, 2020; 20 are missing.",
        "110th: St. Lucia", "109th: Niue",
        'href="/treaties/states/niu?on=2020-11-25" aria-label="Niue: acceded on Aug 6, 2020, in '
        'force from Feb 1, 2021"',
        'class="tile-joining"',
        "North Korea", "Adopted", "May 30, 2008", "after the 30th deposit",
        "Namibia", "Clear contaminated areas",
        'href="/treaties/cluster-munitions/status.csv?on=2020-11-25"',
    ):  # fmt: skip
        assert text in page, text
    assert page.count('class="tile-code"') == 197
    assert page.count('<tr> <th scope="row"><a href="/treaties/states/') >= 197


def test_the_goal_is_reached_and_the_nth_is_told(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    page = words(client.get(f"{CCM}?on=2020-11-25&goal=108&nth=109").text)
    assert "Reached: 110 had joined on Nov 25, 2020." in page
    assert "The 109th state to join was" in page
    assert "There is no 500th state to join yet." in words(client.get(f"{CCM}?nth=500").text)


def test_both_treaties_side_by_side(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    page = words(client.get("/treaties?on=2020-11-25").text)
    assert "110 of 197 states have joined" in page
    assert "164 of 197 states have joined" in page
    assert 'href="/treaties/states/lca?on=2020-11-25">St. Lucia</a>: Acceded' in page
    assert "Vanuatu" not in page
    assert 'href="/treaties" aria-current="page"' in page
    assert "Add an event" not in page
    assert "Add an event" in client_text(sign_in(people.staff), "/treaties")


def client_text(client: FlaskClient, address: str) -> str:
    return client.get(address).text


@pytest.mark.parametrize("on", ["tomorrow", "2020-13-01", "20201125", "9999-12-31", "\x00"])
def test_a_day_that_is_none_is_told(people: SimpleNamespace, sign_in: SignIn, on: str) -> None:
    answer = sign_in(people.member).get(CCM, query_string={"on": on})
    assert answer.status_code == 200
    assert "is no date that can be asked for; this is today." in answer.text


def test_any_day_can_be_asked(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    for on in ("1900-01-01", "1997-12-03", "2010-07-31", "2100-12-31"):
        for address in (CCM, MBT, "/treaties", "/treaties/states/ltu", "/treaties/figures"):
            assert client.get(f"{address}?on={on}").status_code == 200, (address, on)


def test_who_is_shown_can_be_narrowed(people: SimpleNamespace, sign_in: SignIn) -> None:
    page = words(sign_in(people.member).get(f"{CCM}?show=withdrawn&on=2026-02-03").text)
    table = page.split('id="all-states"')[1]
    assert table.count('<th scope="row">') == 1
    assert "Lithuania" in table
    assert "until Mar 6, 2025" in table


def test_the_file_says_the_same(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    answer = client.get(f"{CCM}/status.csv?on=2020-11-25")
    assert answer.headers["Content-Disposition"].endswith("cluster-munitions-2020-11-25.csv")
    rows = answer.data.decode("utf-8-sig").splitlines()
    assert len(rows) == 198
    assert "NIU,Niue,Oceania,Polynesia,State Party,,2020-08-06,acceded,2021-02-01,no,,109" in rows
    counts = client.get(f"{CCM}/status.json?on=2020-11-25").json
    assert counts is not None
    assert counts["reconciliation"].endswith("= 197 states")
    assert client.get(f"{CCM}/status.pdf").status_code == 404
    assert client.get("/treaties/unknown").status_code == 404


def test_a_state(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    page = words(client.get("/treaties/states/niu?on=2020-08-06").text)
    for text in (
        "<h1>Niue</h1>", "Pacific Islands Forum",
        "Acceded on Aug 6, 2020, in force from Feb 1, 2021.", "the 109th state to join",
        "Destroy stockpiles", "First transparency report", "Jul 31, 2021", "Feb 1, 2029",
        "UN Treaty Collection, status as at 3 February 2026",
        "after the day shown", "No meeting is recorded.",
    ):  # fmt: skip
        assert text in page, text
    assert "Correct" not in page
    for unknown in ("xyz", "ni", "%00aa", "1ab"):
        assert client.get(f"/treaties/states/{unknown}").status_code == 404


def test_a_government_as_a_target_has_its_record(people: SimpleNamespace, sign_in: SignIn) -> None:
    number = history.government("LTU").id
    page = words(sign_in(people.member).get(f"/targets/{number}").text)
    assert "Treaty record" in page
    assert "ratified on Mar 24, 2011, withdrew with effect from Mar 6, 2025" in page
    assert 'href="/treaties/states/ltu"' in page


def test_pages_cost_few_statements(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.staff)
    number = history.government("LTU").id
    row = number_of("NIU", "CCM", "accession")
    statements: list[str] = []
    event.listen(
        db.extension.engine, "before_cursor_execute", lambda *args: statements.append(args[2])
    )
    for address in (
        "/treaties", CCM, f"{MBT}?on=2003-01-01", "/treaties/states/ltu", "/treaties/figures",
        "/treaties/figures?group=eu", "/treaties/meetings", "/treaties/events/new",
        f"/treaties/events/{row}/correct", f"{CCM}/status.csv", f"/targets/{number}",
    ):  # fmt: skip
        statements.clear()
        assert client.get(address).status_code == 200, address
        assert len(statements) <= 15, (address, statements)


def test_the_figures_there_are(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.member)
    page = words(client.get("/treaties/figures?on=2020-11-25").text)
    assert "<code>ccm.gap_to:130</code>" in page
    assert '<td class="num" data-label="Value">20</td>' in page
    assert "55.8%" in page
    grouped = words(client.get("/treaties/figures?on=2020-11-25&group=eu").text)
    assert "<code>ccm.joined@eu</code>" in grouped
    assert "@moon" not in client.get("/treaties/figures?group=moon").text


# The forms

EVENT = {
    "treaty": "CCM",
    "kind": "accession",
    "happened_on": "2026-03-02",
    "source": "C.N.1.2026",
    "note": "as told by the mission",
}


def test_staff_add_an_event(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.staff)
    tonga = history.government("TON").id
    form = client.get("/treaties/events/new?state=ton&treaty=ccm").text
    assert f'<option selected value="{tonga}">Tonga</option>' in form
    assert "append-only" in form
    answer = client.post("/treaties/events/new", data=EVENT | {"target": str(tonga)})
    assert (answer.status_code, answer.location) == (303, "/treaties/states/ton")
    page = words(client.get(answer.location).text)
    assert "Acceded on Mar 2, 2026" in page
    assert "C.N.1.2026 · entered by Sol Staff" in page
    assert queries.standings("CCM", date(2026, 3, 2))["TON"].status is Status.PARTY


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"target": ""}, "Choose one."),
        ({"target": "999999"}, "Not a valid choice"),
        ({"kind": ""}, "Choose one."),
        ({"kind": "retraction"}, "Not a valid choice"),
        ({"source": ""}, "Fill this in."),
        ({"source": " "}, "Say who says so."),
        ({"happened_on": "2026-02-30"}, "Not a valid date value"),
        ({"happened_on": "2099-01-01"}, "is in the future"),
        ({"happened_on": "9999-12-31"}, "Give a day between 1900 and 2100."),
        ({"kind": "signature"}, "closed for signature since"),
        ({"kind": "ratification"}, "had not signed by then"),
        ({"kind": "withdrawal_deposited"}, "had not joined by"),
        ({"link": "javascript:alert(1)"}, "begins with https://"),
        ({"year": "MMXX"}, "Give a year, such as 2020."),
    ],
)
def test_what_is_wrong_is_said_at_its_field(
    people: SimpleNamespace, sign_in: SignIn, more: dict[str, str], sentence: str
) -> None:
    tonga = str(history.government("TON").id)
    sent = EVENT | {"target": tonga} | more
    answer = sign_in(people.staff).post("/treaties/events/new", data=sent)
    assert answer.status_code == 422
    assert sentence in answer.text
    assert "as told by the mission" in answer.text
    assert queries.standings("CCM", date(2026, 3, 2))["TON"].status is Status.OUTSIDE


def test_a_correction_stays_to_be_seen(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.staff)
    number = number_of("NIU", "CCM", "accession")
    address = f"/treaties/events/{number}/correct"
    assert 'value="2020-08-06"' in client.get(address).text
    sent = {"kind": "accession", "happened_on": "2020-08-07", "source": "C.N.2.2020"}
    answer = client.post(address, data=sent)
    assert answer.location == "/treaties/states/niu"
    page = words(client.get(answer.location).text)
    assert "<s>Aug 6, 2020</s>" in page
    assert "corrected</a>" in page
    assert "replaces an earlier entry" in page
    assert "Acceded on Aug 7, 2020" in page
    # What was replaced cannot be replaced again.
    assert client.get(address).status_code == 404
    nothing = number_of("LTU", "CCM", "signature")
    unchanged = client.get(f"/treaties/events/{nothing}/correct")
    assert unchanged.status_code == 200


def test_an_entry_is_taken_back(people: SimpleNamespace, sign_in: SignIn) -> None:
    client = sign_in(people.staff)
    number = number_of("NIU", "CCM", "accession")
    address = f"/treaties/events/{number}/retract"
    assert client.post(address, data={"reason": ""}).status_code == 422
    answer = client.post(address, data={"reason": "It was another island."})
    assert answer.location == "/treaties/states/niu"
    page = words(client.get(answer.location).text)
    assert "Taken back: It was another island." in page
    assert "Neither signed nor joined." in page
    assert db.session.get(TreatyEvent, number) is not None


def test_only_staff_write(people: SimpleNamespace, sign_in: SignIn) -> None:
    number = number_of("NIU", "CCM", "accession")
    client = sign_in(people.coordinator)
    for address in ("/treaties/events/new", f"/treaties/events/{number}/correct",
                    f"/treaties/events/{number}/retract", "/treaties/meetings/new"):  # fmt: skip
        assert client.get(address).status_code == 403
        assert client.post(address, data={}).status_code == 403
    assert client.post("/treaties/reference").status_code == 403


def test_an_empty_ledger_says_what_to_do(people: SimpleNamespace, sign_in: SignIn) -> None:
    with db.unit_of_work():
        for row in db.session.scalars(select(TreatyEvent).order_by(TreatyEvent.id.desc())):
            db.session.delete(row)
        db.session.info["audited"] = True
    told, staff = sign_in(people.member), sign_in(people.staff)
    for address in ("/treaties", "/treaties/figures", CCM):
        assert "The ledger is empty" in told.get(address).text
        assert "Load the tables that come with the project" not in told.get(address).text
    assert told.get("/treaties/states/niu").status_code == 200
    assert told.get(f"{CCM}/status.csv").status_code == 200
    assert "Load the tables that come with the project" in staff.get("/treaties").text
    answer = staff.post("/treaties/reference")
    assert (answer.status_code, answer.location) == (303, "/treaties")
    assert "112 of 197 states" in staff.get("/treaties?on=2026-11-23").text
    assert "nothing was loaded" in staff.post("/treaties/reference", follow_redirects=True).text
