"""Who may be written to, and how they want it: refusals, bad addresses, and links to change both.

An address is known here by its digest alone. Whoever has a link of a message can say what they
want of the address it went to, without signing in; the link says nothing of who that is.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any

from flask import Flask, current_app
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import select, update

from crm.core import audit, db, links, outbox
from crm.core.errors import Refused
from crm.core.links import digest
from crm.core.mail_models import MailChoice, MailFailure
from crm.core.outbox import Outgoing, State

#: Hours a link in a message works: people look at old ones.
_HOURS = 3 * 365 * 24
_STOP, _CHOICES = "mail.stop", "mail.choices"
_HEARD = "crm_mail_bad_heard"


class How(StrEnum):
    """How a kind of message is to reach somebody."""

    MAIL = "mail"
    DIGEST = "digest"
    HERE = "here"


HOWS: Mapping[How, Any] = {
    How.MAIL: _l("By mail at once"),
    How.DIGEST: _l("In the weekly digest"),
    How.HERE: _l("Only here"),
}
#: What a server's status means, for a person.
_MEANINGS = {
    "5.1.0": _l("no such address"),
    "5.1.1": _l("no such mailbox"),
    "5.1.2": _l("no such domain"),
    "5.1.3": _l("no such address"),
    "5.1.6": _l("the mailbox has moved"),
    "5.1.10": _l("the domain takes no mail"),
    "5.2.1": _l("the mailbox is closed"),
    "5.2.2": _l("the mailbox is full"),
    "5.4.4": _l("no such domain"),
}
#: What stands for a while, or speaks of the message and not of the address: two make a bad one.
_MAYBE = ("5.2.2", "5.3.", "5.6.", "5.7.")


@dataclass(frozen=True)
class Standing:
    """What is known of an address."""

    failure: MailFailure | None = None
    #: Kind → `How`, where somebody chose.
    chosen: Mapping[str, str] = field(default_factory=dict)

    @property
    def bad_since(self) -> datetime | None:
        """Since when nothing is written to it."""
        return self.failure.bad_since if self.failure is not None else None

    @property
    def meaning(self) -> str:
        """What the server said, in words."""
        return meaning(self.failure.status if self.failure is not None else None)


def init_app(app: Flask) -> None:
    """Begin with nobody to tell."""
    app.extensions[_HEARD] = []


def on_bad_address(app: Flask, call: Callable[[str], object]) -> None:
    """Let a room hear of an address that turned bad: `call(address)`, in the same unit of work."""
    app.extensions[_HEARD].append(call)


def recipient_of(address: str) -> str:
    """The digest an address is known by; a display name is no part of it."""
    return digest(parseaddr(address)[1].strip().lower())


def meaning(status: str | None) -> str:
    """A server's status in words."""
    found = _MEANINGS.get(status or "")
    return str(found) if found is not None else _("the mail server refused it")


def standing(recipient: str) -> Standing:
    """What is known of an address: two statements."""
    failure = db.session.get(MailFailure, recipient)
    rows = db.session.execute(
        select(MailChoice.kind, MailChoice.how).where(MailChoice.recipient == recipient)
    )
    return Standing(failure, {kind: how for kind, how in rows})  # noqa: C416


def bad_told(address: str | None) -> Standing | None:
    """What is known of a bad address, for the page of whose it is; None for a good one."""
    if not address:
        return None
    failure = db.session.get(MailFailure, recipient_of(address))
    return Standing(failure) if failure is not None and failure.bad_since is not None else None


def bad_among(addresses: Iterable[str | None]) -> dict[str, Standing]:
    """Those of the addresses that are bad, with what is known of them: one statement."""
    wanted = {recipient_of(each): each for each in addresses if each}
    if not wanted:
        return {}
    rows = db.session.scalars(
        select(MailFailure).where(
            MailFailure.recipient.in_(wanted), MailFailure.bad_since.is_not(None)
        )
    )
    return {wanted[row.recipient]: Standing(row) for row in rows}


def choose(recipient: str, kind: str, how: str, *, by: Any) -> bool:
    """Say how one kind of message is to reach an address; whether that changed anything."""
    from_ = db.session.get(MailChoice, (recipient, kind))
    before = from_.how if from_ is not None else How.MAIL.value
    if how not in set(How):
        raise Refused(_("Choose one of the list."), kind)
    if before == how:
        return False
    if from_ is None:
        db.session.add(MailChoice(recipient=recipient, kind=kind, how=how))
    else:
        from_.how, from_.chosen_at = how, db.now()
    db.session.flush()
    changes = {"kind": kind, "how": [before, how]}
    audit.record("choose_mail", "mail_choice", None, by=by, changes=changes)
    return True


# Bad addresses


def note_failure(address: str, status: str) -> bool:
    """Count a message that came back; whether the address is bad from now on."""
    recipient = recipient_of(address)
    failure = db.session.get(MailFailure, recipient)
    if failure is None:
        failure = MailFailure(recipient=recipient, count=0)
        db.session.add(failure)
    was, before = failure.bad_since, failure.status or ""
    maybe = status.startswith(_MAYBE)
    again = maybe and before.startswith(_MAYBE)
    failure.count += 1
    failure.last_at = db.now()
    if status.startswith("5") or not before.startswith("5"):
        failure.status = status
    if was is None and status.startswith("5") and (again or not maybe):
        failure.bad_since = db.now()
    db.session.flush()
    if was is None and failure.bad_since is not None:
        changes = {"status": status, "count": failure.count}
        audit.record("mark_mail_bad", "mail_failure", None, by=None, changes=changes)
        heard: list[Callable[[str], object]] = current_app.extensions[_HEARD]
        for call in heard:
            call(address)
        return True
    return False


def clear(address: str, *, by: Any) -> bool:
    """Try an address again; whether it was thought bad."""
    failure = db.session.get(MailFailure, recipient_of(address))
    if failure is None:
        return False
    db.session.delete(failure)
    db.session.flush()
    audit.record("clear_mail_bad", "mail_failure", None, by=by)
    return True


def forget(addresses: Iterable[str]) -> None:
    """Keep nothing of these addresses, and let nothing more leave to them."""
    recipients = [recipient_of(each) for each in addresses]
    for model in (MailChoice, MailFailure):
        for row in db.session.scalars(select(model).where(model.recipient.in_(recipients))):
            db.session.delete(row)
    theirs = Outgoing.recipient.in_(recipients)
    outbox.withdraw(theirs)
    for state, then in ((State.DEAD, State.GONE), (State.DONE, State.DONE)):
        db.session.execute(
            update(Outgoing).where(theirs, Outgoing.state == state).values(state=then, payload={}),
            execution_options={"synchronize_session": False},
        )


# Links


def stop_token(recipient: str, kind: str) -> str:
    """What a link that stops one kind of message holds."""
    return links.sign(_STOP, [recipient, kind])


def read_stop(token: str) -> tuple[str, str] | None:
    """Recipient and kind of such a link; None for what is none of ours."""
    found = links.read(_STOP, token, hours=_HOURS)
    return (found[0], found[1]) if found else None


def choices_token(recipient: str) -> str:
    """What a link to somebody's choices holds."""
    return links.sign(_CHOICES, recipient)


def read_choices(token: str) -> str | None:
    """The recipient of such a link; None for what is none of ours."""
    return links.read(_CHOICES, token, hours=_HOURS)
