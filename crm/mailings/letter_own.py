"""What letters to members tell a member of themself, what of them a forgotten one leaves, and two
made one."""

from collections.abc import Sequence
from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Column, delete, select

from crm.core import db, history
from crm.core.history import Kind, names_of
from crm.core.i18n import day
from crm.core.merging import WAYS, Merging
from crm.mailings import letters
from crm.mailings.letter_operations import heard, take_away
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.mailings.rules import RowState, letter_state_name, row_state_name
from crm.members import consents, forgetting, own_data
from crm.members import merging as members
from crm.members.forgetting import FreeText
from crm.members.own_data import Asked, Section
from crm.members.reach import Bar

members.MOVES["member_letter_row.member_id"] = _l("Letters sent to them")


def _one_letter_each(work: Merging, column: Column[Any]) -> None:
    """Who is one gets a letter once: what was sent to either stands, what waits is one."""
    table, journal = column.table, work.journal
    there = {row["letter_id"]: row for row in journal.rows(table, member_id=work.kept_id)}
    for row in journal.rows(table, member_id=work.merged_id):
        same = there.get(row["letter_id"])
        if same is None:
            journal.update(table, row, member_id=work.kept_id)
            continue
        journal.delete(table, row)
        if same["state"] in (RowState.TO_SEND, RowState.WITHHELD):
            said = {name: row[name] for name in ("state", "why", "outgoing_id")}
            journal.update(table, same, **said)


WAYS["member_letter_row.member_id"] = _one_letter_each


def _section(asked: Asked) -> Section | None:
    """A member's file: the letters that were meant for them, and what became of each."""
    found = db.session.execute(
        select(MemberLetter.name, MemberLetter.made_at, MemberLetterRow.state, MemberLetterRow.why)
        .join(MemberLetterRow, MemberLetterRow.letter_id == MemberLetter.id)
        .where(MemberLetterRow.member_id == asked.member.id)
        .order_by(MemberLetter.id.desc())
    ).all()
    if not found:
        return None
    return Section(
        "letters",
        _("Letters sent to you by e-mail"),
        heads=(_("Letter"), _("Day"), _("State"), _("Why")),
        rows=[
            (name, day(at.date()), row_state_name(state), str(letters.WHYS.get(why or "", "")))
            for name, at, state, why in found
        ],
    )


own_data.SECTIONS |= {87: _section}


def leave(member_ids: Sequence[int], _by: Any) -> None:
    """What waits for them goes, and so do their rows."""
    take_away(member_ids, why=Bar.GONE)
    db.session.execute(
        delete(MemberLetterRow).where(MemberLetterRow.member_id.in_(member_ids)),
        execution_options={"synchronize_session": False},
    )


def _letter(row: MemberLetter) -> tuple[str, str | None]:
    return _("The letter %(name)s", name=row.name), f"/letters/{row.code}"


forgetting.LEAVING["member_letter_row"] = leave
forgetting.TEXTS |= {"member_letter": FreeText(MemberLetter, ("name", "values", "chosen"), _letter)}
consents.HEARD.append(heard)

_VERBS = {
    "send_letter": _l("Sent"),
    "pause_letter": _l("Paused"),
    "resume_letter": _l("Resumed"),
    "stop_letter": _l("Stopped"),
    "change_letter": _l("Changed"),
    "end_letter": _l("Ended"),
}
_FIELDS = {
    "name": _l("Name"),
    "chapter_id": _l("Chapter"),
    "campaign_id": _l("Campaign"),
    "text_id": _l("Text"),
    "rate": _l("Messages a minute"),
    "members": _l("Members on the list"),
    "to_send": _l("To send"),
    "why_not": _l("Not sent, by reason"),
    "state": _l("State"),
    "sent": _l("Sent"),
    "withheld": _l("Withheld"),
    "failed": _l("Failed"),
}


def _link(number: int) -> str:
    code = db.session.scalar(select(MemberLetter.code).where(MemberLetter.id == number))
    return url_for("mailings.letter", code=code) if code else url_for("mailings.letters_sent")


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(
        app,
        "member_letter",
        Kind(
            _l("Letter to members"),
            verbs=_VERBS,
            fields=_FIELDS,
            values={"state": letter_state_name},
            keys=("member_letter_id",),
            names=names_of(MemberLetter.id, MemberLetter.name),
            link=_link,
        ),
    )
