"""The application behind the `hotline` command."""
