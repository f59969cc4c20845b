"""Damages: to cells and columns of a sheet, or to the bytes of a file."""

import random
from collections.abc import Callable
from dataclasses import dataclass, replace

from .good import Sheet

SAME, CHANGED, NONE, HIDDEN = "same", "changed", "none", "hidden"


@dataclass(frozen=True)
class Damage:
    """One way to damage a file.

    Parameters
    ----------
    name : str
        What is done.
    make : callable
        From sheet and random numbers to a sheet, or to bytes from bytes; None where it does not
        apply.
    right : {"same", "none", "hidden"} or callable
        What a right reading gives: the undamaged values; none, so that it must be refused or
        warned of; what cannot be told from the file; or a function from an undamaged score (and
        whether its row was damaged) to the right one.
    of_bytes : bool
        Whether bytes are damaged.
    """

    name: str
    make: Callable
    right: object
    of_bytes: bool = False


def _some(sheet: Sheet, rng: random.Random, proportion: float) -> list[int]:
    rows = sheet.scored()
    return sorted(rng.sample(rows, max(2, round(proportion * len(rows)))))


def _numeric(sheet: Sheet) -> bool:
    return all(isinstance(sheet.rows[k][sheet.place(sheet.score)], float) for k in sheet.scored())


def _scores(change: Callable, proportion: float = 1.0, *, words: bool = True) -> Callable:
    """Change the scores of one scorer, all or some of them."""

    def make(sheet: Sheet, rng: random.Random) -> Sheet | None:
        if not words and not _numeric(sheet):
            return None
        rows = sheet.scored() if proportion == 1 else _some(sheet, rng, proportion)
        return sheet.with_cells(sheet.score, change, rows)

    return make


def _scaled(share: float, *, proportions: bool | None = None) -> Callable:
    """Scores times 100; on some of the rows only, it can be seen of proportions."""

    def make(sheet: Sheet, rng: random.Random) -> Sheet | None:
        if not _numeric(sheet) or (share == 1 and sheet.name == "RewardBench"):
            return None  # there it would scale one of two columns
        at = sheet.place(sheet.score)
        between = all(0 <= sheet.rows[k][at] <= 1 for k in sheet.scored())
        if proportions not in (None, between):
            return None
        return _scores(lambda v: round(100 * v, 6), share)(sheet, rng)

    return make


def _moved(sheet: Sheet, column: str, rng: random.Random, how: str) -> Sheet:
    """The cells of a column in another order."""
    rows, at = sheet.scored(), sheet.place(column)
    cells = [sheet.rows[k][at] for k in rows]
    shuffled = rng.sample(cells, len(cells)) if how == "shuffled" else [None, *cells[:-1]]
    turn = iter(shuffled)
    return sheet.with_cells(column, lambda _: next(turn), rows)


def _turned(value):
    return {"A": "B", "B": "A"}.get(value, value) if isinstance(value, str) else -value


def _columns(change: Callable) -> Callable:
    """Change names and places of columns."""

    def make(sheet: Sheet, rng: random.Random) -> Sheet | None:
        if sheet.name == "mt-metrics-eval":
            return None
        return change(sheet)

    return make


def _renamed(sheet: Sheet, names: dict) -> Sheet:
    return replace(sheet, columns=tuple(names.get(c, c) for c in sheet.columns))


def _added(sheet: Sheet, name: str, cells: Callable, *, first: bool = False) -> Sheet:
    rows = [
        (cells(k, row), *row) if first else (*row, cells(k, row))
        for k, row in enumerate(sheet.rows)
    ]
    columns = (name, *sheet.columns) if first else (*sheet.columns, name)
    return replace(sheet, columns=columns, rows=tuple(rows))


def _exchanged(sheet: Sheet) -> Sheet | None:
    """The names of two columns of scores exchanged."""
    both = [c for c in ("chrf", "rm", "judge") if c in sheet.columns]
    if len(both) == 2:
        return _renamed(sheet, dict(zip(both, reversed(both), strict=True)))
    sides = {"scores_chosen": "scores_rejected", "scores_rejected": "scores_chosen"}
    return _renamed(sheet, sides) if sheet.name == "RewardBench" else None


def _called_qid(sheet: Sheet) -> Sheet | None:
    return _renamed(sheet, {"item": "qid"}) if "item" in sheet.columns else None


def _twice(sheet: Sheet) -> Sheet | None:
    """A name twice, which an object cannot have."""
    if sheet.name in ("JSON Lines", "RewardBench"):
        return None
    rows = tuple((*row, row[-1]) for row in sheet.rows)
    return replace(sheet, columns=(*sheet.columns, sheet.score), rows=rows)


def _label_turned(sheet: Sheet, rng) -> Sheet | None:
    if sheet.label == sheet.score or sheet.name == "RewardBench":
        return None
    return sheet.with_cells(sheet.label, _turned)


def _likert(sheet: Sheet, rng) -> Sheet | None:
    words = ("terrible", "poor", "fair", "good", "very good", "excellent")
    if sheet.label != "human" or sheet.pairs:
        return None
    return sheet.with_cells("human", lambda v: words[v])


def _ids(change: Callable, proportion: float) -> Callable:
    """Change some ids of items or systems."""

    def make(sheet: Sheet, rng: random.Random) -> Sheet | None:
        column = sheet.item if isinstance(sheet.rows[0][sheet.place(sheet.item)], str) else "subset"
        rows = _some(sheet, rng, proportion)
        made = sheet.with_cells(column, change, rows)
        return None if made.rows == sheet.rows else made

    return make


def _repeated(sheet: Sheet, rng: random.Random) -> Sheet | None:
    rows = [sheet.rows[k] for k in _some(sheet, rng, 0.05)]
    return replace(sheet, rows=(*sheet.rows, *rows))


def _total(sheet: Sheet, rng: random.Random) -> Sheet | None:
    if sheet.name == "mt-metrics-eval":
        return None

    def cell(column, values):
        plain = [v for v in values if isinstance(v, float | int)]
        if column == sheet.item:
            return "mean"
        return round(sum(plain) / len(plain), 4) if len(plain) == len(values) else values[0]

    columns = zip(sheet.columns, zip(*sheet.rows, strict=True), strict=True)
    return replace(sheet, rows=(*sheet.rows, tuple(cell(c, v) for c, v in columns)))


def _reversed(sheet: Sheet, rng) -> Sheet | None:
    if sheet.name in ("RewardBench", "mt-metrics-eval"):
        return None  # where ids are places, the order means something
    return replace(sheet, rows=sheet.rows[::-1])


def _half_lost(sheet: Sheet, rng) -> Sheet:
    """One scorer without values in half of the rows."""
    return sheet.with_cells(sheet.score, lambda v: None, sheet.scored()[::2])


# Codes of pairs.
def _coded(codes: dict) -> Callable:
    def make(sheet: Sheet, rng) -> Sheet | None:
        if not sheet.pairs or _numeric(sheet):
            return None
        return sheet.with_cells(sheet.score, codes.get, sheet.scored())

    return make


def _probabilities(sheet: Sheet, rng) -> Sheet | None:
    if not sheet.pairs or not _numeric(sheet):
        return None
    return sheet.with_cells(sheet.score, lambda m: round((1 + m) / 2, 6), sheet.scored())


def _exchanged_sides(sheet: Sheet, rng) -> Sheet | None:
    if not sheet.pairs:
        return None
    return _renamed(sheet, {"first": "second", "second": "first"})


# Bytes.
def _text(change: Callable[[bytes, random.Random], bytes | None]) -> Callable:
    def make(content: bytes, rng: random.Random) -> bytes | None:
        return None if content.startswith(b"PAR1") else change(content, rng)

    return make


def _in_rows(change: Callable[[list[bytes], random.Random], list[bytes]]) -> Callable:
    """Change lines; documents of JSON have none that are rows."""

    def make(content: bytes, rng: random.Random) -> bytes | None:
        if content.startswith((b"PAR1", b"{\n")):
            return None
        return b"\n".join(change(content.split(b"\n"), rng))

    return make


def _in_tables(change: Callable) -> Callable:
    """Change lines of tables of text, which have a header."""

    def make(content: bytes, rng: random.Random) -> bytes | None:
        if not content.startswith((b"item", b'"item')):
            return None
        return _in_rows(change)(content, rng)

    return make


def _middle(rows: list[bytes]) -> int:
    return len(rows) // 2


def _put(rows: list[bytes], row: bytes, at: int | None = None) -> list[bytes]:
    at = _middle(rows) if at is None else at
    return [*rows[:at], row, *rows[at:]]


def _on(rows: list[bytes], change: Callable[[bytes], bytes]) -> list[bytes]:
    at = _middle(rows)
    return [*rows[:at], change(rows[at]), *rows[at + 1 :]]


def _mark(row: bytes) -> bytes:
    return max((b",", b"\t", b";"), key=row.count)


def _opened(row: bytes) -> bytes:
    """A quote before the last cell."""
    cells = row.split(_mark(row))
    return _mark(row).join([*cells[:-1], b'"' + cells[-1]])


def _shifted(row: bytes) -> bytes:
    """Cells moved by one, as where a cell was left out and another put in at the end."""
    cells = row.split(_mark(row))
    return _mark(row).join([cells[0], *cells[2:], b""])


MISSING = CHANGED


def _is(value):
    return lambda v, damaged: value if damaged else v


DAMAGES = (
    # Numbers in another way
    Damage("decimal commas", _scores(lambda v: str(v).replace(".", ","), words=False), SAME),
    Damage("percent signs", _scores(lambda v: f"{round(100 * v, 6)}%", words=False), SAME),
    Damage("percent signs on some", _scores(lambda v: f"{v}%", 0.3, words=False), NONE),
    Damage("in brackets", _scores(lambda v: f"[{v}]", words=False), SAME),
    Damage("as tensors", _scores(lambda v: f"tensor({v})", words=False), SAME),
    Damage("as lists", _scores(lambda v: [v], words=False), SAME),
    Damage("as objects", _scores(lambda v: {"score": v, "raw": str(v)}, words=False), NONE),
    Damage("scaled x100", _scaled(1), lambda v, _: 100 * v),
    Damage("percents for some proportions", _scaled(0.5, proportions=True), NONE),
    Damage("scaled x100 on half", _scaled(0.5, proportions=False), HIDDEN),
    # Missing
    Damage("-1 for missing", _scores(lambda v: -1, 0.1), NONE),
    Damage("99 for missing", _scores(lambda v: 99, 0.1), NONE),
    Damage("999 for missing", _scores(lambda v: 999.0, 0.1), NONE),
    Damage("N/A for missing", _scores(lambda v: "N/A", 0.1), MISSING),
    Damage("parse error for missing", _scores(lambda v: "parse error", 0.1), MISSING),
    Damage("?? for missing", _scores(lambda v: "??", 0.1), NONE),
    Damage("empty cells", _scores(lambda v: None, 0.1), MISSING),
    Damage("half of a scorer lost", lambda s, rng: _half_lost(s, rng), MISSING),
    # Scorers
    Damage("scorer reversed", _scores(_turned), NONE),
    Damage("scorer constant", _scores(lambda v: "A" if isinstance(v, str) else 0.5), NONE),
    Damage("scorer empty", _scores(lambda v: None), MISSING),
    Damage("one huge value", _scores(lambda v: 1e9, 0.01, words=False), NONE),
    Damage("infinite values", _scores(lambda v: "inf", 0.05, words=False), NONE),
    Damage("scores shuffled", lambda s, rng: _moved(s, s.score, rng, "shuffled"), HIDDEN),
    Damage("scores a row too low", lambda s, rng: _moved(s, s.score, rng, "low"), HIDDEN),
    Damage("labels reversed", _label_turned, NONE),
    Damage("labels in words", _likert, NONE),
    # Pairs
    Damage("1 and 2 for the sides", _coded({"A": 1, "B": 2, "tie": 1.5}), SAME),
    Damage("0 and 1 for the sides", _coded({"A": 0, "B": 1, "tie": 0.5}), NONE),
    Damage("0, 1 and -1 for no answer", _coded({"A": 0, "B": 1, "tie": -1}), NONE),
    Damage("other words", _coded({"A": "former", "B": "latter", "tie": "equal"}), NONE),
    Damage("probabilities for margins", _probabilities, NONE),
    Damage("first and second exchanged", _exchanged_sides, HIDDEN),
    # Columns
    Damage(
        "columns in another order",
        _columns(
            lambda s: replace(s, columns=s.columns[::-1], rows=tuple(row[::-1] for row in s.rows))
        ),
        SAME,
    ),
    Damage("names of two scorers exchanged", _columns(_exchanged), HIDDEN),
    Damage(
        "names moved by one",
        _columns(lambda s: replace(s, columns=(*s.columns[1:], s.columns[0]))),
        NONE,
    ),
    Damage("item called Segment", _columns(lambda s: _renamed(s, {"item": "Segment"})), SAME),
    Damage(
        "item called qid",
        _columns(lambda s: _renamed(s, {"item": "qid"}) if "item" in s.columns else None),
        NONE,
    ),
    Damage("rows numbered", _columns(lambda s: _added(s, "", lambda k, r: k, first=True)), SAME),
    Damage("an empty column", _columns(lambda s: _added(s, "spare", lambda k, r: None)), SAME),
    Damage("a column twice", _columns(_twice), NONE),
    # Rows and ids
    Damage("rows in another order", _reversed, SAME),
    Damage("rows repeated", _repeated, NONE),
    Damage("a row of means below", _total, NONE),
    Damage("blanks around some ids", _ids(lambda v: f" {v} ", 0.1), SAME),
    Damage("other case of some ids", _ids(lambda v: v.upper(), 0.1), NONE),
    Damage("invisible characters in ids", _ids(lambda v: f"{v}\u200b", 0.1), NONE),
    Damage("some ids empty", _ids(lambda v: "", 0.05), NONE),
    # Lines
    Damage("header lost", _in_tables(lambda rows, rng: rows[1:]), NONE, True),
    Damage("header twice", _in_tables(lambda rows, rng: _put(rows, rows[0])), SAME, True),
    Damage(
        "a line of remarks above",
        _in_rows(lambda rows, rng: [b"# made by a script", *rows]),
        NONE,
        True,
    ),
    Damage("an empty line", _in_rows(lambda rows, rng: _put(rows, b"")), SAME, True),
    Damage(
        "a cell too many",
        _in_tables(lambda rows, rng: _on(rows, lambda r: r + _mark(r))),
        NONE,
        True,
    ),
    Damage("cells moved in a row", _in_tables(lambda rows, rng: _on(rows, _shifted)), NONE, True),
    Damage("a quote not closed", _in_tables(lambda rows, rng: _on(rows, _opened)), SAME, True),
    Damage(
        "cut in a line",
        lambda c, rng: c[: len(c) * 2 // 3].rsplit(b"\n", 1)[0] + b"\nq",
        NONE,
        True,
    ),
    Damage("cut in half", lambda c, rng: c[: len(c) // 2], NONE, True),
    Damage(
        "cut in a number", _in_rows(lambda rows, rng: [*rows[:-2], rows[-2][:-2]]), HIDDEN, True
    ),
    # Bytes
    Damage("byte-order mark at the start", _text(lambda c, rng: b"\xef\xbb\xbf" + c), SAME, True),
    Damage(
        "byte-order mark in the middle",
        _in_rows(lambda rows, rng: _on(rows, lambda r: b"\xef\xbb\xbf" + r)),
        SAME,
        True,
    ),
    Damage("carriage returns", _text(lambda c, rng: c.replace(b"\n", b"\r")), SAME, True),
    Damage("both line ends", _text(lambda c, rng: c.replace(b"\n", b"\r\n")), SAME, True),
    Damage("UTF-16", _text(lambda c, rng: c.decode().encode("utf-16")), NONE, True),
    Damage(
        "a byte of Latin-1",
        _in_rows(lambda rows, rng: _on(rows, lambda r: b"\xe9" + r)),
        NONE,
        True,
    ),
    Damage("a NUL byte", lambda c, rng: c[: len(c) // 2] + b"\0" + c[len(c) // 2 :], NONE, True),
)
