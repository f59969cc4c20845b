"""Statistics of systems: accuracy and correlation of their means, soft pairwise accuracy.

- `system_means`: System level: agreement of the means of systems under a scorer and under the
  labels.
- `soft_accuracy`: Soft pairwise accuracy: agreement of the p-values of pairs of systems.
"""
