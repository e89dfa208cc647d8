"""Pages about addresses: where a campaign's paper goes, and which addresses need a look."""

from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import ngettext
from flask_login import current_user
from sqlalchemy import select

from crm.campaigns import addresses as written
from crm.campaigns import operations, queries
from crm.campaigns.forms import TargetsForm
from crm.campaigns.models import Campaign, CampaignTarget
from crm.campaigns.views import blueprint
from crm.core import db
from crm.core.access import Can, requires
from crm.core.forms import parse_id
from crm.core.i18n import today
from crm.core.paging import page_number, page_of
from crm.targets import contact_queries
from crm.targets.contact_queries import WHY, points_of
from crm.targets.queries import offices
from crm.targets.rules import CONTACT_KINDS, CONTACT_STATUSES

#: Rows of the form: each has a choice of its own.
SIZE = 25
#: Name of a choice's input, before the target's id.
_FIELD = "address-"


@blueprint.get("/<slug>/addresses")
@requires(Can.EDIT_CAMPAIGNS)
def paper_page(slug: str) -> Any:
    """Where paper for each target goes, with a choice of its addresses."""
    return _paper(_editable(slug), TargetsForm(formdata=None))


@blueprint.post("/<slug>/addresses")
@requires(Can.EDIT_CAMPAIGNS)
def choose_addresses(slug: str) -> Any:
    """Keep the choices of one page."""
    campaign, form = _editable(slug), TargetsForm()
    chosen: dict[int, int | None] = {}
    for name, value in request.form.items():
        target_id = parse_id(name.removeprefix(_FIELD)) if name.startswith(_FIELD) else None
        if target_id is not None and (not value or parse_id(value) is not None):
            chosen[target_id] = parse_id(value)
    changed = form.carry(
        lambda: written.choose_addresses(
            campaign, dict(list(chosen.items())[:SIZE]), by=current_user
        )
    )
    if changed is None:
        return _paper(_editable(slug), form), form.status
    flash(
        ngettext("%(num)s address changed.", "%(num)s addresses changed.", changed),
        "success",
    )
    show = "without" if request.args.get("show") == "without" else None
    number = page_number() if page_number() > 1 else None
    return redirect(url_for(".paper_page", slug=slug, show=show, page=number), 303)


def _editable(slug: str) -> Campaign:
    campaign = queries.owned(slug)
    if not operations.may_edit(campaign, current_user):
        abort(403)
    return campaign


def _paper(campaign: Campaign, form: TargetsForm) -> str:
    without = request.args.get("show") == "without"
    listed, missing = written.counts(campaign.id)
    page = page_of(written.on_list(campaign.id, without=without), number=page_number(), size=SIZE)
    ids = [target.id for target in page.rows]
    points = points_of(ids)
    chosen = written.chosen_addresses(campaign.id, ids)
    return render_template(
        "campaigns/paper.html",
        campaign=campaign,
        form=form,
        page=page,
        offices=offices(ids),
        points=points,
        chosen=chosen,
        paper={
            each: contact_queries.paper(
                points.get(each, ()), prefer=campaign.paper_to, chosen=chosen.get(each)
            )
            for each in ids
        },
        WHY=WHY,
        statuses=CONTACT_STATUSES,
        without=without,
        listed=listed,
        missing=missing,
    )


@blueprint.get("/addresses")
@requires(Can.EDIT_TARGETS)
def addresses() -> Any:
    """Contact points of campaigns' targets that are bad, or were not checked for a year."""
    campaigns = db.session.execute(
        select(Campaign.id, Campaign.slug, Campaign.name).order_by(Campaign.name)
    ).all()
    slug = request.args.get("campaign", "")
    which = request.args.get("which")
    chosen = next((number for number, each, _name in campaigns if each == slug), None)
    targets = select(CampaignTarget.target_id)
    if chosen is not None:
        targets = targets.where(CampaignTarget.campaign_id == chosen)
    page = page_of(
        contact_queries.need_a_look(targets, today=today(), which=which),
        number=page_number(),
        scalars=False,
    )
    return render_template(
        "campaigns/addresses.html",
        page=page,
        campaigns=campaigns,
        slug=slug if chosen is not None else "",
        which=which if which in ("bad", "old") else "",
        marks={row[0].id: contact_queries.mark_of(row) for row in page.rows},
        kinds=CONTACT_KINDS,
        statuses=CONTACT_STATUSES,
    )
