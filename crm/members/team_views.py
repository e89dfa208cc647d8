"""Pages of a chapter's teams: who is on them, and what each does there."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core import access, i18n
from crm.core.access import Can, requires
from crm.core.paging import page_number, page_of
from crm.members import filters, queries, teams
from crm.members.disclosure import Exit, Viewer, disclose
from crm.members.forms import PartForm, TeamForm, TeamMembersForm
from crm.members.models import Chapter, Member, Team, TeamMember
from crm.members.views import blueprint

#: Members that are offered at once, to be put on a team.
_OFFERED = 30


@blueprint.route("/chapters/<slug>/teams", methods=["GET", "POST"])
@requires(Can.SEE_MEMBERS)
def chapter_teams(slug: str) -> Any:
    """The chapter's teams, and one more for those who keep its members."""
    record = _chapter(slug)
    form = TeamForm()
    created = form.carry(
        lambda: teams.create_team(
            chapter_id=record.id, name=form.name.data, about=form.about.data, by=current_user
        )
    )
    if created is not None:
        flash(_("%(name)s was added.", name=created.name), "success")
        return redirect(url_for("members.team", slug=slug, team_id=created.id), 303)
    record = _chapter(slug)
    known = teams.of_chapter(record.id)
    sizes = teams.sizes([each.id for each in known], _sees(), today=i18n.today())
    page = render_template(
        "members/teams.html", chapter=record, teams=known, sizes=sizes, form=form
    )
    return page, form.status


@blueprint.get("/chapters/<slug>/teams/<int:team_id>")
@requires(Can.SEE_MEMBERS)
def team(slug: str, team_id: int) -> Any:
    """Who is on a team; those who keep the chapter's members put others on it."""
    return _team_page(slug, team_id, TeamMembersForm(formdata=None))


@blueprint.post("/chapters/<slug>/teams/<int:team_id>")
@requires(Can.EDIT_MEMBERS)
def put_on_team(slug: str, team_id: int) -> Any:
    """Put the members that were ticked on the team."""
    _team(slug, team_id, Can.EDIT_MEMBERS)
    form = TeamMembersForm()
    count = form.carry(
        lambda: teams.put_on_team(
            team_id=team_id,
            member_ids=form.member_ids.data,
            part=form.part.data,
            by=current_user,
            today=i18n.today(),
        )
    )
    if count is None:
        return _team_page(slug, team_id, form)
    told = ngettext("%(num)s member is new on the team.", "%(num)s members are new on the team.",
                    count)  # fmt: skip
    flash(told, "success")
    return redirect(url_for("members.team", slug=slug, team_id=team_id), 303)


def _team_page(slug: str, team_id: int, form: TeamMembersForm) -> Any:
    chapter, record = _team(slug, team_id, Can.SEE_MEMBERS)
    sees, today = _sees(), i18n.today()
    on_it = (
        queries.visible_members(sees, today=today)
        .join(TeamMember, TeamMember.member_id == Member.id)
        .where(TeamMember.team_id == team_id)
        .order_by(Member.search, Member.id)
    )
    page = page_of(on_it, number=page_number())
    q = request.args.get("q", "").replace("\x00", "")[: filters.QUERY_MOST]
    offered, may_keep = None, access.may(current_user, Can.EDIT_MEMBERS, chapter.id)
    if may_keep and record.closed_on is None:
        keeps = access.scope(current_user, Can.EDIT_MEMBERS)
        others = teams.who_may_join(record, q, keeps, today=today)
        offered = page_of(others, number=1, size=_OFFERED)
    ids = [each.id for each in (*page.rows, *(offered.rows if offered else ()))]
    body = render_template(
        "members/team.html",
        chapter=chapter,
        team=record,
        page=page,
        offered=offered,
        parts=teams.parts_in(team_id),
        shown=disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE),
        keeps=access.scope(current_user, Can.EDIT_MEMBERS),
        may_keep=may_keep,
        form=form,
        q=q,
    )
    return body, form.status


@blueprint.route("/chapters/<slug>/teams/<int:team_id>/edit", methods=["GET", "POST"])
@requires(Can.EDIT_MEMBERS)
def edit_team(slug: str, team_id: int) -> Any:
    """Call a team something else."""
    _chapter_of, record = _team(slug, team_id, Can.EDIT_MEMBERS)
    form = TeamForm(obj=record)
    changed = form.carry(
        lambda: teams.edit_team(
            team_id=team_id, name=form.name.data, about=form.about.data, by=current_user
        )
    )
    if changed is not None:
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.team", slug=slug, team_id=team_id), 303)
    chapter, record = _team(slug, team_id, Can.EDIT_MEMBERS)
    page = render_template("members/edit_team.html", form=form, chapter=chapter, team=record)
    return page, form.status


@blueprint.post("/chapters/<slug>/teams/<int:team_id>/<any(close, reopen):turn>")
@requires(Can.EDIT_MEMBERS)
def change_team(slug: str, team_id: int, turn: str) -> Any:
    """Close a team, or let it go on."""
    _team(slug, team_id, Can.EDIT_MEMBERS)
    if turn == "close":
        teams.close_team(team_id=team_id, by=current_user, today=i18n.today())
        flash(_("The team is closed. Who was on it stays written."), "success")
    else:
        teams.reopen_team(team_id=team_id, by=current_user)
        flash(_("The team goes on."), "success")
    return redirect(url_for("members.team", slug=slug, team_id=team_id), 303)


@blueprint.route(
    "/chapters/<slug>/teams/<int:team_id>/members/<int:member_id>", methods=["GET", "POST"]
)
@requires(Can.EDIT_MEMBERS)
def team_part(slug: str, team_id: int, member_id: int) -> Any:
    """What a member does on a team."""
    chapter, record = _team(slug, team_id, Can.EDIT_MEMBERS)
    queries.member(member_id, access.scope(current_user, Can.EDIT_MEMBERS))
    form = PartForm(data={"part": teams.parts_in(team_id).get(member_id)})

    def carry_out() -> bool:
        teams.set_part(team_id=team_id, member_id=member_id, part=form.part.data, by=current_user)
        return True

    if form.carry(carry_out):
        flash(_("The changes are kept."), "success")
        return redirect(url_for("members.team", slug=slug, team_id=team_id), 303)
    shown = disclose([member_id], to=Viewer.of(current_user), exit=Exit.PAGE)[member_id]
    page = render_template(
        "members/team_part.html", form=form, chapter=chapter, team=record, shown=shown
    )
    return page, form.status


@blueprint.post("/chapters/<slug>/teams/<int:team_id>/members/<int:member_id>/off")
@requires(Can.EDIT_MEMBERS)
def take_off_team(slug: str, team_id: int, member_id: int) -> Any:
    """Take a member off a team."""
    _team(slug, team_id, Can.EDIT_MEMBERS)
    teams.take_off_team(team_id=team_id, member_id=member_id, by=current_user)
    flash(_("They are on the team no more."), "success")
    return redirect(url_for("members.team", slug=slug, team_id=team_id), 303)


def _sees() -> access.Scope:
    return access.scope(current_user, Can.SEE_MEMBERS)


def _chapter(slug: str) -> Chapter:
    return queries.chapter(slug, _sees())


def _team(slug: str, team_id: int, can: Can) -> tuple[Chapter, Team]:
    """The chapter and its team, where the reader may do this; else NoResultFound."""
    chapter = queries.chapter(slug, access.scope(current_user, can))
    return chapter, teams.team(team_id, chapter.id)
