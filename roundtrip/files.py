"""Writing files so that a reader sees the old one or the new one, never half of one."""

import glob
import os
import re
import secrets
from pathlib import Path

import psutil


def write_atomically(path: Path, content: str | bytes, mode: int = 0o644) -> None:
    """Write `content` beside `path`, flush it to disk and move it into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_abandoned(path.parent, f".{glob.escape(path.name)}.*.tmp")
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    data = content.encode("utf-8") if isinstance(content, str) else content
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def remove_abandoned(folder: Path, pattern: str) -> None:
    """Delete the files like `pattern` that processes which are gone left half-written.

    Their names hold the process id as a number of its own, such as `.a.json.4711.tmp`. A living process of
    that id keeps them, be it the same or not.
    """
    for file in folder.glob(pattern):
        number = re.search(r"(?<=[.-])\d+(?=\.(?:tmp|new|duckdb)\b)", file.name)
        if number and not psutil.pid_exists(int(number.group())):
            file.unlink(missing_ok=True)


def create_secret(path: Path) -> None:
    """Put a new key (64 hex digits, readable by the owner only) at `path`, unless one is there already.

    Written whole beside the place and linked in: the file has a key in it or is not there.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.parent.chmod(0o700)
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as target:
            target.write(secrets.token_hex(32) + "\n")
            target.flush()
            os.fsync(target.fileno())
        # A link fails where os.replace would overwrite: a key, once there, is never exchanged.
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink(missing_ok=True)
