"""The page that imports a state's legislature: from the public address, or from a zip of it."""

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from flask_wtf.file import FileField
from wtforms.fields.choices import SelectChoice

from crm.core import db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, choice
from crm.core.i18n import today
from crm.core.settings import in_force
from crm.targets import operations, rules
from crm.targets.intake import Taken
from crm.targets.sources import openstates
from crm.targets.sources.reading import MAX_BYTES
from crm.targets.views import blueprint


def _states() -> list[SelectChoice]:
    named = sorted((rules.area_name(area), area) for area in rules.STATES)
    return [SelectChoice("", _l("Choose a state")), *(SelectChoice(a, name) for name, a in named)]


class StateForm(Form):
    """Which state, and the zip, where one is sent."""

    state = choice(_l("State"), choices=_states())
    archive = FileField(
        _l("A zip of its files"),
        description=_l(
            "Of the state's folder, or of the whole of openstates/people. Without one, the files "
            "are fetched from the address above."
        ),
    )


@blueprint.route("/targets/import/state", methods=["GET", "POST"])
@requires(Can.IMPORT_TARGETS)
def import_state() -> Any:
    form = StateForm()
    public = in_force().openstates_source or openstates.PUBLIC_ADDRESS

    def carry_out() -> Taken:
        # Reading takes seconds: others may write meanwhile.
        db.rollback()
        state, sent = form.state.data, form.archive.data
        if sent and sent.filename:
            content = sent.stream.read(MAX_BYTES + 1)
            return operations.import_openstates_file(
                sent.filename, content, state=state, by=current_user, today=today()
            )
        if not state:
            raise Refused(_("Choose a state."), field="state")
        return operations.import_openstates(state, public=public, by=current_user, today=today())

    taken = form.carry(carry_out)
    if taken is not None:
        flash(_("Imported. %(what)s.", what=str(taken).partition(": ")[2].capitalize()), "success")
        for warning in taken.warnings[:5]:
            flash(warning, "warning")
        return redirect(url_for("targets.imports"), 303)
    return render_template("targets/import_state.html", form=form, place=public), form.status
