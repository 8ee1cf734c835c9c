"""The report's PDFs, printed by a real Chromium: pages, numbers, both languages, the same bytes again."""

import os
import re
import shutil
import unicodedata
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader

from roundtrip.home import Home
from roundtrip.report import pdf, report
from roundtrip.report.facts import gather
from roundtrip.report.page import render
from roundtrip.report.words import Words
from tests.report_fixture import AS_OF, publish_by_hand

A4_POINTS = (595, 842)
KEY_NUMBERS = {
    "en": ("Meridian Travel & Tours", "808", "1.59%", "98.4%", "CNY 5.65m", "What to do next", "2.31%"),
    "zh": (
        "Meridian Travel & Tours",
        "808",
        "1.59%",
        "98.4%",
        "CNY 565.2万",
        "下一步做什么",
        "近一季度的阶段变化",
    ),
}


@pytest.fixture(scope="module")
def printed(tmp_path_factory) -> dict:
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, pdf.NAMES)), None)
    if not path:
        pytest.skip("no chromium on this machine: install it, or name it in $CHROMIUM")
    home = Home(tmp_path_factory.mktemp("printed"))
    publish_by_hand(home, all_tables=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(pdf.VARIABLE, path)
        summary = report(home, AS_OF)
    return {"home": home, "summary": summary, "chromium": path}


def _text(file: Path | BytesIO) -> list[str]:
    """The text of each page. Some letters come back as radicals that look alike; most can be folded."""
    return [unicodedata.normalize("NFKC", page.extract_text()) for page in PdfReader(file).pages]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_pdf_tells_what_the_page_tells(printed, language):
    assert "why_not" not in printed["summary"]["pdf"]
    if language == "zh" and "note" in printed["summary"]["pdf"]:
        pytest.skip(printed["summary"]["pdf"]["note"])
    file = printed["home"].reports_dir / f"{AS_OF}.{language}.pdf"
    pages = _text(file)
    assert len(pages) > 5
    whole = re.sub(r"\s+", "", "".join(pages))
    for text in KEY_NUMBERS[language]:
        assert text.replace(" ", "") in whole, text
    for number, page in enumerate(pages, start=1):
        assert f"{number} / {len(pages)}" in page
        assert "Meridian" in page, "the foot of each page says whose report it is"
    assert not re.search(r"\bc\d{5}\b", " ".join(pages)), "a customer is named"
    # Whatever is only of use on a screen.
    for text in ("Light or dark", "All reports", "Show the numbers", "全部报告", "显示数据"):
        assert text.replace(" ", "") not in whole


def test_a_pdf_is_a4_with_an_outline_of_its_sections(printed):
    reader = PdfReader(printed["home"].reports_dir / f"{AS_OF}.en.pdf")
    for page in reader.pages:
        assert (float(page.mediabox.width), float(page.mediabox.height)) == pytest.approx(A4_POINTS, abs=1)
    titles = [str(entry.title) for entry in _flat(reader.outline)]
    assert "What to do next" in titles
    assert "How long customers stay" in titles
    assert reader.metadata["/CreationDate"] == "D:20251130000000+00'00'"


def _flat(outline):
    for entry in outline:
        if isinstance(entry, list):
            yield from _flat(entry)
        else:
            yield entry


def test_no_heading_stands_alone_at_the_foot_of_a_page(printed):
    titles = [text.strip() for text in _headings(printed["home"])]
    assert len(titles) > 15
    for page in _text(printed["home"].reports_dir / f"{AS_OF}.en.pdf"):
        lines = [line.strip() for line in page.splitlines() if line.strip()]
        lines = [line for line in lines if not re.match(r"\d+ / \d+|Meridian.*retention report", line)]
        assert lines[-1] not in titles


def _headings(home: Home) -> list[str]:
    page = render(gather(home, AS_OF), Words("en"), is_copy=True)
    return re.findall(r"<h[23][^>]*>([^<]+)</h[23]>", page)


def test_the_same_page_is_printed_to_the_same_bytes(printed, tmp_path, monkeypatch):
    monkeypatch.setenv(pdf.VARIABLE, printed["chromium"])
    page = render(gather(printed["home"], AS_OF), Words("en"), is_copy=True)
    again = pdf.print_pages({"en": page}, AS_OF, tmp_path).pdfs["en"]
    assert again == (printed["home"].reports_dir / f"{AS_OF}.en.pdf").read_bytes()
