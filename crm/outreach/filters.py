"""Which actions a list or a report is asked for, from an address or a command line."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, literal, select, union

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.forms import parse_id
from crm.members.models import Chapter
from crm.outreach.channels import channels
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.queries import ActionFilter, OnList
from crm.targets.list_queries import listed
from crm.targets.models import Post, Target, TargetList, Term
from crm.targets.queries import kept_ids
from crm.targets.rules import KINDS, area_name

#: The filters of a bar, and those that stand behind "More".
BAR = ("campaign", "channel", "chapter", "since", "until")
REST = ("kind", "area", "region", "party", "list")
NAMES = (*BAR, *REST)
#: Filters that links use and the bar does not offer.
HIDDEN = ("target", "post", "outcome")
#: What an address says for targets that held no post.
NO_POST = "none"
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
}


class Choices:
    """What each filter can be set to: value → label. Read when asked, each at most once."""

    @cached_property
    def _campaigns(self) -> dict[str, tuple[int, str]]:
        rows = db.session.execute(
            select(Campaign.slug, Campaign.id, Campaign.name).order_by(Campaign.name)
        )
        return {slug: (campaign_id, name) for slug, campaign_id, name in rows}

    @cached_property
    def _chapters(self) -> dict[str, tuple[str, str, int]]:
        rows = db.session.execute(
            select(Chapter.slug, Chapter.path, Chapter.name, Chapter.id).order_by(Chapter.name)
        )
        return {slug: (path, name, chapter_id) for slug, path, name, chapter_id in rows}

    @cached_property
    def _lists(self) -> dict[str, TargetList]:
        found = db.session.scalars(select(TargetList).order_by(func.lower(TargetList.name)))
        return {kept.slug: kept for kept in found}

    @cached_property
    def _of_targets(self) -> dict[str, list[str]]:
        # Parts of a union are distinct by themselves.
        rows: Any = db.session.execute(
            union(
                select(literal("area").label("name"), Post.area.label("value")),
                select(literal("party"), Term.party),
                select(literal("region"), Target.region),
                select(literal("kind"), Target.kind),
            )
        )
        found: dict[str, list[str]] = {"area": [], "party": [], "region": [], "kind": []}
        for name, value in rows:
            if value:
                found[name].append(value)
        return {name: sorted(values) for name, values in found.items()}

    def of(self, name: str) -> dict[str, str]:
        """What a filter may be set to, value → label; empty for dates and numbers."""
        if name == "campaign":
            return {slug: label for slug, (_id, label) in self._campaigns.items()}
        if name == "chapter":
            return {slug: label for slug, (_path, label, _id) in self._chapters.items()}
        if name == "list":
            return {slug: kept.name for slug, kept in self._lists.items()}
        if name == "channel":
            return {name: str(channel.label) for name, channel in channels().items()}
        if name == "outcome":
            return {name: str(kind.label) for name, kind in outcome_kinds().items()}
        if name == "kind":
            return {value: str(KINDS.get(value, value)) for value in self._of_targets["kind"]}
        if name == "area":
            named = {value: area_name(value) for value in self._of_targets["area"]}
            return dict(sorted(named.items(), key=lambda pair: pair[1]))
        if name in ("region", "party"):
            return {value: value for value in self._of_targets[name]}
        return {}

    def campaign_id(self, slug: str) -> int | None:
        """The campaign of an address."""
        found = self._campaigns.get(slug)
        return found[0] if found else None

    def on_list(self, slug: str) -> OnList | None:
        """The targets of a list, those of one by rule on its own day."""
        kept = self._lists.get(slug)
        return OnList(kept.id, listed(kept)) if kept else None

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


def parse_filter(args: Mapping[str, str]) -> Asked:
    """Read the filter of an address or a command line; what is empty or no filter is left out.

    A value that names nothing is left out too, and is a problem to be shown.
    """
    given = {name: value for name in (*NAMES, *HIDDEN) if (value := (args.get(name) or "").strip())}
    choices, problems = Choices(), list[str]()
    values: dict[str, Any] = {}
    for name in ("since", "until"):
        if name in given:
            try:
                values[name] = date.fromisoformat(given[name])
            except ValueError:
                problems.append(
                    _("“%(value)s” is not a date such as 2026-03-31.", value=given[name][:40])
                )
    for name in ("channel", "kind", "area", "region", "party", "outcome"):
        if name in given and _known(name, given[name], choices, problems):
            values[name] = given[name]
    if "campaign" in given and _known("campaign", given["campaign"], choices, problems):
        values["campaign_id"] = choices.campaign_id(given["campaign"])
    if "chapter" in given and _known("chapter", given["chapter"], choices, problems):
        values["chapter_ids"] = choices.chapter_ids(given["chapter"])
    if "list" in given and _known("list", given["list"], choices, problems):
        values["on_list"] = choices.on_list(given["list"])
    if "target" in given:
        target_id = parse_id(given["target"])
        if target_id is not None:
            # An old address still leads to the outreach of one that was merged.
            values["target_id"] = kept_ids([target_id]).get(target_id, target_id)
        else:
            problems.append(_unknown("target", given["target"]))
    if "post" in given:
        post_id = 0 if given["post"] == NO_POST else parse_id(given["post"])
        if post_id is not None:
            values["post_id"] = post_id
        else:
            problems.append(_unknown("post", given["post"]))
    since, until = values.get("since"), values.get("until")
    if since and until and until < since:
        problems.append(_("The period ends before it starts: swap From and To."))
    return Asked(ActionFilter(**values), problems, given, choices)


def _known(name: str, value: str, choices: Choices, problems: list[str]) -> bool:
    if value in choices.of(name):
        return True
    problems.append(_unknown(name, value))
    return False


def _unknown(name: str, value: str) -> str:
    return _(
        "Nothing is known as “%(value)s” for %(filter)s.",
        value=value[:80],
        filter=str(LABELS[name]).lower(),
    )
