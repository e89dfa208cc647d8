"""Have a report mailed, and have it mailed no more."""

from typing import Any

from flask import flash, redirect, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from wtforms.fields.choices import SelectChoice

from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, choice
from crm.outreach.filters import LABELS
from crm.reports import sources, subscriptions
from crm.reports.catalogue import find_report
from crm.reports.subscriptions import EVERIES, PERIODS
from crm.reports.views import blueprint


class MailMeForm(Form):
    """How often a report comes, and of which days it tells."""

    every = choice(
        _l("How often"),
        required=True,
        default="month",
        choices=[SelectChoice(value, label) for value, label in EVERIES.items()],
    )
    period = choice(
        _l("Of which days"),
        required=True,
        default="month",
        choices=[SelectChoice(value, label) for value, label in PERIODS.items()],
    )


@blueprint.context_processor
def _mailed() -> dict[str, Any]:
    return {"mail_me": _form, "mailed_to_me": mailed_to_me}


def _form(period: str | None = None) -> MailMeForm:
    """The form as it is first shown, for a report whose address names a period."""
    return MailMeForm(formdata=None, period=subscriptions.period_named(period))


def mailed_to_me(report: str | None = None) -> list[dict[str, Any]]:
    """What the reader has mailed, for a page; of one report alone, where it is named."""
    found = []
    for kept in subscriptions.of_user(current_user.id):
        known = find_report(kept.report)
        if report is not None and kept.report != report:
            continue
        given = subscriptions.given_of(kept)
        facts = [(LABELS.get(key, key), value) for key, value in given.items()]
        found.append(
            {
                "id": kept.id,
                "name": kept.report,
                "title": known.title if known is not None else kept.report,
                "every": EVERIES[kept.every],
                "period": PERIODS[subscriptions.period_of(kept)],
                "facts": facts,
                "given": given,
                "last_on": kept.last_on,
            }
        )
    return found


@blueprint.post("/reports/<name>/mail")
@requires(Can.SEE_REPORTS)
def mail_me(name: str) -> Any:
    """Have the report of the address mailed, with its filters."""
    form = MailMeForm()
    given = sources.given_by(request.args)
    back = redirect(url_for(".page", name=name, **given), 303)  # type: ignore[arg-type]
    if find_report(name) is None:
        return redirect(url_for(".index"), 303)
    if not form.validate_on_submit():
        flash(_("Choose how often it comes, and of which days it tells."), "warning")
        return back
    try:
        subscriptions.subscribe(
            report=name,
            given=given,
            every=form.every.data or "",
            period=form.period.data or "",
            by=current_user,
        )
    except Refused as refusal:
        flash(str(refusal.message), "warning")
        return back
    flash(_("This report will be mailed to you. It can be stopped on the page of reports."),
          "success")  # fmt: skip
    return back


@blueprint.post("/reports/mailed/<int:subscription_id>/stop")
@requires(Can.OWN_ACCOUNT)
def stop_mail(subscription_id: int) -> Any:
    """Have it mailed no more."""
    subscriptions.unsubscribe(subscription_id, by=current_user)
    flash(_("This report is mailed to you no more."), "success")
    return redirect(url_for(".index"), 303)
