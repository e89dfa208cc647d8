"""Campaigns made, changed and given targets, and who may not; on both databases."""

from datetime import date
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from crm.campaigns import operations, queries
from crm.campaigns.models import Ask, Campaign
from crm.campaigns.rules import AskDraft, GoalDraft, State
from crm.core import db
from crm.core.access import Role
from crm.core.audit import AuditEntry
from crm.core.errors import Refused
from crm.members.queries import colleagues
from crm.outreach.models import Action, action_ask
from crm.targets.queries import TargetFilter, targets
from tests import make

START, END, TODAY = date(2025, 9, 1), date(2026, 6, 30), date(2026, 3, 19)


@pytest.fixture
def people(any_app: Flask) -> Any:
    return make.people()


def facts(people: Any, **more: Any) -> dict[str, Any]:
    return {
        "name": "Mine Ban Treaty postcards",
        "starts_on": START,
        "ends_on": END,
        "chapter_ids": [people.school_a.id],
        "asks": [AskDraft("Join the treaty"), AskDraft("Meet us")],
        "goals": [GoalDraft(number=150, channel="postcard", due_on=date(2026, 3, 31))],
        "by": people.coordinator,
    } | more


def made(people: Any, **more: Any) -> Campaign:
    with db.unit_of_work():
        slug = operations.create_campaign(**facts(people, **more)).slug
    return queries.campaign(slug)


def refused(people: Any, **more: Any) -> Refused:
    with pytest.raises(Refused) as refusal, db.unit_of_work():
        operations.create_campaign(**facts(people, **more))
    assert not db.session.scalars(select(Campaign)).all()
    return refusal.value


def test_it_works(people: Any) -> None:
    campaign = made(people, title="No more mines", summary="A card each", lead_id=people.leader.id)
    assert campaign.slug == "mine-ban-treaty-postcards"
    assert [ask.text for ask in campaign.asks] == ["Join the treaty", "Meet us"]
    assert [(goal.number, goal.channel) for goal in campaign.goals] == [(150, "postcard")]
    assert campaign.lead is not None
    assert campaign.lead.name == "Lee Leader"
    assert [chapter.name for chapter in campaign.chapters] == ["Alder High School"]
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "create_campaign")).one()
    assert entry.by_id == people.coordinator.id
    assert entry.changes["goals"] == ["150 postcard by 2026-03-31"]


def test_slugs_are_unique_and_no_page_of_ours(people: Any) -> None:
    assert made(people, name="Mines!").slug == "mines"
    assert made(people, name="Mines").slug == "mines-2"
    assert made(people, name="New").slug == "new-2"


def test_a_command_may(people: Any) -> None:
    assert made(people, by=None, chapter_ids=[people.state.id]).lead_id is None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"ends_on": date(2025, 8, 1)}, "ends_on"),
        ({"chapter_ids": []}, "chapter_ids"),
        ({"chapter_ids": [999]}, "chapter_ids"),
        ({"lead_id": 999}, "lead_id"),
        ({"asks": [AskDraft("a"), AskDraft("A")]}, "asks"),
        ({"goals": [GoalDraft(number=0)]}, "goals"),
        ({"goals": [GoalDraft(number=1, channel="smoke signal")]}, "goals"),
    ],
)
def test_refusals(people: Any, more: dict[str, Any], field: str) -> None:
    assert refused(people, **more).field == field


def test_only_own_chapters(people: Any) -> None:
    assert "own chapters" in refused(people, chapter_ids=[people.school_b.id]).message
    assert refused(people, by=people.leader).field == "chapter_ids"
    assert refused(people, by=people.viewer).field == "chapter_ids"
    made(people, by=people.staff, chapter_ids=[people.school_a.id, people.school_b.id])


def test_editing(people: Any) -> None:
    campaign = made(people)
    join, meet = campaign.asks
    drafts = [AskDraft("Meet us in person", id=meet.id), AskDraft("Co-sponsor")]
    goal = campaign.goals[0].id
    with db.unit_of_work():
        campaign = queries.campaign("mine-ban-treaty-postcards")
        operations.edit_campaign(
            campaign,
            **facts(
                people,
                name="Postcards",
                asks=drafts,
                goals=[GoalDraft(number=200, id=goal), GoalDraft(number=4, channel="meeting")],
            ),
        )
        assert [ask.text for ask in campaign.asks] == ["Meet us in person", "Co-sponsor"]
    campaign = queries.campaign("mine-ban-treaty-postcards")
    assert campaign.name == "Postcards"
    assert [ask.text for ask in campaign.asks] == ["Meet us in person", "Co-sponsor"]
    assert campaign.asks[0].id == meet.id
    assert {(each.number, each.channel) for each in campaign.goals} == {
        (200, None),
        (4, "meeting"),
    }
    assert db.session.get(Ask, join.id) is None
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.verb == "edit_campaign")).one()
    assert entry.changes["name"] == ["Mine Ban Treaty postcards", "Postcards"]
    assert set(entry.changes) == {"name", "asks", "goals"}


def test_an_ask_in_use_stays(people: Any) -> None:
    campaign = made(people)
    slug, ask_id, goal_id = campaign.slug, campaign.asks[0].id, campaign.goals[0].id
    action = make.kept(
        Action(
            channel="postcard",
            campaign_id=campaign.id,
            happened_on=START,
            pieces=1,
            client_key="a",
        )
    )
    action_id = action.id
    with db.unit_of_work():
        db.session.execute(action_ask.insert().values(action_id=action_id, ask_id=ask_id))
        db.session.info["audited"] = True
    with pytest.raises(Refused, match=r"Join the treaty.*stays") as refusal, db.unit_of_work():
        operations.edit_campaign(
            queries.campaign(slug), **facts(people, name="Other", asks=[], goals=[])
        )
    assert refusal.value.field == "asks"
    kept = queries.campaign(slug)
    assert kept.name == "Mine Ban Treaty postcards"
    assert len(kept.asks) == 2
    assert kept.goals[0].id == goal_id


def test_asks_of_another_campaign_are_not_touched(people: Any) -> None:
    other = made(people, name="Other").asks[0].id
    slug = made(people).slug
    with pytest.raises(Refused, match="not there any more"), db.unit_of_work():
        operations.edit_campaign(
            queries.campaign(slug), **facts(people, asks=[AskDraft("Hijacked", id=other)])
        )
    with pytest.raises(Refused, match="not there any more"), db.unit_of_work():
        operations.edit_campaign(
            queries.campaign(slug), **facts(people, goals=[GoalDraft(number=1, id=999)])
        )


def test_strangers_may_not_edit(people: Any) -> None:
    slug = made(people).slug
    stranger = make.user(Role.COORDINATOR, people.school_b)
    for by in (stranger, people.outsider, people.leader, people.viewer):
        with pytest.raises(Refused, match="Only the chapters"), db.unit_of_work():
            operations.edit_campaign(queries.campaign(slug), **facts(people, by=by))
        with pytest.raises(Refused, match="Only the chapters"), db.unit_of_work():
            operations.add_targets(queries.campaign(slug), [1], by=by)
        with pytest.raises(Refused, match="Only the chapters"), db.unit_of_work():
            operations.remove_targets(queries.campaign(slug), [1], by=by)


def test_chapters_of_others_are_neither_given_nor_taken(people: Any) -> None:
    both = [people.school_a.id, people.school_b.id]
    slug = made(people, by=people.staff, chapter_ids=both).slug

    def edit(chapter_ids: list[int]) -> None:
        with db.unit_of_work():
            operations.edit_campaign(
                queries.campaign(slug), **facts(people, chapter_ids=chapter_ids)
            )

    edit(both)
    for wrong in ([people.school_a.id], [people.school_b.id], [*both, people.state.id]):
        with pytest.raises(Refused):
            edit(wrong)
    assert {chapter.id for chapter in queries.campaign(slug).chapters} == set(both)


def test_targets(people: Any) -> None:
    niue, tonga = make.target("Niue").id, make.target("Tonga").id
    senator = make.legislator("Ada", "Lovett").id
    slug = made(people).slug
    campaign_id = queries.campaign(slug).id
    with db.unit_of_work():
        campaign = queries.campaign(slug)
        assert operations.add_targets(campaign, [tonga, niue], by=people.coordinator) == 2
        assert operations.add_targets(campaign, [niue, senator], by=people.coordinator) == 1
        assert operations.add_targets(campaign, [niue], by=people.coordinator) == 0
    assert queries.target_ids(campaign_id) == [senator, niue, tonga]
    assert queries.target_counts([campaign_id]) == {campaign_id: 3}
    assert queries.listed_among(campaign_id, [niue, 999]) == {niue}
    governments = targets(TargetFilter(kind="government"))
    found = db.session.scalars(queries.on_list(governments, campaign_id)).all()
    assert [target.id for target in found] == [niue, tonga]
    with db.unit_of_work():
        campaign = queries.campaign(slug)
        assert operations.remove_targets(campaign, [niue, 999], by=people.coordinator) == 1
    assert queries.target_ids(campaign_id) == [senator, tonga]


@pytest.mark.parametrize(("ids", "sentence"), [([], "at least one"), ([999], "not there")])
def test_targets_refused(people: Any, ids: list[int], sentence: str) -> None:
    slug = made(people).slug
    with pytest.raises(Refused, match=sentence), db.unit_of_work():
        operations.add_targets(queries.campaign(slug), ids, by=people.coordinator)


def test_open_and_found(people: Any) -> None:
    made(people, name="Último")
    made(people, name="Over", ends_on=date(2025, 12, 31), title="Über uns")
    made(people, name="To come", starts_on=date(2026, 9, 1), ends_on=None, goals=[])
    made(people, name="Endless", ends_on=None)
    assert [each.name for each in queries.open_campaigns(TODAY)] == ["Endless", "Último"]
    names = {
        state: {
            each.name for each in db.session.scalars(queries.campaigns(state=state, today=TODAY))
        }
        for state in State
    }
    assert names == {
        State.PLANNED: {"To come"},
        State.ENDED: {"Over"},
        State.RUNNING: {"Endless", "Último"},
    }
    assert [each.name for each in queries.find_campaigns("ULTIMO", 5)] == ["Último"]
    assert [each.name for each in queries.find_campaigns("uber", 5)] == ["Over"]
    assert queries.find_campaigns(" ", 5) == []
    assert len(queries.find_campaigns("e", 2)) == 2


def test_who_can_lead(people: Any) -> None:
    from crm.core import access
    from crm.core.access import Can

    scope = access.scope(people.coordinator, Can.EDIT_CAMPAIGNS)
    names = {user.name for user in colleagues(scope)}
    assert names == {
        "Ines Admin", "Sol Staff", "Cory Coordinator", "Lee Leader", "Mina Member", "Vic Viewer",
    }  # fmt: skip
