"""The files in a landing folder: which there are, in which order, and what is in them (by hash)."""

import hashlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from roundtrip.errors import BadInput

#: File endings that are read, and how.
KINDS = {".csv": "csv", ".csv.gz": "csv.gz", ".parquet": "parquet"}


@dataclass(frozen=True)
class LandingFile:
    """One file; `name` is its path relative to the landing folder."""

    path: Path
    name: str
    kind: str

    @property
    def stem(self) -> str:
        """The file's name without its ending."""
        return self.path.name[: -len(next(end for end, kind in KINDS.items() if kind == self.kind))]

    def has_rows(self) -> bool:
        """Whether there may be rows below the header; only a plain CSV file is looked into."""
        if self.kind != "csv":
            return True
        with self.path.open("rb") as file:
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
                if not self.path.stat().st_size:
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
        kind = next((kind for end, kind in KINDS.items() if path.name.lower().endswith(end)), None)
        if kind is None:
            others.append(relative)
        else:
            found.append(LandingFile(path, relative, kind))
    return found, others
