"""Replies that somebody forwards to us: known by a code, read within limits, kept for a person.

What a message claims proves nothing: it is taken from the address of somebody who may record
answers, and a person says what it answers before anything is recorded. Archives and office files
are never opened; what is left out is named with the reason.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from html.parser import HTMLParser
from io import BytesIO
from typing import Any

from flask import Flask
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from sqlalchemy import func, select
from werkzeug.datastructures import FileStorage

from crm.accounts.models import User
from crm.core import db, incoming, links, mail
from crm.core.access import Can
from crm.core.errors import Refused
from crm.core.files import MAX_BYTES, keep_document
from crm.core.incoming import Reader
from crm.core.mail_models import IncomingMail
from crm.mailings.models import Mailing, Posting
from crm.members.disclosure import first_name
from crm.members.models import CODE_LETTERS
from crm.members.queries import grants_of
from crm.outreach.asking import who_is_asked
from crm.outreach.codes import action_in, code_of
from crm.outreach.models import ActionChapter

KIND = "reply"
WAITING, REFUSED, DONE, PUT_AWAY = "waiting", "refused", "done", "put-away"
#: Papers of one message, and bytes of all of them together.
MOST_FILES, MOST_TOGETHER = 10, 25 * 1024 * 1024
#: Characters of the text that are kept.
MOST_TEXT = 20_000
#: A picture smaller than this that stands in the text is a signature's logo.
_LOGO = 10 * 1024
_PACK = re.compile(rf"\b([{CODE_LETTERS}]{{3}})-?([{CODE_LETTERS}]{{4}})\b", re.IGNORECASE)
#: Pack codes looked up of one message.
_MOST_CODES = 20
#: Messages of one sender that may wait: anybody can write in somebody's name, and fill the disk.
MOST_WAITING = 200


def init_app(app: Flask) -> None:
    """Be asked last: what nobody else knows may be a reply."""
    why = _l("it answers work of your chapters")
    mail.add_kind(app, mail.Kind("reply_came", _l("A forwarded reply waits"), why=why))
    incoming.add_reader(app, Reader(KIND, is_reply, take, order=90))


@dataclass(frozen=True)
class Answers:
    """What a message answers, by the code in it."""

    #: As people read it; None where no code stands.
    code: str | None = None
    action_ids: tuple[int, ...] = ()
    chapter_ids: frozenset[int] = frozenset()


def is_reply(message: EmailMessage) -> bool:
    """Whether a code of ours stands in it, or one of our people sent it."""
    if answers_in(words_of(message)).code is not None:
        return True
    return sender_of(incoming.address_in(incoming.header(message, "From"))) is not None


def take(message: EmailMessage, row: IncomingMail) -> None:
    """Keep what a person needs to say what it is; nothing of what comes from a stranger."""
    user = sender_of(row.sender)
    found = answers_in(words_of(message))
    row.code = found.code
    why = _why_not(user, found)
    if why is not None:
        row.state, row.told, row.subject = REFUSED, why, None
        return
    row.state = WAITING
    row.text = text_in(message)[:MOST_TEXT]
    row.parts = list(_papers(message))
    if user is not None:
        _tell(row, user, found)


def sender_of(address: str | None) -> User | None:
    """The active user with this address."""
    if not address:
        return None
    return db.session.scalars(
        select(User).where(func.lower(User.email) == address.lower(), User.active)
    ).first()


def _why_not(user: User | None, found: Answers) -> str | None:
    if user is None:
        return _("It did not come from the address of somebody who signs in here.")
    scope = grants_of(user.id).scope(Can.RECORD_OUTCOMES)
    if not scope:
        return _("Whoever sent it may not record answers.")
    if found.chapter_ids and not scope.includes(*found.chapter_ids):
        return _("Whoever sent it may not record answers to this outreach.")
    waiting = select(func.count()).where(
        IncomingMail.kind == KIND,
        IncomingMail.state == WAITING,
        func.lower(IncomingMail.sender) == user.email.lower(),
    )
    if (db.session.scalar(waiting) or 0) >= MOST_WAITING:
        return _("Too much of theirs waits already. Say what that is first, then send it again.")
    return None


def _tell(row: IncomingMail, user: User, found: Answers) -> None:
    """Tell who can say what it is: whoever forwarded it, and whoever is asked about it."""
    people = {user.id: user}
    for asked in who_is_asked(found.action_ids).values() if found.action_ids else ():
        people |= {each.id: each for each in asked}
    for each in people.values():
        mail.send(
            "reply_came",
            to=each.email,
            subject=_l("A reply waits for you to say what it is"),
            language=each.language,
            kind="reply_came",
            key=f"reply_came:{row.id}:{each.id}",
            name=first_name(each.name),
            page=links.absolute("mailings.forwarded_replies"),
        )


# What it answers


def answers_in(words: str) -> Answers:
    """What the first code of ours in a text leads to."""
    return answers_of([words])[words]


def answers_of(texts: Collection[str]) -> dict[str, Answers]:
    """By text what the first code in it leads to: an action's own, else a pack's. Three statements
    at most.
    """
    actions = {text: number for text in texts if (number := action_in(text)) is not None}
    chapters: dict[int, set[int]] = defaultdict(set)
    if actions:
        for action_id, chapter_id in db.session.execute(
            select(ActionChapter.action_id, ActionChapter.chapter_id).where(
                ActionChapter.action_id.in_(set(actions.values()))
            )
        ):
            chapters[action_id].add(chapter_id)
    codes = {text: _pack_codes(text) for text in texts if actions.get(text) not in chapters}
    wanted = {code for found in codes.values() for code in found}
    packs: dict[str, Mailing] = {}
    posted: dict[int, list[int]] = defaultdict(list)
    if wanted:
        for pack in db.session.scalars(select(Mailing).where(Mailing.code.in_(wanted))):
            packs[pack.code] = pack
    if packs:
        for mailing_id, action_id in db.session.execute(
            select(Posting.mailing_id, Posting.action_id)
            .where(Posting.mailing_id.in_({pack.id for pack in packs.values()}))
            .order_by(Posting.number)
        ):
            posted[mailing_id].append(action_id)
    answers = dict.fromkeys(texts, Answers())
    for text, action_id in actions.items():
        if action_id in chapters:
            answers[text] = Answers(
                code_of(action_id), (action_id,), frozenset(chapters[action_id])
            )
    for text, found in codes.items():
        first = next((packs[code] for code in found if code in packs), None)
        if first is not None:
            answers[text] = Answers(
                first.code_written, tuple(posted[first.id]), frozenset({first.chapter_id})
            )
    return answers


def _pack_codes(text: str) -> list[str]:
    found = (f"{one}{two}".upper() for one, two in _PACK.findall(text))
    return list(dict.fromkeys(found))[:_MOST_CODES]


# What it says


def words_of(message: EmailMessage) -> str:
    """Where a code is looked for: the subject, and the text within limits."""
    return f"{incoming.header(message, 'Subject')}\n{text_in(message)[:MOST_TEXT]}"


def text_in(message: EmailMessage) -> str:
    """The text of a message and of one that is forwarded in it, with who wrote that and when."""
    told: list[str] = []
    for part in message.walk():
        kind = part.get_content_type()
        if part is not message and kind == "message/rfc822":
            continue
        if part is not message and incoming.has_header(part, "From"):
            head = (incoming.header(part, name) for name in ("From", "Date", "Subject"))
            told.append("\n".join(each for each in head if each))
        if kind == "text/plain" and not part.get_filename():
            told.append(incoming.text_of(part))
    if not any(each.strip() for each in told):
        told += [
            _plain(incoming.text_of(part))
            for part in incoming.leaves(message)
            if part.get_content_type() == "text/html" and not part.get_filename()
        ]
    return "\n\n".join(each.strip() for each in told if each.strip())


class _Words(HTMLParser):
    """The words of a page, and nothing it could do."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.silent = 0

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        if tag in ("script", "style"):
            self.silent += 1
        elif tag in ("p", "br", "div", "tr", "li"):
            self.words.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style"):
            self.silent = max(0, self.silent - 1)

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.words.append(data)


def _plain(page: str) -> str:
    reader = _Words()
    reader.feed(page)
    lines = (" ".join(line.split()) for line in "".join(reader.words).splitlines())
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines))


# What came with it


def _papers(message: EmailMessage) -> Iterator[dict[str, Any]]:
    """Each attachment: kept under a name of ours, or left out with the reason."""
    kept = together = 0
    for part in incoming.leaves(message):
        name = part.get_filename()
        kind = part.get_content_type()
        if name is None and kind.startswith(("text/", "message/", "multipart/")):
            continue
        called = incoming.one_line(name or kind)[:120] or kind
        data = part.get_payload(decode=True)
        if not isinstance(data, bytes) or not data:
            yield {"name": called, "why": _("It is empty, or cannot be read.")}
            continue
        if (
            kind.startswith("image/")
            and incoming.has_header(part, "Content-ID")
            and len(data) < _LOGO
        ):
            yield {"name": called, "why": _("A small picture in the text, as of a signature.")}
            continue
        if kept >= MOST_FILES:
            yield {"name": called, "why": _("More than %(most)s papers.", most=MOST_FILES)}
            continue
        if len(data) > MAX_BYTES or together + len(data) > MOST_TOGETHER:
            yield {"name": called, "why": _("It is larger than 10 MB, or all together than 25 MB.")}
            continue
        if not data.startswith((b"%PDF-", b"\xff\xd8\xff", b"\x89PNG", b"RIFF")):
            words = _("Only PDF, JPEG, PNG and WebP are kept; nothing else is opened.")
            yield {"name": called, "why": words}
            continue
        try:
            file = keep_document(FileStorage(BytesIO(data)), field="papers", holds=True)
        except Refused as refusal:
            yield {"name": called, "why": str(refusal.message)}
            continue
        kept, together = kept + 1, together + len(data)
        yield {"file": file, "name": called, "bytes": len(data)}
