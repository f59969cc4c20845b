"""What a posterior says of itself: model, data, policy and provenance, as results have them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from metaeval.bayes.design import DesignOptions
from metaeval.bayes.model_data import ModelData
from metaeval.inference import POSTERIOR, Level, Plan, assembled
from metaeval.results import make_signature
from metaeval.tables import Table


def posterior_attrs(
    name: str,
    table: Table,
    data: ModelData,
    n_draws: int,
    seed: int,
    options: DesignOptions,
) -> dict[str, Any]:
    """Attributes of a tree."""
    design = data.design
    arguments = [f"{k}={v}" for k, v in data.name_options.items()]
    full_name = f"{name}({','.join(arguments)})" if arguments else name
    plan = Plan(
        f"{POSTERIOR} of {full_name}",
        interval=POSTERIOR,
        n_resamples=max(n_draws, 100),
        seed=seed,
    )
    estimand = data.estimand
    level = Level(estimand, [], [], [], [], list(data.warnings), 0)
    result = assembled(table, design, plan, asdict(options), [level], list(data.notes))
    meta = dict(result.meta)
    meta["provenance"]["n_resamples"] = n_draws
    meta["provenance"]["signature"] = make_signature(meta)
    sizes = [
        {
            "task": stratum.name,
            "n_items": stratum.table.n_items,
            "n_clusters": len(stratum.units),
            "n_rows": len(stratum.table),
            "n_dropped": design.dropped_in(stratum),
        }
        for stratum in design.strata
    ]
    return {
        "model": name,
        "signature": meta["provenance"]["signature"],
        "meta": _as_json(meta),
        "sizes": sizes,
        "data": [
            *(table.fingerprint, design.label, design.scorers, design.resample, design.missing),
            *(design.by, name, estimand.name if name == "accuracy" else ""),
        ],
        "options": dict(data.name_options),
        "failed": "",
    }


def _as_json(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
