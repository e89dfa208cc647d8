"""How Alembic finds the database and the models: both come from the application."""

from collections.abc import Sequence

from alembic import context
from flask import current_app
from sqlalchemy import Connection

from crm.core import db

metadata = db.metadata

#: Any number, the same for every process: who holds it migrates, the others wait.
LOCK = 7_026_731


def run() -> None:
    """Run the migrations in one transaction on the application's database.

    Whoever restores a backup gives a connection, in whose transaction they then are.
    """
    if (given := context.config.attributes.get("connection")) is not None:
        configure(given)
        context.run_migrations()
        return
    engine = current_app.extensions["migrate"].db.engine
    with engine.connect() as connection:
        sqlite = engine.dialect.name == "sqlite"
        if sqlite:
            # A table that is changed is made anew and the old one dropped: rows that point to it
            # must not stop that. The setting is heeded outside of a transaction only.
            _on_sqlite(connection, "PRAGMA foreign_keys = OFF")
        try:
            configure(connection)
            with context.begin_transaction():
                if not sqlite:
                    connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
                    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({LOCK})")
                context.run_migrations()
                if sqlite:
                    _refuse(connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall())
        finally:
            if sqlite:
                _on_sqlite(connection, "PRAGMA foreign_keys = ON")


def configure(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=True,
        compare_type=True,
        transactional_ddl=True,
        user_module_prefix="db.",
    )


def _on_sqlite(connection: Connection, statement: str) -> None:
    # Past SQLAlchemy, which would begin a transaction first.
    connection.connection.driver_connection.execute(statement)  # type: ignore[union-attr]


def _refuse(broken: Sequence[object]) -> None:
    if broken:
        raise RuntimeError(f"the migration left rows that point nowhere: {broken[:5]}")


run()
