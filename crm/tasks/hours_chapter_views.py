"""The page of a chapter's hours of service: who has how many, signed for several at once, a file,
and a transcript for each.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, Response, current_app, flash, redirect, render_template, request, url_for
from flask_babel import get_locale
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user

from crm.core import access, audit, db, i18n, pdf, reads
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.forms import Form, WithNames, parse_id
from crm.core.i18n import timezone_name
from crm.core.paging import page_number, page_of
from crm.core.shell import number
from crm.core.streams import stream
from crm.core.tables import FORMATS, Column, Kind, Row, Table
from crm.members import departures, keys, queries
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.models import Chapter
from crm.outreach.own import said
from crm.tasks import transcripts
from crm.tasks.hours import Year, year_asked
from crm.tasks.hours_operations import sign_all
from crm.tasks.hours_sums import Whole, by_member, whole
from crm.tasks.views import blueprint


class SignAllForm(Form):
    """The members are ticked beside the form."""


class TranscriptsForm(Form):
    """The paper is chosen beside the form."""


@blueprint.get("/chapters/<slug>/hours")
@requires(Can.SEE_MEMBERS)
def chapter_hours(slug: str) -> Any:
    """The members of a chapter and below who have hours in a school year, and how they add up."""
    return _page(_seen(slug), SignAllForm(formdata=None), WithNames(formdata=None), 200)


@blueprint.post("/chapters/<slug>/hours/sign")
@requires(Can.SIGN_HOURS)
def sign_chapter_hours(slug: str) -> Any:
    """Sign for all that nobody signed for of the members who are ticked."""
    chapter = queries.chapter(slug, access.scope(current_user, Can.SIGN_HOURS))
    form, year = SignAllForm(), _year()
    signed = form.carry(
        lambda: sign_all(
            seen=_ticked(), chapter_ids=queries.below(chapter.id), year=year, by=current_user
        )
    )
    if signed is None:
        return _page(_seen(slug), form, WithNames(formdata=None), 422)
    flash(_("%(num)s lines were signed for.", num=number(signed)), "success")
    page = request.args.get("page")
    return redirect(url_for(".chapter_hours", slug=slug, year=year.ends, page=page), 303)


@blueprint.get("/chapters/<slug>/hours.<any(csv, xlsx, json):format>")
@requires(Can.EXPORT_REPORTS)
def chapter_hours_file(slug: str, format: str) -> Any:
    """The same as a file: members are pseudonyms there."""
    sees = _sees().within(access.scope(current_user, Can.EXPORT_REPORTS))
    chapter = queries.chapter(slug, sees)
    reads.note("chapter", [chapter.id], "export")
    return _send(chapter, _year(), Viewer(sees=sees), format)


@blueprint.post("/chapters/<slug>/hours/download")
@requires(Can.EXPORT_PEOPLE)
def chapter_hours_names(slug: str) -> Any:
    """The same file with names, for a reason that is kept."""
    viewer, form, year = Viewer.of(current_user, exports_people=True), WithNames(), _year()
    chapter = queries.chapter(slug, viewer.sees)
    recorded = form.carry(lambda: _record(chapter, year, viewer, form))
    if recorded is None:
        return _page(_seen(slug), SignAllForm(formdata=None), form, 422)
    return _send(chapter, year, recorded, form.format.data)


@blueprint.post("/chapters/<slug>/hours/transcripts")
@requires(Can.EDIT_MEMBERS)
def chapter_transcripts(slug: str) -> Any:
    """One PDF with a transcript for each member of the list who may be named."""
    scope, year = access.scope(current_user, Can.EDIT_MEMBERS), _year()
    chapter = queries.chapter(slug, scope)
    form = TranscriptsForm()
    made = form.carry(lambda: _transcripts(chapter, year))
    if made is None:
        return _page(_seen(slug), form, WithNames(formdata=None), 422)
    return made


def _transcripts(chapter: Chapter, year: Year) -> Response:
    # Of those the reader keeps, whoever else took part in the chapter's work.
    scope = access.scope(current_user, Can.EDIT_MEMBERS)
    found = by_member(queries.below(chapter.id), year, scope).limit(transcripts.MOST + 1)
    ids = list(db.session.scalars(found))
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    named = [each for each in ids if shown[each].is_named]
    if not named:
        raise Refused(_("Nobody here has hours in this school year."))
    return transcripts.answer(
        named, year, paper=pdf.paper_named(request.form.get("paper")), name=chapter.slug,
        by=current_user._get_current_object(),
    )  # fmt: skip


def _sees() -> access.Scope:
    return access.scope(current_user, Can.SEE_MEMBERS)


def _seen(slug: str) -> Chapter:
    return queries.chapter(slug, _sees())


def _year() -> Year:
    return year_asked(request.values.get("year"), today=i18n.today())


def _ticked() -> Mapping[int, int]:
    """Members who are ticked, each with the unsigned minutes that stood there: `12-180`."""
    found: dict[int, int] = {}
    is_page = request.form.get("what") == "page"
    for value in request.form.getlist("listed" if is_page else "member"):
        member, _dash, minutes = value.partition("-")
        member_id, amount = parse_id(member), parse_id(minutes)
        if member_id is None or amount is None:
            raise Refused(_("Tick whom you sign for."))
        found[member_id] = amount
    return found


def _page(chapter: Chapter, form: Form, names: WithNames, status: int) -> Any:
    sees, year = _sees(), _year()
    below = queries.below(chapter.id)
    page = page_of(by_member(below, year, sees), number=page_number(), scalars=False)
    ids = [row.member_id for row in page.rows]
    mine = keys.of_user(current_user.id)
    given = {"year": year.ends}
    body = render_template(
        "tasks/hours_of_members.html",
        chapter=chapter,
        year=year,
        years=[Year(each) for each in range(_present(), _present() - 4, -1)],
        page=page,
        shown=disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE),
        whole=whole(below, year, sees),
        said=said,
        me=mine.id if mine is not None else None,
        signs=access.may(current_user, Can.SIGN_HOURS, chapter.id),
        keeps=access.may(current_user, Can.EDIT_MEMBERS, chapter.id),
        exports=access.may(current_user, Can.EXPORT_REPORTS, chapter.id),
        exports_names=access.may(current_user, Can.EXPORT_PEOPLE, chapter.id),
        form=form,
        names=names,
        formats=FORMATS.values(),
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        given=given,
        ticked=set(request.form.getlist("member")),
        most=transcripts.MOST,
    )
    return body, status


def _present() -> int:
    return year_asked(None, today=i18n.today()).ends


# As a file


def _record(chapter: Chapter, year: Year, viewer: Viewer, form: WithNames) -> Viewer:
    """Record whom the file names, before it leaves; gives who may read just those."""
    ids = list(db.session.scalars(by_member(queries.below(chapter.id), year, viewer.sees)))
    named = frozenset(
        shown.member_id
        for some in db.batches(ids)
        for shown in disclose(some, to=viewer, exit=Exit.EXPORT).values()
        if shown.is_named
    )
    kind, reason = str(form.format.data), str(form.reason.data)
    departures.record(
        exit=Exit.EXPORT,
        what=_("Service hours %(year)s, %(format)s", year=year.words, format=kind.upper()),
        member_ids=named,
        reason=reason,
        by=current_user,
    )
    audit.record(
        "export_people", "chapter", chapter.id, by=current_user, reason=reason,
        changes={"format": kind, "members": len(ids), "named": len(named)},
    )  # fmt: skip
    return replace(viewer, recorded=named)


def _send(chapter: Chapter, year: Year, viewer: Viewer, format: str) -> Response:
    # The application itself: a request's proxy is gone when its file is still being sent.
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    made_at, by = datetime.now(ZoneInfo(timezone_name())), current_user.name
    title, ids = chapter.name, queries.below(chapter.id)

    def table() -> Table:
        who = _l("Name") if viewer.exports_people else _l("Member")
        return Table(
            name="service-hours",
            title=_("Service hours"),
            columns=(
                Column("name" if viewer.exports_people else "pseudonym", who, width=28),
                Column("chapters", _l("Chapters"), width=36),
                Column("minutes", _l("Minutes"), Kind.NUMBER, 10),
                Column("signed", _l("Signed for"), Kind.NUMBER, 10),
                Column("unsigned", _l("Not signed for"), Kind.NUMBER, 12),
            ),
            rows=_rows(ids, year, viewer),
            facts=((_("Chapter and below"), title), (_("School year"), year.words)),
            made_at=made_at,
            made_by=by,
            closing=lambda: reckoning(whole(ids, year, viewer.sees)),
        )

    pieces = stream(app, table, format=format, locale=str(get_locale()))
    response = Response(pieces, mimetype=FORMATS[format].mimetype)
    name = f"service-hours-{chapter.slug}-{year.ends}.{format}"
    response.headers.set("Content-Disposition", "attachment", filename=name)
    return response


def _rows(chapter_ids: frozenset[int], year: Year, viewer: Viewer) -> Iterator[Row]:
    found = db.session.execute(by_member(chapter_ids, year, viewer.sees)).all()
    for some in db.batches(found):
        shown = disclose([row.member_id for row in some], to=viewer, exit=Exit.EXPORT)
        for row in some:
            who, minutes, signed = shown[row.member_id], int(row.minutes), int(row.signed)
            yield who.name, who.chapters, minutes, signed, minutes - signed


def reckoning(found: Whole) -> str:
    """How the hours of a chapter add up, in a sentence."""
    told = [_("%(minutes)s of the members listed", minutes=number(found.seen))]
    if found.others:
        told.append(_("%(minutes)s of members you do not see", minutes=number(found.others)))
    if found.unnamed:
        told.append(_("%(minutes)s of people nobody named", minutes=number(found.unnamed)))
    sum_of = [_("%(minutes)s of the chapter's outreach", minutes=number(found.actions))]
    if found.tasks:
        sum_of.append(_("%(minutes)s of tasks beside it", minutes=number(found.tasks)))
    return _(
        "In minutes: %(parts)s are %(whole)s.", parts=" + ".join(told), whole=" + ".join(sum_of)
    )


@blueprint.app_context_processor
def _reckoning() -> dict[str, Any]:
    return {"hours_reckoning": reckoning}
