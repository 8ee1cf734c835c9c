"""Writes docs/strategies.md from the table: `python -m roundtrip.strategies.page`."""

from roundtrip.files import write_atomically
from roundtrip.home import PROJECT_ROOT
from roundtrip.strategies.table import Strategies, Strategy, load

PAGE = PROJECT_ROOT / "docs" / "strategies.md"

_HEAD = """# The service strategies

<!-- Written by `python -m roundtrip.strategies.page` from plan/strategies.yml. Do not edit. -->

Whom to offer what, after what, at what cost. The table is [plan/strategies.yml](../plan/strategies.yml),
version {version}, with costs in {currency}; its head explains every key, and `roundtrip strategies` prints
what is in force. A company gives a table of its own with `strategies: FILE` in company.yml, the path as seen
from there; a mistake in it is told with its line before anything runs.

A customer gets every strategy whose conditions all hold, the first of each action. Which of them is carried
out, and whether any is, is decided by measured effects ([deciding.md](deciding.md)); the order below counts
while there are none. An action that was measured to do harm rests. The last strategy has no condition, so
everybody who has booked has at least one; prospects have none.

| | strategy | for whom | action | cost | channels | due in days | also without a warning |
| --- | --- | --- | --- | --- | --- | --- | --- |
"""


def text(table: Strategies | None = None) -> str:
    """The page as Markdown."""
    table = table or load()
    rows = "".join(
        f"| {number} | [{row.name['en']}](#{row.id}) | {conditions(row)} | {row.action} | {cost(row)} "
        f"| {', '.join(row.channels)} | {row.due_in_days} | {'yes' if row.without_warning else ''} |\n"
        for number, row in enumerate(table.rows, start=1)
    )
    head = _HEAD.format(version=table.version, currency=table.currency)
    return head + rows + "".join(_section(row) for row in table.rows)


def conditions(row: Strategy) -> str:
    """The conditions as a person reads them, such as `churn_cause: price or competition`."""
    parts = []
    for column, asked in row.when.items():
        if isinstance(asked, bool):
            parts.append(f"{column}: {'yes' if asked else 'no'}")
        elif isinstance(asked, dict):
            parts.append(f"{column} {limits_told(asked)}")
        else:
            parts.append(f"{column}: {' or '.join(asked)}")
    return "; ".join(parts) or "everybody"


def limits_told(asked: dict) -> str:
    if len(asked) == 2:
        return f"{asked['min']:g} to {asked['max']:g}"
    ((end, limit),) = asked.items()
    return f"at {'least' if end == 'min' else 'most'} {limit:g}"


def cost(row: Strategy) -> str:
    return "as the last campaign" if row.unit_cost is None else f"{row.unit_cost:g}"


def _section(row: Strategy) -> str:
    limits = ", ".join(f"{name} {limit:g}" for name, limit in row.limits.items()) or "none"
    until = f" until {row.valid_until}" if row.valid_until else ""
    return (
        f'\n## <a id="{row.id}"></a>{row.name["en"]} / {row.name["zh"]}\n\n{row.why}\n\n'
        f"- `{row.id}`, valid from {row.valid_from}{until}; limits: {limits}\n"
        f"- en: {row.wording['en']}\n- zh: {row.wording['zh']}\n"
    )


if __name__ == "__main__":
    write_atomically(PAGE, text())
