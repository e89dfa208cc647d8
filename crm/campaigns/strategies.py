"""What is done with strategies: made, changed, approved, measured.

A strategy is its chapter's: who holds `EDIT_CAMPAIGNS` there may change it. Values are added and
never changed; a wrong one is withdrawn and stays in the record.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.campaigns import indicator_rules, indicators, outline, strategy_queries
from crm.campaigns.goals import OFFERED
from crm.campaigns.measures import measures
from crm.campaigns.models import (
    Campaign,
    Indicator,
    IndicatorValue,
    Objective,
    Strategy,
    StrategyGoal,
)
from crm.campaigns.outline import StrategyGoalDraft
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.text import free_slug
from crm.members.models import Chapter
from crm.targets.rules import is_link

#: Most indicators of one objective: more than this nobody reads.
MOST_INDICATORS = 20
FACTS = ("name", "summary", "starts_on", "ends_on", "approved_on", "approved_by", "document")


@dataclass(frozen=True)
class ValueDraft:
    """A value to be kept of an indicator."""

    kind: str
    value: float
    on: date
    source: str | None = None
    link: str | None = None


def may_edit(strategy: Strategy, by: User | None) -> bool:
    """Whether `by` (None: a command) may change the strategy."""
    return by is None or access.may(by, Can.EDIT_CAMPAIGNS, strategy.chapter_id)


def create_strategy(
    *,
    name: str,
    chapter_id: int,
    starts_on: date,
    ends_on: date,
    goals: Sequence[StrategyGoalDraft] = (),
    summary: str | None = None,
    approved_on: date | None = None,
    approved_by: str | None = None,
    document: str | None = None,
    by: User | None,
) -> Strategy:
    """Make a strategy; its address comes from its name. Raises `Refused`."""
    facts: dict[str, Any] = {
        "name": name,
        "summary": summary,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "approved_on": approved_on,
        "approved_by": approved_by,
        "document": document,
    }
    _check(facts)
    _demand_chapter(chapter_id, by)
    strategy = Strategy(**facts, chapter_id=chapter_id, goals=[])
    strategy.slug = free_slug(name, set(db.session.scalars(select(Strategy.slug))))
    db.session.add(strategy)
    db.session.flush()
    _set_goals(strategy, goals)
    db.session.flush()
    changes = {
        **facts,
        "slug": strategy.slug,
        "chapter_id": chapter_id,
        "goals": outline.lines_of(goals),
    }
    audit.record("create_strategy", "strategy", strategy.id, by=by, changes=changes)
    return strategy


def edit_strategy(
    strategy: Strategy,
    *,
    name: str,
    chapter_id: int,
    starts_on: date,
    ends_on: date,
    goals: Sequence[StrategyGoalDraft],
    summary: str | None = None,
    approved_on: date | None = None,
    approved_by: str | None = None,
    document: str | None = None,
    by: User | None,
) -> Strategy:
    """Change all of a strategy (from `strategy_queries.strategy`). Raises `Refused`.

    Goals and objectives are known by their code: the same code is reworded, a new one added, one
    that is not given taken away, save where it has indicators.
    """
    _demand(strategy, by)
    facts: dict[str, Any] = {
        "name": name,
        "summary": summary,
        "starts_on": starts_on,
        "ends_on": ends_on,
        "approved_on": approved_on,
        "approved_by": approved_by,
        "document": document,
        "chapter_id": chapter_id,
    }
    _check(facts)
    if chapter_id != strategy.chapter_id:
        _demand_chapter(chapter_id, by)
    changes: dict[str, Any] = dict(audit.difference(strategy, facts))
    before = outline.lines_of(drafts_of(strategy))
    for key, value in facts.items():
        setattr(strategy, key, value)
    _set_goals(strategy, goals)
    db.session.flush()
    if (after := outline.lines_of(goals)) != before:
        changes["goals"] = [before, after]
    audit.record("edit_strategy", "strategy", strategy.id, by=by, changes=changes)
    return strategy


def choose_campaigns(
    strategy: Strategy, objective: Objective, campaign_ids: Collection[int], *, by: User | None
) -> None:
    """Say which campaigns work for an objective. Raises `Refused`."""
    _demand(strategy, by)
    wanted = set(campaign_ids)
    found = db.session.scalars(
        select(Campaign).where(Campaign.id.in_(wanted)).order_by(Campaign.name)
    ).all()
    if len(found) != len(wanted):
        raise Refused(_("One of these campaigns is not there any more."), "campaign_ids")
    before = sorted(each.id for each in objective.campaigns)
    objective.campaigns = list(found)
    db.session.flush()
    audit.record(
        "choose_campaigns", "strategy", strategy.id, by=by,
        changes={"objective": objective.code, "campaigns": [before, sorted(wanted)]},
    )  # fmt: skip


def add_indicator(
    strategy: Strategy,
    objective: Objective,
    *,
    text: str,
    unit: str | None = None,
    count: str | None = None,
    asked: dict[str, str] | None = None,
    falls: bool = False,
    values: Sequence[ValueDraft] = (),
    by: User | None,
) -> Indicator:
    """Measure an objective by something, with its baseline and targets. Raises `Refused`."""
    _demand(strategy, by)
    if len(objective.indicators) >= MOST_INDICATORS:
        raise Refused(
            _("An objective has at most %(most)s indicators.", most=MOST_INDICATORS), "text"
        )
    asked = _asked(count, asked)
    indicator = Indicator(
        objective_id=objective.id, text=text, unit=unit, count=count, asked=asked, falls=falls,
        position=len(objective.indicators),
    )  # fmt: skip
    indicator.values = [_value(indicator, each, by) for each in values]
    objective.indicators.append(indicator)
    db.session.flush()
    audit.record(
        "add_indicator", "indicator", indicator.id, by=by,
        changes={
            "strategy_id": strategy.id, "objective": objective.code, "text": text, "unit": unit,
            "count": count, "asked": asked, "falls": falls, "values": [_told(v) for v in values],
        },
    )  # fmt: skip
    return indicator


def edit_indicator(
    strategy: Strategy,
    indicator: Indicator,
    *,
    text: str,
    unit: str | None = None,
    count: str | None = None,
    asked: dict[str, str] | None = None,
    falls: bool = False,
    by: User | None,
) -> None:
    """Change what an indicator is; its values stay. Raises `Refused`."""
    _demand(strategy, by)
    if count and count != indicator.count and _holds(indicator, "actual"):
        raise Refused(
            _("Values were entered for this indicator. Withdraw them before it is counted."),
            "count",
        )
    facts = {
        "text": text, "unit": unit, "count": count, "asked": _asked(count, asked), "falls": falls,
    }  # fmt: skip
    changes = audit.difference(indicator, facts)
    for key, value in facts.items():
        setattr(indicator, key, value)
    db.session.flush()
    audit.record("edit_indicator", "indicator", indicator.id, by=by, changes=changes)


def remove_indicator(strategy: Strategy, indicator: Indicator, *, by: User | None) -> None:
    """Take an indicator away that nobody has measured yet. Raises `Refused`."""
    _demand(strategy, by)
    if any(each.kind == "actual" for each in indicator.values):
        raise Refused(_("Values were entered for this indicator, so it stays. You can reword it."))
    plan = [_told(each) for each in indicator.values]
    for each in list(indicator.values):
        db.session.delete(each)
    db.session.flush()
    db.session.delete(indicator)
    db.session.flush()
    audit.record(
        "remove_indicator", "indicator", indicator.id, by=by,
        changes={"strategy_id": strategy.id, "text": indicator.text, "values": plan},
    )  # fmt: skip


def add_value(
    strategy: Strategy, indicator: Indicator, draft: ValueDraft, *, by: User | None, today: date
) -> IndicatorValue:
    """Keep a value of an indicator. Raises `Refused`."""
    _demand(strategy, by)
    if draft.kind == "actual":
        if indicator.count:
            raise Refused(_("The system counts this indicator; nobody enters its value."), "kind")
        if draft.on > today:
            raise Refused(_("Nobody can have measured that yet: the day is to come."), "on")
    value = _value(indicator, draft, by)
    db.session.add(value)
    db.session.flush()
    audit.record(
        "add_value", "indicator", indicator.id, by=by,
        changes={"kind": draft.kind, "value": draft.value, "on": draft.on,
                 "source": draft.source, "link": draft.link},
    )  # fmt: skip
    return value


def withdraw_value(
    strategy: Strategy, value: IndicatorValue, *, reason: str, by: User | None
) -> None:
    """Say that a value was wrong. It stays in the record and counts no longer. Raises `Refused`."""
    _demand(strategy, by)
    if value.withdrawn_at is not None:
        raise Refused(_("This value is withdrawn already."))
    value.withdrawn_at = db.now()
    value.withdrawn_by_id = by.id if by is not None else None
    db.session.flush()
    audit.record(
        "withdraw_value", "indicator", value.indicator_id, by=by, reason=reason,
        changes={"kind": value.kind, "value": value.value, "on": value.on},
    )  # fmt: skip


def drafts_of(strategy: Strategy) -> list[StrategyGoalDraft]:
    """A strategy's goals and objectives as they would be typed."""
    return [
        StrategyGoalDraft(
            goal.code,
            goal.text,
            [outline.ObjectiveDraft(each.code, each.text) for each in goal.objectives],
        )
        for goal in strategy.goals
    ]


def _demand(strategy: Strategy, by: User | None) -> None:
    if not may_edit(strategy, by):
        raise Refused(_("Only the chapter that owns this strategy may change it."))


def _demand_chapter(chapter_id: int, by: User | None) -> None:
    if db.session.get(Chapter, chapter_id) is None:
        raise Refused(_("This chapter is not there any more."), "chapter_id")
    if by is not None and not access.may(by, Can.EDIT_CAMPAIGNS, chapter_id):
        raise Refused(_("You can give a strategy to your own chapters only."), "chapter_id")


def _check(facts: dict[str, Any]) -> None:
    indicator_rules.check_period(facts["starts_on"], facts["ends_on"])
    if facts["approved_by"] and facts["approved_on"] is None:
        raise Refused(_("Say on which day it was approved."), "approved_on")
    if facts["document"] and not is_link(facts["document"]):
        raise Refused(_("A link begins with http:// or https://."), "document")


def _set_goals(strategy: Strategy, wanted: Sequence[StrategyGoalDraft]) -> None:
    goals = {goal.code: goal for goal in strategy.goals}
    objectives = {each.code: each for goal in strategy.goals for each in goal.objectives}
    kept = {each.code for goal in wanted for each in goal.objectives}
    for code, objective in objectives.items():
        if code not in kept:
            if objective.indicators:
                raise Refused(
                    _("Objective %(code)s has indicators, so it stays. Take those away first, or "
                      "reword it.", code=code), "outline",
                )  # fmt: skip
            objective.campaigns = []
    result = []
    for place, draft in enumerate(wanted):
        goal = goals.get(draft.code) or StrategyGoal(code=draft.code, objectives=[])
        goal.text, goal.position = draft.text, place
        goal.strategy_id = strategy.id
        db.session.add(goal)
        result.append(goal)
    db.session.flush()
    for goal, draft in zip(result, wanted, strict=True):
        for place, each in enumerate(draft.objectives):
            objective = objectives.get(each.code) or Objective(
                code=each.code, campaigns=[], indicators=[]
            )
            objective.text, objective.position, objective.goal_id = each.text, place, goal.id
            db.session.add(objective)
    db.session.flush()
    for code, objective in objectives.items():
        if code not in kept:
            db.session.delete(objective)
    db.session.flush()
    for code, goal in goals.items():
        if code not in {each.code for each in wanted}:
            # Its objectives went away, or to another goal.
            db.session.expire(goal, ["objectives"])
            db.session.delete(goal)
    db.session.flush()
    strategy_queries.reload(strategy)


def _asked(count: str | None, asked: dict[str, str] | None) -> dict[str, str]:
    """What a count is asked with: what it takes and no more. Raises `Refused`."""
    if count is None:
        return {}
    known = indicators.counts().get(count)
    if known is None:
        raise Refused(_("Nothing is counted so."), "count")
    kept = {key: value for key, value in (asked or {}).items() if key in known.asks and value}
    if "figure" in known.asks and kept.get("figure") not in OFFERED:
        raise Refused(_("Choose the figure."), "figure")
    if "channel" in kept and kept["channel"] not in measures():
        raise Refused(_("An indicator cannot count “%(what)s”.", what=kept["channel"]), "channel")
    if "campaign" in kept and (
        not kept["campaign"].isdigit() or db.session.get(Campaign, int(kept["campaign"])) is None
    ):
        raise Refused(_("This campaign is not there any more."), "campaign")
    return kept


def _value(indicator: Indicator, draft: ValueDraft, by: User | None) -> IndicatorValue:
    indicator_rules.check_value(draft.kind, draft.value, draft.source)
    if draft.link and not is_link(draft.link):
        raise Refused(_("A link begins with http:// or https://."), "link")
    return IndicatorValue(
        indicator_id=indicator.id, kind=draft.kind, value=draft.value, on=draft.on,
        source=draft.source, link=draft.link, entered_by_id=by.id if by is not None else None,
    )  # fmt: skip


def _holds(indicator: Indicator, kind: str) -> bool:
    return any(each.kind == kind and each.withdrawn_at is None for each in indicator.values)


def _told(value: ValueDraft | IndicatorValue) -> str:
    return f"{value.kind} {value.value:g} on {value.on}"
