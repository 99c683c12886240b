"""Queries: what is read from the store, as frozen values."""
