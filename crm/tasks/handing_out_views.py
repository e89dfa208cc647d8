"""Handing out work in one step: what, to whom, who, how, by when; what it makes is shown."""

from collections.abc import Sequence
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.campaigns.queries import open_campaigns
from crm.core import access, db
from crm.core.access import Can, requires
from crm.core.i18n import today
from crm.core.text import fold
from crm.members import queries as members
from crm.members import teams
from crm.members.disclosure import Exit, Shown, Viewer, disclose
from crm.members.models import Chapter, Member
from crm.members.queries import MemberFilter
from crm.outreach.channels import channels
from crm.outreach.forms import options
from crm.targets.queries import names as target_names
from crm.targets.queries import target_lists
from crm.tasks import operations, queries, rules
from crm.tasks.forms import STEPS, HandOutForm
from crm.tasks.handing_out import Plan, plan
from crm.tasks.views import blueprint

#: Tasks of a plan that are shown one by one.
SHOWN = 60


@blueprint.route("/tasks/new", methods=["GET", "POST"])
@requires(Can.ASSIGN_TASKS)
def new() -> Any:
    """Hand out tasks."""
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    chapters = members.chapters_in(scope, open_only=True)
    chapter = _chosen(chapters)
    form = HandOutForm(
        data={
            "campaign": request.args.get("campaign"),
            "target_list": request.args.get("list"),
            "aim": "list" if request.args.get("list") else "campaign",
            "text_slug": request.args.get("text"),
            "channel": request.args.get("channel", "postcard"),
        }
    )
    people = _people(chapter) if chapter is not None else {}
    _offer(form, chapter, people)
    planned: Plan | None = None
    if chapter is not None and form.is_submitted() and "look" in request.form:
        planned = form.carry(lambda: _plan(form, chapter, people))
    elif chapter is not None:
        made = form.carry(lambda: _hand_out(form, chapter, people))
        if made is not None:
            number = len(made)
            flash(
                ngettext("%(num)s task handed out.", "%(num)s tasks handed out.", number), "success"
            )
            return redirect(url_for(".index", chapter=chapter.slug), 303)
    return render_template(
        "tasks/new.html",
        form=form,
        chapters=chapters,
        chapter=chapter,
        people=people,
        planned=planned,
        shown=_told(planned, people) if planned is not None else [],
        steps=range(STEPS),
        ways=channels(),
        most=SHOWN,
    ), (200 if planned is not None else form.status)


def _plan(form: HandOutForm, chapter: Chapter, people: dict[int, Shown]) -> Plan:
    return plan(form, chapter_id=chapter.id, people=list(people), me=current_user)


def _hand_out(form: HandOutForm, chapter: Chapter, people: dict[int, Shown]) -> Sequence[Any]:
    return operations.add_tasks(
        _plan(form, chapter, people).drafts,
        by=current_user,
        today=today(),
        client_key=form.client_key.data,
    )


def _chosen(chapters: Sequence[Chapter]) -> Chapter | None:
    slug = request.args.get("chapter")
    if slug:
        return next((each for each in chapters if each.slug == slug), None) or abort(404)
    return chapters[0] if len(chapters) == 1 else None


def _people(chapter: Chapter) -> dict[int, Shown]:
    """Members of the chapter and below, by name, as the reader may read them."""
    scope = access.scope(current_user, Can.ASSIGN_TASKS)
    wanted = MemberFilter(chapter_ids=members.below(chapter.id))
    ids = db.session.scalars(
        members.members(wanted, scope, today=today())
        .with_only_columns(Member.id)
        .limit(rules.MOST_PEOPLE)
    ).all()
    shown = disclose(ids, to=Viewer.of(current_user), exit=Exit.PAGE)
    # Whoever was said not to be a member is not offered. In the order in which names are read.
    named = [each for each in ids if shown[each].is_named]
    return {each: shown[each] for each in sorted(named, key=lambda one: fold(shown[one].name))}


def _offer(form: HandOutForm, chapter: Chapter | None, people: dict[int, Shown]) -> None:
    form.channel.choices = options(
        [("", _("Nothing: only the time")), *((w.name, w.label) for w in channels().values())]
    )
    form.campaign.choices = options(
        [("", _("None")), *((each.slug, each.name) for each in open_campaigns(today()))]
    )
    texts = queries.text_choices(access.scope(current_user, Can.WRITE_TEXTS))
    form.text_slug.choices = options([("", _("None")), *texts])
    lists = [(kept.slug, kept.name) for kept, _size in db.session.execute(target_lists())]
    form.target_list.choices = options([("", _("Choose")), *lists])
    aims = [("campaign", _("The campaign's targets")), ("list", _("A list"))]
    form.aim.choices = options(
        [*(aims if lists else aims[:1]), ("chosen", _("By name")), ("none", _("No target"))]
    )
    found = teams.of_chapter(chapter.id) if chapter is not None else ()
    form.team.choices = options([("", _("Choose")), *((str(t.id), t.name) for t in found)])
    who = [("ticked", _("Those I tick"))]
    if found:
        who.append(("team", _("A team")))
    who.append(("all", _("Everybody (%(num)s)", num=len(people))))
    form.who.choices = options([*who, ("pool", _("The pool: who wants")), ("me", _("I myself"))])


def _told(planned: Plan, people: dict[int, Shown]) -> list[tuple[str, str, int]]:
    """The first tasks of a plan: who, to whom, how many pieces."""
    drafts = planned.drafts[:SHOWN]
    ids = {target for draft in drafts for target in draft.targets}
    names = target_names(ids)
    found = []
    for draft in drafts:
        targets = [names.get(each, "") for each in draft.targets]
        told = ", ".join(targets[:4])
        if len(targets) > 4:
            told = _("%(names)s and %(num)s more", names=told, num=len(targets) - 4)
        who = people[draft.member_id].name if draft.member_id else (
            _("The pool") if draft.in_pool else _("I myself")
        )  # fmt: skip
        found.append((who, told, sum(draft.targets.values())))
    return found
