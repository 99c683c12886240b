"""The `hotline` command, and the readers of city feeds."""
