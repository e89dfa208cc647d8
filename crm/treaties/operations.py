"""What can be done with the ledger: load what is shipped."""

from sqlalchemy import insert

from crm.accounts.models import User
from crm.core import audit, db
from crm.targets import operations as targets
from crm.targets.models import ImportRun
from crm.treaties import queries, reference
from crm.treaties.models import TreatyEvent

#: The importer's name in `import_run`.
IMPORTER = "treaties"


def load_reference(*, by: User | None) -> int:
    """Fill an empty ledger with what is shipped; gives the number of events entered.

    Loads the governments first where there are none. A ledger that holds anything stays as it is.
    """
    db.take_turn(IMPORTER)
    if not queries.is_empty():
        return 0
    ids = queries.state_ids()
    if not ids:
        targets.import_governments(by=by)
        ids = queries.state_ids()
    rows = [row for row in reference.rows() if row.state in ids]
    run = ImportRun(
        importer=IMPORTER,
        source=reference.NAME,
        by_id=by.id if by is not None else None,
        counts={"added": len(rows)},
    )
    db.session.add(run)
    db.session.flush()
    number = by.id if by is not None else None
    db.session.execute(
        insert(TreatyEvent),
        [
            {
                "treaty": row.treaty,
                "target_id": ids[row.state],
                "kind": row.kind,
                "happened_on": row.on,
                "day_known": row.day_known,
                "source": row.source,
                "note": row.note,
                "import_id": run.id,
                "entered_by_id": number,
            }
            for row in rows
        ],
    )
    audit.record("load_reference", "import_run", run.id, by=by, changes=run.counts)
    return len(rows)
