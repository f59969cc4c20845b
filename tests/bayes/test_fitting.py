"""Fits: gates, marks, files, determinism, interruption; nonsense is one sentence."""

import dataclasses
import json

import numpy as np
import pytest
import xarray as xr
from odd_tables import odd_pairs

from metaeval import MetaevalError, Result, __version__, bayes
from metaeval.bayes import datatree
from metaeval.bayes.sampling import compile, nuts
from metaeval.bayes.sampling.nuts import Settings
from metaeval.core import atomic_write


def test_a_tree_has_its_groups_dimensions_and_signature(trees, table):
    tied = int((table.labels["human"] == 0).sum())  # calibration is of wins alone
    for name, tree in trees.items():
        assert set(datatree.require_posterior(tree).children) == {
            *("posterior", "posterior_predictive", "log_likelihood", "sample_stats"),
            *("observed_data", "constant_data"),
        }
        assert tree.attrs["signature"].startswith(f"metaeval:{__version__}|posterior of {name}(")
        assert {"scorer", "task"} <= set(tree["posterior"].sizes)
        told = 125 - tied if name == "calibration" else 125
        assert tree["log_likelihood"].sizes["unit"] == told
        assert bayes.diagnose(tree)["passed"].all()


def test_a_posterior_cut_short_is_refused_and_marked_where_it_is_wanted(table):
    short = {"n_draws": 40, "n_warmup": 10, "n_chains": 2}
    with pytest.raises(
        MetaevalError,
        match=r"failed convergence diagnostics: r_hat.*run longer chains.*check=False",
    ):
        bayes.fit(bayes.AccuracyModel(statistic="pairwise_accuracy"), table, **short)
    tree = bayes.fit(
        bayes.AccuracyModel(statistic="pairwise_accuracy"), table, check=False, **short
    )
    result = bayes.summarize(tree, "accuracy")
    assert (result.frame["status"] == "failed check").all()
    assert result.meta.warnings[0].startswith("the posterior failed convergence diagnostics: r_hat")
    assert "failed" in Result.from_json(result.to_json()).meta.warnings[0]


def test_a_fit_is_determined_by_its_seed(table):
    def draws(seed):
        tree = bayes.fit(
            bayes.AccuracyModel(statistic="pairwise_accuracy"),
            table,
            n_chains=2,
            n_draws=50,
            check=False,
            seed=seed,
        )
        return tree["posterior"]["accuracy_new"].to_numpy()

    assert (draws(3) == draws(3)).all() and (draws(3) != draws(4)).any()


def test_a_second_fit_of_the_same_shape_is_not_compiled_again(table):
    few = {"n_chains": 1, "n_draws": 50, "check": False}
    bayes.fit("calibration", table, **few)
    before = compile.compile_sampler.cache_info()
    bayes.fit("calibration", odd_pairs(seed=5), **few)
    after = compile.compile_sampler.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


def test_saved_posteriors_come_back_whole(trees, tmp_path):
    for name, tree in trees.items():
        path = tmp_path / f"{name}.nc"
        bayes.save(tree, path)
        back = bayes.load(path)
        quantity = "accuracy" if name == "accuracy" else "slope"
        one, other = (bayes.summarize(t, quantity) for t in (tree, back))
        assert one.to_json() == other.to_json()
        assert bayes.diagnose(back)["passed"].all()
    assert sorted(p.name for p in tmp_path.iterdir()) == [f"{n}.nc" for n in sorted(trees)]


def test_files_that_are_no_posteriors_are_refused(trees, tmp_path):
    good = tmp_path / "good.nc"
    bayes.save(trees["accuracy"], good)
    damaged = tmp_path / "damaged.nc"
    damaged.write_bytes(good.read_bytes()[:-2000])
    other = tmp_path / "other.nc"
    changed = bytearray(good.read_bytes())
    draws = np.ascontiguousarray(trees["accuracy"]["posterior"]["accuracy"]).tobytes()
    changed[changed.index(draws[:64])] ^= 1  # one bit of one draw
    other.write_bytes(changed)
    text = tmp_path / "text.nc"
    text.write_text("no posterior")
    foreign = tmp_path / "foreign.nc"
    xr.Dataset({"x": ("i", np.arange(3.0))}).to_netcdf(foreign, engine="h5netcdf")
    for path, said in (
        (damaged, "damaged"),
        (other, "damaged"),
        (text, "damaged"),
        (foreign, "Expected a posterior"),
        (tmp_path / "none.nc", "does not exist"),
    ):
        with pytest.raises(MetaevalError, match=said):
            bayes.load(path)


def test_a_file_is_written_whole_or_not_at_all(trees, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(atomic_write.os, "fsync", full)
    with pytest.raises(MetaevalError, match=r"No space left.*another path"):
        bayes.save(trees["ties"], tmp_path / "x.nc")
    assert not list(tmp_path.iterdir())


def test_an_interrupted_fit_stops_its_chains(table, monkeypatch):
    running = []

    def interrupted(work, total, what):
        for _ in work:
            running.append(what)
            raise KeyboardInterrupt

    monkeypatch.setattr(nuts, "with_progress", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bayes.fit("calibration", table)
    assert len(running) == 1


@pytest.mark.parametrize(
    ("model", "options", "said"),
    [
        ("accuracies", {}, r"no model 'accuracies'.*Did you mean 'accuracy'"),
        (len, {}, "len> is not a model; expected one of bayes.AccuracyModel"),
        ("accuracy", {"n_chains": 0}, "n_chains=0"),
        ("accuracy", {"n_draws": 2.5}, "n_draws=2.5"),
        ("accuracy", {"target_accept": 1.0}, "target_accept"),
        ("accuracy", {"missing": "pairwise"}, "same rows"),
        ("accuracy", {"resample": ("item", "system")}, "resample"),
        ("ties", {"scorers": ["nobody"]}, "nobody"),
    ],
)
def test_nonsense_is_one_sentence(table, model, options, said):
    with pytest.raises(MetaevalError, match=said) as error:
        bayes.fit(model, table, **options)
    assert "\n" not in str(error.value)


def test_quantities_that_are_not_there_are_refused_with_those_that_are(trees):
    with pytest.raises(MetaevalError, match=r"no quantity of the ties model 'slop'.*'slope'"):
        bayes.summarize(trees["ties"], "slop")
    with pytest.raises(MetaevalError, match="ties model does not take agreement; no q"):
        bayes.summarize(trees["ties"], "slope", agreement=0.9)
    with pytest.raises(MetaevalError, match="take covariate; covariate= is an option of bias"):
        bayes.summarize(trees["accuracy"], "accuracy", covariate="length_delta")
    for wrong in ({}, trees["ties"]["posterior"]):
        with pytest.raises(MetaevalError, match="Expected a posterior"):
            bayes.summarize(wrong, "slope")
    with pytest.raises(MetaevalError, match="Expected a Responses or Pairs table"):
        bayes.fit("accuracy", [1, 2])


def test_summaries_have_differences_losses_and_a_region_of_no_matter(trees):
    result = bayes.summarize(trees["accuracy"], "accuracy", rope=0.05, baseline="good")
    gap = result.row("perfect", "good")
    assert gap["prob_better"] == 1 and gap["expected_loss"] == 0 and gap["prob_rope"] == 0
    own = result.frame[result.frame["baseline"].isna()]
    assert result.draws.shape[1] == len(own)
    back = gap["estimate"] - (result.row("perfect")["estimate"] - result.row("good")["estimate"])
    assert back == pytest.approx(0, abs=1e-12)
    assert "rope:0.05" in result.signature and "baseline:good" in result.signature
    text = json.loads(result.to_json())
    assert text["rows"][0]["interval"] == "posterior"


def test_predictive_checks_pass_where_the_model_is_right(trees):
    for tree in trees.values():
        found = bayes.posterior_predictive(tree)
        assert (found["p"] < 0.01).mean() < 0.1
        inside = (found["observed"] >= found["lower"] - 1e-9) & (
            found["observed"] <= found["upper"] + 1e-9
        )
        assert inside.mean() > 0.85


def test_accuracies_are_not_weighed(trees):
    with pytest.raises(MetaevalError, match="no unit-level likelihood"):
        bayes.compare_models({"one": trees["accuracy"], "other": trees["accuracy"]})


def test_sensitivity_finds_what_rests_on_the_prior(trees):
    found = bayes.prior_sensitivity(trees["calibration"])
    assert found.loc["log_slope[constant, big]", "likelihood"] < 0.05
    assert (found["prior"] >= 0).all() and set(found["said"]) <= {"", "prior", "conflict"}


def test_the_settings_of_chains_have_defaults_that_the_docs_name():
    assert dataclasses.astuple(Settings()) == (4, None, None, None, 0)
    assert (nuts.SMALL_MODEL, nuts.LARGE_MODEL) == ((500, 500, 0.9), (300, 750, 0.8))
    assert nuts.MAX_DRAWS == 8_000
    assert datatree.SCHEMA == "metaeval.posterior/1"
