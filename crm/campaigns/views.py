"""Pages of campaigns: the list, one campaign, its form, and the picker of its targets."""

from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import Select

from crm.campaigns import goals, operations, positions, queries
from crm.campaigns.forms import CampaignForm, TargetsForm, filled
from crm.campaigns.measures import measures
from crm.campaigns.models import Campaign
from crm.campaigns.rules import PAPER_TO, State, state
from crm.core import access, db, shell
from crm.core.access import Can, requires
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.members.queries import chapters_in, colleagues
from crm.targets.forms import filter_args, filter_from
from crm.targets.models import Target
from crm.targets.queries import TargetFilter, filter_choices, offices, target_lists, targets
from crm.targets.rules import KINDS

blueprint = Blueprint("campaigns", __name__, url_prefix="/campaigns")

STATES = {
    State.RUNNING: _l("Running"),
    State.PLANNED: _l("Planned"),
    State.ENDED: _l("Ended"),
}


@blueprint.context_processor
def _words() -> dict[str, Any]:
    return {
        "STATES": STATES,
        "state_of": lambda campaign: state(campaign.starts_on, campaign.ends_on, today()),
        "goal_told": goals.told,
        "this_day": today(),
        "KINDS": KINDS,
        "PAPER_TO": PAPER_TO,
    }


@blueprint.get("")
@requires(Can.SEE)
def index() -> Any:
    """All campaigns, by where they stand today."""
    wanted = request.args.get("state", "")
    chosen = State(wanted) if wanted in list(State) else None
    page = page_of(queries.campaigns(state=chosen, today=today()), number=page_number())
    return render_template(
        "campaigns/index.html",
        page=page,
        chosen=chosen,
        target_counts=queries.target_counts(campaign.id for campaign in page.rows),
    )


@blueprint.get("/<slug>")
@requires(Can.SEE)
def page(slug: str) -> Any:
    """One campaign: what is wanted, of whom, by when, and what the rooms above know of it."""
    campaign = queries.campaign(slug)
    listed = page_of(queries.targets_of(campaign.id), number=page_number())
    return render_template(
        "campaigns/page.html",
        campaign=campaign,
        listed=listed,
        offices=offices([target.id for target in listed.rows]),
        editable=operations.may_edit(campaign, current_user),
        standings=positions.standings(campaign.id, campaign.asks, today()),
        panels=shell.panels("campaign", campaign),
    )


@blueprint.get("/new")
@requires(Can.EDIT_CAMPAIGNS)
def new() -> Any:
    """The form of a campaign to be."""
    form = _form(None)
    form.starts_on.data = today()
    return render_template("campaigns/edit.html", form=form, campaign=None, others=[])


@blueprint.post("/new")
@requires(Can.EDIT_CAMPAIGNS)
def create() -> Any:
    """Make it."""
    form = _form(None)
    campaign = form.carry(
        lambda: operations.create_campaign(
            **form.wanted(), chapter_ids=form.chapter_ids.data, by=current_user
        )
    )
    if campaign is None:
        return render_template(
            "campaigns/edit.html", form=form, campaign=None, others=[]
        ), form.status
    flash(_("The campaign is made. Choose whom it wants to move."), "success")
    return redirect(url_for(".targets_page", slug=campaign.slug), 303)


@blueprint.get("/<slug>/edit")
@requires(Can.EDIT_CAMPAIGNS)
def edit(slug: str) -> Any:
    """The form of a campaign."""
    campaign = _editable(queries.campaign(slug))
    return render_template(
        "campaigns/edit.html", form=_form(campaign), campaign=campaign, others=_others(campaign)
    )


@blueprint.post("/<slug>/edit")
@requires(Can.EDIT_CAMPAIGNS)
def change(slug: str) -> Any:
    """Change it."""
    campaign = _editable(queries.campaign(slug))
    form = _form(campaign)
    others = _others(campaign)
    done = form.carry(
        lambda: operations.edit_campaign(
            campaign,
            **form.wanted(),
            chapter_ids=[*form.chapter_ids.data, *(chapter_id for chapter_id, _name in others)],
            by=current_user,
        )
    )
    if done is None:
        return render_template(
            "campaigns/edit.html", form=form, campaign=queries.campaign(slug), others=others
        ), form.status
    flash(_("The campaign is changed."), "success")
    return redirect(url_for(".page", slug=slug), 303)


@blueprint.get("/<slug>/targets")
@requires(Can.EDIT_CAMPAIGNS)
def targets_page(slug: str) -> Any:
    """The picker: all targets by filter, to add; or those on the list, to take off."""
    return _picker(_editable(queries.owned(slug)), TargetsForm(formdata=None))


@blueprint.post("/<slug>/targets")
@requires(Can.EDIT_CAMPAIGNS)
def add_targets(slug: str) -> Any:
    """Put the ticked targets, or all that the filter finds, on the list."""
    campaign = _editable(queries.owned(slug))
    form = TargetsForm()
    ids = _found_ids(targets(_filter())) if form.means_all() else form.ticked()
    added = form.carry(lambda: operations.add_targets(campaign, ids, by=current_user))
    if added is None:
        return _picker(queries.owned(slug), form), form.status
    flash(
        ngettext(
            "%(num)s target is new on the list.", "%(num)s targets are new on the list.", added
        ),
        "success",
    )
    return redirect(_back(slug), 303)


@blueprint.post("/<slug>/targets/remove")
@requires(Can.EDIT_CAMPAIGNS)
def remove_targets(slug: str) -> Any:
    """Take the ticked targets, or all on the list that the filter finds, off it."""
    campaign = _editable(queries.owned(slug))
    form = TargetsForm()
    listed = queries.on_list(targets(_filter()), campaign.id)
    ids = _found_ids(listed) if form.means_all() else form.ticked()
    removed = form.carry(lambda: operations.remove_targets(campaign, ids, by=current_user))
    if removed is None:
        return _picker(queries.owned(slug), form, show="listed"), form.status
    flash(
        ngettext(
            "%(num)s target was taken off the list.",
            "%(num)s targets were taken off the list.",
            removed,
        ),
        "success",
    )
    return redirect(_back(slug, show="listed"), 303)


def find(query: str, limit: int) -> list[shell.Hit]:
    """Campaigns for the search box."""
    return [
        shell.Hit(
            label=campaign.name,
            detail=str(STATES[state(campaign.starts_on, campaign.ends_on, today())]),
            url=url_for("campaigns.page", slug=campaign.slug),
        )
        for campaign in queries.find_campaigns(query, limit)
    ]


def _editable(campaign: Campaign) -> Campaign:
    if not operations.may_edit(campaign, current_user):
        abort(403)
    return campaign


def _form(campaign: Campaign | None) -> CampaignForm:
    scope = access.scope(current_user, Can.EDIT_CAMPAIGNS)
    form = CampaignForm(data=filled(campaign))
    leads = colleagues(scope)
    lead = campaign.lead if campaign is not None else None
    if lead is not None and lead not in leads:
        leads.append(lead)
    form.offer(
        chapters=[(each.id, each.name) for each in chapters_in(scope)],
        leads=[(user.id, user.name) for user in leads],
        measures=[(name, str(measure.label)) for name, measure in measures().items()],
        figures=goals.figures_offered(),
    )
    return form


def _others(campaign: Campaign) -> list[tuple[int, str]]:
    """Owning chapters that are not the person's to give or take."""
    scope = access.scope(current_user, Can.EDIT_CAMPAIGNS)
    return [(each.id, each.name) for each in campaign.chapters if not scope.includes(each.id)]


def _found_ids(found: Select[Target]) -> list[int]:
    return list(db.session.scalars(found.with_only_columns(Target.id).order_by(None)))


def _back(slug: str, *, show: str | None = None) -> str:
    return url_for(".targets_page", slug=slug, **_kept(), show=show)


def _filter() -> TargetFilter:
    """The filter in the address; what does not fit narrows nothing. A state is `area` here."""
    return filter_from({**request.args, "state": request.args.get("area", "")})


def _kept() -> dict[str, Any]:
    """The filter as it stands in the address, to carry along."""
    asked = filter_args(_filter())
    return {("area" if name == "state" else name): str(value) for name, value in asked.items()}


def _picker(campaign: Campaign, form: TargetsForm, show: str | None = None) -> str:
    show = show or ("listed" if request.args.get("show") == "listed" else "find")
    found = targets(_filter())
    if show == "listed":
        found = queries.on_list(found, campaign.id)
    page = page_of(found, number=page_number())
    ids = [target.id for target in page.rows]
    return render_template(
        "campaigns/targets.html",
        campaign=campaign,
        form=form,
        show=show,
        page=page,
        offices=offices(ids),
        listed=set(ids) if show == "listed" else queries.listed_among(campaign.id, ids),
        on_list=queries.target_counts([campaign.id]).get(campaign.id, 0),
        choices=filter_choices(),
        lists=[(each.id, each.name) for each, _size in db.session.execute(target_lists())],
        kept=_kept(),
    )
