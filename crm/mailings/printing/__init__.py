"""A pack on paper: letters, cards, labels, envelopes, and sheets for those who write.

What can be printed is found out first (`checking`), then set outside of any transaction (`data`,
`sheets`, and the templates), then kept: where each went, in which words, who left by name. A print
counts nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import db, files, links, pdf
from crm.core.errors import Refused
from crm.mailings.models import Mailing, Piece
from crm.mailings.operations import keep_print
from crm.mailings.printing import data
from crm.mailings.printing.checking import Checked, Ready, check
from crm.mailings.printing.papers import LABEL_SHEETS, LABELS, Kind, Wish
from crm.mailings.printing.sheets import Pack, of_sheets
from crm.mailings.rules import State
from crm.members import departures
from crm.members.consent_rules import Purpose
from crm.members.disclosure import Exit, Viewer, allowed, disclose
from crm.tasks.models import Task
from crm.texts import own_fields
from crm.texts.own_fields import OwnField

#: Pieces of one document, and of one that is only looked at.
MOST, MOST_LOOKED_AT = 2_000, 12
#: Seconds and bytes a document of that many may take.
SECONDS, MOST_DATA = 60, 32_000_000


@dataclass(frozen=True)
class Which:
    """Which pieces of a pack are meant; those that were posted never are."""

    #: Of these members alone, None for those nobody has; empty for all.
    members: frozenset[int | None] = frozenset()
    #: Only what was never printed.
    unprinted: bool = False
    #: Numbers in the pack, from and to.
    first: int | None = None
    last: int | None = None


@dataclass(frozen=True)
class Printed:
    """A document, and how many pieces are in it."""

    body: bytes
    pieces: int
    left_out: int


def chosen(mailing_id: int, which: Which = Which()) -> list[Piece]:
    """The pieces that are meant, in their order."""
    found = select(Piece).where(Piece.mailing_id == mailing_id, Piece.state != State.POSTED)
    if which.members:
        ids = {each for each in which.members if each is not None}
        theirs = Piece.member_id.in_(ids)
        found = found.where(theirs | Piece.member_id.is_(None) if None in which.members else theirs)
    if which.unprinted:
        found = found.where(Piece.prints == 0)
    if which.first is not None:
        found = found.where(Piece.number >= which.first)
    if which.last is not None:
        found = found.where(Piece.number <= which.last)
    return list(db.session.scalars(found.order_by(Piece.number)))


def print_pack(
    mailing: Mailing,
    how: str,
    *,
    paper: str = "letter",
    by: User | None,
    viewer: Viewer,
    today: date,
    piece_ids: Collection[int] | None = None,
    **more: Any,
) -> bytes:
    """Print what can be printed of a pack; the interface for other rooms and the command.

    `how` and `more` are those of `Wish`. What is hindered is left out.
    """
    wish = Wish(Kind(how), paper=paper, **more)
    pieces = chosen(mailing.id)
    if piece_ids is not None:
        pieces = [each for each in pieces if each.id in set(piece_ids)]
    checked = look(mailing, pieces, wish, viewer=viewer, today=today)
    return print_checked(mailing, checked, wish, by=by, viewer=viewer, today=today).body


def look(
    mailing: Mailing, pieces: Sequence[Piece], wish: Wish, *, viewer: Viewer, today: date
) -> Checked:
    """The merge check of what is wished for. Raises `Refused` for what no paper can be."""
    if mailing.closed_at is not None:
        raise Refused(_("This pack is closed: nothing of it is printed any more."))
    if wish.kind is Kind.LABELS:
        count = LABEL_SHEETS[wish.labels].count
        if not 1 <= wish.start_at <= count:
            raise Refused(_("Begin with a label from 1 to %(most)s.", most=count), "start_at")
    most = MOST_LOOKED_AT if wish.is_preview else MOST
    if len(pieces) > most:
        if not wish.is_preview:
            raise Refused(
                _(
                    "These are %(pieces)s pieces, and at most %(most)s go into one document. "
                    "Print in parts: choose members, or give the first and last number.",
                    pieces=len(pieces),
                    most=most,
                )
            )
        pieces = pieces[:most]
    return check(mailing, pieces, wish, viewer=viewer, today=today)


def print_checked(
    mailing: Mailing,
    checked: Checked,
    wish: Wish,
    *,
    by: User | None,
    viewer: Viewer,
    today: date,
) -> Printed:
    """Set what was found printable, then keep that it was printed. A preview is not kept.

    Nothing may have been written before: setting lets go of the database.
    """
    if not checked.ready:
        raise Refused(_("Nothing of this can be printed. What is in the way stands below."))
    ready, version_id = checked.ready, checked.version.id
    what = f"{LABELS[wish.kind]}: {mailing.name}"
    template, filled, picture = _document(mailing, checked, wish, viewer, today)
    paper = _paper(wish)
    with _at_hand(picture) as path:
        body = pdf.render(
            template,
            filled,
            paper=paper,
            picture=path,
            # Most letters have one page; others number theirs.
            parts=len(ready) if wish.kind is Kind.LETTERS else None,
            # Only the sheets are read by whom they are about.
            tags=wish.kind is Kind.SHEETS,
            seconds=SECONDS,
            most=MOST_DATA,
        )
    _record_named(ready, wish, viewer, what, by, today)
    if not wish.is_preview:
        printed = {each.id: each.merged for each in ready}
        keep_print(list(printed), printed, version_id, by=by)
    return Printed(body, len(ready), len(checked.hindered))


@contextmanager
def _at_hand(picture: str | None) -> Iterator[Path | None]:
    """The picture as a file the typesetter can read."""
    if not picture:
        yield None
        return
    try:
        with files.at_hand(picture) as path:
            yield path
    except FileNotFoundError as error:
        raise Refused(
            _("The picture of this pack is not there any more. Choose another.")
        ) from error


def _paper(wish: Wish) -> str:
    return LABEL_SHEETS[wish.labels].paper if wish.kind is Kind.LABELS else wish.paper


def _document(
    mailing: Mailing, checked: Checked, wish: Wish, viewer: Viewer, today: date
) -> tuple[str, dict[str, Any], Any]:
    campaign = mailing.campaign.title or mailing.campaign.name
    if wish.kind is Kind.SHEETS:
        return "sheets", _sheets(mailing, checked, wish, viewer, campaign), None
    filled = data.of_pieces(
        checked.ready,
        wish,
        language=mailing.language,
        poster=campaign,
        by=mailing.chapter.name,
        on=max(mailing.planned_on, today),
        asked={each.key: each.asked for each in _by_hand(checked)},
    )
    picture = mailing.picture if wish.kind.is_card else None
    return "cards" if wish.kind.is_card else str(wish.kind), filled, picture


def _sheets(
    mailing: Mailing, checked: Checked, wish: Wish, viewer: Viewer, campaign: str
) -> dict[str, Any]:
    members = {each.member_id for each in checked.ready if each.member_id is not None}
    address = links.absolute("mailings.post", code=mailing.code)
    plain = address.partition("://")[2] or address
    return of_sheets(
        checked.ready,
        wish,
        Pack(
            name=mailing.name,
            code=mailing.code_written,
            link=address,
            campaign=campaign,
            chapter=mailing.chapter.name,
            text=mailing.text.name,
            version=checked.version.number,
            language=mailing.language,
            planned_on=mailing.planned_on,
            typed_at=plain.rpartition("/")[0],
            by_hand=_by_hand(checked),
        ),
        shown=disclose(members, to=viewer, exit=Exit.PRINT),
        due=_due([each.id for each in checked.ready]),
        with_leader=True,
    )


def _by_hand(checked: Checked) -> list[OwnField]:
    """Fields of the text that a pen fills."""
    return [each for each in own_fields.read(checked.version.fields) if each.kind == "hand"]


def _due(piece_ids: Sequence[int]) -> dict[int | None, date]:
    """When each member's task of these pieces is due; the earliest where there are several."""
    found: dict[int | None, date] = {}
    for some in db.batches(piece_ids):
        rows = db.session.execute(
            select(Piece.member_id, Task.due_on)
            .join(Task, Task.id == Piece.task_id)
            .where(Piece.id.in_(some), Task.due_on.is_not(None))
            .distinct()
        )
        for member_id, due in rows:
            if due is not None:
                found[member_id] = min(due, found.get(member_id, due))
    return found


def _record_named(
    ready: Sequence[Ready],
    wish: Wish,
    viewer: Viewer,
    what: str,
    by: User | None,
    today: date,
) -> None:
    """Keep who left by name: those who sign, or those whose sheets these are."""
    members = {each.member_id for each in ready if each.member_id is not None}
    if not members or not (wish.shows_words or wish.kind is Kind.SHEETS):
        return
    if wish.kind is Kind.SHEETS:
        departures.record(exit=Exit.PRINT, what=what, member_ids=members, by=by)
        return
    named = allowed(members, Purpose.FULL_NAME, today=today) | allowed(
        members, Purpose.FIRST_NAME, today=today
    )
    if named:
        departures.record(exit=Exit.LETTER, what=what, member_ids=named, by=by)
