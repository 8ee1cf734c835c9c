"""Rendering the explorer's pages: words, formats and links of one language."""

from functools import cache
from pathlib import Path
from urllib.parse import urlencode

import jinja2
from starlette.requests import Request
from starlette.responses import HTMLResponse

from roundtrip.queries.show import is_number, shown
from roundtrip.report.formats import Formats
from roundtrip.report.jinja import environment
from roundtrip.report.words import LANGUAGES, Words
from roundtrip.servers.start_page import language_of

TEXTS = Path(__file__).parent / "texts"
#: So many rows stand on a page; the CSV has all that the limits allow.
ROWS_ON_A_PAGE = 200


class View:
    """One request's page, in its language."""

    def __init__(self, request: Request):
        self.request = request
        self.language = language_of(
            request.query_params.get("lang"), request.headers.get("accept-language", "")
        )
        self.words = Words(self.language, TEXTS)
        self._report_words = Words(self.language)

    def page(self, name: str, status: int = 200, **context) -> HTMLResponse:
        """The template `name` with these values."""
        other = next(code for code in LANGUAGES if code != self.language)
        asked = dict(self.request.query_params) | {"lang": other}
        text = (
            _environment()
            .get_template(f"{name}.html.j2")
            .render(
                language=self.language,
                html_language="zh-Hans" if self.language == "zh" else self.language,
                other_language=other,
                other_link=f"{self.request.url.path}?{urlencode(asked)}",
                here=name,
                words=self.words,
                label=self.label,
                f=Formats(self.language, self.words("absent")),
                link=self.link,
                show=self.show,
                is_number=is_number,
                rows_on_a_page=ROWS_ON_A_PAGE,
                **context,
            )
        )
        return HTMLResponse(text, status)

    def link(self, path: str = "", **values: str) -> str:
        """An address of the explorer, in this language."""
        return f"/explorer/{path}?{urlencode({**values, 'lang': self.language})}"

    def show(self, value) -> str | None:
        """A value as text; None where there is none."""
        return shown(value, (self.words("affirmed"), self.words("denied")))

    def label(self, group: str, value) -> str:
        """The word for a value of the warehouse: the explorer's, else the report's, else the value itself."""
        if value is None:
            return self.words("absent")
        own = self.words.label(group, value)
        return own if own != value else self._report_words.label(group, value)


@cache
def _environment() -> jinja2.Environment:
    return environment("roundtrip.explorer")
