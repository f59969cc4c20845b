"""One module for each format that is recognized.

- `tidy`: Tidy tables: long or wide scores and labels of responses, long or wide verdicts on
  pairs.
- `tidy_cells`: Cells of a tidy table before reshaping: codes for missing values, words,
  notations, lists.
- `tidy_shapes`: Records of a tidy table before reshaping: turns of a question, scorers given as
  lists.
- `long_to_wide`: From long to wide: a row per response or pair, a column per scorer.
- `tidy_pairs`: Tidy tables of pairs: verdicts in long form, margins in wide form.
- `preferences`: Verdicts and margins on pairs: words to numbers, orders of presentation,
  refusals.
- `margins`: Margins of pairs: a column per scorer, or a row per scorer and pair.
- `orientation`: First and second: order of presentation, and columns of the two sides of a pair.
- `votes`: Votes on two models: `model_a`, `model_b`, `winner`, as arenas and MT-bench publish
  them.
- `mtme`: The mt-metrics-eval layout: a test-set folder, or single `.score` files.
- `mtme_files`: Score files of the mt-metrics-eval layout: their names and their lines.
- `rewardbench`: RewardBench: the scores of one reward model for a chosen and a rejected answer
  per prompt.
- `rewardbench2`: RewardBench 2: the scores of one reward model for several answers per prompt.
"""
