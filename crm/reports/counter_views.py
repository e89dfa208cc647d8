"""The public counter: as a small page to frame, as JSON, as a picture; and a campaign's settings.

What is public asks no session, sets no cookie, and says the same to everybody.
"""

import textwrap
from typing import Any

from flask import (
    Response,
    abort,
    current_app,
    flash,
    jsonify,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_babel import force_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import BooleanField

from crm.campaigns import queries as campaigns
from crm.campaigns.models import Campaign
from crm.campaigns.operations import may_edit
from crm.core import limits, links
from crm.core.access import Can, public, requires
from crm.core.forms import Form, choice, text
from crm.core.i18n import LANGUAGES
from crm.core.security import show_elsewhere
from crm.core.shell import number
from crm.reports import counters
from crm.reports.counters import KEPT, Shown
from crm.reports.models import PublicCounter
from crm.reports.views import blueprint

#: Letters of a line of the picture's title, and lines of it.
_LETTERS, _LINES = 28, 3
_TRIES = "120 per 10 minutes"


class CounterForm(Form):
    """What it says above the number, and what is counted."""

    title = text(
        _l("Title"),
        most=80,
        required=True,
        description=_l("What the public reads above the number: “Postcards for the treaty”."),
    )
    what = choice(_l("What is counted"), required=True)


class CounterChangeForm(CounterForm):
    """The same, and whether it is shown."""

    on = BooleanField(_l("Shown to the public"))


# Public


@blueprint.get("/counter/<code>")
@limits.misses(_TRIES, limits.by_client)
@public
def counter_page(code: str) -> Any:
    """A small page that other sites may frame."""
    show_elsewhere(seconds=KEPT)
    with force_locale(_language()):
        found = counters.shown(code)
        if found is None:
            return _nothing()
        return _plainly("reports/counter.html", counter=found, lang=_language())


@blueprint.get("/counter/<code>.json")
@limits.misses(_TRIES, limits.by_client)
@public
def counter_json(code: str) -> Any:
    """The numbers for a site that draws them itself."""
    show_elsewhere(seconds=KEPT)
    with force_locale(_language()):
        found = counters.shown(code)
    if found is None:
        return _nothing()
    response = jsonify(
        title=found.title,
        number=found.number,
        goal=found.of,
        percent=found.percent if found.of else None,
        unit=found.unit,
        as_of=found.as_of.isoformat(),
    )
    response.headers["Access-Control-Allow-Origin"] = "*"
    return response


@blueprint.get("/counter/<code>.svg")
@limits.misses(_TRIES, limits.by_client)
@public
def counter_svg(code: str) -> Any:
    """A picture with all it needs within it."""
    show_elsewhere(seconds=KEPT)
    with force_locale(_language()):
        found = counters.shown(code)
        if found is None:
            return _nothing()
        body = render_template(
            "reports/counter.svg", counter=found, lines=_lines(found), units=_units(found)
        )
    response = Response(body, mimetype="image/svg+xml")
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _language() -> str:
    """The installation's own language: who looks is nobody we know."""
    asked = request.args.get("lang", "")
    return asked if asked in LANGUAGES else str(current_app.config["BABEL_DEFAULT_LOCALE"])


def _plainly(template: str, **values: Any) -> str:
    """A template without what pages are given: that asks who is there, and so reads a session."""
    return current_app.jinja_env.get_template(template).render(values)


def _nothing() -> Response:
    # An error page would ask who is there, and give them a session.
    return Response(_("There is no such counter.") + "\n", 404, mimetype="text/plain")


def _lines(found: Shown) -> list[str]:
    return textwrap.wrap(found.title, _LETTERS, max_lines=_LINES, placeholder=" …")


def _units(found: Shown) -> list[str]:
    said = found.unit
    if found.of:
        said = f"{said} · {_('goal: %(number)s', number=number(found.of))}"
    return textwrap.wrap(said, _LETTERS + 6, max_lines=_LINES, placeholder=" …")


# Settings of a campaign


def of_campaign(campaign: Any) -> dict[str, Any] | None:
    """The panel of a campaign's page, for who may change it."""
    if not may_edit(campaign, current_user):
        return None
    return {"campaign": campaign, "counters": counters.of_campaign(campaign.id)}


@blueprint.route("/campaigns/<slug>/counters", methods=["GET", "POST"])
@requires(Can.EDIT_CAMPAIGNS)
def counter_list(slug: str) -> Any:
    """The counters of a campaign, how they look, and one more."""
    campaign = _campaign(slug)
    form = CounterForm()
    form.what.choices = counters.choices(campaign.id)
    made = form.carry(
        lambda: counters.add_counter(
            campaign,
            title=form.title.data or "",
            what=form.what.data or "",
            by=current_user,
        )
    )
    if made is not None:
        flash(_("The counter is on. Copy what your site needs."), "success")
        return redirect(url_for(".edit_counter_page", slug=slug, code=made.code), 303)
    campaign = _campaign(slug)
    found = counters.of_campaign(campaign.id)
    words = dict(counters.choices(campaign.id))
    body = render_template(
        "reports/counters.html",
        campaign=campaign,
        form=form,
        counters=[(each, words.get(counters.choice_of(each))) for each in found],
    )
    return body, form.status


@blueprint.route("/campaigns/<slug>/counters/<code>", methods=["GET", "POST"])
@requires(Can.EDIT_CAMPAIGNS)
def edit_counter_page(slug: str, code: str) -> Any:
    """One counter: how it looks, what a site copies, what it counts, on or off."""
    campaign = _campaign(slug)
    kept = counters.counter(code, campaign_id=campaign.id)
    form = CounterChangeForm(obj=kept, what=counters.choice_of(kept))
    form.what.choices = _choices_with(kept)

    def keep() -> bool:
        counters.edit_counter(
            kept,
            campaign,
            title=form.title.data or "",
            what=form.what.data or "",
            on=form.on.data,
            by=current_user,
        )
        return True

    if form.carry(keep):
        flash(_("Saved. Sites show it within some minutes."), "success")
        return redirect(url_for(".edit_counter_page", slug=slug, code=code), 303)
    campaign = _campaign(slug)
    kept = counters.counter(code, campaign_id=campaign.id)
    body = render_template(
        "reports/counter_edit.html",
        campaign=campaign,
        kept=kept,
        form=form,
        shown=counters.shown(kept.code),
        **_addresses(kept),
    )
    return body, form.status


@blueprint.post("/campaigns/<slug>/counters/<code>/delete")
@requires(Can.EDIT_CAMPAIGNS)
def delete_counter(slug: str, code: str) -> Any:
    """Away with it."""
    campaign = _campaign(slug)
    kept = counters.counter(code, campaign_id=campaign.id)
    counters.delete_counter(kept, campaign, by=current_user)
    flash(_("“%(title)s” was deleted. Take it off your site too.", title=kept.title), "success")
    return redirect(url_for(".counter_list", slug=slug), 303)


def _campaign(slug: str) -> Campaign:
    campaign = campaigns.owned(slug)
    if not may_edit(campaign, current_user):
        # As other pages that change a campaign: it is there, and not theirs.
        abort(403)
    return campaign


def _choices_with(kept: PublicCounter) -> list[tuple[str, str]]:
    """What it may count, and what it counts now where that is there no more."""
    found, now = counters.choices(kept.campaign_id), counters.choice_of(kept)
    return found if now in dict(found) else [(now, _("A goal that is there no more")), *found]


def _addresses(kept: PublicCounter) -> dict[str, str]:
    return {
        "page_url": links.absolute("reports.counter_page", code=kept.code),
        "json_url": links.absolute("reports.counter_json", code=kept.code),
        "svg_url": links.absolute("reports.counter_svg", code=kept.code),
    }
