"""YAML files that people write: the values, and the line of each, for messages that name it."""

from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from roundtrip.errors import BadInput

#: Place of a value (keys and list positions from the top) → line, counted from 1.
Lines = dict[tuple, int]


def read_yaml(path: Path, if_missing: str) -> tuple[Any, Lines]:
    """Values of a YAML file and their lines; an empty file is None.

    Args:
        if_missing: what to do when the file cannot be read.

    Raises:
        BadInput: the file cannot be read, is not UTF-8 or not YAML, or gives a key twice.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}", if_missing) from error
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise BadInput(f"{path}:{line}: not UTF-8", "save the file as UTF-8") from error
    lines: Lines = {}
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        return _value(path, node, (), lines), lines
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        problem = getattr(error, "problem", None) or str(error)
        raise BadInput(f"{place}: this is not YAML: {problem}", "mend that line") from error
    except RecursionError as error:
        raise BadInput(f"{path}: nested too deeply", "no value may contain itself") from error


def line_of(lines: Lines, at: tuple) -> int:
    """Line of a place, or of the nearest one around it; 1 where there is none."""
    return next((lines[at[:end]] for end in range(len(at), 0, -1) if at[:end] in lines), 1)


def _value(path: Path, node: yaml.Node | None, at: tuple, lines: Lines) -> Any:
    if node is None:
        return None
    line = node.start_mark.line + 1
    lines.setdefault(at, line)
    if isinstance(node, yaml.SequenceNode):
        return [_value(path, item, (*at, i), lines) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        result: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            key, line = str(key_node.value), key_node.start_mark.line + 1
            if key in result:
                raise BadInput(f"{path}:{line}: {key} is given twice", "keep one of the two")
            lines[(*at, key)] = line
            result[key] = _value(path, value_node, (*at, key), lines)
        return result
    try:
        return yaml.SafeLoader("").construct_object(node)
    except ValueError as error:
        raise BadInput(f"{path}:{line}: {node.value} cannot be read: {error}", "mend the value") from error
