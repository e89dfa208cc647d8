"""The link by which a calendar program reads somebody's tasks, and what it reads there."""

from typing import Any

from flask import Flask, Response, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import db, history, limits, links
from crm.core.access import Can, public, requires
from crm.core.history import Kind
from crm.tasks import calendar
from crm.tasks.calendar_operations import make_calendar_link, revoke_calendar_link
from crm.tasks.views import blueprint


def init_app(app: Flask) -> None:
    """Say how links to calendars are told in the record."""
    verbs = {
        "make_calendar_link": _l("Link to a calendar made"),
        "revoke_calendar_link": _l("Link to a calendar ended"),
    }
    history.add_kind(app, "calendar_feed", Kind(_l("Link to a calendar"), verbs=verbs))


@blueprint.get("/tasks/calendar")
@requires(Can.DO_TASKS)
def calendar_page() -> Any:
    """Whether there is a link, and how to make one."""
    return _page(None)


@blueprint.post("/tasks/calendar")
@requires(Can.DO_TASKS)
def make_calendar() -> Any:
    """A new link, shown this once; the earlier one ends."""
    token = make_calendar_link(by=current_user._get_current_object())
    return _page(links.absolute("tasks.calendar_feed", token=token))


@blueprint.post("/tasks/calendar/revoke")
@requires(Can.DO_TASKS)
def revoke_calendar() -> Any:
    """End the link."""
    revoke_calendar_link(by=current_user._get_current_object())
    flash(_("The link opens nothing any more."), "success")
    return redirect(url_for(".calendar_page"), 303)


@blueprint.get("/calendar/<token>.ics")
@limits.misses("50 per 10 minutes", limits.by_client)
@public
def calendar_feed(token: str) -> Any:
    """What a calendar program reads: tasks, by a link that names nobody."""
    user = calendar.opens(token)
    if user is None:
        abort(404)
    now = db.now()
    body = calendar.written(calendar.entries(user, now=now), name=_("Campaign tasks"), now=now)
    response = Response(body, content_type="text/calendar; charset=utf-8")
    response.headers.set("Content-Disposition", "inline", filename="tasks.ics")
    return response


@blueprint.after_request
def _keep_token_home(response: Response) -> Response:
    if request.endpoint == "tasks.calendar_feed":
        # The secret in the address travels in no Referer.
        response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _page(link: str | None) -> Any:
    feed = calendar.feed_of(current_user.id)
    return render_template("tasks/calendar.html", link=link, **calendar.facts(feed))
