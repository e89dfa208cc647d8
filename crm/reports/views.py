"""Pages of the room."""

from typing import Any

from flask import Blueprint, render_template

from crm.core.access import Can, requires

blueprint = Blueprint("reports", __name__)


@blueprint.get("/")
@requires(Can.SEE)
def front() -> Any:
    return render_template("layout/page.html")


@blueprint.get("/search")
@requires(Can.SEE)
def search() -> Any:
    return render_template("layout/page.html")
