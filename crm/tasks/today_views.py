"""What is mine: the first thing members see, and the buttons that work there."""

from datetime import timedelta
from typing import Any

from flask import abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from flask_login import current_user

from crm.core import db
from crm.core.access import Can, requires
from crm.core.errors import Refused
from crm.core.i18n import today
from crm.outreach.channels import channels
from crm.tasks import doing, queries
from crm.tasks.at_hand import at_hand, plain, sends_to
from crm.tasks.doing import Doer
from crm.tasks.forms import DoneForm, WordsForm
from crm.tasks.models import Task
from crm.tasks.rules import Due
from crm.tasks.task_views import shown
from crm.tasks.views import blueprint

#: Tasks of one day's page, and of the pool.
MOST, POOL = 40, 12
#: What was done lately is shown so long.
LATELY = timedelta(days=14)
VERBS = "start,done,return,help,helped,take,reopen"


def my_day(doer: Doer, *, endpoint: str) -> dict[str, Any]:
    """What is theirs, the first of it with everything at hand, and the pool: for both pages."""
    day = today()
    by_id = doer.by.id if doer.by is not None else None
    own = queries.mine(doer.member_id, by_id)
    pools = doing.pools_of(doer.member_id, day) if doer.member_id is not None else frozenset()
    is_pooled = Task.in_pool & Task.chapter_id.in_(pools)
    found = queries.open_of(own | is_pooled if pools else own, limit=MOST + POOL)
    tasks = [task for task in found if not task.in_pool]
    pool = [task for task in found if task.in_pool]
    url = sends_to(endpoint)
    shown = plain([*tasks[:MOST], *pool[:POOL]], url, day)
    first = at_hand(tasks[0], url(tasks[0]), day, shown[0].turn) if tasks else None
    mine = shown[1 : len(tasks[:MOST])]
    return {
        "first": first,
        "soon": [each for each in mine if each.due is not Due.LATER],
        "later": [each for each in mine if each.due is Due.LATER],
        "pool": shown[len(tasks[:MOST]) :],
        "done": queries.lately_done(own, since=day - LATELY, limit=5),
        "count": len(tasks),
        "is_cut": len(found) >= MOST + POOL,
        "today": day,
    }


@blueprint.get("/tasks/today", endpoint="today")
@requires(Can.DO_TASKS)
def today_page() -> Any:
    """My tasks: the next one with everything at hand, and the rest."""
    doer = Doer.of(current_user)
    return render_template(
        "tasks/today.html", **my_day(doer, endpoint=".act"), is_member=doer.member_id is not None
    )


@blueprint.post(f"/tasks/<int:task_id>/<any({VERBS}):verb>")
@requires(Can.DO_TASKS)
def act(task_id: int, verb: str) -> Any:
    """A button pressed by somebody who signed in."""
    doer = Doer.of(current_user)
    refuse_unseen(task_id, doer, verb)
    problem = carried_out(task_id, verb, doer)
    if problem and verb in ("done", "help"):
        return shown(task_id, problem), 422
    back = url_for(".page", task_id=task_id)
    if request.form.get("back") == "today" or not _still_seen(task_id, doer):
        back = url_for(".today")
    return redirect(back, 303)


def refuse_unseen(task_id: int, doer: Doer, verb: str) -> None:
    """Answer 404 for a task that is neither theirs, of their pool, nor of chapters they lead.

    Who reaches for one of their pool a moment too late is told so.
    """
    found = db.session.get(Task, task_id)
    if found is None:
        abort(404)
    if doer.may_do(found):
        return
    reaches = verb == "take" and doer.member_id is not None
    if not reaches or found.chapter_id not in doing.pools_of(doer.member_id or 0, today()):
        abort(404)


def _still_seen(task_id: int, doer: Doer) -> bool:
    found = db.session.get(Task, task_id)
    return found is not None and doer.may_do(found)


def carried_out(task_id: int, verb: str, doer: Doer) -> str | None:
    """Do what the button says and say what came of it; the sentence where it was refused.

    Nothing of what was refused is kept.
    """
    form: DoneForm | WordsForm = DoneForm() if verb == "done" else WordsForm()
    if not form.validate_on_submit():
        problem = next((str(each) for errors in form.errors.values() for each in errors), "")
    else:
        try:
            flash(_do(task_id, verb, doer, form), "success")
            return None
        except Refused as refusal:
            db.rollback()
            problem = str(refusal.message)
    problem = problem or _("Load the page anew and try again.")
    flash(problem, "warning")
    return problem


def _do(task_id: int, verb: str, doer: Doer, form: Any) -> str:
    if verb == "done":
        return _told(
            doing.finish(
                task_id=task_id,
                doer=doer,
                today=today(),
                turn=form.turn.data or None,
                done=form.numbers(),
                on=form.on.data,
                minutes=form.minutes.data,
            )
        )
    words = form.words.data or ""
    if verb == "start":
        doing.start(task_id=task_id, doer=doer)
        return _("You are at it.")
    if verb == "return":
        doing.give_back(task_id=task_id, doer=doer, reason=words or None)
        return _("It is in the pool now: somebody else can take it.")
    if verb == "take":
        doing.take(task_id=task_id, doer=doer, today=today())
        return _("It is yours.")
    if verb == "help":
        doing.ask_help(task_id=task_id, words=words, doer=doer)
        return _("Your leader sees that you need help.")
    if verb == "helped":
        doing.helped(task_id=task_id, doer=doer)
        return _("No help is asked for any more.")
    doing.reopen(task_id=task_id, doer=doer)
    return _("It can be done again.")


def _told(done: doing.Done) -> str:
    if done.repeated:
        return _("That was saved already; nothing is counted twice.")
    task = done.task
    if task.state in ("needs-action", "in-process"):
        way = channels().get(task.channel or "")
        left = task.pieces - task.done
        what = way.count(left) if way is not None and way.per_piece else ngettext(
            "%(num)s target", "%(num)s targets", left
        )  # fmt: skip
        return _("Saved. Still to do: %(what)s.", what=what)
    if task.carrier:
        return _("Done, thank you! Give them to your leader: they count once they are posted.")
    return _("Done, thank you! It is logged.") if done.action_id else _("Done, thank you!")
