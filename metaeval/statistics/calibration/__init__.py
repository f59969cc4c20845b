"""Statistics of forecasts: proper scores, calibration errors, selective accuracy.

- `forecast_spec`: Readings: which scores become forecasts of which event, and how.
- `forecasts`: Forecasts: what a scorer says of each case as a probability, beside what the labels
  say.
- `proper_scores`: Proper scores of forecasts, and how sharp the forecasts are.
- `binned_ece`: Calibration error by bins of forecasts, as it is, and less what chance adds to it.
- `smooth_calibration_error`: Smooth calibration error: a measure of miscalibration without bins.
- `corp`: Miscalibration, discrimination and uncertainty: the parts of a proper score.
- `recalibration`: What recalibration on other items would gain: miscalibration without optimism.
- `cox`: Cox's recalibration: the slope and the intercept that forecasts lack.
- `null_mean`: Labels as they would be if forecasts were calibrated.
- `ranked_sums`: Statistics of sums by level of a score, or of how sure a scorer is.
- `selective`: How well scorers rank, and what is gained by decisions kept only where a scorer is
  sure.
"""
