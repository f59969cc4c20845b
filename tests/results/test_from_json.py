"""Results read from altered JSON: refused in a sentence, or good for all that a result does."""

import copy
import json
import random

import pytest

import metaeval as me
from metaeval import MetaevalError, Result
from metaeval.cli.terminal import as_text
from metaeval.results import tables_of

ODD = (
    *(None, True, False, 0, -1, 1, 2.5, 1e308, 10**400, float("nan"), float("inf")),
    *("", "inf", "-inf", "x", "judge", "higher", "two-sided", "\x1b[31m", "\u202e", "a" * 5000),
    *([], {}, [1], ["x"], [[]], {"a": 1}, {"name": None}, [{}]),
)


@pytest.fixture(scope="module")
def documents():
    """Results of every kind of document, as JSON."""
    table = me.load_example()
    asked = {"n_resamples": 100, "scorers": table.scorers[:3]}
    results = [
        me.compare(table, by=None, equivalence_margin=0.1, **asked),
        me.compare(table, ["pairwise_accuracy", "pearson"], baseline=asked["scorers"][0], **asked),
        me.evaluate(table, **asked),
    ]
    return [json.loads(result.to_json()) for result in results]


def places(value, path=()):
    """Paths of all values in a document."""
    yield path
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*path, key))


def altered(document, rng):
    """A document with one to three values replaced, removed, doubled or swapped."""
    document = copy.deepcopy(document)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        *above, last = rng.choice([p for p in places(document) if p and len(p) < 5])
        parent = document
        for key in above:
            parent = parent[key]
        change = rng.random()
        if change < 0.6:
            parent[last] = copy.deepcopy(rng.choice(ODD))
        elif change < 0.8:
            del parent[last]
        elif isinstance(parent, list):
            parent.insert(last, copy.deepcopy(parent[last]))
        else:
            parent[last], other = document.get("rows"), parent[last]
            document["rows"] = other
        if not isinstance(document, dict):
            break
    return document


def used(result):
    """Everything that a result does."""
    for _, name, task in tables_of(result):
        result.leaderboard(name, task)
        for render in (result.to_markdown, result.to_html, result.to_latex):
            render(name, task)
        result.to_latex(name, task, interval="half", letters="column", caption=True)
    as_text(result)
    result.methods_paragraph()
    differences = result.frame[result.frame["baseline"].notna()]
    for row in differences.head(3).itertuples():
        result.sentence(row.scorer, row.baseline, statistic=row.statistic, task=row.task)
        result.sentence(row.baseline, row.scorer, statistic=row.statistic, task=row.task)
    Result.from_json(result.to_json())
    repr(result), result._repr_html_()


def outcome(text):
    try:
        result = Result.from_json(text)
    except MetaevalError as error:
        assert "\n" not in str(error) and len(str(error)) < 2_100
        return "refused"
    used(result)
    return "read"


@pytest.mark.parametrize("seed", range(2))
def test_altered_documents_are_refused_in_a_sentence_or_good_for_everything(documents, seed):
    rng = random.Random(seed)
    found = [outcome(json.dumps(altered(rng.choice(documents), rng))) for _ in range(40)]
    assert 3 < found.count("refused") < 40


@pytest.mark.slow
def test_many_altered_documents(documents):
    rng = random.Random(99)
    found = [outcome(json.dumps(altered(rng.choice(documents), rng))) for _ in range(1_000)]
    assert found.count("read") > 100


@pytest.mark.slow
def test_many_documents_with_changed_characters(documents):
    change_characters(documents, 99, 500)


@pytest.mark.parametrize("seed", range(2))
def test_documents_with_changed_characters(documents, seed):
    change_characters(documents, seed, 15)


def change_characters(documents, seed, times):
    """Use documents in which one character is another, or some are left out."""
    rng, text = random.Random(seed), json.dumps(documents[0])
    for _ in range(times):
        i = rng.randrange(len(text))
        outcome(text[:i] + rng.choice('{}[],:"0159-+eE. \\nulltrue\ud800') + text[i + 1 :])
        outcome(text[:i] + text[i + rng.randrange(1, 60) :])


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "3", '"x"', "{}", "[" * 100_000, '{"rows": []}', "\ud800", "1" * 5_000],
)
def test_what_is_no_result_is_refused(text):
    assert outcome(text) == "refused"


def test_untouched_documents_are_read(documents):
    assert [outcome(json.dumps(document)) for document in documents] == ["read"] * 3


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda d: d["rows"][0].update(scorer=None), r"rows\[0\].scorer: None"),
        (lambda d: d["rows"][0].update(estimate="high"), "estimate: 'high'"),
        (lambda d: d["rows"].append(d["rows"][0]), "duplicate row"),
        (lambda d: d["policy"].update(correction="magic"), "policy.correction: 'magic'"),
        (lambda d: d["policy"].update(confidence=95), "policy.confidence: 95"),
        (lambda d: d["rows"][-1].update(baseline="nobody"), "without a value: 'nobody'"),
        (lambda d: d["rows"][0].update(interval="lucky"), "interval: 'lucky'"),
    ],
)  # fmt: skip
def test_the_refusal_names_the_place(documents, change, said):
    document = copy.deepcopy(documents[0])
    change(document)
    with pytest.raises(MetaevalError, match=said):
        Result.from_json(json.dumps(document))


@pytest.mark.parametrize("value", [["judge"], 3, None])
def test_columns_of_the_alignment_are_objects(documents, value):
    document = documents[0] | {"alignment": documents[0]["alignment"] | {"columns": value}}
    with pytest.raises(MetaevalError, match=r"alignment\.columns"):
        Result.from_json(json.dumps(document))


def test_a_scorer_without_its_value_has_no_rank(documents):
    rows = [
        row | {"estimate": None, "lower": None, "upper": None}
        if row["scorer"] == "lexical" and row["baseline"] is None
        else row
        for row in documents[0]["rows"]
    ]
    result = Result.from_json(json.dumps(documents[0] | {"rows": rows}))
    assert (result.leaderboard().set_index("scorer")["letters"] != "").sum() > 1
    assert result.to_latex() and result.to_markdown()
