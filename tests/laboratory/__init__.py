"""Tests of what the rules would have made of tickets, of defences and of forecasts."""
