"""From a log density to draws: compiled NUTS, and convergence.

- `compile`: A model compiled once for each shape of its data: blocks of NUTS, with the data as
  arguments.
- `nuts`: Draws of a posterior by NUTS: chains side by side, in compiled blocks of steps.
- `convergence`: Convergence of chains: rank-normalized R-hat, effective sample sizes, energy;
  many at once.
"""
