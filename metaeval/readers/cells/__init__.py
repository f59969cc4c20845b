"""From a cell to a value: notations, words, scales, codes for missing.

- `missing_words`: What stands for a missing value: words that all readers know, and codes that
  users declare.
- `numbers_and_ids`: Cells as ids, numbers and covariates, the same whether they came as text or
  with a type.
- `notation`: Numbers as people and programs write them: percent signs, decimal commas, fractions,
  tensors.
- `rating_words`: Words of rating scales, from the lowest to the highest, for hints that name
  their order.
- `verdict_words`: Verdicts as numbers: the words that judges use, and what else the user says
  they mean.
- `scales`: Scales of preferences: what the numbers of a judge say of the first and second
  response.
"""
