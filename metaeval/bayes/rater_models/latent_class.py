"""Data, checks and likelihoods shared by all forms of the rater model."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from metaeval.bayes.design import unit_names
from metaeval.bayes.model_interface import ModelData, NamedArrays, Sites, no_constants
from metaeval.bayes.rater_models.confusion import (
    draw_blocks,
    log_joint,
    normalize_log_joint,
    posterior_by_range,
)
from metaeval.bayes.rater_models.label_patterns import Patterns, pairwise_agreement
from metaeval.bayes.sampling.nuts import Options
from metaeval.core import Bools, Codes, Floats
from metaeval.inference import Design, resampling_units
from metaeval.statistics import Estimand
from metaeval.tables import TEXT, Table

_MIN_UNITS = 30  # for a precise design effect
MAX_TRUTH_PROBABILITIES = 300_000  # (row, truth) kept in the tree; more would dominate its size

TableFunction = Callable[[Sites], tuple[Floats, Floats]]
"""Maps sites to the prevalence and to the confusion matrices of the raters.

Their shapes are (draw, range, truth) and (draw, range, rater, truth, label).
"""


@dataclass(frozen=True, kw_only=True)
class RaterData:
    """Labeled rows and their patterns; `labels` are the names of the labels.

    `swapped` (row,) marks rows whose pattern is that of the pair in reverse order.
    """

    table: Table
    design: Design
    patterns: Patterns
    raters: list[str]
    labels: list[str]
    swapped: Bools
    ordered: bool
    design_effect: float


def merge_chains(values: Floats) -> Floats:
    """Concatenate chains: (draw, ...)."""
    return values.reshape(-1, *values.shape[2:])


def units_and_names(design: Design) -> tuple[Codes, list[str]]:
    """Return the unit of each row, and the names of the units."""
    return resampling_units(design.table)[0][design.table.item_codes], unit_names(design.strata[0])


def assemble_rater_model(
    data: RaterData,
    *,
    options: Options,
    dims: Mapping[str, tuple[str, ...]],
    coords: Mapping[str, list[Any]],
    derived: tuple[str, ...],
    tables: TableFunction,
    observed: NamedArrays | None = None,
    derived_draws: Callable[[Sites, Generator], NamedArrays] | None = None,
    derived_constants: Callable[[Sites], NamedArrays] = no_constants,
) -> ModelData:
    """Return the data of a model in which raters label a latent class."""
    patterns, pairs = data.patterns, _pair_names(data)
    form = dict(options)["form"]
    name_options = {"form": form} if form != "dawid_skene" else {}
    effect = np.array(data.design_effect)
    return ModelData(
        arrays={"labels": patterns.labels, "counts": patterns.counts, "effect": effect},
        options=options,
        dims=dims,
        coords={
            "rater": data.raters,
            "label": data.labels,
            "rater_pair": pairs,
            "unit": unit_names(data.design.strata[0]),
            "row": _row_names(data.table),
            **coords,
        },
        observed={**_observed_rates(data), **(observed or {})},
        constant={"design_effect": ((), effect)},
        design=data.design,
        by=None,
        estimand=_estimand(form),
        name_options=name_options,
        derived=derived,
        notes=_notes(data),
        warnings=_data_warnings(data),
        derived_draws=derived_draws or (lambda sites, rng: {}),
        predict=lambda sites, rng: _predict_rates(data, sites, tables, rng),
        log_likelihood=lambda sites: _log_likelihood(data, sites, tables),
        derived_constants=derived_constants,
    )


def _estimand(form: str) -> Estimand:
    """Return the estimand named in the signature."""
    ordinal = form == "ordinal"
    name, average = ("severity", "responses") if ordinal else ("rater_accuracy", "pairs")
    return Estimand(name=name, rows="pairs", grouping="none", average=average)


def _notes(data: RaterData) -> list[str]:
    if data.design_effect == 1:
        return []
    return [
        "rows within a unit are dependent: counts are divided by a design effect of "
        f"{data.design_effect:.3g}"
    ]


def _data_warnings(data: RaterData) -> list[str]:
    warnings = []
    if len(data.raters) == 2:
        warnings.append(
            "with two raters, the prior determines how disagreements are split between them"
        )
    if len(data.design.strata[0].units) < _MIN_UNITS:
        warnings.append(
            f"fewer than {_MIN_UNITS} units: the design effect is estimated imprecisely"
        )
    return warnings


def _pair_names(data: RaterData) -> list[str]:
    first, second = np.triu_indices(len(data.raters), k=1)
    return [f"{data.raters[a]} & {data.raters[b]}" for a, b in zip(first, second, strict=True)]


def _row_names(table: Table) -> list[str]:
    ids = [c for c in ("task", "item", "first", "second", "order", *table.keys) if c in table.rows]
    parts = [table.rows[name].astype(TEXT) for name in ids]
    return ["/".join(row) for row in zip(*parts, strict=True)]


def _sides_identified(data: RaterData) -> bool:
    """Return whether first and second are distinguishable; else only ties are."""
    return data.ordered or "first" not in data.labels


def _observed_rates(data: RaterData) -> NamedArrays:
    """Return observed rates of labels by rater, and pairwise agreement."""
    labels, counts = data.patterns.labels, data.patterns.counts
    label_counts = np.einsum("u,url->rl", counts, labels)
    agreement, _ = pairwise_agreement(labels, counts)
    return _rate_variables(data, label_counts / label_counts.sum(axis=1, keepdims=True), agreement)


def _rate_variables(data: RaterData, label_rates: Floats, agreement: Floats) -> NamedArrays:
    variables: dict[str, Any] = {"rater_agreement": (("rater_pair",), agreement)}
    if _sides_identified(data):
        variables["label_share"] = ("rater", "label"), label_rates
    elif "tie" in data.labels:
        variables["tie_share"] = ("rater",), label_rates[..., data.labels.index("tie")]
    return variables


def _predict_rates(
    data: RaterData, sites: Sites, tables: TableFunction, rng: Generator
) -> NamedArrays:
    """Draw rates of labels and agreement for the same effective number of rows."""
    labels, counts = data.patterns.labels, data.patterns.counts
    n_labels = np.einsum("u,url->r", counts, labels) / data.design_effect
    _, n_both = pairwise_agreement(labels, counts)
    expected = [_expected_rates(data, *block) for block in _table_blocks(data, sites, tables)]
    label_rates, agreement = (np.concatenate(part) for part in zip(*expected, strict=True))
    label_rates = _simulate_rates(label_rates, n_labels[:, None], rng)
    agreement = np.where(
        n_both > 0,
        _simulate_rates(agreement, np.maximum(n_both / data.design_effect, 1), rng),
        np.nan,
    )
    shape = next(iter(sites.values())).shape[:2]
    return _rate_variables(
        data, *(v.reshape(*shape, *v.shape[1:]) for v in (label_rates, agreement))
    )


def _expected_rates(
    data: RaterData, prevalence: Floats, confusion: Floats
) -> tuple[Floats, Floats]:
    """Compute expected rates (draw, rater, label) and agreement (draw, pair) over ranges."""
    labels, counts = (
        data.patterns.by_range(v) for v in (data.patterns.labels, data.patterns.counts)
    )
    rater_weight = np.einsum("gu,gurl->gr", counts, labels)
    pair_weight = np.stack(
        [pairwise_agreement(*part)[1] for part in zip(labels, counts, strict=True)]
    )
    rater_weight, pair_weight = (
        n / np.maximum(n.sum(axis=0), 1) for n in (rater_weight, pair_weight)
    )
    label_rates = np.einsum("dgc,dgrcl->dgrl", prevalence, confusion)
    first, second = np.triu_indices(len(data.raters), k=1)
    agreement = [
        np.einsum("dgc,dgcl,dgcl->dg", prevalence, confusion[:, :, a], confusion[:, :, b])
        for a, b in zip(first, second, strict=True)
    ]
    label_rates = np.einsum("gr,dgrl->drl", rater_weight, label_rates)
    return label_rates, np.einsum("gp,pdg->dp", pair_weight, np.stack(agreement))


def _table_blocks(
    data: RaterData, sites: Sites, tables: TableFunction
) -> Iterator[tuple[Floats, Floats]]:
    """Yield prevalence and confusion in blocks of draws of bounded memory."""
    flat_sites = {name: merge_chains(values)[None] for name, values in sites.items()}
    prevalence, confusion = tables({name: values[:, :1] for name, values in flat_sites.items()})
    size = max(confusion.size, len(data.patterns.labels) * prevalence.shape[-1])
    for block in draw_blocks(next(iter(flat_sites.values())).shape[1], size):
        yield tables({name: values[:, block] for name, values in flat_sites.items()})


def _simulate_rates(p: Floats, n: Floats, rng: Generator) -> Floats:
    """Draw binomial proportions of about n rows with probability p."""
    size = np.broadcast_to(np.maximum(np.rint(n), 1).astype(int), p.shape)
    return np.asarray(rng.binomial(size, np.clip(p, 0, 1)) / size)


def _log_likelihood(data: RaterData, sites: Sites, tables: TableFunction) -> Floats:
    """Compute log likelihoods by unit, divided by the design effect: (chain, draw, unit)."""
    by_unit, labels = data.patterns.by_unit, data.patterns.by_range(data.patterns.labels)
    parts = []
    for prevalence, confusion in _table_blocks(data, sites, tables):
        log_probs = [
            normalize_log_joint(log_joint(range_labels, prevalence[:, g], confusion[:, g]))[1]
            for g, range_labels in enumerate(labels)
        ]
        parts.append((by_unit @ np.concatenate(log_probs, axis=1).T).T)
    shape = next(iter(sites.values())).shape[:2]
    return np.concatenate(parts).reshape(*shape, -1) / data.design_effect


def posterior_truth(data: RaterData, prevalence: Floats, confusion: Floats) -> NamedArrays:
    """Return posterior probabilities of the truth of each row, unless there are too many rows."""
    labels, of_row = data.patterns.by_range(data.patterns.labels), data.patterns.of_row
    if len(of_row) * len(data.labels) > MAX_TRUTH_PROBABILITIES:
        return {}
    total = functools.reduce(
        np.add,
        (
            posterior_by_range(labels, prevalence[block], confusion[block]).sum(axis=0)
            for block in draw_blocks(len(prevalence), len(data.patterns.labels) * len(data.labels))
        ),
    )
    mean = (total / len(prevalence))[of_row]
    mean = np.where(data.swapped[:, None], mean[:, ::-1], mean)
    return {"truth_probability": (("row", "truth"), mean)}
