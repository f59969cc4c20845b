"""Fits of posteriors, compared with numpyro.infer.MCMC on the same model and the same arrays.

Run: python -m benchmarks posteriors [--quick]

Ours is `bayes.fit` from the table to the posterior, until convergence diagnostics pass; the peer
draws four chains of 500 after 500 steps of warm-up, sequentially, without diagnostics. Its rater
model has a Dirichlet variable for each group of cells, as is usual in NumPyro.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmarks import timing
from benchmarks.timing import Clock, Row, Seconds
from metaeval import Pairs, bayes
from metaeval.bayes.accuracy_model.density import accuracy_density
from metaeval.bayes.design import DesignOptions
from metaeval.bayes.margin_models.densities import tie_density
from metaeval.bayes.rater_models.confusion import confusion_layout, prevalence_layout
from metaeval.bayes.rater_models.density import log_likelihood
from metaeval.core import double_precision

STATISTIC = "pairwise_accuracy"


def many_tasks(n_tasks: int, n_scorers: int, n_items: int) -> Pairs:
    """Pairs, one per item, with accuracies of scorers that depend on the task."""
    rng = np.random.default_rng(0)
    task = np.repeat(np.arange(n_tasks), n_items)
    level = 0.8 + 0.6 * rng.normal(size=(n_tasks, 1)) + 0.4 * rng.normal(size=n_scorers)
    z = level + 0.2 * rng.normal(size=level.shape)
    shared = rng.logistic(size=(len(task), 1))
    margin = z[task] + 0.5 * shared + 0.8 * rng.logistic(size=(len(task), n_scorers))
    scores = pd.DataFrame(margin, columns=[f"s{m:02d}" for m in range(n_scorers)])
    rows = pd.DataFrame({"task": task.astype(str), "item": np.arange(len(task))})
    rows = rows.assign(first="a", second="b")
    return Pairs(rows, scores, pd.DataFrame({"h": np.ones(len(task))}), ordered=True)


def with_ties(n_scorers: int, n_pairs: int) -> Pairs:
    """Pairs with ties and heavy-tailed margins."""
    rng = np.random.default_rng(1)
    quality = rng.normal(size=n_pairs) * np.exp(0.7 * rng.normal(size=n_pairs))
    heard = 1.5 * quality + rng.logistic(size=n_pairs)
    noise = rng.normal(size=(n_pairs, n_scorers)) * np.linspace(0.2, 2, n_scorers)
    scores = pd.DataFrame(quality[:, None] + noise, columns=[f"s{m:02d}" for m in range(n_scorers)])
    rows = pd.DataFrame({"item": np.arange(n_pairs), "first": "a", "second": "b"})
    label = np.where(np.abs(heard) < 0.7, 0.0, np.sign(heard))
    return Pairs(rows, scores, pd.DataFrame({"h": label}))


def rated(n_raters: int, n_items: int) -> Pairs:
    """Pairs judged by raters of different quality, with ties."""
    rng = np.random.default_rng(2)
    truth = rng.choice([-1.0, 0.0, 1.0], n_items, p=[0.42, 0.16, 0.42])
    labels = {}
    for r, right in enumerate(np.linspace(0.9, 0.6, n_raters)):
        guesses = rng.choice([-1.0, 0.0, 1.0], n_items)
        labels[f"r{r}"] = np.where(rng.random(n_items) < right, truth, guesses)
    rows = pd.DataFrame({"item": np.arange(n_items), "first": "a", "second": "b"})
    return Pairs(rows, pd.DataFrame(index=rows.index), pd.DataFrame(labels))


def dawid_skene(labels: Any, counts: Any, effect: Any, *, form: str, ordered: bool) -> None:
    """The rater model, marginalized over the latent truth."""
    import jax.numpy as jnp
    import numpyro
    import numpyro.distributions as dist

    n_raters, n_classes = labels.shape[1:]

    def matrices(name: str, layout: Any, n: int) -> Any:
        groups = [layout.prior[layout.group == g] for g in range(layout.group.max() + 1)]
        parts = [
            numpyro.sample(
                f"{name}_{g}", dist.Dirichlet(jnp.asarray(prior)).expand([n]).to_event(1)
            )
            for g, prior in enumerate(groups)
        ]
        return layout.matrix(jnp.concatenate(parts, axis=-1))

    confusion = matrices("said", confusion_layout(n_classes, ordered), n_raters)
    true = matrices("true", prevalence_layout(n_classes, ordered), 1)[0, 0]
    log_likelihoods = log_likelihood(labels, true, confusion)
    numpyro.factor("likelihood", (counts / effect * log_likelihoods).sum())


def by_numpyro(model: Callable[..., None], prepared: Any) -> Seconds:
    """Shortest of two fits by numpyro.infer.MCMC."""
    import jax
    from numpyro.infer import MCMC, NUTS

    settings = {"num_warmup": 500, "num_samples": 500, "num_chains": 4, "progress_bar": False}
    options = dict(prepared.options)
    with double_precision():
        chains = MCMC(NUTS(model), chain_method="sequential", **settings)

        def fit() -> None:
            chains.run(jax.random.PRNGKey(0), **prepared.arrays, **options)
            jax.block_until_ready(chains.get_samples())

        seconds = min(timing.once(fit) for _ in range(2))
    return Seconds(seconds, seconds)


def of_accuracy(quick: bool) -> Pairs:
    """The table of the accuracy model."""
    return many_tasks(*(2, 3, 20) if quick else (20, 30, 200))


def first_fit(quick: bool) -> float:
    """Seconds for imports and the first fit of a process."""
    import time

    started = time.perf_counter()
    bayes.fit(bayes.AccuracyModel(statistic=STATISTIC), of_accuracy(quick), check=False)
    return time.perf_counter() - started


def cold(quick: bool) -> tuple[Seconds, Seconds]:
    """Seconds in two processes, the first with an empty cache of compiled models."""
    with tempfile.TemporaryDirectory() as folder:
        env = os.environ | {"METAEVAL_CACHE": folder}
        code = f"from benchmarks.posteriors import first_fit; print(first_fit({quick}))"
        times = []
        for _ in range(2):
            command = [sys.executable, "-c", code]
            done = subprocess.run(command, env=env, capture_output=True, text=True, check=True)
            times.append(float(done.stdout.splitlines()[-1]))
    return Seconds(times[0], times[0]), Seconds(times[1], times[1])


def against_numpyro(
    clock: Clock, work: str, table: Pairs, model: Any, density: Callable[..., None]
) -> Row:
    """Rows of one model, ours from the table; a quick run omits the peer."""
    options = {"n_draws": 50} if clock.quick else {}
    ours = clock.warm(lambda: bayes.fit(model, table, check=False, **options))
    prepared = model.prepare(table, DesignOptions())
    theirs = None if clock.quick else by_numpyro(density, prepared)
    peer = ("", None) if theirs is None else ("numpyro.infer.MCMC", theirs)
    sizes = {"items": table.n_items, "scorers": table.scores.shape[1] or ""}
    return timing.row(work, "bayes.fit", ours, *peer, target=1, package="numpyro", **sizes)


def rows(clock: Clock) -> Iterator[Row]:
    quick = clock.quick
    table = of_accuracy(quick)
    sizes = {"items": table.n_items, "scorers": table.scores.shape[1]}
    work, model = "posterior of accuracy in 20 tasks", bayes.AccuracyModel(statistic=STATISTIC)
    yield against_numpyro(clock, work, table, model, accuracy_density)
    if not quick:
        for what, seconds in zip(("first process", "next process"), cold(quick), strict=True):
            name = f"bayes.fit, {what}, with imports and compilation"
            yield timing.row(work, name, seconds, target="reported", **sizes)
        ties, work = with_ties(10, 20_000), "posterior of win, tie and loss"
        yield against_numpyro(clock, work, ties, bayes.TieModel(), tie_density)
    votes = rated(*(3, 40) if quick else (5, 2_000))
    work = "posterior of five raters"
    yield against_numpyro(clock, work, votes, bayes.RaterModel(), dawid_skene)
    paired = many_tasks(1, *(3, 50) if quick else (10, 1_000))
    ours = clock.warm(lambda: bayes.bayesian_bootstrap(paired, STATISTIC))
    work = "Bayesian bootstrap of all pairs of scorers"
    sizes = {"items": paired.n_items, "scorers": paired.scores.shape[1]}
    yield timing.row(work, "bayesian_bootstrap", ours, target="reported", **sizes)


if __name__ == "__main__":
    timing.main(rows)
