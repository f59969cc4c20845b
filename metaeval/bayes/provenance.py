"""Attributes of a posterior: model, data, policy and provenance, as in results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from metaeval.bayes.model_interface import ModelData
from metaeval.inference import (
    POSTERIOR,
    Analysis,
    DesignOptions,
    Resampling,
    Settings,
    assemble_result,
)
from metaeval.results import signed
from metaeval.tables import Table


def posterior_attrs(
    name: str,
    table: Table,
    data: ModelData,
    n_draws: int,
    seed: int,
    options: DesignOptions,
) -> dict[str, Any]:
    """Return the attributes of the tree of a posterior."""
    design = data.design
    arguments = [f"{k}={v}" for k, v in data.name_options.items()]
    full_name = f"{name}({','.join(arguments)})" if arguments else name
    estimand = data.estimand
    result = assemble_result(
        f"{POSTERIOR} of {full_name}",
        replace(design, source=table, options=options),
        [Analysis(estimand=estimand, warnings=data.warnings)],
        Settings(resampling=Resampling(max(n_draws, 100), seed), interval=POSTERIOR),
        data.notes,
    )
    provenance = replace(result.meta.provenance, n_resamples=n_draws)
    meta = signed(replace(result.meta, provenance=provenance))
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
        "signature": meta.provenance.signature,
        "meta": _as_json(meta.plain()),
        "sizes": sizes,
        "data": [
            *(table.fingerprint, design.label, design.scorers, design.resample, design.missing),
            *(design.by, name, estimand.name if name == "accuracy" else ""),
        ],
        "options": dict(data.name_options),
        "failed": "",
    }


def _as_json(value: Any) -> Any:
    """Convert a value to types that JSON can represent."""
    if isinstance(value, Mapping):
        return {str(k): _as_json(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_as_json(v) for v in value]
    if isinstance(value, np.generic):
        return value.item()
    return value
