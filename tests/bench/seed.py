"""A big database quickly: any number of actions, by the rules that outreach is written by.

The same number gives the same rows. SQLite files are kept in the system's temporary folder, named
after all that decides what is in them, so a second run begins at once.
"""

import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import psycopg
from sqlalchemy import Engine, make_url

from crm import create_app
from crm.accounts.models import User
from crm.campaigns.models import Ask, Campaign, CampaignTarget, Goal, campaign_chapter
from crm.core import db
from crm.core.access import Role
from crm.core.cli import migrate_database
from crm.core.settings import Settings
from crm.core.text import fold, slugify
from crm.members.models import (
    Chapter,
    ChapterRole,
    Member,
    Membership,
    MemberWord,
    Team,
    TeamMember,
    words_of,
)
from crm.outreach import kept, kept_months
from crm.outreach.channels import channels
from crm.outreach.models import (
    Action,
    ActionChapter,
    ActionMember,
    ActionTarget,
    Outcome,
    action_ask,
)
from crm.targets.models import Body, Post, Target, TargetIdentifier, Term

LEGISLATORS, GOVERNMENTS, MEMBERS = 600, 197, 200
#: Actions lie in the three school years before this day.
LAST_DAY, DAYS = date(2026, 6, 30), 1030
#: Actions that are written in one go.
CHUNK = 20_000
STATES = (
    "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH "
    "NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY"
).split()
REGIONS = ("Africa", "Americas", "Asia", "Europe", "Oceania")
GIVEN = (
    "Ada Ben Cleo Dov Esi Finn Gia Hugo Ines Jae Kofi Lena Mira Nico Orla Pia Quin Rosa"
).split()
FAMILY = ("Alder Birch Cedar Dogwood Elm Fir Gorse Hazel Ivy Juniper Laurel Maple Oak Pine").split()
#: Campaigns: slug and how many targets are on the list; the last is a class's, as it logs them.
CAMPAIGNS = (("treaty-postcards", 120), ("pacific-letters", 14), ("co-sponsors", 80), ("class", 5))

BIG: dict[Any, tuple[str, ...]] = {
    Action.__table__: (
        "id", "channel", "campaign_id", "happened_on", "place", "pieces", "unnamed", "minutes",
        "people", "details", "origin", "client_key", "logged_by_id", "logged_at",
    ),
    ActionChapter.__table__: ("action_id", "chapter_id", "happened_on"),
    ActionTarget.__table__: (
        "id", "action_id", "target_id", "term_id", "pieces", "channel", "campaign_id",
        "happened_on", "awaiting", "went_to",
    ),
    ActionMember.__table__: ("id", "action_id", "member_id", "pieces", "minutes"),
    Outcome.__table__: ("id", "action_target_id", "kind", "received_on", "recorded_at"),
    action_ask: ("action_id", "ask_id"),
}  # fmt: skip

Rows = dict[Any, list[tuple[Any, ...]]]


def seeded(actions: int) -> Path:
    """The folder of a SQLite database with so many actions; made when it is not there."""
    folder = Path(tempfile.gettempdir()) / "crm-bench" / f"{actions}-{_fingerprint()}"
    if not (folder / "done.json").exists():
        started = time.monotonic()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "crm.sqlite3").unlink(missing_ok=True)
        fill(f"sqlite:///{folder / 'crm.sqlite3'}", folder, actions)
        (folder / "done.json").write_text(json.dumps({"seconds": time.monotonic() - started}))
    return folder


def _fingerprint() -> str:
    found = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted((Path(__file__).parents[2] / "migrations" / "versions").glob("*.py")):
        found.update(path.read_bytes())
    return found.hexdigest()[:10]


def fill(address: str, folder: Path, actions: int) -> None:
    """Migrate an empty database and put the rows in."""
    app = create_app(Settings(instance=str(folder), database_url=address, secret_key="bench"))
    with app.app_context():
        migrate_database()
        with db.unit_of_work():
            who = _cast()
        engine = db.extension.engine
        indexes = [index for table in BIG for index in table.indexes]
        with db.unit_of_work():
            for index in indexes:
                index.drop(engine)
        triggers = _without_triggers(engine)
        with writer(address) as write:
            for number, rows in enumerate(_actions(actions, who)):
                for table, columns in BIG.items():
                    write(table.name, columns, rows[table])
                print(
                    f"\rseeding {min((number + 1) * CHUNK, actions):,} of {actions:,} actions",
                    end="",
                    file=sys.stderr,
                )
            print(file=sys.stderr)
        with db.unit_of_work():
            for index in indexes:
                index.create(engine)
        with engine.begin() as connection:
            for statement in triggers:
                connection.exec_driver_sql(statement)
            kept.rebuild(connection)
            if engine.dialect.name == "postgresql":
                for name in (table.name for table in BIG if "id" in table.columns):
                    connection.exec_driver_sql(
                        f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), "
                        f"(SELECT max(id) FROM {name}))"
                    )
        if engine.dialect.name == "postgresql":
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("VACUUM ANALYZE")
        with db.unit_of_work():
            # As the first nights do.
            kept_months.rebuild()
        db.session.remove()
        engine.dispose()


def _without_triggers(engine: Engine) -> list[str]:
    """Take the triggers of outreach away, for a million rows; gives what brings them back."""
    names = [table.name for table in BIG]
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            for name in names:
                connection.exec_driver_sql(f"ALTER TABLE {name} DISABLE TRIGGER USER")
            return [f"ALTER TABLE {name} ENABLE TRIGGER USER" for name in names]
        made = connection.exec_driver_sql(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND name LIKE 'kept%'"
        ).all()
        for name, _sql in made:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        return [sql for _name, sql in made]


@contextmanager
def writer(address: str) -> Iterator[Any]:
    """A function that writes rows as fast as the database's own way takes them."""
    url = make_url(address)
    if url.get_backend_name() == "sqlite":
        with closing(sqlite3.connect(url.database or "", isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute("BEGIN IMMEDIATE")

            def write(table: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
                marks = ", ".join("?" * len(columns))
                names = ", ".join(columns)
                connection.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)

            yield write
            connection.execute("COMMIT")
        return
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, options="-c TimeZone=UTC") as postgres, postgres.cursor() as cursor:

        def copy(table: str, columns: Sequence[str], rows: Iterable[Any]) -> None:
            names = ", ".join(columns)
            with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as sending:  # type: ignore[arg-type]
                for row in rows:
                    sending.write_row(row)

        yield copy


class Cast:
    """Who there is: what an action is made of."""

    def __init__(self) -> None:
        #: Target → its current term, None for a government.
        self.terms: dict[int, int | None] = {}
        #: By campaign: the ids on its list.
        self.aims: dict[int, list[int]] = {}
        #: By campaign: its asks.
        self.asks: dict[int, list[int]] = {}
        #: By school: the ids of its members.
        self.members: dict[int, list[int]] = {}
        self.user_id = 0


def _insert(model: Any, **values: Any) -> int:
    result = db.session.connection().execute(model.__table__.insert().values(**values))
    return int(result.inserted_primary_key[0]) if result.inserted_primary_key else 0


def _cast() -> Cast:
    """All but the actions."""
    cast = Cast()
    random = Random(5)
    cast.user_id = _insert(User, email="bench@example.org", name="Bench Mark", active=True)
    _insert(ChapterRole, user_id=cast.user_id, role=Role.ADMINISTRATOR.value)
    state = _insert(Chapter, slug="state", name="State Campaign", kind="state", path="/1/")
    for number, name in enumerate(("Alder High", "Birch High", "Cedar High"), 2):
        school = _insert(
            Chapter, slug=slugify(name), name=name, kind="school", parent_id=state,
            path=f"/{state}/{number}/",
        )  # fmt: skip
        cast.members[school] = []
    schools = list(cast.members)
    for number in range(MEMBERS):
        given, family = GIVEN[number % len(GIVEN)], f"{random.choice(FAMILY)}{_letters(number)}"
        search = fold(f"{family} {given} {family}")
        member = _insert(Member, given_name=given, family_name=family, search=search)
        words = [{"word": word, "member_id": member} for word in words_of(search)]
        db.session.connection().execute(MemberWord.__table__.insert(), words)  # type: ignore[attr-defined]
        school = schools[number % len(schools)]
        _insert(Membership, member_id=member, chapter_id=school, joined_on=date(2023, 9, 1))
        cast.members[school].append(member)
    for school, theirs in cast.members.items():
        for name, some in (("Writers", theirs[:20]), ("Callers", theirs[15:30])):
            team = _insert(Team, chapter_id=school, name=name)
            for member in some:
                _insert(TeamMember, team_id=team, member_id=member)
    _targets(cast)
    everybody = list(cast.terms)
    governments = [target for target, term in cast.terms.items() if term is None]
    for slug, most in CAMPAIGNS:
        campaign = _insert(Campaign, slug=slug, name=slug.replace("-", " ").title(),
                           starts_on=date(2023, 9, 1))  # fmt: skip
        db.session.connection().execute(
            campaign_chapter.insert(), [{"campaign_id": campaign, "chapter_id": state}]
        )
        cast.asks[campaign] = [
            _insert(Ask, campaign_id=campaign, text=text, position=place)
            for place, text in enumerate(("Join the treaty", "Co-sponsor the bill"))
        ]
        _insert(Goal, campaign_id=campaign, channel="postcard", number=5000)
        pool = governments if slug.startswith("pacific") else everybody[:LEGISLATORS]
        cast.aims[campaign] = random.sample(pool, most)
        for target in cast.aims[campaign]:
            _insert(CampaignTarget, campaign_id=campaign, target_id=target)
    # Nobody is left out: the first campaign reaches for everybody now and then.
    cast.aims[min(cast.aims)] += everybody
    return cast


def _letters(number: int) -> str:
    return chr(97 + number // 26) + chr(97 + number % 26)


def _targets(cast: Cast) -> None:
    chambers = {
        key: _insert(Body, key=key, name=name, classification="chamber", country="US")
        for key, name in (("us/senate", "U.S. Senate"), ("us/house", "U.S. House"))
    }
    for number in range(LEGISLATORS):
        area = STATES[number % 50]
        key = "us/senate" if number < 100 else "us/house"
        given, family = GIVEN[number % len(GIVEN)], f"{FAMILY[number % len(FAMILY)]}{number}"
        name = f"{given} {family}"
        target = _insert(
            Target, kind="legislator", name=name, sort_name=fold(f"{family} {given}"),
            search=fold(f"{name} {area}"), given_name=given, family_name=family, country="US",
        )  # fmt: skip
        _insert(TargetIdentifier, target_id=target, scheme="bioguide",
                identifier=f"Z{number:06}")  # fmt: skip
        post = _insert(
            Post, key=f"{key}/{area}/{number}", body_id=chambers[key], area=area,
            role="Senator" if number < 100 else "Representative",
            label=f"{area} {number // 50 + 1}", district=str(number // 50 + 1),
        )  # fmt: skip
        cast.terms[target] = _insert(
            Term, target_id=target, post_id=post, starts_on=date(2023, 1, 3),
            ends_on=date(2029, 1, 3), is_current=True,
            party=("Democrat", "Republican", "Independent")[min(number % 7 % 3, 2)],
        )  # fmt: skip
    for number in range(GOVERNMENTS):
        name = f"Republic of {FAMILY[number % len(FAMILY)]} {number}"
        target = _insert(
            Target, kind="government", name=name, sort_name=fold(name), search=fold(name),
            country=chr(65 + number // 26) + chr(65 + number % 26),
            region=REGIONS[number % len(REGIONS)],
        )  # fmt: skip
        cast.terms[target] = None


def _actions(number: int, cast: Cast) -> Iterator[Rows]:
    """The rows of so many actions, some thousand at a time, oldest first."""
    random = Random(number)
    pick = random.random
    kinds = [(each.name, each.per_piece, each.expects_answer) for each in channels().values()]
    campaigns = list(cast.aims)
    schools = list(cast.members)
    target_row = member_row = outcome_row = 0
    first_day = LAST_DAY - timedelta(days=DAYS)
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC).isoformat(" ").removesuffix("+00:00")
    days = [(first_day + timedelta(days=step)).isoformat() for step in range(DAYS + 60)]
    for start in range(1, number + 1, CHUNK):
        rows: Rows = {table: [] for table in BIG}
        acts, of_chapters, of_targets, of_members, outcomes, asks = rows.values()
        for action in range(start, min(start + CHUNK, number + 1)):
            step = action * DAYS // number
            day = days[step]
            channel, per_piece, answered = kinds[int(pick() ** 2 * len(kinds))]
            campaign = campaigns[int(pick() * len(campaigns))]
            aims = cast.aims[campaign]
            chosen = {aims[int(pick() * len(aims))] for _ in range(1 + int(pick() * 5))}
            each = 1 + int(pick() * 30) if per_piece else 1
            pieces = each * len(chosen) if per_piece else 1
            school = schools[int(pick() * len(schools))]
            named = minutes = 0
            if pick() < 0.5:
                theirs = cast.members[school]
                members = {theirs[int(pick() * len(theirs))] for _ in range(1 + int(pick() * 5))}
                share = pieces // len(members) if per_piece else 1
                for member in members if share else ():
                    member_row += 1
                    spent = 5 * (1 + int(pick() * 12))
                    minutes += spent
                    of_members.append((member_row, action, member, share, spent))
                    named += share
            unnamed = pieces - named if per_piece else (0 if named else 1)
            acts.append((
                action, channel, campaign, day, "Room 12", pieces, unnamed, minutes or None, None,
                "{}", "import", f"bench-{action:09}", cast.user_id, moment,
            ))  # fmt: skip
            of_chapters.append((action, school, day))
            if pick() < 0.6:
                asks += [(action, each) for each in cast.asks[campaign][: 1 + int(pick() * 1.2)]]
            for target in chosen:
                target_row += 1
                term = cast.terms[target]
                went = "mission" if term is None else ("washington", "district")[target % 2]
                came = answered and pick() < 0.1
                of_targets.append((
                    target_row, action, target, term, each, channel, campaign, day,
                    answered and not came, went,
                ))  # fmt: skip
                if came:
                    outcome_row += 1
                    kind = "form_reply" if pick() < 0.7 else "acknowledgement"
                    outcomes.append(
                        (outcome_row, target_row, kind, days[step + 1 + int(pick() * 50)], moment)
                    )
        yield rows
