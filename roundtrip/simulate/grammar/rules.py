"""Sentences from wordings: a grammar that writes millions of short texts with numpy.

In a wording, [a|b] is one of its parts (which may be
empty), {2..9} a whole number, {place} the destination, {word} one of the language's words, or of the word's
list for the text's service line. 'Quotes' around a whole wording keep spaces at its ends.

A symbol is an integer: 0 nothing, above 0 a piece of text, below 0 a rule to choose from.
"""

import re

import numpy as np

from roundtrip.simulate import dice

_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_PART = re.compile(r"[\[\]|]|\{[^{}]*\}|[^\[\]|{}]+")
#: What a piece must not begin with after "?" or "!"; what ends a sentence; after what no stop may come.
_LEADING_STOPS = re.compile("^[.。,，!！;；]+")
#: Combinations of neighbouring brackets that are written out.
_MOST_COMBINATIONS = 64
_SENTENCE_ENDS, _CLOSED = tuple("\n.!?。！？"), tuple("?？!！。~～")


def _lines(block: str) -> list[str]:
    """The wordings of a block, one a line."""
    found = (line.strip() for line in block.splitlines())
    return [line[1:-1] if len(line) > 1 and line[0] == line[-1] == "'" else line for line in found if line]


class Grammar:
    """Rules and pieces of several languages, and how to expand them.

    Args:
        service_lines: the names that words may be listed by, in the order of the codes in `expand`.
        places: by language, the names of the destinations in the order of the codes in `expand`.
        writers: by language, ways of writing: {"share", "replace": {from: to}, "lower": bool}. All languages
            have as many.
    """

    def __init__(self, service_lines: list[str], places: dict, writers: dict):
        self._service_lines, self._writers = service_lines, writers
        self._pieces, self._piece_languages, self._piece_numbers = [""], [""], {}
        self.newline = self.piece("", "\n")
        self._alternatives: list[list[tuple[int, ...]] | None] = [None]
        self._by_line: set[int] = set()
        self._ranges: dict[str, int] = {}
        self._words: dict[tuple[str, str], int] = {}
        self._place_bases = {}
        for language, names in places.items():
            self._place_bases[language] = len(self._pieces)
            self._pieces += list(names)
            self._piece_languages += [language] * len(names)

    def add_words(self, language: str, words: dict) -> None:
        """Words for use in braces: name -> block, or name -> {service line: block}; they may be nested."""
        for name, said in words.items():
            by_line = isinstance(said, dict)
            size = len(self._service_lines) if by_line else 1
            self._words[language, name] = -len(self._alternatives)
            if by_line:
                self._by_line.add(len(self._alternatives))
            self._alternatives += [None] * size
        for name, said in words.items():
            first = -self._words[language, name]
            blocks = [said[line] for line in self._service_lines] if isinstance(said, dict) else [said]
            for offset, block in enumerate(blocks):
                self._alternatives[first + offset] = [self._parse(language, text) for text in _lines(block)]

    def one_of(self, language: str, block: str) -> int:
        """The symbol of a rule that chooses a wording of the block."""
        return self._rule([self._parse(language, text) for text in _lines(block)])

    def each_of(self, language: str, block: str) -> list[int]:
        """A symbol for each wording of the block."""
        return [self._rule([self._parse(language, text)]) for text in _lines(block)]

    def piece(self, language: str, text: str) -> int:
        """The symbol of a fixed text."""
        if not text:
            return 0
        number = self._piece_numbers.setdefault((language, text), len(self._pieces))
        if number == len(self._pieces):
            self._pieces.append(text)
            self._piece_languages.append(language)
        return number

    def _rule(self, alternatives: list[tuple[int, ...]]) -> int:
        if len(alternatives) == 1 and len(alternatives[0]) == 1:
            return alternatives[0][0]
        self._alternatives.append(alternatives)
        return 1 - len(self._alternatives)

    def _parse(self, language: str, text: str) -> tuple[int, ...]:
        """The symbols of one wording.

        Raises:
            ValueError: brackets that do not match, or a name in braces that is not known.
        """
        parts = _PART.findall(text)
        if "".join(parts) != text:
            raise ValueError(f"unmatched brace in {text!r}")
        # Open brackets, innermost last: the alternatives so far, each a list of parts. A part is a text, a
        # symbol, or the alternatives of a bracket.
        stack: list[list[list]] = [[[]]]
        for part in parts:
            if part == "[":
                stack.append([[]])
            elif part == "|" and len(stack) > 1:
                stack[-1].append([])
            elif part == "]" and len(stack) > 1:
                alternatives = stack.pop()
                stack[-1][-1].append(alternatives)
            elif part in "[|]":
                raise ValueError(f"unmatched {part!r} in {text!r}")
            elif part[0] == "{":
                stack[-1][-1].append(self._named(language, part[1:-1], text))
            else:
                stack[-1][-1].append(part)
        if len(stack) > 1:
            raise ValueError(f"unmatched '[' in {text!r}")
        return self._symbols_of(language, stack[0][0])

    def _symbols_of(self, language: str, parts: list) -> tuple[int, ...]:
        """The symbols of parts. Neighbours of plain text are written out in all their combinations, each as
        likely as before, because few long pieces are faster than many short ones.
        """
        symbols: list[int] = []
        texts = [""]

        def flush() -> None:
            pieces = [(piece,) if piece else () for piece in (self.piece(language, text) for text in texts)]
            symbols.extend(pieces[0] if len(pieces) == 1 else (self._rule(pieces),))

        for part in parts:
            is_plain = isinstance(part, list) and all(
                len(a) == 0 or (len(a) == 1 and isinstance(a[0], str)) for a in part
            )
            if isinstance(part, str) or is_plain:
                choices = [part] if isinstance(part, str) else ["".join(alternative) for alternative in part]
                if len(texts) * len(choices) > _MOST_COMBINATIONS:
                    flush()
                    texts = [""]
                texts = [text + choice for text in texts for choice in choices]
                continue
            flush()
            texts = [""]
            if isinstance(part, list):
                part = self._rule([self._symbols_of(language, alternative) for alternative in part])
            symbols.append(part)
        flush()
        return tuple(symbols)

    def _named(self, language: str, name: str, text: str) -> int:
        if name == "place":
            return self._place_bases[language]
        if match := _RANGE.fullmatch(name):
            if name not in self._ranges:
                low, high = match.groups()
                numbers = [
                    f"{n:0{len(low)}}" if low[0] == "0" else str(n) for n in range(int(low), int(high) + 1)
                ]
                self._ranges[name] = self._rule([(self.piece("", number),) for number in numbers])
            return self._ranges[name]
        if (language, name) not in self._words:
            raise ValueError(f"unknown {{{name}}} in {text!r}")
        return self._words[language, name]

    def finish(self) -> "Expander":
        """The finished grammar; nothing is added afterwards."""
        is_by_line = np.zeros(len(self._alternatives), dtype=np.int32)
        is_by_line[list(self._by_line)] = 1
        is_place = np.zeros(len(self._pieces), dtype=np.int32)
        is_place[list(self._place_bases.values())] = 1
        flat = [alternative for rule in self._alternatives[1:] for alternative in rule]
        lengths = np.array([len(symbols) for symbols in flat], dtype=np.int32)
        counts = np.array([0] + [len(rule) for rule in self._alternatives[1:]], dtype=np.int64)
        return Expander(
            is_by_line=is_by_line,
            is_place=is_place,
            first_alternative=np.cumsum(counts) - counts,
            alternatives=counts.astype(np.uint64),
            length=lengths,
            start=np.cumsum(lengths, dtype=np.int32) - lengths,
            symbols=np.array([symbol for symbols in flat for symbol in symbols], dtype=np.int32),
            closes=np.array([piece.endswith(_CLOSED) for piece in self._pieces]),
            ends_sentence=np.array([piece.rstrip(" ").endswith(_SENTENCE_ENDS) for piece in self._pieces]),
            is_stop=np.array([_LEADING_STOPS.sub("", piece) in ("", " ") for piece in self._pieces]),
            written=self._written(),
            newline=np.array(self.newline),
        )

    def _written(self) -> np.ndarray:
        """Each piece as each writer puts it; shape (writers, 2 stops dropped?, 2 capital?, pieces)."""
        n_writers = len(next(iter(self._writers.values())))
        written = np.empty((n_writers, 2, 2, len(self._pieces)), dtype=object)
        for number, (piece, language) in enumerate(zip(self._pieces, self._piece_languages, strict=True)):
            for writer in range(n_writers):
                way = self._writers[language][writer] if language else {}
                for is_after_stop in (0, 1):
                    text = _LEADING_STOPS.sub("", piece) if is_after_stop else piece
                    for old, new in way.get("replace", {}).items():
                        text = text.replace(old, new)
                    if text.endswith(" ") and not piece.endswith(" ") and len(piece) > 1:
                        # A space for a stop has its place between words, not at the end of a closing.
                        text = text[:-1] + piece[-1]
                    text = text.lower() if way.get("lower") else text
                    written[writer, is_after_stop, 0, number] = text
                    capital = text if way.get("lower") else text[:1].upper() + text[1:]
                    written[writer, is_after_stop, 1, number] = capital
        return written


class Expander:
    """A finished grammar as arrays; see `Grammar`."""

    def __init__(self, **arrays: np.ndarray):
        self._is_by_line, self._is_place = arrays["is_by_line"], arrays["is_place"]
        self._first_alternative, self._alternatives = arrays["first_alternative"], arrays["alternatives"]
        self._length, self._start, self._symbols = arrays["length"], arrays["start"], arrays["symbols"]
        self._closes, self._ends_sentence, self._is_stop = (
            arrays["closes"],
            arrays["ends_sentence"],
            arrays["is_stop"],
        )
        self._written = arrays["written"].reshape(-1)
        self.newline = int(arrays["newline"])
        self._n_pieces = len(self._closes)

    def expand(self, symbols, row, column, key, line, destination, writer) -> list[str]:
        """Write one text a row.

        Args:
            symbols: the symbols of all rows one after the other, none of them 0; each row ends with newline.
            row, column: which row each symbol belongs to, and a number of its own within the row.
            key, line, destination, writer: one each row; what is chosen follows from these and the column.

        Returns:
            As many texts as rows.
        """
        at = np.flatnonzero(symbols < 0)
        luck = dice.split(key[row[at]], column[at] + 1)
        symbols = _put(symbols, at, *self._grow(symbols[at], luck, row[at], line))
        is_end = symbols == self.newline
        row = np.cumsum(is_end, dtype=np.int32) - is_end
        symbols = symbols + self._is_place[symbols] * destination[row]
        is_stop, closes = self._is_stop[symbols], np.roll(self._closes[symbols], 1)
        # A comma that goes because of the "?" before it leaves the sentence ended.
        starts = np.roll(self._ends_sentence[symbols], 1) | (np.roll(closes, 1) & np.roll(is_stop, 1))
        # The last stop is always put properly: one who uses spaces for stops would else end with a space.
        form = (np.where(np.roll(is_end, -1) & is_stop, 0, writer[row]) * 2 + closes) * 2 + starts
        text = "".join(self._written[form * self._n_pieces + symbols].tolist())
        return text.split("\n")[:-1]

    def _grow(self, symbols, luck, row, line) -> tuple[np.ndarray, np.ndarray]:
        """The pieces that rules become, one rule after the other, and how many each."""
        rule = -symbols
        rule += self._is_by_line[rule] * line[row]
        # The upper half of a key chooses; multiply and shift maps it evenly to 0 .. alternatives - 1.
        choice = ((luck >> np.uint64(32)) * self._alternatives[rule]) >> np.uint64(32)
        chosen = self._first_alternative[rule] + choice.astype(np.int64)
        length, start = self._length[chosen], self._start[chosen]
        parent = np.repeat(np.arange(len(symbols), dtype=np.int32), length)
        skipped = start - (np.cumsum(length, dtype=np.int32) - length)
        place = skipped[parent] + np.arange(len(parent), dtype=np.int32)
        pieces = self._symbols[place]
        below = np.flatnonzero(pieces < 0)
        if len(below):
            above = parent[below]
            offset = place[below] - start[above]
            inner, size = self._grow(pieces[below], dice.split(luck[above], offset + 1), row[above], line)
            pieces = _put(pieces, below, inner, size)
            length = length + np.bincount(above, size - 1, minlength=len(symbols)).astype(np.int32)
        return pieces, length


def _put(symbols: np.ndarray, at: np.ndarray, inner: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Replace the symbols at some places by pieces: `size` of `inner` each."""
    room = np.ones(len(symbols), dtype=np.int32)
    room[at] = size
    first = np.cumsum(room, dtype=np.int32)[at] - size
    grown = np.repeat(symbols, room)
    shift = first - (np.cumsum(size, dtype=np.int32) - size)
    grown[np.repeat(shift, size) + np.arange(len(inner), dtype=np.int32)] = inner
    return grown
