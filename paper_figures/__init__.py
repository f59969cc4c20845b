"""Figures that treat metrics, reward models and judges as one kind of object.

Run: python -m paper_figures [-o DIR] [NAME ...]
"""
