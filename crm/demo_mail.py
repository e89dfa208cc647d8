"""What the demo shows of mail: a letter on its way, a reply to confirm, a report, a digest.

Made once the demo is there and mail is in its preview: nothing of it leaves.
"""

from datetime import date, datetime, time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from zoneinfo import ZoneInfo

from flask_babel import gettext as _
from sqlalchemy import select

from crm.accounts.models import User
from crm.core import db, incoming, mail
from crm.core.access import Role
from crm.core.i18n import timezone_name
from crm.demo_data import mail as told
from crm.demo_data.people import DOMAIN, USERS
from crm.mailings.letter_operations import send_letter
from crm.mailings.letters import Wanted
from crm.mailings.models import Mailing, Posting
from crm.members.models import ChapterRole
from crm.reports import digest_mail
from crm.reports.subscriptions import Every, Period, subscribe
from crm.texts import operations as writing


def add_mail(*, today: date) -> None:
    """Put it in, in the caller's unit of work; nothing where mail is not set up."""
    if not mail.is_configured():
        return
    users = _users()
    _write_to_the_chapters(users, today)
    _forward_a_reply(users, today)
    subscribe(
        report="activity-by-target",
        given={},
        every=Every.MONTH,
        period=Period.MONTH,
        by=users[Role.STAFF],
    )
    digest_mail.ask_for_all(today)


def _users() -> dict[Role, User]:
    emails = {each.email: each.role for each in USERS}
    found = db.session.scalars(select(User).where(User.email.in_(emails)))
    return {emails[user.email]: user for user in found}


def _write_to_the_chapters(users: dict[Role, User], today: date) -> None:
    """A text to members: most of them are minors, and some have no address."""
    coordinator = users[Role.COORDINATOR]
    chapter_id = db.session.scalars(
        select(ChapterRole.chapter_id).where(ChapterRole.user_id == coordinator.id)
    ).one()
    text = writing.make_text(
        name=told.LETTER_NAME,
        kind="message",
        chapter_id=chapter_id,
        campaign_id=None,
        language="en",
        subject=told.LETTER_SUBJECT,
        body=told.LETTER_BODY,
        by=coordinator,
    )
    administrator = users[Role.ADMINISTRATOR]
    writing.approve(text, language="en", number=1, by=administrator, today=today)
    send_letter(
        wanted=Wanted(text_id=text.id, chapter_id=chapter_id or 0),
        client_key="demo-letter",
        rate=2,
        by=coordinator,
        today=today,
    )


def _forward_a_reply(users: dict[Role, User], today: date) -> None:
    """What a senator's office wrote to the class, forwarded by its leader with the pack's code."""
    pack = db.session.scalars(
        select(Mailing).join(Posting, Posting.mailing_id == Mailing.id).order_by(Posting.id)
    ).first()
    if pack is None:
        return
    leader = users[Role.LEADER]
    message = EmailMessage(policy=SMTP)
    message["From"] = f"{leader.name} <{leader.email}>"
    message["To"] = f"outreach@{DOMAIN}"
    message["Subject"] = _("Fwd: Your cards (%(code)s)", code=pack.code_written)
    sent = datetime.combine(today, time(9, 12), ZoneInfo(timezone_name()))
    message["Date"] = format_datetime(sent)
    message["Message-ID"] = f"<demo-reply@{DOMAIN}>"
    message.set_content(told.REPLY)
    incoming.take_in(message.as_bytes())
