"""Pages about districts: who represents a ZIP, and the tables that answer it."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.file import FileField
from wtforms.validators import InputRequired, NumberRange, Optional

from crm.core import db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, WholeNumber
from crm.core.i18n import today
from crm.core.shell import Hit
from crm.targets import district_rules, districts
from crm.targets.districts import Answer, Brought
from crm.targets.sources.reading import MAX_BYTES
from crm.targets.views import blueprint

#: Changes named in full after an import; the command writes them all into a file.
_NAMED = 8


class DistrictsForm(Form):
    """A table of districts somebody sends."""

    table = FileField(_l("File"), validators=[InputRequired(_l("Choose a file."))])
    congress = WholeNumber(
        _l("Congress"),
        read=int,
        description=_l("Of a CSV file that does not say; 119 unless given."),
        validators=[Optional(), NumberRange(100, 199, _l("Give a number such as 119."))],
    )


@blueprint.get("/targets/represents")
@requires(Can.SEE)
def represents() -> Any:
    """Who represents a ZIP; nothing but the ZIP is asked, and nothing is kept."""
    typed = request.args.get("zip", "").replace("\x00", "").strip()[:40]
    answer: Answer | None = None
    refused: Refused | None = None
    if typed:
        try:
            answer = districts.represented(typed, today())
        except Refused as refusal:
            refused = refusal
    chosen = request.args.get("district", "")
    return render_template(
        "targets/represents.html",
        typed=typed,
        answer=answer,
        refused=refused,
        chosen=next((seat for seat in answer.house if seat.short == chosen), None)
        if answer
        else None,
        tables=() if answer else districts.vintages(),
        finder=district_rules.FINDER,
        on=today(),
    ), 422 if refused else 200


def find_for_search(query: str, _limit: int) -> list[Hit]:
    """Five digits in the search box are a ZIP."""
    try:
        zip_code = district_rules.read_zip(query)
    except Refused:
        return []
    return [
        Hit(
            _("Who represents %(zip)s", zip=zip_code),
            _("Members of Congress by ZIP"),
            url_for("targets.represents", zip=zip_code),
        )
    ]


@blueprint.route("/targets/import/districts", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def district_tables() -> Any:
    """The tables there are, and a file for another."""
    form = DistrictsForm()

    def carry_out() -> Brought:
        # Reading takes a moment: others may write meanwhile.
        db.rollback()
        sent = form.table.data
        return districts.import_districts_file(
            sent.filename or "",
            sent.stream.read(MAX_BYTES + 1),
            congress=form.congress.data,
            by=current_user,
        )

    brought = form.carry(carry_out)
    if brought is not None:
        flash(str(brought), "success")
        if brought.removed and brought.added + brought.removed <= _NAMED:
            flash("; ".join(f"{c.key} {c.kind} {c.old or c.new}" for c in brought.changes), "info")
        for warning in brought.warnings:
            flash(warning, "warning")
        return redirect(url_for("targets.district_tables"), 303)
    return render_template(
        "targets/districts.html", form=form, tables=districts.vintages(), on=today()
    ), form.status
