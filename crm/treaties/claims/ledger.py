"""The ledger as the claim check reads it."""

from datetime import date

from crm.treaties import figures, queries
from crm.treaties.claims.reading import Ledger


def read_ledger(known: queries.Ledger | None = None) -> Ledger:
    """All events that hold, and the states by name; two statements, unless the ledger is given."""
    known = known or queries.ledger()
    names = {state.iso3: state.name for state in known.states}
    return Ledger(known.events, names, figures.source_of(known.events, date.max))
