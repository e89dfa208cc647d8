"""The reader's language, time zone and today."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo, available_timezones

from flask import Flask, current_app, has_request_context
from flask_babel import Babel, format_date, format_datetime
from flask_login import current_user

#: Languages the strings are translated into.
LANGUAGES = {"en": "English"}


def init_app(app: Flask) -> None:
    """Choose language and time zone for each request."""
    Babel(app, locale_selector=language, timezone_selector=timezone_name)
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
    return format_date(value, "medium") if value else ""


def moment(value: datetime | None) -> str:
    """A moment in the reader's time zone; empty for none."""
    return format_datetime(value, "medium") if value else ""
