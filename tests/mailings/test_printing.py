"""Packs on paper: pages counted, text read back, geometry, what is left out, what is kept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, g
from PIL import Image
from pypdf import PdfReader
from sqlalchemy import select, update

from crm.core import db, store
from crm.core.access import Scope
from crm.core.errors import Refused
from crm.mailings import queries
from crm.mailings.models import Mailing, Piece
from crm.mailings.printing import (
    MOST,
    Which,
    chosen,
    look,
    print_checked,
    print_pack,
)
from crm.mailings.printing.papers import INCH, LABEL_SHEETS, Kind, Wish
from crm.members.consent_rules import Purpose
from crm.members.disclosure import Viewer
from crm.members.models import Consent, Departure, DepartureMember, Member
from crm.targets.models import ContactPoint, Target, Term
from crm.texts.models import TextVersion
from tests import make
from tests.mailings.conftest import TODAY

Pack = Callable[..., Mailing]
VIEWER = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()))
MM = 72 / 25.4
MARKUP = '*bold* $x$ #read("/etc/passwd") #panic() [x] \\ <a> @b `c` // no {{ 7 * 7 }}'
BODY = "((target.salutation)),\n\nplease join the convention. ((my reason))"
ADDRESS = "172 Russell Senate Office Building\nWashington, DC 20510"


def say(body: str = BODY, subject: str | None = None, *, language: str = "en") -> None:
    """Make these the approved words."""
    with db.unit_of_work():
        db.session.execute(update(TextVersion).values(body=body, subject=subject))
        make.audit.record("change", "test", None, by=None)


def houses(scene: SimpleNamespace, address: str = ADDRESS) -> None:
    """Give every target a postal address, and the chapter one for answers."""
    make.kept(
        *(
            ContactPoint(target_id=each, kind="postal", value=address, label="DC", source="test")
            for each in scene.targets
        )
    )
    with db.unit_of_work():
        chapter = db.session.get(make.Chapter, scene.school_a)
        assert chapter is not None
        chapter.address = "12 Alder Street\nCharleston, WV 25301"
        make.audit.record("change", "test", None, by=None)


@pytest.fixture
def five(any_scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    """A pack of two members and five targets: ten pieces."""
    return of_two(any_scene, pack)


@pytest.fixture(name="simple")
def simple_(scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    return of_two(scene, pack)


def of_two(scene: SimpleNamespace, pack: Pack) -> SimpleNamespace:
    houses(scene)
    say("((target.salutation)),\n\nplease join the convention.")
    made = pack(scene, members=dict.fromkeys(scene.members[:2]))
    scene.pack, scene.code, scene.two = made.id, made.code, scene.members[:2]
    scene.code_written = made.code_written
    return scene


def mailing(scene: SimpleNamespace) -> Mailing:
    return queries.mailing(scene.code, Scope(everywhere=True, chapter_ids=frozenset()))


def printed(scene: SimpleNamespace, how: str, **more: Any) -> PdfReader:
    for name in ("known_members", "grants"):
        g.pop(name, None)
    with db.unit_of_work():
        made = print_pack(mailing(scene), how, by=None, viewer=VIEWER, today=TODAY, **more)
    return PdfReader(BytesIO(made))


def texts(reader: PdfReader) -> list[str]:
    return [page.extract_text() for page in reader.pages]


def whole(reader: PdfReader) -> str:
    return "\n".join(texts(reader))


@dataclass(frozen=True)
class At:
    """Words with where their line begins, in millimetres from the left and the top."""

    words: str
    left: float
    top: float


def places(page: Any) -> list[At]:
    high, found = float(page.mediabox.height), []

    def visit(words: str, cm: Any, tm: Any, _font: Any, _size: Any) -> None:
        if words.strip():
            x = tm[4] * cm[0] + tm[5] * cm[2] + cm[4]
            y = tm[4] * cm[1] + tm[5] * cm[3] + cm[5]
            found.append(At(words.strip(), x / MM, (high - y) / MM))

    page.extract_text(visitor_text=visit)
    return found


def size(page: Any) -> tuple[float, float]:
    """In inches."""
    return round(float(page.mediabox.width) / 72, 2), round(float(page.mediabox.height) / 72, 2)


# Letters


def test_it_works(five: SimpleNamespace) -> None:
    reader = printed(five, "letters")
    assert len(reader.pages) == 10
    assert size(reader.pages[0]) == (8.5, 11)
    first = texts(reader)[0]
    for words in (
        "The Honorable", "Shelley Alder", "172 Russell Senate Office Building",
        "Washington, DC 20510", "Dear Senator Alder,", "please join the convention.",
        "12 Alder Street", "May 8, 2026",
    ):  # fmt: skip
        assert words in first
    rows = db.session.scalars(select(Piece).where(Piece.mailing_id == five.pack)).all()
    assert {each.prints for each in rows} == {1}
    assert all(each.printed_at and each.version_id and each.contact_point_id for each in rows)
    assert rows[0].address is not None
    assert rows[0].address[0] == "The Honorable Shelley Alder"
    assert rows[0].address[-1] == "Washington, DC 20510"


def test_a_reprint_counts_nothing(five: SimpleNamespace) -> None:
    printed(five, "letters")
    printed(five, "labels")
    rows = db.session.scalars(select(Piece).where(Piece.mailing_id == five.pack)).all()
    assert {(each.prints, each.state) for each in rows} == {(2, "to-prepare")}
    assert not chosen(five.pack, Which(unprinted=True))
    assert len(chosen(five.pack, Which(members=frozenset({five.two[0]})))) == 5
    assert [each.number for each in chosen(five.pack, Which(first=3, last=4))] == [3, 4]


@pytest.mark.parametrize(
    ("paper", "window"), [("letter", (22.2, 136.5, 52, 92.2)), ("a4", (20, 110, 46, 92))]
)
def test_the_address_shows_through_the_window(
    simple: SimpleNamespace, paper: str, window: tuple[float, float, float, float]
) -> None:
    page = printed(simple, "letters", paper=paper).pages[0]
    left, right, top, bottom = window
    lines = ("The Honorable", "172 Russell", "Washington, DC")
    for at in places(page):
        if at.words.startswith(lines):
            assert left < at.left < right
            assert top + 3 < at.top < bottom
        elif "12 Alder Street" in at.words:
            assert at.top < top
        elif "Dear Senator" in at.words:
            assert at.top > bottom


def test_long_letters_have_page_numbers_from_the_second(simple: SimpleNamespace) -> None:
    say("((target.salutation)),\n\n" + "We ask you once more to join the convention. " * 110)
    said = texts(printed(simple, "letters"))
    assert len(said) == 20
    for first, second in zip(said[::2], said[1::2], strict=True):
        assert "12 Alder Street" in first
        assert first.splitlines()[-1].strip() != "1"
        assert second.splitlines()[0].endswith("May 8, 2026")
        assert "\n2" in second
        assert "12 Alder Street" not in second


def test_markup_is_text(simple: SimpleNamespace) -> None:
    say(f"((target.salutation)),\n\n{MARKUP}", MARKUP)
    for how in ("letters", "sheets"):
        said = " ".join(whole(printed(simple, how)).split())
        assert '*bold* $x$ #read("/etc/passwd") #panic()' in said
        assert "{{ 7 * 7 }}" in said
        assert "root:" not in said


# Cards


def test_cards_alone_have_two_sides(simple: SimpleNamespace) -> None:
    reader = printed(simple, "postcards")
    assert len(reader.pages) == 20
    assert {size(page) for page in reader.pages} == {(6, 4)}
    said = texts(reader)
    assert all("Postcards" in each for each in said[::2])
    assert all("please join" in each for each in said[1::2])


@pytest.mark.parametrize("flip", ["long", "short"])
@pytest.mark.parametrize("paper", ["letter", "a4"])
def test_backs_are_behind_their_fronts(simple: SimpleNamespace, flip: str, paper: str) -> None:
    reader = printed(simple, "postcards-4up", flip=flip, paper=paper)
    # Ten cards: three sheets of two sides.
    assert len(reader.pages) == 6
    wide, high = (float(each) / MM for each in reader.pages[0].mediabox[2:])
    fronts = [at for at in places(reader.pages[0]) if at.words.startswith("Postcards")]
    backs = [at for at in places(reader.pages[1]) if at.words.startswith("The Honorable")]
    assert len(fronts) == 4
    columns = [(at.left > wide / 2, at.top > high / 2) for at in fronts]
    assert columns == [(False, False), (True, False), (False, True), (True, True)]
    turned = [(at.left > wide / 2, at.top > high / 2) for at in backs]
    # Along the long edge left and right change places, along the short one top and bottom.
    expected = [(not right, low) if flip == "long" else (right, not low) for right, low in columns]
    assert turned == expected[: len(turned)]
    assert "Alder" in backs[0].words


def test_a_text_too_long_for_a_card_is_refused_and_never_cut(simple: SimpleNamespace) -> None:
    say("((target.salutation)),\n\n" + "We ask you once more to join the convention. " * 40)
    pieces = chosen(simple.pack)
    checked = look(mailing(simple), pieces, Wish(Kind.POSTCARDS), viewer=VIEWER, today=TODAY)
    assert not checked.ready
    assert {each.told for each in checked.hindered} == {
        ("The text is too long for a card. Shorten it, or print it as letters.",)
    }
    by_hand = Wish(Kind.POSTCARDS, by_hand=True)
    assert len(look(mailing(simple), pieces, by_hand, viewer=VIEWER, today=TODAY).ready) == 10


def test_a_word_wider_than_the_paper_is_told(simple: SimpleNamespace) -> None:
    """It would run off a letter; an address of the web breaks."""
    link = "https://example.org/" + "abcdefghij" * 12
    for body, ready in (("z" * 300, 0), ("z" * 60, 10), (link, 10), ("加入公约" * 80, 10)):
        say(f"((target.salutation)),\n\n{body}")
        for kind in (Kind.LETTERS, Kind.SHEETS):
            checked = look(
                mailing(simple), chosen(simple.pack), Wish(kind), viewer=VIEWER, today=TODAY
            )
            assert len(checked.ready) == ready
            assert all("wider than the paper" in each.told[0] for each in checked.hindered)


def test_words_that_are_said_to_fit_do(simple: SimpleNamespace) -> None:
    """The largest text that passes the check is on the card to its last word."""
    for sentences in range(8, 40):
        say("We ask you with respect to join the convention soon. " * sentences + "The end.")
        wish = Wish(Kind.POSTCARDS_4UP)
        checked = look(mailing(simple), chosen(simple.pack), wish, viewer=VIEWER, today=TODAY)
        if not checked.ready:
            break
        last = checked.ready[0].message_size
    assert sentences > 12
    say("We ask you with respect to join the convention soon. " * (sentences - 1) + "The end.")
    page = printed(simple, "postcards").pages[1]
    [end] = [at for at in places(page) if "The end." in at.words]
    assert end.top < 4 * INCH - 5
    assert last >= 8.5


def test_a_card_by_hand_has_room_and_no_text(simple: SimpleNamespace) -> None:
    said = texts(printed(simple, "postcards", by_hand=True))
    assert "please join" not in " ".join(said)
    assert "Washington, DC 20510" in said[1]


def test_the_picture_is_on_the_cards(simple: SimpleNamespace, app: Flask) -> None:
    name, drawing = f"{'a' * 32}.jpg", BytesIO()
    Image.new("RGB", (600, 300), "teal").save(drawing, "JPEG")
    store.here().keep(name, drawing.getvalue())
    with db.unit_of_work():
        db.session.execute(update(Mailing).values(picture=name))
        make.audit.record("change", "test", None, by=None)
    reader = printed(simple, "postcards")
    assert len(reader.pages[0].images) == 1
    assert not reader.pages[1].images
    # Once in the file, however many cards.
    drawn = {
        page["/Resources"]["/XObject"].raw_get(name).idnum  # type: ignore[index]
        for page in reader.pages[::2]
        for name in page["/Resources"]["/XObject"]
    }  # type: ignore[index]
    assert len(drawn) <= 2
    store.here().forget(name)
    with pytest.raises(Refused, match="not there any more"):
        printed(simple, "postcards")


# Labels and envelopes


@pytest.mark.parametrize("name", list(LABEL_SHEETS))
def test_labels_are_where_the_maker_has_them(simple: SimpleNamespace, name: str) -> None:
    sheet = LABEL_SHEETS[name]
    reader = printed(simple, "labels", labels=name, start_at=sheet.columns + 2)
    [page] = reader.pages
    assert size(page) == ((8.5, 11) if sheet.paper == "letter" else (8.27, 11.69))
    firsts = [at for at in places(page) if at.words.startswith(("The Honorable", "His", "Gov"))]
    assert firsts
    at = firsts[0]
    assert at.left == pytest.approx(sheet.left + sheet.across + sheet.side, abs=0.3)
    assert sheet.top + sheet.down < at.top < sheet.top + 2 * sheet.down
    for at in places(page):
        column, within = divmod(at.left - sheet.left, sheet.across)
        assert 0 <= column < sheet.columns
        assert 0 < within < sheet.wide


def test_geometry_adds_up_to_the_paper() -> None:
    for sheet, wide, high in ((LABEL_SHEETS["avery-5160"], 215.9, 279.4),
                              (LABEL_SHEETS["l7160"], 210, 297)):  # fmt: skip
        across = 2 * sheet.left + 2 * sheet.across + sheet.wide
        assert across == pytest.approx(wide, abs=0.3)
        down = 2 * sheet.top + (sheet.rows - 1) * sheet.down + sheet.high
        assert down == pytest.approx(high, abs=0.3)


def test_labels_go_on_to_the_next_sheet(simple: SimpleNamespace) -> None:
    assert len(printed(simple, "labels", start_at=30).pages) == 2
    with pytest.raises(Refused, match="1 to 30"):
        printed(simple, "labels", start_at=31)


def test_a_long_address_is_made_smaller_then_refused(scene: SimpleNamespace, pack: Pack) -> None:
    houses(scene, "\n".join(f"Line {number} of the address" for number in range(5)))
    made = pack(scene, members=dict.fromkeys(scene.members[:1]))
    scene.pack, scene.code = made.id, made.code
    wish = Wish(Kind.LABELS)
    checked = look(mailing(scene), chosen(scene.pack), wish, viewer=VIEWER, today=TODAY)
    assert checked.ready
    assert all(each.size < 11 for each in checked.ready)
    with db.unit_of_work():
        db.session.execute(update(ContactPoint).values(value="\n".join(["A line"] * 14)))
        make.audit.record("change", "test", None, by=None)
    checked = look(mailing(scene), chosen(scene.pack), wish, viewer=VIEWER, today=TODAY)
    assert not checked.ready
    assert "too long for this paper" in checked.hindered[0].told[0]


@pytest.mark.parametrize(("envelope", "inches"), [("no10", (9.5, 4.12)), ("dl", (8.66, 4.33))])
def test_envelopes(simple: SimpleNamespace, envelope: str, inches: tuple[float, float]) -> None:
    reader = printed(simple, "envelopes", envelope=envelope)
    assert len(reader.pages) == 10
    assert size(reader.pages[0]) == inches
    assert "12 Alder Street" in texts(reader)[0]
    assert "Washington, DC 20510" in texts(reader)[0]


# Sheets


def test_sheets_name_members_as_paper_may(five: SimpleNamespace) -> None:
    reader = printed(five, "sheets")
    # The leader's, and one for each of the two.
    assert len(reader.pages) == 3
    said = texts(reader)
    assert "Ana0 B." in said[1]
    assert "Brook" not in " ".join(said)
    for each in said:
        assert five.code_written in each
    assert "155" not in said[0]
    assert "10" in said[0]
    left = db.session.scalars(select(Departure)).all()
    assert [each.exit for each in left] == ["print"]
    assert len(db.session.scalars(select(DepartureMember)).all()) == 2


def test_a_sheet_shows_the_text_once_and_what_differs_beside_the_targets(
    simple: SimpleNamespace,
) -> None:
    say(BODY)
    said = texts(printed(simple, "sheets"))[1]
    assert said.count("please join the convention.") == 1
    assert "Dear Senator Alder" in said
    assert "Dear Senator Birch" in said
    assert "my reason" in said


@pytest.mark.parametrize("how", ["letters", "postcards", "postcards-4up", "labels", "envelopes"])
def test_no_code_on_what_is_posted(simple: SimpleNamespace, how: str) -> None:
    said = whole(printed(simple, how))
    assert simple.code not in said
    assert simple.code_written not in said
    assert "/post/" not in said


# What is not printed


def leave(scene: SimpleNamespace, index: int) -> None:
    with db.unit_of_work():
        db.session.execute(
            update(Term)
            .where(Term.target_id == scene.targets[index])
            .values(is_current=False, ends_on=TODAY - timedelta(days=1))
        )
        make.audit.record("change", "test", None, by=None)


def test_a_target_that_left_is_left_out_with_a_sentence(five: SimpleNamespace) -> None:
    leave(five, 0)
    checked = look(mailing(five), chosen(five.pack), Wish(Kind.LETTERS), viewer=VIEWER, today=TODAY)
    assert (len(checked.ready), len(checked.hindered)) == (8, 2)
    assert checked.hindered[0].told == ("Shelley Alder left office since the pack was made.",)
    assert "Alder" not in whole(printed(five, "letters")).replace("Alder High School", "").replace(
        "12 Alder Street", ""
    )
    left_out = db.session.scalars(select(Piece.target_id).where(Piece.prints == 0)).all()
    assert set(left_out) == {five.targets[0]}


def test_a_consent_that_was_withdrawn_is_not_printed(five: SimpleNamespace) -> None:
    say("((target.salutation)), please join. ((member.first_name))")
    with db.unit_of_work():
        db.session.execute(update(Member).where(Member.id == five.two[0]).values(age_band="adult"))
        make.audit.record("change", "test", None, by=None)
    consent = make.kept(
        Consent(
            member_id=five.two[0], purpose=Purpose.FIRST_NAME.value, answer="given", how="paper",
            starts_on=date(2026, 1, 1), ends_on=date(2027, 1, 1),
        )
    ).id  # fmt: skip
    reader = printed(five, "letters")
    assert len(reader.pages) == 5
    assert "Ana0" in whole(reader)
    [left] = db.session.scalars(select(Departure)).all()
    assert left.exit == "letter"
    with db.unit_of_work():
        found = db.session.get(Consent, consent)
        assert found is not None
        found.withdrawn_on = TODAY
        make.audit.record("change", "test", None, by=None)
    with pytest.raises(Refused, match="Nothing of this can be printed"):
        printed(five, "letters")
    checked = look(mailing(five), chosen(five.pack), Wish(Kind.LETTERS), viewer=VIEWER, today=TODAY)
    assert "No consent to print the first name." in checked.hindered[0].told
    # Addresses alone name nobody: they need no consent.
    assert len(printed(five, "labels").pages) == 1


def test_who_is_said_not_to_be_a_member_signs_nothing(five: SimpleNamespace) -> None:
    for purpose, answer in ((Purpose.FULL_NAME, "given"), (Purpose.MEMBER, "refused")):
        make.kept(
            Consent(
                member_id=five.two[0], purpose=purpose.value, answer=answer, how="paper",
                starts_on=date(2026, 1, 1),
            )
        )  # fmt: skip
    with db.unit_of_work():
        db.session.execute(update(Member).values(age_band="adult"))
        make.audit.record("change", "test", None, by=None)
    for is_preview in (False, True):
        reader = printed(five, "letters", is_preview=is_preview)
        assert len(reader.pages) == 5
        assert "Brook0" not in whole(reader)


def test_a_minors_surname_and_address_are_on_no_paper(simple: SimpleNamespace) -> None:
    with db.unit_of_work():
        db.session.execute(
            update(Member).values(age_band="13-17", address="7 Secret Lane", postal_code="99999")
        )
        make.audit.record("change", "test", None, by=None)
    for kind in Kind:
        said = whole(printed(simple, kind))
        for secret in ("Brook0", "Brook1", "Secret Lane", "99999"):
            assert secret not in said


def test_words_that_are_not_approved_print_no_letter_and_every_address(
    simple: SimpleNamespace,
) -> None:
    with db.unit_of_work():
        db.session.execute(update(TextVersion).values(approved_at=None))
        make.audit.record("change", "test", None, by=None)
    with pytest.raises(Refused, match="Nothing of this"):
        printed(simple, "letters")
    assert len(printed(simple, "envelopes").pages) == 10


def test_a_preview_shows_what_is_missing_and_keeps_nothing(simple: SimpleNamespace) -> None:
    say(BODY)
    with pytest.raises(Refused, match="Nothing of this"):
        printed(simple, "letters")
    reader = printed(simple, "letters", is_preview=True)
    assert "((my reason))" in whole(reader)
    assert "PREVIEW" in whole(reader).replace("\n", "").replace(" ", "")
    assert {each.prints for each in chosen(simple.pack)} == {0}


def test_at_most_so_many_at_once(simple: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert MOST == 2_000
    monkeypatch.setattr("crm.mailings.printing.MOST", 9)
    with pytest.raises(Refused, match="Print in parts"):
        printed(simple, "letters")


def test_a_closed_pack_prints_nothing(simple: SimpleNamespace) -> None:
    with db.unit_of_work():
        db.session.execute(update(Mailing).values(closed_at=datetime(2026, 5, 1, tzinfo=UTC)))
        make.audit.record("change", "test", None, by=None)
    with pytest.raises(Refused, match="closed"):
        printed(simple, "letters")


# Scripts


def test_four_scripts(simple: SimpleNamespace) -> None:
    names = {0: "Łódź Ńowak", 1: "Ілля Шевченко", 2: "محمد الأحمد", 3: "王毅"}
    with db.unit_of_work():
        for index, name in names.items():
            db.session.execute(
                update(Target).where(Target.id == simple.targets[index]).values(name=name)
            )
        make.audit.record("change", "test", None, by=None)
    say("((target.salutation)),\n\nسعادة السفير، نكتب إليكم اليوم.\n\n尊敬的大使先生：请加入公约。")
    said = whole(printed(simple, "letters"))
    for words in ("Łódź Ńowak", "Ілля Шевченко", "王毅", "尊敬的大使先生"):
        assert words in said
    fonts = {
        str(font["/BaseFont"])
        for page in printed(simple, "postcards").pages
        for font in page["/Resources"].get("/Font", {}).values()  # type: ignore[index]
    }
    assert any("NotoNaskhArabic" in each for each in fonts)
    assert any("NotoSerifSC" in each for each in fonts)


@pytest.mark.parametrize("words", ["한국", "ไทย", "\U0001f54a"])
def test_letters_without_a_font_are_told_and_not_printed_as_boxes(
    simple: SimpleNamespace, words: str
) -> None:
    say(f"((target.salutation)), {words}.")
    checked = look(
        mailing(simple), chosen(simple.pack), Wish(Kind.LETTERS), viewer=VIEWER, today=TODAY
    )
    assert not checked.ready
    assert words[0] in checked.hindered[0].told[0]


def test_what_is_kept_of_a_print_is_told(five: SimpleNamespace) -> None:
    wish = Wish(Kind.LETTERS)
    with db.unit_of_work():
        made = mailing(five)
        pieces = chosen(five.pack)
        checked = look(made, pieces, wish, viewer=VIEWER, today=TODAY)
        result = print_checked(made, checked, wish, by=None, viewer=VIEWER, today=TODAY)
    assert (result.pieces, result.left_out) == (10, 0)
    kept = db.session.scalars(
        select(make.audit.AuditEntry).where(make.audit.AuditEntry.verb == "print_pack")
    ).all()
    assert [each.changes["pieces"] for each in kept] == [10]
