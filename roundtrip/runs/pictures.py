"""The pictures of the runs over time: how long each part of the road took, and how many rows came in."""

from markupsafe import Markup

from roundtrip.report.drawing import COLOURS, Size, picture
from roundtrip.report.words import Words
from roundtrip.rounds.store import APPROVED, PROPOSED, SENT
from roundtrip.runs.history import PARTS, PastRound, PastRun

#: Part of the road → the colour of the page's style that stands for it, from the bottom of the stack up.
PART_COLOURS = dict(
    zip(
        PARTS,
        (
            "stage-prospect",
            "stage-maturity",
            "stage-decline",
            "stage-growth",
            "stage-lost",
            "stage-introduction",
        ),
        strict=True,
    )
)
#: What the picture of rows shows → its colour.
ROW_COLOURS = {"rows_in": "accent-2", "rows_superseded": "stage-decline", "rows_refused": "stage-lost"}

#: States of a round whose cost was spent, or may be yet.
SPENT = (SENT, APPROVED, PROPOSED)
COST_COLOURS = {"spent": "accent-2", "not_spent": "stage-prospect"}


def duration_chart(runs: list[PastRun], words: Words) -> Markup:
    """Minutes by run, stacked by part of the road.

    Args:
        runs: newest first.
    """
    import altair as alt

    rows = [
        {"run": _label(run), "part": part, "place": place, "minutes": run.seconds_of(part) / 60}
        for run in reversed(runs)
        for place, part in enumerate(PARTS)
    ]

    def draw(size: Size):
        return (
            alt.Chart(alt.Data(values=rows))
            .mark_bar(size=_thickness(size, len(runs)), stroke=COLOURS["paper"], strokeWidth=0.5)
            .encode(
                x=_runs(alt, runs, size),
                y=alt.Y("minutes:Q", stack="zero", title=words("pictures.minutes")),
                color=alt.Color(
                    "part:N",
                    legend=None,
                    scale=alt.Scale(
                        domain=list(PARTS), range=[COLOURS[PART_COLOURS[part]] for part in PARTS]
                    ),
                ),
                order=alt.Order("place:O"),
            )
            .properties(width=size.width, height=220)
        )

    return picture("durations", words("pictures.durations"), draw)


def rows_chart(runs: list[PastRun], words: Words) -> Markup:
    """Rows by run: come in, superseded and refused.

    The axis is logarithmic above one and begins at zero (symlog), since a first delivery has years in it and
    the days after it hours.

    Args:
        runs: newest first.
    """
    import altair as alt

    rows = [
        {"run": _label(run), "kind": kind, "rows": getattr(run, kind)}
        for run in reversed(runs)
        for kind in ROW_COLOURS
    ]
    top = max(row["rows"] for row in rows)
    ticks = [0, *(10**power for power in range(1, len(str(top)) + 1) if 10**power <= top)]

    def draw(size: Size):
        colours = alt.Scale(domain=list(ROW_COLOURS), range=[COLOURS[name] for name in ROW_COLOURS.values()])
        return (
            alt.Chart(alt.Data(values=rows))
            .mark_line(strokeWidth=1.75, point={"filled": True, "size": 26})
            .encode(
                x=_runs(alt, runs, size),
                y=alt.Y(
                    "rows:Q",
                    title=None,
                    scale=alt.Scale(type="symlog", constant=1, nice=False),
                    axis=alt.Axis(format=",d", values=ticks),
                ),
                color=alt.Color("kind:N", legend=None, scale=colours),
            )
            .properties(width=size.width, height=200)
        )

    return picture("rows", words("pictures.rows"), draw)


def cost_chart(rounds: list[PastRound], words: Words) -> Markup:
    """What each planned round costs: what was spent or may be yet, and what was not (refused, lapsed).

    Args:
        rounds: newest first.
    """
    import altair as alt

    rows = [
        {"run": _label(each), "is_spent": each.state in SPENT, "cost": each.cost} for each in reversed(rounds)
    ]
    colours = alt.Scale(domain=[True, False], range=[COLOURS[name] for name in COST_COLOURS.values()])

    def draw(size: Size):
        return (
            alt.Chart(alt.Data(values=rows))
            .mark_bar(size=_thickness(size, len(rows)))
            .encode(
                x=_runs(alt, rounds, size),
                y=alt.Y("cost:Q", title=rounds[0].currency or None, axis=alt.Axis(format=",d")),
                color=alt.Color("is_spent:N", legend=None, scale=colours),
            )
            .properties(width=size.width, height=180)
        )

    return picture("costs", words("pictures.costs"), draw)


def _thickness(size: Size, bars: int) -> float:
    """Few bars are no broad blocks; many leave room between them."""
    return max(2, min(26, 0.7 * size.width / bars))


def _label(of: PastRun | PastRound) -> str:
    return of.as_of.isoformat()


def _runs(alt, runs: list[PastRun] | list[PastRound], size: Size):
    """One place a run or round, the oldest first; only some are named, the newest always."""
    labels = [_label(run) for run in reversed(runs)]
    most = 7 if size.name == "wide" else 3
    step = -(-len(labels) // most)
    named = labels[::-1][::step]
    return alt.X(
        "run:N",
        sort=labels,
        title=None,
        axis=alt.Axis(values=named, labelAngle=0, labelOverlap=False, grid=False),
    )
