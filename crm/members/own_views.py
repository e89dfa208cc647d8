"""A member's own page: by signing in, or by a link or a card and then for two hours.

It tells of nobody else. What a key opens is asked anew at each request: an hour ago a guardian may
have said no.
"""

from time import time
from typing import Any

from flask import Response, abort, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms import StringField
from wtforms.validators import InputRequired

from crm.core import i18n, limits, shell
from crm.core.access import public
from crm.core.forms import Form, cleaned
from crm.members import key_operations, own_data
from crm.members.consent_rules import State
from crm.members.disclosure import NOBODY, Exit, disclose
from crm.members.keys import STAYS_OPEN, Kind
from crm.members.own_session import ENTRY, Mine, whose
from crm.members.views import blueprint

_BADGES = {State.GIVEN: "good", State.REFUSED: "bad", State.WITHDRAWN: "bad", State.EXPIRED: "warn"}


class CodeForm(Form):
    """The code of a printed card."""

    code = StringField(
        _l("Code on your card"),
        validators=[InputRequired(_l("Type the code."))],
        filters=[cleaned],
    )


@blueprint.route("/my", methods=["GET", "POST"])
@limits.failures("50 per 10 minutes", limits.by_client)
@public
def own() -> Any:
    """My own page; without a key the form for a card's code."""
    form = CodeForm()
    key = form.carry(lambda: key_operations.open_page(code=form.code.data, today=i18n.today()))
    if key is not None:
        return _opened(key.id)
    had_key = ENTRY in session
    mine = None if form.is_submitted() else whose()
    if mine is None:
        closed = had_key and ENTRY not in session
        page = render_template("members/own_door.html", form=form, closed=closed)
        return page, form.status
    if mine.hindrance:
        return render_template("members/own_closed.html", why=mine.hindrance), 403
    return _page(mine)


def _page(mine: Mine) -> str:
    member, today = mine.member, i18n.today()
    asked = _asked(mine)
    parts = own_data.for_own_page(asked)
    shown = disclose([member.id], to=NOBODY, exit=Exit.PAGE)[member.id]
    return render_template(
        "members/own.html",
        mine=mine,
        name=shown.name,
        chapters=shown.chapters,
        panels=shell.panels("me", member),
        standing=[
            (label, words, _BADGES.get(State(state), "plain"))
            for label, state, words in own_data.standing(member.id, today)
        ],
        about=parts["about"],
        guardians=parts["guardians"],
        consents=parts["consents"],
        by_key=mine.kind is not None,
    )


def _asked(mine: Mine) -> own_data.Asked:
    # A card lies about: whoever finds one must not learn where a child lives.
    safe = mine.kind is not Kind.CARD
    return own_data.Asked(mine.member, i18n.today(), reach=safe, guardians=safe)


def _opened(key_id: int) -> Any:
    session[ENTRY] = [key_id, int(time()) + STAYS_OPEN]
    return redirect(url_for("members.own"), 303)


@blueprint.route("/my/<code>", methods=["GET", "POST"])
@limits.failures("50 per 10 minutes", limits.by_client)
@public
def own_key(code: str) -> Any:
    """One button, so that a program that looks at links before a person does opens nothing."""
    form = Form()
    key = form.carry(lambda: key_operations.open_page(code=code, today=i18n.today()))
    if key is not None:
        return _opened(key.id)
    return render_template("members/own_key.html", form=form), form.status


@blueprint.post("/my/leave")
@public
def own_leave() -> Any:
    """Close a page that was opened by a key."""
    session.pop(ENTRY, None)
    flash(_("Your page is closed."), "success")
    return redirect(url_for("members.own"), 303)


@blueprint.post("/my/data")
@public
def own_export() -> Any:
    """All that is kept about me, as one file."""
    mine = whose()
    if mine is None or mine.hindrance:
        abort(403)
    by = current_user if mine.kind is None else None
    found = own_data.document(_asked(mine))
    key_operations.take_data(member_id=mine.member.id, by=by, way=mine.kind or "account")
    return file_of(found, request.form.get("format", ""))


def file_of(found: own_data.Document, kind: str) -> Response:
    """The file for a person, or for a program."""
    if kind == "json":
        body, mimetype, name = own_data.as_json(found), "application/json", "my-data.json"
    else:
        body, mimetype, name = own_data.as_page(found), "text/html", "my-data.html"
    response = Response(body, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


@blueprint.after_request
def _keep_code_home(response: Response) -> Response:
    if "code" in (request.view_args or {}):
        # As with links for passwords: the code in the address travels in no Referer.
        response.headers["Referrer-Policy"] = "strict-origin"
    return response
