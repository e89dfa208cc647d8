"""A school that writes to its members: grown-ups, and children with leave and without."""

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

from sqlalchemy import select, update

from crm.accounts.models import User
from crm.core import audit, db, outbox
from crm.core.access import Role
from crm.core.outbox import Outgoing
from crm.mailings import letter_queries
from crm.mailings.letter_operations import send_letter
from crm.mailings.letters import Wanted
from crm.mailings.models import MemberLetter, MemberLetterRow
from crm.members import guardians
from crm.members.models import ChapterRole, Consent, Member
from crm.members.rules import AgeBand
from crm.texts.models import Text, TextVersion
from tests import make

TODAY = date(2026, 5, 1)
WORDS = "Dear ((member.first_name)),\n\nwe meet on Friday."
FRENCH = "Salut ((member.first_name)),\n\non se voit vendredi."


def message(**bodies: str) -> Text:
    """A message with approved words in each language given; English unless told."""
    record = Text(slug="we-meet", name="We meet", kind="message")
    versions = [
        TextVersion(
            text=record, language=language, number=1, subject=f"We meet ({language})", body=body,
            approved_at=datetime(2026, 4, 1, tzinfo=UTC),
        )
        for language, body in (bodies or {"en": WORDS}).items()
    ]  # fmt: skip
    return make.kept(record, *versions)


def change(member_id: int, **values: Any) -> None:
    with db.unit_of_work():
        record = db.session.get_one(Member, member_id)
        for name, value in values.items():
            setattr(record, name, value)
        audit.record("make", "test", None, by=None)


def adult(given: str, chapter: Any, email: str | None) -> int:
    number = make.member(given, "Secretname", chapter).id
    change(number, email=email, age_band=AgeBand.ADULT)
    return number


def child(
    given: str, chapter: Any, email: str | None, guardian: str | None = None
) -> SimpleNamespace:
    """A child with a guardian who has said nothing yet."""
    number = make.member(given, "Secretname", chapter).id
    change(number, email=email, age_band=AgeBand.YOUNG_TEEN)
    with db.unit_of_work():
        parent = guardians.add_guardian(
            member_id=number, name=f"Parent of {given}", phone=str(number), email=guardian, by=None
        ).id
    return SimpleNamespace(id=number, parent=parent)


def say(member_id: int, guardian_id: int | None, answer: str = "given", purpose: str = "contact"
        ) -> None:  # fmt: skip
    make.kept(
        Consent(
            member_id=member_id, guardian_id=guardian_id, purpose=purpose, answer=answer,
            how="paper", starts_on=date(2026, 1, 1),
        )
    )  # fmt: skip


def leader(chapter: Any, email: str = "lee@example.org") -> int:
    """A grown-up who leads the school and signs in."""
    record = make.kept(User(email=email, name="Lee Leader", password_hash="x"))
    make.kept(ChapterRole(user_id=record.id, chapter_id=chapter.id, role=Role.LEADER))
    return record.id


def wanted(scene: SimpleNamespace, **changes: Any) -> Wanted:
    given: dict[str, Any] = {"text_id": scene.text, "chapter_id": scene.school_a}
    return Wanted(**(given | changes))


_KEYS = iter(range(100_000))


def send(scene: SimpleNamespace, by: Any = None, **more: Any) -> MemberLetter:
    """Send it; what `Wanted` has may be changed."""
    own = {name: more.pop(name) for name in list(more) if name in Wanted.__dataclass_fields__}
    key = more.pop("client_key", f"letter-key-{next(_KEYS)}")
    with db.unit_of_work():
        found = send_letter(wanted=wanted(scene, **own), client_key=key, by=by, today=TODAY, **more)
        db.session.flush()
        return SimpleNamespace(id=found.id, code=found.code)  # type: ignore[return-value]


def minute(*, drain: bool = True) -> int:
    """A minute passes: the next steps are due."""
    with db.unit_of_work():
        db.session.execute(
            update(Outgoing)
            .where(Outgoing.job == "letter", Outgoing.state == outbox.State.WAITING)
            .values(due_at=db.now()),
            execution_options={"synchronize_session": False},
        )
        # The key is the minute: the one that has passed may be asked for again.
        db.session.execute(
            update(Outgoing).where(Outgoing.job == "letter").values(key=None),
            execution_options={"synchronize_session": False},
        )
    return outbox.drain() if drain else 0


def rows(letter: Any) -> dict[int, tuple[str, str | None]]:
    """Member → state and why, as the page has it."""
    db.rollback()
    found = db.session.execute(letter_queries.rows(letter.id)).all()
    return {number: (state, why) for number, state, why in found}


def kept_rows(letter: Any) -> dict[int, str]:
    """Member → state as it is written down."""
    db.rollback()
    found = db.session.execute(
        select(MemberLetterRow.member_id, MemberLetterRow.state).where(
            MemberLetterRow.letter_id == letter.id
        )
    )
    return {number: stands for number, stands in found}  # noqa: C416


def state(letter: Any) -> str:
    db.rollback()
    return str(db.session.scalar(select(MemberLetter.state).where(MemberLetter.id == letter.id)))
