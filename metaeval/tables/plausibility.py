"""Warnings about implausible scores: below chance, constant, or unexpected ties."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import numpy as np

from metaeval.core import Bools, Codes, Floats, join_names
from metaeval.tables.base import BaseTable

_FEWEST_ITEMS = 10  # for a t test against chance
_FEWEST_ROWS = 5  # for a warning about a constant
_RARE = 0.002  # level of the test, over all scorers: one false warning in 500 tables
_TIED = 0.25  # proportion of ties that is suspicious if labels have none
_DOUBTED = 0.05  # level for scorers whose name suggests an error measure
_ERRORS = re.compile(
    r"(^|[\W_\d])(w|c|t|m|me)er([\W_\d]|$)|ppl|perplexity|nll|loss|error|rmse|mse|mae|distance",
    re.IGNORECASE,
)


def implausible(table: BaseTable, reported: Collection[str] = ()) -> list[str]:
    """Return warnings about implausible scores of a table, given its labels.

    Constant scorers that are `reported` elsewhere are omitted.
    """
    scores, labels = table.scores.to_numpy(), table.labels.to_numpy()
    unreported = [m for m, scorer in enumerate(table.scorers) if scorer not in reported]
    warnings = _constant([table.scorers[m] for m in unreported], scores[:, unreported])
    if table.of_pairs:
        warnings += _tied(table, scores, labels)
    else:
        warnings += _groupwise(table, scores)
    return warnings + _below_chance(table, scores, labels)


def _constant(names: list[str], scores: Floats) -> list[str]:
    """Warnings about scorers with a single value."""
    warnings = []
    for name, values in zip(names, scores.T, strict=True):
        values = values[~np.isnan(values)]
        if len(values) >= _FEWEST_ROWS and values.min() == values.max():
            warnings.append(f"{name} is constant: {values[0]:g} in all {len(values)} rows")
    return warnings


def _groupwise(table: BaseTable, scores: Floats) -> list[str]:
    """Warnings about scorers with one value for each item or for each system."""
    groups = {"item": table.item_codes}
    if "system" in table.rows:
        groups["system"] = table.rows["system"].cat.codes.to_numpy()
    return [
        f"{name} is constant within each {what}, across all its {others}; is it a score?"
        for name, values in zip(table.scorers, scores.T, strict=True)
        for (what, codes), others in zip(groups.items(), ("responses", "items"), strict=False)
        if _is_function_of(codes, values)
    ]


def _is_function_of(codes: Codes, values: Floats) -> bool:
    """Whether values (row,) vary between groups but not within, for groups of several rows."""
    codes, values = codes[~np.isnan(values)], values[~np.isnan(values)]
    if len(values) < _FEWEST_ROWS or values.min() == values.max():
        return False
    one_of = np.empty(codes.max() + 1)
    one_of[codes] = values  # one value of each group, to compare with the others
    if (one_of[codes] != values).any():
        return False
    return bool((np.bincount(codes) > 0).sum() <= len(values) / 2)  # most groups have several rows


def _tied(table: BaseTable, scores: Floats, labels: Floats) -> list[str]:
    """A warning about scorers who tie many pairs if labels tie none.

    Ties that result from opposite verdicts with `both_orders="net"` are not counted.
    """
    if not labels.size or (labels == 0).any():
        return []
    net_ties = np.array([ties_of_net(table.notes, name) for name in table.scorers])
    tied, n_scores = (scores == 0).sum(axis=0), (~np.isnan(scores)).sum(axis=0)
    proportion = (tied - net_ties) / np.maximum(n_scores, 1)
    many = np.flatnonzero(proportion >= _TIED)
    if not len(many):
        return []
    examples = join_names([f"{table.scorers[m]} {100 * proportion[m]:.0f}%" for m in many], 5)
    return [
        f"labels have no ties, but scorers do ({examples}); if 0 codes one side or a missing "
        "answer, use preference_scale= (--preference-scale) or missing_codes= (--missing-codes)"
    ]


def contradiction(judge: object, n_opposite: object, n_judged: object) -> str:
    """Note how many pairs got opposite verdicts from a judge in the two orders of presentation."""
    of_judged = f"{n_opposite} of {n_judged} pairs"
    return f"{judge} gives opposite verdicts in the two orders on {of_judged} (counted as ties)"


def ties_of_net(notes: Iterable[str], judge: str) -> int:
    """Number of ties of a judge from opposite verdicts in two orders, from the notes.

    >>> ties_of_net([f"x.csv: {contradiction('j', 6, 9)}", "x.csv: another note"], "j")
    6
    """
    pattern = re.escape(contradiction("", "#", "#")).replace(re.escape("#"), r"(\d+)")
    matches = [re.fullmatch(f".*: {re.escape(judge)}{pattern}", note, re.DOTALL) for note in notes]
    return sum(int(match[1]) for match in matches if match)


def _below_chance(table: BaseTable, scores: Floats, labels: Floats) -> list[str]:
    """Warnings about scorers, or labels, that agree significantly less than chance."""
    below: dict[tuple[tuple[str, ...], bool], list[str]] = {}
    for name, label in zip(table.labels, labels.T, strict=True):
        low = {
            scorer: probability_below(table, values, label)
            for scorer, values in zip(table.scorers, scores.T, strict=True)
        }
        names = tuple(scorer for scorer in low if low[scorer] < _limit(scorer, len(low)))
        if names:
            all_of_them = len(low) > 1 and max(low.values()) < 0.5
            below.setdefault((names, all_of_them), []).append(str(name))
    return [
        f"{join_names(names, 5)} {'are' if len(names) > 1 else 'is'} significantly below chance "
        f"in agreement with {join_names(against, 5)}; "
        f"{_advice(table, list(names), against, all_of_them)}"
        for (names, all_of_them), against in below.items()
    ]


def _limit(scorer: str, n: int) -> float:
    """Level of the test of a scorer, higher if its name suggests an error measure."""
    return _DOUBTED if _ERRORS.search(scorer) else _RARE / n


def _advice(table: BaseTable, below: list[str], labels: list[str], all_of_them: bool) -> str:
    """What to type; if all scorers are below chance, the labels are probably reversed."""
    scorers, judged = (
        f"lower_is_better={names!r} (--lower-is-better {','.join(names)})"
        for names in (below, labels)
    )
    if table.of_pairs:
        advice = judged if all_of_them else scorers
        return (
            f"if the signs are reversed, use {advice}; if the numbers are codes, declare them with "
            "preference_scale= (--preference-scale index, one-two or probability) or value_map= "
            "(--value-map); it may also be that the two responses are swapped in a file"
        )
    if all_of_them:
        return (
            f"all scorers disagree with the labels: if lower labels are better, use {judged}; if "
            f"lower scores are better, use {scorers}"
        )
    return f"if lower is better, use {scorers}"


def probability_below(table: BaseTable, values: Floats, label: Floats) -> float:
    """One-sided p-value of agreement below chance: the lower tail of Student's t over items."""
    from scipy.special import stdtr

    t, units = agreement_in_errors(table, values, label)
    return float(stdtr(units - 1, t)) if units >= _FEWEST_ITEMS else 1.0


def agreement_in_errors(table: BaseTable, values: Floats, label: Floats) -> tuple[float, int]:
    """Student's t of the agreement of a scorer with a label, and the number of items.

    The mean over items of the covariance of ranks within the item (over all rows if items have one
    row) divided by its standard error; for pairs, of sign times preference. 0 if items are few.
    """
    present = ~(np.isnan(values) | np.isnan(label))
    items = table.item_codes[present]
    if table.of_pairs:
        products = np.sign(values[present]) * label[present]
    else:
        products, items = _covariances(items, values[present], label[present])
    units, sums = _sums(items, products)
    if units < _FEWEST_ITEMS or not sums.any():
        return 0.0, units
    error = float(np.std(sums, ddof=1)) / np.sqrt(units)
    if error == 0:
        return float(np.sign(sums.mean()) * np.inf), units
    return float(sums.mean() / error), units


def _covariances(items: Codes, values: Floats, label: Floats) -> tuple[Floats, Codes]:
    """Products of centered ranks and their items: within items, or overall for single rows."""
    _, items, sizes = np.unique(items, return_inverse=True, return_counts=True)
    a, b = _ranks(values), _ranks(label)
    if not len(sizes) or sizes.max() == 1:
        return (a - a.mean() if len(a) else a) * (b - b.mean() if len(b) else b), items
    several: Bools = sizes[items] > 1
    centered = [x - (np.bincount(items, weights=x) / sizes)[items] for x in (a, b)]
    return (centered[0] * centered[1])[several], items[several]


def _ranks(values: Floats) -> Floats:
    """Mid-ranks of values, scaled to (0, 1]."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(middle[inverse] / max(len(values), 1))


def _sums(items: Codes, products: Floats) -> tuple[int, Floats]:
    """Number of items, and the sum of products in each."""
    _, inverse = np.unique(items, return_inverse=True)
    sums = np.bincount(inverse, weights=products) if len(inverse) else np.zeros(0)
    return len(sums), sums
