"""Pairs of accounts that are one person's, by the model of Fellegi and Sunter, with Splink.

Fellegi, Sunter (1969), A Theory for Record Linkage, JASA 64; Linacre et al. (2022), Splink, IJPDS 7(3).
Agreement on a rare value weighs more than on a common one (term frequencies): two people named Wang Wei are
nothing, two accounts with one mailbox are much.
"""

import logging
import warnings

import duckdb

#: Weaker pairs are not even kept.
_MIN_SHOWN = 0.01
#: Pairs that agree on a contact, below which the model is not fitted but keeps the shares below.
_MIN_PAIRS_TO_LEARN_FROM = 100
#: Of the pairs that are one person, how many agree on a contact. Measured on the simulated company (208 of
#: 260 pairs among 20,000 customers).
_SHARE_WITH_CONTACT = 0.8
#: Pairs drawn to see how often two strangers agree.
_STRANGER_PAIRS = 10_000_000
_SEED = 1
#: How often two accounts of one person agree on each level: the start of the fit, and all there is where few
#: pairs are found. From the fit on the simulated company, rounded.
_AGREE = {
    "email": [0.5, 0.5],
    "phone": [0.6, 0.4],
    "name": [0.74, 0.02, 0.24],
    "birth_year": [0.93, 0.02, 0.05],
    "city": [0.93, 0.07],
    "gender": [0.98, 0.02],
}
_NAME_LIKENESS = 0.92
#: Below this likeness of names, with years of birth that are more than one apart, two accounts are a
#: household or colleagues, whatever they share.
_OTHER_NAME_LIKENESS = 0.8


def pairs(bench: duckdb.DuckDBPyConnection, min_probability: float) -> None:
    """Fill `pairs` from `accounts` (see accounts.prepare), both in memory.

    Columns: first_id, second_id, probability, evidence (what agrees, in words). The same accounts give the
    same pairs, in whatever order they lie.
    """
    import splink.comparison_level_library as levels
    import splink.comparison_library as comparisons
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    # One thread and one order, so that the pairs of strangers drawn are always the same ones.
    bench.execute("SET threads = 1")
    bench.execute(
        "CREATE OR REPLACE TEMP TABLE ordered AS "
        "SELECT customer_id, email, phone, name, birth_year, city, gender FROM accounts ORDER BY customer_id"
    )

    def exact(column: str, **options):
        return comparisons.ExactMatch(column).configure(m_probabilities=_AGREE[column], **options)

    name_levels = [
        levels.NullLevel("name"),
        levels.ExactMatchLevel("name", term_frequency_adjustments=True),
        levels.JaroWinklerLevel("name", _NAME_LIKENESS),
        levels.ElseLevel(),
    ]
    year_levels = [
        levels.NullLevel("birth_year"),
        levels.ExactMatchLevel("birth_year"),
        levels.CustomLevel("abs(birth_year_l - birth_year_r) <= 1", "one year apart"),
        levels.ElseLevel(),
    ]
    by_contact = [block_on("email"), block_on("phone")]
    with_contact = _pairs_with_contact(bench)
    settings = SettingsCreator(
        link_type="dedupe_only",
        probability_two_random_records_match=_prior(bench, with_contact),
        unique_id_column_name="customer_id",
        comparisons=[
            exact("email", term_frequency_adjustments=True),
            exact("phone", term_frequency_adjustments=True),
            _learned(comparisons, "name", name_levels),
            _learned(comparisons, "birth_year", year_levels),
            exact("city", term_frequency_adjustments=True),
            exact("gender"),
        ],
        blocking_rules_to_generate_predictions=[*by_contact, block_on("name", "birth_year")],
    )
    with warnings.catch_warnings():
        # About parameters that this company's accounts say nothing of; the defaults above then stand.
        warnings.simplefilter("ignore")
        linker = Linker(DuckDBAPI(bench).register("ordered"), settings, log_level=logging.CRITICAL)
        linker.training.estimate_u_using_random_sampling(max_pairs=_STRANGER_PAIRS, seed=_SEED)
        if with_contact >= _MIN_PAIRS_TO_LEARN_FROM:
            for rule in by_contact:
                linker.training.estimate_parameters_using_expectation_maximisation(rule)
        linker.inference.predict(threshold_match_probability=_MIN_SHOWN).as_duckdbpyrelation().to_view(
            "found"
        )
    bench.execute(
        f"""
        CREATE OR REPLACE TEMP TABLE pairs AS
        SELECT
            least(found.customer_id_l, found.customer_id_r) AS first_id,
            greatest(found.customer_id_l, found.customer_id_r) AS second_id,
            round(found.match_probability, 4) AS probability,
            concat_ws(
                ', ',
                CASE WHEN l.email = r.email THEN 'e-mail' END,
                CASE WHEN l.phone = r.phone THEN 'phone' END,
                CASE WHEN l.name = r.name THEN 'name' END,
                CASE WHEN l.birth_year = r.birth_year THEN 'birth year' END,
                CASE WHEN l.city = r.city THEN 'city' END
            ) AS evidence
        FROM found
        INNER JOIN accounts AS l ON found.customer_id_l = l.customer_id
        INNER JOIN accounts AS r ON found.customer_id_r = r.customer_id
        WHERE
            found.match_probability >= $least
            AND NOT coalesce(
                jaro_winkler_similarity(l.name, r.name) < {_OTHER_NAME_LIKENESS}
                AND abs(l.birth_year - r.birth_year) > 1,
                false
            )
        """,
        {"least": min_probability},
    )


def _learned(comparisons, column: str, its_levels: list):
    return comparisons.CustomComparison(output_column_name=column, comparison_levels=its_levels).configure(
        m_probabilities=_AGREE[column]
    )


def _pairs_with_contact(bench: duckdb.DuckDBPyConnection) -> int:
    """Pairs of accounts with one e-mail address or one phone number."""
    return bench.execute(
        """
        SELECT count(*)
        FROM (
            SELECT l.customer_id, r.customer_id
            FROM accounts AS l
            INNER JOIN accounts AS r ON l.email = r.email AND l.customer_id < r.customer_id
            UNION
            SELECT l.customer_id, r.customer_id
            FROM accounts AS l
            INNER JOIN accounts AS r ON l.phone = r.phone AND l.customer_id < r.customer_id
        )
        """
    ).fetchone()[0]


def _prior(bench: duckdb.DuckDBPyConnection, with_contact: int) -> float:
    """How likely two accounts drawn at random are one person's; one such pair at least, so never nought."""
    (accounts,) = bench.execute("SELECT count(*) FROM accounts").fetchone()
    every_pair = accounts * (accounts - 1) / 2
    return min(max(with_contact, 1) / _SHARE_WITH_CONTACT / every_pair, 0.5)
