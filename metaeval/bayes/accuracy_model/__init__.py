"""The model of accuracy: scorers by tasks, partially pooled.

- `data`: From a table to the accuracies of scorers in tasks, with their errors and correlations.
- `covariates`: Verdicts by covariates: units of a task that are alike in them make a cell of
  their own.
- `density`: The model of accuracy, as a NumPyro function of plain arrays: how dense its posterior
  is.
- `model`: `AccuracyModel`: the accuracy of scorers in tasks, and its options.
"""
