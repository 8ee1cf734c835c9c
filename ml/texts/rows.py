"""Every text a company has been sent, as known on a date: read where it lies, raw or vault, and kept in
memory only.
"""

from datetime import date

import pandas as pd

from ml.texts.language import languages
from roundtrip.company import Company
from roundtrip.errors import BadInput
from roundtrip.home import Home
from roundtrip.vault import Identities, encrypted
from roundtrip.vault.personal import personal_contract

#: Table → its key, the day a text was written, and SQL for what it is judged by.
_TABLES = {
    "support_tickets": (
        "ticket_id",
        "opened_at",
        "is_complaint, CASE WHEN is_complaint THEN category END AS category, "
        "NULL AS survey_type, NULL AS score",
    ),
    "surveys": (
        "response_id",
        "responded_at",
        "false AS is_complaint, NULL AS category, survey_type, score",
    ),
}


def read_rows(home: Home, as_of: date) -> pd.DataFrame:
    """Texts written up to `as_of` by customers of the published warehouse who may be profiled.

    Returns:
        source_table, row_id, customer_id (the person's), written_on, language, text, is_complaint, category
        (of complaints), survey_type, score; sorted by source_table, row_id. Texts of nothing but blanks are
        left out.

    Raises:
        BadInput: nothing is loaded or published yet; a text column is personal and the vault's key is
        missing.
    """
    for file, stage in ((home.raw_db, "load"), (home.current_db, "publish")):
        if not file.exists():
            raise BadInput(f"{file} does not exist", f"run the stage {stage} first")
    contract = personal_contract(Company.load(home).settings if home.company_file.exists() else {})
    in_vault = [table for table in _TABLES if contract[table].column("text").pii]
    bench = encrypted.workbench(home)
    try:
        encrypted.attach(bench, home.raw_db, "held", read_only=True)
        encrypted.attach(bench, home.current_db, "out", read_only=True)
        if in_vault and home.vault_db.exists():
            encrypted.attach(bench, home.vault_db, "vault", key=Identities.of(home).key, read_only=True)
        parts = [_query(table, table in in_vault and home.vault_db.exists()) for table in _TABLES]
        rows = bench.execute(
            " UNION ALL ".join(parts) + " ORDER BY source_table, row_id", {"as_of": as_of}
        ).df()
    finally:
        bench.close()
    rows["written_on"] = pd.to_datetime(rows["written_on"]).dt.date
    rows.insert(4, "language", languages(rows["text"], rows.pop("delivered_language")))
    return rows


def _query(table: str, is_in_vault: bool) -> str:
    key, written_at, judged_by = _TABLES[table]
    text, join = "r.text", ""
    if is_in_vault:
        text = "plain.value"
        join = f"""LEFT JOIN (
            SELECT pseudonym, any_value(value) AS value FROM vault.identities
            WHERE table_name = '{table}' AND column_name = 'text' GROUP BY pseudonym
        ) AS plain ON plain.pseudonym = r.text"""
    return f"""(
        SELECT '{table}' AS source_table, r.{key} AS row_id, c.customer_id,
            CAST(r.{written_at} AS DATE) AS written_on, r.language AS delivered_language,
            trim({text}) AS text,
            {judged_by}
        FROM held.raw.{table} AS r
        LEFT JOIN held.raw.customer_identities AS i ON i.account_id = r.customer_id
        JOIN out.marts.dim_customers AS c ON c.customer_id = coalesce(i.customer_id, r.customer_id)
        {join}
        WHERE CAST(r.{written_at} AS DATE) <= $as_of AND c.may_be_profiled AND length(trim({text})) > 0
    )"""
