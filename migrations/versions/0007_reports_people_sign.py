"""reports people sign"""

import sqlalchemy as sa
from alembic import op

from crm.core import db

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "frozen_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("frozen_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("frozen_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.String(), nullable=True),
        sa.Column("code_version", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.Column("sees", sa.JSON(), nullable=True),
        sa.Column("shows_people", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("content", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["frozen_by_id"],
            ["user_account.id"],
            name=op.f("fk_frozen_report_frozen_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_report")),
        sa.UniqueConstraint("code", name=op.f("uq_frozen_report_code")),
    )
    with op.batch_alter_table("frozen_report", schema=None) as batch_op:
        batch_op.create_index("ix_frozen_report_report", ["report", "frozen_at"], unique=False)

    op.create_table(
        "saved_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("report", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("owner_id", sa.Integer(), nullable=False),
        sa.Column("shared", sa.String(), nullable=False),
        sa.Column("chapter_id", sa.Integer(), nullable=True),
        sa.Column("made_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["chapter_id"], ["chapter.id"], name=op.f("fk_saved_report_chapter_id_chapter")
        ),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["user_account.id"], name=op.f("fk_saved_report_owner_id_user_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_report")),
        sa.UniqueConstraint("code", name=op.f("uq_saved_report_code")),
    )
    with op.batch_alter_table("saved_report", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_saved_report_chapter_id"), ["chapter_id"], unique=False
        )
        batch_op.create_index("ix_saved_report_owner", ["owner_id", "name"], unique=False)

    op.create_table(
        "strategy",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("summary", sa.String(), nullable=True),
        sa.Column("chapter_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("approved_on", sa.Date(), nullable=True),
        sa.Column("approved_by", sa.String(), nullable=True),
        sa.Column("document", sa.String(), nullable=True),
        sa.Column("created_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["chapter_id"], ["chapter.id"], name=op.f("fk_strategy_chapter_id_chapter")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy")),
        sa.UniqueConstraint("slug", name=op.f("uq_strategy_slug")),
    )
    with op.batch_alter_table("strategy", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_strategy_chapter_id"), ["chapter_id"], unique=False)

    op.create_table(
        "public_counter",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("on", sa.Boolean(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=True),
        sa.Column("made_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_public_counter_campaign_id_campaign")
        ),
        sa.ForeignKeyConstraint(
            ["made_by_id"],
            ["user_account.id"],
            name=op.f("fk_public_counter_made_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_public_counter")),
        sa.UniqueConstraint("code", name=op.f("uq_public_counter_code")),
    )
    with op.batch_alter_table("public_counter", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_public_counter_campaign_id"), ["campaign_id"], unique=False
        )

    op.create_table(
        "strategy_goal",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("strategy_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["strategy_id"], ["strategy.id"], name=op.f("fk_strategy_goal_strategy_id_strategy")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_goal")),
    )
    with op.batch_alter_table("strategy_goal", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_strategy_goal_strategy_id"), ["strategy_id"], unique=False
        )

    op.create_table(
        "objective",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("goal_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["goal_id"], ["strategy_goal.id"], name=op.f("fk_objective_goal_id_strategy_goal")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_objective")),
    )
    with op.batch_alter_table("objective", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_objective_goal_id"), ["goal_id"], unique=False)

    op.create_table(
        "outcome_withdrawn",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("action_id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("recorded_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["action_id"], ["action.id"], name=op.f("fk_outcome_withdrawn_action_id_action")
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["target.id"], name=op.f("fk_outcome_withdrawn_target_id_target")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outcome_withdrawn")),
    )
    with op.batch_alter_table("outcome_withdrawn", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_outcome_withdrawn_action_id"), ["action_id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_outcome_withdrawn_target_id"), ["target_id"], unique=False
        )

    op.create_table(
        "indicator",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("objective_id", sa.Integer(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("unit", sa.String(), nullable=True),
        sa.Column("count", sa.String(), nullable=True),
        sa.Column("asked", sa.JSON(), nullable=False),
        sa.Column("falls", sa.Boolean(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["objective_id"], ["objective.id"], name=op.f("fk_indicator_objective_id_objective")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicator")),
    )
    with op.batch_alter_table("indicator", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_indicator_objective_id"), ["objective_id"], unique=False
        )

    op.create_table(
        "objective_campaign",
        sa.Column("objective_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"],
            ["campaign.id"],
            name=op.f("fk_objective_campaign_campaign_id_campaign"),
        ),
        sa.ForeignKeyConstraint(
            ["objective_id"],
            ["objective.id"],
            name=op.f("fk_objective_campaign_objective_id_objective"),
        ),
        sa.PrimaryKeyConstraint("objective_id", "campaign_id", name=op.f("pk_objective_campaign")),
    )
    with op.batch_alter_table("objective_campaign", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_objective_campaign_campaign_id"), ["campaign_id"], unique=False
        )

    op.create_table(
        "indicator_value",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("indicator_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("source", sa.String(), nullable=True),
        sa.Column("link", sa.String(), nullable=True),
        sa.Column("entered_by_id", sa.Integer(), nullable=True),
        sa.Column("entered_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["entered_by_id"],
            ["user_account.id"],
            name=op.f("fk_indicator_value_entered_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["indicator_id"],
            ["indicator.id"],
            name=op.f("fk_indicator_value_indicator_id_indicator"),
        ),
        sa.ForeignKeyConstraint(
            ["withdrawn_by_id"],
            ["user_account.id"],
            name=op.f("fk_indicator_value_withdrawn_by_id_user_account"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_indicator_value")),
    )
    with op.batch_alter_table("indicator_value", schema=None) as batch_op:
        batch_op.create_index(
            "ix_indicator_value_on", ["indicator_id", "kind", "on", "id"], unique=False
        )

    op.create_table(
        "commitment",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("target_id", sa.Integer(), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=True),
        sa.Column("outcome_id", sa.Integer(), nullable=True),
        sa.Column("whose", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("made_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("settled_on", sa.Date(), nullable=True),
        sa.Column("evidence", sa.String(), nullable=True),
        sa.Column("settled_at", db.UTCDateTime(timezone=True), nullable=True),
        sa.Column("settled_by_id", sa.Integer(), nullable=True),
        sa.Column("recorded_by_id", sa.Integer(), nullable=True),
        sa.Column("recorded_at", db.UTCDateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["campaign_id"], ["campaign.id"], name=op.f("fk_commitment_campaign_id_campaign")
        ),
        sa.ForeignKeyConstraint(
            ["outcome_id"], ["outcome.id"], name=op.f("fk_commitment_outcome_id_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["recorded_by_id"],
            ["user_account.id"],
            name=op.f("fk_commitment_recorded_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["settled_by_id"],
            ["user_account.id"],
            name=op.f("fk_commitment_settled_by_id_user_account"),
        ),
        sa.ForeignKeyConstraint(
            ["target_id"], ["target.id"], name=op.f("fk_commitment_target_id_target")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment")),
    )
    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_commitment_campaign_id"), ["campaign_id"], unique=False
        )
        batch_op.create_index("ix_commitment_due", ["state", "due_on", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_commitment_outcome_id"), ["outcome_id"], unique=False)
        batch_op.create_index("ix_commitment_target", ["target_id", "made_on", "id"], unique=False)

    with op.batch_alter_table("action_target", schema=None) as batch_op:
        batch_op.add_column(sa.Column("went_to", sa.String(), nullable=True))

    guard_frozen()


def guard_frozen() -> None:
    """A frozen report is changed and deleted by no one."""
    refused = "a frozen report is changed by no one"
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION frozen_report_kept() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{refused}'; END $$"
        )
        op.execute(
            "CREATE TRIGGER frozen_report_kept BEFORE UPDATE OR DELETE ON frozen_report "
            "FOR EACH ROW EXECUTE FUNCTION frozen_report_kept()"
        )
        return
    stop = f"BEGIN SELECT RAISE(ABORT, '{refused}'); END"
    op.execute(f"CREATE TRIGGER frozen_report_no_update BEFORE UPDATE ON frozen_report {stop}")
    op.execute(f"CREATE TRIGGER frozen_report_no_delete BEFORE DELETE ON frozen_report {stop}")
    # INSERT OR REPLACE deletes without asking a trigger.
    there = "SELECT 1 FROM frozen_report WHERE id = NEW.id OR code = NEW.code"
    op.execute(
        "CREATE TRIGGER frozen_report_no_replace BEFORE INSERT ON frozen_report "
        f"WHEN EXISTS ({there}) {stop}"
    )


def downgrade() -> None:
    with op.batch_alter_table("action_target", schema=None) as batch_op:
        batch_op.drop_column("went_to")

    with op.batch_alter_table("commitment", schema=None) as batch_op:
        batch_op.drop_index("ix_commitment_target")
        batch_op.drop_index(batch_op.f("ix_commitment_outcome_id"))
        batch_op.drop_index("ix_commitment_due")
        batch_op.drop_index(batch_op.f("ix_commitment_campaign_id"))

    op.drop_table("commitment")
    with op.batch_alter_table("indicator_value", schema=None) as batch_op:
        batch_op.drop_index("ix_indicator_value_on")

    op.drop_table("indicator_value")
    with op.batch_alter_table("objective_campaign", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_objective_campaign_campaign_id"))

    op.drop_table("objective_campaign")
    with op.batch_alter_table("indicator", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_indicator_objective_id"))

    op.drop_table("indicator")
    with op.batch_alter_table("outcome_withdrawn", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_outcome_withdrawn_target_id"))
        batch_op.drop_index(batch_op.f("ix_outcome_withdrawn_action_id"))

    op.drop_table("outcome_withdrawn")
    with op.batch_alter_table("objective", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_objective_goal_id"))

    op.drop_table("objective")
    with op.batch_alter_table("strategy_goal", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_strategy_goal_strategy_id"))

    op.drop_table("strategy_goal")
    with op.batch_alter_table("public_counter", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_public_counter_campaign_id"))

    op.drop_table("public_counter")
    with op.batch_alter_table("strategy", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_strategy_chapter_id"))

    op.drop_table("strategy")
    with op.batch_alter_table("saved_report", schema=None) as batch_op:
        batch_op.drop_index("ix_saved_report_owner")
        batch_op.drop_index(batch_op.f("ix_saved_report_chapter_id"))

    op.drop_table("saved_report")
    with op.batch_alter_table("frozen_report", schema=None) as batch_op:
        batch_op.drop_index("ix_frozen_report_report")

    op.drop_table("frozen_report")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION frozen_report_kept()")
