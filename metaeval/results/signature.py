"""The one-line record that reproduces a result."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

_RARE = ("margin", "stop_after_exceedances", "weights", "rope")


def make_signature(meta: Mapping[str, Any]) -> str:
    """The signature of a result from its metadata."""
    policy, origin = meta["policy"], meta["provenance"]
    requested = [s["name"] for s in meta["statistics"] if not s["beside"]]
    fields = {
        name: policy[name] for name in ("average", "grouping", "resample", "test", "interval")
    }
    fields |= {
        "n": origin["n_resamples"],
        "seed": origin["seed"],
        "correction": policy["correction"],
    }
    fields |= {"missing": policy["missing"], "rows": origin["rows"]}
    fields["data"] = origin["data_sha256"][:8]
    extra = {name: policy.get(name) for name in ("by", "baseline", "scorers", *_RARE)}
    if policy["alternative"] != "two-sided":
        extra["alternative"] = policy["alternative"]
    if meta["alignment"]["labels"] > 1:
        extra["label"] = policy["label"]
    if policy["confidence"] != 0.95:
        extra["confidence"] = policy["confidence"]
    fields |= {name: value for name, value in extra.items() if value is not None}
    parts = [f"metaeval:{origin['version']}", meta["kind"], ",".join(requested)]
    parts += [
        f"{k}:{','.join(v) if isinstance(v, list) else v}"
        for k, v in fields.items()
        if v is not None
    ]
    return "|".join(parts).translate(dict.fromkeys((*range(32), 127, 8232, 8233), " "))
