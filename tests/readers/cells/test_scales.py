"""Scales of preferences: inferred where one meaning is possible, else declared or refused."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, strategies as st

from metaeval import evaluate
from metaeval.core import MetaevalError
from metaeval.readers import read

N = 60
RNG = np.random.default_rng(2)
TRUTH = RNG.choice([1, -1], N)
VERDICT = np.where(RNG.random(N) < 0.8, TRUTH, -TRUTH)
SURE = np.round(1 / (1 + np.exp(-VERDICT * RNG.random(N) * 3)), 3)
BASE = pd.DataFrame({"item": range(N), "first": "m1", "second": "m2"})
HUMAN = BASE.assign(rater="human", preference=np.where(TRUTH > 0, "A", "B"))
RIGHT = np.mean(VERDICT == TRUTH)

CODES = {
    "probability": np.where(VERDICT > 0, 1, 0),
    "index": np.where(VERDICT > 0, 0, 1),
    "one-two": np.where(VERDICT > 0, 1, 2),
    "percent": 100 * SURE,
    "margin": VERDICT * 3,
}


def long(values):
    return BASE.assign(scorer="judge", preference=values)


def accuracy(table):
    return (
        evaluate(table, "pairwise_accuracy(ties=half)", n_resamples=100).frame["estimate"].iloc[0]
    )


def warned(table, words):
    return any(words in warning for warning in table.alignment.warnings)


@pytest.mark.parametrize("scale", CODES)
@pytest.mark.parametrize("as_text", [False, True])
def test_declared_scales_of_verdicts(scale, as_text):
    values = CODES[scale].astype(str) if as_text else CODES[scale]
    for declared in (scale, {"judge": scale}):
        table = read(long(values), HUMAN, preference_scale=declared)
        assert accuracy(table) == pytest.approx(RIGHT)


@pytest.mark.parametrize("scale", CODES)
def test_declared_scales_of_a_wide_table(scale):
    frame = BASE.assign(human=TRUTH, judge=CODES[scale])
    table = read(frame, preference_scale={"judge": scale, "human": "margin"})
    assert accuracy(table) == pytest.approx(RIGHT)


@pytest.mark.parametrize(
    ("values", "cure"),
    [
        (CODES["probability"], "'probability' .* 'index' .* 'margin'"),
        (CODES["index"], "'index' \\(0 = first, 1 = second\\)"),
        (SURE, "'probability' \\(that the first is better\\)"),
        (np.where(RNG.random(N) < 0.1, 0, CODES["one-two"]), "'one-two' .*tie"),
        (np.where(RNG.random(N) < 0.2, 0.5, CODES["probability"]), "'probability'"),
        ([f"{100 * p:.0f}%" for p in SURE], "'probability'"),
    ],
)
def test_numbers_that_may_mean_several_things_are_refused(values, cure):
    with pytest.raises(
        MetaevalError, match=f"it is unclear which response each value favors.*{cure}"
    ):
        read(long(values), HUMAN)


@pytest.mark.parametrize("values", [CODES["probability"], SURE])
def test_wide_columns_that_may_mean_several_things_are_refused(values):
    with pytest.raises(MetaevalError, match="it is unclear which response each value favors"):
        read(BASE.assign(human=TRUTH, judge=values))
    with pytest.raises(MetaevalError, match=r"'human' in .* it is unclear which resp"):
        read(BASE.assign(human=(TRUTH > 0) * 1, judge=VERDICT))


@pytest.mark.parametrize(
    "values",
    [
        CODES["one-two"],
        np.where(VERDICT > 0, "1", "2"),
        3 - 2 * np.round(1 + (1 - SURE), 4),
        VERDICT,
        np.where(VERDICT > 0, "m1", "m2"),
        np.where(VERDICT > 0, "[[A]]", "[[B]]"),
        np.where(VERDICT > 0, "Assistant A", "Assistant B"),
        np.where(VERDICT > 0, "Response 1", "response 2"),
    ],
)
def test_what_has_one_meaning_is_read(values):
    table = read(long(values), HUMAN)
    assert accuracy(table) == pytest.approx(RIGHT)
    assert not table.alignment.warnings


def test_weights_from_1_to_2():
    table = read(long(1 + (1 - SURE)), HUMAN)
    np.testing.assert_allclose(table.scores["judge"], 2 * SURE - 1, atol=1e-12)


@pytest.mark.parametrize("failed", [0.05, 0.1, 0.15])
def test_indices_with_a_code_for_failure_are_warned_of(failed):
    values = np.where(np.arange(N) < failed * N, -1, CODES["index"])
    table = read(long(values), HUMAN)
    assert warned(table, "--preference-scale index")
    assert warned(table, "scorers do (judge")
    declared = read(long(values), HUMAN, preference_scale="index")
    assert declared.scores["judge"].isna().sum() == round(failed * N)
    assert not declared.alignment.warnings


def test_a_judge_that_always_favours_one_side_or_ties_is_warned_of():
    assert warned(read(long("A"), HUMAN), "judge favors the first response in all 60 pairs")
    assert warned(read(long("B"), HUMAN), "judge favors the second response in all 60 pairs")
    assert warned(read(long("tie"), HUMAN), "judge rates all 60 pairs as ties")
    positive = BASE.assign(human=TRUTH, judge=np.where(np.arange(N) % 2, 0, 7.5))
    assert warned(read(positive), "judge is never negative in 60 pairs")


def test_labels_may_favour_the_first_everywhere():
    chosen_first = HUMAN.assign(preference="A")
    assert not read(long(VERDICT), chosen_first).warnings


def test_sides_that_are_exchanged_are_below_chance():
    exchanged = np.where(VERDICT > 0, 2, 1)
    table = read(long(exchanged), HUMAN)
    [warning] = table.alignment.warnings
    assert "judge is significantly below chance in agreement with human" in warning
    assert (
        "if the signs are reversed, use lower_is_better=['judge'] (--lower-is-better judge);"
        in warning
    )
    for cure in ({"value_map": {"1": -1, "2": 1}}, {"lower_is_better": ["judge"]}):
        assert accuracy(read(long(exchanged), HUMAN, **cure)) == pytest.approx(RIGHT)


@pytest.mark.parametrize("scale", ["probability", "one-two", "index", "percent"])
def test_values_outside_a_declared_scale(scale):
    with pytest.raises(MetaevalError, match=f"contains -7, but preference_scale='{scale}'"):
        read(long(np.where(np.arange(N) == 3, -7, CODES[scale])), preference_scale=scale)
    with pytest.raises(MetaevalError, match="preference_scale='probabilty' is not one of"):
        read(long(VERDICT), preference_scale="probabilty")
    with pytest.raises(MetaevalError, match="preference_scale applies to pairs only"):
        read(pd.DataFrame({"item": [1], "system": "a", "m": 1}), preference_scale="index")


@pytest.mark.parametrize("values", [RNG.integers(1, 8, N), RNG.integers(-3, 4, N)])
def test_graded_preferences_need_a_word(values):
    with pytest.raises(MetaevalError, match="expected preferences from -1"):
        read(long(values), HUMAN)
    top = max(abs(values))
    table = read(long(values), HUMAN, value_map={str(v): v / top for v in set(values.tolist())})
    assert table.scores["judge"].abs().max() == 1


@given(st.lists(st.sampled_from([-1, 1]), min_size=2, max_size=8), st.booleans())
def test_codes_and_words_of_the_same_verdicts_agree(sides, ordered):
    frame = pd.DataFrame({"item": range(len(sides)), "first": "x", "second": "y", "scorer": "j"})
    side = np.array(sides)
    written = {
        None: np.where(side > 0, "A", "B"),
        "index": np.where(side > 0, 0, 1),
        "probability": np.where(side > 0, 1.0, 0.0),
        "one-two": np.where(side > 0, 1, 2),
        "percent": np.where(side > 0, 100, 0),
    }
    prints = {
        read(frame.assign(preference=v), preference_scale=s, ordered=ordered).fingerprint
        for s, v in written.items()
    }
    assert len(prints) == 1


def test_probabilities_of_the_first_are_taken_at_their_word():
    """A file of probabilities gives the Brier score that its definition gives."""
    won = (TRUTH > 0) * 1.0
    for frame in (
        BASE.assign(human=TRUTH, judge=SURE),
        BASE.assign(human=TRUTH, judge=1 - SURE, first="m2", second="m1").assign(human=-TRUTH),
    ):
        table = read(frame, preference_scale={"judge": "probability", "human": "margin"})
        value = (
            evaluate(table, "brier(scale=probability)", n_resamples=100).frame["estimate"].iloc[0]
        )
        assert value == pytest.approx(np.mean((SURE - won) ** 2))


@pytest.mark.parametrize("names", [("B", "A"), ("2", "1"), ("model_b", "model_a")])
def test_verdicts_that_name_one_side_and_mean_the_other_are_refused(names):
    first, second = names
    frame = long(np.where(VERDICT > 0, first, second)).assign(first=first, second=second)
    with pytest.raises(MetaevalError, match=r"is the name of the .* response, but also a word"):
        read(frame)
    by_place = read(frame, value_map={first: -1, second: 1})
    assert by_place.scores["judge"].notna().all()
    assert set(by_place.scores["judge"]) == {-1, 1}


def test_codes_of_a_vocabulary_are_complete():
    codes = np.where(VERDICT > 0, 1, np.where(np.arange(N) % 3, 2, 3))
    with pytest.raises(MetaevalError, match=r"Unknown verdict in .*: '2' "):
        read(long(codes), HUMAN, value_map={"1": 1, "3": 0})
    table = read(long(codes), HUMAN, value_map={"1": 1, "2": -1, "3": 0})
    np.testing.assert_array_equal(
        table.scores["judge"], np.select([codes == 1, codes == 2], [1, -1])
    )


# Scales with a middle, from one response to the other.
def five_steps(human):
    steps = np.where(np.arange(N) % 5 == 0, 3, np.where(VERDICT > 0, 5, 1))
    return BASE.assign(human=human, judge=steps), steps


def test_steps_from_one_response_to_the_other_are_warned_of_with_their_vocabulary():
    frame, steps = five_steps(TRUTH)
    table = read(frame)
    [warning] = table.warnings
    assert "judge ranges from 1 to 5 and is never negative; if 1 favors the first" in warning
    words = dict(
        w.split("=") for w in warning.rsplit("--value-map ", 1)[1].removesuffix(")").split(",")
    )
    told = read(frame, value_map={word: float(number) for word, number in words.items()})
    assert told.scores["judge"].tolist() == ((steps - 3) / 2).tolist() and told.warnings == ()


def test_steps_of_labels_are_refused_with_their_vocabulary():
    frame, steps = five_steps(TRUTH)
    frame["human"] = steps
    with pytest.raises(
        MetaevalError, match=r"'human' in .* ranges from 1 to 5; if 1 favors .*1=-1,2=-0.5,3"
    ):
        read(frame)
    words = {"1": -1.0, "2": -0.5, "3": 0.0, "4": 0.5, "5": 1.0}
    assert read(frame, value_map=words).labels["human"].tolist() == ((steps - 3) / 2).tolist()
    with pytest.raises(
        MetaevalError, match=r"ranges from -40 to 40; expected preferences from -1 "
    ):
        read(frame.assign(human=np.where(TRUTH > 0, 40, -40)))


def test_infinite_numbers_are_no_steps_of_a_scale():
    judge = np.where(np.arange(N) == 3, np.inf, 1.0 + np.arange(N) % 5)
    with pytest.raises(MetaevalError, match="infinite"):
        read(BASE.assign(human=TRUTH, judge=judge))
