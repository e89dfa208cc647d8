"""Which program made this: its version, and the commit where it runs from a checkout.

Read from files, as a server has no git: an installed package knows its version alone, and says so.
"""

from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import crm

_PACKAGE = "campaign-outreach-crm"


@cache
def code_version() -> str:
    """`0.1.0 (db158dd0c1f2)`, or `0.1.0` where no commit is known."""
    try:
        number = version(_PACKAGE)
    except PackageNotFoundError:
        number = "unknown"
    found = commit_of(Path(crm.__file__).parent.parent)
    return f"{number} ({found[:12]})" if found else number


def commit_of(folder: Path) -> str | None:
    """The commit that is checked out in a folder; None where it is no checkout."""
    try:
        git = folder / ".git"
        if git.is_file():
            # Of a second checkout of one repository: where its own part lies.
            git = folder / git.read_text().removeprefix("gitdir:").strip()
        head = (git / "HEAD").read_text().strip()
        if not head.startswith("ref:"):
            return head or None
        name = head.removeprefix("ref:").strip()
        common = git / "commondir"
        whole = git / common.read_text().strip() if common.is_file() else git
        return _of_branch(whole, name)
    except (OSError, UnicodeDecodeError):
        return None


def _of_branch(git: Path, name: str) -> str | None:
    loose = git / name
    if loose.is_file():
        return loose.read_text().strip() or None
    for line in (git / "packed-refs").read_text().splitlines():
        commit, _blank, branch = line.partition(" ")
        if branch == name:
            return commit
    return None
