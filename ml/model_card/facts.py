"""What the card tells of a training's summary, in no language yet."""

#: So many groups are named in the first paragraph; the tables below have all.
_WEAKEST = 4


def weaker_groups(evaluation: dict, kind: str) -> list[dict]:
    """Groups whose AUC lies below that over all with its whole interval, the weakest first.

    Returns:
        column, group, customers, auc (value, low, high), at most _WEAKEST.
    """
    over_all = evaluation["models"][kind]["roc_auc"]["value"]
    found = [
        {"column": column, "group": entry["group"], "customers": entry["customers"], "auc": auc}
        for column, entries in evaluation.get("groups", {}).items()
        for entry in entries
        if column != "month" and not entry["is_too_small"]
        for auc in [entry["models"][kind]["roc_auc"]]
        if auc["high"] < over_all
    ]
    return sorted(found, key=lambda entry: entry["auc"]["value"])[:_WEAKEST]


def small_groups(evaluation: dict) -> list[tuple[str, str]]:
    """(column, group) of every group that is too small to tell."""
    return [
        (column, entry["group"])
        for column, entries in evaluation.get("groups", {}).items()
        for entry in entries
        if column != "month" and entry["is_too_small"]
    ]


def fairness_counts(fairness: dict) -> tuple[int, int]:
    """How many groups could be judged and how many are too small."""
    statuses = [entry["status"] for entries in fairness["columns"].values() for entry in entries]
    small = statuses.count("too_small")
    return len(statuses) - small, small


def driver_shares(importance: dict[str, float], group_of: dict[str, str]) -> list[tuple[str, float]]:
    """Share of all that moves the score by group of features, the largest first; none without a share."""
    by_group: dict[str, float] = {}
    for name, part in importance.items():
        if name in group_of:
            by_group[group_of[name]] = by_group.get(group_of[name], 0.0) + abs(part)
    total = sum(by_group.values())
    if not total:
        return []
    shares = [(group, part / total) for group, part in by_group.items() if part]
    return sorted(shares, key=lambda pair: (-pair[1], pair[0]))


def recorded(of: dict, name: str, language: str) -> tuple:
    """What a training recorded under a name, and in which language: English where it knew no other."""
    of_language = f"{name}_{language}"
    return (of[of_language], language) if of_language in of else (of[name], "en")
