"""The explorer's addresses. Every page only reads; each is whole without a script."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from roundtrip.errors import BadInput
from roundtrip.explorer import customers, indicators, pictures, tables
from roundtrip.explorer.view import View
from roundtrip.home import Home
from roundtrip.queries import Limits, Refused, Warehouse, opened, query_named, saved_queries
from roundtrip.queries.saved import Picture, groups
from roundtrip.queries.show import to_csv
from roundtrip.report.page import inline

#: Pages that ask at the same time; more wait, so that the server's memory stays within what they may use.
AT_ONCE = 2
#: So long a page waits for its turn.
PATIENCE_S = 30.0
#: A refusal's reason -> the page's status; 400 for all others.
_STATUS = {"no_publication": 503, "busy": 503, "no_table": 404, "no_question": 404}
_SHARES = ("_rate", "_share")


def routes(home: Home, limits: Limits | None = None) -> list[BaseRoute]:
    """The routes, to be put behind a login."""
    explorer = _Explorer(home, limits or Limits())
    return [
        Route("/explorer", lambda _: RedirectResponse("/explorer/")),
        Route("/explorer/", explorer.page(_start)),
        Route("/explorer/style.css", lambda _: Response(_style(), media_type="text/css")),
        Route("/explorer/questions/{name}", explorer.page(_question)),
        Route("/explorer/questions/{name}/answer.csv", explorer.page(_question_csv)),
        Route("/explorer/indicators", explorer.page(_indicators)),
        Route("/explorer/customers", explorer.page(_customers)),
        Route("/explorer/tables", explorer.page(_tables)),
        Route("/explorer/tables/{name}", explorer.page(_table)),
        Route("/explorer/sql", explorer.page(_sql)),
        Route("/explorer/sql/answer.csv", explorer.page(_sql_csv)),
    ]


class _Explorer:
    """Opens the warehouse for a page, a few at a time, and tells refusals as pages."""

    def __init__(self, home: Home, limits: Limits):
        self.home = home
        self.limits = limits
        self._turns = threading.BoundedSemaphore(AT_ONCE)

    def page(self, make: Callable[[View, Warehouse], Response]) -> Callable[[Request], Response]:
        def answer(request: Request) -> Response:
            view = View(request)
            # A login is sent along with links of other sites; none of them may keep the machine busy.
            if request.headers.get("sec-fetch-site") == "cross-site" and request.url.query:
                return view.page("refused", 403, why="other_site", what="")
            try:
                with self._turn(), opened(self.home, self.limits) as warehouse:
                    return make(view, warehouse)
            except Refused as refusal:
                return view.page("refused", _STATUS.get(refusal.why, 400), why=refusal.why, what=refusal.what)

        return answer

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._turns.acquire(timeout=PATIENCE_S):
            raise Refused("busy", f"{AT_ONCE} questions are being answered")
        try:
            yield
        finally:
            self._turns.release()


def _start(view: View, warehouse: Warehouse) -> Response:
    (info,) = warehouse.rows("SELECT * FROM marts.warehouse_info")
    by_group = {
        heading[view.language]: [query for query in saved_queries().values() if query.group == group]
        for group, heading in groups().items()
    }
    return view.page("start", info=info, groups=by_group)


def _question(view: View, warehouse: Warehouse) -> Response:
    query = _named(view)
    answer = warehouse.ask(query.sql)
    drawn, legend = None, []
    if query.picture:
        title = view.words("question.picture", y=query.picture.y, x=query.picture.x)
        drawn = pictures.answer_picture(answer, query.picture, query.name, title, view.words("month_format"))
        legend = pictures.legend(pictures.series_of(answer, query.picture))
    return view.page("question", query=query, answer=answer, picture=drawn, legend=legend)


def _question_csv(view: View, warehouse: Warehouse) -> Response:
    query = _named(view)
    return _csv(to_csv(warehouse.ask(query.sql)), query.name)


def _indicators(view: View, warehouse: Warehouse) -> Response:
    asked = view.request.query_params
    found = indicators.indicator(
        warehouse, asked.get("indicator", "churn_rate"), asked.get("kind", "all"), asked.getlist("segment")
    )
    chosen = Picture("line", "month", "value", "segment", is_share=_is_share(found.indicator))
    drawn = pictures.rows_picture(
        found.months[::-1],
        chosen,
        "indicator",
        view.words("indicators.picture", indicator=view.label("indicator", found.indicator)),
        view.words("month_format"),
        names=found.shown,
    )
    return view.page(
        "indicators",
        found=found,
        picture=drawn,
        legend=pictures.legend(found.shown),
        is_share=chosen.is_share,
    )


def _customers(view: View, warehouse: Warehouse) -> Response:
    customer_id = view.request.query_params.get("id", "").strip()
    story = customers.story(warehouse, customer_id) if customer_id else None
    return view.page(
        "customers",
        status=404 if customer_id and not story else 200,
        customer_id=customer_id,
        story=story,
        examples=[] if story else customers.examples(warehouse),
    )


def _tables(view: View, warehouse: Warehouse) -> Response:
    return view.page("tables", tables=tables.tables(warehouse))


def _table(view: View, warehouse: Warehouse) -> Response:
    return view.page("table", table=tables.table(warehouse, view.request.path_params["name"]))


def _sql(view: View, warehouse: Warehouse) -> Response:
    sql = view.request.query_params.get("sql", "").strip()
    answer, refusal = None, None
    if sql:
        try:
            answer = warehouse.ask(sql)
        except Refused as error:
            refusal = error
    status = _STATUS.get(refusal.why, 400) if refusal else 200
    return view.page("sql", status=status, sql=sql, answer=answer, refusal=refusal, limits=warehouse.limits)


def _sql_csv(view: View, warehouse: Warehouse) -> Response:
    return _csv(to_csv(warehouse.ask(view.request.query_params.get("sql", ""))), "answer")


def _named(view: View):
    name = view.request.path_params["name"]
    try:
        return query_named(name)
    except BadInput as error:
        raise Refused("no_question", name) from error


def _is_share(indicator: str) -> bool:
    # retention_rate, churn_rate_cause_price …: everything counted per customer or message.
    return any(f"{indicator}_".find(f"{ending}_") >= 0 for ending in _SHARES)


def _csv(text: str, name: str) -> Response:
    headers = {"content-disposition": f'attachment; filename="{name}.csv"'}
    return Response(text, media_type="text/csv; charset=utf-8", headers=headers)


def _style() -> str:
    """The report's style, so that both look alike, and what the explorer adds."""
    ours = Path(__file__).parent / "templates" / "explorer.css"
    return inline()["style"] + ours.read_text(encoding="utf-8")
