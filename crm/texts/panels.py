"""What other rooms' pages show of texts, how histories tell of them, and what is forgotten."""

from typing import Any

from flask import Flask, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_login import current_user
from sqlalchemy import func, select

from crm.core import access, db, history
from crm.core.access import Can
from crm.core.history import Kind, names_of
from crm.members import forgetting
from crm.members.forgetting import FreeText
from crm.texts import queries
from crm.texts.kinds import KINDS
from crm.texts.models import AddressForm, Text, TextVersion
from crm.texts.queries import TextFilter

#: Texts on a campaign's page; the list has the rest.
_SHOWN = 8


def of_campaign(campaign: Any) -> dict[str, Any] | None:
    """The campaign's texts: two statements. Hidden where there are none and nobody can write."""
    scope = access.scope(current_user, Can.WRITE_TEXTS)
    wanted = TextFilter(campaign_id=campaign.id)
    found = list(db.session.scalars(queries.texts(wanted, drafts=scope).limit(_SHOWN + 1)))
    if not found and not scope:
        return None
    return {
        "campaign": campaign,
        "texts": found[:_SHOWN],
        "more": len(found) > _SHOWN,
        "variants": queries.variants([each.id for each in found]) if found else {},
        "kinds": KINDS,
        "may_write": bool(scope),
    }


def of_front(user: Any) -> dict[str, Any] | None:
    """Texts that wait for those who may approve them: one statement."""
    scope = access.scope(user, Can.APPROVE_TEXTS)
    if not scope:
        return None
    found = queries.texts(TextFilter(state="waiting"), drafts=scope)
    if not scope.everywhere:
        found = found.where(Text.chapter_id.in_(scope.chapter_ids))
    count = db.session.scalar(select(func.count()).select_from(found.order_by(None).subquery()))
    return {"count": count} if count else None


def init_app(app: Flask) -> None:
    """Say how entries of the record are told."""
    history.add_kind(app, "text", _TEXT)


def _link(text_id: int) -> str:
    return url_for("texts.by_id", text_id=text_id)


_TEXT = Kind(
    _l("Text"),
    verbs={
        "make_text": _l("Made"),
        "edit_text": _l("Name or owner changed"),
        "write_version": _l("Version written"),
        "approve_version": _l("Approved"),
        "approve_again": _l("Approved again"),
        "take_approval_back": _l("Approval taken back"),
        "retire_text": _l("Retired"),
        "bring_text_back": _l("Offered again"),
    },
    fields={
        "language": _l("Language"),
        "number": _l("Version"),
        "figures": _l("Figures"),
        "text_kind": _l("Kind"),
        "chapter_id": _l("Whose it is"),
    },
    values={"text_kind": lambda value: KINDS[value].label if value in KINDS else value},
    keys=("text_id",),
    names=names_of(Text.id, Text.name),
    hidden=("kind",),
)


def _version(row: TextVersion) -> tuple[str, str | None]:
    return _("A version of a text"), f"/texts/by-id/{row.text_id}"


def _text(row: Text) -> tuple[str, str | None]:
    return _("The name of a text"), f"/texts/{row.slug}"


def _address(row: AddressForm) -> tuple[str, str | None]:
    return _("How a target is addressed"), f"/texts/address/{row.target_id}"


forgetting.TEXTS |= {
    "text": FreeText(Text, ("name",), _text),
    "text_version": FreeText(TextVersion, ("subject", "body", "note", "fields"), _version),
    "address_form": FreeText(AddressForm, ("envelope", "salutation", "closing"), _address),
}
