"""Strategies asked of the database, with the tree that hangs on them."""

from datetime import date

from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload

from crm.campaigns.models import (
    Indicator,
    Objective,
    Strategy,
    StrategyGoal,
    objective_campaign,
)
from crm.core import db


def _whole(statement: Select[Strategy]) -> Select[Strategy]:
    objectives = selectinload(Strategy.goals).selectinload(StrategyGoal.objectives)
    return statement.options(
        joinedload(Strategy.chapter),
        objectives.selectinload(Objective.campaigns),
        objectives.selectinload(Objective.indicators).selectinload(Indicator.values),
    )


def strategy(slug: str) -> Strategy:
    """The strategy with its tree, campaigns and values. Raises `NoResultFound`."""
    return db.session.scalars(_whole(select(Strategy)).where(Strategy.slug == slug)).one()


def reload(strategy: Strategy) -> None:
    """Bring a strategy's tree to what the database now holds."""
    statement = _whole(select(Strategy)).where(Strategy.id == strategy.id)
    db.session.scalars(statement.execution_options(populate_existing=True)).one()


def strategies() -> Select[Strategy]:
    """All, the newest first, with their tree."""
    return _whole(select(Strategy)).order_by(Strategy.starts_on.desc(), Strategy.id.desc())


def running(on: date, limit: int) -> list[Strategy]:
    """Those of the day, with their tree: the one that ends first at the top. One statement.

    A strategy has few of everything, so that rows which repeat its goals cost less than asking
    again for each level.
    """
    objectives = joinedload(Strategy.goals).joinedload(StrategyGoal.objectives)
    found = db.session.scalars(
        select(Strategy)
        .options(
            joinedload(Strategy.chapter),
            objectives.joinedload(Objective.campaigns),
            objectives.joinedload(Objective.indicators).joinedload(Indicator.values),
        )
        .where(Strategy.starts_on <= on, Strategy.ends_on >= on)
        .order_by(Strategy.ends_on, Strategy.id)
        .limit(limit)
    )
    return list(found.unique())


def objective(strategy: Strategy, objective_id: int) -> Objective | None:
    """One of a strategy's objectives."""
    found = (each for goal in strategy.goals for each in goal.objectives)
    return next((each for each in found if each.id == objective_id), None)


def objectives(strategy: Strategy) -> list[Objective]:
    """A strategy's objectives in their order."""
    return [each for goal in strategy.goals for each in goal.objectives]


def indicators(strategy: Strategy) -> list[Indicator]:
    """A strategy's indicators in their order."""
    return [each for objective in objectives(strategy) for each in objective.indicators]


def of_campaign(campaign_id: int) -> list[Objective]:
    """The objectives a campaign works for, with goal and strategy."""
    statement = (
        select(Objective)
        .join(objective_campaign, objective_campaign.c.objective_id == Objective.id)
        .where(objective_campaign.c.campaign_id == campaign_id)
        .options(joinedload(Objective.goal).joinedload(StrategyGoal.strategy))
    )
    found = db.session.scalars(statement).all()
    return sorted(
        found, key=lambda each: (each.goal.strategy_id, each.goal.position, each.position)
    )
