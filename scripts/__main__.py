"""`python -m scripts` is the `hotline` command; that is how it starts its own processes."""

from scripts.cli import main

main()
