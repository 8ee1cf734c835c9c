"""docs/runbooks.md as a page beside those of the runs, so that these can lead to the section that helps."""

import re
from pathlib import Path

from markdown_it import MarkdownIt
from markupsafe import Markup

from roundtrip.home import PROJECT_ROOT

SOURCE = PROJECT_ROOT / "docs" / "runbooks.md"
FILE_NAME = "runbooks.html"


def sections(source: Path = SOURCE) -> dict[str, str]:
    """Anchor → heading of every section; none where the documentation is not installed."""
    if not source.exists():
        return {}
    headings = re.findall(r"^## (.+)$", source.read_text(encoding="utf-8"), re.MULTILINE)
    return {anchor(heading): heading.replace("`", "") for heading in headings}


def anchor(heading: str) -> str:
    """The heading as GitHub links it: lower case, spaces as hyphens, other signs left out."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def body(source: Path = SOURCE) -> Markup:
    """The content as HTML. What links to other pages of the documentation is text: they are not here."""
    markdown = MarkdownIt("commonmark").enable("table")
    tokens = markdown.parse(source.read_text(encoding="utf-8"))
    for place, token in enumerate(tokens):
        if token.type == "heading_open" and token.tag != "h1":
            token.attrSet("id", anchor(tokens[place + 1].content))
        if token.type == "th_open":
            token.attrSet("scope", "col")
        if token.type == "code_block":
            # Wider than a phone: whoever has no mouse must be able to scroll it.
            token.attrSet("tabindex", "0")
        if token.type == "inline":
            token.children = [
                child for child, is_kept in zip(token.children, _kept(token.children), strict=True) if is_kept
            ]
    return Markup(markdown.renderer.render(tokens, markdown.options, {}))


def _kept(children: list) -> list[bool]:
    """False for the two ends of a link that leads out of the page."""
    kept, leads_out = [], False
    for child in children:
        if child.type == "link_open":
            leads_out = not child.attrs["href"].startswith("#")
        kept.append(not (leads_out and child.type in ("link_open", "link_close")))
    return kept
