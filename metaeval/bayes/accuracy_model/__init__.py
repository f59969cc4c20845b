"""The model of accuracy: scorers by tasks, partially pooled.

- `data`: Accuracies of scorers in tasks, with their standard errors and correlations.
- `covariates`: Cells of units with similar covariates.
- `density`: The model of accuracy as a NumPyro function of plain arrays.
- `model`: `AccuracyModel`: the accuracy of scorers in tasks, and its options.
"""
