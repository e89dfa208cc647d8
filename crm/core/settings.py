"""Every setting the application reads, in one table: a name, what it means, its default.

`docs/settings.md` lists the same names; a test fails when one is missing there.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path


def _setting(default: str, meaning: str) -> str:
    return field(default=default, metadata={"meaning": meaning})


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
    base_url: str = _setting(
        "", "Address people reach the server by, used in links of e-mails sent by commands."
    )
    host: str = _setting("127.0.0.1", "Address the server listens on.")
    port: str = _setting("8000", "Port the server listens on.")
    threads: str = _setting("8", "Threads of the server.")
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
    congress_source: str = _setting(
        "", "Folder, file or address `make run` and `crm import congress` read Congress from."
    )
    demo_password: str = _setting("", "Password of the demo's people. Empty: random and printed.")
    testing: str = _setting("0", "1: for the test suite; sign-in is not throttled.")

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> "Settings":
        """Take `CRM_…` from `environ`; what is absent keeps its default."""
        given = {
            f.name: environ[f"CRM_{f.name.upper()}"]
            for f in fields(cls)
            if f"CRM_{f.name.upper()}" in environ
        }
        return cls(**given)

    @property
    def folder(self) -> Path:
        """The instance folder, absolute; made when absent."""
        path = Path(self.instance).resolve()
        path.mkdir(parents=True, exist_ok=True)
        return path

    @property
    def database(self) -> str:
        """The database's SQLAlchemy address."""
        return self.database_url or f"sqlite:///{self.folder / 'crm.sqlite3'}"

    def signing_key(self) -> str:
        """The given key, or the one kept in the instance folder, readable by its owner alone."""
        if self.secret_key:
            return self.secret_key
        path = self.folder / "secret-key"
        try:
            # O_EXCL: of two processes that start at once, one makes the key and both read it.
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            return path.read_text().strip()
        with os.fdopen(handle, "w") as file:
            key = secrets.token_urlsafe(48)
            file.write(key)
        return key
