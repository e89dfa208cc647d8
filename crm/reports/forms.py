"""Which actions a report is asked for, from an address or a command line."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import literal, select, union

from crm.campaigns.models import Campaign
from crm.core import db
from crm.core.forms import Form, choice, text
from crm.core.i18n import day
from crm.core.tables import FORMATS
from crm.members.models import Chapter
from crm.outreach.channels import channels
from crm.outreach.outcome_kinds import outcome_kinds
from crm.outreach.queries import ActionFilter
from crm.reports.rules import ANSWERED, ANY
from crm.targets.models import Post, Target, Term

#: The filters there are, in the order of the bar.
NAMES = ("campaign", "since", "until", "channel", "chapter", "kind", "area", "region", "party")
#: Filters that drill-down links use and the bar does not offer.
HIDDEN = ("target", "outcome")
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
    "target": _l("Target"),
    "outcome": _l("What came back"),
}
KINDS = {
    "legislator": _l("Legislators"),
    "official": _l("Officials"),
    "government": _l("Governments"),
    "body": _l("Bodies"),
    "company": _l("Companies"),
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
    def _of_targets(self) -> dict[str, list[str]]:
        # Parts of a union are sorted and distinct by themselves.
        rows: Iterable[Any] = db.session.execute(
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
        if name == "channel":
            return {name: str(channel.label) for name, channel in channels().items()}
        if name == "outcome":
            kinds = {name: str(kind.label) for name, kind in outcome_kinds().items()}
            return {ANSWERED: _("Answers"), ANY: _("Anything"), **kinds}
        if name == "kind":
            return {value: str(KINDS.get(value, value)) for value in self._of_targets["kind"]}
        if name in ("area", "region", "party"):
            return {value: value for value in self._of_targets[name]}
        return {}

    def campaign_id(self, slug: str) -> int | None:
        """The campaign of an address."""
        found = self._campaigns.get(slug)
        return found[0] if found else None

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
    outcome: str | None = None

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What is asked for, in words, for the head of a page and the files."""
        return [(str(LABELS[name]), self._said(name, value)) for name, value in self.given.items()]

    def _said(self, name: str, value: str) -> str:
        if name in ("since", "until"):
            moment = self.wanted.since if name == "since" else self.wanted.until
            return day(moment) or value
        return self.choices.of(name).get(value, value)


def parse_filter(args: Mapping[str, str]) -> Asked:
    """Read the filter of an address or a command line; what is empty or unknown by name is left.

    A value that names nothing is a problem, never a wider answer than was asked for.
    """
    names = (*NAMES, *HIDDEN)
    given = {name: value for name in names if (value := (args.get(name) or "").strip())}
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
    for name in ("channel", "kind", "area", "region", "party"):
        if name in given:
            values[name] = _known(name, given[name], choices, problems)
    if "outcome" in given:
        _known("outcome", given["outcome"], choices, problems)
    if "campaign" in given and _known("campaign", given["campaign"], choices, problems):
        values["campaign_id"] = choices.campaign_id(given["campaign"])
    if "chapter" in given and _known("chapter", given["chapter"], choices, problems):
        values["chapter_ids"] = choices.chapter_ids(given["chapter"])
    if "target" in given:
        number = given["target"]
        if number.isascii() and number.isdigit() and len(number) < 10:
            values["target_id"] = int(number)
        else:
            problems.append(_unknown("target", number))
    since, until = values.get("since"), values.get("until")
    if since and until and until < since:
        problems.append(_("The period ends before it starts: swap From and To."))
    return Asked(ActionFilter(**values), problems, given, choices, given.get("outcome"))


def _known(name: str, value: str, choices: Choices, problems: list[str]) -> str | None:
    if value in choices.of(name):
        return value
    problems.append(_unknown(name, value))
    return None


def _unknown(name: str, value: str) -> str:
    return _(
        "Nothing is known as “%(value)s” for %(filter)s. Choose one of the list.",
        value=value[:80],
        filter=str(LABELS[name]).lower(),
    )


class WithNames(Form):
    """Asks why a file is to name people."""

    reason = text(
        _l("What do you need the names for?"),
        most=300,
        required=True,
        description=_l("Kept with your name and the time, for whoever answers for the members."),
    )
    format = choice(
        _l("File"),
        required=True,
        choices={each.name: each.label for each in FORMATS.values()},
    )
