"""Pictures of a clustering, for MLflow: what the clusters are like, whether they hold, who moves."""

import numpy as np
import pandas as pd

from ml.plots import GREY, blank_axes
from ml.segments.settings import SEGMENTS

COLOURS = {"stable": "#0072B2", "pattern": "#E69F00", "dissolved": "#D55E00"}
WORDS = {"stable": "stable", "pattern": "a pattern, not a class", "dissolved": "dissolves"}
#: Where somebody came from who had no segment, below the segments.
_OUTSIDE = ("prospect", "unregistered")


def profile_map(profile: pd.DataFrame, labels: dict, words: dict, title: str):
    """Heat map: groups down, measures across, colour the distance from everybody's, the number the value.

    Args:
        profile: naming.profiles. labels: group → what stands beside its row. words: the parameters' measures.
    """
    groups, names = list(labels), list(dict.fromkeys(profile["measure"]))
    table = profile.pivot(index="group", columns="measure", values="distance").loc[groups, names]
    values = profile.pivot(index="group", columns="measure", values="value").loc[groups, names]
    figure, (ax,) = blank_axes(1, 2.6 + 1.05 * len(names), 1.9 + 0.42 * len(groups))
    _tiles(figure, ax, table.to_numpy(), 2.0, "RdBu_r", "scale units from everybody's median", low=-2.0)
    for row, group in enumerate(groups):
        for column, name in enumerate(names):
            _number(ax, row, column, _short(name, values.loc[group, name]), abs(table.loc[group, name]) > 1.3)
    ax.set_yticks(range(len(groups)), [labels[group] for group in groups], fontsize=8)
    ax.set_xticks(range(len(names)), [_folded(words[name]["en"]["name"]) for name in names], fontsize=7)
    ax.set_title(title, loc="left", fontsize=10)
    return figure


def migration_map(moves: pd.DataFrame, title: str):
    """The migration matrix: from down, to across, in each field the share of those it came from and how
    many.
    """
    froms = [name for name in (*SEGMENTS, *_OUTSIDE) if name in set(moves["from_segment"])]
    tos = [name for name in (*SEGMENTS, *_OUTSIDE) if name in set(moves["to_segment"])]
    share = (
        moves.pivot(index="from_segment", columns="to_segment", values="share").reindex(froms)[tos].fillna(0)
    )
    count = (
        moves.pivot(index="from_segment", columns="to_segment", values="customers")
        .reindex(froms)[tos]
        .fillna(0)
    )
    figure, (ax,) = blank_axes(1, 2.8 + 1.05 * len(tos), 1.7 + 0.5 * len(froms))
    _tiles(figure, ax, share.to_numpy(), 1.0, "Blues", "share of those who were there")
    for row, before in enumerate(froms):
        for column, after in enumerate(tos):
            text = f"{share.loc[before, after]:.0%}\n{count.loc[before, after]:,.0f}"
            _number(ax, row, column, text, share.loc[before, after] > 0.55)
    ax.set_yticks(range(len(froms)), [_words(name) for name in froms], fontsize=8)
    ax.set_xticks(range(len(tos)), [_folded(_words(name)) for name in tos], fontsize=8)
    ax.set_xlabel("is now", fontsize=8)
    ax.set_ylabel("was a year before", fontsize=8)
    ax.set_title(title, loc="left", fontsize=10)
    return figure


def stability_bars(jaccards: np.ndarray, labels: list[str], verdicts: list[str], bounds: dict, title: str):
    """Of each cluster the mean Jaccard index over the bootstrap draws, with the middle 80 % of them."""
    from matplotlib.patches import Patch

    figure, (ax,) = blank_axes(1, 7.6, 1.7 + 0.36 * len(labels))
    places, means = np.arange(len(labels))[::-1], jaccards.mean(axis=0)
    spread = np.abs(np.percentile(jaccards, [10, 90], axis=0) - means)
    ax.barh(places, means, xerr=spread, color=[COLOURS[each] for each in verdicts], ecolor=GREY, capsize=3)
    for bound in (bounds["dissolved"], bounds["stable"]):
        ax.axvline(bound, color=GREY, linestyle="--", linewidth=1)
    ax.set_yticks(places, labels, fontsize=8)
    ax.set_xlim(0, 1)
    ax.set_xlabel("mean Jaccard index with the most alike cluster of a draw (lines: 10 to 90 %)", fontsize=8)
    ax.set_title(title, loc="left", fontsize=10)
    handles = [Patch(color=COLOURS[each], label=WORDS[each]) for each in COLOURS if each in verdicts]
    figure.legend(handles=handles, frameon=False, loc="outside lower right", ncols=len(handles), fontsize=8)
    return figure


def criteria_lines(candidates: pd.DataFrame, chosen: tuple[str, int], title: str):
    """Each criterion by the number of clusters, a line a kind; the ring is the one chosen."""
    from ml.segments.clustering import CRITERIA, KINDS

    figure, axes = blank_axes(len(CRITERIA), 3.1 * len(CRITERIA), 3.6)
    styles = dict(zip(KINDS, (("#0072B2", "-"), ("#D55E00", "--"), ("#009E73", ":")), strict=True))
    for ax, (criterion, more) in zip(axes, CRITERIA.items(), strict=True):
        for kind, (colour, line) in styles.items():
            shown = candidates[candidates["kind"] == kind].sort_values("k")
            ax.plot(
                shown["k"], shown[criterion], line, color=colour, marker="o", label=kind.replace("_", " ")
            )
        best = candidates[(candidates["kind"] == chosen[0]) & (candidates["k"] == chosen[1])]
        ax.plot(best["k"], best[criterion], "o", markersize=13, markerfacecolor="none", color="black")
        ax.set_xlabel("clusters", fontsize=8)
        ax.set_title(
            f"{criterion.replace('_', ' ')} ({'more' if more else 'less'} is better)", fontsize=9, loc="left"
        )
    figure.legend(
        *axes[0].get_legend_handles_labels(), frameon=False, loc="outside lower center", ncols=3, fontsize=8
    )
    figure.suptitle(title, fontsize=10, x=0.01, ha="left")
    return figure


def _tiles(figure, ax, values: np.ndarray, high: float, colours: str, meaning: str, low: float = 0.0) -> None:
    image = ax.imshow(values, cmap=colours, vmin=low, vmax=high, aspect="auto")
    ax.grid(visible=False)
    ax.tick_params(length=0)
    bar = figure.colorbar(image, ax=ax, fraction=0.03, pad=0.02)
    bar.set_label(meaning, fontsize=7)
    bar.ax.tick_params(labelsize=7)


def _number(ax, row: int, column: int, text: str, is_dark: bool) -> None:
    ax.text(column, row, text, ha="center", va="center", fontsize=7, color="white" if is_dark else "black")


def _short(name: str, value: float) -> str:
    if np.isnan(value):
        return "?"
    if name.endswith("_share_12m"):
        return f"{value:.1%}"
    if value < 1000:
        return f"{value:.2f}" if value < 1 else f"{value:.3g}"
    return f"{value:,.0f}"


def _words(segment: str) -> str:
    return segment.replace("_", " ")


def _folded(text: str, width: int = 13) -> str:
    import textwrap

    return "\n".join(textwrap.wrap(text, width))
