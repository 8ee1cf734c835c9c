"""Going back to a publication that is kept. What it is built from does not change."""

import getpass
import json
import os
from dataclasses import dataclass
from datetime import datetime

import duckdb

from roundtrip import duck
from roundtrip.errors import BadInput
from roundtrip.files import write_atomically
from roundtrip.home import Home
from roundtrip.lock import one_publication_at_a_time
from roundtrip.publish import versions
from roundtrip.publish.versions import Version


@dataclass(frozen=True)
class Actor:
    """Who asks for a rollback, and when (UTC, ISO 8601)."""

    name: str
    acts_at: str

    @classmethod
    def at(cls, moment: datetime) -> "Actor":
        """Whoever runs this process."""
        try:
            name = getpass.getuser()
        except (KeyError, OSError):
            # A container may run under a number that has no name.
            name = f"uid {os.getuid()}"
        return cls(name, moment.isoformat(timespec="seconds"))


def roll_back(home: Home, name: str, actor: Actor) -> dict:
    """Make the version `name` the current publication again, by one atomic replacement.

    The version is read to its last row first. Who did it is written down in `published/rollbacks.jsonl` as
    begun, and as done after the replacement; killed in between, the same call again finishes it. Call it
    with the run lock held: the next `publish` goes on from there as always.

    Returns:
        The summary: version, as_of, replaced (the version that was current, if known), rows per table.

    Raises:
        BadInput: there is no such version, it is current already, or its file is damaged.
        Locked: another process is publishing.
    """
    with one_publication_at_a_time(home):
        versions.remove_leftovers(home)
        there = versions.kept(home)
        version = next((version for version in there if version.name == name), None)
        if version is None:
            raise BadInput(
                f"there is no version {name} in {home.versions_dir}",
                "versions kept: " + (", ".join(version.name for version in there) or "none"),
            )
        begun = _unfinished(home, name)
        if version.is_current and begun is None:
            raise BadInput(f"{name} is the current publication already", "nothing is to be done")
        require_whole(home, version)
        before = versions.current(home)
        entry = {
            "state": "begun",
            "at": actor.acts_at,
            "by": actor.name,
            "from": begun["from"] if begun else before and before.name,
            "to": name,
            "as_of": version.lineage["as_of"],
        }
        _note(home, entry)
        if not version.is_current:
            versions.put_back(home, version)
        _note(home, {**entry, "state": "done"})
    return {
        "version": name,
        "as_of": version.lineage["as_of"],
        "replaced": entry["from"],
        "rows": version.lineage["rows"],
    }


def require_whole(home: Home, version: Version) -> None:
    """Read every row of a version and compare it with its lineage.

    Raises:
        BadInput: the file is damaged, or is not what was published.
    """
    hint = "choose another version (`roundtrip rollback` lists them), or build its date again"
    tables = sorted(version.lineage["rows"])
    try:
        with duck.connect(version.file, home.tmp_dir, read_only=True) as connection:
            content = versions.content_hash(connection, tables)
            rows = {
                table: connection.execute(f'SELECT count(*) FROM marts."{table}"').fetchone()[0]
                for table in tables
            }
    except duckdb.Error as error:
        raise BadInput(f"{version.file} cannot be read: {str(error).splitlines()[0]}", hint) from error
    # Hashes are only the same within one version of DuckDB.
    is_comparable = version.lineage["duckdb_version"] == duckdb.__version__
    if rows != version.lineage["rows"] or (is_comparable and content != version.lineage["content_hash"]):
        raise BadInput(f"{version.file} does not hold what its lineage says was published", hint)


def rollbacks(home: Home) -> list[dict]:
    """Every rollback of this home, oldest first: state, at, by, from, to, as_of."""
    if not home.rollbacks_file.exists():
        return []
    return [json.loads(line) for line in home.rollbacks_file.read_text(encoding="utf-8").splitlines()]


def newer_than_current(home: Home) -> list[Version]:
    """The versions that a rollback has taken back and that are still kept, newest first."""
    there = versions.kept(home)
    places = [place for place, version in enumerate(there) if version.is_current]
    return there[: places[0]] if places else []


def _unfinished(home: Home, name: str) -> dict | None:
    """The last entry, if it is a rollback to `name` that was killed."""
    last = rollbacks(home)[-1:]
    return last[0] if last and last[0]["state"] == "begun" and last[0]["to"] == name else None


def _note(home: Home, entry: dict) -> None:
    """Add an entry, or put it in the place of the unfinished one that it goes on with."""
    lines = rollbacks(home)
    if _unfinished(home, entry["to"]):
        lines.pop()
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in [*lines, entry])
    write_atomically(home.rollbacks_file, text)
