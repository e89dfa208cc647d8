"""What is measured, and the ratio each figure may have (the issue's section on speed)."""

import statistics
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path

import yaml
from sqlalchemy import create_engine

from crm import create_app
from crm.core import db
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.targets import districts
from crm.targets import operations as targets
from crm.treaties import queries as treaties
from crm.treaties.instruments import INSTRUMENTS
from crm.treaties.operations import load_reference
from tests.bench import floors, packs, prints, progress, reports, roster, sheet
from tests.bench.measure import (
    Answer,
    Fields,
    Figure,
    NotThere,
    Served,
    by_turns,
    late,
    middle,
)
from tests.bench.members import members
from tests.bench.places import address_of
from tests.bench.tasks import board

#: Times a page is asked for.
TIMES = 30
#: Rows of the big exports.
EXPORTED, AS_BOOK = 1_000_000, 100_000
#: Rows of the spreadsheets: memory must not grow from one to the other.
SHEETS = (20_000, 200_000)
#: Rows of the rosters, the first with the ratio that is allowed.
ROSTERS = (10_000, 50_000)
CONGRESS = Path(__file__).parents[2].parent / "shared" / "data" / "congress"

Pairs = list[tuple[str, str]]


@dataclass
class Bench:
    """What a figure is measured on."""

    actions: int
    folder: Path
    ours: Served
    bare: Served

    @property
    def database(self) -> str:
        """The database's address."""
        return address_of(self.folder)

    def ask(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        """A question to the database, past everything; `?` stands for each value."""
        engine = create_engine(self.database)
        if engine.dialect.name == "postgresql":
            statement = statement.replace("?", "%s")
        with engine.connect() as connection:
            found = [tuple(row) for row in connection.exec_driver_sql(statement, values)]
        engine.dispose()
        return found


def page(
    bench: Bench, name: str, path: str, floor: str, *, allowed: float = 3, times: int = TIMES
) -> Iterator[Figure]:
    """A page beside its floor."""
    bench.ours.forget_peak()
    ours, bare = by_turns(partial(bench.ours.get, path), partial(bench.bare.get, floor), times)
    yield Figure(
        name, bench.actions, middle(ours), middle(bare), allowed, late(ours),
        ours[-1].statements, bench.ours.peak(),
    )  # fmt: skip


def list_page(bench: Bench) -> Iterator[Figure]:
    """The newest fifty."""
    yield from page(bench, "list page, 50 rows", "/outreach", "/list")


def filtered_list(bench: Bench) -> Iterator[Figure]:
    """The newest fifty of a campaign and a channel."""
    asked = "?campaign=co-sponsors&channel=letter"
    yield from page(bench, "filtered list", f"/outreach{asked}", f"/list{asked}")


def target_page(bench: Bench) -> Iterator[Figure]:
    """The target with the most outreach."""
    [(target, _)] = bench.ask(
        "SELECT target_id, count(*) FROM action_target GROUP BY 1 ORDER BY 2 DESC LIMIT 1"
    )
    yield from page(bench, "page of a target", f"/targets/{target}", f"/target/{target}")


def by_target(bench: Bench) -> Iterator[Figure]:
    """The report everybody asks for, as often as a page."""
    for name, asked in (("activity by target", ""), ("the same by post", "?by=post")):
        path = f"/reports/activity-by-target{asked}"
        yield from reports.beside_its_sql(bench, name, path, times=10)


def front(bench: Bench) -> Iterator[Figure]:
    """The first page after signing in; its floor is a list of fifty."""
    yield from page(bench, "front page / a list", "/", "/list")


def log(bench: Bench) -> Iterator[Figure]:
    """A class session of 150 cards by 30 students to 5 targets, ticked and as a pasted roster."""
    path = "/outreach/log/postcard"
    opened = bench.ours.get(path)
    if opened.status == 404:
        raise NotThere
    campaign = bench.ask("SELECT id FROM campaign WHERE slug = 'class'")[0][0]
    aims = bench.ask("SELECT target_id FROM campaign_target WHERE campaign_id = ?", campaign)
    members = bench.ask(
        "SELECT member.id, given_name || ' ' || family_name FROM member "
        "JOIN membership ON membership.member_id = member.id WHERE chapter_id = 2 LIMIT 30"
    )
    fields = Fields(opened.body.decode()).with_(
        campaign="class", happened_on="2026-06-30", pieces="150", place="Room 12",
        aim="campaign", spread="evenly", chapters="2",
    )  # fmt: skip
    fields = [(name, value) for name, value in fields if name != "client_key"]
    ticked = [("member", str(each)) for each, _ in members]
    ticked += [(f"count-{each}", "5") for each, _ in members]
    roster = [("roster", "\n".join(f"{name} 5" for _, name in members))]
    bare_fields = [
        ("campaign", str(campaign)), ("happened_on", "2026-06-30"), ("pieces", "150"),
        ("place", "Room 12"), *(("target", str(each)) for (each,) in aims),
        *(("member", str(each)) for each, _ in members),
    ]  # fmt: skip
    for name, more in (("members ticked", ticked), ("roster pasted", roster)):
        without = [pair for pair in fields if pair[0] not in dict(more)]
        yield _logged(bench, name, path, [*without, *more], bare_fields)


def _logged(bench: Bench, name: str, path: str, fields: Pairs, bare_fields: Pairs) -> Figure:
    def ours() -> Answer:
        return bench.ours.post(path, [*fields, ("client_key", str(uuid.uuid4()))])

    def bare() -> Answer:
        return bench.bare.post("/log", [*bare_fields, ("client_key", str(uuid.uuid4()))])

    def written() -> int:
        return int(str(bench.ask("SELECT count(*) FROM action_member")[0][0]))

    before = written()
    bench.ours.forget_peak()
    answers, floor = by_turns(ours, bare, TIMES, status=303)
    assert written() - before == 2 * (TIMES + 1) * 30, "not the same rows were written"
    return Figure(
        f"log 150 cards, 5 targets, 30 {name}", bench.actions, middle(answers), middle(floor), 3,
        late(answers), answers[-1].statements, bench.ours.peak(),
    )  # fmt: skip


def export(bench: Bench) -> Iterator[Figure]:
    """The ledger as CSV and as XLSX, streamed to the last byte.

    The floor is the csv module writing the same rows as the driver reads them; beside it stands
    what csv takes alone for rows that lie ready in memory, which no stream can have.
    """
    since, path = _since(bench, EXPORTED), "/reports/actions.{}?since={}"
    if bench.ours.get(path.format("csv", since), keep=False).status == 404:
        raise NotThere
    bench.ours.forget_peak()
    answer = bench.ours.get(path.format("csv", since), keep=False)
    peak = bench.ours.peak()
    rows = list(floors.ledger_rows(bench.database, date.fromisoformat(since)))
    told = f"{len(rows):,} rows"
    raw = _timed(lambda: floors.write_csv(rows))
    rows.clear()
    read = _timed(
        lambda: floors.write_csv(floors.ledger_rows(bench.database, date.fromisoformat(since)))
    )
    note = f"{answer.size // 1000:,} kB"
    yield Figure(f"CSV, {told} / driver + csv", bench.actions, answer.seconds, read, 3,
                 statements=answer.statements, peak=peak, note=note)  # fmt: skip
    yield Figure(f"CSV, {told} / csv alone", bench.actions, answer.seconds, raw, None)
    since = _since(bench, AS_BOOK)
    flat = bench.ours.get(path.format("csv", since), keep=False)
    bench.ours.forget_peak()
    book = bench.ours.get(path.format("xlsx", since), keep=False)
    if book.status == 200:
        yield Figure(f"XLSX, {AS_BOOK:,} rows / our CSV", bench.actions, book.seconds,
                     flat.seconds, 4, peak=bench.ours.peak(),
                     note=f"{book.size // 1000:,} kB")  # fmt: skip


def _since(bench: Bench, rows: int) -> str:
    """The day from which on there are about so many rows, or all there are."""
    [(there,)] = bench.ask("SELECT count(*) FROM action_target")
    place = min(rows, int(str(there))) - 1
    newest = "SELECT happened_on FROM action_target ORDER BY happened_on DESC LIMIT 1 OFFSET ?"
    return str(bench.ask(newest, place)[0][0])


def congress(bench: Bench) -> Iterator[Figure]:
    """All of Congress into an empty database, again, and edited, beside parsing the same files."""
    if not CONGRESS.is_dir():
        raise NotThere
    files = sorted(CONGRESS.glob("[cl]*.yaml"))
    parsing = _timed(lambda: [yaml.load(file.read_bytes(), yaml.CSafeLoader) for file in files])
    folder = bench.folder / f"congress-{uuid.uuid4().hex[:6]}"
    app = create_app(Settings(instance=str(folder), secret_key="bench"))

    def bring(place: Path = CONGRESS) -> None:
        with db.unit_of_work():
            targets.import_congress(str(place), by=None, today=date(2026, 6, 15))

    with app.app_context():
        migrate_database()
        first = _timed(bring)
        second = _timed(bring)
        newer = _edited(folder / "newer")
        changed = _timed(lambda: bring(newer))
        db.session.remove()
        db.extension.engine.dispose()
    yield Figure("import of Congress / parsing", bench.actions, first, parsing, 4)
    yield Figure("import once more / parsing", bench.actions, second, parsing, 4)
    yield Figure("import of newer files / parsing", bench.actions, changed, parsing, 4,
                 note="a third have changed")  # fmt: skip


def _edited(folder: Path) -> Path:
    """The same files months later: of every third somebody's number and party have changed."""
    folder.mkdir()
    for file in CONGRESS.glob("[cl]*.yaml"):
        people = yaml.load(file.read_bytes(), yaml.CSafeLoader)
        if file.stem == "legislators-current":
            for each in people[::3]:
                each["terms"][-1].update(party="Independent", phone="202-225-0100")
        (folder / file.name).write_text(yaml.dump(people, Dumper=yaml.CSafeDumper))
    return folder


def treaty_status(bench: Bench) -> Iterator[Figure]:
    """Where 197 states stand to both treaties on a day, beside reading the events bare."""
    folder = bench.folder / f"treaties-{uuid.uuid4().hex[:6]}"
    app = create_app(Settings(instance=str(folder), secret_key="bench"))
    day = date(2026, 2, 20)

    def ours() -> None:
        ledger = treaties.ledger()
        for key in INSTRUMENTS:
            assert len(ledger.standings(key, day)) == 197

    with app.app_context():
        migrate_database()
        with db.unit_of_work():
            load_reference(by=None)
        with create_engine(f"sqlite:///{folder}/crm.sqlite3").connect() as bare:
            read = floors.treaty_events(bare)
            ours()
            assert read() > 800
            # The best of many: what else the machine does only makes them longer.
            pairs = [(_timed(ours), _timed(read)) for _ in range(300)]
        db.session.remove()
        db.extension.engine.dispose()
    yield Figure(
        "status of 197 states × 2 treaties / reading the events", bench.actions,
        min(one for one, _ in pairs), min(two for _, two in pairs), 2, statements=2,
    )  # fmt: skip


def zip_code(bench: Bench) -> Iterator[Figure]:
    """A ZIP's districts out of 42,033 rows, beside the indexed read alone through the same engine;
    and the whole answer, with who holds the seats."""
    table = CONGRESS.parent / "zip" / "zccd.csv"
    if not table.is_file() or not CONGRESS.is_dir():
        raise NotThere
    folder = bench.folder / f"zip-{uuid.uuid4().hex[:6]}"
    app = create_app(Settings(instance=str(folder), secret_key="bench"))
    day, asked = date(2026, 6, 15), ("25705", "90210", "26507", "00601")
    plain = "SELECT table_id, area, district FROM zip_district WHERE zip = ? AND table_id = 1"
    with app.app_context():
        migrate_database()
        with db.unit_of_work():
            targets.import_congress(str(CONGRESS), by=None, today=day)
        with db.unit_of_work():
            districts.import_districts(str(table), by=None)

        def read() -> None:
            for each in asked * 25:
                db.session.connection().exec_driver_sql(plain, (each,)).all()

        def looked_up() -> None:
            for each in asked * 25:
                db.session.execute(districts.look_up(each)).all()

        def answered() -> None:
            for each in asked * 25:
                districts.represented(each, day)

        read(), looked_up(), answered()
        floor = min(_timed(read) for _ in range(5)) / 100
        ours = min(_timed(looked_up) for _ in range(5)) / 100
        whole = min(_timed(answered) for _ in range(5)) / 100
        db.session.remove()
        db.extension.engine.dispose()
    yield Figure("a ZIP's districts / indexed read", bench.actions, ours, floor, None, statements=1)
    yield Figure("who represents a ZIP / indexed read", bench.actions, whole, floor, None,
                 statements=3)  # fmt: skip


def sheets(bench: Bench) -> Iterator[Figure]:
    """Targets by spreadsheet, each size in a process of its own that tells its peak; beside
    reading the same file and inserting the same rows raw."""
    for rows in SHEETS:
        folder = bench.folder / f"sheet-{rows}"
        folder.mkdir()
        file = sheet.write(folder / "targets.csv", rows)
        seconds, again, peak = sheet.apart(file)
        floor = sheet.floor(file)
        told = f"{rows / seconds:,.0f} rows/s"
        yield Figure(f"{rows:,} targets by CSV / csv + raw inserts", bench.actions, seconds, floor,
                     None, peak=peak, note=told)  # fmt: skip
        yield Figure(f"the same file once more, {rows:,} rows", bench.actions, again, floor, None)


def rosters(bench: Bench) -> Iterator[Figure]:
    """Members by roster into a database that holds some thousands, likely duplicates weighed; each
    size in a process of its own that tells its peak; beside reading the same file and inserting
    the same rows raw. Both in seconds of the processor."""
    for rows in ROSTERS:
        folder = bench.folder / f"roster-{rows}"
        folder.mkdir()
        file = roster.write(folder / "members.csv", rows)
        # By turns, and the median of each: others may be using the machine.
        times = 3 if rows == ROSTERS[0] else 1
        taken = [(*roster.apart(file), roster.floor(file)) for _time in range(times)]
        seconds, again, peak, floor = map(statistics.median, zip(*taken, strict=True))
        allowed = 5.0 if rows == ROSTERS[0] else None
        yield Figure(f"{rows:,} members by roster / csv + raw inserts", bench.actions, seconds,
                     floor, allowed, peak=peak, note=f"{rows / seconds:,.0f} rows/s")  # fmt: skip
        yield Figure(f"the same roster once more, {rows:,} rows", bench.actions, again, floor, None)


def printed(bench: Bench) -> Iterator[Figure]:
    """A pack of 535 filled, checked, set and kept, in a process of its own that tells its peak with
    the typesetter's; beside a bare script that sets the same data by a plain template."""
    for kind, (ours, floor, peak) in _prints().items():
        name = f"{prints.PIECES} {kind} as a PDF / bare typesetter"
        yield Figure(name, bench.actions, ours, floor, 2, peak=int(peak),
                     note=f"{prints.PIECES / ours:,.0f} pieces/s")  # fmt: skip


#: Printed once, for the figures that stand beside it.
_prints = cache(prints.apart)


def signed(bench: Bench) -> Iterator[Figure]:
    """The demo's progress report from the question to the PDF, in a process of its own; beside a
    bare script that sets the same template with ready data."""
    found = progress.apart()
    yield Figure(f"progress report as a PDF, {found['rows']:,.0f} lines / bare typesetter",
                 bench.actions, found["ours"], found["floor"], 3,
                 peak=int(found["peak"]))  # fmt: skip


def allotted(bench: Bench) -> Iterator[Figure]:
    """535 targets shared out to 200 members, beside the bare typesetter setting 535 cards."""
    kind, (_ours, floor, _peak) = list(_prints().items())[-1]
    for name, ours in packs.times().items():
        yield Figure(
            f"allotment to {packs.MEMBERS} members, {name} / {kind} by the bare typesetter",
            bench.actions, ours, floor, 0.2,
        )  # fmt: skip


def _timed(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


#: By the name `--only` knows. The last do not depend on the number of actions.
FIGURES: dict[str, Callable[[Bench], Iterator[Figure]]] = {
    "list": list_page,
    "filter": filtered_list,
    "target": target_page,
    "front": front,
    "by-target": by_target,
    "reports": reports.every_report,
    "as-of": reports.as_of,
    "export": export,
    "reports-written": reports.after_a_save,
    "log": log,
    "congress": congress,
    "zip": zip_code,
    "treaties": treaty_status,
    "sheets": sheets,
    "members-search": members,
    "members-import": rosters,
    "prints": printed,
    "progress": signed,
    "allotment": allotted,
    "board": board,
}
ONCE = {
    "congress",
    "zip",
    "treaties",
    "sheets",
    "members-search",
    "members-import",
    "prints",
    "progress",
    "allotment",
    "board",
}
#: Figures that can be measured on PostgreSQL too.
ON_POSTGRESQL = ("list", "filter", "target", "front", "by-target", "reports", "as-of", "export",
                 "reports-written", "log")  # fmt: skip
