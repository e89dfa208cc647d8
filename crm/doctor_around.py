"""What stands round the program: clock, proxy, mail server, queue, worker, storage, backups.

It asks only machines that the settings name, waits seconds for each, sends no mail and leaves
nothing behind.
"""

import smtplib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from sqlalchemy import func, select

from crm.core import backups, db, metrics, store, worker
from crm.core.errors import Refused
from crm.core.outbox import Outgoing, State
from crm.core.settings import Settings
from crm.findings import Finding, Level, good, note, stop

#: Seconds a server may take to answer.
_PATIENCE = 5
#: How far two clocks may be apart: links and sign-ins end by the clock.
_APART = timedelta(seconds=30)
#: For how long no worker may have said that it is there (it does so every minute).
_SILENT = timedelta(minutes=5)
#: How long something may be due before it is said.
_LATE = timedelta(minutes=10)
#: How old the newest backup may be: one a day, and a long one.
_OLD = timedelta(hours=36)


def clock() -> Iterator[Finding]:
    """This machine's clock beside the database's, and whether zones are known."""
    if len(available_timezones()) < 300:
        yield note("clock", "Time zones are missing: pip install tzdata")
    if db.extension.engine.dialect.name != "postgresql":
        yield good("clock", f"it is {db.now():%Y-%m-%d %H:%M} UTC here.")
        return
    theirs: datetime = db.session.execute(select(func.clock_timestamp())).scalar_one()
    yield _compared("the database", theirs)


def _compared(whose: str, theirs: datetime) -> Finding:
    apart = abs(db.now() - theirs.astimezone(UTC))
    if apart > _APART:
        return note("clock", f"{apart.seconds} seconds apart from that of {whose}: set up NTP.")
    return good("clock", f"agrees with that of {whose}.")


def proxy(settings: Settings) -> Iterator[Finding]:
    """Ask for a page by the address people use: what stands between is seen in the answer."""
    address = settings.base_url.rstrip("/")
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return
    try:
        with urllib.request.urlopen(f"{address}/sign-in", timeout=_PATIENCE) as answer:  # noqa: S310
            headers = answer.headers
    except urllib.error.HTTPError as error:
        yield note("proxy", f"{address}/sign-in is answered with {error.code}.")
        return
    except (OSError, HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        yield note("proxy", f"{address} does not answer from here: {reason}")
        return
    if "Content-Security-Policy" not in headers:
        yield note("proxy", f"{address} is answered, but not by this program.")
        return
    if parts.scheme == "https" and "Strict-Transport-Security" not in headers:
        yield note(
            "proxy",
            f"{address} is answered, but the program does not learn that people come by HTTPS: "
            "CRM_PROXIES is 0, or the proxy sends no X-Forwarded-Proto.",
        )
    elif parts.scheme == "https" and "secure" not in (headers["Set-Cookie"] or "").lower():
        yield note("proxy", "The cookie would travel by plain HTTP too: set CRM_SECURE_COOKIES=1.")
    else:
        yield good("proxy", f"{address} is answered.")
    with suppress(TypeError, ValueError):
        found = _compared("the proxy", parsedate_to_datetime(headers["Date"]))
        if found.level is Level.NOTE:
            yield found


def mail(settings: Settings) -> Iterator[Finding]:
    """Connect, change to TLS and sign in as a message would, and send none."""
    if settings.mail in ("off", "preview"):
        yield note("mail", f"CRM_MAIL is {settings.mail}: nothing is sent.")
        return
    if not settings.mail_server:
        yield note("mail", "Not set up: invitations and resets are shown as links to hand over.")
        return
    if not settings.mail_sender:
        yield note("mail", "CRM_MAIL_SENDER is not set, so no mail is sent.")
        return
    if not settings.base_url:
        yield note("mail", "CRM_BASE_URL is not set, so no mail is sent: its links would be lost.")
    where = f"{settings.mail_server} port {settings.mail_port}"
    try:
        how = _try_mail(settings)
    except smtplib.SMTPAuthenticationError as error:
        yield note("mail", f"{where} does not take this name and password ({error.smtp_code}).")
    except smtplib.SMTPNotSupportedError:
        yield note("mail", f"{where} offers no STARTTLS, or no signing in: see CRM_MAIL_SECURITY.")
    except ssl.SSLError as error:
        yield note("mail", f"{where} cannot be spoken to in TLS: {error.reason or error}.")
    except smtplib.SMTPException as error:
        yield note("mail", f"{where} answers, but not as a mail server ({type(error).__name__}).")
    except OSError as error:
        yield note("mail", f"{where} cannot be reached: {error.strerror or error}")
    else:
        yield good("mail", f"{where} answers{how}; mail comes from {settings.mail_sender}.")
        if not settings.mail_security and settings.mail_password:
            yield note("mail", "The password travels in the clear: set CRM_MAIL_SECURITY.")


def _try_mail(settings: Settings) -> str:
    trusted = ssl.create_default_context()
    where = (settings.mail_server, int(settings.mail_port))
    if settings.mail_security == "tls":
        host: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=_PATIENCE, context=trusted)
    else:
        host = smtplib.SMTP(*where, timeout=_PATIENCE)
    how = ""
    with host:
        if settings.mail_security == "starttls":
            host.starttls(context=trusted)
        if settings.mail_security:
            how += " in TLS"
        if settings.mail_username and settings.mail_password:
            host.login(settings.mail_username, settings.mail_password)
            how += " and lets us in"
    return how


def queue(settings: Settings) -> Iterator[Finding]:
    """The queue, who carries out what waits in it, and what was given up."""
    where = "Redis" if settings.queue_url else "a file in the instance folder"
    if worker.is_reachable():
        yield good("queue", f"{where} answers.")
    else:
        yield note("queue", f"{where} does not answer: what waits is looked for every minute.")
    seen, late = worker.seen(), metrics.late()
    if seen is None:
        yield note("worker", "No worker is at work: `crm worker`, or `crm serve --with-worker`.")
    elif (silent := db.now() - seen) > _SILENT:
        yield note(
            "worker", f"No worker said anything for {_long(silent)}: `crm worker` carries out."
        )
    else:
        yield good("worker", f"was there {_long(silent)} ago.")
    if late > _LATE:
        yield note("worker", f"The oldest of what waits has been due for {_long(late)}.")
    dead = db.session.scalar(
        select(func.count()).select_from(Outgoing).where(Outgoing.state == State.DEAD)
    )
    if dead:
        yield note("worker", f"{dead} were given up and wait for a person to look at them.")


def files() -> Iterator[Finding]:
    """Whether photos and documents can be kept: a probe is put there, read and taken away."""
    try:
        yield good("files", store.examine())
    except Refused as refusal:
        yield stop("files", f"{store.here()}: {refusal.message}")


def hosts(settings: Settings) -> Iterator[Finding]:
    """What is shared, where anything says that there are several hosts."""
    if not (settings.queue_url or settings.files_url or settings.shared_folder):
        return
    lacking = []
    if not settings.secret_key:
        lacking.append("CRM_SECRET_KEY (each host would make a key of its own)")
    if settings.database.startswith("sqlite"):
        lacking.append("CRM_DATABASE_URL (SQLite is for one host)")
    if not settings.queue_url:
        lacking.append("CRM_QUEUE_URL (each process would count tries for itself)")
    if not settings.shared_folder:
        lacking.append("CRM_SHARED_FOLDER (an import begun at one host would be unknown at others)")
        if not settings.files_url:
            lacking.append("CRM_FILES_URL (a photo kept by one host would be unknown at others)")
    if lacking:
        yield note("hosts", f"Several hosts need these too: {'; '.join(lacking)}.")
    else:
        yield good("hosts", "database, Redis, files, uploads and key are shared.")


def backup(settings: Settings) -> Iterator[Finding]:
    """The newest backup, and whether the last one made by the clock went well."""
    newest = backups.newest()
    if newest is None:
        yield note("backup", f"There is none in {settings.backups}: `crm backup` makes one.")
        return
    age = db.now() - newest.moment
    if newest.told:
        yield note("backup", f"The last one by the clock failed: {newest.told}")
    if age > _OLD:
        yield note("backup", f"The newest is {_long(age)} old; a worker makes one every night.")
    elif newest.ok:
        yield good("backup", f"the newest is {_long(age)} old, in {settings.backups}")
    if settings.backups.is_relative_to(settings.folder):
        yield note("backup", "They lie on the disk of what they are of: see CRM_BACKUP_FOLDER.")


def _long(time: timedelta) -> str:
    seconds = max(0, int(time.total_seconds()))
    for name, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if (number := seconds // size) >= (2 if size == 86400 else 1):
            return f"{number} {name}{'s' if number > 1 else ''}"
    return f"{seconds} seconds"
