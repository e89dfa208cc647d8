"""The consents of a chapter at a glance, and asking for many at once: by link or on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from flask import abort, render_template, request, url_for
from flask_login import current_user
from sqlalchemy import Select, select

from crm.core import db, i18n, mail, pdf, reads
from crm.core.access import Can, requires
from crm.core.forms import parse_id
from crm.core.paging import Page, page_within
from crm.members import consent_print, consent_requests, disclosure, guardians, queries
from crm.members.consent_forms import AskForm
from crm.members.consent_rules import Purpose, State, allows
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.guardian_views import kept, name_of
from crm.members.guardians import Known
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter
from crm.members.rules import is_minor
from crm.members.views import blueprint

#: Days ahead in which what expires is shown.
SOON = 60
#: Members asked or printed for at once.
MOST = 100
#: In the filter: lacks one or the other.
ANY = "any"


@dataclass(frozen=True)
class _Row:
    """A member and where they stand to each purpose."""

    member_id: int
    is_minor: bool
    #: Purpose, state, whether it is allowed, whether it ends soon.
    cells: Sequence[tuple[Purpose, State, bool, bool]]


@blueprint.get("/chapters/<slug>/consents")
@requires(Can.KEEP_CONSENTS)
def chapter_consents(slug: str) -> Any:
    """Members by purposes. As many statements for thirty members as for five hundred."""
    chapter = queries.chapter(slug, kept())
    lacks, soon = _asked_lack(), request.args.get("ends") == "soon"
    # Only a filter has to look at everybody; the page itself looks at those it shows.
    bands = _current(chapter)
    page = _page(_wanted(bands, lacks, soon) if lacks or soon else list(bands), bands)
    shown = disclose(
        [row.member_id for row in page.rows], to=Viewer.of(current_user), exit=Exit.PAGE
    )
    if minors := [row.member_id for row in page.rows if row.is_minor]:
        reads.note("member", minors, "consent")
    return render_template(
        "members/chapter_consents.html",
        chapter=chapter,
        page=page,
        shown=shown,
        purposes=list(Purpose),
        lacks=lacks,
        soon=soon,
        any=ANY,
        days=SOON,
        most=MOST,
        papers=pdf.PAPERS,
        usual=pdf.usual_paper(),
        sends_mail=mail.is_configured(),
    )


def card_of(chapter: Chapter) -> dict[str, Any] | None:
    """The way here from a chapter's page."""
    return {"slug": chapter.slug} if kept().includes(chapter.id) else None


def _asked_lack() -> str:
    asked = request.args.get("lacks", "")
    return asked if asked == ANY or asked in set(Purpose) else ""


def _is_wanted(row: _Row, lacks: str, soon: bool) -> bool:
    if soon and not any(ends for _purpose, _state, _allowed, ends in row.cells):
        return False
    if not lacks:
        return True
    return any(
        not is_allowed and lacks in (ANY, purpose)
        for purpose, _state, is_allowed, _ends in row.cells
    )


def _wanted(bands: Mapping[int, str], lacks: str, soon: bool) -> list[int]:
    """Ids of those the filter finds, in their order."""
    return [row.member_id for row in _rows(bands) if _is_wanted(row, lacks, soon)]


def _current(chapter: Chapter) -> dict[int, str]:
    """The current members of the chapter itself, by name, each with the age band."""
    wanted = MemberFilter(chapter_ids=frozenset({chapter.id}))
    return _bands(queries.members(wanted, kept(), today=i18n.today()))


def _rows(bands: Mapping[int, str]) -> list[_Row]:
    """Where these members stand today, and whether that ends soon."""
    today = i18n.today()
    now = disclosure.states(bands, today=today)
    then = disclosure.states(bands, today=today + timedelta(days=SOON))
    rows = []
    for each, band in bands.items():
        minor = is_minor(band)
        cells = [
            (
                purpose,
                now[each][purpose],
                allows(now[each][purpose], purpose, is_minor=minor),
                now[each][purpose] is State.GIVEN and then[each][purpose] is State.EXPIRED,
            )
            for purpose in Purpose
        ]
        rows.append(_Row(each, minor, cells))
    return rows


def _bands(found: Select[Member]) -> dict[int, str]:
    rows = db.session.execute(found.with_only_columns(Member.id, Member.age_band))
    return {row.id: row.age_band for row in rows}


def _page(ids: Sequence[int], bands: Mapping[int, str]) -> Page:
    page = page_within(ids)
    return replace(page, rows=_rows({each: bands[each] for each in page.rows}))


@blueprint.get("/chapters/<slug>/consents/forms.pdf")
@requires(Can.KEEP_CONSENTS)
def chapter_consent_forms(slug: str) -> Any:
    """Forms for those who were ticked, or for all of the chapter who lack something."""
    chapter = queries.chapter(slug, kept())
    ticked = _ticked(chapter)
    if not ticked:
        ticked = _wanted(_current(chapter), _asked_lack() or ANY, False)
    if not ticked:
        abort(404)
    paper = pdf.paper_named(request.args.get("paper"))
    return consent_print.forms(ticked[:MOST], paper=paper)


def _ticked(chapter: Chapter) -> list[int]:
    """The ids in the address, of those that are current members of the chapter."""
    asked = {parse_id(each) for each in request.values.getlist("member")}
    wanted = MemberFilter(chapter_ids=frozenset({chapter.id}))
    found = queries.members(wanted, kept(), today=i18n.today())
    ids = [each for each in asked if each is not None]
    if not ids:
        return []
    found = found.where(Member.id.in_(ids)).with_only_columns(Member.id)
    return list(db.session.scalars(found.limit(MOST)))


@blueprint.route("/chapters/<slug>/consents/ask", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def ask_chapter(slug: str) -> Any:
    """Ask for those who were ticked on the chapter's page, or for all who lack something."""
    chapter = queries.chapter(slug, kept())
    ids = _ticked(chapter)
    if not ids:
        ids = _wanted(_current(chapter), ANY, False)[:MOST]
    back = url_for("members.chapter_consents", slug=slug)
    return _ask(ids, back, chapter.name)


@blueprint.route("/members/<int:member_id>/consents/ask", methods=["GET", "POST"])
@requires(Can.KEEP_CONSENTS)
def ask_member(member_id: int) -> Any:
    """Ask a member's guardians, and for siblings at the same time."""
    queries.member(member_id, kept())
    ids = [member_id, *guardians.siblings_of(member_id, kept())]
    back = url_for("members.consents", member_id=member_id)
    return _ask(ids, back, name_of(member_id), first=member_id)


@dataclass(frozen=True)
class _Person:
    """Somebody who can be asked for a member."""

    value: str
    called: str
    has_email: bool


def _ask(ids: Sequence[int], back: str, where: str, first: int | None = None) -> Any:
    members = {
        each.id: each
        for each in db.session.scalars(queries.visible_members(kept()).where(Member.id.in_(ids)))
    }
    ids = [each for each in ids if each in members]
    known = guardians.guardians_of(ids)
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    if minors := [each for each in ids if is_minor(members[each].age_band)]:
        reads.note("member", minors, "consent")
        if known:
            reads.note("member", known, "contact")
    form = AskForm()
    offered = {each: _people(members[each], known.get(each, ()), shown[each]) for each in ids}
    values = {person.value for people in offered.values() for person in people}
    chosen = request.form.getlist("whom") if form.is_submitted() else []
    if not form.is_submitted():
        chosen = [
            person.value
            for each, people in offered.items()
            for person in people
            if first is None or each == first
        ]
        form.purposes.data = [each.value for each in _lacking([first] if first else ids)]
    asked = form.carry(
        lambda: consent_requests.ask_by_link(
            whom=[_pair(each) for each in chosen if each in values],
            purposes=form.chosen(),
            by=current_user,
        )
    )
    if asked is not None:
        # Not a redirect: the links are kept nowhere, and are shown in this one answer.
        people = {person.value: person.called for each in offered.values() for person in each}
        return render_template(
            "members/asked.html",
            asked=[(each, people[_value(each.request)], shown[each.request.member_id].name)
                   for each in asked],
            handed=[each.link.rsplit("/", 1)[1] for each in asked if each.link],
            back=back,
            where=where,
            days=consent_requests.DAYS,
            papers=pdf.PAPERS,
            usual=pdf.usual_paper(),
        )  # fmt: skip
    page = render_template(
        "members/ask_consents.html",
        form=form,
        back=back,
        where=where,
        offered=[(each, shown[each].name, offered[each]) for each in ids],
        chosen=set(chosen),
        days=consent_requests.DAYS,
        sends_mail=mail.is_configured(),
    )
    return page, form.status


def _people(member: Member, known: Sequence[Known], shown: Shown) -> list[_Person]:
    if not is_minor(member.age_band):
        return [_Person(f"{member.id}-self", shown.name, bool(member.email))]
    return [
        _Person(f"{member.id}-{each.guardian.id}", each.called, bool(each.guardian.email))
        for each in known
    ]


def _pair(value: str) -> tuple[int, int | None]:
    member_id, _dash, who = value.partition("-")
    return int(member_id), None if who == "self" else int(who)


def _value(asked: Any) -> str:
    return f"{asked.member_id}-{asked.guardian_id or 'self'}"


def _lacking(ids: Sequence[int]) -> list[Purpose]:
    """The purposes that one of these members lacks; all of them when none does."""
    bands = _bands(select(Member).where(Member.id.in_(ids)))
    states = disclosure.states(ids, today=i18n.today())
    lacking = [
        purpose
        for purpose in Purpose
        if any(
            not allows(states[each][purpose], purpose, is_minor=is_minor(bands[each]))
            for each in ids
        )
    ]
    return lacking or list(Purpose)


@blueprint.post("/consents/sheets.pdf")
@requires(Can.KEEP_CONSENTS)
def consent_sheets() -> Any:
    """The links that were just made, as sheets to hand over."""
    tokens = request.form.getlist("token")[: consent_requests.MOST]
    found = consent_requests.by_tokens(tokens)
    mine = set(
        db.session.scalars(
            queries.visible_members(kept())
            .where(Member.id.in_([each.member_id for each in found.values()]))
            .with_only_columns(Member.id)
        )
    )
    requests = {token: each for token, each in found.items() if each.member_id in mine}
    if not requests:
        abort(404)
    reads.note("member", mine, "contact")
    paper = pdf.paper_named(request.form.get("paper"))
    return consent_print.sheets(requests, paper=paper)
