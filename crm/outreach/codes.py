"""The code of one action, by which a reply that is forwarded finds it: `A-17-9F3A2C`.

The last six letters are a mark only we can make: who guesses numbers reaches no action, and a
misread digit is seen.
"""

import re

from crm.core import links

_WRITTEN = re.compile(r"\bA-?([0-9]{1,9})-([0-9a-f]{6})\b", re.IGNORECASE)
_MARK = 6


def code_of(action_id: int) -> str:
    """The code as people read and type it."""
    return f"A-{action_id}-{_mark(action_id)}"


def action_in(text: str) -> int | None:
    """The first action whose code stands in a text; None where none does."""
    for number, mark in _WRITTEN.findall(text):
        if _mark(int(number)) == mark.upper():
            return int(number)
    return None


def _mark(action_id: int) -> str:
    return links.mark("reply", action_id).partition(".")[2][:_MARK].upper()
