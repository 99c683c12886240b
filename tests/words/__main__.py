"""`python -m tests.words`, as `make check` runs it: 1 if an old word has come back."""

import sys
from pathlib import Path

from tests.words.check import check, load_words


def main() -> int:
    """Print each old word that is found."""
    findings = list(check(Path(__file__).parents[2], load_words()))
    for line in findings:
        print(line)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
