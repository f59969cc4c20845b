"""How often intervals cover and tests reject, on a grid of simulated designs.

- `designs`: Populations of data sets, and the grid.
- `measurements`: Intervals and p-values of one data set, by all methods.
- `summaries`: Coverage, size, power and width, with Monte Carlo errors.

Run: python -m benchmarks.validity.run FOLDER [--sets 2000] [--designs NAME ...]

Blocks of data sets are stored in FOLDER, so that a run that was stopped goes on where it was.
"""
