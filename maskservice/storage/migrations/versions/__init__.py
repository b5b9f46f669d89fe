"""Numbered in sequence: 0001, 0002 … A released one is never changed."""
