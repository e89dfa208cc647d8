"""What is said to fit is measured against the typesetter; texts as the templates read them."""

import json
import random

import pylopdf_fonts_ar
import pylopdf_fonts_zh_cn
import pytest
import typst
from hypothesis import given
from hypothesis import strategies as st

from crm.mailings.printing import words
from crm.mailings.printing.fitting import address_size, lines, message_size, width
from crm.mailings.printing.papers import Box
from crm.texts.rules import LINE, Filled, Run, fill, parse

MEASURE = """
#set text(font: ("Libertinus Serif", "Noto Naskh Arabic", "Noto Serif SC"), hyphenate: false,
  top-edge: 0.75em, bottom-edge: -0.25em, number-type: "lining")
#set par(leading: 0.15em)
#let data = json(bytes(sys.inputs.data))
#context [#metadata(data.map(((words, size, wide)) =>
  measure(block(width: wide * 1pt, text(size * 1pt, words))).height.pt()))<high>]
"""
ENGLISH = [
    "the",
    "Honorable",
    "Convention",
    "on",
    "Cluster",
    "Munitions",
    "asks",
    "Washington",
    "WWW.",
    "respectfully,",
    "“dear”",
    "children’s",
    "fields",
    "—",
    "112",
    "states;",
    "MMM",
    "will-not",
    "non-proliferation",
    "iii",
    "lilt",
    "Minister",
    "I'm",
    "(see)",
    "Łódź",
    "Núñez",
    "Kızılırmak",
    "São",
    "Tomé",
    "20510",
    "&",
    "Affairs/Office",
]
OTHERS = {
    "cyrillic": [
        "Шановний",
        "пане",
        "посол",
        "Ми",
        "просимо",
        "Україна",
        "приєднатися",
        "Щиро",
        "Жовтень",
    ],
    "greek": ["Αξιότιμε", "κύριε", "Υπουργέ", "σας", "παρακαλούμε"],
    "arabic": ["سعادة", "السفير", "نكتب", "إليكم", "اليوم", "لنطلب", "من", "حكومتكم", "الانضمام"],
    "chinese": ["我们谨此恳请贵国加入", "集束弹药公约", "尊敬的大使先生"],
}


def high(asked: list[tuple[str, float, float]]) -> list[float]:
    folders = [each.serif_path().parent for each in (pylopdf_fonts_ar, pylopdf_fonts_zh_cn)]
    compiler = typst.Compiler(
        MEASURE.encode(), ignore_system_fonts=True, font_paths=folders,  # type: ignore[arg-type]
        sys_inputs={"data": json.dumps(asked)},
    )  # fmt: skip
    return [float(each) for each in json.loads(compiler.query("<high>", field="value", one=True))]


@pytest.mark.parametrize("script", ["english", *OTHERS])
def test_no_text_is_higher_than_it_is_said_to_be(script: str) -> None:
    chance = random.Random(5)
    some = OTHERS.get(script, ENGLISH)
    asked, said = [], []
    for _time in range(150):
        text = " ".join(chance.choices(some, k=chance.randint(1, 90)))
        size, wide = chance.choice((8.5, 10, 11.5)), chance.uniform(170, 260)
        count = lines(text, size, wide)
        assert count is not None
        asked.append((text, size, wide))
        said.append(size * (count + 0.15 * (count - 1)))
    measured = high(asked)
    assert all(real <= told + 0.1 for real, told in zip(measured, said, strict=True))
    if script == "english":
        # And it is no guess: lines are counted as the typesetter has them.
        right = sum(abs(real - told) < 1 for real, told in zip(measured, said, strict=True))
        assert right > 120


def test_a_word_wider_than_a_line_does_not_fit() -> None:
    assert lines("x" * 80, 10, 200) is None
    assert lines("x-" * 80, 10, 200) is not None
    assert lines("我" * 80, 10, 200) == 5
    assert lines("one\n\ntwo", 10, 200) == 3
    assert message_size(["x" * 400], (11, 10), Box(80, 80)) is None


@given(st.text(max_size=200))
def test_width_is_that_of_its_letters(text: str) -> None:
    assert width(text) == pytest.approx(sum(map(width, text)))


def test_an_address_is_made_smaller_before_a_line_is_broken() -> None:
    room = Box(60, 30)
    assert address_size(["Niue"], (11, 10, 9), room) == 11
    long = "Embassy of the Bolivarian Republic of Venezuela"
    assert address_size([long], (11, 10, 9, 8), room) == 8
    assert address_size([long * 2], (11, 10, 9), room) == 11
    assert address_size(["Line"] * 20, (11, 10, 9), room) is None


# Texts


def filled(body: str, **values: str) -> Filled:
    return fill(parse(body), dict(values))


def test_paragraphs_are_parted_by_blank_lines() -> None:
    assert words.paragraphs(filled("One\ntwo\n\n\nThree ((a))\r\n \r\n", a="x")) == [
        "One\ntwo",
        "Three x",
    ]
    assert words.paragraphs(Filled()) == []


def test_what_a_pen_fills_has_its_words_and_its_room() -> None:
    lines, inside = words.paragraphs(
        filled("((why))\n\nI am ((age)) old.", why=LINE, age=LINE), {"why": "Why it matters"}
    )
    assert lines == {"rtl": False, "parts": [["Why it matters", "lines"]]}
    assert inside["parts"][1] == ["Age", "hand"]  # type: ignore[index]
    [alone] = words.split(filled("((why))", why=LINE))
    assert words.room(alone).count("\n") == words.LINES_BY_HAND - 1


def test_what_is_missing_is_marked() -> None:
    assert words.paragraphs(filled("We are ((who)).")) == [
        {"rtl": False, "parts": [["We are ", False], ["((who))", True], [".", False]]}
    ]


def test_arabic_runs_from_the_right() -> None:
    assert words.line("سعادة السفير") == {"rtl": True, "parts": [["سعادة السفير", False]]}
    assert words.line("(2008) سعادة")["rtl"] is True  # type: ignore[index]
    assert words.line("Niue") == "Niue"
    assert words.closing("مع خالص التقدير", "ar") == "مع خالص التقدير،"
    assert words.closing("此致", "zh-CN") == "此致"
    assert words.closing("Sincerely", "en") == "Sincerely,"
    assert words.closing("", "en") == ""


def test_who_signs_in_the_text_is_not_signed_twice() -> None:
    assert words.signs_itself(
        filled("Yours,\n((member.first_name))\n", **{"member.firstname": "A"})
    )
    assert not words.signs_itself(
        filled("((member.first_name)) asks.", **{"member.firstname": "A"})
    )
    assert not words.signs_itself(Filled())


def test_one_text_for_many_with_what_differs() -> None:
    body = "((salutation)), I write from ((place)). ((reason))"
    pieces = [
        (Filled(), filled(body, salutation=f"Dear {name}", place="Alder"))
        for name in ("Ann", "Bea", "Cai")
    ]
    [one] = words.shared(pieces)
    assert one.of == (0, 1, 2)
    assert one.subject is None
    assert one.body == [
        {
            "rtl": False,
            "parts": [
                ["slot", "A"], ["", ", I write from "], ["", "Alder"], ["", ". "],
                ["blank", "reason"],
            ],
        }
    ]  # fmt: skip
    assert one.slots[1] == [("A", "Dear Bea")]


def test_texts_that_differ_in_their_own_words_stand_apart() -> None:
    body = "((name)), ((party??as a State Party )) please act."
    pieces = [
        (Filled(), fill(parse(body), {"name": name, "party": party}))
        for name, party in (("Niue", True), ("Tuvalu", False), ("Palau", True))
    ]
    assert [each.of for each in words.shared(pieces)] == [(0, 2), (1,)]


@given(st.lists(st.text(max_size=20), min_size=1, max_size=6))
def test_no_word_is_lost(names: list[str]) -> None:
    """What a student reads of each target is the text that is filled."""
    pieces = [(Filled(), Filled((Run("To "), Run(name, "name"), Run("!")))) for name in names]
    for one in words.shared(pieces):
        for index in one.of:
            slots = dict(one.slots[index])
            said = "".join(
                slots[text] if kind == "slot" else text
                for paragraph in one.body
                for kind, text in paragraph["parts"]
            )
            whole = str(pieces[index][1])
            assert said.split() == whole.split() or set(names) != {names[index]}
