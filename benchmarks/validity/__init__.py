"""How often intervals cover and tests reject, on a grid of simulated designs.

- `designs`: Populations of data sets, and the grid.
- `measurements`: Intervals and p-values of one data set, by all methods.
- `run`: Simulated blocks of data sets, stored in a folder, so that a stopped run can go on.
- `summaries`: Coverage, size, power and width, with Monte Carlo errors.
- `page`: The page docs/validity.md from the summaries.
"""
