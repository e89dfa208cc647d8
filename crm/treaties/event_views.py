"""Forms of the ledger: staff enter an event, correct one, take one back."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core.access import Can, requires
from crm.core.i18n import day as written
from crm.core.i18n import today
from crm.treaties import history, operations, queries, rules
from crm.treaties.forms import EventForm, RetractForm
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.models import TreatyEvent
from crm.treaties.queries import State
from crm.treaties.views import blueprint


def _offer(form: EventForm, states: list[State]) -> EventForm:
    form.target.choices = [("", _("Choose…")), *((each.target_id, each.name) for each in states)]
    return form


def _code(states: list[State], target_id: int) -> str:
    return next((each.iso3.lower() for each in states if each.target_id == target_id), "")


@blueprint.route("/treaties/events/new", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def events_new() -> Any:
    """Enter what a state did; `?treaty=CCM&state=NIU` fills in."""
    states = queries.states()
    form = _offer(EventForm(), states)
    if not form.is_submitted():
        wanted = request.args.get("state", "").upper()
        form.target.data = next((each.target_id for each in states if each.iso3 == wanted), "")
        treaty = request.args.get("treaty", "").upper()
        form.treaty.data = treaty if treaty in INSTRUMENTS else None

    def enter() -> int:
        return operations.add_event(
            treaty=form.treaty.data, target_id=form.target.data, **form.details(),
            by=current_user, today=today(),
        ).target_id  # fmt: skip

    target_id = form.carry(enter)
    if target_id is not None:
        flash(_("Entered in the ledger."), "success")
        return redirect(url_for("treaties.country", iso3=_code(states, target_id)), 303)
    return render_template("treaties/event.html", form=form, row=None, states=states), form.status


@blueprint.route("/treaties/events/<int:event_id>/correct", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def correct(event_id: int) -> Any:
    """Replace an entry by a new one; the old one stays to be seen."""
    row = history.entry(event_id)
    states = queries.states()
    form = _offer(EventForm(data=_filled(row)), states)
    # Of which treaty and state it is cannot be corrected: that would be another event.
    del form.treaty, form.target
    code, name = _code(states, row.target_id), row.target.name

    def replace() -> int:
        return operations.correct_event(
            row, **form.details(), by=current_user, today=today()
        ).target_id  # fmt: skip

    if form.carry(replace) is not None:
        flash(_("Corrected. The entry it replaces stays in the time line, struck out."), "success")
        return redirect(url_for("treaties.country", iso3=code), 303)
    return render_template(
        "treaties/event.html", form=form, row=row, name=name, iso3=code, **_told(row)
    ), form.status


@blueprint.route("/treaties/events/<int:event_id>/retract", methods=["GET", "POST"])
@requires(Can.EDIT_TREATIES)
def retract(event_id: int) -> Any:
    """Take back an entry that should never have been made."""
    row = history.entry(event_id)
    form = RetractForm()
    states = queries.states()
    code, name = _code(states, row.target_id), row.target.name

    def take_back() -> int:
        return operations.retract_event(
            row, reason=form.reason.data, by=current_user, today=today()
        ).target_id  # fmt: skip

    if form.carry(take_back) is not None:
        flash(_("Taken back. The entry stays in the time line, struck out."), "success")
        return redirect(url_for("treaties.country", iso3=code), 303)
    return render_template(
        "treaties/retract.html", form=form, row=row, name=name, iso3=code, **_told(row)
    ), form.status


def _told(row: TreatyEvent) -> dict[str, Any]:
    return {
        "treaty": INSTRUMENTS[row.treaty],
        "what": rules.KIND_LABELS.get(row.kind, row.kind),
        "when": written(row.happened_on),
    }


def _filled(row: TreatyEvent) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "happened_on": row.happened_on,
        "day_unknown": not row.day_known,
        "until": row.until,
        "article": row.article,
        "year": row.year,
        "source": row.source,
        "link": row.link,
        "note": row.note,
    }
