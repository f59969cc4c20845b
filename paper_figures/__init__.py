"""Figures that argue that metrics, reward models and judges are one kind of object.

Run: python -m paper_figures [-o DIR] [NAME ...]
"""
