"""Tables of the progress report that no report of the catalogue gives: indicators, who took part as
numbers, the places outreach went to, key figures, and where each figure comes from.
"""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import ColumnElement, Select, func, or_, select

from crm.campaigns import strategy_queries
from crm.campaigns.indicators import Measured, measured
from crm.campaigns.models import Strategy
from crm.core import db
from crm.core.i18n import day
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.members.models import Chapter, Membership
from crm.outreach.models import Action, ActionMember
from crm.outreach.where import Place, where
from crm.reports.catalogue import Question
from crm.reports.extracts import Extract
from crm.reports.progress.audiences import Audience, ByChapter, together


def summary(
    figures: Sequence[tuple[str, int | str]], *, facts: Sequence[tuple[str, str]]
) -> Extract:
    """The key figures, each with what it is."""
    return Extract(
        name="key-figures",
        title=_("Key figures"),
        columns=(Column("what", _("What"), width=40), Column("figure", _("Figure"), width=24)),
        rows=list(figures),
        keys=[label for label, _figure in figures],
        facts=facts,
    )


def objectives(strategy: Strategy, since: date, on: date) -> Extract:
    """Each indicator on the day, and where it stood when the period began."""
    listed = strategy_queries.indicators(strategy)
    now = measured(listed, since=strategy.starts_on, on=on)
    before = measured(listed, since=strategy.starts_on, on=since - timedelta(days=1))
    rows: list[Row] = []
    details: dict[str, dict[str, Any]] = {}
    for goal in strategy.goals:
        for objective in goal.objectives:
            for indicator in objective.indicators:
                each = now[indicator.id]
                rows.append(_row(objective.code, each, before[indicator.id]))
                details[str(indicator.id)] = _detail(each)
    standings = [each.standing_told for each in now.values()]
    return Extract(
        name="indicators",
        title=_("Indicators"),
        columns=(
            Column("objective", _("Objective"), width=10),
            Column("indicator", _("Indicator"), width=36),
            Column("unit", _("Unit"), width=12),
            Column("baseline", _("Baseline"), Kind.NUMBER, 10),
            Column("before", _("Before the period"), Kind.NUMBER, 12),
            Column("value", _("Value"), Kind.NUMBER, 10),
            Column("value_on", _("Measured"), Kind.DATE, 12),
            Column("target", _("Target"), Kind.NUMBER, 10),
            Column("due", _("By"), Kind.DATE, 12),
            Column("way", _("% of the way"), Kind.NUMBER, 12),
            Column("standing", _("How it stands"), width=16),
            Column("source", _("Source"), width=36),
        ),
        rows=rows,
        keys=[str(each.id) for each in listed],
        told=_sums(standings),
        facts=[(_("Strategy"), strategy.name), (_("On"), day(on))],
        more={"tree": _tree(strategy), "details": details},
    )


def _row(code: str, each: Measured, before: Measured) -> Row:
    course = each.course
    return (
        code, each.indicator.text, each.unit,
        _plain(course.baseline.value if course.baseline else None),
        _plain(before.course.actual.value if before.course.actual else None),
        _plain(course.actual.value if course.actual else None),
        course.actual.on if course.actual else None,
        _plain(course.last.value if course.last else None),
        course.last.on if course.last else None,
        None if course.part is None else round(100 * course.part),
        each.standing_told, each.source,
    )  # fmt: skip


def _plain(value: float | None) -> float | int | None:
    """A whole number as one, so that JSON keeps what was counted as it was."""
    if value is None:
        return None
    return int(value) if value == int(value) else round(value, 2)


def _detail(each: Measured) -> dict[str, Any]:
    """What a drawing of it needs beside its row."""
    return {
        "standing": str(each.standing),
        "falls": each.indicator.falls,
        "counted": bool(each.indicator.count),
        "milestones": [[point.on.isoformat(), point.value] for point in each.course.targets[:-1]],
        "link": each.link or "",
    }


def _tree(strategy: Strategy) -> list[dict[str, Any]]:
    return [
        {
            "code": goal.code,
            "text": goal.text,
            "objectives": [
                {
                    "code": each.code,
                    "text": each.text,
                    "campaigns": [campaign.name for campaign in each.campaigns],
                    "indicators": [str(one.id) for one in each.indicators],
                }
                for each in goal.objectives
            ],
        }
        for goal in strategy.goals
    ]


def _sums(standings: Sequence[str]) -> str:
    said = [f"{word}: {number(standings.count(word))}" for word in dict.fromkeys(standings)]
    if not said:
        return _("No indicator yet.")
    return _("Indicators by how they stand: %(sums)s.", sums=", ".join(said))


def _there(asked: Question) -> list[ColumnElement[bool]]:
    """Of joint work only the members of the chapters that are asked for."""
    until = asked.wanted.until or asked.on
    found = [or_(Membership.left_on.is_(None), Membership.left_on > until)]
    if asked.wanted.chapter_ids is not None:
        found.append(Membership.chapter_id.in_(asked.wanted.chapter_ids))
    return found


def named_members(asked: Question) -> Select[int]:
    """Ids of the members who took part by name."""
    found = (
        select(ActionMember.member_id)
        .join(Action, Action.id == ActionMember.action_id)
        .where(*asked.wanted.of_actions())
        .distinct()
    )
    if asked.wanted.chapter_ids is None:
        return found
    of_chapters = select(Membership.member_id).where(*_there(asked))
    return found.where(ActionMember.member_id.in_(of_chapters))


def participation(asked: Question, audience: Audience) -> Extract:
    """How many members took part by name, by chapter as far as the audience is told.

    A member of two chapters counts in each and once in the total.
    """
    of_chapters = _there(asked)
    took_part = named_members(asked).cte("took_part")
    found: dict[str, int] = {}
    for chapter_id, name, many in db.session.execute(
        select(Chapter.id, Chapter.name, func.count(Membership.member_id.distinct()))
        .join(Membership, Membership.chapter_id == Chapter.id)
        .where(Membership.member_id.in_(select(took_part.c.member_id)), *of_chapters)
        .group_by(Chapter.id, Chapter.name)
        .order_by(Chapter.name, Chapter.id)
    ):
        found[name if name not in found else f"{name} ({chapter_id})"] = many
    total = db.session.scalar(select(func.count()).select_from(took_part)) or 0
    unnamed = (
        db.session.scalar(select(func.sum(Action.unnamed)).where(*asked.wanted.of_actions())) or 0
    )
    rows = _by_chapter(found, audience)
    said = ngettext(
        "%(many)s member took part by name.", "%(many)s members took part by name.", total,
        many=number(total),
    )  # fmt: skip
    tally = ngettext(
        "%(many)s piece or act was by people nobody named.",
        "%(many)s pieces and acts were by people nobody named.", unnamed, many=number(unnamed),
    )  # fmt: skip
    more = [_("A member of two chapters counts in each, and once in the total.")] if rows else []
    return Extract(
        name="participation",
        title=_("Members who took part"),
        columns=(
            Column("chapter", _("Chapter"), width=36),
            Column("members", _("Members"), Kind.NUMBER, 10),
        ),
        rows=rows,
        keys=[row[0] for row in rows],
        totals=(_("Total"), total),
        told=" ".join([said, tally, *more]),
        counts="members",
        more={"members": total, "chapters": len(found), "unnamed": int(unnamed)},
    )


def _by_chapter(found: Mapping[str, int], audience: Audience) -> list[Row]:
    if not found:
        return []
    if audience.participation is ByChapter.WHOLE:
        return []
    if audience.participation is ByChapter.OWN:
        return list(found.items())
    alone, joined = together(found)
    rows: list[Row] = [(name, found[name]) for name in alone]
    if joined:
        label = ngettext("%(num)s smaller group", "%(num)s smaller groups together", len(joined))
        rows.append((label, sum(found[name] for name in joined)))
    return rows


def places(asked: Question) -> list[Extract]:
    """Where outreach went, by state and by country: what the maps draw."""
    found = where(asked.wanted)
    return [
        _places(name, title, listed)
        for name, title, listed in (
            ("by-state", _("Where it went in the United States"), found.states),
            ("by-country", _("Where it went in the world"), found.countries),
        )
        if listed
    ]


def _places(name: str, title: str, listed: Sequence[Place]) -> Extract:
    rows = sorted(listed, key=lambda each: (-each.times, each.name))
    return Extract(
        name=name,
        title=title,
        columns=(
            Column("place", _("Place"), width=28),
            Column("code", _("Code"), width=8),
            Column("targets", _("Targets"), Kind.NUMBER, 10),
            Column("times", _("Reached"), Kind.NUMBER, 10),
        ),
        rows=[(each.name, each.code, each.targets, each.times) for each in rows],
        keys=[each.code for each in rows],
        totals=(_("Total"), "", sum(each.targets for each in rows),
                sum(each.times for each in rows)),
        told=_("What reached targets there; an act that reached several counts for each."),
        counts="times",
        more={"map": "us" if name == "by-state" else "world"},
    )  # fmt: skip


def reconciliation(made: Sequence[Extract]) -> Extract:
    """How each table's rows and its total fit, one below the other."""
    rows = {each.title: each.told for each in made if each.counts and each.told}
    return Extract(
        name="reconciliation",
        title=_("How each table adds up"),
        columns=(Column("what", _("Table"), width=26), Column("told", _("How"), width=80)),
        rows=list(rows.items()),
        keys=list(rows),
        holds=all(each.holds for each in made),
    )


def sources(made: Sequence[Extract], on: date) -> Extract:
    """Where each table's figures come from, and of which day they are."""
    rows: list[Row] = []
    for each in made:
        if each.name == "indicators":
            at = {column.key: place for place, column in enumerate(each.columns)}
            rows += [
                (f"{row[at['objective']]} {row[at['indicator']]}", row[at["source"]] or "–",
                 row[at["value_on"]], each.more["details"][key]["link"])
                for key, row in zip(each.keys, each.rows, strict=True)
            ]  # fmt: skip
    counted = [each.title for each in made if each.name != "indicators"]
    if counted:
        tables = ", ".join(dict.fromkeys(counted))
        rows.append((tables, _("Counted from what was logged in this system"), on, ""))
    seen: dict[str, Row] = {str(row[0]): row for row in rows}
    return Extract(
        name="sources",
        title=_("Sources"),
        columns=(
            Column("what", _("Figure"), width=40),
            Column("source", _("Where from"), width=44),
            Column("on", _("Of"), Kind.DATE, 12),
            Column("link", _("Link"), width=30),
        ),
        rows=list(seen.values()),
        keys=list(seen),
    )
