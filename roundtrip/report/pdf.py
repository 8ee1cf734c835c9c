"""Printing pages to PDF with the Chromium of this machine: from a file, without any network, never for long.

Chromium is asked for and not installed by anything of ours: without it there are pages and no PDFs.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import psutil

#: Names a browser of one's own; empty: no PDFs are wanted.
VARIABLE = "ROUNDTRIP_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = f"install Chromium (apt install chromium), or name a browser in ${VARIABLE}"
#: Ten seconds is usual on two busy cores; whoever needs this long will not end by itself.
LONGEST_SECONDS = 120
FLAGS = (
    "--headless",
    # Root, and most containers, have no sandbox to offer. The page is our own, and its content security
    # policy admits one script by its hash and loads nothing.
    "--no-sandbox",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--disable-background-networking",
    "--disable-breakpad",
    "--disable-component-update",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-default-browser-check",
    "--no-first-run",
    "--generate-pdf-document-outline",
    # Chromium's own header and footer name the file's path; the page numbers are in the page's CSS.
    "--no-pdf-header-footer",
)
_PREFIX = "pdf-"
# The clock's only trace in what Chromium writes: 14 digits, outside of compressed parts.
_WRITTEN_AT = re.compile(rb"(/(?:Creation|Mod)Date \(D:)\d{14}")


@dataclass(frozen=True)
class Prints:
    """PDFs by name; `why_not` says why some or all are missing, `note` what is poor about those that are
    there, `how_to` what to do about either.
    """

    pdfs: dict[str, bytes] = field(default_factory=dict)
    why_not: str | None = None
    note: str | None = None
    how_to: str | None = None


def print_pages(pages: Mapping[str, str], as_of: date, work_dir: Path) -> Prints:
    """Print HTML pages, each as its own PDF: A4 as their CSS says, with an outline and tags.

    The same pages give the same bytes with the same Chromium and fonts: the file's dates are `as_of`.
    Nothing that Chromium does or fails to do raises.

    Args:
        pages: HTML by name; a name in `zh` is checked for fonts that can show it.
        work_dir: where the pages and the browser's profile lie meanwhile; nothing stays.
    """
    chosen = os.environ.get(VARIABLE)
    if chosen == "":
        return Prints(why_not=f"${VARIABLE} is empty: no PDFs are wanted")
    browser = shutil.which(chosen) if chosen else next(filter(None, map(shutil.which, NAMES)), None)
    if browser is None:
        missing = (
            f"${VARIABLE} names {chosen}, which is no program" if chosen else "no Chromium on this machine"
        )
        return Prints(why_not=missing, how_to=HOW_TO_GET_ONE)
    pdfs: dict[str, bytes] = {}
    work_dir.mkdir(parents=True, exist_ok=True)
    _remove_abandoned(work_dir)
    prefix = f"{_PREFIX}{os.getpid()}-"
    with tempfile.TemporaryDirectory(prefix=prefix, dir=work_dir, ignore_cleanup_errors=True) as folder:
        for name, page in pages.items():
            found = _print(browser, Path(folder), name, page, as_of)
            if isinstance(found, str):
                return Prints(pdfs, f"{Path(browser).name}: {found}", how_to=HOW_TO_GET_ONE)
            pdfs[name] = found
    if "zh" in pages and _lacks_chinese_fonts():
        return Prints(
            pdfs,
            note="no font for Chinese on this machine: the Chinese PDF shows boxes",
            how_to="install one (apt install fonts-noto-cjk)",
        )
    return Prints(pdfs)


def _remove_abandoned(work_dir: Path) -> None:
    """Delete what processes that were killed while printing have left."""
    for folder in work_dir.glob(f"{_PREFIX}*-*"):
        if not psutil.pid_exists(int(folder.name.split("-")[1])):
            shutil.rmtree(folder, ignore_errors=True)


def _print(browser: str, folder: Path, name: str, page: str, as_of: date) -> bytes | str:
    """The PDF, or what went wrong."""
    html, pdf = folder / f"{name}.html", folder / f"{name}.pdf"
    html.write_text(page, encoding="utf-8")
    command = [
        browser,
        *FLAGS,
        f"--user-data-dir={folder / 'profile'}",
        f"--print-to-pdf={pdf}",
        html.as_uri(),
    ]
    try:
        # A session of its own, so that a browser that hangs ends with all its children.
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as process:
            try:
                code = process.wait(LONGEST_SECONDS)
            except subprocess.TimeoutExpired:
                return f"printing took longer than {LONGEST_SECONDS} seconds"
            finally:
                _end(process.pid)
        printed = pdf.read_bytes() if pdf.exists() else b""
    except OSError as error:
        return f"{type(error).__name__}: {error}"
    if code != 0:
        return f"ended with {code}"
    if not (printed.startswith(b"%PDF-") and printed.rstrip().endswith(b"%%EOF")):
        return "wrote no whole PDF"
    return _WRITTEN_AT.sub(lambda match: match[1] + f"{as_of:%Y%m%d}000000".encode(), printed)


def _end(process_id: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process_id, signal.SIGKILL)


def _lacks_chinese_fonts() -> bool:
    """Whether fontconfig knows no font for Chinese; where it cannot be asked, it is taken to know one."""
    try:
        asked = subprocess.run(
            ["fc-list", ":lang=zh", "family"], capture_output=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return asked.returncode == 0 and not asked.stdout.strip()
