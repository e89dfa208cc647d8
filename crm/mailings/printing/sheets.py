"""The sheets of a pack: for the leader a list of who writes, for each student whom and what.

They stay in the chapter and name members as paper there may. The code stands on them alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import segno
from babel.dates import format_date
from flask_babel import gettext as _
from flask_babel import ngettext

from crm.core import pdf
from crm.mailings.printing import words
from crm.mailings.printing.checking import Ready
from crm.mailings.printing.data import common
from crm.mailings.printing.papers import Wish
from crm.members.disclosure import Shown
from crm.texts.fields import locale_of
from crm.texts.own_fields import OwnField


@dataclass(frozen=True)
class Pack:
    """What the sheets say of the pack itself. `link` is what is scanned once it is posted."""

    name: str
    code: str
    link: str
    campaign: str
    chapter: str
    text: str
    version: int
    language: str
    planned_on: date
    #: Where the code is typed, as a person types it.
    typed_at: str
    #: What of the text a pen fills.
    by_hand: Sequence[OwnField] = ()


def of_sheets(
    ready: Sequence[Ready],
    wish: Wish,
    pack: Pack,
    *,
    shown: Mapping[int, Shown],
    due: Mapping[int | None, date],
    with_leader: bool,
) -> dict[str, Any]:
    """What the template reads. `shown`: members as they may be named; `due`: by member."""
    by_member: dict[int | None, list[Ready]] = {}
    for each in ready:
        by_member.setdefault(each.member_id, []).append(each)

    def name_of(member_id: int | None) -> str:
        if member_id is None or member_id not in shown:
            return _("Not given to anybody yet")
        return shown[member_id].name

    # By name, and what is nobody's at the end.
    order = sorted(by_member, key=lambda each: (each is None, name_of(each).casefold(), each or 0))
    return {
        **common(wish, pack.language),
        "campaign": pack.campaign,
        "qr": segno.make(pack.link, error="m", micro=False).svg_inline(border=2, omitsize=True),
        "code": pack.code,
        "steps": [_("written"), _("addressed"), _("stamped")],
        "targets-title": _("Whom to write to"),
        "note": _note([name_of(each) for each in order]),
        "leader": _leader(by_member, [(name_of(each), each) for each in order], pack)
        if with_leader
        else None,
        "sheets": [
            {
                "name": name_of(each),
                "chapter": pack.chapter,
                "facts": [
                    *([[_("Pack"), pack.name]] if pack.name != pack.campaign else []),
                    [_("Pieces"), str(len(by_member[each]))],
                    _due(due.get(each), pack),
                    _words(pack),
                ],
                **_whom_and_what(by_member[each], pack.by_hand),
            }
            for each in order
        ],
    }


def _words(pack: Pack) -> list[str]:
    said = _("%(text)s, version %(number)s", text=pack.text, number=pack.version)
    return [_("Text"), said]


def _due(due: date | None, pack: Pack) -> list[str]:
    written_on = format_date(due or pack.planned_on, "long", locale=locale_of(pack.language))
    return [_("Due") if due else _("Write on"), written_on]


def _leader(
    by_member: Mapping[int | None, Sequence[Ready]],
    named: Sequence[tuple[str, int | None]],
    pack: Pack,
) -> dict[str, Any]:
    pieces = sum(map(len, by_member.values()))
    targets = {each.merged.target_id for some in by_member.values() for each in some}
    students = sum(member is not None for _name, member in named)
    return {
        "name": pack.name,
        "chapter": pack.chapter,
        "title": _("Who writes"),
        "facts": [
            [_("Pieces"), str(pieces)],
            [_("Written by"), ngettext("%(num)s member", "%(num)s members", students)],
            [_("Targets"), str(len(targets))],
            _due(None, pack),
            _words(pack),
        ],
        "pieces": _("pieces"),
        "steps": [_("handed out"), _("collected")],
        "rows": [[name, len(by_member[member])] for name, member in named],
        "sum": [_("Together"), pieces],
        "how": [
            _(
                "When the pack is posted: scan the code with a telephone, or open %(address)s and "
                "type %(code)s. Say how many were posted, if it was not all of them.",
                address=pack.typed_at,
                code=pack.code,
            )
        ],
        "note": _note([name for name, _member in named]),
    }


def _note(names: Sequence[str]) -> str:
    said = _("This sheet stays in the chapter. It is not posted.")
    if lacking := pdf.unprintable(names):
        lacks = _(
            "This paper may lack letters it has no font for: %(letters)s.",
            letters=" ".join(lacking),
        )
        return f"{said} {lacks}"
    return said


def _whom_and_what(some: Sequence[Ready], by_hand: Sequence[OwnField]) -> dict[str, Any]:
    """The targets of one member, and each text once, with what differs beside the targets."""
    asked = {each.key: each.asked for each in by_hand}
    hints = [[each.asked, each.help] for each in by_hand if each.help]
    groups = words.shared([(each.merged.subject, each.merged.body) for each in some], asked)
    slots = {index: pairs for group in groups for index, pairs in group.slots.items()}
    is_one = len(groups) == 1
    return {
        "targets": [
            {
                "number": number + 1,
                "envelope": words.line(each.merged.envelope),
                "address": [words.line(one) for one in each.merged.address],
                "slots": [[letter, words.line(said)] for letter, said in slots[number]],
            }
            for number, each in enumerate(some)
        ],
        "texts": [
            {
                "title": _("What to write")
                if is_one
                else _(
                    "What to write to %(numbers)s",
                    numbers=", ".join(str(index + 1) for index in group.of),
                ),
                "note": _("Where a letter stands in a box, write what stands beside it above.")
                if any(group.slots.values())
                else "",
                "subject": group.subject,
                "hints": hints,
                "body": group.body,
            }
            for group in groups
        ],
    }
