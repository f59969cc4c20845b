"""Models of raters with latent truth: Dawid-Skene and ordinal ratings.

- `data`: Data of the rater model from a table with several raters.
- `label_patterns`: Distinct patterns of labels and their numbers of rows.
- `latent_class`: Data, checks and likelihoods shared by all forms of the rater model.
- `density`: The rater model as a NumPyro function of plain arrays.
- `model`: `RaterModel`: the latent truth of each row, and the quality of each rater.
- `ordinal_data`: Data of the ordinal form: ratings of responses.
- `confusion`: Parametrization of confusion matrices, and the posterior of the truth given labels.
- `scorer_accuracy`: Accuracy of scorers against the latent truth.
- `covariate_bins`: Rows in ranges of covariates, which are treated as constant within a range.
- `design_effect`: Design effects of dependent rows at the mode of the posterior.
- `gibbs`: Gibbs sampling of truth and confusion: conjugate steps in compiled blocks.
- `quantities`: Quantities of the rater model.
"""
