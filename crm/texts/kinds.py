"""The kinds of text there are: what each is called, how it goes out, and what that is logged as."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Kind:
    """A kind of text. `name` is stored."""

    name: str
    label: Any
    #: A Bootstrap icon.
    icon: str
    #: Channels it is logged in, the usual one first; none: it is only read.
    channels: Sequence[str]
    has_subject: bool = False
    #: Whether it goes out on paper, to a postal address.
    prints: bool = False
    #: Whether it goes out by e-mail or a web form.
    is_mail: bool = False
    #: Whether it is written to one target; else to everybody who reads it.
    is_addressed: bool = True
    #: Whether it is written to members of the campaign, by e-mail.
    to_members: bool = False

    @property
    def channel(self) -> str | None:
        """The channel it is usually logged in."""
        return self.channels[0] if self.channels else None


KINDS = {
    each.name: each
    for each in (
        Kind("letter", _l("Letter"), "envelope-paper", ("letter",), has_subject=True, prints=True),
        Kind("postcard", _l("Postcard"), "postcard", ("postcard",), prints=True),
        Kind("email", _l("E-mail"), "envelope-at", ("email",), has_subject=True, is_mail=True),
        Kind(
            "meeting-request",
            _l("Meeting request"),
            "calendar-plus",
            ("email", "letter"),
            has_subject=True,
            prints=True,
            is_mail=True,
        ),
        Kind("phone-script", _l("Phone script"), "telephone", ("call",)),
        Kind("talking-points", _l("Talking points"), "list-ul", ("meeting",)),
        Kind("social", _l("Social post"), "megaphone", ("social",), is_addressed=False),
        Kind("statement", _l("Statement"), "mic", ("statement",), is_addressed=False),
        Kind(
            "message",
            _l("Message to members"),
            "envelope-heart",
            (),
            has_subject=True,
            is_addressed=False,
            to_members=True,
        ),
    )
}


def kind(name: str) -> Kind:
    """The kind of a name. Raises KeyError."""
    return KINDS[name]
