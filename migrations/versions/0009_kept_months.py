# ruff: noqa: S608 - triggers are put together from names of ours
"""kept months, kept answers, and kept sums that know the kind of address

`crm.outreach.kept_months` keeps what a scan says of a whole month. Triggers mark the month of
whatever a change touches: what is kept of a marked month is not read until it is made anew.
`kept_answer` is a kept sum as those of 0008, of what came back. `kept_reach` tells apart by the
kind of address too, so its triggers are made anew.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_month",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("answer", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_month")),
        sa.UniqueConstraint("name", "month", name=op.f("uq_kept_month_name_month")),
    )
    op.create_table(
        "kept_stale",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("month", sa.Date(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_stale")),
    )
    op.create_index(op.f("ix_kept_stale_month"), "kept_stale", ["month"])
    op.create_table(
        "kept_answer",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("received", sa.Date(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("outcomes", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_answer")),
    )
    op.add_column("kept_reach", sa.Column("went_to", sa.String(), nullable=True))
    if op.get_bind().dialect.name == "postgresql":
        _reach_on_postgresql("went_to", answers=True)
        _answers_on_postgresql()
        _marks_on_postgresql()
    else:
        _reach_on_sqlite("went_to")
        _answers_on_sqlite()
        _marks_on_sqlite()
    _refill("went_to")
    month = _month_on(op.get_bind().dialect.name)
    op.execute(
        f"INSERT INTO kept_answer ({_ANSWER}) SELECT t.campaign_id, t.channel,"
        f" {month('t.happened_on')}, {month('o.received_on')}, o.kind, count(*) FROM outcome o"
        " JOIN action_target t ON t.id = o.action_target_id GROUP BY 1, 2, 3, 4, 5"
    )


_ANSWER = "campaign_id, channel, month, received, kind, outcomes"


def _month_on(dialect: str) -> Callable[[str], str]:
    if dialect == "postgresql":
        return lambda day: f"date_trunc('month', {day})::date"
    return lambda day: f"substr({day}, 1, 8) || '01'"


#: What tells reach apart, before and since.
_KEYS = ("target_id", "term_id", "campaign_id", "channel")
_SUMS = "pieces, actions, awaiting"
#: By table: the columns that a month's answers come from.
_WATCHED = {
    "action": ("campaign_id", "channel", "happened_on", "pieces", "unnamed", "minutes",
               "undone_at"),
    "action_target": ("action_id", "target_id", "term_id", "campaign_id", "channel",
                      "happened_on", "pieces"),
    "action_chapter": ("action_id", "chapter_id", "happened_on"),
    "action_member": ("action_id", "member_id", "pieces", "minutes"),
    "action_ask": ("action_id", "ask_id"),
}  # fmt: skip
#: Those that know no day: theirs is the action's.
_WITHOUT_DAY = ("action_member", "action_ask")
#: What a target is told apart by: of these a change touches every month.
_OF_TARGET = ("kind", "region")


def _refill(*more: str) -> None:
    keys = ", ".join((*_KEYS, *more))
    op.execute("DELETE FROM kept_reach")
    op.execute(
        f"INSERT INTO kept_reach ({keys}, {_SUMS}) SELECT {keys}, sum(pieces), count(*),"
        f" sum(CASE WHEN awaiting THEN pieces ELSE 0 END) FROM action_target GROUP BY {keys}"
    )


def _trigger(name: str, when: str, *steps: str) -> None:
    """On SQLite, once a row."""
    op.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {'; '.join(steps)}; END")


def _update(columns: tuple[str, ...], table: str) -> str:
    """On SQLite, when one of these is other than before."""
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    return f"UPDATE OF {', '.join(columns)} ON {table} WHEN {changed}"


def _triggers(name: str, table: str, body: str) -> None:
    """On PostgreSQL, once a statement: a function, and what calls it."""
    op.execute(
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} RETURN NULL; END $$"
    )
    for word, tables in (
        ("INSERT", "NEW TABLE AS now_rows"),
        ("DELETE", "OLD TABLE AS was_rows"),
        ("UPDATE", "OLD TABLE AS was_rows NEW TABLE AS now_rows"),
    ):
        op.execute(
            f"CREATE TRIGGER {name}_{word.lower()} AFTER {word} ON {table}"
            f" REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _reach_on_sqlite(*more: str) -> None:
    for word in ("new", "gone", "changed"):
        op.execute(f"DROP TRIGGER IF EXISTS kept_target_{word}")
    keys = (*_KEYS, *more)
    watched = (*keys, "pieces", "awaiting")

    def reach(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_reach ({', '.join(keys)}, {_SUMS}) VALUES ("
            f"{', '.join(f'{row}.{key}' for key in keys)}, {sign}{row}.pieces, {sign}1,"
            f" {sign}{row}.pieces * ({row}.awaiting <> 0))"
        )

    def done(row: str, change: str) -> str:
        return (
            "INSERT INTO kept_done (campaign_id, channel, month, reached, chapters, pieces,"
            " actions, unnamed, tallies) SELECT a.campaign_id, a.channel,"
            " substr(a.happened_on, 1, 8) || '01',"
            f" (SELECT count(*) FROM action_target WHERE action_id = a.id){change},"
            " (SELECT count(*) FROM action_chapter WHERE action_id = a.id),"
            " side.sign * a.pieces, side.sign,"
            " side.sign * a.unnamed, side.sign * (a.unnamed > 0)"
            " FROM action a, (SELECT 1 AS sign, 0 AS was UNION ALL SELECT -1, 1) side"
            f" WHERE a.id = {row}.action_id AND a.undone_at IS NULL"
        )

    for name, when, steps in (
        ("new", "INSERT ON action_target", (reach("NEW", ""), done("NEW", " - side.was"))),
        ("gone", "DELETE ON action_target", (reach("OLD", "-"), done("OLD", " + side.was"))),
        (
            "changed",
            _update(watched, "action_target"),
            (reach("OLD", "-"), reach("NEW", "")),
        ),
    ):
        _trigger(f"kept_target_{name}", when, *steps)


def _answers_on_sqlite() -> None:
    month = _month_on("sqlite")

    def of_outcome(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_answer ({_ANSWER}) SELECT t.campaign_id, t.channel,"
            f" {month('t.happened_on')}, {month(f'{row}.received_on')}, {row}.kind, {sign}1"
            f" FROM action_target t WHERE t.id = {row}.action_target_id"
        )

    def of_target(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_answer ({_ANSWER}) SELECT {row}.campaign_id, {row}.channel,"
            f" {month(f'{row}.happened_on')}, {month('o.received_on')}, o.kind, {sign}1"
            f" FROM outcome o WHERE o.action_target_id = {row}.id"
        )

    for name, when, steps in (
        ("new", "INSERT ON outcome", (of_outcome("NEW", ""),)),
        ("gone", "DELETE ON outcome", (of_outcome("OLD", "-"),)),
        (
            "changed",
            "UPDATE OF action_target_id, kind, received_on ON outcome",
            (of_outcome("OLD", "-"), of_outcome("NEW", "")),
        ),
        (
            "moved",
            _update(("campaign_id", "channel", "happened_on"), "action_target"),
            (of_target("OLD", "-"), of_target("NEW", "")),
        ),
    ):
        _trigger(f"kept_answer_{name}", when, *steps)


def _answers_on_postgresql() -> None:
    month = _month_on("postgresql")
    statement = (
        # What they came to is held, so that who moves it to another day sees them.
        "PERFORM 1 FROM action_target WHERE id IN (SELECT action_target_id FROM ({rows}) x)"
        " ORDER BY id FOR NO KEY UPDATE;"
        f"INSERT INTO kept_answer ({_ANSWER}) SELECT t.campaign_id, t.channel,"
        f" {month('t.happened_on')}, {month('x.received_on')}, x.kind, sum(x.sign)"
        " FROM ({rows}) x JOIN action_target t ON t.id = x.action_target_id"
        " GROUP BY 1, 2, 3, 4, 5 HAVING sum(x.sign) <> 0;"
    )
    body = _of_change(
        statement,
        "SELECT 1 AS sign, n.* FROM now_rows n",
        "SELECT -1 AS sign, o.* FROM was_rows o",
    )
    _triggers("kept_of_outcome", "outcome", body)


def _marks_on_sqlite() -> None:
    """One row at a time. A month that is marked needs no second mark: there is one writer."""

    def mark(table: str, row: str) -> str:
        month = f"substr({row}.happened_on, 1, 8) || '01'"
        if table in _WITHOUT_DAY:
            month = (
                f"(SELECT substr(happened_on, 1, 8) || '01' FROM action WHERE id = {row}.action_id)"
            )
        return (
            f"INSERT INTO kept_stale (month) SELECT day FROM (SELECT {month} AS day)"
            " WHERE day IS NOT NULL AND day NOT IN"
            " (SELECT month FROM kept_stale WHERE month IS NOT NULL)"
        )

    for table, columns in _WATCHED.items():
        for word, when, steps in (
            ("new", f"INSERT ON {table}", (mark(table, "NEW"),)),
            ("gone", f"DELETE ON {table}", (mark(table, "OLD"),)),
            (
                "changed",
                _update(columns, table),
                (mark(table, "OLD"), mark(table, "NEW")),
            ),
        ):
            _trigger(f"kept_month_{table}_{word}", when, *steps)
    _trigger("kept_month_target", _update(_OF_TARGET, "target"),
             "INSERT INTO kept_stale (month) VALUES (NULL)")  # fmt: skip


def _reach_on_postgresql(*more: str, answers: bool = False) -> None:
    """The function of the triggers of 0008, with more to tell apart by."""
    month = "date_trunc('month', a.happened_on)::date"
    keys = ", ".join((*_KEYS, *more))
    reach = (
        f"INSERT INTO kept_reach ({keys}, {_SUMS}) SELECT {keys}, sum(sign * pieces), sum(sign),"
        " sum(CASE WHEN awaiting THEN sign * pieces ELSE 0 END)"
        f" FROM ({{rows}}) x GROUP BY {keys} HAVING sum(sign) <> 0 OR sum(sign * pieces) <> 0"
        " OR sum(CASE WHEN awaiting THEN sign * pieces ELSE 0 END) <> 0;"
    )
    done = (
        "PERFORM 1 FROM action WHERE id IN (SELECT action_id FROM ({rows}) x"
        " GROUP BY action_id HAVING sum(more) <> 0) ORDER BY id FOR NO KEY UPDATE;"
        "INSERT INTO kept_done (campaign_id, channel, month, reached, chapters, pieces, actions,"
        f" unnamed, tallies) SELECT a.campaign_id, a.channel, {month},"
        " a.reached - side.was * a.more, a.chapters, sum(side.sign * a.pieces), sum(side.sign),"
        " sum(side.sign * a.unnamed), sum(CASE WHEN a.unnamed > 0 THEN side.sign ELSE 0 END)"
        " FROM (SELECT a.*, x.more,"
        " (SELECT count(*) FROM action_target t WHERE t.action_id = a.id) AS reached,"
        " (SELECT count(*) FROM action_chapter c WHERE c.action_id = a.id) AS chapters"
        " FROM action a JOIN (SELECT action_id, sum(more) AS more FROM ({rows}) y"
        " GROUP BY action_id) x ON x.action_id = a.id"
        " WHERE a.undone_at IS NULL AND x.more <> 0) a"
        " CROSS JOIN (SELECT 1 AS sign, 0 AS was UNION ALL SELECT -1, 1) side"
        " GROUP BY 1, 2, 3, 4, 5 HAVING sum(side.sign) <> 0 OR sum(side.sign * a.pieces) <> 0"
        " OR sum(side.sign * a.unnamed) <> 0;"
    )
    body = _of_change(
        reach, "SELECT 1 AS sign, n.* FROM now_rows n", "SELECT -1 AS sign, o.* FROM was_rows o"
    ) + _of_change(
        done,
        "SELECT action_id, 1 AS more FROM now_rows",
        "SELECT action_id, -1 AS more FROM was_rows",
    )
    if answers:
        of_month = _month_on("postgresql")
        body += (
            f" IF TG_OP = 'UPDATE' THEN INSERT INTO kept_answer ({_ANSWER})"
            f" SELECT x.campaign_id, x.channel, {of_month('x.happened_on')},"
            f" {of_month('o.received_on')}, o.kind, sum(x.sign)"
            " FROM (SELECT 1 AS sign, n.* FROM now_rows n"
            " UNION ALL SELECT -1 AS sign, w.* FROM was_rows w) x"
            " JOIN outcome o ON o.action_target_id = x.id"
            " GROUP BY 1, 2, 3, 4, 5 HAVING sum(x.sign) <> 0; END IF;"
        )
    op.execute(
        "CREATE OR REPLACE FUNCTION kept_of_target() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {body} RETURN NULL; END $$"
    )


def _of_change(statement: str, now: str, was: str) -> str:
    """The statement of the rows that were added, taken or both, by the kind of change."""
    return (
        f"IF TG_OP = 'INSERT' THEN {statement.format(rows=now)}"
        f" ELSIF TG_OP = 'DELETE' THEN {statement.format(rows=was)}"
        f" ELSE {statement.format(rows=f'{now} UNION ALL {was}')} END IF;"
    )


def _marks_on_postgresql() -> None:
    """Once a statement. A mark is always added: another's may be gone before this one is seen."""
    for table, columns in _WATCHED.items():
        listed = ", ".join(columns)
        day = "x.happened_on"
        source = "({rows}) x"
        if table in _WITHOUT_DAY:
            day, source = "a.happened_on", "({rows}) x JOIN action a ON a.id = x.action_id"
        mark = (
            f"INSERT INTO kept_stale (month) SELECT DISTINCT date_trunc('month', {day})::date"
            f" FROM {source};"
        )
        now, was = (f"SELECT {listed} FROM {rows}" for rows in ("now_rows", "was_rows"))
        # Of an update the rows that are other than before; two actions may say the same, so these
        # are told apart by their number.
        both = f"id, {listed}" if table == "action" else listed
        is_now, before = (f"SELECT {both} FROM {rows}" for rows in ("now_rows", "was_rows"))
        differing = f"(({is_now} EXCEPT {before}) UNION ALL ({before} EXCEPT {is_now}))"
        body = (
            f"IF TG_OP = 'INSERT' THEN {mark.format(rows=now)}"
            f" ELSIF TG_OP = 'DELETE' THEN {mark.format(rows=was)}"
            f" ELSE {mark.format(rows=differing)} END IF;"
        )
        _triggers(f"kept_month_of_{table}", table, body)
    listed = ", ".join(_OF_TARGET)
    op.execute(
        "CREATE FUNCTION kept_month_of_whom() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO kept_stale (month) VALUES (NULL); RETURN NULL; END $$"
    )
    op.execute(
        f"CREATE TRIGGER kept_month_of_whom AFTER UPDATE OF {listed} ON target FOR EACH ROW"
        f" WHEN (({', '.join(f'OLD.{name}' for name in _OF_TARGET)}) IS DISTINCT FROM"
        f" ({', '.join(f'NEW.{name}' for name in _OF_TARGET)}))"
        " EXECUTE FUNCTION kept_month_of_whom()"
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in (*_WATCHED, "whom"):
            op.execute(f"DROP FUNCTION kept_month_of_{table}() CASCADE")
        op.execute("DROP FUNCTION kept_of_outcome() CASCADE")
        _reach_on_postgresql()
    else:
        for table in _WATCHED:
            for word in ("new", "gone", "changed"):
                op.execute(f"DROP TRIGGER kept_month_{table}_{word}")
        op.execute("DROP TRIGGER kept_month_target")
        for word in ("new", "gone", "changed", "moved"):
            op.execute(f"DROP TRIGGER kept_answer_{word}")
        _reach_on_sqlite()
    op.drop_column("kept_reach", "went_to")
    op.drop_index(op.f("ix_kept_stale_month"), table_name="kept_stale")
    op.drop_table("kept_answer")
    op.drop_table("kept_stale")
    op.drop_table("kept_month")
    _refill()
