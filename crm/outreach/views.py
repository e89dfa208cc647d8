"""Pages of the room."""

from typing import Any

from flask import Blueprint, render_template

from crm.core.access import Can, requires

blueprint = Blueprint("outreach", __name__)


@blueprint.get("/outreach/log")
@requires(Can.LOG_OUTREACH)
def log_start() -> Any:
    return render_template("layout/page.html")
