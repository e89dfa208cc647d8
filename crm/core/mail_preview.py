"""What would have left: in a preview nothing does, and administrators read each message here.

The HTML of a message is shown in a frame of its own, from an address whose policy lets it have its
inline style and the pictures that come with it, and nothing else: no script, no picture from
elsewhere, no form, no link that leads the page away.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Response, abort, render_template
from flask_login import current_user
from sqlalchemy import Select, select

from crm.core import access, db, mail, mail_pictures, outbox
from crm.core.access import Can, requires
from crm.core.mail_delivery import message_of
from crm.core.mail_views import blueprint
from crm.core.outbox import Never, Outgoing, State
from crm.core.paging import page_number, page_of
from crm.core.settings import in_force

#: What a shown message may do: look as it looks.
POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; "
    "frame-ancestors 'self'; sandbox"
)


@dataclass(frozen=True)
class Shown:
    """A message that would have left."""

    id: int
    kind: str
    at: datetime
    to: str
    subject: str
    body: str
    html: str

    @classmethod
    def of(cls, row: Outgoing) -> "Shown | None":
        """What a row says; None where it says nothing any more."""
        try:
            said: Mapping[str, Any] = outbox.unseal(row.payload)
        except Never:
            return None
        if not said:
            return None
        kind = mail.kinds().get(row.about or "")
        return cls(
            row.id,
            str(kind.label) if kind is not None else str(row.about or ""),
            row.ended_at or row.made_at,
            said["to"],
            said["subject"],
            said["body"],
            said["html"],
        )


def _administers() -> None:
    """Every address of everybody stands here: for administrators of everything."""
    if not access.scope(current_user, Can.MANAGE_USERS).everywhere:
        abort(403)
    if mail.mode() is not mail.Mode.PREVIEW:
        abort(404)


def _rows() -> Select[Any]:
    # What still waits for a worker would go as it stands.
    return (
        select(Outgoing)
        .where(
            Outgoing.job == "mail",
            Outgoing.state.in_((State.DONE, State.WAITING, State.TAKEN)),
            mail.says_something(),
        )
        .order_by(Outgoing.id.desc())
    )


def _one(number: int) -> tuple[Outgoing, Shown]:
    row = db.session.scalars(_rows().where(Outgoing.id == number)).one()
    shown = Shown.of(row)
    if shown is None:
        abort(404)
    return row, shown


@blueprint.get("/settings/mail")
@requires(Can.MANAGE_USERS)
def state() -> Any:
    """What becomes of messages here, and what kinds there are."""
    if not access.scope(current_user, Can.MANAGE_USERS).everywhere:
        abort(403)
    settings = in_force()
    return render_template(
        "mail/state.html",
        mode=mail.mode(),
        Mode=mail.Mode,
        works=mail.is_configured(),
        lacks=[
            name
            for name, value in (
                ("CRM_MAIL_SERVER", settings.mail_server),
                ("CRM_MAIL_SENDER", settings.mail_sender),
                ("CRM_BASE_URL", settings.base_url),
            )
            if not value
        ],
        kinds=mail.kinds().values(),
        takes_in=bool(settings.mail_inbox or settings.mail_incoming_token),
    )


@blueprint.get("/settings/mail/preview")
@requires(Can.MANAGE_USERS)
def preview() -> Any:
    """The messages that would have left, the newest first."""
    _administers()
    page = page_of(_rows(), number=page_number())
    shown = [each for row in page.rows if (each := Shown.of(row)) is not None]
    return render_template("mail/preview.html", page=page, shown=shown, days=mail.SHOWN_DAYS)


@blueprint.get("/settings/mail/preview/<int:number>")
@requires(Can.MANAGE_USERS)
def preview_one(number: int) -> Any:
    """One of them: as text, as HTML, with its header."""
    _administers()
    row, shown = _one(number)
    head = message_of(outbox.unseal(row.payload), row.id).header_lines()
    return render_template("mail/preview_one.html", message=shown, head=head)


@blueprint.get("/settings/mail/preview/<int:number>/html")
@requires(Can.MANAGE_USERS)
def preview_html(number: int) -> Any:
    """Its HTML alone, for the frame."""
    _administers()
    row, shown = _one(number)
    pictures = mail_pictures.set_all(outbox.unseal(row.payload).get("pictures", {}))
    response = Response(mail_pictures.inlined(shown.html, pictures), mimetype="text/html")
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response
