"""What is attacked besides files: tables, results, posteriors, and texts of the command line."""

import json
import random
import tempfile
from functools import cache
from pathlib import Path

import click
import numpy as np
import pandas as pd

from metaeval import Pairs, Responses
from metaeval.bayes import datatree
from metaeval.cli import options
from metaeval.core import MetaevalError
from metaeval.results import Result
from metaeval.statistics import parse_statistics

from . import making
from .making import seeds


# Tables.
def run_tables(seed: int) -> None:
    """Make a table of odd frames, and go on with it."""
    rng = random.Random(seed)
    n = rng.choice((0, 1, 2, 4, 6))
    pairs = rng.random() < 0.5
    ids = [
        "item",
        *(("first", "second") if pairs else ("system",)),
        *rng.choices(making.NAMES, k=2),
    ]
    kept = [name for name in ids if rng.random() < 0.95]
    rows = pd.DataFrame({c: pd.Series(_cells(c, n, rng), dtype=object) for c in kept})
    rows = rows if len(rows.columns) else pd.DataFrame(index=range(n))
    scores, labels = (_values(names, n, rng) for names in (("m1", "m2", "human"), ("human", "h")))
    kind = Pairs if pairs else Responses
    table = kind(rows, scores, labels, **dict(rng.choices(_FIELDS, k=rng.randint(0, 2))))
    for step in rng.sample(_STEPS, 3):
        _tried(lambda step=step: step(table, rng))


def _cells(name: str, n: int, rng: random.Random) -> list:
    if name in ("first", "second") or rng.random() < 0.7:
        base = {"first": "a", "second": "b"}.get(name)
        return [base or (k // 2 if name == "item" else "ab"[k % 2]) for k in range(n)]
    return [rng.choice((*making.ODD, *making.WORDS)) for _ in range(n)]


def _values(names: tuple[str, ...], n: int, rng: random.Random) -> pd.DataFrame:
    pool = rng.choice(((0, 1), (0.5, -1, 1), (0.5, 0.25, float("nan")), making.ODD))
    kept = [name for name in names if rng.random() < 0.5]
    columns = [pd.Series([rng.choice(pool) for _ in range(n)], dtype=object) for _ in kept]
    frame = pd.concat(columns, axis=1) if kept else pd.DataFrame(index=range(n))
    frame.columns = kept
    return frame


_FIELDS = (
    *(("keys", ("task",)), ("keys", "system"), ("label_kind", "correct"), ("label_kind", "typo")),
    *(("label_epsilon", 0.5), ("label_epsilon", float("nan")), ("ordered", True)),
    *(("shared_items", True), ("missing", "count_as_wrong"), ("average_raters", True)),
)
_STEPS = (
    lambda table, rng: table.to_frame(),
    lambda table, rng: table.alignment.lines(),
    lambda table, rng: table.fingerprint,
    lambda table, rng: table.pairs(rng.choice((None, 0, 0.5))),
    lambda table, rng: table.select(**{rng.choice(("item", "system", "typo")): rng.choice("0a")}),
    lambda table, rng: table.select(item=rng.choice(making.ODD)),
    lambda table, rng: table.with_scorer(rng.choice(making.NAMES), table.scores.iloc[:, 0]),
    lambda table, rng: table.with_scorer("new", rng.choice((*making.ODD, [0.5] * len(table)))),
    lambda table, rng: table.with_scorer("new", _series(table, rng)),
    lambda table, rng: table.pairs().join(_renamed(table.pairs(), rng)),
    lambda table, rng: table.keep_scorers(["m1"]).drop_scorers("m1"),
    lambda table, rng: (repr(table), table._repr_html_(), table.item_index),
)


def _series(table, rng: random.Random) -> pd.Series:
    """Scores by ids of the table, some of them odd."""
    ids = rng.choice((["item"], ["item", "system"], ["first"], ["typo"]))
    ids = [name for name in ids if name in table.rows] or ["item"]
    rows = table.rows[ids].astype(str).drop_duplicates()
    values = [rng.choice((0.5, 1, None)) for _ in range(len(rows))]
    return pd.Series(values, index=pd.MultiIndex.from_frame(rows))


def _renamed(table, rng: random.Random):
    names = {n: f"{n}{rng.choice(('', '2'))}" for n in (*table.scores, *table.labels)}
    return table.replace(
        scores=table.scores.rename(columns=names), labels=table.labels.rename(columns=names)
    )


def _tried(action) -> None:
    """Each step may be refused, and the next is tried."""
    try:
        action()
    except (MetaevalError, IndexError) as error:
        if isinstance(error, IndexError) and "single positional" not in str(error):
            raise


# Results.
@cache
def _result() -> str:
    from metaeval import compare, load_example

    table = load_example()
    table = table.keep_scorers(table.scorers[:3])
    return compare(table, ["pairwise_accuracy", "kendall"], n_resamples=100).to_json()


def result_text(seed: int) -> str:
    """A result whose values are altered, and a few of its bytes."""
    tree = making.altered(json.loads(_result()), seed)
    text = json.dumps(tree)
    if seed % 5:
        return text
    return making.mutated(text.encode(), seed).decode("utf-8", "replace")


def run_result(text: str) -> None:
    """Read a result, and write it in all ways."""
    result = Result.from_json(text)
    for output in (
        *(result.to_frame, result.leaderboard, result.to_latex, result.to_markdown, result.to_html),
        *(result.to_json, result.methods_paragraph, lambda: repr(result), result.wmt_clusters),
        lambda: result.sentence(*result.leaderboard().index[:2]),
    ):
        _tried(output)


# Posteriors.
@cache
def _posterior() -> bytes:
    values = np.random.default_rng(0).normal(size=(2, 3, 2))
    group = datatree.to_dataset({"x": (("scorer",), values)}, {"scorer": ["a", "b"]})
    tree = datatree.make_tree({"posterior": group}, {"model": "none", "facts": {"a": 1}})
    with tempfile.TemporaryDirectory() as folder:
        datatree.save(tree, Path(folder) / "p.nc")
        return (Path(folder) / "p.nc").read_bytes()


def run_posterior(seed: int) -> None:
    """Load a posterior whose bytes are damaged."""
    with tempfile.NamedTemporaryFile(suffix=".nc") as file:
        file.write(making.mutated(_posterior(), seed))
        file.flush()
        tree = datatree.load(file.name)
    datatree.flat_draws(tree, str(next(iter(tree["posterior"].data_vars))))


# Texts.
_PIECES = (
    *("kendall", "pearson", "pairwise_accuracy", "tie_calibrated_accuracy", "brier", "best_of_n"),
    *("(", ")", ",", "=", "'", '"', "variant", "folds", "n", "epsilon", "event", "b", "1", "-1"),
    *(
        "[",
        "]",
        "{",
        "}",
        ":",
        ".",
        "*",
        "**",
        "lambda:0",
        "1e999",
        "9" * 400,
        "\0",
        "\ud800",
        "\n",
    ),
    *(
        "x-y",
        "None",
        "True",
        "f(",
        "a for a in b",
        "grouping",
        "item",
        "not",
        "...",
        "\\",
        "#",
        ";",
    ),
)
_ACTIVE = ":"  # module:name imports, which is no matter of parsing


def statistic_text(rng: random.Random) -> str:
    """A statistic as a user or an enemy would write it."""
    return _anything(rng) if rng.random() < 0.2 else "".join(_some(_PIECES, rng))


def _some(pieces: tuple[str, ...], rng: random.Random) -> list[str]:
    return rng.choices(pieces, k=rng.randint(0, 7))


def _anything(rng: random.Random) -> str:
    return "".join(chr(int(rng.random() ** 4 * 0x10FFFF)) for _ in range(rng.randint(0, 12)))


def run_statistics(text: str) -> None:
    """Parse names of statistics; what would be imported is left out."""
    parse_statistics(text.replace(_ACTIVE, ";"))


_SETTINGS = (
    *("item=qid", "good=3", "a=", "=b", "=", ",", "a=1,b=2", "a==b", "\n", "none", "-1", "99=none"),
    *("judge=probability", "x=1e999", "x=1_0", "\ud800", " ", "a=b=c", "1=1", "\0", "x=nan", "x=-"),
)


def setting_text(rng: random.Random) -> str:
    """Settings as a user or an enemy would write them."""
    return _anything(rng) if rng.random() < 0.2 else ",".join(_some(_SETTINGS, rng))


def run_settings(text: str) -> None:
    """Parse a text as each option that takes settings."""
    for convert in (_settings, _vocabulary, options._parse_codes, options._parse_settings):
        _tried(lambda convert=convert: convert(text))


def _settings(text: str) -> dict:
    try:
        return options.Settings().convert(text, None, None)
    except click.BadParameter as error:
        raise MetaevalError(str(error)) from None


def _vocabulary(text: str) -> dict:
    return {word: options._parse_number(word, v) for word, v in _settings(text).items()}


def _length(case) -> int:
    return len(case) if isinstance(case, str) else 1000


TARGETS = {
    "tables": (seeds, run_tables, _length),
    "result": (seeds.map(result_text), run_result, _length),
    "posterior": (seeds, run_posterior, _length),
    "statistics": (seeds.map(random.Random).map(statistic_text), run_statistics, _length),
    "settings": (seeds.map(random.Random).map(setting_text), run_settings, _length),
}
