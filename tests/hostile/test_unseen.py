"""What is pasted along and nobody sees is kept nowhere, and nothing is refused for it."""

from collections.abc import Callable
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import select

from crm.campaigns.models import Campaign, Strategy
from crm.core import db
from crm.members.models import Chapter, Member
from crm.reports.models import SavedReport
from crm.targets.models import Target
from tests import make

#: Around a name, and within: a turned text, a blank of no width, a bell, a NUL, a tab.
AROUND = "\ufeff\u202e{}\u200b \x07\u202c\x00\t"


def pasted(words: str) -> str:
    return AROUND.format(words.replace(" ", "\u200b \x1f"))


def test_names_are_kept_without_what_nobody_sees(
    app: Any, sign_in: Callable[[Any], FlaskClient]
) -> None:
    people = make.people()
    admin, chapter = sign_in(people.admin), people.school_a.id
    name = "کتاب\u200cخانه 👩🏽\u200d💻 Ash"
    sent: list[tuple[str, dict[str, Any], Any]] = [
        ("/targets/new", {"kind": "company", "name": pasted(name)}, Target.name),
        ("/campaigns/new", {
            "name": pasted(name), "starts_on": "2025-09-01", "chapter_ids": [chapter],
            "asks-0-text": pasted("Join"),
        }, Campaign.name),
        ("/chapters/new", {
            "name": pasted(name), "kind": "school", "parent_id": people.state.id,
        }, Chapter.name),
        ("/members/new", {"given_name": pasted(name), "chapter_id": chapter,
                          "note": "One\r\n\tTwo\x07\u202e"}, Member.given_name),
        ("/campaigns/strategies/new", {
            "name": pasted(name), "chapter_id": people.state.id, "starts_on": "2025-09-01",
            "ends_on": "2027-06-30", "outline": "I More join\r\n1a\tCards\x0b",
        }, Strategy.name),
        ("/reports/activity-by-target/save", {"name": pasted(name)}, SavedReport.name),
    ]  # fmt: skip
    for address, data, column in sent:
        answer = admin.post(address, data=data)
        assert answer.status_code == 303, (address, answer.text)
        assert name in db.session.scalars(select(column)).all(), address
    assert db.session.scalars(select(Member.note)).all() == ["One\n\tTwo"]
    # Of what nobody sees nothing is left to call it by.
    empty = admin.post("/targets/new", data={"kind": "company", "name": pasted("")})
    assert empty.status_code == 422
