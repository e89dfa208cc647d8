"""Pictures of outreach: shown only while everybody who can be recognised may be.

A picture is said to let nobody be recognised (a pile of cards), or it counts as showing all who
took part. Then it is held back from everybody while one of them lacks the consent to photos, or
while not all are named and nobody knows whose consent it takes. A consent that is withdrawn takes
the picture away at the next look.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

from flask_babel import gettext as _
from flask_babel import ngettext
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import audit, db
from crm.members.consent_rules import Purpose
from crm.members.disclosure import allowed
from crm.outreach.channels import per_piece_names
from crm.outreach.models import Action, ActionMember, ActionPhoto
from crm.outreach.operations import refuse_strangers, snapshot

Shows = Literal["nobody", "members"]


@dataclass(frozen=True)
class Picture:
    """A picture of an action; `held_back` says why it is not shown, or is None."""

    id: int
    file: str
    shows: str
    held_back: str | None


def pictures_of(action: Action) -> Sequence[Picture]:
    """The pictures of an action, the first first: one statement, four where people show."""
    photos = db.session.scalars(
        select(ActionPhoto).where(ActionPhoto.action_id == action.id).order_by(ActionPhoto.id)
    ).all()
    reason = _held_back(action) if any(each.shows != "nobody" for each in photos) else None
    return [
        Picture(each.id, each.file, each.shows, None if each.shows == "nobody" else reason)
        for each in photos
    ]


def _held_back(action: Action) -> str | None:
    """Why pictures of those who took part are held back; None where all may be seen."""
    members = db.session.scalars(
        select(ActionMember.member_id).where(ActionMember.action_id == action.id)
    ).all()
    if lacking := len(members) - len(allowed(members, Purpose.PHOTO)):
        return ngettext(
            "%(num)s who took part has no consent to photos.",
            "%(num)s who took part have no consent to photos.",
            lacking,
        )
    if not _names_all(action, members):
        return _("Not all who took part are named, so nobody knows whose consent it takes.")
    return None


def _names_all(action: Action, members: Collection[int]) -> bool:
    if not members or (action.people or 0) > len(members):
        return False
    return action.channel not in per_piece_names() or action.unnamed == 0


def say_whom_it_shows(photo: ActionPhoto, *, shows: Shows, by: User | None) -> None:
    """Say whether anybody can be recognised in a picture."""
    action = db.session.get_one(Action, photo.action_id)
    refuse_strangers(action, snapshot(action)["chapters"], by)
    before, photo.shows = photo.shows, shows
    db.session.flush()
    audit.record(
        "say_whom_it_shows", "action", action.id, by=by,
        changes={"photo": photo.id, "shows": [before, shows]},
    )  # fmt: skip
