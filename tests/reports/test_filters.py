"""What an address may ask of outreach: asks, teams, members, committees, addresses, states."""

from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g

from crm.campaigns.models import Ask
from crm.core import audit, db
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Member, Team, TeamMember
from crm.outreach.filters import parse_filter
from crm.outreach.models import ActionTarget, action_ask
from crm.outreach.queries import total
from crm.reports.cli import COMMAND
from crm.targets.models import Body, CommitteeSeat, Term
from tests import make
from tests.reports.conftest import logged


@pytest.fixture
def seen(any_app: Flask) -> SimpleNamespace:
    return made()


def made() -> SimpleNamespace:
    """Two schools, a member and a team of each; cards to Ann of committee and to Bea of none."""
    who = make.people()
    ann = make.legislator("Ann", "Alpha", party="Democrat", district="1").id
    bea = make.target("Bea", region="Oceania").id
    committee = make.kept(Body(key="us/x", name="Relations", classification="committee")).id
    make.kept(CommitteeSeat(target_id=ann, body_id=committee))
    post = db.session.query(Body).filter_by(key="us/senate").one().id
    term = db.session.query(Term).one().id
    ours = make.member("Ida", "Alder", who.school_a).id
    theirs = make.member("Odo", "Birch", who.school_b).id
    teams = [
        make.kept(Team(chapter_id=chapter.id, name="Writers")).id
        for chapter in (who.school_a, who.school_b)
    ]
    make.kept(
        TeamMember(team_id=teams[0], member_id=ours), TeamMember(team_id=teams[1], member_id=theirs)
    )
    campaign = make.campaign("Cards").id
    ask = db.session.query(Ask).filter_by(campaign_id=campaign).one().id
    first = logged(
        "postcard", campaign, targets={ann: 5}, members={ours: 4}, chapters=[who.school_a.id],
        terms={ann: term}, pieces=5, on=date(2025, 10, 1),
        outcomes=[(ann, "form_reply", date(2025, 11, 1))],
    )  # fmt: skip
    second = logged(
        "letter", campaign, targets={bea: 7}, members={theirs: 7}, chapters=[who.school_b.id],
        pieces=7, on=date(2025, 10, 2),
    )  # fmt: skip
    logged("event", campaign, on=date(2025, 10, 3))
    with db.unit_of_work():
        db.session.execute(action_ask.insert().values(action_id=first, ask_id=ask))
        reached = {row.action_id: row for row in db.session.query(ActionTarget)}
        reached[first].went_to, reached[second].awaiting = "district", True
        audit.record("make", "test", None, by=None)
    return SimpleNamespace(
        who=who, ann=ann, ours=ours, theirs=theirs, teams=teams, ask=ask, committee=committee,
        senate=post, a=who.school_a.slug, b=who.school_b.slug,
    )  # fmt: skip


ASKED = [
    ("ask", "ask", 5), ("ask", "none", 8), ("committee", "committee", 5),
    ("committee", "none", 7), ("went", "district", 5), ("went", "none", 7),
    ("state", "waiting", 7), ("state", "answered", 5), ("state", "closed", 0),
    ("member", "ours", 5), ("member", "theirs", 7), ("team", 0, 5), ("team", 1, 7),
    ("team", "none", 0), ("party", "none", 7), ("area", "none", 7), ("area", "WV", 5),
    ("region", "none", 5), ("body", "senate", 5), ("body", "none", 7), ("post", "none", 7),
    ("chapter", "none", 1), ("chapter_itself", "a", 5),
]  # fmt: skip


def test_it_works(seen: SimpleNamespace) -> None:
    for name, value, found in ASKED:
        meant = str(seen.teams[value] if isinstance(value, int) else getattr(seen, value, value))
        asked = parse_filter({name: meant}, COMMAND)
        assert (asked.problems, total(asked.wanted)) == ([], found), (name, value)
        words = asked.choices.said(name, meant, Exit.EXPORT)
        assert words, name
        assert "Ida" not in words
        assert words != meant, name


def test_who_is_not_seen_is_not_known(seen: SimpleNamespace) -> None:
    viewer = Viewer.of(seen.who.leader)
    for name, ours, theirs in (
        ("member", seen.ours, seen.theirs),
        ("team", seen.teams[0], seen.teams[1]),
    ):
        assert not parse_filter({name: str(ours)}, viewer).problems
        refused = parse_filter({name: str(theirs)}, viewer)
        assert refused.problems == [f"Nothing is known as “{theirs}” for {name}."]
        assert getattr(refused.wanted, f"{name}_id") is None
        # Nor is anybody who asks without eyes.
        assert parse_filter({name: str(ours)}).problems
        assert refused.choices.said(name, str(theirs)) == str(theirs)
    shown = parse_filter({"member": str(seen.ours)}, viewer).choices
    assert shown.said("member", str(seen.ours)) == "Ida Alder"
    assert "Ida" not in shown.said("member", str(seen.ours), Exit.EXPORT)


def test_one_who_was_forgotten_is_not_known(seen: SimpleNamespace) -> None:
    with db.unit_of_work():
        db.session.get_one(Member, seen.ours).forgotten_at = db.now()
        audit.record("make", "test", None, by=None)
    assert parse_filter({"member": str(seen.ours)}, COMMAND).problems


def test_pages_take_them(app: Flask, sign_in: Any) -> None:
    seen = made()
    client = sign_in(seen.who.leader)
    page = client.get(f"/outreach?member={seen.ours}").text
    assert "With Ida Alder" in page
    page = client.get(f"/outreach?member={seen.theirs}").text
    assert "Odo" not in page
    assert "Nothing is known as" in page
    g.pop("known_members", None)
    page = client.get(f"/reports/activity-by-campaign?member={seen.ours}").text
    assert "Member: Ida Alder" in page
    assert client.get(f"/reports/activity-by-campaign?member={seen.theirs}").status_code == 422
    file = client.get(f"/reports/activity-by-campaign.json?member={seen.ours}").text
    assert "Ida" not in file
