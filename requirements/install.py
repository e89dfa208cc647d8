"""Make `.venv` from a lock file with nothing but Python's own tools (`make setup` calls this).

    python3 requirements/install.py run|dev

Written so that a Python too old for the project can still read it and say so: no syntax after 3.6.
"""

import hashlib
import os
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(HERE)
VENV = os.path.join(TREE, ".venv")
PYTHON = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
OLDEST = (3, 11)


def main(which):
    """Bring `.venv` to what the lock names; does nothing when it is there already."""
    if sys.version_info < OLDEST:
        return stop(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed, and {sys.executable} is "
            f"{sys.version.split()[0]}. Name another one: make setup PYTHON=python3.12"
        )
    locks = ["run"] if which == "run" else ["run", "dev"]
    marks = {lock: mark(lock) for lock in locks}
    if works() and all(kept(lock) == marks[lock] for lock in locks):
        return 0
    if not works():
        say(f"Making .venv with Python {sys.version.split()[0]}")
        shutil.rmtree(VENV, ignore_errors=True)
        made = subprocess.run([sys.executable, "-m", "venv", VENV], capture_output=True, text=True)
        if made.returncode:
            return stop(
                "The virtual environment could not be made. On Debian and Ubuntu this helps: "
                "apt-get install python3-venv\n" + made.stdout + made.stderr
            )
    for lock in locks:
        if kept(lock) == marks[lock]:
            continue
        path = os.path.join(HERE, lock + ".txt")
        if pip("Installing", path, ["--require-hashes", "-r", path]):
            return 1
    # What builds the project is in the lock too, so nothing unlocked is fetched for it.
    if pip("Linking", None, ["--no-deps", "--no-build-isolation", "-e", TREE]):
        return 1
    for lock in locks:
        with open(stamp(lock), "w") as file:
            file.write(marks[lock])
    return 0


def pip(doing, path, arguments):
    """Run pip, show one moving line (a terminal) or none, and its whole output if it fails."""
    command = [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    total = names_in(path) if path else 1
    seen = 0
    output = []
    if path:
        say(f"{doing} {total} packages from {os.path.relpath(path, TREE)}")
    with subprocess.Popen(
        [*command, "--progress-bar", "off", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            output.append(line)
            if line.startswith(("Collecting ", "Processing ", "Requirement already ")):
                seen += 1
                bar(seen, total, line.split()[1])
            elif line.startswith("Installing collected"):
                bar(total, total, "unpacking")
    bar(total, total, "")
    if process.returncode:
        sys.stderr.write("".join(output))
        stop("The packages could not be installed; what pip says stands above.")
    return process.returncode


def bar(seen, total, what):
    """Draw how far it is, over the line before; nothing where nobody watches."""
    if sys.stderr.isatty():
        full = 30 * min(seen, total) // total
        shown = f"\r  [{'#' * full:30}] {what[:38]:38}"
        sys.stderr.write(shown if what else "\r" + " " * 76 + "\r")
        sys.stderr.flush()


def names_in(path):
    """How many packages a lock names."""
    with open(path, encoding="utf-8") as file:
        return sum(1 for line in file if line[:1].isalnum())


def mark(lock):
    """What `.venv` must have been made from: lock, project description, Python."""
    found = hashlib.sha256(repr(sys.version_info[:2]).encode() + TREE.encode())
    for name in (os.path.join(HERE, lock + ".txt"), os.path.join(TREE, "pyproject.toml")):
        with open(name, "rb") as file:
            found.update(file.read())
    return found.hexdigest()


def stamp(lock):
    """Where it is kept what `.venv` was made from."""
    return os.path.join(VENV, ".stamp-" + lock)


def kept(lock):
    """What `.venv` was made from, or None."""
    try:
        with open(stamp(lock)) as file:
            return file.read()
    except OSError:
        return None


def works():
    """Whether `.venv` has a Python that runs (it breaks when the tree or its Python moves)."""
    wanted = f"import sys, pip; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    try:
        return subprocess.run([PYTHON, "-c", wanted], capture_output=True).returncode == 0
    except OSError:
        return False


def say(text):
    """One line for whoever watches."""
    print(text, flush=True)


def stop(text):
    """One line, and the exit that tells make to stop."""
    sys.stderr.write("setup: " + text + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "dev"))
