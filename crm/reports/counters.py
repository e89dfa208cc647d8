"""A number that a campaign shows on its own site: what is counted, up to what, on or off.

It says how much was done, and nothing of who did it. A busy site does not ask the database: each
process keeps what it found for some minutes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from time import monotonic
from typing import Any
from zoneinfo import ZoneInfo

from flask import Flask, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select
from sqlalchemy.orm import joinedload

from crm.accounts.models import User
from crm.campaigns.goals import OFFERED, figure_values, told
from crm.campaigns.models import Campaign, Goal
from crm.campaigns.operations import may_edit
from crm.core import audit, db, history
from crm.core.drawing import writable
from crm.core.errors import Refused
from crm.outreach.channels import channels
from crm.outreach.queries import ActionFilter
from crm.reports.models import PublicCounter
from crm.reports.queries import tally
from crm.treaties.figures import figure

#: Seconds a number is kept by a process, and by whoever shows it.
KEPT = 300
#: Counters of one campaign.
MOST = 20
#: What a choice is told by: what it counts, then which.
ALL, CHANNEL, GOAL, FIGURE = "all", "channel", "goal", "figure"
_CACHE = "crm_counters"


def init_app(app: Flask) -> None:
    """Begin with nothing known, and say how counters are told in the record."""
    app.extensions[_CACHE] = {}
    history.add_kind(
        app,
        "public_counter",
        history.Kind(
            _l("Public counter"),
            verbs={
                "add_counter": _l("Made"),
                "edit_counter": _l("Changed"),
                "delete_counter": _l("Deleted"),
            },
            fields={
                "campaign_id": _l("Campaign"),
                "title": _l("Title"),
                "asked": _l("What is counted"),
                "on": _l("Shown"),
            },
            refs={"campaign_id": "campaign"},
            names=history.names_of(PublicCounter.id, PublicCounter.title),
        ),
    )


@dataclass(frozen=True)
class Shown:
    """What the public reads: numbers, and two lines of words."""

    code: str
    title: str
    number: int
    #: `postcards`, `pieces and acts`, `Mine Ban Treaty: States Parties`.
    unit: str
    #: What it is to reach; None where it has no goal.
    of: int | None
    as_of: date

    @property
    def percent(self) -> int:
        """Whole percents of the goal, at most 100."""
        return min(100, self.number * 100 // self.of) if self.of else 0


# What is counted


def choices(campaign_id: int) -> list[tuple[str, str]]:
    """What a counter of the campaign may count, and its words."""
    goals = db.session.scalars(
        select(Goal).where(Goal.campaign_id == campaign_id).order_by(Goal.due_on, Goal.id)
    )
    return [
        (ALL, _("All pieces and acts")),
        *((f"{GOAL}:{goal.id}", _("Goal: %(goal)s", goal=told(goal))) for goal in goals),
        *((f"{CHANNEL}:{name}", str(each.label)) for name, each in channels().items()),
        *((f"{FIGURE}:{name}", f"{treaty.short}: {label}")
          for name, (treaty, label) in OFFERED.items()),
    ]  # fmt: skip


def choice_of(counter: PublicCounter) -> str:
    """The choice a counter was made with."""
    for what in (GOAL, CHANNEL, FIGURE):
        if what in counter.asked:
            return f"{what}:{counter.asked[what]}"
    return ALL


def count(counter: PublicCounter, on: date) -> Shown | None:
    """What the counter says; None where its goal is there no more."""
    asked = counter.asked
    number, unit, of = 0, "", None
    if goal_id := asked.get(GOAL):
        goal = db.session.get(Goal, goal_id)
        if goal is None or goal.campaign_id != counter.campaign_id:
            return None
        of = goal.number
        if goal.figure:
            number, unit = figure_values([goal], on)[goal.id], _figure(goal.figure)
        else:
            number, unit = _done(counter.campaign_id, goal.channel)
    elif name := asked.get(FIGURE):
        number, unit = int(figure(name, on=on).value), _figure(name)
    else:
        number, unit = _done(counter.campaign_id, asked.get(CHANNEL))
    return Shown(counter.code, counter.title, number, unit, of, on)


def _done(campaign_id: int, channel: str | None) -> tuple[int, str]:
    found = tally(ActionFilter(campaign_id=campaign_id, channel=channel))
    known = channels().get(channel or "")
    return found.total, str(known.label) if known else _("Pieces and acts")


def _figure(name: str) -> str:
    found = OFFERED.get(name)
    return f"{found[0].short}: {found[1]}" if found else name


# Shown to everybody


def shown(code: str) -> Shown | None:
    """What a counter says to the public; None where there is none, or it is off.

    Counted anew every some minutes.
    """
    cache: dict[str, tuple[float, Shown]] = current_app.extensions[_CACHE]
    code = code.upper()
    if code in cache and cache[code][0] > monotonic():
        return cache[code][1]
    cache.pop(code, None)
    counter = db.session.scalars(
        select(PublicCounter).where(PublicCounter.code == code)
    ).one_or_none()
    if counter is None or not counter.on:
        return None
    # The day where the campaign is, whoever looks.
    zone = ZoneInfo(str(current_app.config["BABEL_DEFAULT_TIMEZONE"]))
    found = count(counter, datetime.now(UTC).astimezone(zone).date())
    if found is not None:
        cache[code] = (monotonic() + KEPT, found)
    return found


def _forget(code: str) -> None:
    """Let this process count anew, once what changed is committed."""
    cache = current_app.extensions[_CACHE]
    db.after_commit(lambda: cache.pop(code, None))


# Settings


def of_campaign(campaign_id: int) -> Sequence[PublicCounter]:
    """The counters of a campaign, in the order they were made."""
    return db.session.scalars(
        select(PublicCounter)
        .where(PublicCounter.campaign_id == campaign_id)
        .order_by(PublicCounter.id)
    ).all()


def counter(code: str, *, campaign_id: int) -> PublicCounter:
    """One of a campaign. Raises `NoResultFound`."""
    return db.session.scalars(
        select(PublicCounter)
        .where(PublicCounter.code == code.upper(), PublicCounter.campaign_id == campaign_id)
        .options(joinedload(PublicCounter.campaign))
    ).one()


def add_counter(campaign: Campaign, *, title: str, what: str, by: User | None) -> PublicCounter:
    """Let a campaign show a number. Raises `Refused`."""
    _must_edit(campaign, by)
    db.take_turn(f"counter-{campaign.id}")
    if len(of_campaign(campaign.id)) >= MOST:
        raise Refused(
            _("This campaign has %(most)s counters already. Delete one first.", most=MOST)
        )
    made = PublicCounter(
        campaign_id=campaign.id,
        title=_title(title),
        asked=_asked(what, campaign.id),
        on=True,
        made_by_id=by.id if by is not None else None,
    )
    db.session.add(made)
    db.session.flush()
    audit.record(
        "add_counter",
        "public_counter",
        made.id,
        by=by,
        changes={"campaign_id": campaign.id, "title": made.title, "asked": made.asked},
    )
    return made


def edit_counter(
    kept: PublicCounter, campaign: Campaign, *, title: str, what: str, on: bool, by: User | None
) -> None:
    """Change what it says, or put it off or on. Raises `Refused`."""
    _must_edit(campaign, by)
    # What counts a goal that is gone stays as it is until something else is chosen.
    asked = kept.asked if what == choice_of(kept) else _asked(what, campaign.id)
    values: Mapping[str, Any] = {"title": _title(title), "asked": asked, "on": on}
    changes = audit.difference(kept, values)
    if not changes:
        return
    for field, value in values.items():
        setattr(kept, field, value)
    db.session.flush()
    _forget(kept.code)
    audit.record("edit_counter", "public_counter", kept.id, by=by, changes=changes)


def delete_counter(kept: PublicCounter, campaign: Campaign, *, by: User | None) -> None:
    """Away with it: its addresses lead nowhere then. Raises `Refused`."""
    _must_edit(campaign, by)
    db.session.delete(kept)
    db.session.flush()
    _forget(kept.code)
    audit.record(
        "delete_counter",
        "public_counter",
        kept.id,
        by=by,
        changes={"campaign_id": campaign.id, "title": kept.title},
    )


def _must_edit(campaign: Campaign, by: User | None) -> None:
    if not may_edit(campaign, by):
        raise Refused(_("This campaign is changed by those of its chapters."))


def _title(title: str) -> str:
    # It is drawn too.
    title = " ".join(writable(" ".join(title.split())).split())
    if not title:
        raise Refused(_("Say what the number is."), "title")
    return title


def _asked(what: str, campaign_id: int) -> dict[str, Any]:
    kind, _colon, which = what.partition(":")
    if what not in dict(choices(campaign_id)):
        raise Refused(_("Choose one of the list."), "what")
    if kind == ALL:
        return {}
    return {kind: int(which) if kind == GOAL else which}
