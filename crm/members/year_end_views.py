"""The page that closes a chapter's school year: everything listed, ticked, and saved once."""

from typing import Any

from flask import abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from crm.core import access, i18n
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, parse_id, text
from crm.core.settings import in_force
from crm.members import queries, year_end
from crm.members.consent_rules import LABELS
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter
from crm.members.queries import MemberFilter
from crm.members.rules import AgeBand, band_name
from crm.members.views import blueprint
from crm.members.year_end import Closed, Decided, Plan


class YearEndForm(Form):
    """Why; the ticks are read beside the form."""

    reason = text(_l("Note for the record"), most=500)


@blueprint.route("/members/year-end", methods=["GET", "POST"])
@requires(Can.CLOSE_YEAR)
def close_year() -> Any:
    """Who graduates, who grew older, whose consent ends, who left long ago: one reviewed step."""
    scope, today = access.scope(current_user, Can.CLOSE_YEAR), i18n.today()
    chapters = queries.chapters_in(scope, open_only=True)
    chapter = _chosen(chapters)
    form, is_sent = YearEndForm(), request.method == "POST"
    if chapter is None:
        if is_sent:
            abort(404)
        return render_template("members/year_end.html", form=form, chapters=chapters, chapter=None)
    closed = form.carry(
        lambda: year_end.close_year(
            chapter_id=chapter.id,
            decided=_decided(year_end.plan(chapter.id, today=today)),
            reason=form.reason.data,
            by=current_user,
            today=today,
        )
    )
    if closed is not None:
        flash(_told(closed), "success")
        return redirect(url_for("members.close_year", chapter=chapter.slug), 303)
    found = year_end.plan(chapter.id, today=today)
    bounds = in_force().age_limits
    return render_template(
        "members/year_end.html",
        form=form,
        chapters=chapters,
        chapter=chapter,
        plan=found,
        headings=year_end.HEADINGS,
        last=year_end.last_day(found.year),
        shown=disclose(found.member_ids, to=Viewer.of(current_user), exit=Exit.PAGE, today=today),
        bands=[
            (band.value, band_name(band, bounds)) for band in AgeBand if band != AgeBand.UNKNOWN
        ],
        band_name=lambda band: band_name(band, bounds),
        labels=LABELS,
        sent=request.form if is_sent else None,
        ticked={name: set(request.form.getlist(name)) for name in ("graduate", "aged", "forget")},
        forgets=access.scope(current_user, Can.FORGET_MEMBERS).includes(chapter.id),
        years=int(in_force().retention_years),
        consents=consents_page(chapter.slug),
    ), form.status


def _chosen(chapters: list[Chapter]) -> Chapter | None:
    slug = request.args.get("chapter")
    if slug:
        return next((each for each in chapters if each.slug == slug), None) or abort(404)
    return chapters[0] if len(chapters) == 1 else None


def _decided(plan: Plan) -> Decided:
    """What was ticked; an age that is not the proposed one was chosen, ticked or not."""
    years, bands = {}, {}
    for name, value in request.form.items():
        field, _dash, number = name.partition("-")
        member_id = parse_id(number)
        if field == "year" and member_id is not None and value.strip():
            years[member_id] = _year(value)
    ticked = set(_ids("aged"))
    for each in plan.aged:
        band = request.form.get(f"band-{each.member_id}", "")
        if each.member_id in ticked or (band and band != each.next):
            bands[each.member_id] = band
    return Decided(graduates=_ids("graduate"), years=years, bands=bands, forgotten=_ids("forget"))


def _year(typed: str) -> int:
    year = typed.strip()
    if not (year.isascii() and year.isdigit() and len(year) == 4):
        raise Refused(_("Give a year such as 2027."))
    return int(year)


def _ids(name: str) -> list[int]:
    found = (parse_id(each) for each in request.form.getlist(name))
    return [each for each in found if each is not None]


def _told(closed: Closed) -> str:
    parts = []
    if closed.graduated:
        parts.append(ngettext("%(num)s graduated.", "%(num)s graduated.", closed.graduated))
    if closed.years:
        parts.append(ngettext("%(num)s year was kept.", "%(num)s years were kept.", closed.years))
    if closed.bands:
        parts.append(
            ngettext("%(num)s age was confirmed.", "%(num)s ages were confirmed.", closed.bands)
        )
    if closed.grown_up:
        parts.append(
            ngettext(
                "%(num)s is an adult now: ask for their own consent.",
                "%(num)s are adults now: ask for their own consent.",
                len(closed.grown_up),
            )
        )
    if closed.forgotten:
        parts.append(
            ngettext("%(num)s was forgotten.", "%(num)s were forgotten.", closed.forgotten)
        )
    return " ".join(parts)


def consents_page(slug: str) -> str | None:
    """Where a chapter's consents are asked anew, once there is such a page."""
    path = f"/chapters/{slug}/consents"
    try:
        current_app.url_map.bind("").match(path)
    except HTTPException:
        return None
    return path


def in_season(wanted: MemberFilter) -> dict[str, Any] | None:
    """The button on the list of members in summer; the rest of the year it is in the menu."""
    return of_list(wanted) if i18n.today().month in year_end.SEASON else None


def of_list(_wanted: MemberFilter) -> dict[str, Any] | None:
    """The way to it from the list of members."""
    if not access.may(current_user, Can.CLOSE_YEAR):
        return None
    return {"chapter": request.args.get("chapter") or None}
