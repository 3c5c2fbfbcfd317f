r"""ARPA files, the field's format of back-off n-gram models: read those of any maker, write ours.

    # ds2kit unit=word            ours alone; other readers skip what comes before \data\
    \data\
    ngram 1=4
    ngram 2=1

    \1-grams:
    -0.6<tab>word<tab>-0.3        base-10 logarithms of probability and back-off weight
    ...
    \2-grams:
    -0.2<tab>word word
    \end\

Makers differ: tabs or spaces, back-off weights left out where they are 1, with and without <unk>
(or <UNK>), -99 or -inf for a probability of zero.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from ds2kit.components import UNKNOWN, Unit
from ds2kit.errors import UserError
from ds2kit.files import opened, whole_file
from ds2kit.lm.ngrams import LN_10, LOG_ZERO, Level, NGrams, find, keys_of

ENDINGS = (".arpa", ".arpa.gz")
"""What a file is called that `write_arpa` writes."""

BLOCK = 1 << 20
"""Bytes that are read at once; no line is longer."""

ROWS = 1 << 16
"""N-grams that are written at once."""

PREAMBLE_LINES = 1000
r"""How far down \data\ may begin."""

DATA = "\\data\\"
"""The line with which the format begins."""

ROUNDING = 1e-4
"""How far above 0 a maker's logarithm of a probability of one may be."""

_IS_SPACE = np.isin(np.arange(256), np.frombuffer(b" \t\n\r\v\f", np.uint8))
_UNIT = re.compile(rb"# ds2kit unit=(word|character|token)\s*")
_COUNT = re.compile(rb"ngram\s+(\d{1,9})\s*=\s*(\d{1,18})")


def write_arpa(path: Path, model: NGrams) -> None:
    """Write a model, compressed where the name ends in .gz: whole or not at all.

    The same model is the same bytes. Raises UserError where the name or the disk refuses.
    """
    check_ending(path)
    with whole_file(path) as aside, aside.open("wb") as file:
        if path.suffix != ".gz":
            _write(file, model)
            return
        with gzip.GzipFile("", "wb", 6, file, mtime=0) as packed:
            _write(cast(IO[bytes], packed), model)


def check_ending(path: Path) -> None:
    """Raises UserError where a name is not one of an ARPA file that is written."""
    if not path.name.endswith(ENDINGS):
        raise UserError(f"{path} ends in no {' or '.join(ENDINGS)}; name the file to write so")


def first_line(unit: Unit) -> bytes:
    """What our files begin with."""
    return f"# ds2kit unit={unit}\n".encode()


def _write(file: IO[bytes], model: NGrams) -> None:
    if model.unit:
        file.write(first_line(model.unit))
    counts = (f"ngram {n}={len(level)}\n" for n, level in enumerate(model.levels, 1))
    file.write(f"\\data\\\n{''.join(counts)}".encode())
    for length in range(1, model.order + 1):
        file.write(f"\n\\{length}-grams:\n".encode())
        for begin in range(0, len(model.levels[length - 1]), ROWS):
            file.write("".join(_lines(model, length, begin)).encode())
    file.write(b"\n\\end\\\n")


def _lines(model: NGrams, length: int, begin: int) -> Iterator[str]:
    """Some of the n-grams of a length, as they are written."""
    level = model.levels[length - 1]
    some = slice(begin, min(begin + ROWS, len(level)))
    numbers = model.rows(length, some.start, some.stop).T.tolist()
    texts = map(" ".join, zip(*(map(model.units.__getitem__, n) for n in numbers), strict=True))
    probs = (level.log_probs[some].astype(np.float64) / LN_10).tolist()
    if length == model.order:
        return map("%.7g\t%s\n".__mod__, zip(probs, texts, strict=True))
    backoffs = (level.log_backoffs[some].astype(np.float64) / LN_10).tolist()
    return map("%.7g\t%s\t%.7g\n".__mod__, zip(probs, texts, backoffs, strict=True))


def read_arpa(path: Path) -> NGrams:
    """The model of an ARPA file, plain, gzip or xz.

    Where it has no <unk>, one is added that has hardly any probability (LOG_ZERO). Raises
    UserError, with the line's number, where the file is cut, damaged or something else.
    """
    with opened(path) as file:
        return _Reader(path, file).read()


def read_unigrams(path: Path) -> tuple[NGrams, int]:
    """The model of an ARPA file without its longer n-grams, which are not read; and its order.

    Raises UserError as `read_arpa` does, for what it reads.
    """
    with opened(path) as file:
        return _Reader(path, file).read_unigrams()


def is_arpa(path: Path) -> bool:
    r"""Whether a file has \data\ where ARPA files have it. Raises UserError as `opened` does."""
    with opened(path) as file:
        return any(file.readline(BLOCK).strip() == b"\\data\\" for _ in range(PREAMBLE_LINES))


class _Reader:
    """One reading of one file.

    levels, keys: of the n-grams read so far
    """

    def __init__(self, path: Path, file: IO[bytes]) -> None:
        self._path, self._file = path, file
        self._buffer, self._place = b"", 0
        """What was read, and how far it was taken."""
        self._line = 0
        """Lines that were taken."""
        self._numbers: dict[bytes, int] = {}
        self._units: list[str] = []
        self._levels: list[Level] = []
        self._keys: list[NDArray[np.int64]] = []

    def read(self) -> NGrams:
        unit, counts = self._preamble(), self._counts()
        model = self._up_to(unit, counts)
        self._header(b"\\end\\", "the end")
        return model

    def read_unigrams(self) -> tuple[NGrams, int]:
        unit, counts = self._preamble(), self._counts()
        return self._up_to(unit, counts[:1]), len(counts)

    def _up_to(self, unit: Unit | None, counts: list[int]) -> NGrams:
        """The n-grams of the lengths of which there are so many."""
        for length, count in enumerate(counts, 1):
            self._header(b"\\%d-grams:" % length, f"the {length}-grams")
            self._levels.append(self._level(length, count))
        return NGrams(unit, tuple(self._units), tuple(self._levels))

    def _preamble(self) -> Unit | None:
        unit: Unit | None = None
        for _ in range(PREAMBLE_LINES):
            line = self._next()
            if line is None:
                break
            if line.strip() == b"\\data\\":
                return unit
            if said := _UNIT.fullmatch(line):
                unit = cast(Unit, said[1].decode())
        found = "is empty" if not self._line else "has no line \\data\\"
        raise UserError(f"{self._path} {found}; expected a language model as an ARPA file")

    def _counts(self) -> list[int]:
        counts: list[int] = []
        while said := _COUNT.fullmatch((line := self._filled("the numbers of n-grams")).strip()):
            if int(said[1]) != len(counts) + 1:
                raise self._error(f"expected ngram {len(counts) + 1}=, found {_shown(line)}")
            counts.append(int(said[2]))
        if not counts or not counts[0]:
            raise self._error(f"expected ngram 1= and a number, found {_shown(line)}")
        self._place -= len(line)
        self._line -= 1
        return counts

    def _header(self, expected: bytes, what: str) -> None:
        line = self._filled(what)
        if line.strip() != expected:
            raise self._error(
                f"expected {expected.decode()} after as many n-grams as {DATA} says, found "
                f"{_shown(line)}"
            )

    def _level(self, length: int, count: int) -> Level:
        """Read so many n-grams."""
        begin = self._line
        rows, probs, backoffs = [], [], []
        while (missing := count - (self._line - begin)) > 0:
            before = self._line
            lines = self._take(missing)
            if not lines:
                raise self._error(
                    f"the file ends after {before - begin} of {count} {length}-grams; it is cut"
                )
            fields = self._fields(lines, length, before, count)
            if length == 1:
                self._learn(fields[:, 1], before)
            rows.append(self._row_numbers(fields[:, 1:-1], before))
            probs.append(self._floats(fields[:, 0], before, "probability"))
            backoffs.append(self._floats(fields[:, -1], before, "back-off weight"))
        joined = [np.concatenate([*parts, parts[0][:0]]) for parts in (probs, backoffs) if parts]
        log_probs, log_backoffs = joined or [np.zeros(0, np.float32)] * 2
        self._check_probs(log_probs, begin)
        if length == 1:
            return self._unigrams(log_probs, log_backoffs)
        wanted = np.concatenate(rows) if rows else np.zeros((0, length), np.int32)
        return self._sorted(wanted, log_probs, log_backoffs, begin)

    def _fields(self, lines: bytes, length: int, before: int, count: int) -> NDArray[np.object_]:
        """[n-grams, 1 + length + 1] the fields of lines; where a back-off weight is left out, 0."""
        counts = _fields_a_line(lines)
        wrong = (counts < length + 1) | (counts > length + 2)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise self._error(
                f"expected one of {count} {length}-grams, a logarithm, {length} units and at most "
                f"another logarithm, found {_shown(lines.splitlines()[i])}; the file is cut or "
                "damaged",
                before + i + 1,
            )
        found = np.array([*lines.split(), b"0"], object)
        places = (np.cumsum(counts) - counts)[:, None] + np.arange(length + 2)
        places[counts == length + 1, -1] = len(found) - 1
        fields: NDArray[np.object_] = found[places]
        return fields

    def _learn(self, names: NDArray[np.object_], before: int) -> None:
        """The units, by the n-grams of one."""
        for i, found in enumerate(names.tolist(), before + 1):
            name = UNKNOWN.encode() if found == b"<UNK>" else found
            if name in self._numbers:
                raise self._error(f"{_shown(name)} is there twice", i)
            self._numbers[name] = self._numbers[found] = len(self._units)
            try:
                self._units.append(name.decode("utf-8"))
            except UnicodeDecodeError:
                raise self._error(f"{_shown(name)} is not UTF-8; convert the file", i) from None

    def _row_numbers(self, names: NDArray[np.object_], before: int) -> NDArray[np.int32]:
        """[n-grams, length] the numbers of units."""
        get = self._numbers.get
        numbers = np.array(list(map(get, names.ravel().tolist(), repeat(-1))), np.int32)
        rows = numbers.reshape(names.shape)
        if rows.min() < 0:
            i, column = np.argwhere(rows < 0)[0].tolist()
            raise self._error(
                f"{_shown(names[i, column])} is not among the 1-grams", before + i + 1
            )
        return rows

    def _floats(self, fields: NDArray[np.object_], before: int, what: str) -> NDArray[np.float32]:
        """Base-10 logarithms of a file as natural ones, none less than LOG_ZERO."""
        texts = fields.tolist()
        try:
            values = np.array(list(map(float, texts)))
        except ValueError:
            values = np.array([_float(text) for text in texts])
        wrong = np.isnan(values) | (values == np.inf)
        if wrong.any():
            i = int(np.argmax(wrong))
            raise self._error(
                f"{_shown(texts[i])} is no logarithm of a {what}; the file is cut or damaged",
                before + i + 1,
            )
        return np.maximum(values * LN_10, LOG_ZERO).astype(np.float32)

    def _check_probs(self, log_probs: NDArray[np.float32], begin: int) -> None:
        above = log_probs > ROUNDING
        if above.any():
            i = int(np.argmax(above))
            raise self._error(
                f"a probability's logarithm is {log_probs[i] / LN_10:.4g}, above 0; its maker's "
                "tool went wrong",
                begin + i + 1,
            )
        np.minimum(log_probs, 0, out=log_probs)

    def _unigrams(self, log_probs: NDArray[np.float32], log_backoffs: NDArray[np.float32]) -> Level:
        if UNKNOWN.encode() not in self._numbers:
            self._numbers[UNKNOWN.encode()] = len(self._units)
            self._units.append(UNKNOWN)
            log_probs = np.append(log_probs, np.float32(LOG_ZERO))
            log_backoffs = np.append(log_backoffs, np.float32(0))
        last = np.arange(len(self._units), dtype=np.int32)
        self._keys.append(last.astype(np.int64))
        return Level(np.zeros_like(last), last, log_probs, log_backoffs)

    def _sorted(
        self,
        rows: NDArray[np.int32],
        log_probs: NDArray[np.float32],
        log_backoffs: NDArray[np.float32],
        begin: int,
    ) -> Level:
        """[n-grams, length] of a file, in their order."""
        contexts = rows[:, 0].astype(np.int64)
        for column in range(1, rows.shape[1] - 1):
            wanted = keys_of(contexts, rows[:, column], len(self._units))
            contexts, found = find(self._keys[column], wanted)
            if not found.all():
                i = int(np.argmin(found))
                raise self._error(
                    f"{self._named(rows[i])} is there, and {self._named(rows[i, :-1])}, its "
                    "context, is not; the file is damaged",
                    begin + i + 1,
                )
        keys = keys_of(contexts, rows[:, -1], len(self._units))
        order = np.argsort(keys, kind="stable")
        keys = keys[order]
        twice = keys[1:] == keys[:-1]
        if twice.any():
            i = int(order[int(np.argmax(twice)) + 1])
            raise self._error(f"{self._named(rows[i])} is there twice", begin + i + 1)
        self._keys.append(keys)
        kept = (contexts[order].astype(np.int32), rows[order, -1])
        return Level(*kept, log_probs[order], log_backoffs[order])

    def _named(self, row: NDArray[np.int32]) -> str:
        return repr(" ".join(self._units[number] for number in row.tolist()))

    def _filled(self, what: str) -> bytes:
        """The next line that is not blank."""
        while (line := self._next()) is not None:
            if line.strip():
                return line
        raise self._error(f"the file ends before {what}; it is cut")

    def _next(self) -> bytes | None:
        return self._take(1) or None

    def _take(self, most: int) -> bytes:
        """The next whole lines, at most so many; nothing at the end of the file."""
        end = self._buffer.rfind(b"\n", self._place) + 1
        while not end:
            block = self._file.read(BLOCK)
            self._buffer, self._place = self._buffer[self._place :] + block, 0
            end = self._buffer.rfind(b"\n") + 1 if block else len(self._buffer)
            if not block and not end:
                return b""
            if not end and len(self._buffer) > BLOCK:
                raise self._error(f"the line is longer than {BLOCK} bytes", self._line + 1)
        if most == 1:
            end = self._buffer.find(b"\n", self._place) + 1 or end
        lines = self._buffer[self._place : end]
        ends = np.flatnonzero(np.frombuffer(lines, np.uint8) == ord("\n"))
        if len(ends) > most:
            lines = lines[: int(ends[most - 1]) + 1]
        self._place += len(lines)
        self._line += min(most, max(1, len(ends)))
        return lines

    def _error(self, problem: str, line: int | None = None) -> UserError:
        return UserError(f"{self._path}, line {line or self._line}: {problem}")


def _fields_a_line(lines: bytes) -> NDArray[np.int64]:
    """[lines] how many fields each of whole lines has, as `bytes.split` cuts them."""
    characters = np.frombuffer(lines, np.uint8)
    spaces = _IS_SPACE[characters]
    begins = np.flatnonzero(~spaces & np.append(True, spaces[:-1]))
    ends = np.flatnonzero(characters == ord("\n"))
    if not lines.endswith(b"\n"):
        ends = np.append(ends, len(lines))
    return np.diff(np.searchsorted(begins, ends), prepend=0)


def _float(text: bytes) -> float:
    """The number, or NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _shown(line: bytes) -> str:
    """A line of a file in a message."""
    text = line.strip().decode("utf-8", "backslashreplace")
    return repr(text if len(text) <= 60 else text[:60] + "...")
