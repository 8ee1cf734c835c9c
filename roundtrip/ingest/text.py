"""A landing file's text as UTF-8 bytes, chunk by chunk and as often as asked; nothing is written anywhere."""

import codecs
import gzip
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import pyarrow

from roundtrip.errors import BadInput
from roundtrip.ingest.landing import LandingFile

CHUNK_BYTES = 1 << 20
#: Stands for what is no text. It is no UTF-8 either, so the line that holds it is refused like any other
#: line with wrong bytes.
NO_TEXT = b"\xff"
_HANDLER = "roundtrip_no_text"


def _mark(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeEncodeError):
        return NO_TEXT, error.end
    # One byte only, lest a line feed or a delimiter be taken for the rest of a broken character.
    return "\udcff", error.end if error.encoding.startswith("utf") else error.start + 1


codecs.register_error(_HANDLER, _mark)


@dataclass(frozen=True)
class Text:
    """How a file becomes text.

    Attributes:
        encoding: a Python codec.
        mends_line_ends: CRLF becomes LF, and a carriage return alone becomes NO_TEXT.
        blots_out: which lines become NO_TEXT.
    """

    file: LandingFile
    encoding: str = "utf-8"
    mends_line_ends: bool = False
    blots_out: Callable[[bytes], bool] | None = None

    @property
    def is_as_delivered(self) -> bool:
        """Whether the text's bytes are those of the file, once unpacked."""
        return self.encoding == "utf-8" and not self.mends_line_ends and not self.blots_out

    def chunks(self) -> Iterator[bytes]:
        """The text's bytes: UTF-8, but for NO_TEXT and for wrong bytes in a file that claims to be UTF-8.

        Raises:
            BadInput: the file is cut off, or not packed as its ending says.
        """
        chunks = unpacked(self.file)
        if self.encoding != "utf-8":
            chunks = _decoded(chunks, self.encoding)
        if self.mends_line_ends:
            chunks = _with_line_feeds(chunks)
        return _without(self.blots_out, chunks) if self.blots_out else chunks

    def lines(self) -> Iterator[bytes]:
        """Physical lines with their line feeds."""
        return lines_of(self.chunks())


def lines_of(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Physical lines with their line feeds."""
    parts: list[bytes] = []
    for chunk in chunks:
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*parts, line, b"\n"])
            parts = []
        parts.append(rest)
    if any(parts):
        yield b"".join(parts)


def unpacked(file: LandingFile) -> Iterator[bytes]:
    """The file's bytes, decompressed.

    Raises:
        BadInput: it is cut off, or not packed as its ending says.
    """
    if file.compression == "zst":
        return _zst(file)
    return _gz(file) if file.compression == "gz" else _plain(file)


def _plain(file: LandingFile) -> Iterator[bytes]:
    with file.path.open("rb", buffering=0) as stream:
        while chunk := stream.read(CHUNK_BYTES):
            yield chunk


def _gz(file: LandingFile) -> Iterator[bytes]:
    try:
        with gzip.open(file.path, "rb") as stream:
            while chunk := stream.read(CHUNK_BYTES):
                yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise _unpackable(file, "gzip", error) from error


def _zst(file: LandingFile) -> Iterator[bytes]:
    with file.path.open("rb") as packed:
        try:
            with pyarrow.CompressedInputStream(packed, "zstd") as stream:
                while chunk := stream.read(CHUNK_BYTES):
                    yield chunk
        except OSError as error:
            raise _unpackable(file, "zstd", error) from error


def _unpackable(file: LandingFile, kind: str, error: Exception) -> BadInput:
    return BadInput(f"{file.name} is cut off or no {kind} file: {error}", "deliver the whole file again")


def _decoded(chunks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)(errors=_HANDLER)
    for chunk in chunks:
        yield decoder.decode(chunk).encode("utf-8", _HANDLER)
    yield decoder.decode(b"", final=True).encode("utf-8", _HANDLER)


def _with_line_feeds(chunks: Iterator[bytes]) -> Iterator[bytes]:
    held = b""
    for chunk in chunks:
        whole = held + chunk
        ready = whole.rstrip(b"\r")
        held = whole[len(ready) :]
        # Some programs write CR CR LF.
        yield re.sub(rb"\r+\n", b"\n", ready).replace(b"\r", NO_TEXT)
    if held:
        yield b"\n"


def _without(blots_out: Callable[[bytes], bool], chunks: Iterator[bytes]) -> Iterator[bytes]:
    gathered, size = [], 0
    for line in lines_of(chunks):
        gathered.append(NO_TEXT + b"\n" if blots_out(line) else line)
        size += len(line)
        if size >= CHUNK_BYTES:
            yield b"".join(gathered)
            gathered, size = [], 0
    yield b"".join(gathered)
