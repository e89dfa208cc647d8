"""`/metrics` for Prometheus: counts and times by endpoint name, and figures read when it asks.

Each process counts for itself and starts at nothing; where several serve, each is scraped by
itself. Only whoever holds `CRM_METRICS_TOKEN` is answered; without that setting there is no such
page. No label is a name, an address or a record's number.
"""

import hmac
import logging
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from flask import Blueprint, Flask, Response, abort, current_app, request
from prometheus_client import CollectorRegistry, Counter, Histogram, Info
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector
from sqlalchemy import func, select, text

from crm.core import audit, backups, db, watch, worker
from crm.core.access import public
from crm.core.limits import limiter
from crm.core.outbox import Outgoing, State, jobs
from crm.core.settings import in_force
from crm.core.watch import Answered

log = logging.getLogger(__name__)

blueprint = Blueprint("metrics", __name__)

#: Seconds; most pages are below the third, an export may take the last.
_BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)


@dataclass(frozen=True)
class Gauge:
    """A figure read from the database when it is asked for.

    `read()` gives values by label values (`{("DEAD",): 3}`, `{(): 12.0}` without labels). It must
    be cheap: it runs at every scrape.
    """

    name: str
    help: str
    read: Callable[[], Mapping[tuple[str, ...], float]]
    labels: Sequence[str] = ()


@dataclass
class Metrics:
    """What an application counts."""

    registry: CollectorRegistry = field(default_factory=CollectorRegistry)
    gauges: list[Gauge] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.requests = Counter(
            "crm_requests",
            "Requests answered.",
            ("endpoint", "method", "status"),
            registry=self.registry,
        )
        self.seconds = Histogram(
            "crm_request_seconds",
            "From the beginning of a request to the last byte of its answer.",
            ("endpoint",),
            buckets=_BOUNDS,
            registry=self.registry,
        )
        self.operations = Counter(
            "crm_operations",
            "Entries in the record of who did what, by verb and kind: "
            'sign-ins are verb="sign_in", outreach is verb="log_action".',
            ("verb", "kind"),
            registry=self.registry,
        )
        Info("crm_build", "What runs here.", registry=self.registry).info(_build())
        #: Counters and their label values, found once: a request then costs two additions.
        self.found: dict[tuple[str, str, int], tuple[Any, Any]] = {}

    def count(self, told: Answered) -> None:
        """Count a request."""
        key = (told.endpoint, told.method, 0 if told.broken else told.status // 100)
        found = self.found.get(key)
        if found is None:
            status = f"{key[2]}xx" if key[2] else "broken"
            found = self.found[key] = (
                self.requests.labels(told.endpoint, told.method, status),
                self.seconds.labels(told.endpoint),
            )
        found[0].inc()
        found[1].observe(told.seconds)

    def count_operations(self, done: Mapping[tuple[str, str], int]) -> None:
        """Count entries of the record that were committed."""
        for (verb, kind), number in done.items():
            self.operations.labels(verb, kind).inc(number)


def init_app(app: Flask) -> None:
    """Count from now on, and answer whoever may read it."""
    counted = app.extensions["crm_metrics"] = Metrics()
    watch.tell(app, counted.count)
    counted.registry.register(_Kept(app))
    app.register_blueprint(blueprint)
    limiter.exempt(blueprint)
    add_gauge(
        app,
        Gauge(
            "crm_outbox_rows",
            'What is to be done or sent, by job and state; state="dead" waits for a person.',
            _waiting,
            ("job", "state"),
        ),
    )
    add_gauge(
        app,
        Gauge(
            "crm_outbox_late_seconds",
            "For how long the oldest of what should be done by now has been due.",
            lambda: {(): late().total_seconds()},
        ),
    )
    add_gauge(
        app,
        Gauge("crm_worker_seen_seconds", "How long ago a worker was last there.", _worker_seen),
    )
    add_gauge(
        app,
        Gauge("crm_backup_age_seconds", "Age of the newest backup on this host.", _backup_age),
    )


def add_gauge(app: Flask, gauge: Gauge) -> None:
    """Let `/metrics` tell one figure more."""
    app.extensions["crm_metrics"].gauges.append(gauge)


@blueprint.get("/metrics")
@public
def page() -> Response:
    token = in_force().metrics_token or abort(404)
    given = request.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    if not hmac.compare_digest(given.encode(), token.encode()):
        return Response("A token is needed.\n", 401, {"WWW-Authenticate": "Bearer"},
                        mimetype="text/plain")  # fmt: skip
    registry = current_app.extensions["crm_metrics"].registry
    return Response(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


def _waiting() -> dict[tuple[str, ...], float]:
    """Rows that are not over, by job and state: what is done is most of the table and not read."""
    open_ = [each for each in State if each not in (State.DONE, State.GONE)]
    rows = db.session.execute(
        select(Outgoing.job, Outgoing.state, func.count())
        .where(Outgoing.state.in_(open_))
        .group_by(Outgoing.job, Outgoing.state)
    )
    # A state without rows is told as none, so that an alert can be asked of it.
    found: dict[tuple[str, ...], float] = {
        (job, state.value): 0.0 for job in jobs() for state in (State.WAITING, State.DEAD)
    }
    return found | {(job, State(state).value): float(number) for job, state, number in rows}


def late() -> timedelta:
    """For how long the oldest of what should be done by now has been due; none where nothing is."""
    oldest = db.session.scalar(
        select(func.min(Outgoing.due_at)).where(
            Outgoing.state == State.WAITING, Outgoing.job.in_(list(jobs()))
        )
    )
    return max(db.now() - oldest, timedelta()) if oldest else timedelta()


def _worker_seen() -> dict[tuple[str, ...], float]:
    seen = worker.seen()
    return {(): (db.now() - seen).total_seconds()} if seen else {}


def _backup_age() -> dict[tuple[str, ...], float]:
    newest = backups.newest()
    return {(): (db.now() - newest.moment).total_seconds()} if newest else {}


class _Kept(Collector):
    """The figures that rooms offer, read in the request that asks for them."""

    def __init__(self, app: Flask):
        self.app = app

    def describe(self) -> Iterable[Any]:
        """Nothing is read while the registry is made."""
        return ()

    def collect(self) -> Iterator[Any]:
        """Ask the database, and each figure after it."""
        up = _is_up()
        yield GaugeMetricFamily("crm_database_up", "1 where the database answers.", value=up)
        for gauge in self.app.extensions["crm_metrics"].gauges if up else ():
            try:
                values = gauge.read()
            except Exception as error:
                db.rollback()
                log.error("the figure %s could not be read: %s", gauge.name, type(error).__name__)
                continue
            family = GaugeMetricFamily(gauge.name, gauge.help, labels=gauge.labels)
            for labels, value in values.items():
                family.add_metric(labels, value)
            yield family


def _is_up() -> int:
    try:
        db.session.execute(text("SELECT 1"))
    except Exception:
        db.rollback()
        return 0
    return 1


def _build() -> dict[str, str]:
    try:
        ours = version("campaign-outreach-crm")
    except PackageNotFoundError:
        ours = "unpacked"
    return {"version": ours, "python": sys.version.split()[0]}


def _count_operations(done: Mapping[tuple[str, str], int]) -> None:
    if counted := current_app.extensions.get("crm_metrics"):
        counted.count_operations(done)


audit.told = _count_operations
