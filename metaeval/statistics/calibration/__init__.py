"""Statistics of forecasts: proper scores, calibration errors, selective risk.

- `forecast_spec`: Specification of forecasts: which scores forecast which event, and how.
- `forecasts`: Forecast probabilities and labels of each case.
- `proper_scores`: Proper scores and sharpness of forecasts.
- `binned_ece`: Binned calibration error, plain and bias-corrected.
- `smooth_calibration_error`: Smooth calibration error, which needs no bins.
- `corp`: CORP decomposition of a proper score: miscalibration, discrimination, uncertainty.
- `recalibration`: Cross-fitted recalibration gain: miscalibration without optimism.
- `cox`: Calibration slope and intercept (Cox recalibration).
- `null_mean`: Simulated labels under perfect calibration.
- `ranked_sums`: Statistics of sums grouped by score or by confidence.
- `selective`: Ranking statistics: AUROC, and risk and coverage of confident decisions.
"""
