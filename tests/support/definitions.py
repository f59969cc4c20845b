"""Every statistic as slow, obvious loops that read like its definition.

Nothing here shares code with the package: rows are plain tuples, sums are Python sums, shares are
fractions. A replicate of the bootstrap is made by literally repeating items.
"""

import itertools
import math
from collections import defaultdict
from fractions import Fraction
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

NAN = float("nan")


class Row(NamedTuple):
    """One response: where it stands, its label, and the score of each scorer."""

    task: str
    item: str
    system: str
    index: int  # canonical index of its item or cluster within its task
    label: float
    scores: dict
    copy: int = 0  # which copy of its item, in a replicate

    @property
    def place(self):
        """The item that it answers; a copy of an item is an item."""
        return self.task, self.item, self.copy

    @property
    def response(self):
        """What it is, whichever copy of it."""
        return self.task, self.item, self.system


# Rows.
def unit_index(units, clusters):
    """Number of each (task, unit): within its task; over all if a cluster spans tasks, or every
    task has one unit only."""
    names = sorted({unit for _, unit in units})
    if clusters and len(names) < len(units):
        return {(task, unit): names.index(unit) for task, unit in units}
    of_task = {task: sorted(u for t, u in units if t == task) for task, _ in units}
    if all(len(some) == 1 for some in of_task.values()):
        return {pair: n for n, pair in enumerate(sorted(units))}
    return {(task, unit): of_task[task].index(unit) for task, unit in units}


def rows_of(table, only_with_pairs=False):
    """The rows of Responses with a label and all scores, as plain tuples.

    The index of an item or cluster, which decides its fold, is taken among all of them or among
    those that have a pair.
    """
    frame = table.rows.copy()
    name = frame["response"] if "response" in frame else frame["system"]
    task = frame["task"] if "task" in frame else ["-"] * len(frame)
    cluster = frame["cluster"] if "cluster" in frame else frame["item"]
    units = list(zip(map(str, task), map(str, frame["item"]), map(str, cluster), strict=True))
    kept = [
        i
        for i in range(len(frame))
        if not math.isnan(table.labels.iloc[i, 0]) and not table.scores.iloc[i].isna().any()
    ]
    answers = defaultdict(int)
    for i in kept:
        answers[units[i][:2]] += 1
    there = {units[i] for i in kept if answers[units[i][:2]] > 1 or not only_with_pairs}
    index = unit_index({(task, unit) for task, _, unit in there}, "cluster" in frame)
    rows = []
    for i in kept:
        rows.append(
            Row(
                units[i][0],
                units[i][1],
                str(name.iloc[i]),
                index.get((units[i][0], units[i][2]), -1),
                float(table.labels.iloc[i, 0]),
                {s: float(table.scores[s].iloc[i]) for s in table.scores},
            )
        )
    return rows


def items_of(rows):
    """Items in canonical order: by task and item as text."""
    return sorted({(row.task, row.item) for row in rows})


def repeated(rows, weights):
    """A replicate: each item as many times as it was drawn, with all its responses."""
    return [
        row._replace(copy=copy) for row in rows for copy in range(int(weights[row.task, row.item]))
    ]


def groups(rows, grouping):
    """Rows that are compared with each other."""
    found = defaultdict(list)
    for row in rows:
        key = {"item": row.place, "system": (row.task, row.system), "none": ()}[grouping]
        found[key].append(row)
    return [found[key] for key in sorted(found)]


def pairs(group):
    """All pairs of different responses; two copies of one response are no pair."""
    return [(a, b) for a, b in itertools.combinations(group, 2) if a.response != b.response]


def sign(x):
    return (x > 0) - (x < 0)


def call(a, b, scorer, epsilon=0):
    """The scorer's verdict on a pair: better, worse, or a tie."""
    margin = a.scores[scorer] - b.scores[scorer]
    return 0 if abs(margin) <= epsilon else sign(margin)


def truth(a, b):
    return sign(a.label - b.label)


def scorers(rows):
    return sorted(rows[0].scores)


def mean(values):
    return float(sum(values) / len(values)) if values else NAN


# Pairwise accuracy.
def credit(verdict, human, ties):
    """Credit of a verdict, or None where the pair does not count."""
    if ties == "acc-eq":
        return Fraction(verdict == human)
    if human == 0:
        return None
    if ties == "half" and verdict == 0:
        return Fraction(1, 2)
    return Fraction(verdict == human)


def credits(group, scorer, ties, epsilon):
    every = [credit(call(a, b, scorer, epsilon), truth(a, b), ties) for a, b in pairs(group)]
    return [c for c in every if c is not None]


def averaged(lists, average):
    """Mean over groups of their means, or mean over everything in them."""
    if average == "pairs":
        return mean([c for some in lists for c in some])
    return mean([Fraction(sum(some)) / len(some) for some in lists if some])


def pairwise_accuracy(rows, ties, epsilon=0, average="items", grouping="item"):
    return {
        s: averaged([credits(g, s, ties, epsilon) for g in groups(rows, grouping)], average)
        for s in scorers(rows)
    }


# Kendall.
def counts(group, scorer, epsilon=0):
    """Concordant, discordant, tied by the labels only, by the scorer only, by both."""
    c = d = th = tm = both = 0
    for a, b in pairs(group):
        verdict, human = call(a, b, scorer, epsilon), truth(a, b)
        if human == 0 and verdict == 0:
            both += 1
        elif human == 0:
            th += 1
        elif verdict == 0:
            tm += 1
        elif verdict == human:
            c += 1
        else:
            d += 1
    return c, d, th, tm, both


def share(top, bottom):
    return top / bottom if bottom else NAN


def tau(five, variant):
    c, d, th, tm, both = five
    if variant == "a":
        return share(c - d, c + d + th + tm + both)
    if variant == "b":
        return share(c - d, math.sqrt((c + d + th) * (c + d + tm)))
    if variant == "23":
        return share(c + both - d - th - tm, c + d + th + tm + both)
    if variant == "10":
        return share(c - d - tm, c + d + tm)
    if variant == "13":
        return share(c - d, c + d)
    return share(c - d, c + d + tm)


def tau_c(group, scorer):
    c, d, *_ = counts(group, scorer)
    k = min(len({r.scores[scorer] for r in group}), len({r.label for r in group}))
    return share(2 * (c - d), len(group) ** 2 * (k - 1) / k)


def kendall(rows, variant, epsilon=0, average="items", grouping="item", constant="drop"):
    names = scorers(rows)
    some = groups(rows, grouping)
    if average == "pairs" and variant != "c":
        sums = {s: np.sum([counts(g, s, epsilon) for g in some], axis=0).tolist() for s in names}
        return {s: tau(sums[s], variant) for s in names}
    some = [g for g in some if pairs(g)]
    values = [
        [tau_c(g, s) if variant == "c" else tau(counts(g, s, epsilon), variant) for s in names]
        for g in some
    ]
    return mean_of_groups(values, names, constant)


def mean_of_groups(values, names, constant):
    """Mean over groups; one that is undefined for a scorer is left out for all, or taken as 0."""
    if constant == "zero":
        values = [[0.0 if math.isnan(v) else v for v in group] for group in values]
    else:
        values = [group for group in values if not any(math.isnan(v) for v in group)]
    return {s: mean([group[m] for group in values]) for m, s in enumerate(names)}


# Tie calibration.
def best_threshold(scored, scorer):
    """The smallest of 0 and all |d| that gives the largest weighted number of right calls."""
    best, most = 0.0, None
    for epsilon in sorted({0.0} | {abs(a.scores[scorer] - b.scores[scorer]) for a, b, _ in scored}):
        right = sum(w for a, b, w in scored if call(a, b, scorer, epsilon) == truth(a, b))
        if most is None or right > most:
            best, most = epsilon, right
    return best


def weighted_pairs(rows, average, grouping):
    """Pairs with their weights: equal, or equal within and between groups."""
    scored = []
    for group in groups(rows, grouping):
        some = pairs(group)
        for a, b in some:
            scored.append((a, b, Fraction(1, len(some)) if average != "pairs" else Fraction(1)))
    return scored


def tie_calibrated(rows, n_folds=None, average="items", grouping="item"):
    """Accuracy at thresholds tuned on all pairs, or on pairs that share no fold with the pair."""
    return {s: _tie_calibrated(rows, s, n_folds, average, grouping)[0] for s in scorers(rows)}


def tuned_tie_rate(rows, scorer, n_folds=None, average="items", grouping="item"):
    return _tie_calibrated(rows, scorer, n_folds, average, grouping)[1]


def _tie_calibrated(rows, scorer, n_folds, average, grouping):
    scored = weighted_pairs(rows, average, grouping)
    right = tied = total = Fraction(0)
    chosen = {}
    for a, b, weight in scored:
        own = None if n_folds is None else frozenset((a.index % n_folds, b.index % n_folds))
        if own not in chosen:
            others = scored
            if n_folds is not None:
                others = [
                    (x, y, w)
                    for x, y, w in scored
                    if x.index % n_folds not in own and y.index % n_folds not in own
                ]
            chosen[own] = best_threshold(others, scorer)
        verdict = call(a, b, scorer, chosen[own])
        right += weight * (verdict == truth(a, b))
        tied += weight * (verdict == 0)
        total += weight
    return (float(right / total), float(tied / total)) if total else (NAN, NAN)


def replayed_calibration(rows, replicate, folds, average, grouping):
    """Accuracy on a replicate at the thresholds that were tuned on the original rows."""
    values = {}
    for s in scorers(rows):
        original = weighted_pairs(rows, average, grouping)
        chosen = {}
        lists = []
        for group in groups(replicate, grouping):
            right = []
            for a, b in pairs(group):
                own = None if folds is None else frozenset((a.index % folds, b.index % folds))
                if own not in chosen:
                    chosen[own] = best_threshold(
                        [
                            (x, y, w)
                            for x, y, w in original
                            if own is None
                            or (x.index % folds not in own and y.index % folds not in own)
                        ],
                        s,
                    )
                right.append(Fraction(call(a, b, s, chosen[own]) == truth(a, b)))
            lists.append(right)
        values[s] = averaged(lists, average)
    return values


# Best of n.
def best_of_n(rows, ties):
    values = {}
    for s in scorers(rows):
        won = []
        for group in groups(rows, "item"):
            if {row.label for row in group} != {0.0, 1.0}:
                continue
            top = max(row.scores[s] for row in group)
            at_top = [row.label for row in group if row.scores[s] == top]
            won.append(
                {
                    "strict": Fraction(all(at_top)),
                    "split": Fraction(int(sum(at_top)), len(at_top)),
                    "lenient": Fraction(any(at_top)),
                }[ties]
            )
        values[s] = mean(won)
    return values


def best_of_n_levels(rows, scorer, ties):
    """Tie rate, chance and trivial value."""
    shared, blind = [], []
    for group in groups(rows, "item"):
        if {row.label for row in group} != {0.0, 1.0}:
            continue
        top = max(row.scores[scorer] for row in group)
        shared.append(len({row.label for row in group if row.scores[scorer] == top}) > 1)
        blind.append(Fraction(int(sum(row.label for row in group)), len(group)))
    r, c = mean(shared), mean(blind)
    chance = {"strict": (1 - r) * c, "split": c, "lenient": r + (1 - r) * c}[ties]
    return r, chance, 1.0 if ties == "lenient" else c


# Correlations.
def correlation(x, y):
    if len(set(x)) < 2 or len(set(y)) < 2:
        return NAN
    mx, my = math.fsum(x) / len(x), math.fsum(y) / len(y)
    xy = math.fsum((a - mx) * (b - my) for a, b in zip(x, y, strict=True))
    xx = math.fsum((a - mx) ** 2 for a in x)
    yy = math.fsum((b - my) ** 2 for b in y)
    return xy / math.sqrt(xx * yy)


def ranks(values):
    """Mid-ranks: how many are below, and half of those that are equal."""
    return [
        sum(other < v for other in values) + (1 + sum(other == v for other in values)) / 2
        for v in values
    ]


def grouped_correlation(rows, grouping, kind="pearson", constant="drop"):
    names = scorers(rows)
    some = groups(rows, grouping)
    some = [g for g in some if len(g) > 1]
    form = ranks if kind == "spearman" else list
    values = [
        [correlation(form([r.scores[s] for r in g]), form([r.label for r in g])) for s in names]
        for g in some
    ]
    return mean_of_groups(values, names, constant)


# Systems.
def system_means(rows, value):
    """Mean of each system of each task."""
    cells = defaultdict(list)
    for row in rows:
        cells[row.task, row.system].append(Fraction(value(row)))
    means = defaultdict(dict)
    for (task, system), values in sorted(cells.items()):
        means[task][system] = sum(values) / len(values)
    return means


def system_accuracy(rows):
    values = {}
    human = system_means(rows, lambda row: row.label)
    for s in scorers(rows):
        ours = system_means(rows, lambda row, s=s: row.scores[s])
        right = [
            sign(ours[t][a] - ours[t][b]) == sign(human[t][a] - human[t][b])
            for t in human
            for a, b in itertools.combinations(human[t], 2)
        ]
        values[s] = mean(right)
    return values


def system_pearson(rows):
    values = {}
    human = system_means(rows, lambda row: row.label)
    for s in scorers(rows):
        ours = system_means(rows, lambda row, s=s: row.scores[s])
        by_task = [
            correlation([float(v) for v in ours[t].values()], [float(v) for v in human[t].values()])
            for t in human
        ]
        values[s] = sum(by_task) / len(by_task)
    return values


# Levels.
def tie_shares(rows, scorer, ties, epsilon=0, average="items", grouping="item"):
    """Share of counted pairs that the scorer, and that the labels tie."""
    counted = [
        [(a, b) for a, b in pairs(g) if ties == "acc-eq" or truth(a, b) != 0]
        for g in groups(rows, grouping)
    ]
    ours = [[Fraction(call(a, b, scorer, epsilon) == 0) for a, b in some] for some in counted]
    theirs = [[Fraction(truth(a, b) == 0) for a, b in some] for some in counted]
    return averaged(ours, average), averaged(theirs, average)


def levels(r, pi, ties):
    """Chance at tie rate r with a share pi of tied labels, and the best that needs no knowledge."""
    if ties == "acc-eq":
        return pi * r + (1 - pi) * (1 - r) / 2, max(pi, (1 - pi) / 2)
    return ((1 - r) / 2 if ties == "strict" else 0.5), 0.5


# Tests, intervals, many comparisons.
def sign_flip_p(differences):
    """Share of all sign vectors whose sum is at least as large as the observed one."""
    d = [Fraction(float(x)) for x in differences]
    flips = list(itertools.product((1, -1), repeat=len(d)))
    extreme = sum(
        abs(sum(s * x for s, x in zip(signs, d, strict=True))) >= abs(sum(d)) for signs in flips
    )
    return extreme / len(flips)


def bca(draws, estimate, influence, confidence):
    """Efron's interval for one column."""
    normal = NormalDist()
    z0 = normal.inv_cdf(np.mean([(d < estimate) + (d == estimate) / 2 for d in draws]))
    a = sum(u**3 for u in influence) / (6 * sum(u**2 for u in influence) ** 1.5)
    ends = []
    for tail in ((1 - confidence) / 2, (1 + confidence) / 2):
        z = normal.inv_cdf(tail)
        level = normal.cdf(z0 + (z0 + z) / (1 - a * (z0 + z)))
        ends.append(float(np.quantile(draws, level)))
    return ends


def holm(p_values):
    """Step down: the k-th smallest times the number left, never below those before."""
    adjusted = [0.0] * len(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    before = 0.0
    for k, i in enumerate(order):
        before = max(before, p_values[i] * (len(p_values) - k))
        adjusted[i] = min(before, 1.0)
    return adjusted


def check_letters(letters, separated):
    """Two share a letter exactly if they are not separated, and no letter is idle."""
    n = len(letters)
    for i, j in itertools.combinations(range(n), 2):
        assert bool(set(letters[i]) & set(letters[j])) == (not separated[i][j]), (i, j, letters)
    members = [
        frozenset(i for i in range(n) if x in letters[i]) for x in sorted(set("".join(letters)))
    ]
    assert all(letters)
    assert not any(a <= b for a, b in itertools.permutations(members, 2))


# Soft pairwise accuracy.
def flips_at_least(x, y):
    """Shares of all sign vectors whose sum of x - y is above, and equal to, the observed one."""
    d = [Fraction(a) - Fraction(b) for a, b in zip(x, y, strict=True)]
    common = math.lcm(*(v.denominator for v in d))
    d = [int(v * common) for v in d]  # whole numbers, which are added much faster
    sums = [
        sum(s * v for s, v in zip(signs, d, strict=True))
        for signs in itertools.product((1, -1), repeat=len(d))
    ]
    above, equal = sum(v > sum(d) for v in sums), sum(v == sum(d) for v in sums)
    return Fraction(above, len(sums)), Fraction(equal, len(sums))


def sign_flip_ps(scores, mid_p=True):
    """One-sided p that a is better than b, for pairs a < b of systems in their order."""
    half = Fraction(1, 2) if mid_p else 1
    shares = [flips_at_least(x, y) for x, y in itertools.combinations(scores, 2)]
    return [above + half * equal for above, equal in shares]


def soft_pairwise_accuracy(rows, mid_p=True):
    """Mean over tasks of 1 - mean |p of the labels - p of the scores|, systems as text."""
    values = {}
    for s in scorers(rows):
        found = []
        for task in sorted({row.task for row in rows}):
            here = [row for row in rows if row.task == task]
            systems = sorted({row.system for row in here})
            by_system = [
                sorted((row.item, row) for row in here if row.system == name) for name in systems
            ]
            ours = [[row.scores[s] for _, row in some] for some in by_system]
            human = [[row.label for _, row in some] for some in by_system]
            gaps = [
                abs(p - q)
                for p, q in zip(sign_flip_ps(human, mid_p), sign_flip_ps(ours, mid_p), strict=True)
            ]
            found.append(1 - sum(gaps) / Fraction(len(gaps)))
        values[s] = mean(found)
    return values


# Items and systems drawn together.
def drawn_both(rows, items, systems):
    """Each response as often as its item and its system were drawn."""
    return [row for row in repeated(rows, items) for _ in range(int(systems[row.system]))]


def two_way_mean(rows, replicate, verdict, average):
    """Mean of verdict(a, b) over pairs of different responses of a replicate, None not counted.

    Each pair keeps the weight that it has in the rows as they are.
    """
    size = {
        group[0].place[:2]: sum(verdict(a, b) is not None for a, b in pairs(group))
        for group in groups(rows, "item")
    }
    top = bottom = Fraction(0)
    for group in groups(replicate, "item"):
        for a, b in pairs(group):
            if verdict(a, b) is not None:
                weight = Fraction(1, size[a.place[:2]]) if average == "items" else Fraction(1)
                top += weight * verdict(a, b)
                bottom += weight
    return float(top / bottom) if bottom else NAN


def two_way_system_accuracy(rows, items, systems):
    """Agreement of means over drawn items, pairs of different systems as often as both."""
    values = {}
    replicate = repeated(rows, items)
    human = system_means(replicate, lambda row: row.label)
    for s in scorers(rows):
        ours = system_means(replicate, lambda row, s=s: row.scores[s])
        top = bottom = 0
        for t in human:
            for a, b in itertools.combinations(human[t], 2):
                weight = systems[a] * systems[b]
                same = sign(ours[t][a] - ours[t][b]) == sign(human[t][a] - human[t][b])
                top, bottom = top + weight * same, bottom + weight
        values[s] = share(top, bottom)
    return values


def two_way_variance(parts):
    """Sums of products of contributions {(item, {a, b}): u} by what they share: three parts."""
    items = len({item for item, _ in parts})
    systems = len(set().union(*(pair for _, pair in parts)))
    by_item = by_system = by_both = 0.0
    for (i, p), u in parts.items():
        for (j, q), v in parts.items():
            by_item += u * v * (i == j)
            by_system += u * v * len(p & q)
            by_both += u * v * (i == j and bool(p & q))
    return by_item * items / (items - 1), by_system * systems / (systems - 1), by_both


def step_down(observed, null, two_sided=True):
    """Adjusted p-values: draws whose maximum over this and all less extreme columns is as large."""
    size, drawn = (np.abs(observed), np.abs(null)) if two_sided else (observed, null)
    order = np.argsort(-size)
    adjusted, before = np.empty(len(size)), 0.0
    for k, i in enumerate(order):
        count = (drawn[:, order[k:]].max(axis=1) >= size[i] - 1e-12 * abs(size[i])).sum()
        before = max(before, (1 + count) / (1 + len(null)))
        adjusted[i] = before
    return adjusted
