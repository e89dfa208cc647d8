"""PDFs: data stay text, limits hold, and nothing is set inside of a transaction that wrote."""

import unicodedata
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from pypdf import PdfReader

from crm.accounts.models import User
from crm.core import charts, db, pdf
from crm.core.errors import Refused

MARKUP = '*bold* $x$ #read("/etc/passwd") #panic() [x] \\ <a> @b `c` // no comment'


def data(**more: Any) -> dict[str, Any]:
    return {
        "lang": "en",
        "title": "T",
        "name": "Niue",
        "kind": "Government",
        "lead": "",
        "party": "",
        "as_of": "",
        "facts": [],
        "main": [],
        "side": [],
        "sources": "",
        "made": "",
        "notes": "Notes",
        "note": "",
    } | more


def text_of(made: bytes) -> str:
    pages = PdfReader(BytesIO(made)).pages
    assert len(pages) == 1
    return pages[0].extract_text()


def test_it_works(app: Flask) -> None:
    said = text_of(pdf.render("dossier", data(name="São Tomé, Türkiye, Núñez, Łódź"), paper="a4"))
    assert "São Tomé, Türkiye, Núñez, Łódź" in said


def test_data_is_text(app: Flask) -> None:
    said = text_of(pdf.render("dossier", data(lead=MARKUP), paper="letter"))
    assert '#read("/etc/passwd")' in said
    assert "*bold* $x$" in said
    assert "root:" not in said


@pytest.mark.parametrize(("paper", "size"), [("a4", (595, 842)), ("letter", (612, 792))])
def test_paper(app: Flask, paper: str, size: tuple[int, int]) -> None:
    [page] = PdfReader(BytesIO(pdf.render("dossier", data(), paper=paper))).pages
    assert (round(page.mediabox.width), round(page.mediabox.height)) == size


def test_the_usual_paper(app: Flask) -> None:
    with app.test_request_context():
        assert pdf.paper_named(None) == "letter"
        assert pdf.paper_named("a4") == "a4"
        assert pdf.paper_named("papyrus") == "letter"


def test_too_much_is_refused(app: Flask) -> None:
    with app.test_request_context(), pytest.raises(Refused, match="too much"):
        pdf.render("dossier", data(lead="x" * pdf.MOST_DATA), paper="a4")


def test_an_endless_template_is_ended(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "print").mkdir()
    (tmp_path / "print" / "endless.typ").write_text(
        "#let f(n) = { for i in range(9999999999) {} }\n#f(1)"
    )
    monkeypatch.setattr(app, "template_folder", str(tmp_path))
    monkeypatch.setattr(pdf, "SECONDS", 1)
    with app.test_request_context(), pytest.raises(Refused, match="took too long"):
        pdf.render("endless", {}, paper="a4")


def test_a_template_reads_nothing_outside(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "print").mkdir()
    (tmp_path / "secret").write_text("a secret")
    (tmp_path / "print" / "curious.typ").write_text('#read("../secret")')
    (tmp_path / "print" / "fetching.typ").write_text('#import "@preview/cetz:0.2.2"')
    monkeypatch.setattr(app, "template_folder", str(tmp_path))
    for template in ("curious", "fetching", "absent"):
        with pytest.raises(RuntimeError, match="could not be set"):
            pdf.render(template, {}, paper="a4")


def test_not_after_a_write(app: Flask) -> None:
    db.session.add(User(email="a@example.org", name="A"))
    with pytest.raises(RuntimeError, match="lock"):
        pdf.render("dossier", data(), paper="a4")
    db.rollback()


FOUR_SCRIPTS = ("Łódź", "Україна", "سعادة السفير", "中华人民共和国")


def fonts_of(made: bytes) -> set[str]:
    """Names of the fonts that are embedded, without the six letters of a subset."""
    found = set()
    for page in PdfReader(BytesIO(made)).pages:
        for font in page["/Resources"]["/Font"].values():  # type: ignore[index]
            [below] = font["/DescendantFonts"]
            described = below["/FontDescriptor"]
            assert described.keys() & {"/FontFile2", "/FontFile3"}, "the font is not embedded"
            found.add(str(font["/BaseFont"]).partition("+")[2])
    return found


def test_four_scripts_with_their_fonts_embedded(app: Flask) -> None:
    made = pdf.render("dossier", data(name=" ".join(FOUR_SCRIPTS)), paper="a4")
    said = text_of(made)
    for words in ("Łódź", "Україна", "中华人民共和国"):
        assert words in said
    fonts = " ".join(fonts_of(made))
    for name in ("LibertinusSerif", "NotoNaskhArabic", "NotoSerifSC"):
        assert name in fonts


def test_a_font_is_read_where_it_is_needed_alone(app: Flask) -> None:
    assert all("Noto" not in each for each in fonts_of(pdf.render("dossier", data(), paper="a4")))


def test_letters_without_a_font() -> None:
    assert pdf.unprintable(["Núñez", "Łódź", "Ελλάδα", "Україна", "Türkiye", "ﬁ"]) == ""
    assert pdf.unprintable([*FOUR_SCRIPTS, "臺灣", "かな", "Հայաստան", "საქართველო", "שלום"]) == ""
    for words in ("한국", "ไทย", "नेपाल", "ኢትዮጵያ", "မြန်မာ"):
        lacking = {letter for letter in words if unicodedata.category(letter)[0] in "LM"}
        assert set(pdf.unprintable([words, "Niue"])) == lacking
    # A bullet as word processors paste it.
    assert pdf.unprintable(["\uf0b7 Join", "• Join"]) == "\uf0b7"


def test_a_drawing_becomes_a_picture_of_its_size(app: Flask) -> None:
    with app.test_request_context():
        svg = charts.bars("B", [charts.Bar("Ann <Alpha> 中文 العربية", 3)]).still(200)
    made = pdf.picture(svg, width=200, scale=2)
    width, height = (int.from_bytes(made[at : at + 4]) for at in (16, 20))
    assert (width, height) == (400, 76)


def test_a_drawing_reads_no_file_and_what_is_none_is_an_error(app: Flask) -> None:
    start = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9">'
    link = '<image href="/etc/passwd" width="9" height="9"/></svg>'
    for drawing in (start + link, "no drawing"):
        with pytest.raises(RuntimeError):
            pdf.picture(drawing, width=9)


def test_a_drawing_that_takes_too_long_is_let_go(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pdf, "PICTURE_SECONDS", 0.01)
    with pytest.raises(Refused):
        pdf.picture("<svg/>", width=9)
