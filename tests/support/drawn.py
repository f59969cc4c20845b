"""Results with many scorers to draw, and where the texts of a figure are."""

import itertools

import numpy as np
import pandas as pd

import metaeval as me
from metaeval import Pairs, bayes
from metaeval.bayes.result_rows import SummaryOptions, comparison_rows, scorer_rows
from metaeval.results import Result, frame_of_rows

ODD = (
    "a_b%&$x$ ^{2}",
    "<script>alert(1)</script>",
    "\u05e9\u05dc\u05d5\u05dd",
    "judge \U0001f980 \u4e2d",
    "line\nbreak \\$ \\alpha$",
)


def names(number, long=True):
    """Names of scorers, each 60 characters long, the first of them odd; or short ones."""
    if not long:
        return [f"scorer {i}" for i in range(number)]
    starts = [*ODD, *(f"scorer-{i}" for i in range(number))][:number]
    filling = "-a-very-long-name_of.a/metric(version=3,model=large-uncased" * 2
    return [f"{start}{filling}"[:57] + f"-{i:02d}" for i, start in enumerate(starts)]


def pairs(number, long=True, n=240, seed=0):
    """Pairs in three tasks, judged by scorers that are worse and worse."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(size=n)
    noise = np.linspace(0.3, 4, number)
    scores = {
        name: quality + noise[i] * rng.normal(size=n) for i, name in enumerate(names(number, long))
    }
    tasks = np.array(["news", "chat", "law"])[np.arange(n) % 3]
    rows = {"task": tasks, "item": [f"i{i}" for i in range(n)], "first": "a", "second": "b"}
    labels = pd.DataFrame({"human": np.sign(quality)})
    return Pairs(pd.DataFrame(rows), pd.DataFrame(scores), labels)


def compared(number, long=True, **options):
    """All pairs of scorers compared by accuracy."""
    asked = {"n_resamples": 200, "test": "mcnemar"} | options  # quick for many
    return me.compare(pairs(number, long), me.statistics.pairwise_accuracy(), **asked)


def posterior(tree, number, long=True, quantity="accuracy", more=None):
    """A posterior of so many scorers, made of invented draws and what a real one says of itself."""
    meta = bayes.summarize(tree, quantity).meta
    rng = np.random.default_rng(1)
    draws = 0.9 - np.linspace(0, 0.4, number) + rng.normal(size=(400, number)) * 0.03
    if more is not None:
        draws = more(draws)
    ask = SummaryOptions(statistic=meta.statistics[0].name, status="approximate", better="higher")
    about = dict.fromkeys(("n_items", "n_clusters", "n_rows", "n_dropped"), 1) | {"task": None}
    every = names(number, long)
    both = list(itertools.combinations(range(number), 2))
    rows = scorer_rows(ask, every, draws, about) + comparison_rows(ask, every, draws, both, about)
    return Result(frame_of_rows(rows), draws, meta)


def texts_of(figure):
    """Every text that a figure shows, after its layout."""
    figure.draw_without_rendering()
    found = [*figure.texts]
    legends = [*figure.legends]
    for ax in (a for a in figure.axes if a.get_visible()):
        for axis, limits in ((ax.xaxis, ax.get_xlim()), (ax.yaxis, ax.get_ylim())):
            low, high = sorted(limits)
            ticks = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            found += [tick.label1 for tick in ticks]
            found += [axis.label, axis.get_offset_text()]
        found += [*ax.texts, ax.title]
        legends += [ax.get_legend()] if ax.get_legend() else []
    for legend in legends:
        found += [*legend.get_texts(), legend.get_title()]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def check_texts(figure, smallest=5.0):
    """Fail if a text leaves the figure, overlaps another, or cannot be read."""
    boxes = [(t.get_text(), t.get_window_extent()) for t in texts_of(figure)]
    whole, room = figure.bbox, 0.5
    for text, box in boxes:
        inside = box.x0 >= -room and box.y0 >= -room
        inside &= box.x1 <= whole.x1 + room and box.y1 <= whole.y1 + room
        assert inside, f"{text!r} leaves the figure: {box} in {whole}"
    for (one, a), (two, b) in itertools.combinations(boxes, 2):
        wide = min(a.x1, b.x1) - max(a.x0, b.x0)
        high = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert wide <= room or high <= room, f"{one!r} overlaps {two!r}"
    assert min(t.get_fontsize() for t in texts_of(figure)) >= smallest
