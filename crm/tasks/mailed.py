"""What is written about tasks: that somebody was given work, and that its day is near or past.

However much is given at once, each person gets one message. It is written after the work was given,
by a worker: what was taken back meanwhile is not told. What a child gets, and who gets a copy, is
decided where all mail is (`members.chaperone`).
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask import Flask
from flask_babel import force_locale, format_date, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import insert, or_, select

from crm.accounts.models import User
from crm.core import db, links, mail, outbox, schedule
from crm.core.i18n import LANGUAGES
from crm.core.outbox import Job, Outgoing
from crm.core.outbox import State as Row
from crm.core.schedule import Daily, Schedule
from crm.members import chaperone
from crm.members.disclosure import NOBODY, Exit, disclose, first_name
from crm.members.models import Member
from crm.tasks import rules
from crm.tasks.models import Task
from crm.tasks.queries import open_of
from crm.tasks.rules import OPEN

#: A task is told of so many days before its day, and once in the week after it.
SOON, LATE = 2, 7
#: Tasks one message lists.
LISTED = 12
#: Tasks a payload names.
_MOST_IDS = 500
GIVEN, DUE = "task_assigned", "task_reminder"
KINDS = (
    mail.Kind(
        GIVEN,
        _l("Work that is given to you"),
        why=_l("somebody gave you work to do for the campaign"),
        in_digest=True,
    ),
    mail.Kind(
        DUE,
        _l("Reminders of what is due"),
        why=_l("you have work to do for the campaign"),
        in_digest=True,
    ),
)


def init_app(app: Flask) -> None:
    """Register the messages, what writes them, and the clock."""
    for kind in KINDS:
        mail.add_kind(app, kind)
    outbox.job(app, Job(GIVEN, _l("Tell of work that is given"), _tell_given))
    outbox.job(app, Job(DUE, _l("Remind of what is due"), _tell_due))
    schedule.add(app, Schedule("task-reminders", _l("Remind of what is due"), Daily(8), remind))


# Given


def given(tasks: Iterable[Task], *, by: User | None, today: date) -> None:
    """Let everybody who was given work be told, once each. Who gave it to themself knows."""
    if not mail.is_configured():
        return
    whose: dict[tuple[str, int], list[int]] = defaultdict(list)
    for task in tasks:
        if (owner := _owner(task)) is not None and owner != ("user", by.id if by else None):
            whose[owner].append(task.id)
    outbox.put_many(
        GIVEN,
        [
            {
                "payload": {
                    who: number,
                    "tasks": ids[:_MOST_IDS],
                    "by": by.id if by else None,
                    "on": today.isoformat(),
                },
                "about": GIVEN,
            }
            for (who, number), ids in whose.items()
        ],
    )


def _owner(task: Task) -> tuple[str, int] | None:
    if task.member_id is not None:
        return "member", task.member_id
    if task.in_pool or task.leader_id is None:
        return None
    return "user", task.leader_id


def _tell_given(payload: Mapping[str, Any]) -> None:
    tasks = _still_theirs(payload)
    giver = db.session.get(User, payload["by"]) if payload.get("by") else None
    if not tasks or (giver is not None and _is_themself(payload, giver)):
        return
    count = len(tasks)
    _send(
        GIVEN,
        payload,
        tasks,
        lambda: ngettext("You have a new task", "You have %(num)s new tasks", count),
        on=date.fromisoformat(payload["on"]),
        giver=first_name(giver.name) if giver is not None else None,
    )


def _is_themself(payload: Mapping[str, Any], giver: User) -> bool:
    member = db.session.get(Member, payload.get("member") or 0)
    return member is not None and member.user_id == giver.id


# Due


def remind(on: date) -> None:
    """Ask for a message to everybody with work that is due soon or late, of which none told yet."""
    rows = db.session.execute(
        select(Task.id, Task.member_id, Task.leader_id, Task.due_on).where(
            Task.state.in_(OPEN),
            Task.in_pool.is_(False),
            Task.due_on.between(on - timedelta(days=LATE), on + timedelta(days=SOON)),
            or_(Task.member_id.is_not(None), Task.leader_id.is_not(None)),
        )
    ).all()
    keys = {_key(row.id, row.due_on, on): row for row in rows}
    whose: dict[tuple[str, int], list[int]] = defaultdict(list)
    for key in _told_first(keys):
        row = keys[key]
        owner = ("member", row.member_id) if row.member_id else ("user", row.leader_id)
        whose[owner].append(row.id)
    outbox.put_many(
        DUE,
        [
            {"payload": {who: number, "tasks": ids[:_MOST_IDS], "on": on.isoformat()}, "about": DUE}
            for (who, number), ids in whose.items()
        ],
    )


def _key(task_id: int, due_on: date, on: date) -> str:
    # A day that was moved is told anew.
    return f"{DUE}:{'late' if due_on < on else 'soon'}:{task_id}:{due_on.isoformat()}"


def _told_first(keys: Collection[str]) -> list[str]:
    """Those of the keys that were not told yet; from now on they are."""
    new: list[str] = []
    now = db.now()
    for some in db.batches(sorted(keys)):
        known = set(db.session.scalars(select(Outgoing.key).where(Outgoing.key.in_(some))))
        fresh = [key for key in some if key not in known]
        if fresh:
            told = {
                "job": DUE, "state": Row.DONE, "about": "told", "payload": {}, "tries": 0,
                "due_at": now, "made_at": now, "ended_at": now,
            }  # fmt: skip
            db.session.execute(insert(Outgoing), [{**told, "key": key} for key in fresh])
        new += fresh
    return new


def _tell_due(payload: Mapping[str, Any]) -> None:
    tasks = _still_theirs(payload)
    on = date.fromisoformat(payload["on"])
    late = sum(1 for task in tasks if task.due_on is not None and task.due_on < on)
    count = len(tasks)
    if not count:
        return

    def subject() -> str:
        if late == count:
            return ngettext("A task is overdue", "%(num)s tasks are overdue", count)
        return ngettext("A task is due soon", "%(num)s tasks are due", count)

    _send(DUE, payload, tasks, subject, on=on)


# Both


def _still_theirs(payload: Mapping[str, Any]) -> Sequence[Task]:
    theirs = (
        Task.member_id == payload["member"]
        if "member" in payload
        else (Task.leader_id == payload["user"]) & Task.member_id.is_(None) & ~Task.in_pool
    )
    return open_of(Task.id.in_(payload["tasks"]) & theirs, limit=_MOST_IDS)


def _send(
    template: str,
    payload: Mapping[str, Any],
    tasks: Sequence[Task],
    subject: Any,
    *,
    on: date,
    **context: Any,
) -> mail.Sent:
    if "member" in payload:
        member = db.session.get(Member, payload["member"])
        if member is None or member.forgotten_at is not None or member.merged_into_id is not None:
            return mail.Sent(False)
        user = db.session.get(User, member.user_id) if member.user_id is not None else None
        name = disclose([member.id], to=NOBODY, exit=Exit.MAIL)[member.id].name
    else:
        user = db.session.get(User, payload["user"])
        if user is None or not user.active:
            return mail.Sent(False)
        member, name = None, first_name(user.name)
    signs_in = user is not None and user.active and user.password_hash is not None
    page = links.absolute("tasks.today") if signs_in else None
    with force_locale(_language(user)):
        values = {
            "name": name,
            "lines": [line_of(task, on) for task in tasks[:LISTED]],
            "more": len(tasks) - LISTED,
            "page": page,
            **context,
        }
        said = subject()
    if member is not None:
        return chaperone.send_to_member(member, template, subject=said, **values)
    to = user.email if user is not None else ""
    return mail.send(template, to=to, subject=said, language=_language(user), **values)


def _language(user: User | None) -> str:
    chosen = user.language if user is not None else None
    return chosen if chosen in LANGUAGES else mail.usual_language()


def line_of(task: Task, today: date) -> str:
    """A task in a line: what, of which campaign, how much is left, by when."""
    parts = [task.title]
    if task.campaign is not None:
        parts.append(task.campaign.title or task.campaign.name)
    if left := task.pieces - task.done:
        parts.append(ngettext("%(num)s piece", "%(num)s pieces", left))
    if task.due_on is not None:
        words = rules.due_words(task.due_on, today)
        day = format_date(task.due_on, "medium")
        due = _("due %(day)s", day=day)
        parts.append(f"{due} ({words})" if words else due)
    return " · ".join(parts)
