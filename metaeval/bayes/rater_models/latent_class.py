"""What all forms of the model of raters share: a latent class of each row, and its labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator

from metaeval.bayes.design import unit_names
from metaeval.bayes.model_data import ModelData, Named, Sites, no_constants
from metaeval.bayes.rater_models.confusion import (
    blocks,
    log_joint,
    normalize_log_joint,
    posterior_by_range,
)
from metaeval.bayes.rater_models.label_patterns import Patterns, pairwise_agreement
from metaeval.bayes.sampling.nuts import Options
from metaeval.core import Bools, Codes, Floats
from metaeval.inference import Design, units_of
from metaeval.statistics import Estimand
from metaeval.tables import TEXT, Table

MOST_TRUTHS = 300_000  # probabilities of the truth of rows that are kept

Tables = Callable[[Sites], tuple[Floats, Floats]]
"""Of draws: prevalence (draw, range, truth), confusion (draw, range, rater, truth, label)."""


class RaterData(NamedTuple):
    """What was said of the rows; `labels` are the names of what raters may say.

    `turned` (row,) are the rows whose pattern is that of the pair turned round.
    """

    table: Table
    design: Design
    patterns: Patterns
    raters: list[str]
    labels: list[str]
    turned: Bools
    ordered: bool
    effect: float


def merge_chains(values: Floats) -> Floats:
    """All chains one after the other."""
    return values.reshape(-1, *values.shape[2:])


def units_and_names(design: Design) -> tuple[Codes, list[str]]:
    """Unit of each row, and their names."""
    return units_of(design.table)[0][design.table.item_codes], unit_names(design.strata[0])


def assemble_rater_model(
    rated: RaterData,
    *,
    options: Options,
    dims: Mapping[str, tuple[str, ...]],
    coords: Mapping[str, list[Any]],
    derived: tuple[str, ...],
    tables: Tables,
    observed: Named | None = None,
    derived_draws: Callable[[Sites, Generator], Named] | None = None,
    derived_constants: Callable[[Sites], Named] = no_constants,
) -> ModelData:
    """What `fit` needs of a model in which raters label a latent class."""
    patterns, pairs = rated.patterns, _pair_names(rated)
    form = dict(options)["form"]
    said = {"form": form} if form != "dawid_skene" else {}
    effect = np.array(rated.effect)
    return ModelData(
        arrays={"labels": patterns.labels, "counts": patterns.counts, "effect": effect},
        options=options,
        dims=dims,
        coords={
            "rater": rated.raters,
            "label": rated.labels,
            "rater_pair": pairs,
            "unit": unit_names(rated.design.strata[0]),
            "row": _row_names(rated.table),
            **coords,
        },
        observed={**_seen(rated), **(observed or {})},
        constant={"design_effect": ((), effect)},
        design=rated.design,
        by=None,
        estimand=_estimand(form),
        name_options=said,
        derived=derived,
        notes=_notes(rated),
        warnings=_cautions(rated),
        derived_draws=derived_draws or (lambda sites, rng: {}),
        predict=lambda sites, rng: _predicted(rated, sites, tables, rng),
        log_likelihood=lambda sites: _log_likelihood(rated, sites, tables),
        derived_constants=derived_constants,
    )


def _estimand(form: str) -> Estimand:
    """What the fit is of, for the signature."""
    ordinal = form == "ordinal"
    name, average = ("severity", "responses") if ordinal else ("rater_accuracy", "pairs")
    return Estimand(name=name, rows="pairs", grouping="none", average=average)


def _notes(rated: RaterData) -> list[str]:
    if rated.effect == 1:
        return []
    return [
        f"rows of one unit depend on each other: {rated.effect:.3g} are worth one (design effect)"
    ]


def _cautions(rated: RaterData) -> list[str]:
    said = []
    if len(rated.raters) == 2:
        said.append(
            "with two raters, the prior decides how their disagreements are split between them"
        )
    if len(rated.design.strata[0].units) < 30:
        said.append("fewer than 30 units: the design effect is a rough guess")
    return said


def _pair_names(rated: RaterData) -> list[str]:
    one, other = np.triu_indices(len(rated.raters), k=1)
    return [f"{rated.raters[a]} & {rated.raters[b]}" for a, b in zip(one, other, strict=True)]


def _row_names(table: Table) -> list[str]:
    ids = [c for c in ("task", "item", "first", "second", "order", *table.keys) if c in table.rows]
    parts = [table.rows[name].astype(TEXT) for name in ids]
    return ["/".join(row) for row in zip(*parts, strict=True)]


def _sided(rated: RaterData) -> bool:
    """Whether sides have names: else only ties can be told from them."""
    return rated.ordered or "first" not in rated.labels


def _seen(rated: RaterData) -> Named:
    """Shares of labels of each rater, and how often each two agree."""
    labels, counts = rated.patterns.labels, rated.patterns.counts
    share = np.einsum("u,url->rl", counts, labels)
    same, _ = pairwise_agreement(labels, counts)
    return _named(rated, share / share.sum(axis=1, keepdims=True), same)


def _named(rated: RaterData, share: Floats, same: Floats) -> Named:
    found: dict[str, Any] = {"rater_agreement": (("rater_pair",), same)}
    if _sided(rated):
        found["label_share"] = ("rater", "label"), share
    elif "tie" in rated.labels:
        found["tie_share"] = ("rater",), share[..., rated.labels.index("tie")]
    return found


def _predicted(rated: RaterData, sites: Sites, tables: Tables, rng: Generator) -> Named:
    """Shares and agreements that would be seen in as many rows, by the model."""
    labels, counts = rated.patterns.labels, rated.patterns.counts
    n_labels = np.einsum("u,url->r", counts, labels) / rated.effect
    _, both = pairwise_agreement(labels, counts)
    expected = [_expected(rated, *found) for found in _drawn(rated, sites, tables)]
    share, same = (np.concatenate(part) for part in zip(*expected, strict=True))
    share = _shares(share, n_labels[:, None], rng)
    same = np.where(both > 0, _shares(same, np.maximum(both / rated.effect, 1), rng), np.nan)
    shape = next(iter(sites.values())).shape[:2]
    return _named(rated, *(v.reshape(*shape, *v.shape[1:]) for v in (share, same)))


def _expected(rated: RaterData, prevalence: Floats, said: Floats) -> tuple[Floats, Floats]:
    """Shares (draw, rater, label) and agreements (draw, pair), ranges by the rows they have."""
    labels, counts = (
        rated.patterns.by_range(v) for v in (rated.patterns.labels, rated.patterns.counts)
    )
    own = np.einsum("gu,gurl->gr", counts, labels)
    both = np.stack([pairwise_agreement(*part)[1] for part in zip(labels, counts, strict=True)])
    own, both = (n / np.maximum(n.sum(axis=0), 1) for n in (own, both))
    share = np.einsum("dgc,dgrcl->dgrl", prevalence, said)
    one, other = np.triu_indices(len(rated.raters), k=1)
    same = [
        np.einsum("dgc,dgcl,dgcl->dg", prevalence, said[:, :, a], said[:, :, b])
        for a, b in zip(one, other, strict=True)
    ]
    share = np.einsum("gr,dgrl->drl", own, share)
    return share, np.einsum("gp,pdg->dp", both, np.stack(same))


def _drawn(rated: RaterData, sites: Sites, tables: Tables) -> Iterator[tuple[Floats, Floats]]:
    """Tables of all draws, so many at a time that they can be held."""
    each = {name: merge_chains(values)[None] for name, values in sites.items()}
    prevalence, said = tables({name: values[:, :1] for name, values in each.items()})
    size = max(said.size, len(rated.patterns.labels) * prevalence.shape[-1])
    for some in blocks(next(iter(each.values())).shape[1], size):
        yield tables({name: values[:, some] for name, values in each.items()})


def _shares(p: Floats, n: Floats, rng: Generator) -> Floats:
    """Shares of about n rows that are binomial with chance p."""
    size = np.broadcast_to(np.maximum(np.rint(n), 1).astype(int), p.shape)
    return np.asarray(rng.binomial(size, np.clip(p, 0, 1)) / size)


def _log_likelihood(rated: RaterData, sites: Sites, tables: Tables) -> Floats:
    """Of the labels of each unit, divided by the design effect: (chain, draw, unit)."""
    by_unit, labels = rated.patterns.by_unit, rated.patterns.by_range(rated.patterns.labels)
    parts = []
    for prevalence, said in _drawn(rated, sites, tables):
        found = [
            normalize_log_joint(log_joint(own, prevalence[:, g], said[:, g]))[1]
            for g, own in enumerate(labels)
        ]
        parts.append((by_unit @ np.concatenate(found, axis=1).T).T)
    shape = next(iter(sites.values())).shape[:2]
    return np.concatenate(parts).reshape(*shape, -1) / rated.effect


def posterior_truth(rated: RaterData, prevalence: Floats, confusion: Floats) -> Named:
    """Probability of each truth of each row, a mean over draws, where rows are not too many."""
    labels, of_row = rated.patterns.by_range(rated.patterns.labels), rated.patterns.of_row
    if len(of_row) * len(rated.labels) > MOST_TRUTHS:
        return {}
    total = sum(
        posterior_by_range(labels, prevalence[some], confusion[some]).sum(axis=0)
        for some in blocks(len(prevalence), len(rated.patterns.labels) * len(rated.labels))
    )
    mean = (total / len(prevalence))[of_row]
    mean = np.where(rated.turned[:, None], mean[:, ::-1], mean)
    return {"truth_probability": (("row", "truth"), mean)}
