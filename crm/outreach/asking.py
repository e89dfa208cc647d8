"""Who is asked whether anything came back, and the message that asks: one a day for each leader.

Who led the sitting is known to rooms above (a pack, a task): each fills `LEADERS`. Else it is who
logged it, else the leaders of its chapters, else their coordinators, and in the end whoever keeps
the chapters above.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from email.utils import parseaddr
from typing import Any

from flask import current_app
from flask_babel import force_locale, ngettext
from sqlalchemy import func, select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import audit, db, links, mail, outbox
from crm.core.access import ROLES, Can, Role
from crm.core.i18n import day
from crm.members.disclosure import first_name
from crm.members.models import Chapter, ChapterRole
from crm.outreach import waits
from crm.outreach.channels import channels
from crm.outreach.codes import code_of
from crm.outreach.models import Action, ActionChapter, ActionTarget

#: Each says, of these actions, who led them: action id → user id. The first that knows is believed.
LEADERS: list[Callable[[Collection[int]], Mapping[int, int]]] = []
#: Sittings named in one message; the page has all.
NAMED = 12
#: In this order somebody of a chapter is asked, where nobody led or logged it.
_IN_TURN = (Role.LEADER, Role.COORDINATOR, Role.STAFF, Role.ADMINISTRATOR)


@dataclass(frozen=True)
class _Holder:
    user: User
    role: Role
    #: The chapter's path; None for everywhere.
    path: str | None

    def holds_in(self, paths: Collection[str]) -> bool:
        return self.path is None or any(each.startswith(self.path) for each in paths)


def who_is_asked(action_ids: Collection[int]) -> dict[int, list[User]]:
    """By action the people who are asked: active, and allowed to say what came. A few statements.

    Four for any number of actions up to five hundred, and those of the rooms above.
    """
    found: dict[int, list[User]] = {}
    holders = _holders()
    for some in db.batches(sorted(action_ids)):
        led: dict[int, int] = {}
        for known in LEADERS:
            led = {**known(some), **led}
        rows = db.session.execute(select(Action.id, Action.logged_by_id).where(Action.id.in_(some)))
        logged = {row[0]: row[1] for row in rows}
        paths: dict[int, list[str]] = defaultdict(list)
        for action_id, path in db.session.execute(
            select(ActionChapter.action_id, Chapter.path)
            .join(Chapter, Chapter.id == ActionChapter.chapter_id)
            .where(ActionChapter.action_id.in_(some))
        ):
            paths[action_id].append(path)
        for action_id in some:
            found[action_id] = _of_one(
                (led.get(action_id), logged.get(action_id)), paths[action_id], holders
            )
    return found


def _of_one(
    known: Sequence[int | None], paths: Collection[str], holders: Sequence[_Holder]
) -> list[User]:
    here = [each for each in holders if each.holds_in(paths)]
    for user_id in known:
        if theirs := [each.user for each in here if each.user.id == user_id]:
            return theirs[:1]
    for role in _IN_TURN:
        if theirs := [each.user for each in here if each.role is role]:
            return list({each.id: each for each in theirs}.values())
    return []


def _holders() -> list[_Holder]:
    """Everybody active who may record answers, and where: one statement."""
    may = [role for role in Role if Can.RECORD_OUTCOMES in ROLES[role]]
    rows = db.session.execute(
        select(User, ChapterRole.role, ChapterRole.chapter_id, Chapter.path)
        .join(ChapterRole, ChapterRole.user_id == User.id)
        .outerjoin(Chapter, Chapter.id == ChapterRole.chapter_id)
        .where(User.active, ChapterRole.role.in_(may))
        .order_by(User.name, User.id)
    )
    return [
        _Holder(user, Role(role), path if chapter_id is not None else None)
        for user, role, chapter_id, path in rows
        # An empty path, of a chapter in the making, is the start of everything.
        if chapter_id is None or path
    ]


# The message


@dataclass(frozen=True)
class Line:
    """A sitting as the message names it. Nobody who wrote is named."""

    what: str
    on: str
    campaign: str
    targets: str
    code: str


#: The steps of a morning, each in parts of its own: date what is old, close, ask, write.
_STEPS = ("date", "left", "clock", "mail")
JOB = "reply_windows"


def begin(on: date) -> None:
    """What the schedule does each morning: ask for the first step."""
    outbox.put(JOB, {"on": on.isoformat(), "step": _STEPS[0]})


def take_step(payload: Mapping[str, Any]) -> None:
    """Do one part of a step, and ask for the next: no part is longer than a moment."""
    today, step = date.fromisoformat(payload["on"]), str(payload["step"])
    more: dict[str, Any] | None = None
    if step == "date":
        spread = payload.get("spread")
        count, left = waits.date_old(today, waits.Spread(**spread) if spread else None)
        changes = {"dated": count}
        more = {"spread": asdict(left)} if left is not None else None
    elif step == "left":
        count = waits.close_of_who_left(today)
        changes, more = {"left_office": count}, {} if count >= waits.MOST else None
    elif step == "clock":
        asked = waits.by_the_clock(today)
        changes = {"sittings": len(asked.action_ids), "closed": asked.closed}
        more = {} if asked.more else None
    else:
        changes = {"messages": _write(today)}
    if any(changes.values()):
        audit.record("ask_for_replies", "action", None, by=None, changes=changes)
    if more is not None:
        outbox.put(JOB, {"on": payload["on"], "step": step, **more})
    elif step != _STEPS[-1]:
        following = _STEPS[_STEPS.index(step) + 1]
        outbox.put(JOB, {"on": payload["on"], "step": following})


def _write(today: date) -> int:
    """Write to everybody who is asked today; how many messages were asked for."""
    action_ids = waits.asked_on(today) if mail.is_configured() else ()
    if not action_ids:
        return 0
    sittings: dict[int, list[int]] = defaultdict(list)
    users: dict[int, User] = {}
    for action_id, people in who_is_asked(action_ids).items():
        for user in people:
            users[user.id] = user
            sittings[user.id].append(action_id)
    facts = _facts({each for ids in sittings.values() for each in sorted(ids)[:NAMED]})
    return sum(_send(users[each], sorted(ids), facts, today) for each, ids in sittings.items())


def _send(user: User, action_ids: Sequence[int], facts: Mapping[int, Any], today: date) -> bool:
    number = len(action_ids)
    with force_locale(user.language or current_app.config["BABEL_DEFAULT_LOCALE"]):
        lines = [_line(each, facts[each]) for each in action_ids[:NAMED] if each in facts]
        subject = ngettext("Any reply? One to look at", "Any reply? %(num)s to look at", number)
    sent = mail.send(
        "any_reply",
        to=user.email,
        subject=subject,
        language=user.language,
        kind="any_reply",
        key=f"any_reply:{user.id}:{today.isoformat()}",
        name=first_name(user.name),
        lines=lines,
        more=max(0, number - NAMED),
        address=mail_address(),
        page=links.absolute("outreach.replies"),
    )
    return sent.done


def mail_address() -> str:
    """Where replies may be forwarded to: the address our own mail comes from."""
    return parseaddr(str(current_app.config["MAIL_DEFAULT_SENDER"] or ""))[1]


def _facts(action_ids: Collection[int]) -> dict[int, Any]:
    """What the message says of these: one statement for five hundred."""
    found: dict[int, Any] = {}
    for some in db.batches(sorted(action_ids)):
        for row in db.session.execute(
            select(
                Action.id,
                Action.channel,
                Action.pieces,
                Action.happened_on,
                Campaign.name,
                func.count(ActionTarget.id).label("targets"),
            )
            .join(Campaign, Campaign.id == Action.campaign_id)
            .join(ActionTarget, ActionTarget.action_id == Action.id)
            .where(Action.id.in_(some), ActionTarget.awaiting.is_(True))
            .group_by(Action.id, Action.channel, Action.pieces, Action.happened_on, Campaign.name)
        ):
            found[row.id] = row
    return found


def _line(action_id: int, row: Any) -> Line:
    return Line(
        what=channels()[row.channel].count(row.pieces),
        on=day(row.happened_on),
        campaign=row.name,
        targets=ngettext("%(num)s target", "%(num)s targets", row.targets),
        code=code_of(action_id),
    )
