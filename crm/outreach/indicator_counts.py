"""What indicators of a strategy can have counted of outreach. Offered to the campaigns room, which
lies below. Each is one number of one statement, by the same conditions as the reports.
"""

from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from sqlalchemy import ColumnElement, case, func, select
from sqlalchemy.orm import aliased

from crm.campaigns.indicators import Asked, Count
from crm.campaigns.models import Campaign
from crm.core import db
from crm.outreach.channels import awaited_names
from crm.outreach.models import Action, ActionMember, ActionTarget, Commitment, Outcome
from crm.outreach.outcome_kinds import answer_names
from crm.outreach.queries import ActionFilter


def _wanted(asked: Asked, on: date) -> ActionFilter:
    return ActionFilter(
        campaign_id=asked.campaign_id, channel=asked.channel, since=asked.since, until=on
    )


def _pieces(asked: Asked, on: date) -> ColumnElement[Any]:
    return (
        select(func.coalesce(func.sum(Action.pieces), 0))
        .where(*_wanted(asked, on).of_actions())
        .scalar_subquery()
    )


def _actions(asked: Asked, on: date) -> ColumnElement[Any]:
    return select(func.count()).where(*_wanted(asked, on).of_actions()).scalar_subquery()


def _targets(asked: Asked, on: date) -> ColumnElement[Any]:
    return (
        select(func.count(ActionTarget.target_id.distinct()))
        .where(*_wanted(asked, on).of_targets())
        .scalar_subquery()
    )


def _answers(asked: Asked, on: date) -> ColumnElement[Any]:
    return (
        select(func.count(Outcome.id))
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(*_is_answer(on), *_wanted(asked, on).of_targets())
        .scalar_subquery()
    )


def _answered(asked: Asked, on: date) -> ColumnElement[Any]:
    """Targets that answered, in percent of those that were asked for an answer."""
    reached = aliased(Outcome)
    awaited = ActionTarget.channel.in_(awaited_names())
    came = (
        select(func.count(ActionTarget.target_id.distinct()))
        .join(reached, reached.action_target_id == ActionTarget.id)
        .where(
            reached.kind.in_(answer_names()), reached.received_on <= on, awaited,
            *_wanted(asked, on).of_targets(),
        )
        .scalar_subquery()
    )  # fmt: skip
    asked_for = (
        select(func.count(ActionTarget.target_id.distinct()))
        .where(awaited, *_wanted(asked, on).of_targets())
        .scalar_subquery()
    )
    return case((asked_for > 0, 100.0 * came / asked_for))


def _is_answer(on: date) -> list[ColumnElement[bool]]:
    return [
        Outcome.kind.in_(answer_names()),
        Outcome.received_on <= on,
        ActionTarget.channel.in_(awaited_names()),
    ]


def _commitments(asked: Asked, on: date, *, kept: bool) -> ColumnElement[Any]:
    which = [Commitment.whose == "theirs", Commitment.made_on.between(asked.since, on)]
    if asked.campaign_id is not None:
        which.append(Commitment.campaign_id == asked.campaign_id)
    if kept:
        which += [Commitment.state == "kept", Commitment.settled_on <= on]
    return select(func.count(Commitment.id)).where(*which).scalar_subquery()


def _took_part(asked: Asked, on: date) -> ColumnElement[Any]:
    return (
        select(func.count(ActionMember.member_id.distinct()))
        .join(Action, Action.id == ActionMember.action_id)
        .where(*_wanted(asked, on).of_actions())
        .scalar_subquery()
    )


def _to_outreach(asked: Asked, on: date) -> tuple[str, dict[str, Any]]:
    """The list of the outreach that is counted."""
    values: dict[str, Any] = {"since": asked.since.isoformat(), "until": on.isoformat()}
    if asked.channel:
        values["channel"] = asked.channel
    if asked.campaign_id is not None:
        campaign = db.session.get(Campaign, asked.campaign_id)
        values["campaign"] = campaign.slug if campaign else ""
    return "outreach.index", values


_BOTH = ("campaign", "channel")
_LOGGED = _l("Counted from the outreach that was logged here")
COUNTS = (
    Count(
        name="pieces", label=_l("Pieces and acts: postcards, calls, meetings …"), asks=_BOTH,
        unit=_l("pieces"), source=_LOGGED, sql=_pieces, leads=_to_outreach,
    ),
    Count(
        name="actions", label=_l("Actions, however many pieces each had"), asks=_BOTH,
        unit=_l("actions"), source=_LOGGED, sql=_actions, leads=_to_outreach,
    ),
    Count(
        name="targets", label=_l("Targets reached"), asks=_BOTH,
        unit=_l("targets"), source=_LOGGED, sql=_targets, leads=_to_outreach,
    ),
    Count(
        name="answers", label=_l("Answers that came"), asks=_BOTH,
        unit=_l("answers"), source=_l("Counted from the answers that were recorded here"),
        sql=_answers, leads=_to_outreach,
    ),
    Count(
        name="answered", label=_l("Targets that answered, in percent of those written to or met"),
        asks=_BOTH, unit="%", source=_l("Counted from outreach and answers recorded here"),
        sql=_answered, leads=_to_outreach,
    ),
    Count(
        name="commitments", label=_l("Commitments that targets made"), asks=("campaign",),
        unit=_l("commitments"), source=_l("Counted from the commitments recorded here"),
        sql=lambda asked, on: _commitments(asked, on, kept=False),
    ),
    Count(
        name="kept", label=_l("Commitments that targets kept"), asks=("campaign",),
        unit=_l("commitments"), source=_l("Counted from the commitments recorded here"),
        sql=lambda asked, on: _commitments(asked, on, kept=True),
    ),
    Count(
        name="members", label=_l("Members who took part by name"), asks=_BOTH,
        unit=_l("members"), source=_LOGGED, sql=_took_part, leads=_to_outreach,
    ),
)  # fmt: skip
