"""A notebook to begin with: a saved question, its answer, and room to go on.

    ROUNDTRIP_HOME=data .venv/bin/marimo edit docs/notebooks/first_look.py

It runs on your own machine with your own rights; the server of `make up` is the explorer instead.
"""

# ruff: noqa: B018 (marimo shows the last expression of a cell)
import marimo

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="A first look at the published warehouse")


@app.cell
def open_warehouse():
    import altair as alt
    import marimo as mo

    from roundtrip.home import Home
    from roundtrip.publish import published
    from roundtrip.queries import saved_queries

    # Read-only; a run can publish anew meanwhile. Start the notebook again to see the new publication.
    warehouse = published(Home.from_env())
    return alt, mo, saved_queries, warehouse


@app.cell
def choose(mo, saved_queries):
    questions = {query.question["en"]: name for name, query in saved_queries().items()}
    first = saved_queries()["churn_rate_by_value_tier"].question["en"]
    question = mo.ui.dropdown(questions, value=first, label="Question")
    question
    return (question,)


@app.cell
def answer(mo, question, saved_queries, warehouse):
    query = saved_queries()[question.value]
    rows = warehouse.sql(query.sql).df()
    mo.vstack([mo.md(query.note["en"]), mo.ui.table(rows)])
    return query, rows


@app.cell
def picture(alt, mo, query, rows):
    chosen = query.picture
    if chosen is None or rows.empty:
        drawn = mo.md("This answer is read best as a table.")
    else:
        chart = alt.Chart(rows)
        mark = chart.mark_line(point=True) if chosen.kind == "line" else chart.mark_bar()
        colours = {"color": chosen.series} if chosen.series else {}
        drawn = mark.encode(x=chosen.x, y=chosen.y, tooltip=list(rows.columns), **colours)
    drawn
    return


@app.cell
def own(warehouse):
    # Your own SQL: every table is in the schema marts.
    stages = warehouse.sql(
        "SELECT lifecycle_stage, count(*) AS customers FROM marts.dim_customers GROUP BY ALL ORDER BY ALL"
    ).df()
    stages
    return (stages,)


if __name__ == "__main__":
    app.run()
