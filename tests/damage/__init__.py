"""Damaged files through `check`: read rightly, refused, warned of, or wrong without a word."""
