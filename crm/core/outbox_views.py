"""Settings → Jobs: what waits, what was given up, who works and what the clock does."""

from typing import Any

from flask import Blueprint, Flask, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from crm.core import access, given_up, mail, schedule, shell
from crm.core.access import Can, requires
from crm.core.outbox import PERHAPS
from crm.core.paging import page_number, page_of
from crm.core.shell import Panel

blueprint = Blueprint("outbox", __name__)

#: Why something was given up: the outbox's own words, said to the reader.
_WHY = {
    PERHAPS: _l("It was stopped in the middle: it may have left or not."),
    "whoever did it was stopped, each time": _l("Whoever did it was stopped, each time."),
    "sealed with another secret key": _l("It was sealed with another secret key."),
}


def init_app(app: Flask) -> None:
    """Add the page, and what the front page says of it."""
    app.register_blueprint(blueprint)
    app.jinja_env.globals["runs_it"] = _runs_it
    shell.add_panel(app, "front-top", Panel(5, "settings/_outbox_of_front.html", _of_front))


def _of_front(user: Any) -> dict[str, Any] | None:
    if not access.scope(user, Can.MANAGE_USERS).everywhere:
        return None
    standing = given_up.standing()
    return {"standing": standing} if standing.dead or standing.is_nobody_there else None


def _runs_it() -> bool:
    """It is everybody's mail: an administrator of one chapter has no business here."""
    return access.scope(current_user, Can.MANAGE_USERS).everywhere


def _must_run_it() -> None:
    if not _runs_it():
        abort(403)


@blueprint.get("/settings/outbox")
@requires(Can.MANAGE_USERS)
def index() -> Any:
    """All of it on one page; what was given up in pages."""
    _must_run_it()
    page = page_of(given_up.dead(), number=page_number())
    return render_template(
        "settings/outbox.html",
        page=page,
        masked={row.id: given_up.masked(row) for row in page.rows},
        perhaps={row.id for row in page.rows if given_up.is_perhaps(row)},
        why=_WHY,
        kinds={name: kind.label for name, kind in mail.kinds().items()},
        schedules=schedule.standing(),
        standing=given_up.standing(),
        waiting=given_up.waiting(),
        workers=given_up.workers(),
    )


@blueprint.post("/settings/outbox/retry")
@requires(Can.MANAGE_USERS)
def retry() -> Any:
    """Try one again, or all that cannot have left."""
    _must_run_it()
    count = given_up.retry(_meant(), by=current_user)
    flash(ngettext("One is tried again.", "%(num)s are tried again.", count), "success")
    return redirect(url_for("outbox.index"), 303)


@blueprint.post("/settings/outbox/put-away")
@requires(Can.MANAGE_USERS)
def put_away() -> Any:
    """Let one go, or all."""
    _must_run_it()
    count = given_up.put_away(_meant(), by=current_user)
    flash(ngettext("One was put away.", "%(num)s were put away.", count), "success")
    return redirect(url_for("outbox.index"), 303)


def _meant() -> list[int] | None:
    """The row the button stands beside; None for the button of all."""
    if request.form.get("all"):
        return None
    number = request.form.get("row", "")
    if not number.isascii() or not number.isdigit() or len(number) > 15:
        abort(400, _("Go back, reload the page and try again."))
    return [int(number)]
