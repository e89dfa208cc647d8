"""Which backups are kept, by their moments alone, and how their files are named. Pure."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

_NAME = re.compile(r"crm-(\d{4}-\d{2}-\d{2}T\d{6})Z\.(?:tar\.gz|tar\.gz\.age|sealed\.tar)")
_MOMENT = "%Y-%m-%dT%H%M%S"


@dataclass(frozen=True)
class Keep:
    """How many days, weeks and months keep their last backup."""

    daily: int = 7
    weekly: int = 5
    monthly: int = 12

    @classmethod
    def parse(cls, text: str) -> "Keep":
        """`7,5,12`. Raises ValueError."""
        parts = [part.strip() for part in text.split(",")]
        if len(parts) != 3 or not all(part.isascii() and part.isdecimal() for part in parts):
            raise ValueError(text)
        found = cls(*map(int, parts))
        if found.daily < 1:
            raise ValueError(text)
        return found


def name_of(moment: datetime, *, sealed: str = "") -> str:
    """The name of a backup of this moment; `sealed` is empty, `recipient` or `passphrase`."""
    ending = {"": "tar.gz", "recipient": "tar.gz.age", "passphrase": "sealed.tar"}[sealed]
    return f"crm-{moment.astimezone(UTC).strftime(_MOMENT)}Z.{ending}"


def moment_of(name: str) -> datetime | None:
    """When the backup of this name was made; None for a name that is none of ours."""
    found = _NAME.fullmatch(name)
    if not found:
        return None
    try:
        return datetime.strptime(found[1], _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None


def kept(moments: Iterable[datetime], keep: Keep) -> set[datetime]:
    """Those that stay: the newest of each of the last days, weeks and months that have any.

    Days without a backup do not count: who pauses for a month loses nothing by it.
    """
    newest_first = sorted(set(moments), reverse=True)
    found: set[datetime] = set(newest_first[:1])
    for most, part in (
        (keep.daily, lambda moment: moment.date()),
        (keep.weekly, lambda moment: moment.isocalendar()[:2]),
        (keep.monthly, lambda moment: (moment.year, moment.month)),
    ):
        seen: set[Any] = set()
        for moment in newest_first:
            which = part(moment)
            if which not in seen and len(seen) < most:
                seen.add(which)
                found.add(moment)
    return found


def dropped(names: Collection[str], keep: Keep) -> list[str]:
    """The files the rule lets go, the oldest first. A name that is none of ours is never one."""
    moments = {name: moment for name in names if (moment := moment_of(name)) is not None}
    staying = kept(moments.values(), keep)
    going = [name for name, moment in moments.items() if moment not in staying]
    return sorted(going, key=lambda name: moments[name])
