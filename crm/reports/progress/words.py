"""What a progress report says in sentences: every number of them stands in one of its tables."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from crm.campaigns.indicator_rules import STANDINGS, Standing
from crm.campaigns.models import Campaign, Strategy
from crm.core import db
from crm.core.shell import number
from crm.core.tables import Share
from crm.members.models import Chapter
from crm.reports.extracts import Extract


def cell(found: Extract | None, key: str) -> Any:
    """The total of a column; None without the table."""
    if found is None or found.totals is None:
        return None
    keys = [column.key for column in found.columns]
    return found.totals[keys.index(key)] if key in keys else None


def _named(made: Sequence[Extract]) -> dict[str, Extract]:
    named: dict[str, Extract] = {}
    for each in made:
        named.setdefault(each.name, each)
    return named


def _rows(found: Extract) -> int:
    """How many rows there are, shown or not."""
    return int(found.more.get("rows", len(found.rows)))


def figures(made: Sequence[Extract]) -> list[tuple[str, int | str]]:
    """The key figures, as label and number, or what is written where it is more than one."""
    named = _named(made)
    found: list[tuple[str, int | str]] = []
    by_campaign, by_target = named.get("activity-by-campaign"), named.get("activity-by-target")
    if by_campaign is not None:
        found.append((_("Pieces and acts"), cell(by_campaign, "pieces") or 0))
    if by_target is not None:
        found.append((_("Targets reached"), by_target.more.get("rows", len(by_target.rows))))
        rate = cell(by_target, "rate")
        if isinstance(rate, Share) and rate.of:
            found.append((_("Answers"), cell(by_target, "answers") or 0))
            found.append((_("Answered"), str(rate)))
    took = named.get("participation")
    if took is not None:
        found.append((_("Members who took part"), took.more["members"]))
    told = _standings(named.get("indicators"))
    if told:
        done = sum(told[each] for each in (Standing.REACHED, Standing.ON_COURSE))
        found.append((_("Indicators reached or on course"),
                      _("%(done)s of %(all)s", done=done, all=sum(told.values()))))  # fmt: skip
    return found


def _standings(found: Extract | None) -> Counter[str]:
    if found is None:
        return Counter()
    return Counter(each["standing"] for each in found.more["details"].values())


def sentences(made: Sequence[Extract], head: Mapping[str, Any]) -> list[str]:
    """The summary in words, a paragraph each."""
    named = _named(made)
    said = [each for each in (head["told_as_of"], head["over"]) if each]
    said += _of_indicators(named.get("indicators"))
    by_campaign, by_target = named.get("activity-by-campaign"), named.get("activity-by-target")
    if by_campaign is not None:
        said.append(_of_activity(by_campaign, by_target, head))
    took = named.get("participation")
    if took is not None and took.more["members"]:
        said.append(took.told)
    return said


def _of_activity(done: Extract, reached: Extract | None, head: Mapping[str, Any]) -> str:
    if not cell(done, "pieces"):
        return _("Nothing was logged in this period.")
    campaigns = ngettext("%(num)s campaign", "%(num)s campaigns", len(done.rows))
    text = _("In the period (%(period)s) outreach was logged for %(campaigns)s. %(told)s",
             period=head["period"], campaigns=campaigns, told=done.told)  # fmt: skip
    rate = cell(reached, "rate")
    if reached is None or not isinstance(rate, Share):
        return text
    rows = _rows(reached)
    targets = ngettext("%(many)s target", "%(many)s targets", rows, many=number(rows))
    answers = ngettext("%(many)s answer came", "%(many)s answers came",
                       cell(reached, "answers") or 0,
                       many=number(cell(reached, "answers") or 0))  # fmt: skip
    more = _("It reached %(targets)s; %(answers)s.", targets=targets, answers=answers)
    if rate.of:
        more += " " + _("Of what waits for an answer, %(rate)s was answered.", rate=rate)
    return f"{text} {more}"


def _of_indicators(found: Extract | None) -> list[str]:
    told = _standings(found)
    if found is None or not told:
        return []
    parts = [f"{number(told[each])} {str(STANDINGS[each]).lower()}" for each in STANDINGS
             if told[each]]  # fmt: skip
    number_of = ngettext("%(num)s indicator", "%(num)s indicators", sum(told.values()))
    return [
        _("The strategy is measured by %(indicators)s: %(parts)s.",
          indicators=number_of, parts=", ".join(parts))
    ]  # fmt: skip


def name_of(model: type[Any], slug: str) -> str:
    """The name of a strategy, campaign or chapter; its address where it is gone."""
    return db.session.scalar(select(model.name).where(model.slug == slug)) or slug


def organisation(strategy: Strategy | None, campaign: Campaign | None, chapter: str | None) -> str:
    """Whose report it is: the chapter chosen, the strategy's, the campaign's, else the network."""
    if chapter:
        return name_of(Chapter, chapter)
    if strategy is not None:
        return strategy.chapter.name
    if campaign is not None and campaign.chapters:
        return min(campaign.chapters, key=lambda each: each.path).name
    root = select(Chapter.name).where(Chapter.parent_id.is_(None)).order_by(Chapter.id).limit(1)
    return db.session.scalar(root) or ""
