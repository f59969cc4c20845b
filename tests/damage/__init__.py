"""Damaged files through `inspect`: read rightly, refused, warned of, or wrong without a word."""
