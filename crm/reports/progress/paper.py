"""The progress report as a document people sign: `templates/print/progress.typ`.

All the template gets is text and numbers, written here the way the reader writes them.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from babel.dates import format_skeleton
from flask_babel import format_datetime, get_locale
from flask_babel import gettext as _

from crm.campaigns.indicator_rules import RULE
from crm.campaigns.indicator_rules import written as value_written
from crm.core import pdf
from crm.core.i18n import day
from crm.core.shell import number
from crm.core.tables import Column, Kind, Row
from crm.reports.extracts import Extract
from crm.reports.progress.document import Document, Section
from crm.reports.progress.pictures import Picture, across, narrowed, pictures
from crm.reports.rules import written

#: Bytes of data: an appendix has some hundred rows.
MOST_DATA = 4_000_000
#: Rows of a table that is not broken over pages.
_WHOLE = 14
#: Sections of one table.
_ALONE = ("reconciliation", "sources", "appendix")
#: Width of a drawing, in its own units; what part of the paper's it takes.
_DRAWING = 740
_PART = {"map-us": 66}
#: Rows a table shows within the text; the appendix and the files have all.
_SHOWN = 24


def paper(
    found: Document,
    *,
    paper: str,
    made: datetime,
    made_by: str,
    names: Mapping[str, Any] | None = None,
) -> bytes:
    """The PDF. `names` are first names by chapter, of those who may be named."""
    data = data_of(found, made=made, made_by=made_by, names=names)
    return pdf.render("progress", data, paper=paper, seconds=60, most=MOST_DATA)


def data_of(
    found: Document, *, made: datetime, made_by: str, names: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the template reads."""
    head = found.head
    moment = format_datetime(made, "d MMMM y", rebase=False)
    data: dict[str, Any] = {
        "lang": str(getattr(get_locale(), "language", "en")),
        "title": found.title,
        "about": head["about"],
        "summary": head["summary"],
        "organisation": head["organisation"],
        "period": head["period"],
        "approved": head["approved"],
        "facts": [list(pair) for pair in found.facts],
        "made": _("Made on %(day)s by %(name)s", day=moment, name=made_by),
        "signed": [_("Date"), _("Signature")],
        "words": {
            "contents": _("Contents"), "page": _("Page"), "of": _("of"),
            "for": _("For: %(whom)s", whom=head["audience"]), "as_of": _("As of %(day)s",
            day=head["as_of"]), "continued": _("continued"), "campaigns": _("Campaigns"),
            "baseline": _("Baseline"), "before": _("Before"), "value": _("Value"),
            "target": _("Target"), "stands": _("How it stands"), "indicator": _("Indicator"),
            "total": _("Total, each counted once"), "less": _("less is better"),
            "nothing": _("Nothing measures this objective yet."), "rule": str(RULE),
            "none": _("Nothing in this period."),
        },
        "sections": [_section(section, tables, found) for section, tables in found.sections],
        "note": "",
    }  # fmt: skip
    if names:
        for section in data["sections"]:
            if section["key"] == "participation":
                section["blocks"].append({"kind": "names", **names})
    if lacking := pdf.unprintable(_texts(data)):
        data["note"] = _(
            "This paper may lack letters it has no font for: %(letters)s. The page shows them.",
            letters=" ".join(lacking),
        )
    return data


def _section(section: Section, tables: list[Extract], whole: Document) -> dict[str, Any]:
    blocks: list[dict[str, Any]] = []
    for each in map(across, tables):
        if section.key == "summary":
            blocks.append({"kind": "words", "paragraphs": list(each.more["words"])})
            blocks.append(
                {
                    "kind": "figures",
                    "items": [[v if isinstance(v, str) else number(v), k] for k, v in each.rows],
                }
            )
            blocks += [_glance(one) for one in whole.extracts if one.name == "indicators"]
        elif each.name == "indicators":
            blocks.append(_goals(each))
        else:
            blocks += _table(section, each)
    return {
        "key": section.key,
        "title": str(section.title),
        "lead": str(section.lead),
        "blocks": blocks,
    }


def _table(section: Section, found: Extract) -> list[dict[str, Any]]:
    is_whole = section.key == "appendix"
    drawings = [] if is_whole else [_drawn(each) for each in pictures(found)]
    found = narrowed(found, whole=is_whole)
    most = len(found.rows) if section.key in _ALONE else _SHOWN
    rows = [_cells(found, row) for row in found.rows[:most]]
    totals = None
    if found.totals is not None and rows and any(found.totals[1:]):
        is_wide = found.columns[0].kind is Kind.TEXT
        label = _("Total, each counted once") if is_wide else _("Total")
        totals = [label, *_cells(found, found.totals)[1:]]
    notes = [found.told, *found.limits] if found.told else list(found.limits)
    if len(found.rows) > most:
        notes.insert(0, _("The first %(shown)s of %(all)s; a file has all.", shown=most,
                          all=len(found.rows)))  # fmt: skip
    return [
        {
            "kind": "table",
            # A section of one table needs no second title.
            "title": "" if section.key in _ALONE else found.title,
            "pictures": drawings,
            "columns": [
                {"label": str(each.label), "num": each.kind in (Kind.NUMBER, Kind.SHARE),
                 "fits": each.kind is not Kind.TEXT, "width": max(each.width, 8)}
                for each in found.columns
            ],
            "rows": rows,
            "totals": totals,
            "notes": notes,
            "holds": found.holds,
            # A short table stays in one piece with its total and its words.
            "whole": len(rows) <= _WHOLE,
        }
    ]  # fmt: skip


def _cells(found: Extract, row: Row) -> list[str]:
    return [_written(column, cell) for column, cell in zip(found.columns, row, strict=True)]


def _drawn(picture: Picture) -> dict[str, Any]:
    return {
        "title": str(picture.title),
        "alt": f"{picture.title}: {picture.summary}",
        "svg": picture.still(_DRAWING),
        "part": _PART.get(getattr(picture, "name", ""), 100),
    }


def _written(column: Column, value: Any) -> str:
    # Months are short here, and a day is one in whatever column it stands.
    if column.kind is Kind.MONTH and value:
        return str(format_skeleton("yMMM", value, locale=get_locale() or "en"))
    return day(value) if isinstance(value, date) else written(column, value)


def _goals(found: Extract) -> dict[str, Any]:
    rows = dict(zip(found.keys, found.rows, strict=True))
    at = {column.key: place for place, column in enumerate(found.columns)}

    def indicator(key: str) -> dict[str, Any]:
        row, detail = rows[key], found.more["details"][key]
        way = row[at["way"]]
        return {
            "text": row[at["indicator"]],
            "unit": row[at["unit"]],
            "baseline": value_written(row[at["baseline"]]),
            "before": value_written(row[at["before"]]),
            "value": value_written(row[at["value"]]),
            "value_on": day(row[at["value_on"]]),
            "target": value_written(row[at["target"]]),
            "due": _("by %(day)s", day=day(row[at["due"]])) if row[at["due"]] else "",
            "way": way,
            "told": _("%(part)s%% of the way", part=way) if way is not None else "",
            "standing": detail["standing"],
            "standing_told": row[at["standing"]],
            "source": row[at["source"]] or _("no source yet"),
            "falls": detail["falls"],
        }

    return {
        "kind": "goals",
        "goals": [
            {
                **goal,
                "objectives": [
                    {**each, "indicators": [indicator(key) for key in each["indicators"]]}
                    for each in goal["objectives"]
                ],
            }
            for goal in found.more["tree"]
        ],
        "told": found.told,
    }


def _glance(found: Extract) -> dict[str, Any]:
    """The objectives in a line each: the mean way of their indicators, and how those stand."""
    rows = dict(zip(found.keys, found.rows, strict=True))
    at = {column.key: place for place, column in enumerate(found.columns)}
    lines = []
    for goal in found.more["tree"]:
        for each in goal["objectives"]:
            of_it = [rows[key] for key in each["indicators"]]
            ways = [row[at["way"]] for row in of_it if row[at["way"]] is not None]
            told = [row[at["standing"]] for row in of_it]
            lines.append(
                {
                    "code": each["code"],
                    "text": each["text"],
                    "way": round(sum(ways) / len(ways)) if ways else None,
                    "told": ", ".join(
                        f"{told.count(word)} {word.lower()}" for word in dict.fromkeys(told)
                    ) or _("not measured yet"),
                }
            )  # fmt: skip
    return {
        "kind": "glance",
        "title": _("Objectives at a glance"),
        "lead": _("The bar is the mean way of an objective’s indicators to their last targets."),
        "heads": [_("Objective"), _("Way"), _("Indicators")],
        "lines": lines,
    }


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _texts(each)]
    return []
