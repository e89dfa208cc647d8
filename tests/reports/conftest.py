"""Batches for the reports' tests, written as rows: what an action of each kind leaves behind."""

from collections.abc import Mapping, Sequence
from datetime import date
from itertools import count
from typing import Any

import pytest
from flask import Flask

from crm.campaigns.models import Campaign
from crm.core import audit, db
from crm.core.access import public
from crm.members.models import Chapter, Member
from crm.outreach.channels import channels
from crm.outreach.models import Action, ActionChapter, ActionMember, ActionTarget, Outcome
from crm.targets.models import Target

_keys = count(1)

#: Pages of other rooms that reports lead to: (endpoint, address). Stood in for where absent.
_LEADS_TO = (
    ("targets.page", "/targets/<int:target_id>"),
    ("targets.index", "/targets"),
    ("members.page", "/members/<int:member_id>"),
    ("members.chapters", "/chapters"),
    ("campaigns.page", "/campaigns/<slug>"),
    ("campaigns.index", "/campaigns"),
    ("outreach.index", "/outreach"),
    ("outreach.page", "/outreach/<int:action_id>"),
)


def stand_in(app: Flask) -> Flask:
    for endpoint, address in _LEADS_TO:
        if endpoint not in app.view_functions:
            app.add_url_rule(address, endpoint, public(lambda **_values: ""))
    return app


@pytest.fixture
def app(app: Flask) -> Flask:
    return stand_in(app)


@pytest.fixture
def any_app(any_app: Flask) -> Flask:
    return stand_in(any_app)


def logged(
    channel: str,
    campaign: Campaign | int,
    *,
    targets: Mapping[int, int] | Sequence[int] = (),
    members: Mapping[int, int] | None = None,
    chapters: Sequence[int] = (),
    pieces: int = 1,
    on: date = date(2025, 10, 7),
    terms: Mapping[int, int] | None = None,
    outcomes: Sequence[tuple[int, str, date]] = (),
    undone: bool = False,
) -> int:
    """One action as it is kept. `targets` maps ids to pieces, or lists those an act reached."""
    campaign_id = campaign if isinstance(campaign, int) else campaign.id
    of_members = dict(members or {})
    per_piece = channels()[channel].per_piece
    reached = targets if isinstance(targets, Mapping) else dict.fromkeys(targets, pieces)
    named = sum(of_members.values())
    with db.unit_of_work():
        action = Action(
            channel=channel,
            campaign_id=campaign_id,
            happened_on=on,
            pieces=pieces,
            unnamed=pieces - named if per_piece else (0 if of_members else pieces),
            client_key=f"key-{next(_keys)}",
        )
        db.session.add(action)
        db.session.flush()
        action_id = action.id
        if undone:
            action.undone_at = db.now()
        else:
            rows: list[Any] = [
                ActionChapter(action_id=action_id, chapter_id=each, happened_on=on)
                for each in chapters
            ]
            rows += [
                ActionMember(action_id=action_id, member_id=each, pieces=amount)
                for each, amount in of_members.items()
            ]
            db.session.add_all(rows)
            parts = {}
            for target_id, amount in reached.items():
                parts[target_id] = ActionTarget(
                    action_id=action_id,
                    target_id=target_id,
                    term_id=(terms or {}).get(target_id),
                    pieces=amount,
                    channel=channel,
                    campaign_id=campaign_id,
                    happened_on=on,
                )
            db.session.add_all(parts.values())
            db.session.flush()
            db.session.add_all(
                Outcome(action_target_id=parts[target_id].id, kind=kind, received_on=received_on)
                for target_id, kind, received_on in outcomes
            )
        audit.record("make", "test", None, by=None)
    return action_id


def ids(*records: Target | Member | Chapter) -> list[int]:
    """Kept in variables: the records themselves expire with the next unit of work."""
    return [record.id for record in records]
