"""Fuzzes one parser, guided by the coverage of our lines: a libFuzzer process by Atheris.

python -m tests.fuzz.coverage_guided TARGET FOLDER SECONDS

The shortest input for each failure is saved in FOLDER; the run goes on for others.
"""

import hashlib
import sys
from pathlib import Path
from random import Random

import atheris


def main(name: str, folder: Path, seconds: int) -> None:
    """Fuzz one target for this long; libFuzzer ends the process, with its statistics on stderr."""
    # The TOML reader is Python too: its errors are found sooner if its lines count as coverage.
    with atheris.instrument_imports(include=["models", "workers", "monitor", "scripts", "tomllib"]):
        from tests.fuzz.mutations import mutated
        from tests.fuzz.target import failure_of
        from tests.fuzz.targets import TARGETS

        target = TARGETS[name]
        for seed in target.seeds:
            target.run(seed)  # imports the modules that are imported late
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for seed in target.seeds:
        (corpus / hashlib.sha256(seed).hexdigest()[:16]).write_bytes(seed)
    shortest: dict[str, int] = {}

    def run(data: bytes) -> None:
        how = failure_of(target, data)
        if how is not None and len(data) < shortest.get(how, len(data) + 1):
            shortest[how] = len(data)
            kept = folder / f"fell-{hashlib.sha256(how.encode()).hexdigest()[:12]}"
            kept.write_bytes(data)
            kept.with_suffix(".why").write_text(how)

    def mutate(data: bytes, most: int, seed: int) -> bytes:
        rng = Random(seed)
        if rng.random() < 0.5:
            result: bytes = atheris.Mutate(data, most)
            return result
        return mutated(rng, data, target.seeds, rng.randint(1, 4))[:most]

    options = [
        f"-max_total_time={seconds}",
        f"-artifact_prefix={folder}/fell-",
        f"-max_len={max(map(len, target.seeds)) * 4}",
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], run, custom_mutator=mutate)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
