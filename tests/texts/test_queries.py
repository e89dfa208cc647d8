"""Which texts are found by whom, and what prints: on both databases."""

from types import SimpleNamespace

import pytest
from sqlalchemy import select

from crm.core import db
from crm.core.access import Scope
from crm.texts import queries
from crm.texts.models import Text, TextVersion
from crm.texts.queries import TextFilter
from crm.texts.rights import others_approve
from tests import make
from tests.texts.conftest import text

EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())
NOWHERE = Scope(everywhere=False, chapter_ids=frozenset())


@pytest.fixture
def three(anywhere: SimpleNamespace) -> SimpleNamespace:
    anywhere.letter = text("A letter", chapter_id=anywhere.school_id)
    anywhere.draft = text("B draft", approved=False, chapter_id=anywhere.school_id, kind="social")
    anywhere.ours = text("C ours", approved=False, campaign_id=anywhere.campaign_id)
    make.kept(TextVersion(text_id=anywhere.letter, language="en", number=2, body="new"))
    make.kept(TextVersion(text_id=anywhere.letter, language="fr", number=1, body="neuf"))
    return anywhere


def found(scope: Scope, **more: object) -> list[str]:
    wanted = queries.texts(TextFilter(**more), drafts=scope)  # type: ignore[arg-type]
    return [each.name for each in db.session.scalars(wanted)]


def test_it_works(three: SimpleNamespace) -> None:
    here = Scope(everywhere=False, chapter_ids=frozenset({three.school_id}))
    there = Scope(everywhere=False, chapter_ids=frozenset({three.people.school_b.id}))
    assert found(EVERYWHERE) == found(here) == ["A letter", "B draft", "C ours"]
    assert found(there) == ["A letter", "C ours"]
    assert found(NOWHERE) == ["A letter"]
    assert found(EVERYWHERE, state="approved") == ["A letter"]
    assert found(EVERYWHERE, state="waiting") == ["A letter", "B draft", "C ours"]
    assert found(EVERYWHERE, kind="social") == ["B draft"]
    assert found(EVERYWHERE, campaign_id=three.campaign_id) == ["C ours"]
    assert found(EVERYWHERE, language="fr") == ["A letter"]
    assert found(EVERYWHERE, q="LETT a") == ["A letter"]
    assert found(EVERYWHERE, q="100%") == []
    assert found(EVERYWHERE, state="retired") == []


def test_what_prints_is_the_highest_approved(three: SimpleNamespace) -> None:
    prints, newest = queries.approved(three.letter, "en"), queries.latest(three.letter, "en")
    assert prints is not None
    assert newest is not None
    assert (prints.number, newest.number) == (1, 2)
    assert queries.approved(three.letter, "fr") is None
    assert queries.approved(three.draft, "en") is None
    english, french = queries.variants([three.letter, three.draft])[three.letter]
    assert (english.language, english.newest.number, english.is_approved) == ("en", 2, False)
    assert english.approved is not None
    assert english.approved.number == 1
    assert (french.language, french.approved) == ("fr", None)


def test_whether_another_may_approve(three: SimpleNamespace) -> None:
    record = db.session.scalars(select(Text).where(Text.id == three.letter)).one()
    assert others_approve(record, three.people.coordinator)
    ours = db.session.scalars(select(Text).where(Text.id == three.ours)).one()
    assert not others_approve(ours, three.people.admin)
    assert others_approve(ours, three.people.coordinator)
