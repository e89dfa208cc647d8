"""What docs/deploy hands to an operator speaks of what is there: settings, commands, paths."""

import re
import shutil
import subprocess
from dataclasses import fields
from pathlib import Path

import yaml
from flask import Flask

from crm.core.security import MAX_UPLOAD
from crm.core.settings import Settings

TREE = Path(__file__).parents[1]
DEPLOY = TREE / "docs" / "deploy"
SETTINGS = {f"CRM_{each.name.upper()}" for each in fields(Settings)}


def test_it_works(app: Flask) -> None:
    """The settings that are handed out are taken, those that wait behind a # too."""
    text = (DEPLOY / "crm.env").read_text()
    given = dict(re.findall(r"^#?(CRM_\w+)=(.*)$", text, re.MULTILINE))
    assert set(given) <= SETTINGS
    values = {name: value.strip('"') for name, value in given.items()}
    # Of those without a value nothing is set.
    assert Settings.from_environment(values).base_url == "https://outreach.example.org"


def test_every_setting_named_is_one() -> None:
    files = [*DEPLOY.iterdir(), TREE / "docs" / "operating.md"]
    for path in files:
        named = set(re.findall(r"CRM_[A-Z_]+", path.read_text()))
        assert named <= SETTINGS, path


def test_every_command_named_is_one(app: Flask) -> None:
    text = (TREE / "docs" / "operating.md").read_text()
    for path in ("crm.service", "crm-worker.service"):
        text += (DEPLOY / path).read_text()
    named = set(re.findall(r"(?:^|`|bin/|pages )crm ([a-z]+)\b", text, re.MULTILINE))
    assert named <= set(app.cli.commands)
    assert {"serve", "worker", "migrate", "doctor", "backup", "restore"} <= named


def test_the_units(tmp_path: Path) -> None:
    for name in ("crm.service", "crm-worker.service"):
        text = (DEPLOY / name).read_text()
        seconds = int(re.findall(r"TimeoutStopSec=(\d+)", text)[0])
        # The service manager is more patient than the server.
        assert seconds > int(Settings().stop_seconds) + 5
        assert "ReadWritePaths=-/var/backups/crm" in text
        # A machine without systemd has nobody to ask.
        if shutil.which("systemd-analyze"):
            unit = tmp_path / name
            unit.write_text(text.replace("/opt/crm/venv/bin/crm", "/bin/true"))
            verify = ("systemd-analyze", "verify", "--man=no", str(unit))
            said = subprocess.run(verify, capture_output=True, text=True, timeout=60)
            assert f"{name}:" not in said.stderr, said.stderr


def test_the_proxies_take_what_the_program_takes() -> None:
    program = MAX_UPLOAD / 1024 / 1024
    for name, pattern in (
        ("nginx.conf", r"client_max_body_size (\d+)m"),
        ("Caddyfile", r"max_size (\d+)MB"),
        ("Caddyfile.compose", r"max_size (\d+)MB"),
    ):
        [most] = re.findall(pattern, (DEPLOY / name).read_text())
        assert program < int(most) < 64, name


def test_the_container() -> None:
    text = (DEPLOY / "Containerfile").read_text()
    for line in re.findall(r"^COPY (?!--from)(.*)$", text, re.MULTILINE):
        for path in line.split()[:-1]:
            assert (TREE / path).exists(), path
    services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    assert services["worker"]["command"] == ["crm", "worker"]
    for name in ("pages", "worker"):
        assert set(services[name]["environment"]) <= SETTINGS
