"""One definition of a message, and the two things made of it: plain text and HTML.

A definition (`emails/<name>.txt`) is a plain file that a person can edit:

    # A heading
    A paragraph. A line's end is a line's end.
    - a point of a list
    | Campaign | Letters |        a table: its first line is the head
    | Sahara   | 12      |
    > what somebody else said
    ! trend What the picture of that name shows, in words
    [Words of a button] https://…
    ~ small print

An empty line parts paragraphs. What is filled in (`{{ … }}`) is one line and means nothing of this,
whatever it begins with; the filters `quoted` and `paragraphs` take text of several lines.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

from flask import current_app
from flask_babel import gettext as _
from rich.cells import cell_len

#: Columns of the plain text.
WIDTH = 72
ADDRESS = re.compile(r"https?://\S+")
_BUTTON = re.compile(r"\[(?P<label>[^\]]+)\]\s*(?P<url>https?://\S+)")
_LABELLED = re.compile(r"\[(?P<label>[^\]]+)\]")
_MEANING = re.compile(r"[#>~!\-\[]")
_ESCAPED = re.compile(r"\\([\\|#>~!\-\[h])")
_PICTURE = re.compile(r"! (?P<name>[a-z0-9]+) (?P<told>.+)")
_ALONE = re.compile(r"^(https?://)")
_CELL_END = re.compile(r"(?<!\\)\|")
_FIGURE = re.compile(r"[+\-−]?[\d.,\s]+\s?%?|[–-]?")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
_KEY = "crm_mail_environment"


@dataclass(frozen=True)
class Block:
    """A part of a message. `kind` is heading, text, list, table, quote, button, picture or small.

    `lines` are its lines, points or the cells of its rows; of a picture what it shows in words, and
    `url` its name.
    """

    kind: str
    lines: Sequence[Any]
    url: str = ""

    @property
    def figures(self) -> list[bool]:
        """Of a table: whether a column holds figures alone."""
        columns = zip(*self.lines[1:], strict=True)
        return [all(_FIGURE.fullmatch(cell) for cell in column) for column in columns]


class Whole(str):
    """Text of several lines that was made safe already."""

    __slots__ = ()


def quoted(text: Any) -> Whole:
    """What somebody else said, as a quotation."""
    lines = _CONTROL.sub("", str(text)).strip().splitlines()
    return Whole("\n".join(f"> {_escape(line)}".rstrip() for line in lines))


def paragraphs(text: Any) -> Whole:
    """Text that was written elsewhere: its paragraphs and lines stay, and are nothing else.

    An address that stands alone in it is no button: only a definition makes one.
    """
    lines = _CONTROL.sub("", str(text)).splitlines()
    return Whole("\n".join(_ALONE.sub(r"\\\1", _escape(line.strip())) for line in lines))


def rendered(template: str, context: dict[str, Any]) -> str:
    """A definition with everything filled in."""
    return str(_environment().get_template(f"emails/{template}.txt").render(**context))


def _environment() -> Any:
    made = current_app.extensions.get(_KEY)
    if made is None:
        made = current_app.jinja_env.overlay(autoescape=False, finalize=_filled)
        made.filters = {**made.filters, "quoted": quoted, "paragraphs": paragraphs}
        current_app.extensions[_KEY] = made
    return made


def one_line(value: Any) -> str:
    """Any value in one line."""
    return " ".join(_CONTROL.sub(" ", str(value)).split())


def _filled(value: Any) -> str:
    return value if isinstance(value, Whole) else _escape(one_line(value))


def _escape(line: str) -> str:
    line = _CONTROL.sub("", line).replace("\\", "\\\\").replace("|", "\\|")
    return f"\\{line}" if _MEANING.match(line) else line


def _said(line: str) -> str:
    return _ESCAPED.sub(r"\1", line)


def blocks(markup: str) -> list[Block]:
    """The parts of a definition that was filled in."""
    found: list[Block] = []
    for part in re.split(r"\n\s*\n", markup):
        kind = ""
        lines: list[Any] = []
        for line in (line.strip() for line in part.splitlines() if line.strip()):
            now, said, url = _read(line)
            if now != kind or now in ("heading", "button", "picture"):
                _close(found, kind, lines)
                kind, lines = now, []
            if url:
                made = now if now == "picture" else "button"
                found.append(Block(made, [said] if said else [], url))
                kind, lines = "", []
            else:
                lines.append(said)
        _close(found, kind, lines)
    return found


def _close(found: list[Block], kind: str, lines: list[Any]) -> None:
    if not lines:
        return
    if kind == "table":
        width = max(len(row) for row in lines)
        lines = [[*row, *[""] * (width - len(row))] for row in lines]
    found.append(Block(kind, tuple(lines)))


def _read(line: str) -> tuple[str, Any, str]:
    if ADDRESS.fullmatch(line):
        return "button", "", line
    if button := _BUTTON.fullmatch(line):
        return "button", _said(button["label"]), button["url"]
    if picture := _PICTURE.fullmatch(line):
        return "picture", _said(picture["told"]), picture["name"]
    if line.startswith("|"):
        cells = [_said(cell.strip()) for cell in _CELL_END.split(line)[1:]]
        return "table", cells[:-1] if cells and not cells[-1] else cells, ""
    for sign, kind in (("#", "heading"), ("-", "list"), (">", "quote"), ("~", "small")):
        if line == sign or line.startswith(f"{sign} "):
            return kind, _said(line[len(sign) :].strip()), ""
    return "text", _said(line), ""


# Plain text


def plain(parts: Sequence[Block], width: int | None = WIDTH) -> str:
    """The parts as text that reads well by itself; without `width` no line is broken."""
    made = ["\n".join(_plain_lines(part, width)) for part in parts]
    return "\n\n".join(made) + "\n"


def _plain_lines(part: Block, width: int | None) -> Iterator[str]:
    if part.kind == "heading":
        for line in _wrapped(part.lines[0], width):
            yield line
            yield "-" * min(cell_len(line), width or WIDTH)
    elif part.kind == "button":
        label = part.lines[0] if part.lines else ""
        if label:
            yield from _wrapped(f"{label}:", width)
        yield part.url
    elif part.kind == "table":
        yield from _plain_table(part, width or WIDTH)
    else:
        first, rest = {"list": ("- ", "  "), "quote": ("> ", "> ")}.get(part.kind, ("", ""))
        for line in part.lines:
            yield from _wrapped(line, width, first, rest)


def _wrapped(text: str, width: int | None, first: str = "", rest: str = "") -> list[str]:
    if width is None or not text:
        return [f"{first}{text}".rstrip()]
    return wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _plain_table(part: Block, width: int) -> Iterator[str]:
    head, *rows = part.lines
    widths = [max(cell_len(cell) for cell in column) for column in zip(*part.lines, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > width:
        for row in rows:
            yield from _wrapped(row[0], width, "- ", "  ")
            for name, cell in zip(head[1:], row[1:], strict=True):
                if cell:
                    yield from _wrapped(f"{name}: {cell}", width, "  ", "    ")
        return
    for number, row in enumerate((head, *rows)):
        cells = zip(row, widths, part.figures or [False] * len(widths), strict=True)
        yield "  ".join(_padded(cell, wide, right) for cell, wide, right in cells).rstrip()
        if number == 0:
            yield "  ".join("-" * wide for wide in widths)


def _padded(cell: str, wide: int, right: bool) -> str:
    space = " " * (wide - cell_len(cell))
    return space + cell if right else cell + space


def without_links(markup: str) -> str:
    """A definition that was filled in, without the addresses in it."""
    closed = _("(a link that only the person written to gets)")
    return "\n".join(_unlinked(line, closed) for line in markup.splitlines())


def _unlinked(line: str, closed: str) -> str:
    if button := _LABELLED.match(line.strip()):
        return f"{button['label']}: {closed}"
    return ADDRESS.sub(closed, line)
