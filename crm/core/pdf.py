"""PDFs: our own Typst templates in `templates/print`, filled with data that stay text.

Nobody who uses the application ever supplies a template. Each is set in a process of its own with
a limit of time and memory, and outside of any transaction.
"""

import json
import logging
import re
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pylopdf_fonts_ar
import pylopdf_fonts_zh_cn
from flask import current_app
from flask_babel import get_locale
from flask_babel import gettext as _

from crm.core import db
from crm.core.errors import Refused

log = logging.getLogger(__name__)

#: Paper there is, by the name in addresses and templates.
PAPERS = {"a4": "A4", "letter": "US Letter"}
#: Countries that write on Letter; all others on A4.
_LETTER = frozenset({"US", "CA", "MX", "PH", "CL", "CO", "VE", "GT", "CR", "PA", "PR"})
SECONDS = 20
#: Of one drawing, which a message does not wait for longer.
PICTURE_SECONDS = 10
MEMORY = 2 * 1024**3
#: Bytes of data a template takes; papers of many pages say how many more.
MOST_DATA = 1_000_000
_SETTER = Path(__file__).with_name("pdf_setter.py")
#: Folders of fonts beside those the typesetter brings, each with the letters that need it; it is
#: read only then.
_FONTS = (
    (re.compile("[\u0600-\u06ff\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]"),
     pylopdf_fonts_ar.serif_path().parent),
    (re.compile("[\u2e80-\u30ff\u3105-\u312f\u3200-\u9fff\uf900-\ufaff\uff00-\uffef]"),
     pylopdf_fonts_zh_cn.serif_path().parent),
)  # fmt: skip
#: Letters of drawings: with no serifs they are read when they are small.
_SANS = pylopdf_fonts_zh_cn.sans_path().parent
#: Letters all these fonts have together, by the ends of their ranges: every one was set and looked
#: at. Latin, Greek and Coptic, Cyrillic, Armenian, Hebrew, Arabic, Georgian, more Latin and Greek,
#: kana and bopomofo, Chinese. Of others a reader is told.
_KNOWN = (
    (0x0000, 0x02FF), (0x0300, 0x036F), (0x0370, 0x03FF), (0x0400, 0x04FF), (0x0531, 0x0587),
    (0x05D0, 0x05EA), (0x0600, 0x06FF), (0x0750, 0x077F), (0x10D0, 0x10FA), (0x1E00, 0x1FFF),
    (0x2071, 0x209C), (0x2100, 0x214F), (0x3005, 0x3007), (0x3041, 0x3096), (0x3099, 0x30FF),
    (0x3105, 0x312F), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xFB00, 0xFB04), (0xFF10, 0xFF5A),
)  # fmt: skip


#: From here on there are emoji and rare letters.
_PICTURES = 0x1F000


def usual_paper() -> str:
    """The paper of the reader's country, where the language names one; else Letter."""
    country = getattr(get_locale(), "territory", None)
    return "letter" if country is None or country in _LETTER else "a4"


def paper_named(name: str | None) -> str:
    """The paper an address asks for; what is none is the usual one."""
    return name if name in PAPERS else usual_paper()


def render(
    template: str,
    data: Mapping[str, Any],
    *,
    paper: str,
    picture: Path | None = None,
    parts: int | None = None,
    tags: bool = True,
    seconds: int | None = None,
    most: int = MOST_DATA,
) -> bytes:
    """Set `templates/print/<template>.typ`; it reads `data` (what JSON holds) and `paper`.

    `picture` is a file the template finds under the name `data["picture"]`. Of a document of so
    many `parts`, each marked `<start>`, those with more than one page are told where they begin
    (`starts`), in a second run. Without `tags` nothing tells a screen reader what is a heading: for
    what is read on paper alone, in half the time.

    Lets go of the database first. Raises `Refused` when it takes too long or is too much; what is
    wrong with a template is a bug.
    """
    filled = {
        "picture": None if picture is None else "picture" + picture.suffix,
        **data,
        "paper": {"a4": "a4", "letter": "us-letter"}[paper],
    }
    job = {"picture": None if picture is None else str(picture), "parts": parts, "tags": tags}
    made = _set(template, filled, job, seconds=seconds or SECONDS, most=most)
    if not made.startswith(b"%PDF"):
        raise RuntimeError(f"the template {template} could not be set")
    return made


def picture(svg: str, *, width: int, scale: float = 2.5) -> bytes:
    """A drawing that stands alone as a PNG, `scale` times as many dots across as its `width`.

    As `render`: in a process of its own with limits of time and memory, and it raises as that does.
    """
    data = {"svg": svg, "width": width}
    job = {"picture": None, "parts": None, "tags": False, "ppi": 72 * scale}
    made = _set("picture", data, job, seconds=PICTURE_SECONDS, fonts=[str(_SANS)])
    if not made.startswith(b"\x89PNG"):
        raise RuntimeError("a drawing could not be set")
    return made


def _set(
    template: str,
    data: Mapping[str, Any],
    job: Mapping[str, Any],
    *,
    seconds: int,
    most: int = MOST_DATA,
    fonts: Sequence[str] = (),
) -> bytes:
    words = json.dumps(data, ensure_ascii=False)
    needed = [str(folder) for letters, folder in _FONTS if letters.search(words)]
    whole = {
        **job,
        "template": template,
        "root": str(Path(str(current_app.template_folder)) / "print"),
        "fonts": list(dict.fromkeys([*fonts, *needed])),
        "seconds": seconds,
        "bytes": MEMORY,
    }
    sent = f'{json.dumps(whole)[:-1]}, "data": {words}}}'.encode(errors="replace")
    if len(sent) > most:
        raise Refused(_("This is too much for one document."))
    db.release()
    try:
        done = subprocess.run(
            # -P: the folder of the script holds modules of ours, which it must not find.
            [sys.executable, "-P", str(_SETTER)],
            input=sent,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(_took_too_long()) from error
    if done.returncode < 0:
        raise Refused(_took_too_long())
    if done.returncode:
        log.error("typst could not set %s", template)
        raise RuntimeError(f"the template {template} could not be set")
    return done.stdout


def _took_too_long() -> str:
    return _("The document took too long. Try again in a while, or print fewer pages at once.")


def unprintable(texts: Iterable[str]) -> str:
    """Letters of these texts that the bundled fonts may lack, each once and at most twenty."""
    found: dict[str, None] = {}
    for letter in {letter for text in texts for letter in text if ord(letter) > 0x24F}:
        # Signs of a word processor's own fonts (`Co`) are in no other.
        kind = unicodedata.category(letter)
        is_read = kind[0] in "LM" or kind == "Co" or ord(letter) >= _PICTURES
        if is_read and not _is_known(letter):
            found[letter] = None
    return "".join(sorted(found)[:20])


def _is_known(letter: str) -> bool:
    return any(first <= ord(letter) <= last for first, last in _KNOWN)
