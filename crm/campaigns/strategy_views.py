"""Pages of strategies: the list, one with its tree, its form, objectives, indicators and values."""

from datetime import date
from typing import Any

from flask import Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user
from sqlalchemy import select

from crm.campaigns import goals, indicator_rules, strategies
from crm.campaigns import strategy_queries as queries
from crm.campaigns.indicators import counts, latest, measured
from crm.campaigns.measures import measures
from crm.campaigns.models import Campaign, Indicator, IndicatorValue, Objective, Strategy
from crm.campaigns.rules import state
from crm.campaigns.strategy_forms import (
    TARGET_ROWS,
    CampaignsForm,
    IndicatorForm,
    StrategyForm,
    ValueForm,
    WithdrawForm,
    filled,
    of_indicator,
)
from crm.campaigns.views import blueprint
from crm.core import access, db, shell
from crm.core.access import Can, requires
from crm.core.history_page import history_page
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.core.shell import Panel
from crm.members.queries import chapters_in

#: Badge of each standing.
TONES = {
    indicator_rules.Standing.REACHED: "good",
    indicator_rules.Standing.ON_COURSE: "good",
    indicator_rules.Standing.BEHIND: "warn",
    indicator_rules.Standing.MISSED: "bad",
    indicator_rules.Standing.UNKNOWN: "plain",
    indicator_rules.Standing.UNMEASURED: "plain",
}


def init_app(app: Flask) -> None:
    """Hang the panels, and give templates the words."""
    app.jinja_env.globals["STANDING_TONES"] = TONES
    app.add_template_filter(indicator_rules.written, "amount")
    shell.add_panel(app, "campaign", Panel(60, "campaigns/_works_for.html", _works_for))


def _works_for(campaign: Campaign) -> dict[str, Any] | None:
    found = queries.of_campaign(campaign.id)
    return {"objectives": found} if found else None


@blueprint.get("/strategies", endpoint="strategies")
@requires(Can.SEE)
def index() -> Any:
    """All strategies, with how far they are."""
    page = page_of(queries.strategies(), number=page_number(), size=10)
    return render_template(
        "campaigns/strategies.html",
        page=page,
        sums={each.id: _sums(each) for each in page.rows},
        state_of_strategy=lambda each: state(each.starts_on, each.ends_on, today()),
        may_make=bool(access.scope(current_user, Can.EDIT_CAMPAIGNS)),
    )


def _sums(strategy: Strategy) -> tuple[int, int, int]:
    return (
        len(strategy.goals),
        len(queries.objectives(strategy)),
        len(queries.indicators(strategy)),
    )


@blueprint.get("/strategies/<slug>", endpoint="strategy")
@requires(Can.SEE)
def page(slug: str) -> Any:
    """One strategy: its goals, objectives and indicators, on any day."""
    strategy = queries.strategy(slug)
    on = _day() or min(today(), strategy.ends_on)
    return render_template(
        "campaigns/strategy.html",
        strategy=strategy,
        on=on,
        is_today=on == today(),
        state=state(strategy.starts_on, strategy.ends_on, today()),
        found=measured(queries.indicators(strategy), since=strategy.starts_on, on=on),
        editable=strategies.may_edit(strategy, current_user),
        rule=indicator_rules.RULE,
        counts=counts(),
        panels=shell.panels("strategy", strategy),
    )


@blueprint.get("/strategies/new", endpoint="new_strategy")
@requires(Can.EDIT_CAMPAIGNS)
def new() -> Any:
    """The form of a strategy to be."""
    form = _form(None)
    return render_template("campaigns/strategy_edit.html", form=form, strategy=None)


@blueprint.post("/strategies/new", endpoint="create_strategy")
@requires(Can.EDIT_CAMPAIGNS)
def create() -> Any:
    """Make it."""
    form = _form(None)
    made = form.carry(lambda: strategies.create_strategy(**form.wanted(), by=current_user))
    if made is None:
        return render_template(
            "campaigns/strategy_edit.html", form=form, strategy=None
        ), form.status
    flash(_("The strategy is kept. Now say what its objectives are measured by."), "success")
    return redirect(url_for(".strategy", slug=made.slug), 303)


@blueprint.get("/strategies/<slug>/edit", endpoint="edit_strategy")
@requires(Can.EDIT_CAMPAIGNS)
def edit(slug: str) -> Any:
    """The form of a strategy."""
    strategy = _editable(slug)
    return render_template("campaigns/strategy_edit.html", form=_form(strategy), strategy=strategy)


@blueprint.post("/strategies/<slug>/edit", endpoint="change_strategy")
@requires(Can.EDIT_CAMPAIGNS)
def change(slug: str) -> Any:
    """Change it."""
    strategy = _editable(slug)
    form = _form(strategy)
    done = form.carry(lambda: strategies.edit_strategy(strategy, **form.wanted(), by=current_user))
    if done is None:
        return render_template(
            "campaigns/strategy_edit.html", form=form, strategy=queries.strategy(slug)
        ), form.status
    flash(_("The strategy is changed."), "success")
    return redirect(url_for(".strategy", slug=slug), 303)


@blueprint.get("/strategies/<slug>/history", endpoint="strategy_history")
@requires(Can.EDIT_CAMPAIGNS)
def history(slug: str) -> Any:
    """Who changed what of a strategy and its indicators."""
    strategy = queries.strategy(slug)
    records = {
        "strategy": [strategy.id],
        "indicator": [each.id for each in queries.indicators(strategy)],
    }
    return history_page(records, name=strategy.name, back=url_for(".strategy", slug=slug))


@blueprint.route(
    "/strategies/<slug>/objectives/<int:objective_id>/campaigns",
    methods=["GET", "POST"], endpoint="objective_campaigns",
)  # fmt: skip
@requires(Can.EDIT_CAMPAIGNS)
def choose(slug: str, objective_id: int) -> Any:
    """Which campaigns work for an objective."""
    strategy = _editable(slug)
    objective = _objective(strategy, objective_id)
    form = CampaignsForm(data={"campaign_ids": [each.id for each in objective.campaigns]})
    form.campaign_ids.choices = [(each, name) for each, name in _campaigns()]

    def carry_out() -> bool:
        strategies.choose_campaigns(
            strategy, objective, form.campaign_ids.data or [], by=current_user
        )
        return True

    if form.carry(carry_out):
        flash(_("Kept."), "success")
        return redirect(url_for(".strategy", slug=slug, _anchor=f"objective-{objective_id}"), 303)
    strategy = queries.strategy(slug)
    return render_template(
        "campaigns/objective_campaigns.html",
        form=form,
        strategy=strategy,
        objective=_objective(strategy, objective_id),
    ), form.status


@blueprint.route(
    "/strategies/<slug>/objectives/<int:objective_id>/indicators/new",
    methods=["GET", "POST"], endpoint="new_indicator",
)  # fmt: skip
@requires(Can.EDIT_CAMPAIGNS)
def new_indicator(slug: str, objective_id: int) -> Any:
    """Measure an objective by something; saving leads to the next where that is asked for."""
    strategy = _editable(slug)
    objective = _objective(strategy, objective_id)
    form = _indicator_form(None, strategy)

    def carry_out() -> Indicator:
        return strategies.add_indicator(
            strategy, objective, **form.wanted(), values=form.plan(), by=current_user
        )

    if form.carry(carry_out):
        flash(_("The indicator is kept."), "success")
        if "more" in request.form:
            return redirect(url_for(".new_indicator", slug=slug, objective_id=objective_id), 303)
        return redirect(url_for(".strategy", slug=slug, _anchor=f"objective-{objective_id}"), 303)
    strategy = queries.strategy(slug)
    return render_template(
        "campaigns/indicator_edit.html",
        form=form,
        strategy=strategy,
        objective=_objective(strategy, objective_id),
        indicator=None,
    ), form.status


@blueprint.get("/strategies/<slug>/indicators/<int:indicator_id>", endpoint="indicator")
@requires(Can.SEE)
def indicator_page(slug: str, indicator_id: int) -> Any:
    """One indicator with all its values."""
    strategy = queries.strategy(slug)
    indicator = _indicator(strategy, indicator_id)
    form = _value_form(indicator) if strategies.may_edit(strategy, current_user) else None
    return _show_indicator(strategy, indicator, form)


@blueprint.post("/strategies/<slug>/indicators/<int:indicator_id>", endpoint="add_value")
@requires(Can.EDIT_CAMPAIGNS)
def add_value(slug: str, indicator_id: int) -> Any:
    """Keep a value of it."""
    strategy = _editable(slug)
    indicator = _indicator(strategy, indicator_id)
    form = _value_form(indicator)
    value = form.carry(
        lambda: strategies.add_value(
            strategy, indicator, form.draft(), by=current_user, today=today()
        )
    )
    if value is None:
        strategy = queries.strategy(slug)
        return _show_indicator(strategy, _indicator(strategy, indicator_id), form), form.status
    flash(_("The value is kept."), "success")
    return redirect(url_for(".indicator", slug=slug, indicator_id=indicator_id), 303)


@blueprint.route(
    "/strategies/<slug>/indicators/<int:indicator_id>/edit",
    methods=["GET", "POST"], endpoint="edit_indicator",
)  # fmt: skip
@requires(Can.EDIT_CAMPAIGNS)
def edit_indicator(slug: str, indicator_id: int) -> Any:
    """Change what an indicator is."""
    strategy = _editable(slug)
    indicator = _indicator(strategy, indicator_id)
    form = _indicator_form(indicator, strategy)

    def carry_out() -> bool:
        strategies.edit_indicator(strategy, indicator, **form.wanted(), by=current_user)
        return True

    if form.carry(carry_out):
        flash(_("The indicator is changed."), "success")
        return redirect(url_for(".indicator", slug=slug, indicator_id=indicator_id), 303)
    strategy = queries.strategy(slug)
    indicator = _indicator(strategy, indicator_id)
    return render_template(
        "campaigns/indicator_edit.html",
        form=form,
        strategy=strategy,
        objective=_of(strategy, indicator),
        indicator=indicator,
    ), form.status


@blueprint.post(
    "/strategies/<slug>/indicators/<int:indicator_id>/remove", endpoint="remove_indicator"
)
@requires(Can.EDIT_CAMPAIGNS)
def remove_indicator(slug: str, indicator_id: int) -> Any:
    """Take an indicator away that was never measured."""
    strategy = _editable(slug)
    strategies.remove_indicator(strategy, _indicator(strategy, indicator_id), by=current_user)
    flash(_("The indicator is taken away."), "success")
    return redirect(url_for(".strategy", slug=slug), 303)


@blueprint.route(
    "/strategies/<slug>/values/<int:value_id>/withdraw",
    methods=["GET", "POST"], endpoint="withdraw_value",
)  # fmt: skip
@requires(Can.EDIT_CAMPAIGNS)
def withdraw(slug: str, value_id: int) -> Any:
    """Take a value back, with a reason."""
    strategy = _editable(slug)
    indicator, value = _value(strategy, value_id)
    form = WithdrawForm()

    def carry_out() -> bool:
        strategies.withdraw_value(strategy, value, reason=form.reason.data, by=current_user)
        return True

    if form.carry(carry_out):
        flash(_("Withdrawn. It stays to be read and counts no longer."), "success")
        return redirect(url_for(".indicator", slug=slug, indicator_id=indicator.id), 303)
    strategy = queries.strategy(slug)
    indicator, value = _value(strategy, value_id)
    return render_template(
        "campaigns/value_withdraw.html",
        form=form,
        strategy=strategy,
        indicator=indicator,
        value=value,
        KINDS_OF_VALUE=indicator_rules.KINDS,
    ), form.status


def _show_indicator(strategy: Strategy, indicator: Indicator, form: ValueForm | None) -> str:
    on = min(today(), strategy.ends_on)
    found = measured([indicator], since=strategy.starts_on, on=on)[indicator.id]
    return render_template(
        "campaigns/indicator.html",
        strategy=strategy,
        indicator=indicator,
        objective=_of(strategy, indicator),
        found=found,
        on=on,
        form=form,
        count=counts().get(indicator.count or ""),
        values=sorted(indicator.values, key=lambda each: (each.on, each.id), reverse=True),
        holds={
            each.id
            for kind in indicator_rules.KINDS
            if (each := latest(
                [v for v in indicator.values if v.withdrawn_at is None],
                kind, on if kind == "actual" else date.max,
            ))
        },
        KINDS_OF_VALUE=indicator_rules.KINDS,
        rule=indicator_rules.RULE,
        latest=today(),
    )  # fmt: skip


def _editable(slug: str) -> Strategy:
    strategy = queries.strategy(slug)
    if not strategies.may_edit(strategy, current_user):
        abort(403)
    return strategy


def _objective(strategy: Strategy, objective_id: int) -> Objective:
    return queries.objective(strategy, objective_id) or abort(404)


def _indicator(strategy: Strategy, indicator_id: int) -> Indicator:
    found = (each for each in queries.indicators(strategy) if each.id == indicator_id)
    return next(found, None) or abort(404)


def _value(strategy: Strategy, value_id: int) -> tuple[Indicator, IndicatorValue]:
    for indicator in queries.indicators(strategy):
        for value in indicator.values:
            if value.id == value_id and value.withdrawn_at is None:
                return indicator, value
    abort(404)


def _of(strategy: Strategy, indicator: Indicator) -> Objective:
    return _objective(strategy, indicator.objective_id)


def _form(strategy: Strategy | None) -> StrategyForm:
    form = StrategyForm(data=filled(strategy))
    offered = [
        (each.id, each.name) for each in chapters_in(access.scope(current_user, Can.EDIT_CAMPAIGNS))
    ]
    form.chapter_id.choices = offered if len(offered) == 1 else [("", _("Choose")), *offered]
    return form


def _indicator_form(indicator: Indicator | None, strategy: Strategy) -> IndicatorForm:
    data = (
        of_indicator(indicator) if indicator else {"targets": [{} for _row in range(TARGET_ROWS)]}
    )
    if indicator is None:
        data["baseline_on"] = strategy.starts_on
        data["targets"][0]["on"] = strategy.ends_on
    form = IndicatorForm(data=data)
    form.offer(
        campaigns=[(str(each), name) for each, name in _campaigns()],
        channels=[(name, str(measure.label)) for name, measure in measures().items()],
        figures=goals.figures_offered(),
    )
    return form


def _value_form(indicator: Indicator) -> ValueForm:
    form = ValueForm()
    form.offer(each for each in indicator_rules.KINDS if each != "actual" or not indicator.count)
    if not form.is_submitted():
        form.on.data = today()
    return form


def _campaigns() -> list[tuple[int, str]]:
    rows = db.session.execute(
        select(Campaign.id, Campaign.name).order_by(Campaign.name, Campaign.id)
    )
    return [(each, name) for each, name in rows]


def _day() -> date | None:
    try:
        return date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return None
