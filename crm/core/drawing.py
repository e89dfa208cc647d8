"""A drawing, described once and written twice: into a page, and to stand alone.

Along, lengths are per cent of the width; down, pixels: so a drawing fills a phone and a desk alike
and its words keep their size. In a page colours are classes of the style sheet, which follow light
and dark. Alone, in a PDF or an e-mail, everything is in the drawing itself: pixels, colours, fonts.
Colour never says anything alone: each paint of a series has a motif, each line its dash and sign.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape
from rich.cells import cell_len, set_cell_size

#: Paints of series; more series share the last.
SERIES = 9
#: Colours by paint, light and dark; the style sheet has the same. The series are told apart by
#: eyes that lack any one kind of cone, and each keeps 3:1 to its ground: a test measures both.
LIGHT: Mapping[str, str] = {
    "s1": "#0f5f63", "s2": "#b38705", "s3": "#2d36e2", "s4": "#a90da3", "s5": "#0291f6",
    "s6": "#460816", "s7": "#84936e", "s8": "#5e4f0f", "s9": "#250049", "before": "#84936e",
    "stand-2": "#0b4f5c", "stand-1": "#2f86a6", "stand-0": "#858a86", "stand-m1": "#c5721a",
    "stand-m2": "#8c1d18", "track": "#e1e3e3", "axis": "#e2e5e1",
    "ground": "#ffffff", "ink": "#1d2a2b", "soft": "#566364",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "s1": "#6cc3c1", "s2": "#d98500", "s3": "#3067ff", "s4": "#a961b6", "s5": "#b1c5ff",
    "s6": "#bf4026", "s7": "#6e7568", "s8": "#ffd712", "s9": "#fcffe7", "before": "#6e7568",
    "stand-2": "#a9e4f0", "stand-1": "#4aa3b8", "stand-0": "#74827f", "stand-m1": "#d98500",
    "stand-m2": "#e0604f", "track": "#2e3839", "axis": "#2d393a",
    "ground": "#1a2324", "ink": "#e6ebea", "soft": "#a3b0b0",
}  # fmt: skip
#: Lines of the ground's colour across a paint: the path within a square, and their width.
_SIDE = 8
_MOTIFS: Mapping[str, tuple[str, float]] = {
    "s2": ("M-2 2 2-2M0 8 8 0M6 10 10 6", 1.4),
    "s3": ("M2 2h.01M6 6h.01", 2.4),
    "s4": ("M-2 6 2 10M0 0 8 8M6-2 10 2", 1.4),
    "s5": ("M0 4h8", 1.6),
    "s6": ("M4 0v8", 1.6),
    "s7": ("M0 4h8M4 0v8", 1.2),
    "s8": ("M0 0 8 8M0 8 8 0", 1.2),
    "s9": ("M1 2h3M5 6h3", 1.8),
    "before": ("M-2 2 2-2M0 8 8 0M6 10 10 6", 1.4),
    "stand-1": ("M-2 2 2-2M0 8 8 0M6 10 10 6", 1.4),
    "stand-0": ("M2 2h.01M6 6h.01", 2.4),
    "stand-m1": ("M-2 6 2 10M0 0 8 8M6-2 10 2", 1.4),
    "stand-m2": ("M0 0 8 8M0 8 8 0", 1.2),
}
#: Of lines, by place: how they are broken, and the sign at their points.
DASHES = ("", "7 3", "2 3", "9 3 2 3", "4 4", "12 4", "1 4", "6 2 2 2", "3 6")
_SIGNS = (
    "M-3.6 0a3.6 3.6 0 1 0 7.2 0a3.6 3.6 0 1 0-7.2 0Z",
    "M-3.4-3.4H3.4V3.4H-3.4Z",
    "M0-4.6 4.4 3.4H-4.4Z",
    "M0-4.8 4.8 0 0 4.8-4.8 0Z",
    "M0 4.6 4.4-3.4H-4.4Z",
    "M-1.4-4.4H1.4V-1.4H4.4V1.4H1.4V4.4H-1.4V1.4H-4.4V-1.4H-1.4Z",
    "M-4.4-2.2H4.4V2.2H-4.4Z",
    "M-2.2-4.4H2.2V4.4H-2.2Z",
    "M0-4.6 4.4-1.4 2.7 3.7H-2.7L-4.4-1.4Z",
)
#: Letters of a drawing alone: those of the typesetter, others where they are at hand.
FONTS = "'Noto Sans SC', 'Libertinus Serif', 'Noto Sans', Arial, sans-serif"
#: What words are for: size, weight, colour.
_WORDS: Mapping[str, tuple[float, int, str]] = {
    "chart-tick": (11, 400, "soft"),
    "chart-head": (11, 400, "soft"),
    "chart-label": (13, 400, "ink"),
    "chart-number": (13, 600, "ink"),
    "chart-part": (11, 400, "soft"),
}
#: The width of a letter, in parts of its size: rather more than less.
_LETTER = 0.56
#: A phone's card: what is drawn for a page has this much at least.
NARROW = 300
_KEY = 12
_HATCH = 'class="hatch"'


@dataclass(frozen=True)
class Box:
    """A bar. `x` and `width` are per cent, `y` and `height` pixels."""

    x: float
    y: float
    width: float
    height: float
    paint: str
    told: str = ""
    round: float = 0


@dataclass(frozen=True)
class Rule:
    """A level line across, from per cent to per cent."""

    y: float
    x1: float = 0
    x2: float = 100


@dataclass(frozen=True)
class Trail:
    """A line through points, each per cent along and pixels down."""

    points: Sequence[tuple[float, float]]
    paint: str
    dash: int = 0


@dataclass(frozen=True)
class Sign:
    """A point of a line; `shape` is its place among the signs."""

    x: float
    y: float
    paint: str
    shape: int = 0
    told: str = ""


@dataclass(frozen=True)
class Words:
    """A line of text; `kind` says what for, `anchor` which end of it `x` is.

    Of `room` per cent it takes no more: a page hides what is beyond, alone it is cut.
    """

    x: float
    y: float
    text: str
    kind: str
    anchor: str = "start"
    off: float = 0
    room: float = 0


Shape = Box | Rule | Trail | Sign | Words


@dataclass(frozen=True)
class Scene:
    """What is drawn, in so many pixels of height."""

    height: float
    shapes: Sequence[Shape]


@dataclass(frozen=True)
class Key:
    """A line of the legend: a paint, or a line with its dash and sign."""

    paint: str
    label: Any
    #: Of a line: its place among the dashes and signs.
    line: int | None = None


def paint_of(place: int) -> str:
    """The paint of a series by its place."""
    return f"s{min(place + 1, SERIES)}"


def wide(text: str, size: float = 11) -> float:
    """Pixels a text takes, guessed."""
    return cell_len(text) * size * _LETTER


def fitting(text: str, room: float, size: float = 11) -> str:
    """A text that takes no more than so many pixels, cut with an ellipsis."""
    cells = max(int(room / (size * _LETTER)), 4)
    if cell_len(text) <= cells:
        return text
    return set_cell_size(text, cells - 1).rstrip() + "…"


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")


# In a page


def in_page(scene: Scene, title: Any, summary: str, keys: Sequence[Key]) -> Markup:
    """The drawing with its legend, for a page. Its texts are escaped here."""
    # Two drawings of a page must not share the names of their motifs.
    name = f"m{zlib.crc32(f'{title}{scene.shapes}'.encode()):08x}"
    used = sorted({each.paint for each in scene.shapes if isinstance(each, Box)} & _MOTIFS.keys())
    motifs = "".join(_motif(f"{name}-{paint}", paint, _HATCH) for paint in used)
    inside = "".join(_page_shape(each, name, scene.height) for each in scene.shapes)
    # What is put in has been escaped piece by piece.
    picture = Markup(  # noqa: S704
        f'<svg class="chart" width="100%" height="{_short(scene.height)}" role="img">'
        f"<title>{escape(title)}</title><desc>{escape(summary)}</desc>"
        f"<defs>{motifs}</defs>{inside}</svg>"
    )
    if not keys:
        return picture
    lines = Markup("").join(Markup("<li>{} {}</li>").format(key(each), each.label) for each in keys)
    return Markup('<div class="chart-box">{}<ul class="chart-legend">{}</ul></div>').format(
        picture, lines
    )


def key(of: Key | str) -> Markup:
    """The little picture before a line of a legend; of a paint by its name too."""
    each = Key(of, "") if isinstance(of, str) else of
    if each.line is not None:
        dash = f' stroke-dasharray="{DASHES[each.line]}"' if DASHES[each.line] else ""
        return Markup(  # noqa: S704 - numbers, and names of ours
            f'<svg class="chart-key" aria-hidden="true" width="26" height="{_KEY}">'
            f'<path class="trail {each.paint}" d="M0 6H26"{dash}/>'
            f'<path class="{each.paint}" transform="translate(13 6)" d="{_SIGNS[each.line]}"/>'
            "</svg>"
        )
    return Markup(  # noqa: S704 - as above
        f'<svg class="chart-key" aria-hidden="true" width="{_KEY}" height="{_KEY}">'
        f'<rect class="{escape(each.paint)}" width="{_KEY}" height="{_KEY}" rx="2"/>'
        f"{_covered(each.paint, _HATCH)}</svg>"
    )


def _covered(paint: str, look: str) -> str:
    """The motif over the square of a key."""
    if paint not in _MOTIFS:
        return ""
    path, weight = _MOTIFS[paint]
    return "".join(
        f'<path {look} stroke-width="{weight}" transform="translate({x} {y})" d="{path}"/>'
        for x in (0, _SIDE)
        for y in (0, _SIDE)
    )


def _motif(name: str, paint: str, look: str) -> str:
    path, weight = _MOTIFS[paint]
    return (
        f'<pattern id="{name}" width="{_SIDE}" height="{_SIDE}" patternUnits="userSpaceOnUse">'
        f'<path {look} stroke-width="{weight}" d="{path}"/></pattern>'
    )


def _page_shape(each: Shape, name: str, height: float) -> str:
    match each:
        case Box():
            corners = f' rx="{_short(each.round)}"' if each.round else ""
            place = (
                f'x="{_short(each.x)}%" y="{_short(each.y)}" width="{_short(each.width)}%" '
                f'height="{_short(each.height)}"{corners}'
            )
            told = f"<title>{escape(each.told)}</title>" if each.told else ""
            drawn = f'<rect class="{escape(each.paint)}" {place}>{told}</rect>'
            if each.paint in _MOTIFS:
                # It lies above, so it says it too.
                drawn += f'<rect fill="url(#{name}-{each.paint})" {place}>{told}</rect>'
            return drawn
        case Rule():
            return (
                f'<line class="axis" x1="{_short(each.x1)}%" x2="{_short(each.x2)}%" '
                f'y1="{_short(each.y)}" y2="{_short(each.y)}"/>'
            )
        case Trail():
            points = " ".join(f"{_short(x)},{_short(y)}" for x, y in each.points)
            dash = f' stroke-dasharray="{DASHES[each.dash]}"' if DASHES[each.dash] else ""
            # A drawing of its own: points know no per cent.
            return (
                f'<svg viewBox="0 0 100 {_short(height)}" preserveAspectRatio="none" width="100%" '
                f'height="{_short(height)}" overflow="visible"><polyline '
                f'class="trail {each.paint}" '
                f'vector-effect="non-scaling-stroke"{dash} points="{points}"/></svg>'
            )
        case Sign():
            return (
                f'<svg x="{_short(each.x)}%" y="{_short(each.y)}" overflow="visible">'
                f'<path class="sign {each.paint}" d="{_SIGNS[each.shape]}">'
                f"<title>{escape(each.told)}</title></path></svg>"
            )
        case Words():
            off = f' dx="{_short(each.off)}"' if each.off else ""
            anchor = "" if each.anchor == "start" else f' text-anchor="{each.anchor}"'
            drawn = (
                f'<text class="{each.kind}" x="{_short(each.x)}%" y="{_short(each.y)}"'
                f"{off}{anchor}>{escape(each.text)}</text>"
            )
            if each.room:
                low = _short(each.y + 6)
                return f'<svg width="{_short(each.room)}%" height="{low}">{drawn}</svg>'
            return drawn


# Alone


def alone(
    scene: Scene, title: Any, summary: str, keys: Sequence[Key], width: int, *, dark: bool
) -> str:
    """The drawing with its legend as an SVG that needs nothing beside it, in so many pixels."""
    colours = DARK if dark else LIGHT
    pen = _Pen(width, colours)
    legend, height = pen.legend(keys, scene.height)
    used = {each.paint for each in scene.shapes if isinstance(each, Box)} & _MOTIFS.keys()
    motifs = "".join(_motif(f"m-{paint}", paint, pen.hatch) for paint in sorted(used))
    inside = "".join(pen.shape(each) for each in scene.shapes)
    return wrapped(title, summary, width, height, dark, motifs, inside + legend)


def wrapped(
    title: Any, summary: str, width: float, height: float, dark: bool, defs: str, inside: str
) -> str:
    """What is drawn alone, on its ground."""
    ground = (DARK if dark else LIGHT)["ground"]
    size = f"{_short(width)} {_short(height)}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_short(width)}" '
        f'height="{_short(height)}" viewBox="0 0 {size}" role="img" font-family="{FONTS}">'
        f"<title>{clean(title)}</title><desc>{clean(summary)}</desc><defs>{defs}</defs>"
        f'<rect width="{_short(width)}" height="{_short(height)}" fill="{ground}"/>'
        f"{inside}</svg>"
    )


#: Beside control characters what XML has no way to write.
_NO_XML = "\ufffe\uffff"


def clean(text: Any) -> str:
    """A text that may stand in XML: escaped, without letters it does not know."""
    return str(escape(writable(str(text))))


def writable(text: str) -> str:
    """The text without what XML has no way to write, escaped or not."""
    return "".join(each for each in text if each >= " " and each not in _NO_XML)


class _Pen:
    """Writes shapes in pixels and colours."""

    def __init__(self, width: int, colours: Mapping[str, str]):
        self.width, self.colours = width, colours
        self.hatch = (
            f'fill="none" stroke="{colours["ground"]}" stroke-linecap="round" stroke-opacity="0.8"'
        )

    def at(self, part: float) -> str:
        """Pixels of a per cent."""
        return _short(self.width * part / 100)

    def shape(self, each: Shape) -> str:
        """One shape."""
        match each:
            case Box():
                place = (
                    f'x="{self.at(each.x)}" y="{_short(each.y)}" width="{self.at(each.width)}" '
                    f'height="{_short(each.height)}" rx="{_short(each.round)}"'
                )
                drawn = f'<rect {place} fill="{self.colours[each.paint]}"/>'
                if each.paint in _MOTIFS:
                    drawn += f'<rect {place} fill="url(#m-{each.paint})"/>'
                return drawn
            case Rule():
                return (
                    f'<path d="M{self.at(each.x1)} {_short(each.y)}H{self.at(each.x2)}" '
                    f'stroke="{self.colours["axis"]}"/>'
                )
            case Trail():
                points = " ".join(f"{self.at(x)},{_short(y)}" for x, y in each.points)
                return (
                    f'<polyline points="{points}" fill="none" stroke-width="2" '
                    f'stroke="{self.colours[each.paint]}"{_dashed(each.dash)}/>'
                )
            case Sign():
                return self._sign(self.width * each.x / 100, each.y, each.paint, each.shape)
            case Words():
                x, text = self.width * each.x / 100 + each.off, each.text
                if each.room:
                    text = fitting(text, self.width * each.room / 100, _WORDS[each.kind][0])
                return self.words(x, each.y, text, each.kind, each.anchor)

    def words(self, x: float, y: float, text: str, kind: str, anchor: str = "start") -> str:
        """A line of text."""
        size, weight, colour = _WORDS[kind]
        return (
            f'<text x="{_short(x)}" y="{_short(y)}" font-size="{size}" font-weight="{weight}" '
            f'text-anchor="{anchor}" fill="{self.colours[colour]}">{clean(text)}</text>'
        )

    def _sign(self, x: float, y: float, paint: str, shape: int) -> str:
        return (
            f'<path transform="translate({_short(x)} {_short(y)})" fill="{self.colours[paint]}" '
            f'stroke="{self.colours["ground"]}" d="{_SIGNS[shape]}"/>'
        )

    def legend(self, keys: Sequence[Key], top: float) -> tuple[str, float]:
        """The legend below so many pixels, in as many lines as it takes, and where it ends."""
        drawn, x, y = [], 0.0, top + 20
        for each in keys:
            own = 26 if each.line is not None else _KEY
            label = fitting(str(each.label), self.width - own - 6, 12)
            takes = own + 6 + wide(label, 12)
            if x and x + takes > self.width:
                x, y = 0.0, y + 19
            drawn.append(self._key(each, x, y - 10))
            drawn.append(self.words(x + own + 6, y, label, "chart-head"))
            x += takes + 14
        return "".join(drawn), (y + 8 if keys else top)

    def _key(self, each: Key, x: float, y: float) -> str:
        if each.line is not None:
            return (
                f'<path d="M{_short(x)} {_short(y + 6)}h26" stroke-width="2" '
                f'stroke="{self.colours[each.paint]}"{_dashed(each.line)}/>'
                f"{self._sign(x + 13, y + 6, each.paint, each.line)}"
            )
        return (
            f'<svg x="{_short(x)}" y="{_short(y)}" width="{_KEY}" height="{_KEY}">'
            f'<rect width="{_KEY}" height="{_KEY}" rx="2" fill="{self.colours[each.paint]}"/>'
            f"{_covered(each.paint, self.hatch)}</svg>"
        )


def _dashed(place: int) -> str:
    return f' stroke-dasharray="{DASHES[place]}"' if DASHES[place] else ""
