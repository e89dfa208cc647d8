# ruff: noqa: S608 - triggers are put together from names of ours
"""kept totals

Triggers write to three tables what every change of outreach adds to its sums or takes from them, so
that the sums are true at any moment whoever writes. Rows are only ever added, so that no writer
waits for another; `crm.outreach.kept` adds them up now and then.
"""

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "kept_done",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("reached", sa.Integer(), nullable=False),
        sa.Column("chapters", sa.Integer(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("unnamed", sa.Integer(), nullable=False),
        sa.Column("tallies", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_done")),
    )
    op.create_table(
        "kept_reach",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("term_id", sa.Integer(), nullable=True),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.Column("awaiting", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_reach")),
    )
    op.create_table(
        "kept_chapter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("chapter_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("month", sa.Date(), nullable=False),
        sa.Column("pieces", sa.Integer(), nullable=False),
        sa.Column("actions", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kept_chapter")),
    )
    # With the action, so that actions are counted once each without reading a row of the table.
    for name, columns in _INDEXES.items():
        op.drop_index(name, table_name="action_target")
        op.create_index(name, "action_target", [*columns, "action_id"])
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        _on_postgresql()
    else:
        _on_sqlite()
    _fill("date_trunc('month', a.happened_on)::date" if connection.dialect.name == "postgresql"
          else "substr(a.happened_on, 1, 8) || '01'")  # fmt: skip


def _fill(month: str) -> None:
    """The sums of what is there."""
    op.execute(
        f"INSERT INTO kept_done ({_DONE}) SELECT campaign_id, channel, month, reached, chapters,"
        " sum(pieces), count(*), sum(unnamed), sum(CASE WHEN unnamed > 0 THEN 1 ELSE 0 END)"
        f" FROM (SELECT a.campaign_id, a.channel, {month} AS month, a.pieces, a.unnamed,"
        " (SELECT count(*) FROM action_target t WHERE t.action_id = a.id) AS reached,"
        " (SELECT count(*) FROM action_chapter c WHERE c.action_id = a.id) AS chapters"
        " FROM action a WHERE a.undone_at IS NULL) each_ GROUP BY 1, 2, 3, 4, 5"
    )
    op.execute(
        f"INSERT INTO kept_reach ({_REACH}) SELECT target_id, term_id, campaign_id, channel,"
        " sum(pieces), count(*), sum(CASE WHEN awaiting THEN pieces ELSE 0 END)"
        " FROM action_target GROUP BY 1, 2, 3, 4"
    )
    op.execute(
        f"INSERT INTO kept_chapter ({_CHAPTER}) SELECT c.chapter_id, a.campaign_id, a.channel,"
        f" {month}, sum(a.pieces), count(*) FROM action_chapter c"
        " JOIN action a ON a.id = c.action_id WHERE a.undone_at IS NULL GROUP BY 1, 2, 3, 4"
    )


_INDEXES = {
    "ix_action_target_totals": ["target_id", "channel", "campaign_id", "happened_on", "pieces"],
    "ix_action_target_term": ["term_id", "channel", "campaign_id", "happened_on", "pieces"],
}
_DONE = "campaign_id, channel, month, reached, chapters, pieces, actions, unnamed, tallies"
_REACH = "target_id, term_id, campaign_id, channel, pieces, actions, awaiting"
_CHAPTER = "chapter_id, campaign_id, channel, month, pieces, actions"
#: What an action was before (taken away) and is now (added): `was` is 1 before the change.
_SIDES = "(SELECT 1 AS sign, 0 AS was UNION ALL SELECT -1, 1) side"
_OF_REACH = ("target_id", "term_id", "campaign_id", "channel", "pieces", "awaiting")
_OF_ACTION = ("campaign_id", "channel", "happened_on", "pieces", "unnamed", "undone_at")


def _on_sqlite() -> None:
    """One row at a time, as SQLite has it; it has one writer at a time too."""

    def trigger(name: str, when: str, *steps: str) -> None:
        op.execute(f"CREATE TRIGGER {name} AFTER {when} BEGIN {'; '.join(steps)}; END")

    def reach(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_reach ({_REACH}) VALUES ({row}.target_id, {row}.term_id,"
            f" {row}.campaign_id, {row}.channel, {sign}{row}.pieces, {sign}1,"
            f" {sign}{row}.pieces * ({row}.awaiting <> 0))"
        )

    def done(row: str, *, reached: str = "", chapters: str = "") -> str:
        """How the change of a row that hangs on an action moves the action's sums."""
        return (
            f"INSERT INTO kept_done ({_DONE}) SELECT a.campaign_id, a.channel,"
            " substr(a.happened_on, 1, 8) || '01',"
            f" (SELECT count(*) FROM action_target WHERE action_id = a.id){reached},"
            f" (SELECT count(*) FROM action_chapter WHERE action_id = a.id){chapters},"
            " side.sign * a.pieces, side.sign,"
            " side.sign * a.unnamed, side.sign * (a.unnamed > 0)"
            f" FROM action a, {_SIDES} WHERE a.id = {row}.action_id AND a.undone_at IS NULL"
        )

    def chapter(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_chapter ({_CHAPTER}) SELECT {row}.chapter_id, a.campaign_id,"
            f" a.channel, substr(a.happened_on, 1, 8) || '01', {sign}a.pieces, {sign}1"
            f" FROM action a WHERE a.id = {row}.action_id AND a.undone_at IS NULL"
        )

    def action(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_done ({_DONE}) SELECT {row}.campaign_id, {row}.channel,"
            f" substr({row}.happened_on, 1, 8) || '01',"
            f" (SELECT count(*) FROM action_target WHERE action_id = {row}.id),"
            f" (SELECT count(*) FROM action_chapter WHERE action_id = {row}.id),"
            f" {sign}{row}.pieces, {sign}1, {sign}{row}.unnamed, {sign}({row}.unnamed > 0)"
            f" WHERE {row}.undone_at IS NULL"
        )

    def chapters_of(row: str, sign: str) -> str:
        return (
            f"INSERT INTO kept_chapter ({_CHAPTER}) SELECT c.chapter_id, {row}.campaign_id,"
            f" {row}.channel, substr({row}.happened_on, 1, 8) || '01', {sign}{row}.pieces,"
            f" {sign}1 FROM action_chapter c WHERE c.action_id = {row}.id"
            f" AND {row}.undone_at IS NULL"
        )

    def changed(names: tuple[str, ...]) -> str:
        return " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in names)

    was = " - side.was"
    trigger("kept_target_new", "INSERT ON action_target",
            reach("NEW", ""), done("NEW", reached=was))  # fmt: skip
    trigger("kept_target_gone", "DELETE ON action_target",
            reach("OLD", "-"), done("OLD", reached=" + side.was"))  # fmt: skip
    trigger(
        "kept_target_changed",
        f"UPDATE OF {', '.join(_OF_REACH)} ON action_target WHEN {changed(_OF_REACH)}",
        reach("OLD", "-"),
        reach("NEW", ""),
    )
    trigger("kept_chapter_new", "INSERT ON action_chapter",
            chapter("NEW", ""), done("NEW", chapters=was))  # fmt: skip
    trigger("kept_chapter_gone", "DELETE ON action_chapter",
            chapter("OLD", "-"), done("OLD", chapters=" + side.was"))  # fmt: skip
    trigger("kept_chapter_changed", "UPDATE OF chapter_id ON action_chapter",
            chapter("OLD", "-"), chapter("NEW", ""))  # fmt: skip
    trigger("kept_action_new", "INSERT ON action", action("NEW", ""))
    trigger("kept_action_gone", "DELETE ON action", action("OLD", "-"))
    trigger(
        "kept_action_changed",
        f"UPDATE OF {', '.join(_OF_ACTION)} ON action WHEN {changed(_OF_ACTION)}",
        action("OLD", "-"),
        action("NEW", ""),
        chapters_of("OLD", "-"),
        chapters_of("NEW", ""),
    )


def _on_postgresql() -> None:
    """Once a statement, from the rows it touched.

    What counts the rows that hang on an action holds the action first: of two who change one at
    the same time the second counts what the first left.
    """
    month = "date_trunc('month', a.happened_on)::date"
    facts = (
        " (SELECT count(*) FROM action_target t WHERE t.action_id = a.id) AS reached,"
        " (SELECT count(*) FROM action_chapter c WHERE c.action_id = a.id) AS chapters"
    )

    def function(name: str, body: str) -> None:
        op.execute(
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN {body} RETURN NULL; END $$"
        )

    def triggers(name: str, table: str) -> None:
        for word, tables in (
            ("INSERT", "NEW TABLE AS now_rows"),
            ("DELETE", "OLD TABLE AS was_rows"),
            ("UPDATE", "OLD TABLE AS was_rows NEW TABLE AS now_rows"),
        ):
            op.execute(
                f"CREATE TRIGGER {name}_{word.lower()} AFTER {word} ON {table} "
                f"REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
            )

    def touched(columns: str, now: str, was: str) -> str:
        """What was taken and what was added, by the kind of statement, as `touched`."""
        return (
            f"IF TG_OP <> 'DELETE' AND TG_OP <> 'UPDATE' THEN {_filled(columns, now, '')}"
            f" ELSIF TG_OP = 'DELETE' THEN {_filled(columns, '', was)}"
            f" ELSE {_filled(columns, now, was)} END IF;"
        )

    def _filled(columns: str, now: str, was: str) -> str:
        return columns.format(rows=" UNION ALL ".join(part for part in (now, was) if part))

    def done(change: Callable[[str], str]) -> str:
        """From the actions whose rows changed, with how much: `{{rows}}` gives both."""
        return (
            "PERFORM 1 FROM action WHERE id IN (SELECT action_id FROM ({rows}) x"
            " GROUP BY action_id HAVING sum(more) <> 0) ORDER BY id FOR NO KEY UPDATE;"
            f"INSERT INTO kept_done ({_DONE})"
            f" SELECT a.campaign_id, a.channel, {month}, a.reached{change('reached')},"
            f" a.chapters{change('chapters')}, sum(side.sign * a.pieces),"
            " sum(side.sign), sum(side.sign * a.unnamed),"
            " sum(CASE WHEN a.unnamed > 0 THEN side.sign ELSE 0 END)"
            f" FROM (SELECT a.*, x.more, {facts} FROM action a JOIN (SELECT action_id,"
            " sum(more) AS more FROM ({rows}) y GROUP BY action_id) x ON x.action_id = a.id"
            f" WHERE a.undone_at IS NULL AND x.more <> 0) a CROSS JOIN {_SIDES}"
            " GROUP BY 1, 2, 3, 4, 5 HAVING sum(side.sign) <> 0 OR sum(side.sign * a.pieces) <> 0"
            " OR sum(side.sign * a.unnamed) <> 0;"
        )

    def of(name: str) -> Callable[[str], str]:
        return lambda column: " - side.was * a.more" if column == name else ""

    reach = (
        f"INSERT INTO kept_reach ({_REACH}) SELECT target_id, term_id, campaign_id, channel,"
        " sum(sign * pieces), sum(sign), sum(CASE WHEN awaiting THEN sign * pieces ELSE 0 END)"
        " FROM ({rows}) x GROUP BY 1, 2, 3, 4 HAVING sum(sign) <> 0 OR sum(sign * pieces) <> 0"
        " OR sum(CASE WHEN awaiting THEN sign * pieces ELSE 0 END) <> 0;"
    )
    function(
        "kept_of_target",
        touched(
            reach,
            "SELECT 1 AS sign, n.* FROM now_rows n",
            "SELECT -1 AS sign, o.* FROM was_rows o",
        )
        + touched(
            done(of("reached")),
            "SELECT action_id, 1 AS more FROM now_rows",
            "SELECT action_id, -1 AS more FROM was_rows",
        ),
    )
    triggers("kept_of_target", "action_target")

    chapter = (
        f"INSERT INTO kept_chapter ({_CHAPTER}) SELECT x.chapter_id, a.campaign_id, a.channel,"
        f" {month}, sum(x.sign * a.pieces), sum(x.sign) FROM ({{rows}}) x"
        " JOIN action a ON a.id = x.action_id WHERE a.undone_at IS NULL"
        " GROUP BY 1, 2, 3, 4 HAVING sum(x.sign) <> 0 OR sum(x.sign * a.pieces) <> 0;"
    )
    function(
        "kept_of_chapter",
        # First what holds the actions.
        touched(
            done(of("chapters")),
            "SELECT action_id, 1 AS more FROM now_rows",
            "SELECT action_id, -1 AS more FROM was_rows",
        )
        + touched(
            chapter,
            "SELECT 1 AS sign, n.* FROM now_rows n",
            "SELECT -1 AS sign, o.* FROM was_rows o",
        ),
    )
    triggers("kept_of_chapter", "action_chapter")

    action = (
        f"INSERT INTO kept_done ({_DONE}) SELECT a.campaign_id, a.channel, {month}, a.reached,"
        " a.chapters, sum(a.sign * a.pieces), sum(a.sign), sum(a.sign * a.unnamed),"
        " sum(CASE WHEN a.unnamed > 0 THEN a.sign ELSE 0 END)"
        f" FROM (SELECT a.*, {facts} FROM ({{rows}}) a WHERE a.undone_at IS NULL) a"
        " GROUP BY 1, 2, 3, 4, 5 HAVING sum(a.sign) <> 0 OR sum(a.sign * a.pieces) <> 0"
        " OR sum(a.sign * a.unnamed) <> 0;"
        f"INSERT INTO kept_chapter ({_CHAPTER}) SELECT c.chapter_id, a.campaign_id, a.channel,"
        f" {month}, sum(a.sign * a.pieces), sum(a.sign) FROM ({{rows}}) a"
        " JOIN action_chapter c ON c.action_id = a.id WHERE a.undone_at IS NULL"
        " GROUP BY 1, 2, 3, 4 HAVING sum(a.sign) <> 0 OR sum(a.sign * a.pieces) <> 0;"
    )
    columns = ", ".join(("id", *_OF_ACTION))
    function(
        "kept_of_action",
        touched(
            action,
            f"SELECT 1 AS sign, {columns} FROM now_rows",
            f"SELECT -1 AS sign, {columns} FROM was_rows",
        ),
    )
    triggers("kept_of_action", "action")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for name in ("target", "chapter", "action"):
            op.execute(f"DROP FUNCTION kept_of_{name}() CASCADE")
    else:
        for name in ("target", "chapter", "action"):
            for word in ("new", "gone", "changed"):
                op.execute(f"DROP TRIGGER kept_{name}_{word}")
    for name, columns in _INDEXES.items():
        op.drop_index(name, table_name="action_target")
        op.create_index(name, "action_target", columns)
    op.drop_table("kept_chapter")
    op.drop_table("kept_reach")
    op.drop_table("kept_done")
