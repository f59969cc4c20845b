"""Models of margins: ties by thresholds, and calibration curves.

- `data`: Tables as the models of win, tie and loss and of calibration take them.
- `binned_counts`: From a table to counts of outcomes at margins, and what dependent pairs are
  worth.
- `likelihood`: Counts of a table at margins with the curves through them: likelihoods and
  simulated data.
- `densities`: How dense the posteriors of the models of margins are, as NumPyro functions of plain
  arrays.
- `models`: `TieModel` and `CalibrationModel`: what labels say at a margin of two scores.
- `assembly`: What the models of margins share: names, populations, checks and predictions of
  their fits.
- `posterior_curves`: Curves of a posterior: what labels say at any margin.
- `quantities`: Quantities of the models of win, tie and loss, and of calibration.
- `best_threshold`: Where calling a tie is the best that a scorer can do.
- `beta_data`: Probabilities of single responses as beta calibration takes them.
"""
