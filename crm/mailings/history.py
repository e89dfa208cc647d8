"""How entries about packs are told."""

from typing import Any

from flask import Flask, url_for
from flask_babel import lazy_gettext as _l
from sqlalchemy import select

from crm.core import db, history
from crm.core.history import Kind, names_of
from crm.mailings.models import Mailing
from crm.outreach.channels import channels

_VERBS = {
    "make_pack": _l("Made"),
    "print_pack": _l("Printed"),
    "prepare_pieces": _l("Prepared"),
    "unprepare_pieces": _l("Not prepared after all"),
    "give_back_pieces": _l("Given back to the pool"),
    "claim_pieces": _l("Taken from the pool"),
    "hand_out_pack": _l("Handed out as tasks"),
    "post_pieces": _l("Posted"),
    "return_pieces": _l("Came back"),
    "repoint_pieces": _l("Pointed to a successor"),
    "close_pack": _l("Put away"),
    "reopen_pack": _l("Opened again"),
}
_FIELDS = {
    "name": _l("Name"),
    "campaign_id": _l("Campaign"),
    "chapter_id": _l("Chapter"),
    "text_id": _l("Text"),
    "version_id": _l("Version"),
    "channel": _l("How"),
    "language": _l("Language"),
    "planned_on": _l("Post by"),
    "way": _l("Shared out"),
    "pieces": _l("Pieces"),
    "in_pool": _l("In the pool"),
    "members": _l("By whom"),
    "targets": _l("Targets"),
    "picture": _l("Picture"),
    "posting": _l("Posting"),
    "action_id": _l("Outreach"),
    "tasks": _l("Tasks"),
}
_WAYS = {
    "spread": _l("spread evenly"),
    "all": _l("each member to each target"),
    "own": _l("each member's own legislators"),
}


def _channel(name: Any) -> Any:
    found = channels().get(str(name))
    return found.label if found else name


def _link(number: int) -> str:
    code = db.session.scalar(select(Mailing.code).where(Mailing.id == number))
    return url_for("mailings.page", code=code) if code else url_for("mailings.index")


def init_app(app: Flask) -> None:
    """Say how entries are told."""
    history.add_kind(
        app,
        "mailing",
        Kind(
            _l("Pack"),
            verbs=_VERBS,
            fields=_FIELDS,
            values={"channel": _channel, "way": lambda name: _WAYS.get(str(name), name)},
            keys=("mailing_id",),
            names=names_of(Mailing.id, Mailing.name),
            link=_link,
            lists=("targets",),
            hidden=("version_id",),
        ),
    )
    history.add_kind(
        app,
        "incoming_mail",
        Kind(
            _l("Mail that came"),
            verbs={
                "take_in_mail": _l("Taken in"),
                "confirm_reply": _l("Recorded as an answer"),
                "put_away_reply": _l("Put away"),
                "set_reply_code": _l("Code given"),
                "forget_refused_mail": _l("Refused mail forgotten"),
            },
            fields={
                "kind": _l("Kind"),
                "state": _l("State"),
                "told": _l("Why"),
                "outcome_id": _l("Answer"),
                "papers": _l("Papers"),
                "code": _l("Code"),
                "count": _l("How many"),
            },
        ),
    )
