"""The history of an action, its answers among it, and how entries about outreach are told."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask, abort, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select

from crm.core import db, history
from crm.core.access import Can, requires
from crm.core.history import Kind
from crm.core.history_page import history_page
from crm.core.i18n import day
from crm.members.disclosure import Viewer
from crm.outreach import window_rules
from crm.outreach.channels import channels
from crm.outreach.commitments import STATES, WHOSE, may_settle
from crm.outreach.models import Action, ActionTarget, Commitment, Outcome
from crm.outreach.operations import last_undo
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.record import action_with_facts, chapters_of
from crm.outreach.views import blueprint


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(app, "action", _ACTION)
    history.add_kind(app, "reply_window", _WINDOWS)
    history.add_kind(app, "commitment", _COMMITMENT)
    # Answers were entries of their own once; today they stand under their action.
    history.add_kind(
        app, "outcome", Kind(_l("Answer"), verbs=_VERBS, fields=_FIELDS, values=_VALUES)
    )


@blueprint.get("/outreach/commitments/<int:commitment_id>/history")
@requires(Can.RECORD_OUTCOMES)
def commitment_history(commitment_id: int) -> Any:
    """Who recorded, corrected and settled a promise: for those who may do so."""
    one = db.session.scalars(select(Commitment).where(Commitment.id == commitment_id)).one()
    if not may_settle(one, current_user):
        abort(404)
    return history_page(
        {"commitment": [commitment_id]},
        name=_("Commitment"),
        back=url_for(".commitment", commitment_id=commitment_id),
    )


@blueprint.get("/outreach/<int:action_id>/history")
@requires(Can.SEE)
def action_history(action_id: int) -> Any:
    """Who logged, corrected and answered what: for those who see inside of its chapters."""
    action = action_with_facts(action_id)
    chapter_ids = [chapter.id for chapter in chapters_of(action_id)]
    if action.undone_at is not None:
        chapter_ids = last_undo(action_id).snapshot["chapters"]
    if not Viewer.of(current_user).sees.includes(*chapter_ids):
        abort(404)
    answers = db.session.scalars(
        select(Outcome.id)
        .join(ActionTarget, ActionTarget.id == Outcome.action_target_id)
        .where(ActionTarget.action_id == action_id)
    ).all()
    what = channels()[action.channel].count(action.pieces)
    return history_page(
        {"action": [action_id], "outcome": answers},
        name=f"{what}, {day(action.happened_on)}",
        back=url_for(".page", action_id=action_id),
    )


def _names(ids: Collection[int]) -> Mapping[int, str]:
    rows = db.session.execute(
        select(Action.id, Action.channel, Action.pieces, Action.happened_on).where(
            Action.id.in_(ids)
        )
    )
    return {
        row.id: f"{channels()[row.channel].count(row.pieces)}, {day(row.happened_on)}"
        for row in rows
    }


def _channel(name: Any) -> Any:
    found = channels().get(str(name))
    return found.label if found else name


def _came_back(name: Any) -> Any:
    found = outcome_kinds().get(str(name))
    return found.label if found else name


def _photos(value: Any) -> Any:
    return len(value) if isinstance(value, list) else value


_VERBS = {
    "log_action": _l("Logged"),
    "correct_action": _l("Corrected"),
    "undo_action": _l("Undone"),
    "redo_action": _l("Brought back"),
    "record_outcome": _l("Answer recorded"),
    "withdraw_outcome": _l("Answer withdrawn"),
    "record_replies": _l("Answers ticked"),
    "withdraw_replies": _l("Ticked answers taken back"),
    "close_waiting": _l("Waited for no longer"),
    "ask_for_replies": _l("Asked whether answers came"),
}
_FIELDS = {
    "channel": _l("How"),
    "campaign_id": _l("Campaign"),
    "happened_on": _l("Date"),
    "until": _l("Last day"),
    "place": _l("Place"),
    "pieces": _l("Pieces"),
    "unnamed": _l("Unnamed"),
    "people": _l("People"),
    "minutes": _l("Minutes"),
    "note": _l("Note"),
    "details": _l("Details"),
    "targets": _l("Targets"),
    "target_id": _l("Target"),
    "members": _l("Who took part"),
    "member_minutes": _l("Minutes of each"),
    "chapters": _l("By"),
    "asks": _l("Asked"),
    "photos": _l("Photos"),
    "origin": _l("Came by"),
    "kind": _l("What came back"),
    "received_on": _l("Received on"),
    "summary": _l("Summary"),
    "scan": _l("Scan"),
    "contact_point_id": _l("Address that failed"),
    "member_id": _l("Came to"),
    "files": _l("Papers"),
    "kinds": _l("What came back"),
    "silent": _l("Nothing came from"),
    "rest": _l("What then"),
    "why": _l("Why"),
    "sittings": _l("Asked about"),
    "closed": _l("Closed without answer"),
    "left_office": _l("Closed: left office"),
    "dated": _l("Given a day"),
    "messages": _l("Messages"),
    "commitments": _l("Commitments with it"),
}


def _kinds(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return ", ".join(f"{number} × {_came_back(name)}" for name, number in value.items())


def _rest(value: Any) -> Any:
    return _REST.get(str(value), value)


_REST = {
    "nothing-yet": _l("nothing yet"),
    "later": _l("ask again later"),
    "close": _l("closed"),
}
_VALUES = {
    "channel": _channel,
    "kind": _came_back,
    "photos": _photos,
    "kinds": _kinds,
    "rest": _rest,
    "why": lambda value: window_rules.CLOSED.get(str(value), value),
}
_ACTION = Kind(
    _l("Outreach"),
    verbs=_VERBS,
    fields=_FIELDS,
    values=_VALUES,
    keys=("action_id",),
    names=_names,
    link=lambda number: url_for("outreach.page", action_id=number),
    hidden=("action_target_id",),
    refs={"silent": "target"},
)
_COMMITMENT = Kind(
    _l("Commitment"),
    verbs={
        "record_commitment": _l("Commitment recorded"),
        "settle_commitment": _l("Settled"),
        "reopen_commitment": _l("Opened again"),
        "correct_commitment": _l("Corrected"),
        "withdraw_commitment": _l("Taken back"),
    },
    fields={
        "target_id": _l("Target"),
        "campaign_id": _l("Campaign"),
        "text": _l("What was promised"),
        "made_on": _l("Promised on"),
        "due_on": _l("Due"),
        "whose": _l("Whose promise"),
        "state": _l("State"),
        "settled_on": _l("Since"),
        "evidence": _l("What showed it"),
    },
    values={
        "state": lambda value: STATES.get(str(value), value),
        "whose": lambda value: WHOSE.get(str(value), value),
    },
    hidden=("outcome_id",),
    names=lambda ids: dict.fromkeys(ids, _("Commitment")),
    link=lambda number: url_for("outreach.commitment", commitment_id=number),
)
_WINDOWS = Kind(
    _l("How long an answer may take"),
    verbs={"set_windows": _l("Changed")},
    more_fields=lambda name: name,
)
