"""Where the database of a measurement lies: a SQLite file in its folder, or a PostgreSQL."""

from pathlib import Path

#: In the folder, where the database is not the SQLite file beside it: its address.
ADDRESS = "database.txt"


def address_of(folder: Path) -> str:
    """The database's address, as SQLAlchemy has it."""
    told = folder / ADDRESS
    return told.read_text() if told.is_file() else f"sqlite:///{folder / 'crm.sqlite3'}"
