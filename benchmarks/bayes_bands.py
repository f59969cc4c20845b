"""Coverage of 90% bands of posterior curves, averaged over margins.

    python -m benchmarks.bayes_bands [sets]

One scorer in one task, 400 pairs (one per item) with normal margins. The curve is drawn from the
prior of the fitted model, separately for each set; or it is one of three fixed curves, the last of
which is not in the family of the model.
"""

from __future__ import annotations

import sys

import numpy as np

from metaeval.core import double_precision

PAIRS = 400
FORMS = ("temperature", "lapse", "spline")


def expit(z):
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


FIXED = {
    "slope 1.5": lambda x: expit(1.5 * x),
    "slope 4, 10% lapses": lambda x: 0.05 + 0.9 * expit(4 * x),
    "flat up to .7, then steep": lambda x: expit(np.sign(x) * 3 * np.maximum(np.abs(x) - 0.7, 0)),
}


def arrays_of(form, size, outcome, seen):
    """Arguments of the model for absolute margins (row,) and outcomes (row,), observed or not."""
    from metaeval.bayes.hierarchy.centering import curve_centerings
    from metaeval.bayes.hierarchy.priors import prior_only_centering
    from metaeval.bayes.margin_models import densities
    from metaeval.bayes.margin_models.binned_counts import ScorerTaskData, bin_counts
    from metaeval.bayes.margin_models.posterior_curves import spline_basis_at
    from metaeval.curves import spline_knots

    cell = ScorerTaskData(
        margin=size, covariates=np.zeros((0, len(size))), outcome=outcome, unit=np.arange(len(size))
    )
    data = bin_counts([[cell]], 2, len(size))
    grids = (densities.LOG_SLOPE, *densities.EXTRA_GRIDS[form])
    arrays = {"margin": data.margin, "counts": data.counts}
    if form == "spline":
        arrays["basis"] = spline_basis_at(data.margin, spline_knots(size)[None])
    places = curve_centerings(densities.cell_log_probs(form), grids, *arrays.values())
    arrays["centerings"] = (
        places if seen else {name: prior_only_centering(p) for name, p in places.items()}
    )
    return arrays, data.bin_index[0][0]


def chances(form, sites, arrays):
    """P(agree) in every bin: (..., bin)."""
    from metaeval.bayes.margin_models import densities

    values = {n: v for n, v in sites.items() if not n.endswith("_raw")}
    with double_precision():
        args = (arrays["margin"], None, arrays.get("basis"), form)
        logs = np.asarray(densities.agreement_log_probs(values, *args))
    return np.exp(logs)[..., 0, 0, :, 1]


def band_coverage(form, seed, truth=None):
    """Proportion of margins at which the band covers the curve, in one set."""
    from benchmarks.bayes_sbc import prior_sites
    from metaeval.bayes.margin_models import densities
    from metaeval.bayes.sampling.nuts import Settings, sample

    rng = np.random.default_rng([11, seed])
    margin = rng.normal(size=PAIRS)
    size = np.abs(margin) / np.sqrt(np.mean(margin**2))
    arrays, position = arrays_of(form, size, np.zeros(PAIRS, dtype=int), False)
    options = (("form", form), ("order", False))
    if truth is None:
        curve = chances(
            form, prior_sites(densities.calibration_density, arrays, options, seed), arrays
        )[position]
    else:
        curve = truth(size)
    outcome = (rng.random(PAIRS) < curve).astype(int)
    arrays, position = arrays_of(form, size, outcome, True)
    settings = Settings(n_chains=2, n_warmup=300, n_draws=500, target_accept=0.9, seed=seed)
    posterior = sample(densities.calibration_density, arrays, options, settings, lambda _: True)
    curves = chances(form, posterior.sites, arrays).reshape(-1, arrays["margin"].shape[-1])
    low, high = np.quantile(curves, (0.05, 0.95), axis=0)[:, position]
    return float(((low <= curve) & (curve <= high)).mean())


def main(sets):
    """Print the coverage of the bands of each form."""
    for form in FORMS:
        for name, truth in {"from the prior": None, **FIXED}.items():
            n = sets if truth is None else sets // 4
            coverage = np.mean([band_coverage(form, seed, truth) for seed in range(n)])
            print(f"{form}, {name}: coverage of 90% bands in {n} sets {coverage:.3f}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if sys.argv[1:] else 1_000)
