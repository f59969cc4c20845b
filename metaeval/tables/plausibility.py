"""What is hard to believe of scorers: below chance, constant, tied where the labels never are."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import numpy as np

from metaeval.core import Bools, Codes, Floats, listed
from metaeval.tables.base import BaseTable

_FEWEST_ITEMS = 10
_FEWEST_ROWS = 5
_RARE = 0.002  # by chance in one table of 500, whatever the number of scorers
_TIED = 0.25
_DOUBTED = 0.05  # of scorers that are called as errors are
_ERRORS = re.compile(
    r"(^|[\W_\d])(w|c|t|m|me)er([\W_\d]|$)|ppl|perplexity|nll|loss|error|rmse|mse|mae|distance",
    re.IGNORECASE,
)


def implausible(table: BaseTable, named: Collection[str] = ()) -> list[str]:
    """Return warnings of what is hard to believe of the scores of a table, given its labels.

    Constant scorers among the `named` are left to another warning, which names them.
    """
    scores, labels = table.scores.to_numpy(), table.labels.to_numpy()
    unnamed = [m for m, scorer in enumerate(table.scorers) if scorer not in named]
    warnings = _constant([table.scorers[m] for m in unnamed], scores[:, unnamed])
    if table.of_pairs:
        warnings += _tied(table, scores, labels)
    else:
        warnings += _groupwise(table, scores)
    return warnings + _below_chance(table, scores, labels)


def _constant(names: list[str], scores: Floats) -> list[str]:
    """A warning of scorers who give one score everywhere."""
    warnings = []
    for name, values in zip(names, scores.T, strict=True):
        values = values[~np.isnan(values)]
        if len(values) >= _FEWEST_ROWS and values.min() == values.max():
            warnings.append(f"{name} is constant: {values[0]:g} on all {len(values)} rows")
    return warnings


def _groupwise(table: BaseTable, scores: Floats) -> list[str]:
    """Warnings of scorers with one value for each item, or one for each system."""
    groups = {"item": table.item_codes}
    if "system" in table.rows:
        groups["system"] = table.rows["system"].cat.codes.to_numpy()
    return [
        f"{name} has one value for each {what}, the same for all its {others}; is it a score?"
        for name, values in zip(table.scorers, scores.T, strict=True)
        for (what, codes), others in zip(groups.items(), ("responses", "items"), strict=False)
        if _is_function_of(codes, values)
    ]


def _is_function_of(codes: Codes, values: Floats) -> bool:
    """Whether values (row,) differ between groups and never within, where groups are of several."""
    codes, values = codes[~np.isnan(values)], values[~np.isnan(values)]
    if len(values) < _FEWEST_ROWS or values.min() == values.max():
        return False
    one_of = np.empty(codes.max() + 1)
    one_of[codes] = values  # one value of each group, which all others must equal
    if (one_of[codes] != values).any():
        return False
    return bool((np.bincount(codes) > 0).sum() <= len(values) / 2)  # most groups have several rows


def _tied(table: BaseTable, scores: Floats, labels: Floats) -> list[str]:
    """A warning of scorers who tie many pairs where labels tie none.

    Ties that `both_orders="net"` made of two verdicts are not theirs.
    """
    if not labels.size or (labels == 0).any():
        return []
    made = np.array([ties_of_net(table.notes, name) for name in table.scorers])
    tied, given = (scores == 0).sum(axis=0), (~np.isnan(scores)).sum(axis=0)
    proportion = (tied - made) / np.maximum(given, 1)
    many = np.flatnonzero(proportion >= _TIED)
    if not len(many):
        return []
    shown = listed([f"{table.scorers[m]} {100 * proportion[m]:.0f} %" for m in many], 5)
    return [
        f"labels tie no pair and scorers do ({shown}); if 0 stands for one side or for no answer, "
        "say so: --preference-scale or --missing-codes"
    ]


def contradiction(judge: object, torn: object, asked: object) -> str:
    """Note how many pairs got opposite verdicts of a judge in the two orders of presentation."""
    return f"{judge} contradicts itself in the other order on {torn} of {asked} pairs (now ties)"


def ties_of_net(notes: Iterable[str], judge: str) -> int:
    """How many ties of a judge come of two orders made one, as the notes of a table say.

    >>> ties_of_net([f"x.csv: {contradiction('j', 6, 9)}", "x.csv: another note"], "j")
    6
    """
    said = re.escape(contradiction("", "#", "#")).replace(re.escape("#"), r"(\d+)")
    found = [re.fullmatch(f".*: {re.escape(judge)}{said}", note, re.DOTALL) for note in notes]
    return sum(int(match[1]) for match in found if match)


def _below_chance(table: BaseTable, scores: Floats, labels: Floats) -> list[str]:
    """Warnings of scorers, or of labels, that point the other way beyond chance."""
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
        f"{listed(names, 5)} {'are' if len(names) > 1 else 'is'} significantly below chance "
        f"against {listed(against, 5)}; {_cure(table, list(names), against, all_of_them)}"
        for (names, all_of_them), against in below.items()
    ]


def _limit(scorer: str, n: int) -> float:
    """How improbable an agreement must be to be doubted; less so of one that is called an error."""
    return _DOUBTED if _ERRORS.search(scorer) else _RARE / n


def _cure(table: BaseTable, below: list[str], labels: list[str], all_of_them: bool) -> str:
    """What to type; where all scorers point the other way, that is likelier of the labels."""
    scorers, judged = (f"--lower-is-better {','.join(names)}" for names in (below, labels))
    if table.of_pairs:
        turned = judged if all_of_them else scorers
        return (
            f"if its signs stand for the other side, {turned}; its numbers may be codes "
            "(--preference-scale index, one-two or probability, or --value-map), or first and "
            "second be exchanged in a file"
        )
    if all_of_them:
        return (
            f"all scorers point the other way: if lower labels are better, {judged}; if lower "
            f"scores are, {scorers}"
        )
    return f"if lower is better, say so: {scorers}"


def probability_below(table: BaseTable, values: Floats, label: Floats) -> float:
    """How probable so low an agreement is by chance: the lower tail of Student's t over items."""
    from scipy.special import stdtr

    t, units = agreement_in_errors(table, values, label)
    return float(stdtr(units - 1, t)) if units >= _FEWEST_ITEMS else 1.0


def agreement_in_errors(table: BaseTable, values: Floats, label: Floats) -> tuple[float, int]:
    """How many standard errors the agreement of a scorer with a label lies above chance, and items.

    The mean over items of the covariance of ranks within the item (over all rows where items have
    one), over its standard error; of pairs the mean of sign times preference. 0 if few items.
    """
    there = ~(np.isnan(values) | np.isnan(label))
    items = table.item_codes[there]
    if table.of_pairs:
        products = np.sign(values[there]) * label[there]
    else:
        products, items = _covariances(items, values[there], label[there])
    units, sums = _sums(items, products)
    if units < _FEWEST_ITEMS or not sums.any():
        return 0.0, units
    error = float(np.std(sums, ddof=1)) / np.sqrt(units)
    if error == 0:
        return float(np.sign(sums.mean()) * np.inf), units
    return float(sums.mean() / error), units


def _covariances(items: Codes, values: Floats, label: Floats) -> tuple[Floats, Codes]:
    """Products of centred ranks, and the item of each: within items, or over all lone rows."""
    _, items, sizes = np.unique(items, return_inverse=True, return_counts=True)
    a, b = _ranks(values), _ranks(label)
    if not len(sizes) or sizes.max() == 1:
        return (a - a.mean() if len(a) else a) * (b - b.mean() if len(b) else b), items
    several: Bools = sizes[items] > 1
    centred = [x - (np.bincount(items, weights=x) / sizes)[items] for x in (a, b)]
    return (centred[0] * centred[1])[several], items[several]


def _ranks(values: Floats) -> Floats:
    """Ranks of values, of equal ones their mean, as numbers between 0 and 1."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - (counts + 1) / 2
    return np.asarray(middle[place] / max(len(values), 1))


def _sums(items: Codes, products: Floats) -> tuple[int, Floats]:
    """Number of items, and the sum of products in each."""
    _, place = np.unique(items, return_inverse=True)
    sums = np.bincount(place, weights=products) if len(place) else np.zeros(0)
    return len(sums), sums
