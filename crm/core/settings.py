"""Every setting the application reads, in one table: a name, what it means, its default.

`docs/settings.md` lists the same names; a test fails when one is missing there.
"""

import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from zoneinfo import ZoneInfo

from flask import current_app
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from crm.core.backup_rules import Keep
from crm.core.bucket import bucket_of


class BadSetting(ValueError):
    """A setting nobody can work with. The message is a sentence that names it."""


def in_force() -> "Settings":
    """The settings the present application was made with."""
    settings: Settings = current_app.extensions["crm_settings"]
    return settings


def _setting(default: str, meaning: str) -> str:
    return field(default=default, metadata={"meaning": meaning})


#: Settings that are whole numbers.
_NUMBERS = (
    "port", "threads", "proxies", "mail_port", "retention_years", "retry_seconds", "workers",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Read from the environment as `CRM_<NAME>`; all are text, all have a default."""

    instance: str = _setting(
        "instance", "Folder of the database, the photos and the secret key; made at first start."
    )
    database_url: str = _setting(
        "", "SQLAlchemy address of the database. Empty: SQLite in the instance folder."
    )
    secret_key: str = _setting("", "Signs sessions and links. Empty: made once, kept in a file.")
    files_url: str = _setting(
        "", "Bucket photos and documents are kept in. Empty: folders in the instance folder."
    )
    files_key: str = _setting("", "Name of the key to the bucket. Empty: as AWS programs find it.")
    files_secret: str = _setting("", "The key itself.")
    shared_folder: str = _setting(
        "", "Folder all hosts share, for uploads that wait. Empty: the instance folder."
    )
    base_url: str = _setting(
        "", "Address people reach the server by. Links begin with it; without it no mail is sent."
    )
    host: str = _setting("127.0.0.1", "Address the server listens on.")
    port: str = _setting("8000", "Port the server listens on.")
    threads: str = _setting("8", "Threads of the server.")
    stop_seconds: str = _setting(
        "25", "Seconds the server goes on answering what it has begun when it is stopped."
    )
    log: str = _setting("text", "`text` or `json`: how a line of the log looks.")
    log_level: str = _setting("info", "`debug`, `info`, `warning` or `error`.")
    metrics_token: str = _setting(
        "", "What Prometheus says to read `/metrics`. Empty: there is no such page."
    )
    proxies: str = _setting("0", "How many trusted proxies stand in front of the server.")
    secure_cookies: str = _setting("0", "1: cookies travel over HTTPS only.")
    language: str = _setting("en", "Language of people who have not chosen one.")
    timezone: str = _setting("America/New_York", "Time zone of people who have not chosen one.")
    mail_server: str = _setting("", "SMTP server. Empty: no mail is sent, links are shown instead.")
    mail_port: str = _setting("25", "Port of the SMTP server.")
    mail_username: str = _setting("", "Name to sign in to the SMTP server with.")
    mail_password: str = _setting("", "Password to sign in to the SMTP server with.")
    mail_security: str = _setting("", "`starttls`, `tls`, or empty for neither.")
    mail_sender: str = _setting("", "Address mail is sent from.")
    mail: str = _setting(
        "",
        "`send`, `preview` (nothing is sent, pages show what would go) or `off`. "
        "Empty: `send` where CRM_MAIL_SERVER is given, else `off`; in the demo `preview`.",
    )
    mail_inbox: str = _setting(
        "", "Maildir, or folder of .eml files, that mail to us is taken in from every five minutes."
    )
    mail_incoming_token: str = _setting(
        "",
        "Lets a mail server post what came to `/mail/incoming`. Empty: that address is not there.",
    )
    queue_url: str = _setting(
        "",
        "Redis for the queue and the limits where several hosts share them. "
        "Empty: files in the instance folder.",
    )
    retry_seconds: str = _setting(
        "30", "Seconds until what failed is tried again; longer each time it fails."
    )
    workers: str = _setting("2", "Threads a worker carries jobs out with, in each lane.")
    congress_source: str = _setting(
        "", "Folder, file or address `make run` and `crm import congress` read Congress from."
    )
    openstates_source: str = _setting(
        "", "Folder, zip or address of a zip that `crm import openstates wv` finds a state in."
    )
    age_bounds: str = _setting(
        "13,16,18", "Ages at which the second and third band begin, and at which one is an adult."
    )
    retention_years: str = _setting(
        "3", "Years after which members who left are proposed to be forgotten."
    )
    backup_folder: str = _setting(
        "backups", "Folder backups are kept in; a relative one lies in the instance folder."
    )
    backup_hour: str = _setting("3", "Hour of the day a backup is made at.")
    backup_keep: str = _setting(
        "7,5,12", "Of how many days, weeks and months the last backup is kept."
    )
    backup_key: str = _setting(
        "", "Passphrase, or age recipient (`age1…`), backups are sealed for. Empty: not sealed."
    )
    demo_password: str = _setting("", "Password of the demo's people. Empty: random and printed.")
    testing: str = _setting("0", "1: for the test suite; sign-in is not throttled.")

    def __post_init__(self) -> None:
        for name in (
            "port",
            "threads",
            "proxies",
            "mail_port",
            "retention_years",
            "retry_seconds",
            "workers",
            "stop_seconds",
        ):
            self._must(name, getattr(self, name).isdecimal(), "a whole number")
        for name in ("secure_cookies", "testing"):
            self._must(name, getattr(self, name) in ("0", "1"), "0 or 1")
        self._must("port", int(self.port) < 65536, "a port, at most 65535")
        self._must("threads", int(self.threads) > 0, "at least 1")
        self._must("mail_port", 0 < int(self.mail_port) < 65536, "a port, 1 to 65535")
        self._must(
            "mail_security",
            self.mail_security in ("", "starttls", "tls"),
            "`starttls`, `tls` or empty",
        )
        self._must("log", self.log in ("text", "json"), "`text` or `json`")
        levels = ("debug", "info", "warning", "error")
        self._must("log_level", self.log_level in levels, "`debug`, `info`, `warning` or `error`")
        # The value is not repeated: it is a secret.
        if self.metrics_token and len(self.metrics_token) < 16:
            raise BadSetting("CRM_METRICS_TOKEN must have 16 characters or more.")
        self._must(
            "mail", self.mail in ("", "send", "preview", "off"), "`send`, `preview`, `off` or empty"
        )
        hour = self.backup_hour
        self._must("backup_hour", hour.isdecimal() and int(hour) < 24, "an hour, 0 to 23")
        self._must("backup_keep", _is_rule(self.backup_keep), "three numbers such as 7,5,12")
        self._must("workers", int(self.workers) > 0, "at least 1")
        self._must("timezone", _is_timezone(self.timezone), "a time zone such as America/New_York")
        self._must("age_bounds", _are_bounds(self.age_bounds), "three rising ages such as 13,16,18")
        try:
            if self.files_url:
                bucket_of(self.files_url)
        except ValueError as error:
            # The value is not repeated: it may hold a key.
            raise BadSetting(
                "CRM_FILES_URL must be an address such as "
                f"s3://bucket/folder?endpoint=https://host&region=name: {error}."
            ) from None
        if bool(self.files_key) != bool(self.files_secret):
            raise BadSetting("CRM_FILES_KEY and CRM_FILES_SECRET are given both or neither.")
        # The value is not repeated: it may hold a password.
        if self.database_url and not _is_database(self.database):
            raise BadSetting(
                "CRM_DATABASE_URL must be an address such as "
                "postgresql://user:password@host/name or sqlite:////folder/file.sqlite3."
            )

    def _must(self, name: str, holds: bool, what: str) -> None:
        if not holds:
            raise BadSetting(f"CRM_{name.upper()} must be {what}, not “{getattr(self, name)}”.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Take `CRM_…` from `environ`; what is absent or empty keeps its default."""
        given = {f.name: environ.get(f"CRM_{f.name.upper()}", "").strip() for f in fields(cls)}
        return cls(**{name: value for name, value in given.items() if value})

    @property
    def folder(self) -> Path:
        """The instance folder, absolute; made when absent."""
        return _made("CRM_INSTANCE", self.instance)

    @property
    def shared(self) -> Path:
        """The folder that all hosts see, absolute; the instance folder where there is one host."""
        if not self.shared_folder:
            return self.folder
        return _made("CRM_SHARED_FOLDER", self.shared_folder)

    @property
    def backups(self) -> Path:
        """The folder backups are kept in, absolute; whoever writes there makes it."""
        return self.folder / Path(self.backup_folder).expanduser()

    @property
    def keep(self) -> Keep:
        """How many backups are kept."""
        return Keep.parse(self.backup_keep)

    @property
    def age_limits(self) -> tuple[int, int, int]:
        """Years at which the second and third band begin, and at which one is an adult."""
        first, second, grown = map(int, self.age_bounds.split(","))
        return first, second, grown

    @property
    def database(self) -> str:
        """The database's SQLAlchemy address; `postgres://` is the same as `postgresql://`."""
        if not self.database_url:
            return f"sqlite:///{self.folder / 'crm.sqlite3'}"
        scheme, separator, rest = self.database_url.partition("://")
        driven = "postgresql+psycopg" if scheme in ("postgres", "postgresql") else scheme
        return f"{driven}{separator}{rest}"

    def signing_key(self) -> str:
        """The given key, or the one kept in the instance folder, readable by its owner alone."""
        if self.secret_key:
            return self.secret_key
        path = self.folder / "secret-key"
        try:
            # O_EXCL: of processes that start at once, one makes the key and all read it.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return _read_key(path)
        with os.fdopen(handle, "w") as file:
            key = secrets.token_urlsafe(48)
            file.write(key)
        return key


def _made(name: str, folder: str) -> Path:
    path = Path(folder).resolve()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise BadSetting(f"{name}: the folder {path} cannot be made: {error.strerror}.") from error
    return path


def _read_key(path: Path) -> str:
    # The process that makes it may have opened the file and not yet written.
    for _ in range(100):
        if key := path.read_text().strip():
            return key
        time.sleep(0.02)
    raise BadSetting(f"{path} is empty. Delete it, and a new key is made; people sign in again.")


def _is_timezone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (LookupError, OSError, ValueError):
        return False
    return True


def _are_bounds(text: str) -> bool:
    parts = [part.strip() for part in text.split(",")]
    if len(parts) != 3 or not all(part.isdecimal() and len(part) < 3 for part in parts):
        return False
    first, second, grown = map(int, parts)
    return 0 < first < second < grown


def _is_rule(text: str) -> bool:
    try:
        Keep.parse(text)
    except ValueError:
        return False
    return True


def _is_database(address: str) -> bool:
    try:
        return make_url(address).drivername in ("sqlite", "postgresql+psycopg")
    except (ArgumentError, ValueError):
        return False
