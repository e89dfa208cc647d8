"""The progress report: how far a strategy or a campaign is, with all that was done for it.

It is a list of tables (`Extract`), each with the section it stands in, and words; the tables of
outreach are the catalogue's own reports, so its numbers are theirs. What a document says is in its
extracts alone, so that one frozen is shown again as it was.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.campaigns import strategy_queries
from crm.campaigns.models import Campaign, Strategy
from crm.campaigns.queries import owned
from crm.core.i18n import day
from crm.members.disclosure import Exit, Viewer
from crm.members.models import Chapter
from crm.reports.answering import extract
from crm.reports.as_of import known
from crm.reports.as_of import told as told_as_of
from crm.reports.catalogue import Question, Report, reports
from crm.reports.extracts import Extract
from crm.reports.forms import parse
from crm.reports.progress import chapters, parts, words
from crm.reports.progress.audiences import Audience, ByChapter

#: Rows of tables of targets within the report; the appendix has as many as a paper bears.
APPENDIX = 400
_MOST = {"activity-by-target": 12, "commitments": 40, "changes": 60}


@dataclass(frozen=True)
class Section:
    """A part of the report, and the reports of the catalogue it is made of, as far as there are."""

    key: str
    title: Any
    lead: Any = ""
    reports: tuple[str, ...] = ()


SECTIONS: Mapping[str, Section] = {
    each.key: each
    for each in (
        Section("summary", _l("Summary")),
        Section("objectives", _l("Goals and objectives"),
                _l("How far each objective is, by its indicators.")),
        Section("activity", _l("What was done"), _l("Each piece and act counted once."),
                ("activity-by-campaign", "activity-by-channel", "activity-by-period:month",
                 "activity-by-target")),
        Section("outcomes", _l("What came back"),
                _l("Answers, how often outreach was answered, and what was promised."),
                ("outcomes", "response-rate", "commitments")),
        Section("changes", _l("What changed"),
                _l("Positions and treaty steps, with the outreach before them. That one followed "
                   "the other proves nothing."), ("changes:position", "changes:treaty")),
        Section("coverage", _l("Who was reached"),
                _l("Who has not been contacted, and where outreach went."),
                ("coverage:area", "coverage:country")),
        Section("participation", _l("Who took part"),
                _l("Participation as numbers."), ("activity-by-chapter",)),
        Section("work", _l("Tasks and hours"), "", ("tasks:chapter", "service-hours:chapter")),
        Section("reconciliation", _l("How the numbers add up"),
                _l("Each table says how its rows and its total fit.")),
        Section("sources", _l("Sources"), _l("Where every figure comes from, and of which day.")),
        Section("appendix", _l("Appendix: every target"), "", ("activity-by-target",)),
    )
}  # fmt: skip
#: What tells of each chapter, where an audience is told of all of them as one.
_BY_CHAPTER = ("activity-by-chapter", "coverage:country")
#: Sections that are always there.
ALWAYS = ("summary",)


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a report is asked for."""

    audience: Audience
    since: date
    until: date
    #: The day whose knowledge is told.
    on: date
    #: An earlier day, where what was known then is asked for.
    as_of: date | None = None
    strategy: str | None = None
    campaign: str | None = None
    chapter: str | None = None
    sections: frozenset[str] = frozenset(SECTIONS)

    @property
    def given(self) -> dict[str, str]:
        """The filters of the catalogue's reports that it asks with."""
        found = {"since": self.since.isoformat(), "until": self.until.isoformat()}
        if self.campaign:
            found["campaign"] = self.campaign
        if self.chapter:
            found["chapter"] = self.chapter
        return found


@dataclass(frozen=True)
class Document:
    """A progress report as it was made: its tables, and what stands on its cover."""

    extracts: Sequence[Extract]

    @cached_property
    def head(self) -> Mapping[str, Any]:
        """Title, organisation, audience, period, day: texts."""
        found: Mapping[str, Any] = self.extracts[0].more["head"]
        return found

    @property
    def title(self) -> str:
        """What it is about."""
        return str(self.head["title"])

    @property
    def facts(self) -> list[tuple[str, str]]:
        """What was asked for, in words."""
        return [(label, value) for label, value in self.extracts[0].facts]

    @property
    def sections(self) -> list[tuple[Section, list[Extract]]]:
        """Its parts in their order, with their tables."""
        found: dict[str, list[Extract]] = {}
        for each in self.extracts:
            found.setdefault(str(each.more.get("section", "appendix")), []).append(each)
        return [(SECTIONS[key], found[key]) for key in SECTIONS if key in found]

    def as_json(self) -> list[dict[str, Any]]:
        """What `json` can write; `from_json` reads it."""
        return [each.as_json() for each in self.extracts]

    @classmethod
    def from_json(cls, kept: Sequence[Mapping[str, Any]]) -> "Document":
        """The document that `as_json` was asked of."""
        return cls([Extract.from_json(each) for each in kept])


def document(app: Flask, wish: Wish, viewer: Viewer) -> Document:
    """Make the report, all of it from one snapshot. Raises `NoResultFound`."""
    with known(app, wish.as_of):
        return Document(list(_extracts(app, wish, viewer)))


def _extracts(app: Flask, wish: Wish, viewer: Viewer) -> Iterator[Extract]:
    strategy = strategy_queries.strategy(wish.strategy) if wish.strategy else None
    campaign = owned(wish.campaign) if wish.campaign else None
    facts = facts_of(wish)
    made = list(_tables(app, wish, viewer, strategy))
    summary = parts.summary(words.figures(made), facts=facts)
    head = _head(wish, strategy, campaign)
    yield replace(
        summary,
        more={"section": "summary", "head": head, "words": words.sentences(made, head)},
    )
    yield from (each for each in made if each.more["section"] != "appendix")
    if "reconciliation" in wish.sections:
        yield _in("reconciliation", parts.reconciliation(made))
    if "sources" in wish.sections:
        yield _in("sources", parts.sources(made, wish.on))
    yield from (each for each in made if each.more["section"] == "appendix")


def _tables(app: Flask, wish: Wish, viewer: Viewer, strategy: Strategy | None) -> Iterator[Extract]:
    if "objectives" in wish.sections and strategy is not None:
        yield _in("objectives", parts.objectives(strategy, wish.since, wish.on))
    asked = _Asked(app, wish, viewer)
    for section in SECTIONS.values():
        if section.key not in wish.sections or section.key in ("objectives", "sources", "summary"):
            continue
        if section.key == "participation":
            yield _in(
                "participation", parts.participation(question_of(wish, viewer), wish.audience)
            )
        if section.key == "coverage":
            yield from (_in("coverage", each) for each in parts.places(question_of(wish, viewer)))
        for report in _of_catalogue(section, wish.audience):
            yield from _answered(section, report, asked)


@dataclass(frozen=True)
class _Asked:
    """Reports of the catalogue as this document asks them."""

    app: Flask
    wish: Wish
    viewer: Viewer

    def answered(self, report: Report) -> Extract:
        """The whole of it."""
        wish = self.wish
        given = {k: v for k, v in wish.given.items() if report.uses is None or k in report.uses}
        asked = parse(given, report, self.viewer)
        question = Question(
            wanted=asked.wanted, viewer=self.viewer, exit=Exit.EXPORT, on=wish.on, as_of=wish.as_of
        )
        return extract(self.app, report, question, None, asked.told(Exit.EXPORT))

    @cached_property
    def did(self) -> Extract:
        """What each chapter did: asked once, whoever needs it."""
        return self.answered(reports()["activity-by-chapter"])

    @cached_property
    def small(self) -> chapters.Split:
        """Which chapters are told as one: the same ones wherever chapters are told."""
        return chapters.split(self.slugs, chapters.sizes(self.wish.on))

    @property
    def slugs(self) -> list[str]:
        """The chapters of `did`, line by line."""
        return [json.loads(key) for key in self.did.keys]


def _answered(section: Section, report: Report, asked: _Asked) -> Iterator[Extract]:
    wish = asked.wish
    found = asked.did if report.name == "activity-by-chapter" else asked.answered(report)
    if section.key == "work" and wish.audience.participation is not ByChapter.OWN:
        # Of a chapter with one member who took part this would be what that one did.
        found = in_one(found)
    if wish.audience.participation is ByChapter.EACH:
        if report.name == "activity-by-chapter":
            found = chapters.few_as_one(found, asked.slugs, asked.small)
        elif any(column.key == "who" for column in found.columns):
            found = chapters.few_unnamed(found, asked.small)
    if section.key == "coverage":
        found = reached_alone(found)
    most = APPENDIX if section.key == "appendix" else _MOST.get(found.name, APPENDIX)
    yield _in(section.key, first(found, most))


def in_one(found: Extract) -> Extract:
    """The table as one row of all chapters."""
    if found.totals is None or not found.rows:
        return found
    # Where a sum of all would say nothing, the sentences do.
    row = (_("All chapters"), *found.totals[1:])
    rows = [row] if sum(each is not None for each in row) > 2 else []
    return replace(found, rows=rows, keys=["all"][: len(rows)], totals=None)


def reached_alone(found: Extract) -> Extract:
    """Of the places asked for those that were reached; how many were not is in the sentence."""
    at = [column.key for column in found.columns].index("reached")
    places = [place for place, row in enumerate(found.rows) if row[at] is not None and row[at].n]
    return replace(
        found,
        rows=[found.rows[place] for place in places],
        keys=[found.keys[place] for place in places],
        more={**found.more, "rows": len(found.rows)},
    )


def first(found: Extract, most: int) -> Extract:
    """Only the first rows of a table; what is left out is said, and its total stays that of all."""
    if len(found.rows) <= most:
        return found
    said = _("The first %(shown)s of %(all)s; the total is of all.", shown=most,
             all=len(found.rows))  # fmt: skip
    return replace(
        found, rows=found.rows[:most], keys=found.keys[:most],
        told=f"{said} {found.told}", more={**found.more, "rows": len(found.rows)},
    )  # fmt: skip


def _of_catalogue(section: Section, audience: Audience) -> Iterator[Report]:
    catalogue = reports()
    for each in section.reports:
        name, _colon, way = each.partition(":")
        report = catalogue[name].asked_by(way) if name in catalogue else None
        # A report that shows people has no place here, whatever the audience.
        if report is None or report.shows_people:
            continue
        if section.key == "work" and not audience.work:
            continue
        if each in _BY_CHAPTER and audience.participation is ByChapter.WHOLE:
            continue
        yield report


def question_of(wish: Wish, viewer: Viewer) -> Question:
    """The outreach it tells of."""
    wanted = parse(wish.given, reports()["activity-by-target"], viewer).wanted
    return Question(wanted=wanted, viewer=viewer, exit=Exit.EXPORT, on=wish.on, as_of=wish.as_of)


def _in(section: str, found: Extract) -> Extract:
    return replace(found, more={**found.more, "section": section})


def facts_of(wish: Wish) -> list[tuple[str, str]]:
    """What was asked for, as label and value."""
    found = []
    if wish.strategy:
        found.append((_("Strategy"), words.name_of(Strategy, wish.strategy)))
    if wish.campaign:
        found.append((_("Campaign"), words.name_of(Campaign, wish.campaign)))
    found.append((_("Period"), period(wish.since, wish.until)))
    if wish.chapter:
        found.append((_("Chapter and below"), words.name_of(Chapter, wish.chapter)))
    found.append((_("For"), str(wish.audience.label)))
    found.append((_("As of"), day(wish.as_of or wish.on)))
    return found


def period(since: date, until: date) -> str:
    """From when to when."""
    return _("%(first)s – %(last)s", first=day(since), last=day(until))


def _head(wish: Wish, strategy: Strategy | None, campaign: Campaign | None) -> dict[str, Any]:
    about = strategy or campaign
    name = about.name if about is not None else _("All campaigns")
    over = strategy is not None and wish.since > strategy.ends_on
    return {
        "title": _("Progress report"),
        "about": name,
        "summary": (about.summary or "") if about is not None else "",
        "organisation": words.organisation(strategy, campaign, wish.chapter),
        "audience": str(wish.audience.label),
        "period": period(wish.since, wish.until),
        "as_of": day(wish.as_of or wish.on),
        "told_as_of": told_as_of(wish.as_of) if wish.as_of else "",
        "approved": _approved(strategy),
        "over": _("The strategy ended on %(day)s, before this period.", day=day(strategy.ends_on))
        if over and strategy is not None
        else "",
    }


def _approved(strategy: Strategy | None) -> str:
    if strategy is None or strategy.approved_on is None:
        return ""
    if strategy.approved_by:
        return _("Strategy approved on %(day)s by %(who)s", day=day(strategy.approved_on),
                 who=strategy.approved_by)  # fmt: skip
    return _("Strategy approved on %(day)s", day=day(strategy.approved_on))
