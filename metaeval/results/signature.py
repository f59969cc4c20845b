"""The one-line record that reproduces a result."""

from __future__ import annotations

from dataclasses import replace

from metaeval.results.metadata import Metadata, Policy

_RARE = ("equivalence_margin", "stop_after_exceedances", "weights", "rope")
_UNPRINTED = dict.fromkeys((*range(32), 127, 8232, 8233), " ")


def signed(meta: Metadata) -> Metadata:
    """Return the metadata with its signature."""
    return replace(meta, provenance=replace(meta.provenance, signature=make_signature(meta)))


def make_signature(meta: Metadata) -> str:
    """Return the signature of a result from its metadata."""
    policy, origin = meta.policy, meta.provenance
    values = {
        **{name: getattr(policy, name) for name in ("average", "grouping", "resample")},
        **{name: getattr(policy, name) for name in ("test", "interval")},
        "n": origin.n_resamples,
        "seed": origin.seed,
        "correction": policy.correction,
        "missing": policy.missing,
        "rows": origin.rows,
        "data": origin.data_sha256[:8],
        **_only_if_special(policy, meta.alignment.counts.get("labels", 1)),
    }
    parts = [f"metaeval:{origin.version}", meta.kind, ",".join(meta.requested)]
    parts += [
        f"{name}:{','.join(value) if isinstance(value, tuple) else value}"
        for name, value in values.items()
        if value is not None
    ]
    return "|".join(parts).translate(_UNPRINTED)


def _only_if_special(policy: Policy, n_labels: int) -> dict[str, object]:
    """What is in a signature only where it is not the default."""
    values = {name: getattr(policy, name) for name in ("by", "baseline", "scorers", *_RARE)}
    if policy.alternative != "two-sided":
        values["alternative"] = policy.alternative
    if n_labels > 1:
        values["label"] = policy.label
    if policy.confidence != 0.95:
        values["confidence"] = policy.confidence
    return values
