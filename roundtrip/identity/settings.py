"""What a company decides about linking accounts; keys of company.yml."""

from dataclasses import dataclass

from roundtrip.errors import BadInput

_EXAMPLE = "[[C1, C2], [C3, C4]]"


@dataclass(frozen=True)
class Linking:
    """`never` holds pairs of customer ids that people know to be different persons."""

    is_on: bool
    min_probability: float
    never: tuple[tuple[str, str], ...]

    @classmethod
    def of(cls, settings: dict) -> "Linking":
        """From a company's settings.

        Raises:
            BadInput: a setting has the wrong shape.
        """
        is_on = settings.get("link_accounts", True)
        if not isinstance(is_on, bool):
            raise BadInput(f"company.yml: link_accounts is {is_on!r}", "give true or false")
        probability = settings.get("link_min_probability", 0.95)
        if isinstance(probability, bool) or not isinstance(probability, int | float):
            raise BadInput(
                f"company.yml: link_min_probability is {probability!r}", "give a number, such as 0.95"
            )
        if not 0.5 <= probability < 1:
            raise BadInput(
                f"company.yml: link_min_probability is {probability}",
                "give a number from 0.5 to below 1: under a half two accounts are rather two persons",
            )
        never = settings.get("never_link") or []
        if not isinstance(never, list) or not all(
            isinstance(pair, list) and len(pair) == 2 and all(isinstance(each, str) for each in pair)
            for pair in never
        ):
            raise BadInput(f"company.yml: never_link is {never!r}", f"give pairs of ids, such as {_EXAMPLE}")
        return cls(is_on, float(probability), tuple((first, second) for first, second in never))
