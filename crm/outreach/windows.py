"""The windows in force, from where they are kept, and the day each new row is asked about.

Where a piece went is what its printed address says, if a room above knows that (`Given.places`);
else the address the campaign chose for the target, else the one it prefers.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import and_, delete, insert, select, update

from crm.accounts.models import User
from crm.campaigns.models import Campaign, CampaignContact
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.text import fold
from crm.outreach import window_rules as rules
from crm.outreach.channels import awaited_names, channels
from crm.outreach.models import ActionTarget, ReplyWindow
from crm.outreach.window_rules import AGAIN, ANY, DEFAULTS, ONLINE, Wait, Windows
from crm.targets.contact_queries import CAPITAL, paper, place_of
from crm.targets.models import ContactPoint, Target

#: Who may say how long an answer may take: it holds for every chapter.
MAY_SET = Can.DEFINE_FIELDS
#: Rows of one statement.
AT_ONCE = 500


def windows() -> Windows:
    """What is in force: one statement."""
    rows = db.session.execute(select(ReplyWindow.channel, ReplyWindow.address, ReplyWindow.days))
    return Windows({(channel, address): days for channel, address, days in rows})


def editable() -> list[tuple[str, str]]:
    """The windows a page asks for: every channel that waits, by kind of address."""
    return [(name, address) for name in awaited_names() for address in rules.asked_of(name)]


# Where a piece went


def place_of_point(kind: str, key: str | None, label: str) -> str:
    """The kind of a postal address of a target of this kind."""
    words = frozenset(fold(label).split())
    return rules.address_kind(kind, key, words, is_capital=place_of(key, label) == CAPITAL)


def _columns() -> tuple[Any, ...]:
    return (
        Target.kind,
        Campaign.paper_to,
        CampaignContact.contact_point_id,
        ContactPoint,
    )


def _with_addresses(statement: Any) -> Any:
    """Targets and a campaign with the good postal addresses and the one that was chosen."""
    return statement.outerjoin(
        CampaignContact,
        and_(CampaignContact.campaign_id == Campaign.id, CampaignContact.target_id == Target.id),
    ).outerjoin(
        ContactPoint,
        and_(
            (ContactPoint.target_id == Target.id)
            | (ContactPoint.id == CampaignContact.contact_point_id),
            ContactPoint.kind == "postal",
            ContactPoint.status == "good",
        ),
    )


def _places(rows: Sequence[Any]) -> dict[int, str]:
    """By the first column, the kind of address; the others are `_columns`."""
    facts: dict[int, tuple[str, str, int | None]] = {}
    points: dict[int, list[ContactPoint]] = defaultdict(list)
    for key, kind, prefer, chosen, point in rows:
        facts[key] = (kind, prefer, chosen)
        if point is not None:
            points[key].append(point)
    found = {}
    for key, (kind, prefer, chosen) in facts.items():
        theirs = sorted(points[key], key=lambda each: (fold(each.label), each.id))
        goes = paper(theirs, prefer=prefer, chosen=chosen).point
        if goes is not None:
            found[key] = place_of_point(kind, goes.key, goes.label)
        else:
            # No address is known: what the campaign prefers is as good a guess as any.
            words = frozenset({"washington"} if prefer == CAPITAL else ())
            found[key] = rules.address_kind(kind, None, words, is_capital=prefer == CAPITAL)
    return found


def places(channel: str, campaign_id: int, target_ids: Collection[int]) -> Mapping[int, str]:
    """The kind of address what is sent to these targets goes to: one statement, for post alone."""
    kind = channels()[channel].sent_to
    if kind != "postal":
        return dict.fromkeys(target_ids, ONLINE if kind == "email" else ANY)
    found: dict[int, str] = {}
    for some in db.batches(sorted(target_ids), AT_ONCE):
        statement = (
            select(Target.id, *_columns())
            .select_from(Target)
            .join(Campaign, Campaign.id == campaign_id)
        )
        rows = db.session.execute(_with_addresses(statement).where(Target.id.in_(some))).all()
        found |= _places(rows)
    return found


def first_waits(
    channel: str,
    campaign_id: int,
    happened_on: date,
    target_ids: Collection[int],
    known: Mapping[int, str] | None = None,
) -> dict[int, Wait]:
    """Where what these targets got went, and when to ask about it: two statements at most.

    `known`: where it went, as far as somebody knows better.
    """
    way, there = channels()[channel], known or {}
    asked = [each for each in target_ids if each not in there]
    if not target_ids or not way.expects_answer:
        # Nobody asks the database where what nobody waits for went.
        free = None if way.sent_to == "postal" else ONLINE if way.sent_to == "email" else ANY
        return {each: Wait(None, went_to=there.get(each, free)) for each in target_ids}
    force = windows()
    went = {**there, **places(channel, campaign_id, asked)} if asked else there
    return {
        each: Wait(
            happened_on + timedelta(days=force.days(channel, went.get(each, ANY))),
            went_to=went.get(each),
        )
        for each in target_ids
    }


def days_of_rows(row_ids: Sequence[int], force: Windows) -> dict[int, date]:
    """The same of rows that are there: by row id, one statement for at most `AT_ONCE` rows."""
    statement = (
        select(ActionTarget.id, *_columns(), ActionTarget.channel, ActionTarget.happened_on)
        .select_from(ActionTarget)
        .join(Target, Target.id == ActionTarget.target_id)
        .join(Campaign, Campaign.id == ActionTarget.campaign_id)
    )
    rows = db.session.execute(_with_addresses(statement).where(ActionTarget.id.in_(row_ids))).all()
    went = _places([row[:5] for row in rows])
    found = {}
    for row in rows:
        channel, happened_on = row[5], row[6]
        way = channels().get(channel)
        address = went[row[0]]
        if way is not None and way.sent_to != "postal":
            address = ONLINE if way.sent_to == "email" else ANY
        found[row[0]] = happened_on + timedelta(days=force.days(channel, address))
    return found


# Changed


def set_windows(
    given: Mapping[tuple[str, str], int], *, move_open: bool = False, by: User | None
) -> int:
    """Say how long answers may take; returns how many open rows moved with it.

    `given` maps (channel, kind of address), and `AGAIN`, to days; what is not in it stays.
    """
    if by is not None and not access.may(by, MAY_SET):
        raise Refused(_("Only an administrator may change the windows."))
    known = {*editable(), AGAIN}
    for key, days in given.items():
        if key not in known:
            raise Refused(_("There is no such window."))
        if not rules.LEAST <= days <= rules.MOST:
            raise Refused(
                _("Give days from %(least)s to %(most)s.", least=rules.LEAST, most=rules.MOST),
                field_of(key),
            )
    before = windows()
    old = {key: _in_force(before, key) for key in given}
    changed = {key: days for key, days in given.items() if old[key] != days}
    if not changed:
        return 0
    for channel, address in changed:
        db.session.execute(
            delete(ReplyWindow).where(
                ReplyWindow.channel == channel, ReplyWindow.address == address
            )
        )
    rows = [
        {"channel": key[0], "address": key[1], "days": days}
        for key, days in changed.items()
        if DEFAULTS.get(key, rules.AGAIN_DAYS if key == AGAIN else None) != days
    ]
    if rows:
        db.session.execute(insert(ReplyWindow), rows)
    moved = 0
    if move_open:
        moved = _move_open({channel for channel, _address in changed if channel != AGAIN[0]})
    audit.record(
        "set_windows",
        "reply_window",
        None,
        by=by,
        changes={
            **{field_of(key): [old[key], days] for key, days in changed.items()},
            **({"moved": moved} if move_open else {}),
        },
    )
    return moved


def field_of(key: tuple[str, str]) -> str:
    """The name of a window's field on the page, and in the record."""
    return f"{key[0]}-{key[1]}"


def _in_force(force: Windows, key: tuple[str, str]) -> int:
    return force.again if key == AGAIN else force.days(*key)


def _move_open(names: Collection[str]) -> int:
    """Date anew what of these channels waits and nobody was asked about yet."""
    if not names:
        return 0
    waiting = (
        ActionTarget.awaiting.is_(True),
        ActionTarget.asked == 0,
        # Nobody's own “ask me again on” is changed.
        ActionTarget.said_on.is_(None),
        ActionTarget.ask_on.is_not(None),
        ActionTarget.channel.in_(names),
    )
    force, last, count = windows(), 0, 0
    while ids := db.session.scalars(
        select(ActionTarget.id)
        .where(*waiting, ActionTarget.id > last)
        .order_by(ActionTarget.id)
        .limit(AT_ONCE)
    ).all():
        days = days_of_rows(ids, force)
        db.session.execute(
            update(ActionTarget), [{"id": each, "ask_on": day} for each, day in days.items()]
        )
        last, count = ids[-1], count + len(ids)
    return count
