"""The engine as a process: what it loads, keeps and leaves behind."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

RUN = """
import json
import numpy as np
from metaeval.resampling import engine, exact_terms, key_of
import jax
engine._LARGE = -1
terms = exact_terms(np.random.default_rng(0).normal(size=(300, 6)), 1.0)
jax.numpy.zeros(3).block_until_ready()
events = []
jax.monitoring.register_event_listener(lambda name, **_: events.append(name))
sums = next(engine.weighted_sums("sign", key_of(0, "flip"), 500, terms, "test"))
found = [events.count(f"/jax/compilation_cache/cache_{what}") for what in ("hits", "misses")]
print(json.dumps([*found, float(sums.sum())]))
"""


def run(cache):
    env = os.environ | {"METAEVAL_CACHE": str(cache), "JAX_PLATFORMS": "cpu"}
    out = subprocess.run(
        [sys.executable, "-c", RUN], env=env, capture_output=True, text=True, check=True
    )
    assert out.stderr == ""
    return json.loads(out.stdout)


def test_a_second_process_compiles_nothing_again(tmp_path):
    hits, misses, total = run(tmp_path)
    assert hits == 0 and misses > 0
    assert run(tmp_path) == [misses, 0, total]


def test_without_a_cache_nothing_is_kept_and_nothing_fails(tmp_path):
    (tmp_path / "file").write_text("")
    *_, total = run("0")
    *_, same = run(tmp_path / "file" / "below")  # no folder can be made there
    assert total == same
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def loads_jax(n_items, n_resamples):
    code = (
        "import sys, numpy as np, pandas as pd, metaeval as me\n"
        f"n = {n_items}\n"
        "g = np.random.default_rng(0)\n"
        "rows = pd.DataFrame({'item': np.repeat(range(n), 2), 'system': ['a', 'b'] * n})\n"
        "x = pd.DataFrame(g.normal(size=(2 * n, 2)), columns=['m', 'k'])\n"
        "t = me.Responses(rows, x, pd.DataFrame({'h': g.integers(0, 3, 2 * n) * 1.0}))\n"
        f"me.compare(t, me.statistics.pairwise_accuracy('acc-eq'), n_resamples={n_resamples})\n"
        "print('jax' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return out.stdout.strip() == "True"


def test_jax_is_loaded_for_large_work_only():
    assert not loads_jax(500, 2_000)
    assert loads_jax(12_000, 10_000)


def test_an_interrupt_leaves_nothing_behind_and_says_so(tmp_path):
    g, n = np.random.default_rng(0), 4_000
    frame = pd.DataFrame({"item": np.repeat(range(n), 4), "system": list("abcd") * n})
    frame["human"] = g.integers(0, 4, 4 * n)
    for k in range(6):
        frame[f"m{k}"] = g.normal(size=4 * n)
    frame.to_csv(tmp_path / "t.csv", index=False)
    command = [sys.executable, "-m", "metaeval", "compare", str(tmp_path / "t.csv")]
    options = ["--labels", "human", "-o", str(tmp_path / "out.json"), "--n-resamples", "400000"]
    with subprocess.Popen(command + options, stderr=subprocess.PIPE, text=True) as process:
        try:
            time.sleep(4)
            assert process.poll() is None, process.stderr.read()
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert "Interrupted; no file was written." in said and "Traceback" not in said
    assert [p.name for p in tmp_path.iterdir()] == ["t.csv"]


@pytest.mark.parametrize("n_units", [1, 2, 3])
def test_very_few_units_are_refused_or_right(n_units):
    import metaeval as me
    from metaeval import MetaevalError, Responses

    g = np.random.default_rng(n_units)
    rows = pd.DataFrame({"item": np.repeat(range(n_units), 2), "system": ["a", "b"] * n_units})
    scores = pd.DataFrame(g.normal(size=(2 * n_units, 2)), columns=["m", "k"])
    labels = pd.DataFrame({"h": np.tile([0.0, 1.0], n_units)})
    table = Responses(rows, scores, labels, label_kind="rating")
    if n_units == 1:
        with pytest.raises(MetaevalError, match="at least 2 items, got 1"):
            me.compare(table, "pairwise_accuracy")
        return
    row = me.compare(table, "pairwise_accuracy", n_resamples=200).row("m", "k")
    assert row["p_value"] >= 2.0 ** (1 - n_units)
