"""The dossier, as page and paper, and the time line: what they say, to whom, on one page."""

from collections.abc import Callable
from datetime import date, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from sqlalchemy import event, select

from crm.campaigns.models import Ask, Goal
from crm.campaigns.positions import record_position
from crm.core import audit, db
from crm.core.i18n import today
from crm.outreach.commitments import record_commitment, settle_commitment
from crm.outreach.models import ActionTarget, Commitment
from crm.outreach.operations import log_action, record_outcome
from crm.reports.dossier import dossier
from crm.reports.timeline import _Row, preceded_by
from crm.targets.models import ContactPoint, Target, TargetIdentifier
from crm.treaties import operations as treaties
from tests import make

SignIn = Callable[[Any], FlaskClient]


def scene() -> SimpleNamespace:
    people = make.people()
    target = make.legislator("Nélida", "Núñez", starts_on=date(2021, 1, 3))
    campaign = make.campaign("Postcards", chapters=(people.state,), targets=(target,))
    members = [make.member(given, "Secretname", people.school_a).id for given in ("Ana", "Ben")]
    ask = db.session.scalars(select(Ask.id)).one()
    of = SimpleNamespace(people=people, target=target.id, campaign=campaign.id, ask=ask,
                         members=members)  # fmt: skip
    with db.unit_of_work():
        action = log_action(
            channel="letter", client_key="the-letters", campaign_id=of.campaign,
            happened_on=today() - timedelta(days=30), pieces=12, targets={of.target: 12},
            members={members[0]: 3}, chapter_ids=[people.school_a.id], by=None, today=today(),
        )  # fmt: skip
        of.action = action.id
        row = db.session.scalars(select(ActionTarget.id)).one()
        record_outcome(
            action_target_id=row, kind="commitment", received_on=today() - timedelta(days=10),
            summary="To Ana Secretname: we will bring it up.", by=None, today=today(),
        )  # fmt: skip
        record_position(
            target_id=of.target, ask_id=ask, support=1, confidence="medium",
            seen_on=today() - timedelta(days=9), evidence_text="Wrote so to Secretname.",
            action_id=of.action, by=None, today=today(),
        )  # fmt: skip
    return of


def paper(client: FlaskClient, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, answer.text
    assert answer.mimetype == "application/pdf"
    pages = PdfReader(BytesIO(answer.data)).pages
    assert len(pages) == 1
    return " ".join(pages[0].extract_text().split())


def test_it_works(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    client = sign_in(of.people.leader)
    page = client.get(f"/targets/{of.target}/dossier")
    assert page.status_code == 200
    said = paper(client, f"/targets/{of.target}/dossier.pdf")
    for words in ("Nélida Núñez", "Republican", "Join the treaty", "Supporter", "medium confidence",
                  "12 letters", "we will bring it up", "Came back: Commitment 1"):  # fmt: skip
        assert words in page.text, words
        assert words in said, words
    assert "by Lee." in said
    assert "Leader" not in said
    assert f'/targets/{of.target}/dossier"' in client.get(f"/targets/{of.target}").text


def test_no_member_is_named(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    client = sign_in(of.people.admin)
    said = paper(client, f"/targets/{of.target}/dossier.pdf")
    page = client.get(f"/targets/{of.target}/dossier").text
    for text in (said, page):
        assert "Secretname" not in text
        assert "To a member: we will bring it up" in text


def test_as_of_a_day(any_app: Flask) -> None:
    of = scene()
    with any_app.test_request_context():
        target = db.session.get_one(Target, of.target)
        before = dossier(target, today() - timedelta(days=31))
        words = [line for section in before.main for line in section.rows]
        assert [(line.head, line.mark) for line in words] == [("Join the treaty", "not known")]
        after = dossier(target, today())
        assert {line.mark for line in after.main[0].rows} == {"Supporter"}
        assert ("In office since", "Jan 3, 2021") in after.facts


def test_what_is_overdue_stands_first(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    with db.unit_of_work():
        for number, (text, due, whose) in enumerate(
            (("Speak to the committee", -3, "theirs"), ("Send the report", -40, "ours"),
             ("Meet us again", 9, "theirs"))
        ):  # fmt: skip
            promise = record_commitment(
                text=text, due_on=today() + timedelta(days=due), whose=whose, target_id=of.target,
                made_on=today() - timedelta(days=60 - number), by=None, today=today(),
            )  # fmt: skip
            if number == 0:
                of.kept = promise.id
        for number in range(40):
            # As many later ones as a section holds leave it where it is.
            record_commitment(
                text=f"Later {number}", target_id=of.target, made_on=today() - timedelta(days=1),
                by=None, today=today(),
            )  # fmt: skip
    client, address = sign_in(of.people.leader), f"/targets/{of.target}/dossier"
    with app.test_request_context():
        rows = dossier(db.session.get_one(Target, of.target), today()).main[0].rows
    assert [(row.text, row.mark, row.beside != "") for row in rows[:3]] == [
        ("We promised: Send the report", "overdue by 40 days", True),
        ("Speak to the committee", "overdue by 3 days", True),
        ("Later 39", "open", False),
    ]
    for said in (client.get(address).text, paper(client, f"{address}.pdf")):
        assert said.index("Send the report") < said.index("Speak to the committee")
        assert "overdue by 40 days" in said
        assert said.index("overdue by 3 days") < said.index("Join the treaty")
    with db.unit_of_work():
        settle_commitment(
            db.session.get_one(Commitment, of.kept), state="kept", on=today(),
            evidence="She did.", by=db.session.merge(of.people.admin), today=today(),
        )  # fmt: skip
    assert "overdue by 3 days" not in client.get(address).text


def test_a_government_has_its_record(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    niue = make.target("Niue", country="NU", region="Oceania", sub_region="Polynesia").id
    make.kept(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
    with db.unit_of_work():
        treaties.load_reference(by=None)
    client = sign_in(of.people.viewer)
    said = paper(client, f"/targets/{niue}/dossier.pdf?on=2021-06-01&paper=a4")
    assert "CONVENTION ON CLUSTER MUNITIONS State Party" in said
    assert "acceded Aug 6, 2020" in said
    assert "in force since Feb 1, 2021" in said
    assert "due Feb 1, 2029" in said
    then = paper(client, f"/targets/{niue}/dossier.pdf?on=2020-08-05")
    assert "CONVENTION ON CLUSTER MUNITIONS Has not signed or joined" in then


def test_however_long_it_is_one_page(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    with db.unit_of_work():
        target = db.session.get_one(Target, of.target)
        target.name = "Wolfeschlegelsteinhausenbergerdorff " * 5
        target.note, target.source = "n" * 500, "s" * 400
        db.session.add_all(
            ContactPoint(target_id=of.target, kind=kind, label=f"Office {n}",
                         value=f"{n} Long Street of the Very Long Name, Suite {n}\nTown {n}")
            for n in range(100) for kind in ("postal", "web form")
        )  # fmt: skip
        db.session.add_all(
            Ask(campaign_id=of.campaign, text=f"Ask {n} " + "of many words " * 12)
            for n in range(40)
        )
        audit.record("make", "test", None, by=None)
    client = sign_in(of.people.leader)
    for size in ("a4", "letter"):
        said = paper(client, f"/targets/{of.target}/dossier.pdf?paper={size}")
        assert "more" in said
        assert "Wolfeschlegel" in said
    page = client.get(f"/targets/{of.target}/dossier").text
    assert "and 92 more" in page
    assert page.count("Long Street") == 17


def test_letters_without_a_font_are_told(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    client = sign_in(of.people.leader)
    said = paper(client, f"/targets/{make.target('한국').id}/dossier.pdf")
    assert "This paper may lack letters" in said
    said = paper(client, f"/targets/{make.target('中国').id}/dossier.pdf")
    assert "中国" in said
    assert "This paper may lack letters" not in said


def test_who_may(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    for address in (f"/targets/{of.target}/dossier", f"/targets/{of.target}/dossier.pdf"):
        for user in (of.people.leader, of.people.outsider, of.people.viewer, of.people.staff):
            assert sign_in(user).get(address).status_code == 200
        assert sign_in(of.people.member).get(address).status_code == 403
        absent = address.replace(str(of.target), "9999")
        assert sign_in(of.people.leader).get(absent).status_code == 404
    member = sign_in(of.people.member).get(f"/targets/{of.target}")
    assert "/dossier" not in member.text


def test_who_was_merged_leads_to_who_was_kept(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    make.kept(Target(kind="legislator", name="N. Nunez", sort_name="n", search=" n ",
                     merged_into_id=of.target))  # fmt: skip
    merged = db.session.scalars(select(Target.id).where(Target.name == "N. Nunez")).one()
    client = sign_in(of.people.leader)
    for ending in ("", ".pdf"):
        answer = client.get(f"/targets/{merged}/dossier{ending}")
        assert answer.status_code == 302
        assert answer.location == f"/targets/{of.target}/dossier{ending}"


def test_hostile_text_is_text(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    bad = "<script>alert(1)</script>{{ 7*7 }}#panic()"
    with db.unit_of_work():
        record_position(
            target_id=of.target, ask_id=of.ask, support=0, confidence="low", seen_on=today(),
            evidence_text=bad, by=None, today=today(),
        )  # fmt: skip
    client = sign_in(of.people.leader)
    assert "#panic()" in paper(client, f"/targets/{of.target}/dossier.pdf")
    for address in (f"/targets/{of.target}/dossier", f"/targets/{of.target}"):
        assert "<script>alert" not in client.get(address).text


# The time line


def outreach(day: date, number: int, channel: str = "letter") -> _Row:
    return _Row("outreach", day, None, number, None, None, channel, None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([], ""),
        ([outreach(date(2026, 3, 31), 3)], "3 letters"),
        ([outreach(date(2026, 4, 1), 3)], ""),
        ([outreach(date(2026, 1, 1), 3)], "3 letters"),
        ([outreach(date(2025, 12, 31), 3)], ""),
        (
            [outreach(date(2026, 2, 1), 2), outreach(date(2026, 3, 1), 1),
             outreach(date(2026, 3, 1), 1, "meeting")],
            "3 letters and 1 meeting",
        ),
    ],
)  # fmt: skip
def test_what_preceded(app: Flask, rows: list[_Row], told: str) -> None:
    with app.test_request_context():
        assert preceded_by(date(2026, 4, 1), rows) == told


def test_the_time_line(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    page = sign_in(of.people.viewer).get(f"/targets/{of.target}").text
    assert "preceded by 12 letters in the 90 days before" in page
    assert 'class="lanes" aria-hidden="true"' in page
    assert "caused" in page.split("What came before a change need not have")[1][:20]
    assert "Record a position" not in page


def test_a_government_shows_its_steps(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    niue = make.target("Niue", country="NU").id
    make.kept(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
    with db.unit_of_work():
        treaties.load_reference(by=None)
        log_action(
            channel="postcard", client_key="the-postcards", campaign_id=of.campaign,
            happened_on=date(2020, 7, 1), pieces=9, targets={niue: 9}, members={},
            chapter_ids=[of.people.school_a.id], by=None, today=today(),
        )  # fmt: skip
    client = sign_in(of.people.viewer)
    page = client.get(f"/targets/{niue}").text
    assert "Acceded" in page
    assert "preceded by 9 postcards in the 90 days before" in page
    assert "no outreach of ours in the 90 days before" in page
    assert "Show all from the beginning" in page
    everything = client.get(f"/targets/{niue}?span=all").text
    assert "Show the last two years" in everything


def test_nothing_is_known(app: Flask, sign_in: SignIn) -> None:
    people = make.people()
    bare = make.target("Atlantis").id
    page = sign_in(people.viewer).get(f"/targets/{bare}").text
    assert "No position is recorded." in page
    assert 'class="lanes"' not in page


def test_few_statements(app: Flask, sign_in: SignIn) -> None:
    of = scene()
    niue = make.target("Niue", country="NU").id
    make.kept(TargetIdentifier(target_id=niue, scheme="iso3166-alpha3", identifier="NIU"))
    make.kept(Goal(campaign_id=of.campaign, figure="ccm.joined", number=130))
    with db.unit_of_work():
        treaties.load_reference(by=None)
        for number in range(30):
            log_action(
                channel="letter", client_key=f"the-letters-{number}", campaign_id=of.campaign,
                happened_on=today() - timedelta(days=number), pieces=4,
                targets={of.target: 2, niue: 2}, members={},
                chapter_ids=[of.people.school_a.id], by=None, today=today(),
            )  # fmt: skip
            record_position(
                target_id=niue, ask_id=of.ask, support=number % 3, confidence="low",
                seen_on=today() - timedelta(days=number), evidence_text=f"Word {number}",
                by=None, today=today(),
            )  # fmt: skip
    client = sign_in(of.people.leader)
    statements: list[str] = []
    event.listen(db.extension.engine, "before_cursor_execute", lambda *a: statements.append(a[2]))
    for address in (
        f"/targets/{of.target}", f"/targets/{niue}", f"/targets/{niue}?span=all",
        f"/targets/{of.target}/dossier", f"/targets/{niue}/dossier",
        f"/targets/{niue}/dossier.pdf", "/campaigns/postcards", "/campaigns/postcards/positions",
    ):  # fmt: skip
        statements.clear()
        assert client.get(address).status_code == 200
        asked = [each for each in statements if not each.startswith("BEGIN")]
        # A file is recorded in a transaction of its own before it leaves, and asks who made it;
        # the pages of a campaign and a target have parts of all rooms above them.
        most = 21 if address.endswith(".pdf") else 18 if address.endswith("/postcards") else 17
        assert len(asked) <= most, (address, len(asked))
