"""Live figures of a text: as the ledger has them on a day, as they were approved, and whether
the two still agree."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from babel import Locale
from babel.numbers import format_decimal

from crm.core.errors import Refused
from crm.texts.fields import FLAGS, figure_of
from crm.texts.models import TextVersion
from crm.texts.rules import names_in
from crm.treaties import figures, queries
from crm.treaties.figures import Figure
from crm.treaties.queries import Ledger


@dataclass(frozen=True)
class Stale:
    """A figure that is another one now than it was when the text was approved."""

    name: str
    label: str
    was: str
    was_on: str
    now: str


def keys_of(version: TextVersion) -> dict[str, str]:
    """Key → name of every field the version uses. Raises `Refused` as `rules.parse` does."""
    return names_in(version.subject, version.body)


def asks_ledger(keys: Iterable[str]) -> bool:
    """Whether any of the fields is read from the ledger."""
    return any(key in FLAGS or _may_be_figure(key) for key in keys)


def _may_be_figure(key: str) -> bool:
    return figure_of(key.partition("@")[0]) is not None


def figures_of(keys: Iterable[str], *, on: date, ledger: Ledger) -> dict[str, Figure]:
    """The live figures among some fields, by key, as of a day. What is none is left out."""
    found = {}
    for key in keys:
        if _may_be_figure(key) and (name := figure_of(key, ledger)) is not None:
            try:
                found[key] = figures.figure(name, on=on, ledger=ledger)
            except Refused:
                continue
    return found


def frozen(found: Mapping[str, Figure]) -> dict[str, Any]:
    """What an approval keeps of the figures: by key."""
    return {
        key: {
            "name": each.name,
            "value": each.value,
            "label": str(each.label),
            "on": each.on.isoformat(),
            "source": str(each.source),
        }
        for key, each in found.items()
    }


def stale(version: TextVersion, now: Mapping[str, Figure]) -> list[Stale]:
    """Figures that changed since the version was approved; nothing of one that is not approved."""
    if version.approved_at is None:
        return []
    return [
        Stale(
            name=str(was["name"]),
            label=str(was["label"]),
            was=written(was["value"], Locale("en")),
            was_on=str(was["on"]),
            now=written(now[key].value, Locale("en")) if key in now else "–",
        )
        for key, was in version.figures.items()
        if key not in now or now[key].value != was["value"]
    ]


def stale_ids(versions: Iterable[TextVersion], *, on: date) -> set[int]:
    """Those of the approved versions whose figures changed: two statements for all of them."""
    asked = [each for each in versions if each.approved_at is not None and each.figures]
    if not asked:
        return set()
    ledger = queries.ledger()
    keys = {key for each in asked for key in each.figures}
    now = figures_of(keys, on=on, ledger=ledger)
    return {each.id for each in asked if stale(each, now)}


def written(value: Any, locale: Locale) -> str:
    """A number the way the text's language writes it."""
    return str(format_decimal(value, locale=locale))
