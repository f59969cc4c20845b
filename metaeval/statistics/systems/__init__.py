"""Statistics of systems: accuracy and correlation of their means, soft pairwise accuracy.

- `system_means`: Accuracy and correlation of the mean scores of systems.
- `soft_accuracy`: Soft pairwise accuracy: agreement of the p-values for pairs of systems.
"""
