"""Structure by Hypothesis, and damage to bytes and to JSON, from numbers that Hypothesis draws."""

import copy
import json
import random
from pathlib import Path

from hypothesis import strategies as st

CORPUS = Path(__file__).parent / "corpus"

NUMBERS = (
    *("0", "1", "-1", "2", "0.5", ".25", "-0.0", "3.", "1e3", "1e300", "-1e308", "1e-320", "1e999"),
    *("nan", "inf", "-inf", "99", "-999", "1_000", "0x1F", "1,5", "1.234,5", "1,234", "1.234"),
    *("50%", "4/5", "1/0", "[0.8]", "[[1]]", "tensor(0.8)", "$3", "3 stars", "\u22121", " 7 "),
    *("9" * 400, "9007199254740993", "\u0663", "True", "false", "1:2", "1-2", "2020-01-01"),
)
WORDS = (
    *("", " ", "a", "b", "A", "B", "tie", "C", "model_a", "good", "poor", "yes", "no", "N/A"),
    *("error", "parse error", "none", "\ufeff3", "=1+1", "\x1b[31m", "\u202e", "e\u0301", "\xe9"),
    *(
        "x" * 300,
        "\n",
        "a\nb",
        "\t",
        '"',
        '"a',
        'a"b"',
        "'",
        "a,b",
        ";",
        "\r",
        "a|b",
        "\u2028",
        "%",
    ),
    *("a>>b", "b>a", "[]", "{}", "[1, 2]", '{"a": 1}', "None", "-", "\x7f", "\U0001f600", "1 2"),
)
NAMES = (
    *("item", "system", "response", "task", "cluster", "scorer", "score", "rater", "label"),
    *("first", "second", "preference", "order", "human", "gold", "id", "seg_id", "model", "metric"),
    *("value", "judge", "winner", "model_a", "model_b", "a", "b", "m1", "m2", "chrf", "weight"),
    *("index", "Unnamed: 0", "", " ", "turn", "chars_a", "chars_b", "x_delta", "length", "margin"),
    *("language", "question_id", "chosen", "rejected", "correct", "tie_kind", "text_hash", "ITEM"),
    *("_score", "item_in_file", "level_0", "variable", "name", "\ufeffitem", "h\xe9", "human/r1"),
)
PLAIN = ("m1", "m2", "chrf", "human", "task", "cluster", "length", "judge")
SHAPES = (
    *((), ("item",), ("item", "system"), ("item", "system"), ("item", "system", "scorer", "score")),
    *(("item", "first", "second"), ("item", "first", "second", "m1"), ("item", "system", "m1")),
    *(("item", "first", "second", "scorer", "preference"), ("item", "system", "rater", "label")),
    *(("question_id", "model_a", "model_b", "winner"), ("item", "response", "m1", "human")),
)
_POOLS = (("0", "1"), ("-1", "0", "1"), ("0.5", "0.25", "3"), ("0.1", "0.2", ""), ("a", "b", "tie"))
ODD = (
    *(None, True, False, 0, 1, -1, 2, 0.5, -0.0, 1e308, 1e-320, 10**400, 2**63, -(2**63) - 1),
    *(float("inf"), float("-inf"), float("nan"), "", " ", "a", "tie", "1", "0.5", "\ud800", "\0"),
    *([], [1], [0.5, 1], [[1]], [None], {}, {"a": 1}, [{}], "x" * 3000, "\u202e", "9" * 50),
)
OPTIONS = (
    *(("labels", ["human"]), ("labels", "m1"), ("labels", ["m*"]), ("labels", ["typo"])),
    *(("scorers", ["m1"]), ("scorers", "chrf"), ("scorers", ["typo"]), ("keys", ["task"])),
    *(("keys", ["m1"]), ("keys", "language"), ("columns", {"item": "m1"})),
    *(("columns", {"first": "a", "second": "b"}), ("columns", {"score": "value"})),
    *(("columns", {"rater": "judge", "label": "value"}), ("columns", {"system": "model"})),
    *(("columns", {"item": "id"}), ("columns", {"preference": "winner"})),
    *(("lower_is_better", ["m1"]), ("lower_is_better", "human"), ("label_kind", "correct")),
    *(("label_kind", "rating"), ("label_epsilon", 0.5), ("label_epsilon", -1)),
    *(("columns", {"cluster": "task"}), ("average_raters", True), ("shared_items", True)),
    *(("missing", "error"), ("missing", "count_as_wrong")),
    *(("missing_codes", [-1]), ("missing_codes", {"m1": 99}), ("missing_codes", "skip")),
    *(("value_map", {"good": 3, "poor": 1}), ("value_map", {"a": 1, "b": -1, "c": None})),
    *(("preference_scale", "probability"), ("preference_scale", "one-two")),
    *(("preference_scale", "index"), ("preference_scale", {"m1": "margin"}), ("ordered", True)),
    *(("both_orders", "net"), ("refusals", "tie"), ("refusals", "wrong"), ("repeats", "mean")),
    *(("decimal", ","), ("decimal", "."), ("header", ["item", "system", "m1"]), ("header", ["m1"])),
    *(("judges", "pooled"), ("item_from", "order"), ("item_from", "text-hash")),
)

seeds = st.integers(0, 2**63)
some_options = st.lists(st.sampled_from(OPTIONS), min_size=1, max_size=2).map(dict)
options = st.just({}) | st.just({}) | some_options


def seed_files(*readers: str) -> list[bytes]:
    """Contents of the corpus of some readers."""
    files = [p for reader in readers for p in sorted((CORPUS / reader).iterdir())]
    return [path.read_bytes() for path in files]


# Tables.
@st.composite
def grids(draw):
    """Names of columns, and rows of texts: sensible ids, and cells of a kind for each column."""
    shape = draw(st.sampled_from(SHAPES))
    names = draw(st.lists(st.sampled_from(PLAIN) | st.sampled_from(NAMES), max_size=4))
    rng = random.Random(draw(seeds))
    names = [*shape, *names]
    names = list(dict.fromkeys(names)) if rng.random() < 0.97 else names
    n_rows = 0 if rng.random() < 0.03 else rng.choice((1, 2, 4, 4, 6, 12))
    columns = [_column(name, n_rows, rng) for name in names]
    return names, [list(row) for row in zip(*columns, strict=True)]


def _column(name: str, n: int, rng: random.Random) -> list[str]:
    if name in ("item", "id", "question_id", "seg_id") and rng.random() < 0.9:
        each = rng.choice((1, 2, 2, 2, 4))
        return [str(k // each) for k in range(n)]
    if name in ("system", "model", "scorer", "rater", "first", "model_a", "judge", "order"):
        pool = ("ab", "ba") if name == "order" else ("a", "b") if name != "first" else ("a", "c")
        return [pool[k % 2] if rng.random() < 0.97 else rng.choice(WORDS) for k in range(n)]
    if name in ("second", "model_b"):
        return [("b", "d")[k % 2] for k in range(n)]
    pool = rng.choice((*_POOLS, NUMBERS, WORDS) if name not in ("score", "m1") else _POOLS)
    odd = rng.choice((0, 0, 0, 0.05, 0.5))
    return [rng.choice(pool if rng.random() >= odd else NUMBERS + WORDS) for _ in range(n)]


def typed(names: list[str], rows: list[list[str]], seed: int) -> list[dict]:
    """The rows of a grid as objects, with cells that are odd, numbers or texts."""
    rng = random.Random(seed)
    odd, dropped = rng.choice((0, 0, 0.03, 0.3)), rng.choice((0, 0, 0.1))
    return [
        {
            name: _typed(cell, rng, odd)
            for name, cell in zip(names, row, strict=True)
            if rng.random() >= dropped
        }
        for row in rows
    ]


def _typed(cell: str, rng: random.Random, odd: float):
    if rng.random() < odd:
        return rng.choice(ODD)
    try:
        return float(cell) if "." in cell else int(cell)
    except ValueError:
        return cell


def delimited(names: list[str], rows: list[list[str]], mark: str, seed: int) -> bytes:
    """A grid as text with a mark between cells, quoted in some way, maybe damaged."""
    rng = random.Random(seed)
    quotes = rng.choice(("needed", "needed", "never", "always"))
    end = rng.choice(("\n", "\n", "\n", "\r\n", "\r"))

    def cell(text: str) -> str:
        special = any(c in text for c in f'{mark}"\r\n')
        doubled = text.replace('"', '""')
        return f'"{doubled}"' if quotes == "always" or (quotes == "needed" and special) else text

    lines = [mark.join(map(cell, row)) for row in [names, *rows]]
    content = (end.join(lines) + rng.choice((end, ""))).encode("utf-8", "surrogatepass")
    return mutated(content, seed) if rng.random() < 0.25 else content


# Bytes.
_TOKENS = (
    *(b"\0", b"\xff", b"\xef\xbb\xbf", b"\r", b"\n", b"\r\n", b'"', b",", b"\t", b";", b"|", b" "),
    *(b"\xed\xa0\x80", b"\xc0\x80", b"1e999", b"nan", b"{", b"}", b"[", b"]", b":", b"null", b"\\"),
    *(b"-", b"\x1f\x8b", b"PAR1", b"\xf4\x90\x80\x80", b"\xe2\x80\xa8", b"9" * 300, b"\\ud800"),
)


def mutated(content: bytes, seed: int, most: int = 2) -> bytes:
    """Bytes with a few damages: flipped, cut, doubled, moved, put in."""
    rng = random.Random(seed)
    data = bytearray(content)
    for _ in range(rng.randint(1, most)):
        at = rng.randrange(len(data) + 1)
        span = min(len(data), at + rng.choice((1, 1, 2, 8, 40)))
        kind = rng.randrange(6)
        if kind == 0 and at < len(data):
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            del data[at:span]
        elif kind == 2:
            data[at:at] = data[at:span]
        elif kind == 3:
            data[at:at] = rng.choice(_TOKENS)
        elif kind == 4:
            data[at:span] = bytes(rng.randrange(256) for _ in range(span - at))
        elif rng.random() < 0.3:
            del data[at:]
    return bytes(data)


# JSON.
def altered(tree, seed: int, most: int = 3):
    """A document with a few damages: values replaced, left out, doubled, exchanged, renamed."""
    rng = random.Random(seed)
    tree = copy.deepcopy(tree)
    for _ in range(rng.randint(0, most)):
        places = _places(tree)
        if not places:
            return rng.choice(ODD)
        holder, key = rng.choice(places)
        other, name = rng.choice(places)
        kind = rng.randrange(6)
        if kind <= 1:
            holder[key] = copy.deepcopy(rng.choice(ODD))
        elif kind == 2:
            del holder[key]
        elif kind == 3:
            holder[key] = copy.deepcopy(other[name])
        elif kind == 4 and isinstance(holder, dict):
            holder[rng.choice((*NAMES, *WORDS))] = holder.pop(key)
        elif isinstance(holder, list):
            holder.insert(key, copy.deepcopy(holder[key]))
    return tree


def _places(tree) -> list[tuple]:
    found, left = [], [tree]
    while left:
        node = left.pop()
        keys = node.keys() if isinstance(node, dict) else range(len(node))
        for key in keys:
            found.append((node, key))
            if isinstance(node[key], dict | list):
                left.append(node[key])
    return found


def as_json(tree, seed: int, *, lines: bool = False) -> bytes:
    """A document as bytes, maybe damaged."""
    rows = tree if lines and isinstance(tree, list) else [tree]
    ascii_only = seed % 3 > 0 or "\\ud" in json.dumps(rows)
    content = "\n".join(json.dumps(row, ensure_ascii=ascii_only) for row in rows).encode()
    return mutated(content, seed) if seed % 11 == 0 else content
