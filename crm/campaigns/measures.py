"""What a goal can count. The outreach room lies above this one and offers its channels here."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from flask import Flask, current_app
from flask_babel import ngettext


class Measure(Protocol):
    """What goals need to know of a channel."""

    @property
    def label(self) -> Any:
        """Its name on screen."""

    @property
    def count(self) -> Callable[[int], str]:
        """From a number to `150 postcards`."""


Measures = Callable[[], Mapping[str, Measure]]
_KEY = "crm_measures"


def init_app(app: Flask) -> None:
    """Begin without any."""
    app.extensions[_KEY] = dict[str, Measure]


def offer(app: Flask, measures: Measures) -> None:
    """Let goals count these, by the name that is kept in `Goal.channel`."""
    app.extensions[_KEY] = measures


def measures() -> Mapping[str, Measure]:
    """What goals can count, by name."""
    offered: Measures = current_app.extensions[_KEY]
    return offered()


def counted(channel: str | None, number: int) -> str:
    """`150 postcards`; without a channel, of all kinds."""
    if channel is None:
        return str(ngettext("%(num)s piece or act", "%(num)s pieces and acts", number))
    measure = measures().get(channel)
    return measure.count(number) if measure is not None else f"{number} {channel}"
