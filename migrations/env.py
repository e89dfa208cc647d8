"""How Alembic finds the database and the models: both come from the application."""

from alembic import context
from flask import current_app

from crm.core import db

metadata = db.metadata


def run() -> None:
    """Run the migrations in one transaction on the application's database."""
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=metadata,
            render_as_batch=True,
            compare_type=True,
            user_module_prefix="db.",
        )
        with context.begin_transaction():
            context.run_migrations()


run()
