"""Benchmarks of the service, compared with limits and peers; they need a clone."""
