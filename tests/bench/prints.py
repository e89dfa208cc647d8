"""A pack of 535 printed in a process of its own, and beside it a bare script that calls the
typesetter with the same data and a plain template of its own.

`python -m tests.bench.prints FOLDER` makes the pack and prints it by turns with the bare script:
seconds of the processor, as others may be using the machine, and our most memory in MB. Ours is all
of it: filled, checked, set, kept.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from crm import create_app
from crm.campaigns.models import Campaign
from crm.core import audit, db
from crm.core.access import Scope
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.core.text import fold
from crm.mailings import queries
from crm.mailings.models import Mailing, Piece
from crm.mailings.printing import chosen, data, look, print_pack
from crm.mailings.printing.papers import Kind, Wish
from crm.members.disclosure import Viewer
from crm.members.models import Chapter
from crm.targets.models import ContactPoint, Target
from crm.texts.models import Text, TextVersion

PIECES, TIMES = 535, 5
_TODAY = date(2026, 6, 15)
_EVERYWHERE = Scope(everywhere=True, chapter_ids=frozenset())
_LETTER = "\n\n".join(
    (
        "((target.salutation)),",
        "we are students of ((chapter.name)) and write about cluster munitions. Each year they "
        "kill and wound people who have nothing to do with a war. Many of the victims are "
        "children who took them for toys, and fields stay closed for decades.",
        "Most countries of the world have joined the convention that ends their use. We ask you "
        "to support it wherever you can, and to vote for every step that ends their transfer to "
        "others.",
        "People who cleared such fields have visited our school, and what they told us stays with "
        "us. With respect for your work we would be glad to hear what you think about it.",
    )
)
_CARD = "((target.salutation)),\n\nplease support the convention that ends cluster munitions."

_PLAIN_LETTER = """#let data = json(bytes(sys.inputs.data))
#set page(paper: "us-letter", margin: 1in)
#set text(font: "Libertinus Serif", size: 11.5pt)
#for (number, each) in data.pieces.enumerate() {
  if number > 0 { pagebreak() }
  data.back.join("\\n")
  parbreak()
  data.on
  parbreak()
  (each.envelope, ..each.address).join("\\n")
  parbreak()
  if each.subject != none { strong(each.subject) }
  for words in each.body { par(words) }
  par(each.closing)
  par(each.signature)
}
"""
_PLAIN_CARD = """#let data = json(bytes(sys.inputs.data))
#set page(width: 6in, height: 4in, margin: 7mm)
#set text(font: "Libertinus Serif", size: 10pt)
#for (number, each) in data.pieces.enumerate() {
  if number > 0 { pagebreak() }
  strong(text(30pt, data.poster))
  pagebreak()
  grid(
    columns: (1fr, 1fr),
    { data.back.join(" "); for words in each.message { par(words) } },
    (each.envelope, ..each.address).join("\\n"),
  )
}
"""
_BARE = """import json, sys, typst
template, filled, output = sys.argv[1:]
inputs = {"data": json.dumps(json.load(open(filled)))}
made = typst.compile(template, sys_inputs=inputs, ignore_system_fonts=True, pdf_tags=False)
open(output, "wb").write(made)
"""


def apart() -> dict[str, list[float]]:
    """By kind of paper: our seconds, the bare script's, and our most memory in MB."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.prints", folder],
            check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _make(kind: str, body: str, targets: list[int], campaign: int, chapter: int) -> str:
    words = TextVersion(
        text=Text(slug=kind, name=kind, kind=kind), language="en", number=1, body=body,
        subject="Join the convention" if kind == "letter" else None,
        approved_at=datetime(2026, 6, 1, tzinfo=UTC),
    )  # fmt: skip
    db.session.add(words)
    db.session.flush()
    pack = Mailing(
        name=f"The {kind}s", campaign_id=campaign, chapter_id=chapter, text_id=words.text_id,
        channel=kind, planned_on=_TODAY, client_key=kind,
    )  # fmt: skip
    db.session.add(pack)
    db.session.flush()
    db.session.add_all(
        Piece(mailing_id=pack.id, number=number, target_id=each)
        for number, each in enumerate(targets, 1)
    )
    return pack.code


def _packs() -> dict[Kind, str]:
    with db.unit_of_work():
        targets = [
            Target(kind="official", name=f"Robin Alder-{n}", sort_name=fold(f"Alder {n}"),
                   search=fold(f"Robin Alder-{n}"), given_name="Robin", family_name=f"Alder-{n}",
                   country="US")
            for n in range(PIECES)
        ]  # fmt: skip
        chapter = Chapter(
            name="Alder High School", slug="alder", kind="school", path="/1/",
            address="12 Alder Street\nCharleston, WV 25301",
        )  # fmt: skip
        campaign = Campaign(name="Join the convention", slug="join", starts_on=_TODAY)
        db.session.add_all([*targets, chapter, campaign])
        db.session.flush()
        db.session.add_all(
            ContactPoint(target_id=each.id, kind="postal", label="DC", source="bench",
                         value=f"United States Senate\n{n + 1} Mill Lane\nWashington, DC 20510")
            for n, each in enumerate(targets)
        )  # fmt: skip
        ids = [each.id for each in targets]
        audit.record("bench", "mailing", None, by=None)
        return {
            Kind.LETTERS: _make("letter", _LETTER, ids, campaign.id, chapter.id),
            Kind.POSTCARDS: _make("postcard", _CARD, ids, campaign.id, chapter.id),
        }


def main() -> None:
    """Print both packs by turns with the bare script, and tell the medians."""
    folder = Path(sys.argv[1])
    app = create_app(
        Settings(instance=str(folder), database_url=f"sqlite:///{folder / 'crm.sqlite3'}",
                 secret_key="bench", testing="1")
    )  # fmt: skip
    told = {}
    with app.app_context():
        migrate_database()
        packs = _packs()
        (folder / "bare.py").write_text(_BARE)
        for kind, template in ((Kind.LETTERS, _PLAIN_LETTER), (Kind.POSTCARDS, _PLAIN_CARD)):
            (folder / "plain.typ").write_text(template)
            (folder / "data.json").write_text(json.dumps(_filled(packs[kind], kind)))
            pairs = [(_ours(packs[kind], kind), _floor(folder)) for _time in range(TIMES)]
            ours, floor = (statistics.median(side) for side in zip(*pairs, strict=True))
            told[str(kind)] = [ours, floor, _most(resource.RUSAGE_SELF)
                               + _most(resource.RUSAGE_CHILDREN)]  # fmt: skip
    print(json.dumps(told))


def _ours(code: str, kind: Kind) -> float:
    started = _spent()
    with db.unit_of_work():
        made = print_pack(
            queries.mailing(code, _EVERYWHERE), str(kind), by=None, viewer=Viewer(_EVERYWHERE),
            today=_TODAY,
        )  # fmt: skip
    taken = _spent() - started
    pages = PIECES * (2 if kind is Kind.POSTCARDS else 1)
    # Page trees are not compressed; a page short would make a figure that is none.
    assert made.startswith(b"%PDF")
    assert f"/Count {pages}".encode() in made, "not all pages are there"
    return taken


def _floor(folder: Path) -> float:
    started = _spent()
    subprocess.run(
        [sys.executable, "-P", "bare.py", "plain.typ", "data.json", "bare.pdf"],
        check=True, cwd=folder,
    )  # fmt: skip
    return _spent() - started


def _filled(code: str, kind: Kind) -> dict[str, Any]:
    """The data our own template gets."""
    mailing, wish = queries.mailing(code, _EVERYWHERE), Wish(kind)
    checked = look(mailing, chosen(mailing.id), wish, viewer=Viewer(_EVERYWHERE), today=_TODAY)
    assert len(checked.ready) == PIECES, checked.hindered[:1]
    filled = data.of_pieces(
        checked.ready, wish, language="en", poster="Join the convention", by="Alder", on=_TODAY
    )
    db.rollback()
    return filled


def _spent() -> float:
    """Seconds of the processor, of this process and of those it started."""
    return sum(os.times()[:4])


def _most(who: int) -> int:
    return resource.getrusage(who).ru_maxrss // 1024


if __name__ == "__main__":
    main()
