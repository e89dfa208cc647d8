"""The frame round every page: navigation, search, and panels that higher rooms hang on lower pages.

A room registers what it offers in its `init_app`; templates loop over what is registered.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from babel.numbers import format_decimal
from flask import Flask, current_app, request
from flask_babel import get_locale
from flask_login import current_user

from crm.core import access
from crm.core.access import Can


@dataclass(frozen=True)
class NavItem:
    """A line of the left navigation, shown to those who hold `can`."""

    label: Any
    endpoint: str
    icon: str
    can: Can
    order: int
    #: The first part of the addresses it stands for, several parted by a blank: `members chapters`;
    #: or one whole address: `tasks/today`.
    prefix: str


@dataclass(frozen=True)
class Hit:
    """One thing the search found."""

    label: str
    detail: str
    url: str


@dataclass(frozen=True)
class Panel:
    """A part of a record's page. `load(record)` gives the template's variables, or None to hide."""

    order: int
    template: str
    load: Callable[[Any], dict[str, Any] | None]


@dataclass
class Shell:
    """What the rooms have registered."""

    nav: list[NavItem] = field(default_factory=list)
    panels: dict[str, list[Panel]] = field(default_factory=dict)
    searches: list[tuple[Any, Can, Callable[[str, int], Sequence[Hit]]]] = field(
        default_factory=list
    )


def shell(app: Flask | None = None) -> Shell:
    """The registry of the application."""
    result: Shell = (app or current_app).extensions["crm_shell"]
    return result


def add_nav(app: Flask, item: NavItem) -> None:
    """Add a line to the left navigation."""
    nav = shell(app).nav
    nav.append(item)
    nav.sort(key=lambda each: each.order)


def add_panel(app: Flask, page: str, panel: Panel) -> None:
    """Hang a panel on a record's page (`target`, `member`, `chapter`, `campaign`, `text`, `front`).

    A member's page has more places: `member-consent` and `member-aside` at the right and
    `member-actions` beside the name; the page that says how to reach them has `member-contact`,
    the list of members `members-actions` and the menu `members-more`. `me` is a member's own page,
    where nothing stands of others; `user` somebody who signs in; `forget` what a forgotten member
    leaves behind. What stands above all else on the front page is `front-top`; `front` is of those
    who coordinate or look on, `front-whole` of staff, `front-plain` of those who only look on.
    """
    panels = shell(app).panels.setdefault(page, [])
    panels.append(panel)
    panels.sort(key=lambda each: each.order)


def add_search(
    app: Flask, heading: Any, can: Can, find: Callable[[str, int], Sequence[Hit]]
) -> None:
    """Let the search box find something: `find(query, limit)` gives the best hits."""
    shell(app).searches.append((heading, can, find))


def panels(page: str, record: Any) -> list[tuple[str, dict[str, Any]]]:
    """Template and variables of each panel of a record's page."""
    loaded = ((panel.template, panel.load(record)) for panel in shell().panels.get(page, []))
    return [(template, values) for template, values in loaded if values is not None]


def search(query: str, limit: int) -> list[tuple[Any, Sequence[Hit]]]:
    """What the query finds, by heading, of what the reader may see."""
    return [
        (heading, hits)
        for heading, can, find in shell().searches
        if access.may(current_user, can) and (hits := find(query, limit))
    ]


def init_app(app: Flask) -> None:
    """Give templates the navigation and the question `may(Can.X)`."""
    app.extensions["crm_shell"] = Shell()
    app.jinja_env.globals.update(
        Can=Can,
        may=lambda can, *chapter_ids: access.may(current_user, can, *chapter_ids),
        get_locale=get_locale,
        here_with=here_with,
        numbers=numbers,
        described=described,
        navigation=lambda: [item for item in shell().nav if access.may(current_user, item.can)],
    )
    app.add_template_filter(number, "number")


def here_with(**changes: Any) -> str:
    """The present address with some of its query changed; None takes a part away."""
    query = request.args.to_dict(flat=False)
    for name, value in changes.items():
        query[name] = [] if value is None else [str(value)]
    pairs = [(name, value) for name, values in query.items() for value in values if value]
    return f"{request.path}?{urlencode(pairs)}" if pairs else request.path


def described(told: Sequence[str], errors: Sequence[str], more: dict[str, Any]) -> dict[str, Any]:
    """Attributes that tie a field to its help and its error."""
    attributes = dict(more)
    if told:
        attributes["aria-describedby"] = " ".join(told)
    if errors:
        attributes["aria-invalid"] = "true"
    return attributes


def number(value: Any) -> str:
    """A number the way the reader writes it; a dash for none."""
    return numbers()(value)


def numbers() -> Callable[[Any], str]:
    """What writes numbers so. A table asks for it once, and not for each cell."""
    return _numbers(get_locale())


@cache
def _numbers(locale: Locale | None) -> Callable[[Any], str]:
    # A page of a report writes hundreds of numbers, most of them small and many of them the same.
    return lru_cache(maxsize=4096)(
        lambda value: "–" if value is None else format_decimal(value, locale=locale)
    )
