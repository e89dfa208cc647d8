"""What the templates read of a pack: data that are text there, whatever they hold. Pure but for
words in the reader's language."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from babel.dates import format_date
from flask_babel import gettext as _

from crm.mailings.printing import words
from crm.mailings.printing.checking import Ready
from crm.mailings.printing.papers import ENVELOPES, LABEL_SHEETS, Kind, Wish
from crm.texts.fields import locale_of


def of_pieces(
    ready: Sequence[Ready],
    wish: Wish,
    *,
    language: str,
    poster: str,
    by: str,
    on: date,
    asked: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Letters, cards, labels or envelopes: everything but sheets.

    `poster` stands on the picture side where there is no picture, and `by` below it. `asked`: what
    is written by hand, by field.
    """
    data: dict[str, Any] = {
        **common(wish, language),
        "back": back_of(ready),
    }
    if wish.kind is Kind.LABELS:
        return data | _labels(ready, wish)
    pieces = [_addressed(each) for each in ready]
    if wish.kind is Kind.ENVELOPES:
        cover = ENVELOPES[wish.envelope]
        return data | {"wide": cover.wide, "high": cover.high, "pieces": pieces}
    if wish.kind is Kind.LETTERS:
        data["on"] = format_date(on, "long", locale=locale_of(language))
        data["pieces"] = [
            piece | _letter(each, language, asked)
            for piece, each in zip(pieces, ready, strict=True)
        ]
        return data
    return data | {
        "four": wish.kind is Kind.POSTCARDS_4UP,
        "flip": wish.flip,
        "by-hand": wish.by_hand,
        "poster": poster,
        "poster-by": by,
        "pieces": [
            piece if wish.by_hand else piece | _message(each, asked)
            for piece, each in zip(pieces, ready, strict=True)
        ],
    }


def common(wish: Wish, language: str) -> dict[str, Any]:
    """What every template reads."""
    return {
        "lang": language.partition("-")[0],
        "title": {
            Kind.LETTERS: _("Letters"),
            Kind.LABELS: _("Address labels"),
            Kind.ENVELOPES: _("Envelopes"),
            Kind.SHEETS: _("Sheets of a pack"),
        }.get(wish.kind, _("Postcards")),
        "preview": _("Preview") if wish.is_preview else "",
    }


def back_of(ready: Sequence[Ready]) -> list[str]:
    """Where answers go: the chapter's address, the same for a whole pack, no line twice."""
    lines = next((each.merged.return_address for each in ready), ())
    return list(dict.fromkeys(lines))


def _addressed(ready: Ready) -> dict[str, Any]:
    return {
        "envelope": words.line(ready.merged.envelope),
        "address": [words.line(each) for each in ready.merged.address],
        "size": ready.size,
    }


def _letter(ready: Ready, language: str, asked: Mapping[str, str] | None) -> dict[str, Any]:
    merged = ready.merged
    closes = "target.closing" in merged.uses
    signs = words.signs_itself(merged.body)
    return {
        "subject": words.subject(merged.subject),
        "body": words.paragraphs(merged.body, asked),
        "rtl": words.is_rtl(str(merged.body)),
        "closing": None if closes else words.line(words.closing(merged.closing, language)),
        "signature": None if signs else words.line(merged.signature),
    }


def _message(ready: Ready, asked: Mapping[str, str] | None) -> dict[str, Any]:
    merged = ready.merged
    signed = merged.signature and not words.signs_itself(merged.body)
    return {
        "message": words.paragraphs(merged.body, asked),
        "message-size": ready.message_size,
        "rtl": words.is_rtl(str(merged.body)),
        "signature": words.line(merged.signature) if signed else None,
    }


def _labels(ready: Sequence[Ready], wish: Wish) -> dict[str, Any]:
    sheet = LABEL_SHEETS[wish.labels]
    sheets: dict[int, list[dict[str, Any]]] = {}
    for at, each in enumerate(ready, wish.start_at - 1):
        number, place = divmod(at, sheet.count)
        sheets.setdefault(number, []).append({**_addressed(each), "place": place})
    return {
        "sheet": {
            "columns": sheet.columns, "wide": sheet.wide, "high": sheet.high, "left": sheet.left,
            "top": sheet.top, "across": sheet.across, "down": sheet.down, "side": sheet.side,
        },
        "sheets": list(sheets.values()),
    }  # fmt: skip
