"""Pages of members and chapters. Names come from `disclosure`, lists from a scope."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access, db, i18n, reads, shell
from crm.core.access import Can, Scope, requires
from crm.core.forms import Form, WithNames
from crm.core.paging import page_number, page_of
from crm.core.settings import in_force
from crm.core.tables import FORMATS
from crm.members import fields, filters, operations, queries, tags, teams
from crm.members.consent_rules import LABELS as PURPOSES
from crm.members.consent_rules import SAID_NO, Purpose
from crm.members.disclosure import Exit, Shown, Viewer, disclose, states, user_name
from crm.members.filters import Asked, Reader
from crm.members.forms import (
    ChapterForm,
    EditChapterForm,
    JoinForm,
    LeaveForm,
    MemberForm,
    MembershipForm,
    NewMemberForm,
    asking,
    chapter_choices,
)
from crm.members.models import Chapter, Member, Membership
from crm.members.queries import MemberFilter
from crm.members.rules import (
    Standing,
    band_name,
    has_graduated,
    is_minor,
    is_open,
    kind_name,
    role_name,
)

blueprint = Blueprint("members", __name__)


@dataclass(frozen=True)
class _Row:
    """A member in a list."""

    member: Member
    shown: Shown
    #: The memberships that lie in the reader's scope: open ones, or all when none is.
    memberships: Sequence[Membership]
    is_current: bool


def _sees() -> Scope:
    return access.scope(current_user, Can.SEE_MEMBERS)


def _viewer() -> Viewer:
    return Viewer.of(current_user)


def _rows(members: Sequence[Member], scope: Scope, today: date) -> list[_Row]:
    shown = disclose([each.id for each in members], to=_viewer(), exit=Exit.PAGE)
    return [_row(each, shown[each.id], scope, today) for each in members]


def _row(member: Member, shown: Shown, scope: Scope, today: date) -> _Row:
    theirs = [each for each in member.memberships if scope.includes(each.chapter_id)]
    lasting = [each for each in theirs if is_open(each.left_on, today)]
    is_current = bool(lasting) and not has_graduated(member.graduation_year, today)
    return _Row(member, shown, lasting or theirs, is_current)


@blueprint.app_context_processor
def _words() -> dict[str, Any]:
    return {"kind_name": kind_name, "role_name": role_name, "user_name": user_name}


def find_hits(query: str, limit: int) -> list[shell.Hit]:
    """The best members for the search box, of what the reader may see."""
    wanted = MemberFilter(q=query[: filters.QUERY_MOST], standing=Standing.ALL)
    if not queries.named(wanted.q):
        return []
    found = queries.members(wanted, _sees(), today=i18n.today()).limit(limit)
    ids = [member.id for member in db.session.scalars(found)]
    shown = disclose(ids, to=_viewer(), exit=Exit.PAGE)
    return [
        shell.Hit(shown[each].name, shown[each].chapters, url_for("members.page", member_id=each))
        for each in ids
    ]


# Members


@blueprint.get("/members")
@requires(Can.SEE_MEMBERS)
def index() -> Any:
    """The members the reader may see; the filters are the address."""
    return list_page(asked_for(), WithNames(formdata=None), 200)


def asked_for() -> Asked:
    """The filter of the address; 404 for a chapter the reader may not see."""
    try:
        return filters.parse(request.args, Reader.of(current_user))
    except LookupError:
        abort(404)


def list_page(asked: Asked, form: WithNames, status: int) -> Any:
    """The list with its filter and its downloads."""
    today = i18n.today()
    found = queries.with_chapters(filters.found(asked, today=today))
    page = page_of(found, number=page_number())
    if asked.tells_consent:
        # Who stands on this list has not consented: that is read here.
        minors = [each.id for each in page.rows if is_minor(each.age_band)]
        reads.note("member", minors, "consent")
    given = request.args.to_dict(flat=False)
    given.pop("page", None)
    body = render_template(
        "members/index.html",
        page=page,
        rows=_rows(page.rows, asked.scope, today),
        asked=asked,
        wanted=asked.wanted,
        chosen=asked.chosen,
        choices=zip(asked.chapters, chapter_choices(asked.chapters), strict=True),
        years=queries.graduation_years(asked.reader.sees),
        actions=shell.panels("members-actions", asked.wanted),
        more=shell.panels("members-more", asked.wanted),
        purposes=PURPOSES,
        age_groups=filters.AGE_GROUPS,
        import_name=filters.import_name,
        tag_kinds=tags.KINDS,
        formats=FORMATS.values(),
        form=form,
        given=given,
        without=_without,
    )
    return body, status


def _without(each: filters.Narrowing) -> str:
    """The present address without one part of its filter."""
    left = request.args.to_dict(flat=False)
    left.pop("page", None)
    left[each.name] = [value for value in left.get(each.name, []) if value.strip() != each.given]
    return url_for("members.index", **left)  # type: ignore[arg-type]


def _standing() -> Standing:
    asked = request.args.get("standing", "")
    return Standing(asked) if asked in set(Standing) else Standing.CURRENT


@blueprint.route("/members/new", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def new() -> Any:
    """Add a member; a name the chapter has already asks once more."""
    chapters = queries.chapters_in(access.scope(current_user, Can.EDIT_MEMBERS), open_only=True)
    form = asking(NewMemberForm)()
    form.offer(chapter_choices(chapters))
    if request.method == "GET":
        form.joined_on.data = i18n.today()
        wanted = [each for each in chapters if each.slug == request.args.get("chapter")]
        form.chapter_id.data = (
            str((wanted or chapters)[0].id) if wanted or len(chapters) == 1 else ""
        )
    added = form.carry(
        lambda: operations.add_member(
            given_name=form.given_name.data,
            family_name=form.family_name.data,
            chapter_id=int(form.chapter_id.data),
            joined_on=form.joined_on.data,
            email=form.email.data,
            phone=form.phone.data,
            graduation_year=form.graduation_year.data,
            age_band=form.age_band.data,
            address=form.address.data,
            postal_code=form.postal_code.data,
            note=form.note.data,
            tags_by_kind=form.tags_by_kind,
            custom=form.custom,
            anyway=form.anyway.data,
            by=current_user,
            today=i18n.today(),
        )
    )
    if added is not None:
        flash(_("%(name)s was added.", name=_name_of(added.id)), "success")
        return redirect(url_for("members.page", member_id=added.id), 303)
    same = _same_named(form) if form.anyway.errors else []
    page = render_template(
        "members/new.html", form=form, same=same, chapters=chapters, known_tags=_known_tags()
    )
    return page, form.status


def _known_tags() -> dict[str, list[str]]:
    """The names of the tags there are, by kind, to be suggested."""
    found: dict[str, list[str]] = {kind: [] for kind in tags.KINDS}
    for each in tags.all_tags():
        found.setdefault(each.kind, []).append(each.name)
    return found


def _same_named(form: NewMemberForm) -> list[Shown]:
    ids = queries.same_named(int(form.chapter_id.data), form.given_name.data, form.family_name.data)
    return list(disclose(ids, to=_viewer(), exit=Exit.PAGE).values())


def _name_of(member_id: int) -> str:
    return disclose([member_id], to=_viewer(), exit=Exit.PAGE)[member_id].name


@blueprint.get("/members/<int:member_id>")
@requires(Can.SEE_MEMBERS)
def page(member_id: int) -> Any:
    """Who a member is, where they were, what they did.

    How to reach a minor stands on a page of its own, so that who looked it up can be told.
    """
    scope, today = _sees(), i18n.today()
    member = queries.member(member_id, scope)
    memberships = sorted(
        member.memberships, key=lambda each: (each.left_on or date.max, each.id), reverse=True
    )
    edits = access.scope(current_user, Can.EDIT_MEMBERS)
    open_ids = {each.id for each in memberships if is_open(each.left_on, today)}
    theirs = [each.chapter_id for each in memberships if each.id in open_ids]
    minor = is_minor(member.age_band)
    shown = disclose([member_id], to=_viewer(), exit=Exit.PAGE, details=True, contact=not minor)[
        member_id
    ]
    # What those who keep the member are told: disclosure says it, or does not.
    keeps = shown.age_band is not None
    return render_template(
        "members/page.html",
        member=member,
        shown=shown,
        keeps=keeps,
        is_minor=minor,
        age=band_name(shown.age_band, in_force().age_limits) if shown.age_band else None,
        is_refused=_is_refused(member),
        memberships=memberships,
        open_ids=open_ids,
        has_graduated=has_graduated(member.graduation_year, today),
        sees=scope,
        edits=edits,
        may_edit=edits.includes(*(each.chapter_id for each in memberships)),
        tags=tags.of_member(member_id),
        tag_kinds=tags.KINDS,
        places=teams.places_of([member_id])[member_id],
        custom=_custom_said(member) if keeps else [],
        roles=queries.roles_in(each for each in theirs if scope.includes(each)),
        panels=shell.panels("member", member),
        consent=shell.panels("member-consent", member),
        aside=shell.panels("member-aside", member),
        actions=shell.panels("member-actions", member),
    )


def _is_refused(member: Member) -> bool:
    """Whether somebody said no to their being a member; of a minor, that is read here."""
    said = states([member.id], {Purpose.MEMBER}).get(member.id, {})
    is_refused = said.get(Purpose.MEMBER) in SAID_NO
    if is_refused and is_minor(member.age_band):
        reads.note("member", [member.id], "consent")
    return is_refused


def _custom_said(member: Member) -> list[tuple[str, str]]:
    """Label and answer of each field somebody answered."""
    return [
        (each.label, fields.said(each, member.custom[each.key]))
        for each in fields.defined()
        if member.custom.get(each.key)
    ]


@blueprint.get("/members/<int:member_id>/contact")
@requires(Can.EDIT_MEMBERS)
def contact(member_id: int) -> Any:
    """How to reach a member: of a minor, this page is recorded as read."""
    member = queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    shown = disclose([member_id], to=_viewer(), exit=Exit.PAGE, details=True)[member_id]
    return render_template(
        "members/contact.html",
        member=member,
        shown=shown,
        is_minor=is_minor(member.age_band),
        panels=shell.panels("member-contact", member),
    )


@blueprint.route("/members/<int:member_id>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def edit(member_id: int) -> Any:
    """Change who a member is, how to reach them and what is known beside."""
    member = queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    form = asking(MemberForm, member.custom)()
    if request.method == "GET":
        shown = disclose([member_id], to=_viewer(), exit=Exit.PAGE, details=True)[member_id]
        form.fill(member, shown, tags.tags_of([member_id])[member_id])
    changed = form.carry(
        lambda: operations.edit_member(
            member_id=member_id,
            given_name=form.given_name.data,
            family_name=form.family_name_of(member),
            graduation_year=form.graduation_year.data,
            age_band=form.age_band.data,
            note=form.note.data,
            tags_by_kind=form.tags_by_kind,
            custom=form.custom,
            reason=form.reason.data,
            by=current_user,
            today=i18n.today(),
            **form.reach(),
        )
    )
    if changed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.page", member_id=member_id), 303)
    page = render_template(
        "members/edit.html",
        form=form,
        id=member_id,
        name=_name_of(member_id),
        known_tags=_known_tags(),
    )
    return page, form.status


@blueprint.route("/members/<int:member_id>/join", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def join(member_id: int) -> Any:
    """Put a member into one more chapter, or back into one they left."""
    edits, today = access.scope(current_user, Can.EDIT_MEMBERS), i18n.today()
    member = queries.member(member_id, edits)
    there = {each.chapter_id for each in member.memberships if is_open(each.left_on, today)}
    chapters = queries.chapters_in(edits, open_only=True)
    form = JoinForm(data={"joined_on": today, "chapter_id": request.args.get("chapter", "")})
    form.offer(chapter_choices(each for each in chapters if each.id not in there))
    joined = form.carry(
        lambda: operations.join_chapter(
            member_id=member_id,
            chapter_id=int(form.chapter_id.data),
            joined_on=form.joined_on.data,
            by=current_user,
            today=today,
        )
    )
    return _membership_answer(joined, form, member_id, _("Join a chapter"), _("Join"))


@blueprint.route(
    "/members/<int:member_id>/memberships/<int:membership_id>/leave", methods=["GET", "POST"]
)
@requires(Can.EDIT_MEMBERS)
def leave(member_id: int, membership_id: int) -> Any:
    """Say which was a member's last day in a chapter."""
    today = i18n.today()
    title = _("Leave %(chapter)s", chapter=_membership(member_id, membership_id).chapter.name)
    form = LeaveForm(data={"left_on": today})
    left = form.carry(
        lambda: operations.leave_chapter(
            membership_id=membership_id, left_on=form.left_on.data, by=current_user, today=today
        )
    )
    return _membership_answer(left, form, member_id, title, _("Leave"))


@blueprint.route(
    "/members/<int:member_id>/memberships/<int:membership_id>", methods=["GET", "POST"]
)
@requires(Can.EDIT_MEMBERS)
def membership(member_id: int, membership_id: int) -> Any:
    """Put the days of a membership right."""
    record = _membership(member_id, membership_id)
    form = MembershipForm(obj=record)
    title = _("Dates in %(chapter)s", chapter=record.chapter.name)
    corrected = form.carry(
        lambda: operations.correct_membership(
            membership_id=membership_id,
            joined_on=form.joined_on.data,
            left_on=form.left_on.data,
            by=current_user,
        )
    )
    return _membership_answer(corrected, form, member_id, title, _("Save"))


def _membership(member_id: int, membership_id: int) -> Membership:
    """The membership, where the reader may change it."""
    edits = access.scope(current_user, Can.EDIT_MEMBERS)
    for each in queries.member(member_id, edits).memberships:
        if each.id == membership_id and edits.includes(each.chapter_id):
            return each
    abort(404)


def _membership_answer(
    done: Membership | None, form: Form, member_id: int, title: str, button: str
) -> Any:
    if done is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.page", member_id=member_id), 303)
    body = render_template(
        "members/membership.html",
        form=form,
        id=member_id,
        name=_name_of(member_id),
        title=title,
        button=button,
    )
    return body, form.status


# Chapters


@blueprint.get("/chapters")
@requires(Can.SEE_MEMBERS)
def chapters() -> Any:
    """The tree of the chapters the reader may see."""
    found = queries.chapters_in(_sees())
    ids = [each.id for each in found]
    return render_template(
        "members/chapters.html",
        chapters=found,
        least=min((each.depth for each in found), default=0),
        counts=queries.current_counts(ids, today=i18n.today()),
        roles=queries.roles_in(ids),
        edits=access.scope(current_user, Can.EDIT_CHAPTERS),
    )


@blueprint.route("/chapters/new", methods=["GET", "POST"])
@requires(Can.EDIT_CHAPTERS)
def new_chapter() -> Any:
    """Add a chapter under one the reader may change."""
    scope = access.scope(current_user, Can.EDIT_CHAPTERS)
    parents = queries.chapters_in(scope, open_only=True)
    form = ChapterForm()
    form.offer(chapter_choices(parents, _top() if scope.everywhere else None))
    if request.method == "GET":
        under = next((each for each in parents if each.slug == request.args.get("under")), None)
        form.parent_id.data = str(under.id) if under else ""
    added = form.carry(
        lambda: operations.add_chapter(
            name=form.name.data,
            kind=form.kind.data,
            parent_id=_number(form.parent_id.data),
            place=form.place.data,
            address=form.address.data,
            founded_on=form.founded_on.data,
            by=current_user,
        )
    )
    if added is not None:
        flash(_("%(name)s was added.", name=added.name), "success")
        return redirect(url_for("members.chapter", slug=added.slug), 303)
    return render_template("members/new_chapter.html", form=form), form.status


@blueprint.get("/chapters/<slug>")
@requires(Can.SEE_MEMBERS)
def chapter(slug: str) -> Any:
    """A chapter: who leads it, its members, what hangs under it."""
    scope, today = _sees(), i18n.today()
    record = queries.chapter(slug, scope)
    family = [each for each in queries.chapters_in(scope) if each.path.startswith(record.path)]
    wanted = MemberFilter(
        chapter_ids=frozenset({record.id}),
        standing=_standing(),
        sort=request.args.get("sort", "name"),
    )
    found = queries.with_chapters(queries.members(wanted, scope, today=today))
    members = page_of(found, number=page_number())
    counts = queries.current_counts([each.id for each in family], today=today)
    return render_template(
        "members/chapter.html",
        chapter=record,
        above=queries.above(record),
        below=[each for each in family if each.parent_id == record.id],
        counts=counts,
        roles=queries.roles_in([record.id]).get(record.id, []),
        page=members,
        rows=_rows(members.rows, scope, today),
        wanted=wanted,
        sees=scope,
        teams=[each for each in teams.of_chapter(record.id) if each.closed_on is None],
        panels=shell.panels("chapter", record),
    )


@blueprint.route("/chapters/<slug>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_CHAPTERS)
def edit_chapter(slug: str) -> Any:
    """Change, move, close or reopen a chapter."""
    scope = access.scope(current_user, Can.EDIT_CHAPTERS)
    record = queries.chapter(slug, scope)
    form = EditChapterForm(obj=record)
    form.offer(_possible_parents(record, scope))
    changed = form.carry(
        lambda: operations.edit_chapter(
            chapter_id=record.id,
            name=form.name.data,
            kind=form.kind.data,
            parent_id=_number(form.parent_id.data),
            place=form.place.data,
            address=form.address.data,
            founded_on=form.founded_on.data,
            closed_on=form.closed_on.data,
            by=current_user,
        )
    )
    if changed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.chapter", slug=slug), 303)
    # A refused change was rolled back: the name on the page is the kept one.
    record = queries.chapter(slug, scope)
    return render_template("members/edit_chapter.html", form=form, chapter=record), form.status


def _possible_parents(record: Chapter, scope: Scope) -> list[tuple[str, str]]:
    others = [
        each
        for each in queries.chapters_in(scope)
        if not each.path.startswith(record.path)
        and (each.closed_on is None or each.id == record.parent_id)
    ]
    choices = chapter_choices(others, _top() if scope.everywhere else None)
    if record.parent_id is not None and not scope.includes(record.parent_id):
        choices.insert(0, (str(record.parent_id), queries.above(record)[-1].name))
    elif record.parent_id is None and not scope.everywhere:
        choices.insert(0, ("", _top()))
    return choices


def _top() -> str:
    return _("Nothing: the top of the tree")


def _number(choice: str | None) -> int | None:
    return int(choice) if choice else None
