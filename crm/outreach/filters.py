"""Which actions a list or a report is asked for, from an address or a command line."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache, cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import CompoundSelect, String, and_, case, cast, func, literal, select, union
from sqlalchemy.orm import aliased

from crm.campaigns.models import Ask, Campaign
from crm.core import db
from crm.core.errors import Refused
from crm.core.forms import parse_id
from crm.members.disclosure import NOBODY, Exit, Viewer, disclose
from crm.members.models import Chapter, Team
from crm.members.queries import in_scope, is_visible
from crm.members.queries import kept_ids as kept_members
from crm.outreach.channels import channels
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.queries import NOTHING, STATES, ActionFilter, OnList
from crm.outreach.window_rules import ADDRESSES
from crm.targets.list_queries import listed
from crm.targets.models import Body, CommitteeSeat, Post, Target, TargetList, Term
from crm.targets.queries import kept_ids
from crm.targets.rules import KINDS, area_name

#: The filters of a bar, and those that stand behind "More".
BAR = ("campaign", "channel", "chapter", "since", "until")
REST = (
    "ask", "kind", "area", "region", "party", "committee", "list", "team", "went", "state",
)  # fmt: skip
NAMES = (*BAR, *REST)
#: Filters that links use and the bar does not offer.
HIDDEN = ("target", "post", "body", "outcome", "member", "chapter_itself")
#: What an address says for what has none: targets that held no post, actions without an ask.
NONE = "none"
NO_POST = NONE
#: Filters that may ask for what has none, and what `ActionFilter` is told then.
WITHOUT: Mapping[str, Any] = {
    "ask": 0, "member": 0, "team": 0, "committee": 0, "post": 0, "body": 0,
    "area": NOTHING, "region": NOTHING, "party": NOTHING, "went": NOTHING,
    "chapter": frozenset(), "chapter_itself": frozenset(),
}  # fmt: skip
#: Years that may be asked for.
FIRST_YEAR, LAST_YEAR = 1900, 2100
#: Filters whose name is not that of what `ActionFilter` keeps.
_FIELDS = {
    "ask": "ask_id", "team": "team_id", "committee": "committee_id", "body": "body_id",
    "post": "post_id", "target": "target_id", "member": "member_id", "campaign": "campaign_id",
    "list": "on_list", "went": "went_to", "chapter": "chapter_ids", "chapter_itself": "chapter_ids",
}  # fmt: skip
STATE_LABELS = {
    "waiting": _l("Waiting"),
    "closed": _l("Closed without answer"),
    "answered": _l("Answered"),
}
LABELS = {
    "campaign": _l("Campaign"),
    "since": _l("From"),
    "until": _l("To"),
    "channel": _l("Channel"),
    "chapter": _l("Chapter and below"),
    "kind": _l("Kind of target"),
    "area": _l("State"),
    "region": _l("Region"),
    "party": _l("Party"),
    "list": _l("List of targets"),
    "target": _l("Target"),
    "post": _l("Post"),
    "outcome": _l("What came back"),
    "ask": _l("Ask"),
    "team": _l("Team"),
    "committee": _l("Committee"),
    "went": _l("Kind of address"),
    "state": _l("Where it stands"),
    "member": _l("Member"),
    "body": _l("Body"),
    "chapter_itself": _l("Chapter alone"),
}


@cache
def _told_of_targets() -> CompoundSelect[Any]:
    """Filter, value and label of what targets may be asked for by; made once, as it is long."""
    above = aliased(Body)
    named = case(
        (
            (Body.classification == "subcommittee") & above.name.is_not(None),
            above.name + ": " + Body.name,
        ),
        else_=Body.name,
    )
    committees = (
        select(literal("committee"), cast(Body.id, String), named)
        .outerjoin(above, above.id == Body.parent_id)
        .where(Body.id.in_(select(CommitteeSeat.body_id)))
    )
    # Parts of a union are distinct by themselves.
    return union(
        select(literal("area").label("name"), Post.area.label("value"),
               literal("").label("label")),
        select(literal("party"), Term.party, literal("")),
        select(literal("region"), Target.region, literal("")),
        select(literal("kind"), Target.kind, literal("")),
        committees,
    )  # fmt: skip


class Choices:
    """What each filter can be set to: value → label. Read when asked, each at most once.

    Teams are those of chapters the viewer sees; of members it only says whether one is seen.
    """

    def __init__(self, viewer: Viewer = NOBODY):
        self.viewer = viewer

    # Few statements for many filters: a page that offers them all asks five times.

    @cached_property
    def _of_campaigns(self) -> Sequence[Any]:
        return db.session.execute(
            select(Campaign.slug, Campaign.id, Campaign.name, Ask.id, Ask.text)
            .outerjoin(Ask, Ask.campaign_id == Campaign.id)
            .order_by(Campaign.name, Campaign.id, Ask.position, Ask.id)
        ).all()

    @cached_property
    def _campaigns(self) -> dict[str, tuple[int, str]]:
        return {slug: (number, name) for slug, number, name, _ask, _text in self._of_campaigns}

    @cached_property
    def _asks(self) -> dict[str, str]:
        return {
            str(ask_id): f"{name}: {text}"
            for _slug, _id, name, ask_id, text in self._of_campaigns
            if ask_id is not None
        }

    @cached_property
    def _of_chapters(self) -> Sequence[Any]:
        seen = and_(Team.chapter_id == Chapter.id, in_scope(Team.chapter_id, self.viewer.sees))
        return db.session.execute(
            select(Chapter.slug, Chapter.path, Chapter.name, Chapter.id, Team.id, Team.name)
            .outerjoin(Team, seen)
            .order_by(Chapter.name, Chapter.id, Team.name, Team.id)
        ).all()

    @cached_property
    def _chapters(self) -> dict[str, tuple[str, str, int]]:
        return {row[0]: (row[1], row[2], row[3]) for row in self._of_chapters}

    @cached_property
    def _teams(self) -> dict[str, str]:
        return {str(row[4]): f"{row[2]}: {row[5]}" for row in self._of_chapters if row[4]}

    @cached_property
    def _lists(self) -> dict[str, str]:
        found = select(TargetList.slug, TargetList.name).order_by(func.lower(TargetList.name))
        return {slug: name for slug, name in db.session.execute(found)}  # noqa: C416

    @cached_property
    def _of_targets(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for name, value, label in db.session.execute(_told_of_targets()):
            if value:
                found.setdefault(name, {})[value] = label or value
        return {
            name: dict(sorted(values.items(), key=lambda pair: pair[1].casefold()))
            for name, values in found.items()
        }

    def of(self, name: str) -> dict[str, str]:
        """What a filter may be set to, value → label; empty for dates and numbers."""
        found = self._of(name)
        return {**found, NONE: _("None of them")} if found and name in WITHOUT else found

    def _of(self, name: str) -> dict[str, str]:
        if name == "campaign":
            return {slug: label for slug, (_id, label) in self._campaigns.items()}
        if name in ("chapter", "chapter_itself"):
            return {slug: label for slug, (_path, label, _id) in self._chapters.items()}
        if name == "list":
            return self._lists
        if name == "ask":
            return self._asks
        if name == "team":
            return self._teams
        if name == "committee":
            return self._of_targets.get("committee", {})
        if name == "went":
            return {value: str(label) for value, label in ADDRESSES.items()}
        if name == "state":
            return {value: str(STATE_LABELS[value]) for value in STATES}
        if name == "channel":
            return {name: str(channel.label) for name, channel in channels().items()}
        if name == "outcome":
            return {name: str(kind.label) for name, kind in outcome_kinds().items()}
        if name == "kind":
            return {v: str(KINDS.get(v, v)) for v in self._of_targets.get("kind", {})}
        if name == "area":
            named = {value: area_name(value) for value in self._of_targets.get("area", {})}
            return dict(sorted(named.items(), key=lambda pair: pair[1]))
        if name in ("region", "party"):
            return self._of_targets.get(name, {})
        return {}

    def said(self, name: str, value: str, exit: Exit = Exit.PAGE) -> str:
        """What a filter is set to, in words, as far as they may leave this way.

        A member is called what the viewer may read of them; of a file, a number.
        """
        if value == NONE and name in WITHOUT:
            return _("nobody by name") if name == "member" else _("None of them")
        number = parse_id(value)
        if name == "member":
            member_id = kept_members([number]).get(number, number) if number else None
            if member_id is None or not self.sees_member(member_id):
                return value
            return disclose([member_id], to=self.viewer, exit=exit)[member_id].name
        if name in ("target", "post", "body") and number is not None:
            column: Any = {"target": Target.name, "post": Post.label, "body": Body.name}[name]
            of_it = column.class_.id == number
            return db.session.scalar(select(column).where(of_it)) or value
        return self.of(name).get(value, value)

    def sees_member(self, member_id: int) -> bool:
        """Whether the viewer may know of a member what they took part in."""
        return bool(self.viewer.sees) and is_visible(member_id, self.viewer.sees)

    def campaign_id(self, slug: str) -> int | None:
        """The campaign of an address."""
        found = self._campaigns.get(slug)
        return found[0] if found else None

    def on_list(self, slug: str) -> OnList | None:
        """The targets of a list, those of one by rule on its own day."""
        kept = db.session.scalar(select(TargetList).where(TargetList.slug == slug))
        return OnList(kept.id, listed(kept)) if kept else None

    def chapter_alone(self, slug: str) -> frozenset[int] | None:
        """The chapter of an address without those below it."""
        found = self._chapters.get(slug)
        return frozenset({found[2]}) if found else None

    def chapter_ids(self, slug: str) -> frozenset[int] | None:
        """The chapter of an address and all below it."""
        found = self._chapters.get(slug)
        if found is None:
            return None
        return frozenset(
            chapter_id
            for path, _name, chapter_id in self._chapters.values()
            if path.startswith(found[0])
        )


@dataclass(frozen=True)
class Asked:
    """What was asked for: the filter, what of it cannot be meant, and the words it came in."""

    wanted: ActionFilter
    problems: list[str]
    given: dict[str, str]
    choices: Choices


def parse_filter(args: Mapping[str, str], viewer: Viewer = NOBODY) -> Asked:
    """Read the filter of an address or a command line; what is empty or no filter is left out.

    A value that names nothing is left out too, and is a problem to be shown. What a member or a
    team did is told to a viewer who may see them; to others they are not known.
    """
    given = {name: value for name in (*NAMES, *HIDDEN) if (value := (args.get(name) or "").strip())}
    choices, problems = Choices(viewer), list[str]()
    values: dict[str, Any] = {}
    for name in ("since", "until"):
        if name in given:
            try:
                values[name] = read_day(given[name])
            except Refused as refusal:
                problems.append(str(refusal.message))
            else:
                # Written one way: addresses of narrower periods compare it as text.
                given[name] = values[name].isoformat()
    for name, value in given.items():
        if name in ("since", "until"):
            continue
        if value == NONE and name in WITHOUT:
            found = WITHOUT[name]
        elif (found := _meant(name, value, choices)) is None:
            problems.append(_unknown(name, value))
            continue
        # A chapter alone comes last: it lies within what else may be asked of chapters.
        values[_FIELDS.get(name, name)] = found
    since, until = values.get("since"), values.get("until")
    if since and until and until < since:
        problems.append(_("The period ends before it starts: swap From and To."))
    return Asked(ActionFilter(**values), problems, given, choices)


def unheeded(args: Mapping[str, str], heeded: Collection[str]) -> list[str]:
    """What an address asks of a list that does not heed it, each in a sentence: what is listed then
    would be more than was asked for.
    """
    return [
        _("This list cannot be narrowed by “%(filter)s”: take that filter away.",
          filter=LABELS[name])
        for name in (*NAMES, *HIDDEN)
        if name not in heeded and (args.get(name) or "").strip()
    ]  # fmt: skip


def no_such_state(value: str) -> str:
    """That a list knows no such state."""
    return _unknown("state", value)


def read_day(typed: str) -> date:
    """A day of an address. Raises `Refused` where it is none, or so far off that it was mistyped:
    no period lies before the first day there is, or after the last.
    """
    try:
        found = date.fromisoformat(typed)
    except ValueError as error:
        raise Refused(
            _("“%(value)s” is not a date such as 2026-03-31.", value=typed[:40])
        ) from error
    if not FIRST_YEAR <= found.year <= LAST_YEAR:
        raise Refused(_("Give a day between 1900 and 2100."))
    return found


def _meant(name: str, value: str, choices: Choices) -> Any:
    """What `ActionFilter` is told of one filter; None where the value names nothing."""
    if name in ("target", "post", "body", "member"):
        number = parse_id(value)
        if number is None:
            return None
        if name == "target":
            # An old address still leads to the outreach of one that was merged.
            return kept_ids([number]).get(number, number)
        if name == "member":
            number = kept_members([number]).get(number, number)
            return number if choices.sees_member(number) else None
        return number
    if value not in choices.of(name):
        return None
    if name == "campaign":
        return choices.campaign_id(value)
    if name == "chapter":
        return choices.chapter_ids(value)
    if name == "chapter_itself":
        return choices.chapter_alone(value)
    if name == "list":
        return choices.on_list(value)
    return int(value) if name in ("ask", "team", "committee") else value


def _unknown(name: str, value: str) -> str:
    return _(
        "Nothing is known as “%(value)s” for %(filter)s.",
        value=value[:80],
        filter=str(LABELS[name]).lower(),
    )
