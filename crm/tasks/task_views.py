"""One task: everything of it, its history, and changing what it says."""

from typing import Any

from flask import abort, flash, redirect, render_template, url_for
from flask_babel import gettext as _
from flask_login import current_user

from crm.core import access
from crm.core.access import Can, requires
from crm.core.history_page import history_page
from crm.core.i18n import today
from crm.members.disclosure import Exit, Viewer, disclose, user_name
from crm.outreach.channels import channels
from crm.tasks import doing, operations, queries
from crm.tasks.at_hand import at_hand, sends_to
from crm.tasks.doing import Doer
from crm.tasks.forms import STEPS, TaskForm
from crm.tasks.models import Task
from crm.tasks.rules import OPEN
from crm.tasks.views import blueprint


def seen(task_id: int) -> tuple[Task, Doer]:
    """The task, for those who may see it; 404 for everybody else."""
    doer = Doer.of(current_user)
    pools = doing.pools_of(doer.member_id, today()) if doer.member_id is not None else ()
    where = queries.seen_by(
        scope=access.scope(current_user, Can.ASSIGN_TASKS),
        member_id=doer.member_id,
        user_id=current_user.id,
        pools=pools,
    )
    return queries.task(task_id, where), doer


@blueprint.get("/tasks/<int:task_id>")
@requires(Can.DO_TASKS)
def page(task_id: int) -> Any:
    """One task, with everything at hand."""
    return shown(task_id)


def shown(task_id: int, problem: str | None = None) -> str:
    """The page of a task; with a problem, what was typed stands in it again."""
    task, doer = seen(task_id)
    day = today()
    hands_out = doer.may_hand_out(task)
    who = None
    if task.member_id is not None:
        viewer = Viewer.of(current_user)
        who = disclose([task.member_id], to=viewer, exit=Exit.PAGE)[task.member_id]
    before, after = queries.series_of(task) if hands_out else (None, None)
    return render_template(
        "tasks/page.html",
        hand=at_hand(task, sends_to(".act")(task), day),
        task=task,
        who=who,
        sees_member=who is not None and who.is_named,
        leader=user_name(task.leader),
        is_mine=doer.owns(task),
        hands_out=hands_out,
        logged=queries.logged_by(task.id),
        flags=queries.flags([task.id], today=day),
        before=before,
        after=after,
        ways=channels(),
        problem=problem,
    )


@blueprint.get("/tasks/<int:task_id>/history")
@requires(Can.ASSIGN_TASKS)
def task_history(task_id: int) -> Any:
    """Who had it, who did what with it: whole, through every hand-over."""
    task, doer = seen(task_id)
    if not doer.may_hand_out(task):
        abort(404)
    return history_page(
        {"task": [task.id]}, name=task.title, back=url_for(".page", task_id=task.id)
    )


@blueprint.route("/tasks/<int:task_id>/edit", methods=["GET", "POST"])
@requires(Can.ASSIGN_TASKS)
def edit(task_id: int) -> Any:
    """Change what it says. Whom it goes to and who does it stay."""
    task, doer = seen(task_id)
    if not doer.may_hand_out(task) or task.state not in OPEN:
        abort(404)
    slug = task.text.slug if task.text is not None else None
    form = TaskForm(obj=task, data={"text_slug": slug, "repeats": task.repeats or ""})
    form.text_slug.choices = [("", _("None")), *queries.text_choices(_drafts(), had=task.text_id)]
    saved = form.carry(
        lambda: operations.edit_task(
            task_id,
            by=current_user,
            title=form.title.data,
            note=form.note.data or None,
            text_id=queries.text_id_of(form.text_slug.data, _drafts(), had=task.text_id),
            due_on=form.due_on.data,
            repeats=form.repeats.data or None,
            repeats_until=form.repeats_until.data,
            then=form.steps(),
        )
    )
    if saved is not None:
        flash(_("Saved."), "success")
        return redirect(url_for(".page", task_id=task_id), 303)
    task, _doer = seen(task_id)
    return render_template(
        "tasks/edit.html", form=form, task=task, steps=range(STEPS), typed=_steps(task)
    ), form.status


def _drafts() -> access.Scope:
    return access.scope(current_user, Can.WRITE_TEXTS)


def _steps(task: Task) -> dict[str, str]:
    found = {}
    for number, step in enumerate(task.then):
        found[f"then-{number}"], found[f"days-{number}"] = step["title"], str(step["days"])
    return found
