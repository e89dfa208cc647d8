"""A member's tasks on their own page, opened by a link, a card or by signing in.

The key is asked anew at each press. Of others nothing stands there: the pool has no names.
"""

from typing import Any

from flask import abort, redirect, render_template, url_for
from flask_login import current_user

from crm.core.access import public
from crm.core.i18n import today
from crm.members.own_session import Mine, whose
from crm.tasks import queries
from crm.tasks.at_hand import at_hand, sends_to
from crm.tasks.doing import Doer, pools_of
from crm.tasks.today_views import VERBS, carried_out, my_day, refuse_unseen
from crm.tasks.views import blueprint


def of_me(member: Any) -> dict[str, Any] | None:
    """What is theirs and due, on their own page."""
    return my_day(Doer(None, member.id), endpoint="tasks.own_act")


@blueprint.get("/my/tasks/<int:task_id>")
@public
def own_task(task_id: int) -> Any:
    """One of my tasks, with everything at hand."""
    mine = whose()
    if mine is None or mine.hindrance:
        # The page itself says why, or asks for the code.
        return redirect(url_for("members.own"), 303)
    return _shown(task_id, mine)


def _shown(task_id: int, mine: Mine) -> str:
    pools = pools_of(mine.member.id, today())
    where = queries.seen_by(scope=None, member_id=mine.member.id, user_id=None, pools=pools)
    task = queries.task(task_id, where)
    return render_template(
        "tasks/own_task.html",
        hand=at_hand(task, sends_to(".own_act")(task), today()),
        by_key=mine.kind is not None,
        is_mine=task.member_id == mine.member.id,
    )


@blueprint.post(f"/my/tasks/<int:task_id>/<any({VERBS}):verb>")
@public
def own_act(task_id: int, verb: str) -> Any:
    """A button pressed on one's own page."""
    mine = whose()
    if mine is None or mine.hindrance:
        abort(403)
    # Who signed in and opened another's page by a card acts as the member of the card.
    doer = Doer(None, mine.member.id) if mine.kind is not None else Doer.of(current_user)
    refuse_unseen(task_id, doer, verb)
    problem = carried_out(task_id, verb, doer)
    if problem and verb in ("done", "help") and (again := whose()) is not None:
        return _shown(task_id, again), 422
    return redirect(url_for("members.own"), 303)
