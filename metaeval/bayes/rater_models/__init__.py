"""Models of raters with latent truth: Dawid-Skene and ordinal ratings.

- `data`: From a table with several raters to what the model of raters takes.
- `label_patterns`: Labels of several raters as distinct patterns and how many rows have each.
- `latent_class`: What all forms of the model of raters share: a latent class of each row, and its
  labels.
- `density`: The model of raters, as a NumPyro function of plain arrays: how dense its posterior is.
- `model`: `RaterModel`: what is true of each row, and what each of several raters is worth.
- `ordinal_data`: Ratings of responses as the ordinal model of raters takes them.
- `confusion`: Confusion matrices of raters: which of their cells are one parameter, and what they
  imply.
- `scorer_accuracy`: How often scorers call the truth, which is not known, only its probability
  given labels.
- `covariate_bins`: Rows of the model of raters in ranges of covariates, within which they count
  as equal.
- `design_effect`: How many rows of dependent units are worth one: design effects at the mode of
  the posterior.
- `gibbs`: Gibbs sampling of the truth and of the raters' confusion: conjugate steps in compiled
  blocks.
- `quantities`: Quantities of the model of raters.
"""
