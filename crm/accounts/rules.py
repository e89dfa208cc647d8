"""What a password must be, how it is kept, and which addresses are ours to go to."""

import hashlib
import unicodedata
from dataclasses import dataclass
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from email_validator import EmailNotValidError, validate_email
from flask_babel import gettext as _

from crm.core.text import one_line


@dataclass(frozen=True)
class Link:
    """A link that lets somebody in once: what it is for, how long it works, where it leads."""

    purpose: str
    hours: int
    endpoint: str


INVITATION = Link("invitation", 14 * 24, "accounts.welcome")
RESET = Link("reset", 24, "accounts.reset")

THEMES = ("light", "dark")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 200
#: The commonest of ten characters and more; the length keeps out the rest of such lists.
_COMMON = frozenset(
    [
        "0123456789",
        "1234567890",
        "12345678910",
        "123456789a",
        "0987654321",
        "9876543210",
        "1q2w3e4r5t",
        "1qaz2wsx3edc",
        "qwertyuiop",
        "qwerty1234",
        "qwerty12345",
        "qwertyuiop123",
        "asdfghjkl123",
        "abcdefghij",
        "abcdefghijk",
        "password12",
        "password123",
        "password1234",
        "password12345",
        "passwordpassword",
        "passw0rd123",
        "p@ssword123",
        "iloveyou12",
        "iloveyou123",
        "letmein123",
        "welcome123",
        "welcome1234",
        "football123",
        "baseball123",
        "princess123",
        "sunshine123",
        "changeme123",
        "administrator",
        "admin12345",
        "outreach123",
    ]
)

#: What the field recommends for a small server: 19 MiB and some 20 ms a sign-in. A change here
#: reaches each hash at its owner's next sign-in.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
#: Verified where there is no hash, so that an unknown address takes as long as a known one.
_NOBODY = _hasher.hash("nobody's password")


def _normal(password: str) -> str:
    # The same letters typed on another keyboard may arrive composed differently.
    return unicodedata.normalize("NFKC", password)


def hash_password(password: str) -> str:
    """What is kept of a password."""
    return _hasher.hash(_normal(password))


def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the password of a hash; takes as long when there is none (and is False)."""
    try:
        return _hasher.verify(kept or _NOBODY, _normal(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(kept)


def password_fault(password: str, *, email: str) -> str | None:
    """What is wrong with a new password, in a sentence; None for a good one."""
    folded = _normal(password).casefold()
    if len(password) < SHORTEST_PASSWORD:
        return _(
            "Use at least %(least)s characters. A few words in a row are easy to remember.",
            least=SHORTEST_PASSWORD,
        )
    if len(password) > LONGEST_PASSWORD:
        return _("Use at most %(most)s characters.", most=LONGEST_PASSWORD)
    if folded in {email.casefold(), email.casefold().partition("@")[0]}:
        return _("Your e-mail address is the first thing somebody would try. Use something else.")
    if folded in _COMMON or len(set(folded)) < 3:
        return _("This is one of the passwords tried first. Use something only you would think of.")
    return None


def digest(session_key: str) -> str:
    """What a link carries of a session key: when the key changes, the link is spent."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:24]


def clean_email(text: str) -> str | None:
    """An e-mail address as we keep it, in small letters; None for what is not one."""
    try:
        found = validate_email(text.strip(), check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return None
    return found.normalized.lower()


def clean_name(text: str) -> str:
    """A name on one line, however it was typed."""
    return " ".join(one_line(text).split())


def local_path(address: str | None) -> str | None:
    """The address if it is a path of ours; None for what could lead elsewhere.

    A browser takes a backslash for a slash and skips tabs and line ends, so that `/\\there.example`
    and a tab between two slashes lead to another host.
    """
    if not address or not address.startswith("/") or address.startswith("//"):
        return None
    if "\\" in address or any(ord(c) < 33 or ord(c) == 127 for c in address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return None if parts.scheme or parts.netloc else address
