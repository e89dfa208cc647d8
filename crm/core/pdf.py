"""PDFs: our own Typst templates in `templates/print`, filled with data that stay text.

Nobody who uses the application ever supplies a template. Each is set in a process of its own with
a limit of time and memory, and outside of any transaction.
"""

import json
import logging
import subprocess
import sys
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

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
MEMORY = 2 * 1024**3
#: Bytes of data a template takes.
MOST_DATA = 1_000_000
_SETTER = Path(__file__).with_name("pdf_setter.py")
#: Scripts whose letters the bundled fonts have; of others a reader is told.
_SCRIPTS = ("LATIN", "GREEK", "CYRILLIC", "MODIFIER", "COMBINING", "FEMININE", "MASCULINE", "MICRO")


def usual_paper() -> str:
    """The paper of the reader's country, where the language names one; else Letter."""
    country = getattr(get_locale(), "territory", None)
    return "letter" if country is None or country in _LETTER else "a4"


def paper_named(name: str | None) -> str:
    """The paper an address asks for; what is none is the usual one."""
    return name if name in PAPERS else usual_paper()


def render(template: str, data: Mapping[str, Any], *, paper: str) -> bytes:
    """Set `templates/print/<template>.typ`; it reads `data` (what JSON holds) and `paper`.

    Lets go of the database first. Raises `Refused` when it takes too long or is too much; what is
    wrong with a template is a bug.
    """
    root = Path(str(current_app.template_folder)) / "print"
    job = {
        "template": str(root / f"{template}.typ"),
        "root": str(root),
        "data": {**data, "paper": {"a4": "a4", "letter": "us-letter"}[paper]},
        "seconds": SECONDS,
        "bytes": MEMORY,
    }
    sent = json.dumps(job).encode()
    if len(sent) > MOST_DATA:
        raise Refused(_("This is too much for one document."))
    db.release()
    try:
        done = subprocess.run(
            # -P: the folder of the script holds modules of ours, which it must not find.
            [sys.executable, "-P", str(_SETTER)],
            input=sent,
            capture_output=True,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise Refused(_("The document took too long. Try again in a while.")) from error
    if done.returncode < 0:
        raise Refused(_("The document took too long. Try again in a while."))
    if done.returncode or not done.stdout.startswith(b"%PDF"):
        log.error("typst could not set %s", template)
        raise RuntimeError(f"the template {template} could not be set")
    return done.stdout


def unprintable(texts: Iterable[str]) -> str:
    """Letters of these texts that the bundled fonts may lack, each once and at most twenty."""
    found: dict[str, None] = {}
    for letter in {letter for text in texts for letter in text if ord(letter) > 0x24F}:
        if unicodedata.category(letter)[0] in "LM" and not _is_known(letter):
            found[letter] = None
    return "".join(sorted(found)[:20])


def _is_known(letter: str) -> bool:
    return unicodedata.name(letter, "").startswith(_SCRIPTS)
