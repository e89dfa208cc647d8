"""The demo's strategy, made through the operations as if somebody had typed it."""

from collections.abc import Mapping
from datetime import date, timedelta

from crm.accounts.models import User
from crm.campaigns import outline, strategies, strategy_queries
from crm.campaigns.models import Campaign
from crm.campaigns.strategies import ValueDraft
from crm.demo_data import strategy as told


def add_strategy(
    *, chapter_id: int, campaigns: Mapping[str, Campaign], by: User, begins: date, today: date
) -> None:
    """Make it, with what was entered until today. `campaigns` by `mines` and `cluster`."""
    made = strategies.create_strategy(
        name=told.NAME, summary=told.SUMMARY, chapter_id=chapter_id, starts_on=begins,
        ends_on=_after(begins, 36), goals=outline.read(told.OUTLINE),
        approved_on=begins - timedelta(days=20), approved_by=told.APPROVED_BY,
        document=told.DOCUMENT, by=by,
    )  # fmt: skip
    objectives = {each.code: each for each in strategy_queries.objectives(made)}
    for code, names in told.WORK.items():
        ids = [campaigns[name].id for name in names]
        strategies.choose_campaigns(made, objectives[code], ids, by=by)
    for each in told.MEASURES:
        campaign = str(campaigns[each.campaign].id) if each.campaign else ""
        indicator = strategies.add_indicator(
            made, objectives[each.objective], text=each.text, unit=each.unit or None,
            count=each.count, falls=each.falls, by=by,
            asked={"campaign": campaign, "channel": each.channel, "figure": each.figure},
            values=[
                ValueDraft(kind, value, begins if months == 0 else _after(begins, months),
                           told.NAME if kind == "target" else None)
                for kind, months, value in each.plan
            ],
        )  # fmt: skip
        for months, value, source in each.actuals:
            on = _after(begins, months)
            if on <= today:
                draft = ValueDraft("actual", value, on, source)
                strategies.add_value(made, indicator, draft, by=by, today=today)


def _after(begins: date, months: int) -> date:
    """The last day of so many months."""
    at = begins.year * 12 + begins.month - 1 + months
    return date(at // 12, at % 12 + 1, 1) - timedelta(days=1)
