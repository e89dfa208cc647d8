"""How entries about tasks are told."""

from collections.abc import Collection, Mapping
from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import select

from crm.core import access, db, history
from crm.core.access import Can
from crm.core.history import Kind
from crm.members.queries import in_scope
from crm.outreach.channels import channels
from crm.tasks.board_views import STATES
from crm.tasks.models import Task


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(app, "task", _TASK)


def _names(ids: Collection[int]) -> Mapping[int, str]:
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    rows = db.session.execute(
        select(Task.id, Task.title).where(Task.id.in_(ids), in_scope(Task.chapter_id, scope))
    )
    return {row[0]: row[1] for row in rows}


def _channel(name: Any) -> Any:
    found = channels().get(str(name))
    return found.label if found else name


def _steps(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return ", ".join(str(step.get("title")) for step in value if isinstance(step, dict))


_TASK = Kind(
    _l("Task"),
    verbs={
        "add_task": _l("Handed out"),
        "start_task": _l("Begun"),
        "finish_task": _l("Done"),
        "do_part_of_task": _l("Done in part"),
        "carry_task": _l("Carried on"),
        "tell_carrier": _l("Said to be done"),
        "reopen_task": _l("To be done again"),
        "return_task": _l("Given back to the pool"),
        "take_task": _l("Taken from the pool"),
        "assign_task": _l("Given to somebody else"),
        "move_task": _l("Moved to another day"),
        "cancel_task": _l("Called off"),
        "edit_task": _l("Changed"),
        "ask_help": _l("Help asked for"),
        "give_help": _l("Help given"),
        "repoint_task": _l("Given a successor as its target"),
    },
    fields={
        "title": _l("What is to be done"),
        "note": _l("Note"),
        "chapter_id": _l("Chapter"),
        "campaign_id": _l("Campaign"),
        "channel": _l("Logged as"),
        "text_id": _l("Text"),
        "member_id": _l("Who does it"),
        "done_by_id": _l("By"),
        "leader_id": _l("Who answers for it"),
        "in_pool": _l("In the pool"),
        "due_on": _l("Due"),
        "targets": _l("Targets"),
        "target_id": _l("Target"),
        "pieces": _l("Pieces"),
        "pieces_done": _l("Done now"),
        "done": _l("Done"),
        "minutes": _l("Minutes"),
        "action_id": _l("Outreach"),
        "state": _l("State"),
        "repeats": _l("Again"),
        "repeats_until": _l("Until"),
        "then": _l("Then"),
        "carrier": _l("Carried by"),
        "help": _l("Help"),
        "first_id": _l("First of its series"),
        "origin": _l("Came by"),
    },
    values={
        "channel": _channel,
        "then": _steps,
        "state": lambda value: STATES.get(str(value), value),
    },
    keys=("task_id", "first_id"),
    refs={"targets": "target", "pieces_done": "target", "target_id": "target",
          "leader_id": "user_account", "done_by_id": "member"},
    names=_names,
    link=lambda number: url_for("tasks.page", task_id=number),
    lists=("then",),
    hidden=("origin",),
)  # fmt: skip
