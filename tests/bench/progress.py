"""The progress report as a PDF in a process of its own, and beside it a bare script that calls the
typesetter with the same template and ready data.

`python -m tests.bench.progress FOLDER` tells of the demo, made there, or of what lies there
already: seconds of the processor by turns (others may be using the machine), and our most memory
in MB. Ours is all of it: asked of the database, drawn, written, set.
"""

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import select

from crm import create_app
from crm.campaigns.models import Strategy
from crm.core import db
from crm.core.access import Scope
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.demo import load_demo
from crm.members.disclosure import Viewer
from crm.reports.progress import paper as progress_paper
from crm.reports.progress.audiences import AUDIENCES
from crm.reports.progress.document import Document, Wish, document

TIMES = 5
_EVERYWHERE = Viewer(sees=Scope(everywhere=True, chapter_ids=frozenset()))
_BARE = """import sys, typst
from pathlib import Path
template, data, out = sys.argv[1:]
root = Path(template).parent
Path(out).write_bytes(typst.compile(
    template, root=root, ignore_system_fonts=True, sys_inputs={"data": Path(data).read_text()},
))
"""


def apart() -> dict[str, float]:
    """`ours`, `floor` (seconds of the processor), `peak` (MB), `rows`: in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [sys.executable, "-m", "tests.bench.progress", folder],
            check=True, capture_output=True, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Make the report by turns with the bare script, and tell the medians."""
    folder = Path(sys.argv[1])
    app = create_app(
        Settings(instance=str(folder), database_url=f"sqlite:///{folder / 'crm.sqlite3'}",
                 secret_key="bench", testing="1")
    )  # fmt: skip
    with app.app_context(), app.test_request_context():
        wish = _wish()
        made = document(app, wish, _EVERYWHERE)
        (folder / "bare.py").write_text(_BARE)
        shutil.copy(Path(str(app.template_folder)) / "print" / "progress.typ", folder)
        data = {**_data(made), "paper": "us-letter", "picture": None}
        (folder / "data.json").write_text(json.dumps(data, ensure_ascii=False))
        pairs = [(_ours(app, wish), _floor(folder)) for _time in range(TIMES)]
        ours, floor = (statistics.median(side) for side in zip(*pairs, strict=True))
    peak = sum(
        resource.getrusage(who).ru_maxrss // 1024
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    print(json.dumps({"ours": ours, "floor": floor, "peak": peak, "rows": _rows(made)}))


def _wish() -> Wish:
    migrate_database()
    today = datetime.now(UTC).date()
    with db.unit_of_work():
        if db.session.scalar(select(Strategy.id).limit(1)) is None:
            load_demo(password="bench-password-1", today=today)
    return Wish(
        audience=AUDIENCES["board"], since=today - timedelta(days=365), until=today, on=today,
        strategy=db.session.scalar(select(Strategy.slug).order_by(Strategy.id).limit(1)),
    )  # fmt: skip


def _data(made: Document) -> dict[str, Any]:
    return progress_paper.data_of(made, made=datetime.now(UTC), made_by="Ada Brook")


def _rows(made: Document) -> int:
    return sum(len(each.rows) for each in made.extracts)


def _ours(app: Flask, wish: Wish) -> float:
    started = _spent()
    made = document(app, wish, _EVERYWHERE)
    paper = progress_paper.paper(made, paper="letter", made=datetime.now(UTC), made_by="Ada Brook")
    assert paper.startswith(b"%PDF")
    return _spent() - started


def _floor(folder: Path) -> float:
    started = _spent()
    subprocess.run(
        [sys.executable, "-P", "bare.py", "progress.typ", "data.json", "bare.pdf"],
        check=True, cwd=folder,
    )  # fmt: skip
    return _spent() - started


def _spent() -> float:
    """Seconds of the processor, of this process and of those it started."""
    return sum(os.times()[:4])


if __name__ == "__main__":
    main()
