"""From a log density to draws: compiled NUTS, and convergence statistics.

- `compile`: Compiled blocks of NUTS steps, one compilation per model and shape of the data.
- `nuts`: NUTS with parallel chains, in compiled blocks of steps.
- `convergence`: Rank-normalized R-hat, effective sample sizes and E-BFMI of many quantities.
"""
