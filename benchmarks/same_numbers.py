"""All numbers from the real data and the demo, to the bit, to compare two versions.

`python -m benchmarks.same_numbers write before.json` in one version, the same in the other, and
`python -m benchmarks.same_numbers compare before.json after.json` lists the numbers that differ.
Columns of the first file are renamed with `--renamed 'trivial->best_constant'`, also in names of
statistics.
"""

import argparse
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

import metaeval as me
from metaeval import bayes, calibration, statistics as st

DATA = Path(os.environ.get("METAEVAL_DATA", "."))
Columns = dict[str, list[str]]


def exactly(frame: pd.DataFrame) -> Columns:
    """Numeric columns as hexadecimal floats, which are exact; texts are omitted."""
    numeric = frame.select_dtypes(include=["number", "bool"])
    return {str(c): [float(v).hex() for v in numeric[c].astype(float)] for c in numeric}


def drawn(posterior: object) -> Columns:
    """A digest of each variable of a posterior."""
    group = posterior["posterior"]
    return {
        str(name): [hashlib.sha256(np.asarray(group[name], dtype=float).tobytes()).hexdigest()]
        for name in group.data_vars
    }


def read(name: str, *files: str, **options: object) -> object:
    """One of the data sets."""
    return me.read(*(DATA / name / file for file in files), **options)


def of_verbs(table: object, statistics: list[object], **options: object) -> Iterator[tuple]:
    """Values, and comparisons by sign flips and by the bootstrap."""
    for statistic in statistics:
        name = getattr(statistic, "name", "default")
        yield f"evaluate {name}", exactly(me.evaluate(table, statistic, **options).frame)
        yield f"compare {name}", exactly(me.compare(table, statistic, **options).frame)
    yield (
        "compare bootstrap",
        exactly(me.compare(table, statistics[0], test="bootstrap", **options).frame),
    )


def demo() -> Iterator[tuple]:
    """The simulated tables of the demo, all statistics, calibration and posteriors."""
    table, _ = me.simulate(seed=0, n_items=100, tasks=("news", "chat"), raters=2, cluster_size=4)
    options = {"n_resamples": 1000}
    yield from of_verbs(table, [None, st.kendall(), st.soft_pairwise_accuracy()], **options)
    yield "by task", exactly(me.compare(table, by="task", **options).frame)
    statistics = [st.pearson(), st.spearman(), st.system_pearson(), st.system_accuracy()]
    statistics += [st.pairwise_accuracy("acc-eq"), st.tie_calibrated_accuracy()]
    yield "statistics", exactly(me.evaluate(table, statistics, **options).frame)
    pairs = table.pairs()
    statistics = [st.auroc(), st.aurc(), st.augrc(), st.coverage_at(0.7), st.cox_slope()]
    statistics += [st.brier(), st.log_loss(), st.ece(), st.ece_debiased(), st.smooth_ece()]
    statistics += [
        st.miscalibration(),
        st.discrimination(),
        st.recalibration_gain(),
        st.sharpness(),
    ]
    for statistic in statistics:
        yield f"pairs {statistic.name}", exactly(me.compare(pairs, statistic, **options).frame)
    yield from calibrated(pairs)
    yield "fragility", exactly(calibration.scale_fragility(table))
    yield "bayesian bootstrap", exactly(bayes.bayesian_bootstrap(table, n_draws=1000).frame)
    yield "prob better", {"value": [float(bayes.prob_better([[40, 7], [9, 14]])).hex()]}
    yield from posteriors(pairs)


def calibrated(pairs: object) -> Iterator[tuple]:
    """Curves and tests of calibration."""
    options = {"n_resamples": 200}
    yield "reliability", exactly(calibration.reliability(pairs, **options))
    yield "map band", exactly(calibration.map_band(pairs, **options))
    yield "risk coverage", exactly(calibration.risk_coverage(pairs))
    yield "largest coverage", exactly(calibration.largest_coverage(pairs))
    yield "gaps", exactly(calibration.gap_to_agreement(pairs, **options).frame)
    yield "thresholds", exactly(calibration.threshold_curve(pairs, **options))
    forecasts = {"forecast": "log_odds"}
    yield "spiegelhalter", exactly(calibration.spiegelhalter(pairs, **forecasts).frame)
    yield "cumulative", exactly(calibration.cumulative(pairs, **forecasts, **options).frame)
    yield "both", exactly(calibration.accuracy_and_calibration(pairs, **options))


def posteriors(pairs: object) -> Iterator[tuple]:
    """Draws of all models, and their summaries."""
    quantities = {"accuracy": "accuracy", "ties": "epsilon", "calibration": "slope"}
    for model, quantity in {**quantities, "raters": "accuracy"}.items():
        fitted = bayes.fit(model, pairs, n_draws=200, n_warmup=200, check=False)
        yield f"draws {model}", drawn(fitted)
        yield f"summary {model}", exactly(bayes.summarize(fitted, quantity).frame)


def realsumm() -> Iterator[tuple]:
    table = read("realsumm", "scores.parquet", "human.parquet")
    statistics = [st.kendall("b"), st.pearson(), st.spearman(), st.tie_calibrated_accuracy()]
    yield from of_verbs(table, statistics, n_resamples=1000)


def unieval() -> Iterator[tuple]:
    table = read("unieval", "scores.parquet", "human.parquet", keys=["dimension"])
    subset = table.select(task="topical_chat", dimension="overall")
    for statistic in (st.kendall("b", grouping="none"), st.pearson(), st.spearman()):
        yield statistic.name, exactly(me.evaluate(subset, statistic, n_resamples=1000).frame)


def wmt21() -> Iterator[tuple]:
    files = ("scores.parquet", "human.parquet")
    table = read("wmt21-enru-news", *files, lower_is_better=["TER"])
    statistics = [st.kendall("b", grouping="system"), st.tie_calibrated_accuracy(), None]
    yield from of_verbs(table, statistics, label="mqm", n_resamples=1000)
    options = {"label": "mqm", "resample": "item,system", "n_resamples": 200}
    yield "two way", exactly(me.evaluate(table, st.pairwise_accuracy(), **options).frame)


def rewardmath() -> Iterator[tuple]:
    table = read("rewardmath", "scores.parquet", "gold.parquet")
    yield from of_verbs(table, [None, st.best_of_n("lenient")], n_resamples=1000)


def pandalm() -> Iterator[tuple]:
    files = ("judge_pairs.parquet", "human_pairs.parquet")
    table = read(
        "pandalm", *files, columns={"cluster": "prompt"}, average_raters=True, refusals="wrong"
    )
    yield from of_verbs(table, [None, st.kendall()], n_resamples=1000)
    bounds = bayes.agreement_bounds(table)
    spans = [bounds.agreement, bounds.lowest, bounds.highest]
    yield "agreement", exactly(pd.DataFrame(spans))


def llmbar() -> Iterator[tuple]:
    """Ratings by two judges, one row per response."""
    rated = pd.read_parquet(DATA / "llmbar" / "judge_pairs.parquet")
    rated = rated[rated["scorer"].isin(["ChatGPT/Rating", "GPT-4/Rating"])]
    rated = rated[["task", "item", "scorer", "score_a", "score_b"]]
    rated = rated.melt(["task", "item", "scorer"], var_name="response", value_name="score")
    rated["response"] = rated["response"].str[-1]
    gold = pd.read_parquet(DATA / "llmbar" / "human_pairs.parquet")
    rated = rated.merge(gold[["task", "item", "preference"]])
    gold = rated.assign(label=(rated["response"] == rated["preference"]).astype(int))
    gold = gold[["task", "item", "response", "label"]].drop_duplicates()
    scores = rated.drop(columns="preference")
    table = me.read_scores(scores, gold.assign(rater="gold"), label_kind="rating")
    yield from of_verbs(table, [None], n_resamples=1000)
    yield "by task", exactly(me.evaluate(table, by="task", n_resamples=1000).frame)
    yield "gaps", exactly(calibration.gap_to_agreement(table, [0.8, 0.9]).frame)


def frank() -> Iterator[tuple]:
    table = read("frank-cnndm", "scores.parquet", "human.parquet")
    yield from of_verbs(table, [None, st.kendall()], label="Factuality", n_resamples=1000)


def mlqe() -> Iterator[tuple]:
    table = read("mlqe-pe", "scores.parquet", "human.parquet", labels=["z_mean"])
    statistics = [st.pearson(), st.spearman()]
    yield from of_verbs(table, statistics, label="z_mean", by="task", n_resamples=500)


def wmt22() -> Iterator[tuple]:
    table = read("wmt22-zhen", "judges.parquet", "human.parquet", labels=["mqm"])
    options = {"scorers": list(table.scorers[:4]), "label": "mqm", "n_resamples": 300}
    yield from of_verbs(table, [None, st.kendall()], **options)


def hanna() -> Iterator[tuple]:
    files = ("scores.parquet", "human.parquet")
    table = read("hanna", *files, keys=["dimension"], average_raters=True)
    subset = table.select(dimension="coherence")
    yield from of_verbs(subset, [None], scorers=list(table.scorers[:6]), n_resamples=1000)


SETS: dict[str, Callable[[], Iterator[tuple]]] = {
    **{"demo": demo, "realsumm": realsumm, "unieval": unieval, "wmt21": wmt21},
    **{"rewardmath": rewardmath, "pandalm": pandalm, "llmbar": llmbar, "frank": frank},
    **{"mlqe": mlqe, "wmt22": wmt22, "hanna": hanna},
}


def write(path: Path, names: list[str]) -> None:
    """Compute the numbers of the named sets."""
    numbers: dict[str, Columns] = {}
    for name in names:
        start = time.perf_counter()
        numbers |= {f"{name}: {key}": columns for key, columns in SETS[name]()}
        print(f"{name}: {time.perf_counter() - start:.0f} s", flush=True)
    path.write_text(json.dumps(numbers, indent=0))
    print(f"{sum(len(v) for c in numbers.values() for v in c.values()):,} numbers")


def compare(before: Path, after: Path, renamed: dict[str, str]) -> int:
    """Print every key and column that differs, and return their number."""
    old, new = (json.loads(path.read_text()) for path in (before, after))
    old = {_renamed(key, renamed): columns for key, columns in old.items()}
    lines = [f"only in one file: {key}" for key in sorted({*old} ^ {*new})]
    n_equal = 0
    for key in sorted({*old} & {*new}):
        renamed_columns = {
            renamed.get(column, column): values for column, values in old[key].items()
        }
        for column in sorted({*renamed_columns} | {*new[key]}):
            left, right = renamed_columns.get(column), new[key].get(column)
            if left == right:
                n_equal += len(right)
            else:
                lines.append(f"{key}: {column} differs: {str(left)[:60]} | {str(right)[:60]}")
    print("\n".join([*lines, f"{n_equal:,} numbers equal to the bit, {len(lines)} differences"]))
    return len(lines)


def _renamed(key: str, renamed: dict[str, str]) -> str:
    """The name of a record, such as "compare brier(folds=5)", in the later version."""
    for before, after in renamed.items():
        key = key.replace(before, after)
    return key


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.same_numbers", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    writing = commands.add_parser("write")
    writing.add_argument("path", type=Path)
    writing.add_argument("--sets", nargs="*", default=list(SETS))
    comparing = commands.add_parser("compare")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.add_argument("--renamed", nargs="*", default=[])
    arguments = parser.parse_args()
    if arguments.command == "write":
        write(arguments.path, arguments.sets)
        return 0
    renamed = dict(pair.split("->", 1) for pair in arguments.renamed)
    return int(compare(arguments.before, arguments.after, renamed) > 0)


if __name__ == "__main__":
    sys.exit(main())
