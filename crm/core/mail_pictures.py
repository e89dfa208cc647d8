"""Pictures in messages: drawings that wait as text with what is said, and are set when it leaves.

A row of the outbox holds the drawing, packed to two or three thousand letters, and no picture. What
shows it without its picture has its words: they stand beside it, and a drawing that cannot be set
is left out. It never stops a message.
"""

import logging
import re
import zlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from functools import lru_cache

from crm.core import pdf

log = logging.getLogger(__name__)

#: Pixels across that a drawing has in a message: read on a phone, where it is made smaller.
WIDTH = 420
_PLACES = re.compile(r"<!--picture ([a-z0-9]+)-->(.*?)<!--/picture \1-->", re.DOTALL)


def packed(drawings: Mapping[str, str]) -> dict[str, str]:
    """Drawings as a row of the outbox keeps them."""
    return {name: b64encode(zlib.compress(svg.encode())).decode() for name, svg in drawings.items()}


def set_all(kept: Mapping[str, str]) -> dict[str, bytes]:
    """PNGs by name, of the drawings a row keeps that can be set."""
    found = {}
    for name, drawing in kept.items():
        try:
            found[name] = _set(zlib.decompress(b64decode(drawing)).decode())
        except Exception:
            # Whatever it is: what is told stands in words beside it.
            log.exception("a drawing of a message could not be set")
    return found


@lru_cache(maxsize=16)
def _set(svg: str) -> bytes:
    # Many get the same in one morning.
    return pdf.picture(svg, width=WIDTH)


def with_those(html: str, names: Mapping[str, bytes]) -> str:
    """The message with the places of these pictures alone: the others are taken out."""
    return _PLACES.sub(lambda place: place[2] if place[1] in names else "", html)


def inlined(html: str, pictures: Mapping[str, bytes]) -> str:
    """The message with its pictures in it, for showing it on a page."""
    shown = with_those(html, pictures)
    for name, png in pictures.items():
        shown = shown.replace(
            f"cid:{name}@picture", f"data:image/png;base64,{b64encode(png).decode()}"
        )
    return shown
