"""Two-way normal hierarchies that several models share.

- `priors`: Values of scorers in tasks, drawn from populations of both: the prior that all models
  share.
- `centering`: Where the data put the values of a grid: modes of single cells, and their errors.
"""
