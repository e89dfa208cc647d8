"""The reader's language, time zone and today."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from functools import cache, lru_cache, partial
from gettext import NullTranslations
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, dates
from babel.numbers import format_decimal
from flask import Flask, current_app, has_request_context
from flask_babel import Babel, Domain, format_date, format_time, get_locale
from flask_login import current_user
from jinja2 import pass_context
from jinja2.runtime import Context

#: Languages the strings are translated into.
LANGUAGES = {"en": "English"}


class _Counting(Domain):
    """Sentences whose `%(num)s` is written as the reader writes numbers: `12,345 letters`."""

    def __init__(self) -> None:
        super().__init__()
        #: Catalogues that were read. Flask-Babel keeps them too, but looks for them four times as
        #: long as the looking up of a string takes, and a page shows a hundred and fifty.
        self._read: dict[Locale | None, NullTranslations] = {}

    def get_translations(self) -> NullTranslations:
        """The catalogue of the reader's language."""
        locale = get_locale()
        found = self._read.get(locale)
        if found is None:
            found = self._read[locale] = super().get_translations()
        return found

    def ngettext(self, singular: str, plural: str, num: Any, **variables: Any) -> str:
        found = self.get_translations().ngettext(singular, plural, num)
        return found % {"num": _written(num), **variables}


def _written(num: Any) -> Any:
    # Small ones, nearly all there are, need no grouping and no time for it.
    return num if -1000 < num < 1000 else format_decimal(num, locale=get_locale())


def init_app(app: Flask) -> None:
    """Choose language and time zone for each request."""
    Babel(app, locale_selector=language, timezone_selector=timezone_name)
    domain = app.extensions["babel"].instance.domain_instance = _Counting()
    app.jinja_env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: domain.get_translations().gettext(text),
        lambda one, many, n: domain.get_translations().ngettext(one, many, n),
        newstyle=True,
    )
    of_templates: Any = app.jinja_env.globals["ngettext"]

    @pass_context
    def counting(context: Context, one: str, many: str, num: Any, **values: Any) -> Any:
        return of_templates(context, one, many, num, **{"num": _written(num), **values})

    app.jinja_env.globals["ngettext"] = counting
    app.add_template_filter(day, "day")
    app.add_template_filter(moment, "moment")


def language() -> str:
    """The signed-in person's language, else the application's."""
    chosen = getattr(current_user, "language", None) if has_request_context() else None
    return chosen if chosen in LANGUAGES else str(current_app.config["BABEL_DEFAULT_LOCALE"])


def timezone_name() -> str:
    """The signed-in person's time zone, else the application's."""
    chosen = getattr(current_user, "timezone", None) if has_request_context() else None
    default = str(current_app.config["BABEL_DEFAULT_TIMEZONE"])
    return chosen if chosen and chosen in timezones() else default


def timezones() -> frozenset[str]:
    """All zones a person may choose."""
    global _timezones
    if _timezones is None:
        _timezones = frozenset(available_timezones())
    return _timezones


_timezones: frozenset[str] | None = None


def today() -> date:
    """The date where the reader is."""
    return datetime.now(UTC).astimezone(ZoneInfo(timezone_name())).date()


def day(value: date | None) -> str:
    """A date the way the reader writes it; empty for none."""
    return days()(value)


def days() -> Callable[[date | None], str]:
    """What writes dates so. A table asks for it once, and not for each cell."""
    return _days(get_locale())


@cache
def _days(locale: Locale | None) -> Callable[[date | None], str]:
    written = lru_cache(maxsize=4096)(partial(dates.format_date, format="medium", locale=locale))

    def told(value: date | None) -> str:
        if value.__class__ is date:
            return str(written(value))
        # A moment is of the day that it is where the reader is.
        return format_date(value, "medium") if value else ""

    return told


def moment(value: datetime | None) -> str:
    """A moment in the reader's time zone, to the minute; empty for none."""
    if not value:
        return ""
    both = (get_locale() or Locale("en")).datetime_formats["medium"]
    parts = (format_time(value, "short"), format_date(value, "medium"))
    return str(both).format(*parts)
