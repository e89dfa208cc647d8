"""What is done to texts: written in versions, approved by somebody else, retired; and how a target
is addressed."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from babel import Locale, UnknownLocaleError
from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.campaigns.models import Campaign
from crm.core import access, audit, db
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.text import free_slug, many_lines
from crm.targets.models import Target
from crm.texts import fields, figures_in, own_fields, queries, rights
from crm.texts.kinds import KINDS
from crm.texts.models import AddressForm, Text, TextVersion
from crm.texts.own_fields import OwnField
from crm.texts.rules import MOST_SUBJECT, key_of, names_in
from crm.treaties import queries as treaties

#: Characters of a name, a note, and a line of an address.
MOST_NAME, MOST_NOTE, MOST_LINE = 120, 300, 200


def make_text(
    *,
    name: str,
    kind: str,
    chapter_id: int | None,
    campaign_id: int | None,
    language: str,
    subject: str | None,
    body: str,
    own: Sequence[OwnField] = (),
    note: str | None = None,
    by: User | None,
) -> Text:
    """Make a text with its first version. It prints once somebody else approves it."""
    if by is not None and not rights.may_write_in(chapter_id, by):
        raise Refused(_("You write texts of your own chapters only."), "chapter_id")
    _check_name(name)
    if kind not in KINDS:
        raise Refused(_("Choose what kind of text it is."), "kind")
    _check_campaign(campaign_id)
    # Of two of one name at once, the second sees what the first is called in addresses.
    db.take_turn("text-slugs")
    text = Text(
        slug=free_slug(name, queries.slugs()),
        name=name,
        kind=kind,
        chapter_id=chapter_id,
        campaign_id=campaign_id,
        made_by_id=by.id if by else None,
    )
    db.session.add(text)
    db.session.flush()
    version = _add_version(text, language, 0, subject, body, own, note, by)
    audit.record(
        "make_text",
        "text",
        text.id,
        by=by,
        changes={
            "name": name,
            "text_kind": kind,
            "chapter_id": chapter_id,
            "campaign_id": campaign_id,
            "language": version.language,
        },
    )
    return text


def edit_text(
    text: Text, *, name: str, chapter_id: int | None, campaign_id: int | None, by: User | None
) -> Text:
    """Change what a text is called and whose it is. Its words are versions."""
    _check_may_write(text, by)
    if by is not None and chapter_id != text.chapter_id and not rights.may_write_in(chapter_id, by):
        raise Refused(_("You write texts of your own chapters only."), "chapter_id")
    _check_name(name)
    _check_campaign(campaign_id)
    values = {"name": name, "chapter_id": chapter_id, "campaign_id": campaign_id}
    changes = audit.difference(text, values)
    if not changes:
        return text
    for column, value in values.items():
        setattr(text, column, value)
    db.session.flush()
    audit.record("edit_text", "text", text.id, by=by, changes=changes)
    return text


def write_version(
    text: Text,
    *,
    language: str,
    based_on: int,
    subject: str | None,
    body: str,
    own: Sequence[OwnField] = (),
    note: str | None = None,
    by: User | None,
) -> TextVersion | None:
    """Write the next version in a language; None where nothing differs from the newest.

    `based_on`: the number whose words were in front of the writer, 0 for none. Refused where
    somebody wrote since.
    """
    _check_may_write(text, by)
    if text.retired_at is not None:
        raise Refused(_("This text is retired. Bring it back before you write it."))
    language = known_language(language)
    db.take_turn(f"text-{text.id}")
    newest = queries.latest(text.id, language)
    number = newest.number if newest is not None else 0
    if number != based_on:
        raise Refused(
            _("Somebody wrote version %(number)s in the meantime. Yours is still here.",
              number=number),
            "based_on",
        )  # fmt: skip
    if newest is not None and (
        (newest.subject or "", newest.body) == (many_lines(subject or ""), many_lines(body))
        and own_fields.read(newest.fields) == list(own)
    ):
        return None
    version = _add_version(text, language, number, subject, body, own, note, by)
    audit.record(
        "write_version",
        "text",
        text.id,
        by=by,
        changes={"language": language, "number": version.number},
        reason=note,
    )
    return version


def approve(text: Text, *, language: str, number: int, by: User, today: date) -> TextVersion:
    """Approve a version: it is what prints from now on, with its figures as the ledger has them.

    Approving it again reads its figures anew. Who wrote a version may not approve it, unless
    nobody else may.
    """
    if not rights.may_approve(text, by):
        raise Refused(rights.who_approves(text))
    db.take_turn(f"text-{text.id}")
    version = queries.version(text.id, language, number)
    if version.written_by_id == by.id and rights.others_approve(text, by):
        raise Refused(_("You wrote this version. Somebody else has to approve it."))
    now = queries.approved(text.id, language)
    if now is not None and now.number > number:
        raise Refused(
            _("Version %(number)s is approved and later. Take that approval back first.",
              number=now.number)
        )  # fmt: skip
    keys = figures_in.keys_of(version)
    kept = {}
    if figures_in.asks_ledger(keys):
        ledger = treaties.ledger()
        if not ledger.events:
            raise Refused(_("The treaty ledger is empty, and this text asks it. Import it first."))
        kept = figures_in.frozen(figures_in.figures_of(keys, on=today, ledger=ledger))
    again = version.approved_at is not None
    version.figures = kept
    version.approved_by_id = by.id
    version.approved_at = db.now()
    db.session.flush()
    audit.record(
        "approve_again" if again else "approve_version",
        "text",
        text.id,
        by=by,
        changes={
            "language": language,
            "number": number,
            "figures": {key: figure["value"] for key, figure in kept.items()},
        },
    )
    return version


def take_approval_back(text: Text, *, language: str, number: int, by: User) -> TextVersion:
    """What prints is the version approved before, or none."""
    if not rights.may_approve(text, by):
        raise Refused(rights.who_approves(text))
    version = queries.version(text.id, language, number)
    if version.approved_at is None:
        raise Refused(_("This version is not approved."))
    version.approved_at = None
    version.approved_by_id = None
    version.figures = {}
    db.session.flush()
    audit.record(
        "take_approval_back",
        "text",
        text.id,
        by=by,
        changes={"language": language, "number": number},
    )
    return version


def retire(text: Text, *, by: User | None) -> Text:
    """Offer a text no more. What was made of it stays."""
    _check_may_write(text, by)
    if text.retired_at is not None:
        raise Refused(_("This text is retired already."))
    text.retired_at = db.now()
    db.session.flush()
    audit.record("retire_text", "text", text.id, by=by)
    return text


def bring_back(text: Text, *, by: User | None) -> Text:
    """Offer a retired text again."""
    _check_may_write(text, by)
    if text.retired_at is None:
        raise Refused(_("This text is not retired."))
    text.retired_at = None
    db.session.flush()
    audit.record("bring_text_back", "text", text.id, by=by)
    return text


def set_address_form(
    target: Target,
    *,
    language: str,
    envelope: str | None,
    salutation: str | None,
    closing: str | None,
    by: User | None,
) -> str:
    """Say how a target is addressed in a language; without words the form of the office is used.

    Returns the language as it is kept.
    """
    if by is not None and not access.may(by, Can.EDIT_TARGETS):
        raise Refused(_("You may not change targets."))
    language = known_language(language)
    words = {
        "envelope": _line(envelope, "envelope"),
        "salutation": _line(salutation, "salutation"),
        "closing": _line(closing, "closing"),
    }
    db.take_turn(f"address-form-{target.id}")
    kept = db.session.get(AddressForm, (target.id, language), populate_existing=True)
    before = {name: getattr(kept, name) if kept is not None else None for name in words}
    changes: dict[str, Any] = {
        name: [before[name], value] for name, value in words.items() if before[name] != value
    }
    if not changes:
        return language
    if not any(words.values()):
        db.session.delete(kept)
    elif kept is None:
        db.session.add(
            AddressForm(
                target_id=target.id, language=language, set_by_id=by.id if by else None, **words
            )
        )
    else:
        for name, value in words.items():
            setattr(kept, name, value)
        kept.set_by_id, kept.set_at = by.id if by else None, db.now()
    db.session.flush()
    audit.record(
        "set_address_form", "target", target.id, by=by, changes={"language": language, **changes}
    )
    return language


def known_language(typed: str) -> str:
    """A language as it is kept: `EN` → `en`, `pt_br` → `pt-BR`. Raises `Refused`."""
    try:
        locale = Locale.parse(typed.strip().replace("_", "-"), sep="-")
    except (ValueError, UnknownLocaleError, TypeError):
        raise Refused(
            _("“%(language)s” is no language. Write its code, such as en, fr or pt-BR.",
              language=typed[:20]),
            "language",
        ) from None  # fmt: skip
    return "-".join(filter(None, (locale.language, locale.script, locale.territory)))


def _add_version(
    text: Text,
    language: str,
    number: int,
    subject: str | None,
    body: str,
    own: Sequence[OwnField],
    note: str | None,
    by: User | None,
) -> TextVersion:
    plain, line = many_lines(body), " ".join((subject or "").split())
    to_members = KINDS[text.kind].to_members
    if not plain:
        raise Refused(_("Write the words of the text."), "body")
    if to_members and not line:
        raise Refused(_("Say what the message is about: its subject."), "subject")
    if len(line) > MOST_SUBJECT:
        raise Refused(_("Use at most %(most)s characters.", most=MOST_SUBJECT), "subject")
    if note and len(note) > MOST_NOTE:
        raise Refused(_("Use at most %(most)s characters.", most=MOST_NOTE), "note")
    own_fields.check(own)
    names = names_in(line, plain)
    ledger = treaties.ledger() if any("@" in key for key in names) else None
    known = {each.key for each in own}
    for name, near in fields.unknown(names, known, ledger, to_members=to_members).items():
        if to_members and key_of(name) in fields.BY_KEY:
            told = _(
                "“%(name)s” is of a target, and a message to members has none. Make it a field of"
                " this text, or take it out.",
                name=name,
            )
        elif near is None:
            told = _(
                "There is no field “%(name)s”. Make it a field of this text, or take it out.",
                name=name,
            )
        else:
            told = _("There is no field “%(name)s”. Is “%(near)s” meant?", name=name, near=near)
        raise Refused(told, "body")
    version = TextVersion(
        text_id=text.id,
        language=known_language(language),
        number=number + 1,
        subject=line or None,
        body=plain,
        fields=own_fields.kept(each for each in own if each.key in names),
        note=note or None,
        written_by_id=by.id if by else None,
        figures={},
    )
    db.session.add(version)
    db.session.flush()
    return version


def _check_may_write(text: Text, by: User | None) -> None:
    if by is not None and not rights.may_write(text, by):
        raise Refused(_("You may not change this text."))


def _check_name(name: str) -> None:
    if not name.strip() or len(name) > MOST_NAME:
        raise Refused(_("Give it a name of at most %(most)s characters.", most=MOST_NAME), "name")


def _check_campaign(campaign_id: int | None) -> None:
    if campaign_id is None:
        return
    if db.session.scalar(select(Campaign.id).where(Campaign.id == campaign_id)) is None:
        raise Refused(_("This campaign is not there any more."), "campaign_id")


def _line(typed: str | None, field: str) -> str | None:
    words = " ".join((typed or "").split()).rstrip(",")
    if len(words) > MOST_LINE:
        raise Refused(_("Use at most %(most)s characters.", most=MOST_LINE), field)
    return words or None
