"""What the doctor says of one thing: the shape all its parts share."""

from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How grave a finding is."""

    GOOD = "ok"
    NOTE = "note"
    STOP = "STOP"


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    level: Level
    about: str
    text: str

    @property
    def stops(self) -> bool:
        """Whether the CRM cannot run like this."""
        return self.level is Level.STOP


def good(about: str, said: str) -> Finding:
    return Finding(Level.GOOD, about, said)


def note(about: str, said: str) -> Finding:
    return Finding(Level.NOTE, about, said)


def stop(about: str, said: str) -> Finding:
    return Finding(Level.STOP, about, said)
