"""Random weights, exact sums, and one set of bits from both engines."""

import json
import math
import os
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import example, given, settings, strategies as st
from hypothesis.extra.numpy import arrays
from numpy.testing import assert_allclose

from metaeval.resampling import (
    all_signs,
    block_size,
    engine,
    enumerated_sums,
    exact_sums,
    exact_terms,
    key_of,
    on_grid,
    random_weights,
    weight_blocks,
    weighted_sums,
    weights,
)
from metaeval.resampling.exact_sums import exact_jointly
from metaeval.resampling.random_weights import WEIGHT_SCHEMES, words
from metaeval.resampling.threefry import threefry

KEY = key_of(0, "bootstrap")
KINDS_OF_WEIGHT = ("multinomial", "poisson", "exponential", "sign")
reals = st.floats(-1e6, 1e6, allow_nan=False, allow_subnormal=False)


# Words.
def test_words_are_those_of_the_published_generator():
    """Known answers of Random123 for 20 rounds."""
    full = np.full(1, 0xFFFFFFFF, dtype=np.uint32)
    ones = threefry(np.concatenate([full, full]), full, full)
    assert [int(w[0]) for w in ones] == [0x1CB996FC, 0xBB002BE7]
    key = np.array([0x13198A2E, 0x03707344], dtype=np.uint32)
    counter = (np.array([x], dtype=np.uint32) for x in (0x243F6A88, 0x85A308D3))
    assert [int(w[0]) for w in threefry(key, *counter)] == [0xC4923A9C, 0x483DF7A0]


def test_words_depend_on_the_resample_and_the_pair_alone():
    whole = words(KEY, np.arange(40), 30)
    assert (words(KEY, np.arange(7, 19), 30) == whole[7:19]).all()
    assert (words(KEY, np.arange(40), 9, first=5) == whole[:, 10:28]).all()
    assert (words(KEY, np.array([33]), 12) == whole[33:34, :24]).all()


def test_purposes_parts_and_seeds_have_keys_of_their_own():
    keys = [key_of(s, name, p) for s in (0, 1) for name in ("bootstrap", "flip") for p in (0, 1)]
    assert len({tuple(key) for key in keys}) == 8


# Weights.
@pytest.mark.parametrize("kind", KINDS_OF_WEIGHT)
@pytest.mark.parametrize("n", [1, 2, 31, 33, 64, 65, 100, 257])
def test_a_weight_depends_on_its_resample_and_unit_alone(kind, n):
    whole = weights(kind, KEY, np.arange(30), n)
    assert whole.shape == (30, n)
    assert (weights(kind, KEY, np.arange(11, 20), n) == whole[11:20]).all()
    if kind != "multinomial":
        assert (weights(kind, KEY, np.arange(30), n + 57)[:, :n] == whole).all()


@pytest.mark.parametrize("kind", KINDS_OF_WEIGHT)
def test_moments_of_the_weights(kind):
    n, n_draws = 40, 20_000
    drawn = weights(kind, KEY, np.arange(n_draws), n)
    mean = 0 if kind == "sign" else 1
    variance = 1 - 1 / n if kind == "multinomial" else 1
    shared = -1 / n if kind == "multinomial" else 0
    assert_allclose(drawn.mean(axis=0), mean, atol=5 / math.sqrt(n_draws))
    covariance = np.cov(drawn.T, ddof=0)
    expected = np.where(np.eye(n, dtype=bool), variance, shared)
    assert_allclose(covariance, expected, atol=6 * math.sqrt(9 / n_draws))
    third = {"multinomial": 1, "poisson": 1.008, "exponential": 2, "sign": 0}[kind]
    assert_allclose(((drawn - mean) ** 3).mean(), third, atol=0.1)


def test_counts_from_a_byte_have_the_moments_of_poisson_exactly():
    counts = random_weights.table_of("poisson")
    assert len(counts) == 256
    assert Fraction(counts.sum()) == 256 and ((counts - 1) ** 2).sum() == 256
    assert ((counts - 1) ** 3).mean() == 258 / 256


def test_exact_counts_add_up_to_the_number_of_units():
    drawn = weights("multinomial", KEY, np.arange(500), 7)
    assert (drawn.sum(axis=1) == 7).all() and (drawn == drawn.round()).all()


@pytest.mark.parametrize("kind", KINDS_OF_WEIGHT)
@pytest.mark.parametrize("rows", [1, 7, 100, 5_000])
def test_blocks_change_no_weight(kind, rows):
    parts = np.concatenate(list(weight_blocks(kind, KEY, 250, 11, rows)))
    assert (parts == weights(kind, KEY, np.arange(250), 11)).all()


def test_blocks_are_bounded_in_memory():
    assert block_size(10, 2_000) == 2_000
    assert block_size(4_000_000, 2_000) == block_size(10**9, 2_000) == 1


@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_all_signs_are_half_of_all_and_no_two_are_mirror_images(n):
    signs = all_signs(0, 2 ** (n - 1), n)
    assert len({tuple(row) for row in np.concatenate([signs, -signs])}) == 2**n


# Exact sums.
@st.composite
def weighted_terms(draw):
    n = draw(st.integers(1, 30))
    kind = draw(st.sampled_from(["multinomial", "poisson", "exponential", "sign"]))
    w = weights(kind, KEY, np.array([draw(st.integers(0, 1000))]), n)[0]
    return draw(arrays(float, (n, 2), elements=reals)), w, kind, draw(st.permutations(range(n)))


def fractions(weights, column):
    pairs = zip(weights, column, strict=True)
    return sum((Fraction(w) * Fraction(t) for w, t in pairs), Fraction(0))


@given(weighted_terms())
def test_weighted_sums_are_exact_in_any_order(case):
    terms, w, kind, order = case
    made = exact_terms(terms, *engine.largest_weight(kind))
    exact = [fractions(w, column) for column in made.values.T]
    assert [Fraction(v) for v in w @ made.values] == exact
    assert [Fraction(v) for v in w[order] @ made.values[order]] == exact
    one_by_one = np.zeros(2)
    for i in order:
        one_by_one += w[i] * made.values[i]
    assert [Fraction(v) for v in one_by_one] == exact


@given(weighted_terms())
def test_exact_terms_are_the_terms(case):
    terms, _, kind, _ = case
    largest, finest = engine.largest_weight(kind)
    made = exact_terms(terms, largest, finest)
    size = np.abs(terms).max(axis=0)
    share = len(terms) * 2.0**-50 * largest / finest
    # columns of less count as nothing
    room = np.maximum(size * max(share, 1e-8), exact_sums._NOTHING)
    assert (np.abs(made.values * made.step - terms) <= room).all()


@pytest.mark.parametrize(
    "terms", [np.arange(24.0) / 105, np.arange(24) * 0.1 - 1.2, np.zeros(24), np.full(24, 1 / 3)]
)
def test_multiples_of_a_unit_become_whole_numbers(terms):
    made = exact_terms(terms.reshape(12, 2), 1.0)
    assert made.integral and (made.values == made.values.round()).all()
    assert_allclose(made.values * made.step, terms.reshape(12, 2), rtol=1e-14, atol=1e-15)


def test_terms_without_a_unit_stay_on_a_grid():
    terms = np.random.default_rng(0).normal(size=(50, 3))
    for made in (exact_terms(terms, 5.0), exact_jointly(terms, 1.0)):
        assert not made.integral
    gaps = exact_jointly(terms, 1.0).values
    assert_allclose(gaps[:, 0] - gaps[:, 1], terms[:, 0] - terms[:, 1], atol=1e-11)


def test_the_grid_leaves_whole_numbers_alone():
    terms = np.arange(24.0).reshape(4, 3, 2)
    assert (on_grid(terms) == terms).all()
    assert (on_grid(np.zeros((3, 2))) == 0).all()


# Both engines.
@pytest.fixture
def engines(monkeypatch):
    def sums(kind, n_resamples, terms, large, **sizes):
        for name in ("_LARGE", "_LARGE_COLD"):
            monkeypatch.setattr(engine, name, -1 if large else 10**12)
        for name, value in sizes.items():
            monkeypatch.setattr(engine, name, value)
        made = exact_terms(terms, *engine.largest_weight(kind))
        return np.concatenate(list(weighted_sums(kind, KEY, n_resamples, made, "test")))

    return sums


CASES = {
    "whole": lambda g, n: g.integers(0, 3, (n, 5)).astype(float),
    "large whole": lambda g, n: g.integers(0, 5000, (n, 3)) * 1.0,
    "shares": lambda g, n: g.integers(0, 106, (n, 4)) / 105,
    "real": lambda g, n: g.normal(size=(n, 7)),
}


@pytest.mark.parametrize("kind", ["poisson", "exponential", "sign"])
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("n_units", [1, 63, 64, 257])
def test_both_engines_give_the_same_bits(engines, kind, case, n_units):
    terms = CASES[case](np.random.default_rng(n_units), n_units)
    one, other = (engines(kind, 300, terms, large) for large in (False, True))
    assert one.shape == (300, terms.shape[1]) and (one == other).all()


@pytest.mark.parametrize("kind", ["poisson", "sign"])
def test_chunks_and_blocks_change_no_bit(engines, kind):
    terms = np.random.default_rng(0).normal(size=(700, 3))
    whole = engines(kind, 1_300, terms, True)
    for sizes in ({"_UNITS": 64}, {"_UNITS": 192, "_ROWS": 250}, {"_ROWS": 500}):
        assert (engines(kind, 1_300, terms, True, **sizes) == whole).all()
    for block in (7_000, 70_000):
        assert (engines(kind, 1_300, terms, False, _BLOCK=block) == whole).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 200), st.permutations(range(40)))
@example(33, list(range(40))[::-1])
def test_the_order_of_additions_changes_no_bit(n_resamples, order):
    terms = exact_terms(np.random.default_rng(1).normal(size=(40, 2)), 1.0)
    drawn = weights("sign", KEY, np.arange(n_resamples), 40)
    assert (drawn[:, order] @ terms.values[order] == drawn @ terms.values).all()


ON_DEVICES = """
import hashlib, json, sys
import numpy as np
from metaeval.resampling import engine, exact_terms, key_of
import jax
engine._LARGE = -1
seen = []
for kind in ("sign", "poisson", "exponential"):
    for terms in (np.random.default_rng(0).normal(size=(500, 6)), np.eye(500)[:, :5]):
        made = exact_terms(terms, *engine.largest_weight(kind))
        sums = engine.weighted_sums(kind, key_of(0, "flip"), 900, made, "test")
        seen.append(hashlib.sha256(np.concatenate(list(sums)).tobytes()).hexdigest())
print(json.dumps([jax.device_count(), seen]))
"""


def test_one_and_two_devices_give_the_same_bits():
    found = []
    for n in (1, 2):
        flags = f"--xla_force_host_platform_device_count={n}"
        env = os.environ | {"XLA_FLAGS": flags, "METAEVAL_CACHE": "0", "JAX_PLATFORMS": "cpu"}
        run = [sys.executable, "-c", ON_DEVICES]
        out = subprocess.run(run, env=env, capture_output=True, text=True, check=True)
        found.append(json.loads(out.stdout))
    assert [n for n, _ in found] == [1, 2]
    assert found[0][1] == found[1][1]


def test_enumerated_sums_are_those_of_all_signs():
    terms = exact_terms(np.random.default_rng(0).normal(size=(10, 2)), 1.0)
    sums = np.concatenate(list(enumerated_sums(terms)))
    assert (sums == all_signs(0, 512, 10) @ terms.values).all()


def test_every_kind_serves_whole_pairs_of_words():
    assert {kind: k.per_pair for kind, k in WEIGHT_SCHEMES.items()} == {
        "sign": 64,
        "poisson": 8,
        "exponential": 4,
    }
