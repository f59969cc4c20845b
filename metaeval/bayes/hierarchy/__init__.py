"""Two-way normal hierarchies shared by several models.

- `priors`: Hierarchical priors of values by scorer and task, and draws of their populations.
- `centering`: Approximate likelihoods of the values of a grid, from the modes of single cells.
"""
