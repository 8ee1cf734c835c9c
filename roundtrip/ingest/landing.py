"""The files in a landing folder: which there are, in which order, and what is in them (by hash)."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from roundtrip.errors import BadInput

#: File endings that are read, and how; the texts among them also packed.
KINDS = {".csv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
PACKED = {".gz": "gz", ".zst": "zst"}
ENDINGS = {
    **{ending: (kind, "") for ending, kind in KINDS.items()},
    **{
        ending + packed: (kind, compression)
        for ending, kind in KINDS.items()
        if kind != "parquet"
        for packed, compression in PACKED.items()
    },
}
#: What is said of any other file.
OTHER_KIND = "neither CSV, JSON lines nor Parquet"


@dataclass(frozen=True)
class LandingFile:
    """One file; `name` is its path relative to the landing folder.

    `compression` is of PACKED or empty. `encoding` is what the company says of a text (a Python codec), None
    where its content decides.
    """

    path: Path
    name: str
    kind: str
    compression: str = ""
    encoding: str | None = None

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.path.name[: -len(_ending(self.path) or "") or None]

    @property
    def size_bytes(self) -> int:
        return self.path.stat().st_size

    def has_rows(self) -> bool:
        """Whether there may be rows; only a plain text is looked into."""
        if self.compression or self.kind not in ("csv", "jsonl"):
            return True
        with self.path.open("rb") as file:
            if self.kind == "csv":
                next(file, None)
            return any(line.strip() for line in file)

    @cached_property
    def content_hash(self) -> str:
        """SHA-256 of the bytes.

        Raises:
            BadInput: the file is empty or cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                # JSON lines have no header, so no line at all is a delivery of no rows.
                if not self.path.stat().st_size and self.kind != "jsonl":
                    raise BadInput(f"{self.name}: the file is empty", "deliver at least the header")
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise BadInput(
                f"{self.name} cannot be read: {error.strerror}", "check its permissions"
            ) from error


def files_in(folder: Path, landing: Path) -> tuple[list[LandingFile], list[str]]:
    """The data files directly in `folder`, in the order of their names, and the names of other files."""
    found, others = [], []
    for path in sorted(folder.iterdir(), key=lambda path: path.name):
        if not path.is_file() or path.name.startswith(".") or path.name == "company.yml":
            continue
        relative = path.relative_to(landing).as_posix()
        ending = _ending(path)
        if ending is None:
            others.append(relative)
        else:
            found.append(LandingFile(path, relative, *ENDINGS[ending]))
    return found, others


def _ending(path: Path) -> str | None:
    return next((ending for ending in ENDINGS if path.name.lower().endswith(ending)), None)
