"""Run the `hotline` command as `python -m scripts`, which is how it starts its own processes."""

from scripts.cli import main

main()
