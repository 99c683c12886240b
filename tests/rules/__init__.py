"""The regulation as pure functions, held against its own words."""
