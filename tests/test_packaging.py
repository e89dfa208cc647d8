"""What travels: the wheel holds all that runs, the lock names no address, strings can be read."""

import email
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from babel.messages.pofile import read_po
from packaging.requirements import Requirement

TREE = Path(__file__).parents[1]


def run(*command: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run a Python module from outside the tree."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CRM_")}
    return subprocess.run(
        [sys.executable, *command], env={**kept, **environ}, capture_output=True, text=True
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree's tracked and new files."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = ("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet")
    built = run(*pip, "--wheel-dir", str(folder), str(TREE))
    assert built.returncode == 0, built.stderr
    return next(folder.glob("*.whl"))


def test_it_works(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    pip = ("-m", "pip", "install", "--no-deps", "--no-index", "--quiet", "--target", str(site))
    installed = run(*pip, str(wheel))
    assert installed.returncode == 0, installed.stderr
    # Nothing of the tree is on the path: -P, and a folder of its own to stand in.
    environ = {"PYTHONPATH": str(site), "CRM_INSTANCE": str(tmp_path / "instance")}
    script = f"""
import os, sys
os.chdir({str(tmp_path)!r})
import crm
assert crm.__file__.startswith({str(site)!r}), crm.__file__
from crm.cli import main
for arguments in (["migrate"], ["doctor"], ["demo"]):
    sys.argv = ["crm", *arguments]
    main()
client = crm.create_app().test_client()
for path in ("/sign-in", "/static/crm.css", "/static/js/crm.js", "/static/icon.svg"):
    assert client.get(path).status_code == 200, path
print("all is there")
"""
    done = run("-P", "-c", script, **environ)
    assert done.stdout.endswith("all is there\n"), done.stdout + done.stderr


def test_the_wheel_holds_every_file_and_no_other(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        str(path.relative_to(TREE))
        for folder in ("crm", "templates", "migrations")
        for path in (TREE / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == {name if name.startswith("crm/") else f"crm/{name}" for name in ours}


def test_the_wheel_says_what_it_is(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    said = email.message_from_bytes(archive.read(next(n for n in names if n.endswith("METADATA"))))
    assert said["Requires-Python"] == ">=3.11"
    assert said["License-Expression"] == "MIT"
    entry = archive.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    assert "crm = crm.cli:main" in entry


@pytest.mark.parametrize("name", ["run.txt", "dev.txt"])
def test_the_lock_has_a_hash_for_each_package_and_no_address(name: str) -> None:
    text = (TREE / "requirements" / name).read_text()
    assert not re.search(r"://|--(extra-)?index|--find-links|^-", text, re.M)
    for entry in re.split(r"\n(?=[a-z0-9])", text):
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry[:80]
        assert "--hash=sha256:" in entry, entry[:80]


def test_the_lock_holds_what_the_project_asks_for() -> None:
    project = tomllib.loads((TREE / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    run = [*project["project"]["dependencies"], *groups["build"]]
    for name, asked in (("run", run), ("dev", [*groups["test"], *groups["check"]])):
        text = (TREE / "requirements" / f"{name}.txt").read_text()
        locked = dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\n]+)", text, re.M))
        for each in map(Requirement, asked):
            version = locked.get(each.name.lower().replace("_", "-"))
            assert version is not None, f"{each} is not in the lock: make lock"
            assert each.specifier.contains(version), f"{each} is locked at {version}: make lock"


def test_strings_are_read_from_code_and_templates(tmp_path: Path) -> None:
    out = tmp_path / "crm.pot"
    keywords = ("-k", "_l", "-k", "lazy_gettext", "-k", "lazy_ngettext:1,2")
    made = subprocess.run(
        [sys.executable, "-m", "babel.messages.frontend", "-q", "extract", "-F", "pyproject.toml",
         *keywords, "-o", str(out), "."],
        cwd=TREE,
        capture_output=True,
        text=True,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    with out.open("rb") as file:
        catalog = read_po(file)
    found = {message.id: message.locations for message in catalog if message.id}
    files = {file for locations in found.values() for file, _line in locations}
    assert any(file.startswith("templates/") for file in files)
    assert "Skip to the content" in found
    assert "There is nothing here" in found
    assert ("%(num)s postcard", "%(num)s postcards") in found
