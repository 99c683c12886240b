"""Tests of the rules, without a server: against the regulation, a second model and scenarios."""
