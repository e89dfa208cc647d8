"""A link by which a guardian says yes or no without an account: asked, answered once, or lapsed.

Whoever holds the link may answer, so its secret part is kept nowhere: only its SHA-256 is. It is
mailed to the guardian, or shown once to be handed over.
"""

import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from flask_babel import force_locale, ngettext
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import Select, and_, or_, select, update
from sqlalchemy.orm import joinedload

from crm.accounts.models import User
from crm.core import audit, db, i18n, links, mail
from crm.core.errors import Refused
from crm.core.links import digest
from crm.members import consents, guardians, queries, rules
from crm.members.consent_rules import LABELS, Answer, How, Purpose, usual_end
from crm.members.disclosure import NOBODY, Exit, Shown, disclose
from crm.members.models import ConsentRequest, Guardian, Guardianship, Member
from crm.members.rules import is_minor

#: Days a link works.
DAYS = 14
#: Links made at once.
MOST = 250


class Lapsed(StrEnum):
    """Why a link works no more."""

    USED = "used"
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True)
class Asked:
    """A link that was made: for whom, and its address where it must be handed over."""

    request: ConsentRequest
    #: None once it was mailed: then nobody but the guardian has it.
    link: str | None
    #: Why it was not mailed, in a sentence.
    why_not: str | None = None


# Read


def find_request(token: str, *, to_use: bool = False) -> ConsentRequest | None:
    """The request of a link, with member and guardian; `to_use` lets no second one use it."""
    found = _loaded().where(ConsentRequest.token_hash == digest(token))
    if to_use:
        found = found.with_for_update(of=ConsentRequest)
    return db.session.scalars(found).one_or_none()


def lapsed(request: ConsentRequest, now: datetime) -> Lapsed | None:
    """Why it works no more; None while it does."""
    if request.used_at is not None:
        return Lapsed.USED
    if request.revoked_at is not None or not _may_answer(request):
        return Lapsed.REVOKED
    return Lapsed.EXPIRED if request.expires_at <= now else None


def _may_answer(request: ConsentRequest) -> bool:
    """Whether who was asked still decides: guardians for minors, grown-ups for themselves."""
    member = request.member
    if member.forgotten_at is not None or member.merged_into_id is not None:
        return False
    if request.guardian_id is None:
        return not is_minor(member.age_band)
    if not is_minor(member.age_band):
        return False
    tie = select(Guardianship.guardian_id).where(
        Guardianship.member_id == request.member_id,
        Guardianship.guardian_id == request.guardian_id,
    )
    return db.session.scalar(tie) is not None


def open_requests(member_ids: Collection[int]) -> list[ConsentRequest]:
    """Links of these members that still work, the newest first."""
    return list(
        db.session.scalars(
            _loaded()
            .where(
                ConsentRequest.member_id.in_(member_ids),
                ConsentRequest.used_at.is_(None),
                ConsentRequest.revoked_at.is_(None),
                ConsentRequest.expires_at > db.now(),
            )
            .order_by(ConsentRequest.id.desc())
        )
    )


def by_tokens(tokens: Collection[str]) -> dict[str, ConsentRequest]:
    """Open requests by the secret part of their links, in the order they were made, to print."""
    hashes = {digest(each): each for each in tokens}
    found = db.session.scalars(
        _loaded()
        .where(
            ConsentRequest.token_hash.in_(hashes),
            ConsentRequest.used_at.is_(None),
            ConsentRequest.revoked_at.is_(None),
        )
        .order_by(ConsentRequest.id)
    )
    return {hashes[each.token_hash]: each for each in found}


def address(token: str) -> str:
    """The full address of a link."""
    return links.absolute("members.answer_consent", token=token)


def _loaded() -> Select[ConsentRequest]:
    return select(ConsentRequest).options(
        joinedload(ConsentRequest.member), joinedload(ConsentRequest.guardian)
    )


# Written


def ask_by_link(
    *,
    whom: Sequence[tuple[int, int | None]],
    purposes: Collection[Purpose],
    by: User | None,
) -> list[Asked]:
    """Make a link for each pair of a member and a guardian (None: the member, grown up).

    A guardian with e-mail gets one message with the links of all their children; where mail is
    not set up or not allowed, the links are returned, for this once. Older links of a pair end.
    """
    pairs = list(dict.fromkeys(whom))
    if not pairs:
        raise Refused(_("Choose at least one person to ask."), "whom")
    if not purposes:
        raise Refused(_("Choose at least one thing to ask about."), "purposes")
    if len(pairs) > MOST:
        raise Refused(_("At most %(most)s links at once.", most=MOST), "whom")
    members, people = _checked(pairs, by)
    _end_open(pairs)
    made = [
        (_new(member_id, guardian_id, purposes, by), secret)
        for member_id, guardian_id in pairs
        for secret in [secrets.token_urlsafe(32)]
    ]
    for request, secret in made:
        request.token_hash = digest(secret)
    db.session.add_all(request for request, _secret in made)
    db.session.flush()
    answers = _mailed(made, members, people)
    audit.record(
        "ask_by_link",
        "member",
        pairs[0][0] if len({member_id for member_id, _who in pairs}) == 1 else None,
        by=by,
        changes={
            "requests": [request.id for request, _secret in made],
            "members": sorted(members),
            "purposes": [each.value for each in Purpose if each in purposes],
            "by_mail": sum(each.link is None for each in answers),
        },
    )
    return answers


def _checked(
    pairs: Sequence[tuple[int, int | None]], by: User | None
) -> tuple[dict[int, Member], dict[int, Guardian]]:
    ids = {member_id for member_id, _who in pairs}
    members = {
        each.id: each
        for each in db.session.scalars(
            queries.visible_members(guardians.kept_in(by)).where(Member.id.in_(ids))
        )
    }
    if ids - set(members):
        raise Refused(_("One of these members is not one of yours."), "whom")
    known = guardians.guardians_of(ids)
    people: dict[int, Guardian] = {}
    for member_id, guardian_id in pairs:
        minor = is_minor(members[member_id].age_band)
        if guardian_id is None:
            if minor:
                raise Refused(_("A minor is not asked: a guardian is."), "whom")
            continue
        tie = [each for each in known.get(member_id, ()) if each.guardian.id == guardian_id]
        if not tie or not minor:
            raise Refused(_("One of these is no guardian who decides for the member."), "whom")
        people[guardian_id] = tie[0].guardian
    return members, people


def _end_open(pairs: Sequence[tuple[int, int | None]]) -> None:
    for start in range(0, len(pairs), 100):
        same = [
            and_(
                ConsentRequest.member_id == member_id,
                ConsentRequest.guardian_id.is_(None)
                if guardian_id is None
                else ConsentRequest.guardian_id == guardian_id,
            )
            for member_id, guardian_id in pairs[start : start + 100]
        ]
        db.session.execute(
            update(ConsentRequest)
            .where(
                or_(*same), ConsentRequest.used_at.is_(None), ConsentRequest.revoked_at.is_(None)
            )
            .values(revoked_at=db.now()),
            execution_options={"synchronize_session": False},
        )


def _new(
    member_id: int, guardian_id: int | None, purposes: Collection[Purpose], by: User | None
) -> ConsentRequest:
    return ConsentRequest(
        member_id=member_id,
        guardian_id=guardian_id,
        purposes=[each.value for each in Purpose if each in purposes],
        made_by_id=by.id if by is not None else None,
        expires_at=db.now() + timedelta(days=DAYS),
    )


def _mailed(
    made: Sequence[tuple[ConsentRequest, str]],
    members: Mapping[int, Member],
    people: Mapping[int, Guardian],
) -> list[Asked]:
    """One message to each who has e-mail; the links of all others, to be handed over."""
    shown = disclose(members, to=NOBODY, exit=Exit.GUARDIAN)
    by_person: dict[tuple[str, int], list[tuple[ConsentRequest, str]]] = {}
    for request, secret in made:
        who = request.guardian_id
        person = ("member", request.member_id) if who is None else ("guardian", who)
        by_person.setdefault(person, []).append((request, secret))
    why: dict[int, str | None] = {}
    for (kind, number), theirs in by_person.items():
        if kind == "guardian":
            guardian = people[number]
            sent = _write(
                guardian.email,
                guardian.name,
                guardian.language,
                theirs,
                shown,
                batch=guardians.batch_of(number),
            )
        else:
            member = members[number]
            sent = _write(member.email, shown[number].name, None, theirs, shown)
        for request, _secret in theirs:
            why[request.id] = None if sent else sent.why_not
    return [
        Asked(request, None if why[request.id] is None else address(secret), why[request.id])
        for request, secret in made
    ]


def _write(
    to: str | None,
    name: str,
    language: str | None,
    theirs: Sequence[tuple[ConsentRequest, str]],
    shown: Mapping[int, Shown],
    batch: str | None = None,
) -> mail.Sent:
    if not to:
        return mail.Sent(False, _("There is no e-mail address."))
    return mail.send(
        "consent_request",
        to=to,
        subject=_l("May your child take part? Please answer")
        if theirs[0][0].guardian_id is not None
        else _l("What may we do? Please answer"),
        language=language,
        batch=batch,
        name=name,
        for_child=theirs[0][0].guardian_id is not None,
        asked=[
            {
                "child": shown[request.member_id].name,
                "chapter": shown[request.member_id].chapters,
                "purposes": [LABELS[Purpose(each)] for each in request.purposes],
                "link": address(secret),
            }
            for request, secret in theirs
        ],
        days=DAYS,
    )


def answer_request(
    *, token: str, answers: Mapping[Purpose, Answer], signed_as: str, today: date
) -> ConsentRequest:
    """Keep what the holder of a link said to each purpose, and spend the link: once."""
    request = find_request(token, to_use=True)
    if request is None:
        raise Refused(_("This link is not one of ours. Look whether it is whole."))
    if (why := lapsed(request, db.now())) is not None:
        raise Refused(words_of(why))
    asked = {Purpose(each) for each in request.purposes}
    if set(answers) != asked:
        raise Refused(_("Choose yes or no for each."), "answers")
    signature = rules.clean_name(signed_as)
    if fault := rules.name_fault(signature):
        raise Refused(fault, "signed_as")
    request.used_at, request.signed_as = db.now(), signature
    consents.say(
        member_id=request.member_id,
        answers=answers,
        given_by=request.guardian_id,
        how=How.LINK,
        starts_on=today,
        ends_on=usual_end(today),
        request_id=request.id,
        by=None,
    )
    changes: dict[str, Any] = {
        "answers": {purpose.value: answer.value for purpose, answer in answers.items()},
        "guardian_id": request.guardian_id,
        "how": How.LINK.value,
        "request_id": request.id,
        "signed_as": signature,
    }
    audit.record("answer_request", "member", request.member_id, by=None, changes=changes)
    return request


def send_again(*, token: str) -> bool:
    """Mail a new link in place of one that was used or has expired, to the address we have.

    Whether that could be done is for us alone to know: the page says the same either way.
    """
    request = find_request(token)
    if request is None or lapsed(request, db.now()) not in (Lapsed.USED, Lapsed.EXPIRED):
        return False
    person = request.guardian if request.guardian_id is not None else request.member
    if person is None or not person.email or not _may_answer(request) or not mail.is_configured():
        return False
    purposes = [Purpose(each) for each in request.purposes]
    # As a command does it: nobody is signed in, and the link shows that it was for this person.
    asked = ask_by_link(whom=[(request.member_id, request.guardian_id)], purposes=purposes, by=None)
    return asked[0].link is None


def revoke_request(*, request_id: int, by: User | None) -> ConsentRequest:
    """Take a link back before it is used."""
    request = db.session.scalars(_loaded().where(ConsentRequest.id == request_id)).one()
    guardians.kept_member(request.member_id, by)
    if request.used_at is not None:
        raise Refused(_("This link has been used already."))
    if request.revoked_at is not None:
        raise Refused(_("This link was taken back already."))
    request.revoked_at = db.now()
    changes = {"request_id": request.id, "guardian_id": request.guardian_id}
    audit.record("revoke_request", "member", request.member_id, by=by, changes=changes)
    return request


def words_of(why: Lapsed) -> str:
    """Why a link works no more, for who holds it."""
    return {
        Lapsed.USED: _("This link has been used: your answers are kept, and it works only once."),
        Lapsed.EXPIRED: ngettext(
            "This link has expired. A link works for %(num)s day.",
            "This link has expired. A link works for %(num)s days.",
            DAYS,
        ),
        Lapsed.REVOKED: _(
            "This link was taken back, or a newer one took its place. Nothing was kept by it."
        ),
    }[why]


def in_language_of(request: ConsentRequest) -> Any:
    """The language the guardian is written to in, for the pages behind the link."""
    chosen = request.guardian.language if request.guardian is not None else None
    return force_locale(chosen if chosen in i18n.LANGUAGES else i18n.language())
