"""A delivery as the relation `delivered`: the contract's columns as text, personal data replaced."""

import duckdb

from roundtrip import duck
from roundtrip.contract import Table
from roundtrip.errors import BadInput
from roundtrip.ingest import discover, pseudonyms, requeued, sql, stage
from roundtrip.ingest.discover import Delivery
from roundtrip.ingest.sorting import set_broken_aside
from roundtrip.vault.personal import vaulted


def files(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """Files in the contract's shape as the relation `delivered`; personal data is replaced on the way.

    Returns:
        The rows of each file, and how many of them were broken lines, which are in quarantine already.
    """
    known = {column.lower() for column in table.column_names}
    rows_in, all_broken = [], 0
    for place, delivery in enumerate(lot):
        file = delivery.files[0]

        def select(columns: dict[str, str], name: str = file.name) -> dict[str, str]:
            return contract_columns(table, columns, name, extra)

        staged = stage.stage_file(connection, file, "_roundtrip_file", select)
        if staged.note:
            extra.setdefault(staged.note, []).append(file.name)
        # A broken line has no columns to replace personal data in, so none of it is kept where there may be
        # some.
        withhold = any(column.pii for column in table.columns) or any(
            column.lower() not in known for column in staged.columns
        )
        rows = f"SELECT *, {delivery.order} AS _order FROM _roundtrip_file"
        if len(lot) == 1:
            connection.execute(f"CREATE OR REPLACE TEMP VIEW delivered AS {rows}")
            count = connection.execute("SELECT count(*) FROM delivered").fetchone()[0]
        else:
            into = "INSERT INTO" if place else "CREATE OR REPLACE TEMP TABLE"
            count = connection.execute(
                f"{into} _roundtrip_delivered {'' if place else 'AS '}{rows}"
            ).fetchone()[0]
        broken = set_broken_aside(connection, table, staged.broken, withhold)
        rows_in.append(count + broken)
        all_broken += broken
    if len(lot) > 1:
        connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    return rows_in, all_broken


def mapping(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """One SELECT over the company's files as the relation `delivered`; otherwise as `files`."""
    (delivery,) = lot
    broken = []
    for view, files in delivery.views.items():
        for file in files:
            if file.name not in shared:
                shared[file.name] = stage.stage_file(connection, file, f"_staged {file.name}", dict)
                if note := shared[file.name].note:
                    extra.setdefault(note, []).append(file.name)
            broken.append(shared[file.name].broken)
        union = " UNION ALL BY NAME ".join(
            f"SELECT * FROM {sql.name(f'_staged {file.name}')}" for file in files
        )
        connection.execute(f"CREATE OR REPLACE TEMP VIEW {sql.name(view)} AS {union}")
    try:
        described = connection.execute(f"DESCRIBE {delivery.sql}").fetchall()
        columns = {row[0]: sql.name(row[0]) for row in described if row[0] not in stage.OWN_COLUMNS}
        own = {row[0] for row in described} & set(stage.OWN_COLUMNS)
        expressions = contract_columns(table, columns, delivery.label, extra)
        names = ", ".join(sql.text(file.name) for file in delivery.files)
        select = ", ".join(
            f"{expression} AS {sql.name(column)}" for column, expression in expressions.items()
        )
        file = "_file::VARCHAR" if "_file" in own else "NULL::VARCHAR"
        line = "TRY_CAST(_line AS BIGINT)" if "_line" in own else "NULL::BIGINT"
        count = connection.execute(
            f"CREATE OR REPLACE TEMP TABLE _roundtrip_delivered AS SELECT {select}, {file} AS _file, "
            f"{line} AS _line, coalesce(list_position([{names}]::VARCHAR[], {file}), 0) AS _order "
            f"FROM ({delivery.sql}\n)"
        ).fetchone()[0]
    except duckdb.Error as error:
        reason = duck.without_values(error)
        raise BadInput(f"{delivery.label} cannot be run: {reason}", "mend the mapping's SELECT") from error
    # A company's file may bear the name of a contract table; its view must not stand before the table.
    for view in delivery.views:
        connection.execute(f"DROP VIEW {sql.name(view)}")
    connection.execute("CREATE OR REPLACE TEMP VIEW delivered AS FROM _roundtrip_delivered")
    all_broken = sum(set_broken_aside(connection, table, name, withhold=True) for name in broken)
    return [count + all_broken], all_broken


def mended(
    connection, lot: list[Delivery], table: Table, shared: dict, extra: dict[str, list[str]]
) -> tuple[list[int], int]:
    """Rows mended by hand as the relation `delivered`; otherwise as `files`."""
    (delivery,) = lot
    return [requeued.read(connection, delivery.mended, table, delivery.label)], 0


def contract_columns(
    table: Table, delivered: dict[str, str], label: str, extra: dict[str, list[str]]
) -> dict[str, str]:
    """Contract column -> SQL of its delivered text: trimmed, empty as NULL, personal data as pseudonyms.

    The plain values that go to the vault stand beside them, as `_plain_<column>`.
    Columns that are not the contract's are noted in `extra`: what to warn of -> labels of who delivered them.

    Raises:
        BadInput: a required column was not delivered.
    """
    by_name = {column.lower(): expression for column, expression in delivered.items()}
    for column in table.columns:
        # JSON lines without any object name no columns at all; there is nothing to miss them in.
        if delivered and column.required and column.name not in by_name:
            match = discover.closest(column.name, set(delivered) - set(table.column_names))
            raise BadInput(
                f"{label}: the required column {column.name} is missing",
                f"the closest column there is {match}; rename it"
                if match
                else f"columns there are: {', '.join(delivered)}",
            )
    if unknown := [column for column in delivered if column.lower() not in table.column_names]:
        extra.setdefault(f"unknown columns are not read: {', '.join(unknown)}", []).append(label)
    expressions = {}
    for column in table.columns:
        value = f"as_text({by_name[column.name]})" if column.name in by_name else "NULL::VARCHAR"
        if column.pii:
            expressions[column.name] = pseudonyms.of_column(table, column, value)
        else:
            expressions[column.name] = value
    for column in vaulted(table):
        expressions[f"_plain_{column}"] = (
            f"as_text({by_name[column]})" if column in by_name else "NULL::VARCHAR"
        )
    return expressions
