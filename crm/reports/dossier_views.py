"""The dossier of a target, on screen and as one sheet of paper to take into a meeting.

Whoever may see reports may have it: it shows what every reader of the target's page sees, counts
and no member. So its download needs no permission of its own, and no reason.
"""

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Response, redirect, render_template, request, url_for
from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import pdf, reads
from crm.core.access import Can, requires
from crm.core.i18n import timezone_name, today
from crm.core.text import slugify
from crm.members.disclosure import first_name, maker_name
from crm.reports.dossier import Dossier, Section, dossier
from crm.reports.views import blueprint
from crm.targets.queries import kept_or_merged


@blueprint.get("/targets/<int:target_id>/dossier", endpoint="dossier")
@requires(Can.SEE_REPORTS)
def page(target_id: int) -> Any:
    """All that is worth knowing before a meeting, as of a day."""
    target = kept_or_merged(target_id)
    if target.merged_into_id is not None:
        return redirect(url_for(".dossier", target_id=target.merged_into_id), 302)
    on = _day()
    return render_template(
        "reports/dossier.html",
        found=dossier(target, on),
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        is_today=on == today(),
        made=_made(first_name(current_user.name)),
    )


@blueprint.get("/targets/<int:target_id>/dossier.pdf", endpoint="dossier_pdf")
@requires(Can.SEE_REPORTS)
def sheet(target_id: int) -> Any:
    """The same as one page of paper: `?paper=a4` or `letter`."""
    target = kept_or_merged(target_id)
    if target.merged_into_id is not None:
        return redirect(url_for(".dossier_pdf", target_id=target.merged_into_id), 302)
    on = _day()
    found = dossier(target, on)
    data = data_of(found, made=_made(maker_name(current_user)))
    paper = pdf.paper_named(request.args.get("paper"))
    filters = {"target": target.id, "on": on.isoformat()}
    reads.export("dossier", format="pdf", filters=filters)
    response = Response(pdf.render("dossier", data, paper=paper), mimetype="application/pdf")
    name = f"dossier-{slugify(found.name)}-{on.isoformat()}.pdf"
    response.headers.set("Content-Disposition", "inline", filename=name)
    return response


def _day() -> date:
    try:
        return date.fromisoformat(request.args.get("on", ""))
    except ValueError:
        return today()


def _made(by: str) -> str:
    """When and by whom."""
    now = datetime.now(ZoneInfo(timezone_name()))
    return _(
        "Made %(moment)s by %(name)s.",
        moment=format_datetime(now, "medium", rebase=False),
        name=by,
    )


def data_of(found: Dossier, *, made: str) -> dict[str, Any]:
    """What the template reads; all of it text. A section brings the words for what is left out."""
    data: dict[str, Any] = {
        "lang": str(getattr(get_locale(), "language", "en")),
        "title": _("Dossier: %(name)s", name=found.name),
        "name": found.name,
        "kind": found.kind,
        "lead": found.lead,
        "party": found.party,
        "as_of": _("As of %(day)s", day=_written(found.on)),
        "facts": [list(pair) for pair in found.facts],
        "main": [_section(each) for each in found.main],
        "side": [_section(each) for each in found.side],
        "sources": _("Sources: %(sources)s", sources=found.sources) if found.sources else "",
        "made": made,
        "notes": _("Notes"),
        "note": "",
    }
    if lacking := pdf.unprintable(_texts(data)):
        data["note"] = _(
            "This paper may lack letters it has no font for: %(letters)s. The page shows them.",
            letters=" ".join(lacking),
        )
    return data


def _section(section: Section) -> dict[str, Any]:
    rows = [
        {
            "head": r.head,
            "beside": r.beside,
            "text": r.text,
            "note": r.note,
            "mark": r.mark,
            "tone": r.tone,
        }
        for r in section.rows
    ]
    return {
        "key": section.key,
        "title": section.title,
        "lead": section.lead,
        "empty": section.empty,
        "rows": rows,
        "more": [section.more(shown) for shown in range(len(rows) + 1)],
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    return [text for each in value for text in _texts(each)]


def _written(day: date) -> str:
    return str(format_datetime(datetime(day.year, day.month, day.day), "d MMMM y", rebase=False))  # noqa: DTZ001
