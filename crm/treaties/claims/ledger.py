"""Reads the ledger whole for the claim check: two statements."""

from datetime import date

from crm.treaties import figures, queries
from crm.treaties.claims.reading import Ledger


def read_ledger() -> Ledger:
    """All events that hold, and the states by name."""
    events = queries.events()
    names = {state.iso3: state.name for state in queries.states()}
    return Ledger(events, names, figures.source_of(events, date.max))
