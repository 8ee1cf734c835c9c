"""What the company itself has said of its texts: the sentiment by their scores, the cause by their
category.
"""

import numpy as np
import pandas as pd


def sentiments(rows: pd.DataFrame, parameters: dict) -> pd.Series:
    """negative, neutral or positive by the score given with the text; None where there is none."""
    found = pd.Series(None, index=rows.index, dtype=object)
    for survey_type, bounds in parameters["sentiment"].items():
        scored = (rows["survey_type"] == survey_type) & rows["score"].notna()
        score = rows.loc[scored, "score"]
        found[scored] = np.select(
            [score <= bounds["negative"], score >= bounds["positive"]], ["negative", "positive"], "neutral"
        ).astype(object)
    return found


def learnable(answers: pd.Series, rules: dict) -> tuple[pd.Series, str | None]:
    """The answers of one language that are enough to learn from, and else why not.

    Args:
        answers: one a text, None where the company has said nothing, newest last.

    Returns:
        Those to learn from, without rare classes, the newest `max_rows` (empty if there are too few); and a
        sentence about what is missing or left out, or None.
    """
    known = answers.dropna()
    counts = known.value_counts()
    rare = sorted(counts[counts < rules["min_rows_each_class"]].index)
    kept = known[~known.isin(rare)]
    if len(kept) < rules["min_rows"]:
        of_a_class = (
            f" {len(kept)} of them of a class with {rules['min_rows_each_class']} or more;" if rare else ""
        )
        return kept.iloc[:0], f"{len(known)} labelled texts,{of_a_class} {rules['min_rows']} needed"
    if kept.nunique() < 2:
        return kept.iloc[:0], f"all labelled texts are {kept.iloc[0]}"
    left_out = f"too few texts to learn {', '.join(rare)}" if rare else None
    return kept.iloc[-rules["max_rows"] :], left_out
