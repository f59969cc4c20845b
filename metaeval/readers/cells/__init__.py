"""From a cell to a value: notations, words, scales, codes for missing values.

- `missing_words`: Missing values: words that all readers recognize, and codes that users declare.
- `numbers_and_ids`: Cells as ids, numbers and covariates, the same from text and from typed
  columns.
- `notation_patterns`: The notations of numbers: percent signs, decimal commas, fractions, units,
  tensors.
- `column_notation`: The notation in which the cells of a column are written, and its decimal mark.
- `unread_cells`: Cells that look like numbers or scores and are not read: why, and what to do.
- `notation`: Columns of numbers as people and programs write them, as plain numbers.
- `rating_words`: Words of rating scales in ascending order, for hints that spell out a mapping.
- `verdict_words`: Verdicts as numbers: the words that judges use, and those that users declare.
- `scales`: Preference scales: what the numbers of a judge mean for the first and second response.
"""
