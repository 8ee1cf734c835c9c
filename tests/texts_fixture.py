"""A home by hand with what the stage read_texts reads: raw texts, and a published list of customers."""

from datetime import date, timedelta

import duckdb

from roundtrip.home import Home
from tests.warehouse_fixture import connect_raw, create_raw

AS_OF = date(2025, 6, 30)
#: What customers of the fixture say: words that tell the sentiment or the cause, and some that tell nothing.
ENGLISH = {
    "negative": ["awful dirty room", "terrible and rude, never again"],
    "positive": ["wonderful stay, lovely people", "great and clean, thank you"],
    "price": ["much too expensive, cheaper elsewhere", "the price went up again"],
    "service_quality": ["nobody helped us, rude staff", "the guide never came"],
}
CHINESE = {
    "negative": ["房间很脏，态度差", "太糟糕了，再也不来"],
    "positive": ["非常满意，服务很好", "干净舒适，下次还来"],
    "price": ["价格太贵，别处便宜很多", "又涨价了，不划算"],
    "service_quality": ["没有人理我们，态度恶劣", "导游一直没有出现"],
}


def publish_customers(home: Home, customers: int, withdrawn: tuple[str, ...] = ()) -> None:
    """c0 … as the published warehouse names them; those withdrawn may not be profiled."""
    home.published_dir.mkdir(parents=True, exist_ok=True)
    home.current_db.unlink(missing_ok=True)
    with duckdb.connect(str(home.current_db)) as connection:
        connection.execute("CREATE SCHEMA marts")
        connection.execute(
            "CREATE TABLE marts.dim_customers AS SELECT 'c' || i AS customer_id, "
            "NOT list_contains($withdrawn, 'c' || i) AS may_be_profiled FROM range($customers) AS t (i)",
            {"withdrawn": list(withdrawn), "customers": customers},
        )


def write_texts(home: Home, each: int = 150, said: dict | None = None, language: str = "en") -> None:
    """`each` reviews of either sentiment and complaints of either cause, one a customer, over the year
    before.
    """
    said = said or (CHINESE if language == "zh" else ENGLISH)
    if not home.raw_db.exists():
        create_raw(home)
    with connect_raw(home) as raw:
        for kind, wordings in said.items():
            rows = [
                (
                    f"{language}-{kind}-{n}",
                    f"c{n}",
                    AS_OF - timedelta(days=40 + n % 300),
                    f"{wordings[n % 2]} {n}",
                    language,
                )
                for n in range(each)
            ]
            if kind in ("negative", "positive"):
                score = 1 if kind == "negative" else 5
                raw.executemany(
                    "INSERT INTO surveys "
                    "(response_id, customer_id, responded_at, text, language, survey_type, score) "
                    f"VALUES (?, ?, ?, ?, ?, 'review', {score})",
                    rows,
                )
            else:
                raw.executemany(
                    "INSERT INTO support_tickets "
                    "(ticket_id, customer_id, opened_at, text, language, is_complaint, category) "
                    f"VALUES (?, ?, ?, ?, ?, true, '{kind}')",
                    rows,
                )
