"""The history of a target and its ways to be reached, and how entries about targets are told."""

from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.core import db, history
from crm.core.access import Can, requires
from crm.core.history import Kind, names_of
from crm.core.history_page import history_page
from crm.targets.models import ContactPoint, Target, TargetList
from crm.targets.queries import kept_or_merged
from crm.targets.views import blueprint


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(app, "target", _TARGET)
    history.add_kind(app, "contact_point", _POINT)
    history.add_kind(app, "target_list", _LIST)
    history.add_kind(app, "district_table", Kind(_l("Districts")))
    history.add_kind(app, "column_mapping", Kind(_l("Columns of a file")))


@blueprint.get("/targets/<int:target_id>/history")
@requires(Can.EDIT_TARGETS)
def target_history(target_id: int) -> Any:
    """Who changed what of a target by hand; what imports changed stands on its page."""
    target = kept_or_merged(target_id)
    points = select(ContactPoint.id).where(ContactPoint.target_id == target_id)
    return history_page(
        {"target": [target_id], "contact_point": db.session.scalars(points).all()},
        name=target.name,
        back=url_for("targets.page", target_id=target_id),
    )


_TARGET = Kind(
    _l("Target"),
    verbs={
        "add_target": _l("Added"),
        "change_target": _l("Changed"),
        "hold_post": _l("Post added"),
        "merge": _l("Merged"),
        "unmerge": _l("Taken apart again"),
        "keep_apart": _l("Kept apart"),
    },
    fields={"merged": _l("With"), "other": _l("From"), "theirs": _l("Kept of the other")},
    keys=("target_id", "targets", "target", "added", "removed"),
    refs={"merged": "target", "other": "target"},
    names=names_of(Target.id, Target.name),
    link=lambda number: url_for("targets.page", target_id=number),
    hidden=("search", "sort_name"),
)
_POINT = Kind(
    _l("Way to reach"),
    verbs={
        "add_contact_point": _l("Way to reach added"),
        "change_contact_point": _l("Way to reach changed"),
        "mark_contact_point": _l("Way to reach marked"),
        "mark_returned": _l("Came back undeliverable"),
        "clear_returned": _l("Good again"),
    },
    fields={"target_id": _l("Of"), "checked_on": _l("Checked on")},
)
_LIST = Kind(_l("List"), names=names_of(TargetList.id, TargetList.name))
