"""A service that is attacked while it works; see `make attack`."""
