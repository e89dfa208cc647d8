"""Settings are documented, each with its default."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

from crm.core.settings import BadSetting, Settings

DOCUMENTED = Path(__file__).parents[2] / "docs" / "settings.md"


def test_it_works() -> None:
    settings = Settings.from_environment({"CRM_PORT": "8001", "CRM_HOST": "", "HOME": "/"})
    assert (settings.port, settings.host) == ("8001", "127.0.0.1")


def test_every_setting_is_documented_with_its_default() -> None:
    lines = re.findall(r"^\| `CRM_([A-Z_]+)` \| (?:`(.*?)`)? *\|", DOCUMENTED.read_text(), re.M)
    assert dict(lines) == {field.name.upper(): field.default for field in fields(Settings)}


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgres://ann:pw@db/crm", "postgresql+psycopg://ann:pw@db/crm"),
        ("postgresql://db/crm?sslmode=require", "postgresql+psycopg://db/crm?sslmode=require"),
        ("postgresql+psycopg:///crm?host=/run", "postgresql+psycopg:///crm?host=/run"),
        ("sqlite:////srv/crm.sqlite3", "sqlite:////srv/crm.sqlite3"),
    ],
)
def test_addresses_of_databases(given: str, used: str) -> None:
    assert Settings(database_url=given).database == used


@pytest.mark.parametrize("given", ["crm", "postgres", "mysql://db/crm", "postgresql://db:x/crm"])
def test_what_is_no_address_of_a_database(given: str) -> None:
    with pytest.raises(BadSetting, match="CRM_DATABASE_URL"):
        Settings(database_url=given)


def test_a_half_made_key_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "secret-key").write_text("")
    with pytest.raises(BadSetting, match="is empty"):
        Settings(instance=str(tmp_path)).signing_key()
