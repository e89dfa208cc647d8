"""What happens to a sign-in: invited, accepted, entered, changed, ended."""

from collections.abc import Mapping

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l

from crm.accounts import queries, rules
from crm.accounts.models import User, new_session_key
from crm.accounts.rules import Link
from crm.core import audit, db, i18n, links, mail
from crm.core.errors import Refused


def create_user(*, email: str, name: str, by: User | None) -> User:
    """Add somebody who cannot sign in until they accept their invitation."""
    address = rules.clean_email(email)
    if address is None:
        raise Refused(_("This is not an e-mail address. It looks like name@example.org."), "email")
    if queries.find_user(address) is not None:
        raise Refused(_("Somebody signs in with this address already."), "email")
    user = User(email=address, name=_named(name))
    db.session.add(user)
    db.session.flush()
    _record("create_user", user, by, {"email": user.email, "name": user.name})
    return user


def invitation_link(user: User) -> str:
    """The address at which somebody invited chooses a name and a password: once, for 14 days."""
    return _address(rules.INVITATION, user)


def send_invitation(user: User, *, by: User | None) -> mail.Sent:
    """Mail the invitation; false when mail is not set up and the link must be handed over.

    Also false where it would be a private line to a child: `why_not` says so.
    """
    if user.password_hash is not None:
        raise Refused(_("%(name)s has accepted the invitation already.", name=user.name))
    if not user.active:
        raise Refused(_("%(name)s may not sign in. Activate the account first.", name=user.name))
    sent = mail.send(
        "invitation",
        to=user.email,
        subject=_l("You are invited to the campaign's outreach records"),
        language=user.language,
        name=user.name,
        inviter=by.name if by else None,
        link=invitation_link(user),
        days=rules.INVITATION.hours // 24,
    )
    _record("send_invitation", user, by, {"by_mail": sent.done})
    return sent


def accept_invitation(*, token: str, name: str, password: str) -> User:
    """Take the name and the password somebody invited has chosen; they are in."""
    user = _holder(rules.INVITATION, token)
    user.name = _named(name)
    _set_password(user, password)
    user.signed_in_at = db.now()
    _record("accept_invitation", user, user, {"name": user.name})
    return user


def sign_in(*, email: str, password: str) -> User:
    """Let somebody in. Says the same, after the same time, whatever was wrong."""
    user = queries.find_user(email)
    kept = user.password_hash if user is not None and user.active else None
    if not rules.is_password(password, kept) or user is None or kept is None:
        raise Refused(_("The e-mail address or the password is wrong."))
    if rules.is_outdated(kept):
        user.password_hash = rules.hash_password(password)
    user.signed_in_at = db.now()
    _record("sign_in", user, user)
    return user


def request_reset(*, email: str) -> None:
    """Mail a link for a new password, if somebody signs in with this address."""
    user = queries.find_user(email)
    if user is None or not user.active or not mail.is_configured():
        return
    mail.send(
        "reset",
        to=user.email,
        subject=_l("Choose a new password"),
        language=user.language,
        name=user.name,
        link=_address(rules.RESET, user),
        hours=rules.RESET.hours,
    )
    _record("request_reset", user, None)


def reset_link(user: User, *, by: User | None) -> str:
    """The address at which somebody chooses a new password, to hand over where no mail is sent."""
    if not user.active:
        raise Refused(_("%(name)s may not sign in. Activate the account first.", name=user.name))
    _record("reset_link", user, by)
    return _address(rules.RESET, user)


def reset_password(*, token: str, password: str) -> User:
    """Take the new password of whoever holds a reset link; all their sessions end."""
    user = _holder(rules.RESET, token)
    _set_password(user, password)
    user.signed_in_at = db.now()
    _record("reset_password", user, user)
    return user


def change_password(*, user: User, present: str, password: str, by: User) -> User:
    """Take a new password from somebody who knows the present one; all sessions end."""
    if not rules.is_password(present, user.password_hash):
        raise Refused(_("This is not your present password."), "present")
    _set_password(user, password)
    _record("change_password", user, by)
    return user


def set_password(*, user: User, password: str, by: User | None) -> None:
    """Give somebody a password without asking for the present one: for commands."""
    _set_password(user, password)
    _record("set_password", user, by)


def end_sessions(user: User, *, by: User | None) -> User:
    """Sign somebody out everywhere; links mailed to them stop working too."""
    user.session_key = new_session_key()
    _record("end_sessions", user, by)
    return user


def deactivate(user: User, *, by: User | None) -> None:
    """Let somebody in no more. What they did stays."""
    if by is not None and by.id == user.id:
        raise Refused(_("You cannot shut yourself out. Another administrator can."))
    user.active = False
    user.session_key = new_session_key()
    _record("deactivate", user, by, {"active": [True, False]})


def activate(user: User, *, by: User | None) -> None:
    """Let somebody in again, with the password they had."""
    user.active = True
    _record("activate", user, by, {"active": [False, True]})


def update_preferences(
    *,
    user: User,
    name: str,
    language: str | None,
    timezone: str | None,
    theme: str | None,
    by: User,
) -> User:
    """Keep what somebody prefers; None means as everybody else has it."""
    if language is not None and language not in i18n.LANGUAGES:
        raise Refused(_("Choose one of the languages."), "language")
    if timezone is not None and timezone not in i18n.timezones():
        raise Refused(_("Choose one of the time zones."), "timezone")
    if theme is not None and theme not in rules.THEMES:
        raise Refused(_("Choose one of the looks."), "theme")
    values = {
        "name": _named(name),
        "language": language,
        "timezone": timezone,
        "theme": theme,
    }
    changes = audit.difference(user, values)
    for field, value in values.items():
        setattr(user, field, value)
    _record("update_preferences", user, by, changes)
    return user


def _holder(link: Link, token: str) -> User:
    user = queries.find_by_link(link, token, to_use=True)
    if user is None:
        raise Refused(_("This link has been used or has expired. Ask for a new one."))
    return user


def _address(link: Link, user: User) -> str:
    token = links.sign(link.purpose, [user.id, rules.digest(user.session_key)])
    return links.absolute(link.endpoint, token=token)


def _set_password(user: User, password: str) -> None:
    if fault := rules.password_fault(password, email=user.email):
        raise Refused(fault, "password")
    user.password_hash = rules.hash_password(password)
    user.session_key = new_session_key()


def _named(name: str) -> str:
    cleaned = rules.clean_name(name)
    if not cleaned:
        raise Refused(_("Give a name."), "name")
    return cleaned


def _record(
    verb: str, user: User, by: User | None, changes: Mapping[str, object] | None = None
) -> None:
    audit.record(verb, User.__tablename__, user.id, by=by, changes=changes)
