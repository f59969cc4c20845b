"""Models of margins: ties by thresholds, and calibration curves.

- `data`: Data of the models of ties and calibration.
- `binned_counts`: Binned counts of outcomes at margins, and design effects.
- `likelihood`: Log likelihoods and replicated data of binned counts.
- `densities`: The models of margins as NumPyro functions of plain arrays.
- `models`: `TieModel` and `CalibrationModel`: labels as a function of the margin of two scores.
- `assembly`: Data, derived parameters and warnings shared by the models of margins.
- `posterior_curves`: Outcome probabilities of a posterior at any margin.
- `quantities`: Quantities of the models of ties and calibration.
- `best_threshold`: The margin up to which a tie is the most probable outcome.
- `beta_data`: Data of beta calibration: probabilities of single responses.
"""
