"""The terminal in which the monitor is measured: apart, as its probe must load nothing besides."""

SIZE = (160, 48)
"""Columns and rows."""
