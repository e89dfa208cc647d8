"""The console script as somebody at a terminal meets it: what it says, and how it says no."""

import http.client
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from crm.cli import main
from tests.servers import free_port

TREE = Path(__file__).parents[1]


@dataclass
class Said:
    """What a command answered."""

    out: str
    error: str
    code: object


@pytest.fixture
def crm(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Said]]:
    """Run `crm …` in this process with an instance folder of its own."""
    for name in [name for name in os.environ if name.startswith("CRM_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CRM_INSTANCE", str(tmp_path / "instance"))

    def run(*arguments: str, **environ: str) -> Said:
        with monkeypatch.context() as patch:
            for name, value in environ.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["crm", *arguments])
            code: object = 0
            try:
                main()
            except SystemExit as stopped:
                code = stopped.code
        said = capsys.readouterr()
        return Said(said.out, said.err, code)

    # A command says how this process logs; the tests after it log as before.
    names = ("", "crm", "waitress.queue")
    before = [(each, each.level, each.handlers[:]) for each in map(logging.getLogger, names)]
    yield run
    for logger, level, handlers in before:
        logger.setLevel(level)
        logger.handlers[:] = handlers


def command(folder: Path, *arguments: str, **environ: str) -> subprocess.Popen[str]:
    """Start `crm …` as a process of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.Popen(
        [sys.executable, "-c", "from crm.cli import main; main()", *arguments],
        cwd=TREE,
        env={**kept, "CRM_INSTANCE": str(folder), **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_it_works(crm: Callable[..., Said]) -> None:
    assert crm("migrate").out == "The database is up to date.\n"
    said = crm("doctor")
    assert said.code == 0
    assert "is up to date (revision" in said.out
    assert "No administrator can sign in yet" in said.out


def test_help_has_a_line_for_each_command(crm: Callable[..., Said]) -> None:
    lines = crm("--help").out.split("Commands:\n")[1].splitlines()
    assert {"demo", "doctor", "import", "migrate", "serve"} <= {line.split()[0] for line in lines}
    for line in lines:
        assert len(line.split(maxsplit=1)) == 2, f"no help for {line}"
        assert line.endswith("."), line


@pytest.mark.parametrize("arguments", [["nope"], ["demo", "x"], ["serve", "--x"], ["import", "x"]])
def test_bad_arguments_are_one_line(crm: Callable[..., Said], arguments: list[str]) -> None:
    said = crm(*arguments)
    assert said.code not in (0, None)
    assert str(said.code).startswith("crm: ")
    assert "\n" not in str(said.code)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CRM_PORT", "http"),
        ("CRM_PORT", "70000"),
        ("CRM_THREADS", "0"),
        ("CRM_PROXIES", "-1"),
        ("CRM_SECURE_COOKIES", "yes"),
        ("CRM_TIMEZONE", "Nowhere/Land"),
        ("CRM_MAIL_SECURITY", "ssl"),
        ("CRM_DATABASE_URL", "crm.sqlite3"),
        ("CRM_DATABASE_URL", "mysql://person:hunter2@host/crm"),
        ("CRM_INSTANCE", "/dev/null"),
    ],
)
def test_a_bad_setting_is_named(crm: Callable[..., Said], name: str, value: str) -> None:
    said = crm("migrate", **{name: value})
    assert str(said.code).startswith(f"crm: {name}")
    assert "hunter2" not in str(said.code)


def test_an_empty_setting_is_no_setting(crm: Callable[..., Said]) -> None:
    assert crm("migrate", CRM_PORT="", CRM_TIMEZONE=" ").code == 0


@pytest.mark.parametrize("arguments", [["migrate"], ["demo"], ["serve"]])
def test_a_database_out_of_reach_is_a_sentence(
    crm: Callable[..., Said], arguments: list[str]
) -> None:
    address = f"postgres://person:hunter2@127.0.0.1:{free_port()}/crm"
    said = crm(*arguments, CRM_DATABASE_URL=address)
    assert str(said.code).startswith("crm: The database postgresql+psycopg://person:***@127.0.0.1")
    assert "\n" not in str(said.code)


def test_the_doctor_says_what_stops(crm: Callable[..., Said]) -> None:
    said = crm("doctor", CRM_DATABASE_URL=f"postgresql://127.0.0.1:{free_port()}/crm")
    assert "STOP  database: " in said.out
    assert said.code not in (0, None)


def test_a_file_that_is_no_database_is_a_sentence(crm: Callable[..., Said], tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Senator, " * 100)
    said = crm("migrate", CRM_DATABASE_URL=f"sqlite:///{tmp_path}/letter.txt")
    assert "file is not a database" in str(said.code)


def test_a_database_of_something_else_is_left_alone(
    crm: Callable[..., Said], tmp_path: Path
) -> None:
    address = f"sqlite:///{tmp_path}/shop.sqlite3"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE article (id INTEGER)"))
    engine.dispose()
    for arguments in (["migrate"], ["demo"], ["serve"]):
        assert "something else" in str(crm(*arguments, CRM_DATABASE_URL=address).code)


def test_a_database_of_a_later_version_is_refused(crm: Callable[..., Said], tmp_path: Path) -> None:
    crm("migrate")
    engine = create_engine(f"sqlite:///{tmp_path}/instance/crm.sqlite3")
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    engine.dispose()
    assert "later version" in str(crm("demo").code)
    assert "later version" in str(crm("migrate").code)


def test_the_demo_fills_an_empty_database_once(crm: Callable[..., Said], tmp_path: Path) -> None:
    said = crm("demo", CRM_DEMO_PASSWORD="quiet-otter-42")
    assert "quiet-otter-42" in said.out
    kept = tmp_path / "instance" / "demo-sign-in.txt"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    again = crm("demo")
    assert "holds data already" in str(again.code)
    assert "quiet-otter-42" in kept.read_text()


def test_the_secret_key_is_its_owners_alone(crm: Callable[..., Said], tmp_path: Path) -> None:
    crm("migrate")
    key = tmp_path / "instance" / "secret-key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_text()) > 40
    key.chmod(0o644)
    assert "Others can read it" in crm("doctor").out


def test_the_doctor_knows_what_is_set_and_what_is_mistyped(crm: Callable[..., Said]) -> None:
    crm("migrate")
    said = crm("doctor", CRM_DATABSE_URL="x", CRM_MAIL_SERVER="127.0.0.1", CRM_BASE_URL="crm.org")
    assert "CRM_DATABSE_URL is not a setting" in said.out
    assert "CRM_MAIL_SENDER is not set" in said.out
    assert "STOP  address: CRM_BASE_URL" in said.out


def test_first_starts_at_the_same_moment_share_one_database(tmp_path: Path) -> None:
    folder = tmp_path / "instance"
    running = [command(folder, "demo", CRM_DEMO_PASSWORD="quiet-otter-42") for _ in range(4)]
    ended = [(process.communicate()[1], process.returncode) for process in running]
    assert sorted(code for _, code in ended) == [0, 1, 1, 1], ended
    for error, code in ended:
        assert code == 0 or "holds data already" in error


def test_whoever_stops_reading_ends_it_quietly(tmp_path: Path) -> None:
    process = command(tmp_path / "instance", "--help")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == ""
    process.wait()


def test_start_serves_the_demo_and_says_where(tmp_path: Path) -> None:
    port = free_port()
    process = command(
        tmp_path / "instance",
        "start",
        CRM_PORT=str(port),
        CRM_DEMO_PASSWORD="quiet-otter-42",
        CRM_CONGRESS_SOURCE=str(tmp_path / "no-such-folder"),
    )
    try:
        assert process.stdout is not None
        lines = []
        for line in process.stdout:
            lines.append(line)
            if "administrator" in line:
                break
        said = "".join(lines)
        assert f"Open http://127.0.0.1:{port}" in said
        assert "quiet-otter-42" in said
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/sign-in")
        answer = connection.getresponse()
        assert answer.status == 200
        assert answer.getheader("Server") is None
        taken = command(tmp_path / "instance", "serve", CRM_PORT=str(port))
        assert "Name another port" in taken.communicate()[1]
    finally:
        process.send_signal(signal.SIGTERM)
        _, error = process.communicate(timeout=30)
    assert process.returncode == 0, error
    assert "Traceback" not in error
