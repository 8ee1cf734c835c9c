"""Types of the numbers that parameters are made of, with their limits and the checks that several share."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from roundtrip.simulate.parameter_file import refuse

_SUM_TOLERANCE = 1e-6
#: More than any history has; it keeps month numbers within 16 bits.
_MOST_MONTHS = 1200

Share = Annotated[float, Field(ge=0, le=1)]
Rate = Annotated[float, Field(ge=0)]
Positive = Annotated[float, Field(gt=0)]
#: A change of a share, in either direction.
Change = Annotated[float, Field(ge=-1, le=1)]
Months = Annotated[int, Field(ge=1, le=_MOST_MONTHS)]
#: Counted from 0, the first of the history or of the plan.
MonthNumber = Annotated[int, Field(ge=0, le=_MOST_MONTHS)]
Year = Annotated[int, Field(ge=1900, le=2100)]


class Part(BaseModel):
    # strict: a number given as text is a mistake, not a number.
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


def some_of(names: tuple[str, ...], value: Any) -> Any:
    """The type of a dict by some of `names`, in their order."""
    order = AfterValidator(lambda given: {name: given[name] for name in names if name in given})
    return Annotated[dict[Literal[names], value], order]


def by(names: tuple[str, ...], value: Any, check: Callable[[dict], dict] = lambda values: values) -> Any:
    """The type of a dict by all of `names`, in their order."""

    def complete(given: dict) -> dict:
        if missing := [name for name in names if name not in given]:
            raise refuse(f"lacks {', '.join(missing)}", "give a value for each of: " + ", ".join(names))
        return given

    return Annotated[some_of(names, value), AfterValidator(complete), AfterValidator(check)]


def range_of(of: Any) -> Any:
    """The type of [lower end, upper end]."""
    return Annotated[tuple[of, ...], Field(min_length=2, max_length=2), AfterValidator(_rising)]


def that_weigh(values: dict | tuple) -> dict | tuple:
    """Relative weights, not all 0."""
    if not sum(values.values() if isinstance(values, dict) else values):
        raise refuse("all weights are 0", "give at least one of them a weight above 0")
    return values


def that_add_up(values: dict | tuple) -> dict | tuple:
    """Shares that add up to 1."""
    by_place = values if isinstance(values, dict) else dict(enumerate(values))
    check_sum({(place,): share for place, share in by_place.items()})
    return values


def check_sum(values: dict[tuple, float], around: tuple = ()) -> None:
    """Refuse shares that do not add up to 1.

    Args:
        values: by place below the model that asks.
        around: the place of all of them.
    """
    total = sum(values.values())
    if abs(total - 1) > _SUM_TOLERANCE:
        terms = " + ".join(f"{share:g}" for share in values.values())
        named = [place for place in values if isinstance(place[-1], str)]
        raise refuse(f"{terms} = {total:.6g}, not 1", "the shares must add up to 1", *named, around)


def check_at_most_one(part: Part, *keys: str) -> None:
    """Refuse probabilities of a model that together exceed 1."""
    total = sum(getattr(part, key) for key in keys)
    if total > 1 + _SUM_TOLERANCE:
        raise refuse(
            f"{' + '.join(keys)} = {total:g}, above 1", "lower one of them", *((key,) for key in keys)
        )


def _rising(ends: tuple) -> tuple:
    if ends[0] > ends[1]:
        raise refuse(f"{list(ends)} is the wrong way round", f"write [{ends[1]}, {ends[0]}]")
    return ends
