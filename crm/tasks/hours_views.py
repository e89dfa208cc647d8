"""The page of a member's hours of service: what they did, who signed for it, and the transcript."""

from collections.abc import Mapping
from typing import Any

from flask import Flask, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_login import current_user

from crm.core import access, i18n, pdf, shell
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, parse_id, text
from crm.core.paging import page_within
from crm.core.shell import Panel
from crm.members import queries
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter, Member
from crm.members.rules import school_year
from crm.outreach.own import said
from crm.tasks import hours_chapter_views as hours_chapter_views
from crm.tasks import hours_own, transcripts
from crm.tasks.hours import Line, State, Year, lines_of, sums, unmeasured, year_asked
from crm.tasks.hours_operations import may_sign, sign_hours, unsign_hours
from crm.tasks.views import blueprint

#: School years that are offered beside the one that is shown.
_OFFERED = 4


class SignForm(Form):
    """The lines are ticked beside the form."""


class UnsignForm(Form):
    """Why signatures are taken back; the lines are ticked beside the form."""

    reason = text(_l("Why the signature is taken back"), most=300, required=True)


class TranscriptForm(Form):
    """On which paper."""


def init_app(app: Flask) -> None:
    """Hang the way to hours on the pages of members and chapters."""
    hours_own.init_app(app)
    shell.add_panel(app, "member-actions", Panel(40, "tasks/hours_link.html", _of_member))
    shell.add_panel(app, "chapter", Panel(30, "tasks/hours_of_chapter.html", _of_chapter))


def _of_member(member: Member) -> dict[str, Any]:
    return {"href": url_for("tasks.member_hours", member_id=member.id)}


def _of_chapter(chapter: Chapter) -> dict[str, Any] | None:
    if not access.may(current_user, Can.SEE_MEMBERS, chapter.id):
        return None
    return {"slug": chapter.slug}


@blueprint.get("/members/<int:member_id>/hours")
@requires(Can.SEE_MEMBERS)
def member_hours(member_id: int) -> Any:
    """What a member did in a school year, line by line, and who signed for it."""
    return _page(member_id, SignForm(formdata=None), UnsignForm(formdata=None), 200)


@blueprint.post("/members/<int:member_id>/hours/sign")
@requires(Can.SIGN_HOURS)
def sign_member_hours(member_id: int) -> Any:
    """Sign for the lines that are ticked, or for all of the year."""
    queries.member(member_id, access.scope(current_user, Can.SIGN_HOURS))
    form, year = SignForm(), _year()
    is_all = request.form.get("what") == "all"
    signed = form.carry(
        lambda: sign_hours(
            member_id=member_id, seen=None if is_all else ticked(), year=year, by=current_user
        )
    )
    if signed is None:
        return _page(member_id, form, UnsignForm(formdata=None), 422)
    flash(told(signed), "success")
    return _back(member_id, year)


@blueprint.post("/members/<int:member_id>/hours/unsign")
@requires(Can.SIGN_HOURS)
def unsign_member_hours(member_id: int) -> Any:
    """Take back signatures of lines that are ticked."""
    queries.member(member_id, access.scope(current_user, Can.SIGN_HOURS))
    form, year = UnsignForm(), _year()
    taken = form.carry(
        lambda: unsign_hours(
            member_id=member_id,
            keys=request.form.getlist("signed"),
            year=year,
            reason=form.reason.data,
            by=current_user,
        )
    )
    if taken is None:
        return _page(member_id, SignForm(formdata=None), form, 422)
    flash(
        ngettext("%(num)s signature was taken back.", "%(num)s signatures were taken back.", taken),
        "success",
    )
    return _back(member_id, year)


@blueprint.post("/members/<int:member_id>/hours/transcript")
@requires(Can.EDIT_MEMBERS)
def member_transcript(member_id: int) -> Any:
    """The transcript as a PDF. That it left with a name is recorded."""
    queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    form = TranscriptForm()
    made = form.carry(
        lambda: transcripts.answer(
            [member_id],
            _year(),
            paper=pdf.paper_named(request.form.get("paper")),
            name="",
            by=current_user._get_current_object(),
        )
    )
    if made is None:
        return _page(member_id, form, UnsignForm(formdata=None), 422)
    return made


def _page(member_id: int, form: Form, unsign: UnsignForm, status: int) -> Any:
    scope, year = access.scope(current_user, Can.SEE_MEMBERS), _year()
    member = queries.member(member_id, scope)
    shown = disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id]
    lines = lines_of([member_id], year)[member_id]
    chapters = [each.chapter_id for each in member.memberships]
    body = render_template(
        "tasks/hours.html",
        member_id=member_id,
        shown=shown,
        year=year,
        years=years_offered(year),
        page=page_within(lines[::-1]),
        sums=sums(lines),
        unmeasured=unmeasured(member_id, year),
        said=said,
        State=State,
        may_sign=access.may(current_user, Can.SIGN_HOURS) and may_sign(member_id, current_user),
        keeps=access.scope(current_user, Can.EDIT_MEMBERS).includes(*chapters),
        form=form,
        unsign=unsign,
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        ticked=set(request.form.getlist("line")),
    )
    return body, status


def ticked() -> Mapping[str, int]:
    """Lines that are ticked, each with the minutes that stood there: `a12-45`."""
    found: dict[str, int] = {}
    for value in request.form.getlist("line"):
        key, _dash, minutes = value.partition("-")
        number = parse_id(minutes)
        if number is None or key[:1] not in ("a", "t") or parse_id(key[1:]) is None:
            raise Refused(_("Tick the lines you sign for."))
        found[key] = number
    return found


def mark_of(line: Line) -> str:
    """What a tick at a line sends."""
    return f"{line.key}-{line.minutes}"


def years_offered(year: Year) -> list[Year]:
    """The school years that can be chosen, the present one first."""
    present = school_year(i18n.today())
    return [Year(each) for each in sorted({year.ends, *range(present, present - _OFFERED, -1)})][
        ::-1
    ]


def told(signed: int) -> str:
    """How much was signed for, in words."""
    if not signed:
        return _("All of this was signed for already.")
    return ngettext("%(num)s line was signed for.", "%(num)s lines were signed for.", signed)


def _year() -> Year:
    return year_asked(request.values.get("year"), today=i18n.today())


def _back(member_id: int, year: Year) -> Any:
    return redirect(url_for("tasks.member_hours", member_id=member_id, year=year.ends), 303)


@blueprint.app_context_processor
def _marks() -> dict[str, Any]:
    return {"mark_of": mark_of}
