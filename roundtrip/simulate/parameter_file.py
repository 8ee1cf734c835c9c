"""A user's parameter file: its values over the defaults, and what is wrong with it in words."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import PydanticCustomError

from roundtrip.errors import BadInput
from roundtrip.yaml_lines import Lines, line_of, read_yaml

_MEANING = "roundtrip/simulate/parameters.yml says what each key means"


@dataclass(frozen=True)
class ParameterFile:
    path: Path | None
    values: dict
    lines: Lines

    @classmethod
    def empty(cls) -> "ParameterFile":
        return cls(None, {}, {})

    @classmethod
    def read(cls, path: Path) -> "ParameterFile":
        """The file's values with lists as tuples; an empty file changes nothing.

        Raises:
            BadInput: it cannot be read, is not YAML, or is no mapping of keys.
        """
        values, lines = read_yaml(path, "check the path given with --config")
        if values is None:
            return cls(path, {}, lines)
        if not isinstance(values, dict):
            raise BadInput(
                f"{path}:{lines[()]}: expected `key: value` lines",
                f"repeat the keys you change, with their headings; {_MEANING}",
            )
        return cls(path, _frozen(values), lines)


def overlay(default: Any, given: Any) -> Any:
    """`given` over `default`, mapping by mapping: keys as ordered in the default, then new ones by name."""
    if not (isinstance(default, dict) and isinstance(given, dict)):
        return given
    names = [*default, *sorted(set(given) - set(default))]
    return {
        name: overlay(default.get(name), given[name]) if name in given else default[name] for name in names
    }


def refuse(what: str, hint: str, *keys: tuple) -> PydanticCustomError:
    """An error for a validator to raise; `keys` are the places, below its model, that the problem lies in."""
    return PydanticCustomError("refused", "{what}", {"what": what, "hint": hint, "keys": keys})


@dataclass(frozen=True)
class _Problem:
    """`places`: where the problem may be shown, the first that the user's file names."""

    places: tuple[tuple, ...]
    what: str
    hint: str


def problems(
    error: ValidationError, model: type[BaseModel], given: ParameterFile, default: ParameterFile
) -> BadInput:
    """All that is wrong, line by line; in the default file where the user's says nothing about it."""
    found = []
    for problem in _explain(error, model, list(default.values["need_types"])):
        at = next((place for place in problem.places if place in given.lines), problem.places[0])
        file = given if at[:1] in given.lines else default
        line = line_of(file.lines, at)
        found.append((line, f"{file.path}:{line}: {_spelled(at)}{problem.what}", problem.hint))
    found.sort()
    if len(found) == 1:
        return BadInput(found[0][1], found[0][2])
    return BadInput("\n".join(f"{what} ({hint})" for _, what, hint in found), f"mend each line; {_MEANING}")


def _explain(error: ValidationError, model: type[BaseModel], need_types: list[str]) -> Iterator[_Problem]:
    missing: dict[tuple, list[str]] = {}
    for entry in error.errors(include_url=False):
        at, kind, context = entry["loc"], entry["type"], entry.get("ctx", {})
        if kind == "missing":
            missing.setdefault(at[:-1], []).append(at[-1])
        elif kind == "refused":
            places = tuple((*at, *key) for key in context["keys"]) or (at,)
            yield _Problem(places, context["what"], context["hint"])
        elif kind == "extra_forbidden" or (at[-1] == "[key]" and kind == "literal_error"):
            at = tuple(part for part in at if part != "[key]")
            known = _known_keys(model, at[:-1])
            yield _Problem((at,), "unknown key", _did_you_mean(at[-1], known) or f"known: {', '.join(known)}")
        elif at[-1] == "[key]":
            yield _Problem((at[:-1],), "cannot be a name", "write it like weekend_family: a-z, 0-9 and _")
        else:
            what, hint = _wrong_value(kind, entry["input"], context)
            if at[:-1] == ("need_types",) and entry["input"] is None:
                hint = (
                    _did_you_mean(at[1], need_types)
                    or f"only a default type can be removed: {', '.join(need_types)}"
                )
            yield _Problem((at,), what, hint)
    for at, keys in missing.items():
        hint = "give each of them a value"
        if at[:1] == ("need_types",):
            hint = _did_you_mean(at[-1], need_types) or "a new need type needs every key"
        yield _Problem((at,), f"lacks {', '.join(keys)}", hint)


_BOUNDS = {
    "greater_than_equal": ("ge", "below", "at least"),
    "greater_than": ("gt", "not above", "above"),
    "less_than_equal": ("le", "above", "at most"),
    "less_than": ("lt", "not below", "below"),
}
_KINDS = {
    "float_type": ("a number", "write it like 0.25"),
    "finite_number": ("a number", "write it like 0.25"),
    "int_type": ("a whole number", "write it like 3"),
    "bool_type": ("true or false", "write true or false"),
    "string_type": ("text", "put it in quotes"),
    "date_type": ("a date", "write it like 2025-12-31, without quotes"),
    "tuple_type": ("a list", "write it like [1, 2, 3]; an empty one is []"),
    "dict_type": ("a mapping", "write `key: value` lines below it"),
    "model_type": ("a mapping", "write `key: value` lines below it"),
}


def _wrong_value(kind: str, value: Any, context: dict) -> tuple[str, str]:
    """What is wrong with a value, and what to do."""
    shown = repr(value if not isinstance(value, tuple) else list(value))
    shown = shown if len(shown) <= 60 else shown[:57] + "…"
    if kind in _BOUNDS:
        key, is_wrong, wanted = _BOUNDS[kind]
        return f"{value} is {is_wrong} {context[key]:g}", f"it must be {wanted} {context[key]:g}"
    if kind in ("too_short", "too_long"):
        wanted = context.get("min_length", context.get("max_length"))
        return f"{len(value)} values instead of {wanted}", f"give {wanted} values"
    if value is None:
        return "has no value", "give it one, or remove the line to keep the default"
    if kind == "literal_error":
        known = [name.strip("'") for name in context["expected"].replace(" or ", ", ").split(", ")]
        return f"unknown value {shown}", _did_you_mean(value, known) or f"one of: {', '.join(known)}"
    if kind == "string_pattern_mismatch":
        if not value.strip():
            return "is blank", "give it a value"
        return f"{shown} has the wrong form", "write three capital letters (ISO 4217), such as CNY"
    if kind in _KINDS:
        wanted, hint = _KINDS[kind]
        if isinstance(value, str) and (number := _as_number(value)) is not None:
            return f"{shown} is text, not {wanted}", f"write {number}, without quotes"
        return f"{shown} is not {wanted}", hint
    return f"{shown} cannot be used", "see the default"


def _as_number(text: str) -> str | None:
    """How YAML writes the number that a text means: `1e-3` and `"0.3"` are texts to it."""
    try:
        return format(float(text), "f").rstrip("0").rstrip(".")
    except ValueError:
        return None


def _did_you_mean(name: Any, known: list[str]) -> str:
    close = difflib.get_close_matches(str(name), known, n=1)
    return f"did you mean {close[0]}?" if close else ""


def _known_keys(model: type[BaseModel], at: tuple) -> list[str]:
    """The keys that a place of the model takes."""
    kind: Any = model
    for part in at:
        if _is_model(kind):
            kind = _bare(kind.model_fields[part].annotation)
        else:  # tuple[X, ...] or dict[K, X]
            kind = _bare(get_args(kind)[0 if isinstance(part, int) else 1])
    if _is_model(kind):
        return list(kind.model_fields)
    return [str(name) for name in get_args(_bare(get_args(kind)[0]))]


def _spelled(at: tuple) -> str:
    """market.price_wars[0].factor: , or nothing for the whole file."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in at)
    return f"{text[1:]}: " if text else ""


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _bare(kind: Any) -> Any:
    while get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    return kind


def _frozen(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _frozen(item) for key, item in value.items()}
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
