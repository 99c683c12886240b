"""`make attack`: attack a service for ten minutes, and say what it came to.

make attack ATTACK_SEED=7 ATTACK_SECONDS=60
"""

import os
import secrets
import sys
import tempfile
from pathlib import Path

from tests.attack.service import attack
from tests.servers.key_value import KeyValueServer, installed_server


def main() -> int:
    """Attack once; 0 if nothing was lost, forged, reached or made public."""
    seed = int(os.environ.get("ATTACK_SEED") or secrets.randbelow(1_000_000))
    seconds = float(os.environ.get("ATTACK_SECONDS") or 600)
    sys.stdout.write(f"ATTACK_SEED={seed}\n")
    sys.stdout.flush()
    with tempfile.TemporaryDirectory(prefix="hotline-attack-") as folder:
        server = KeyValueServer(Path(folder) / "valkey", installed_server())
        result = attack(Path(folder), server, seconds, seed)
    for fault in result.faults:
        sys.stdout.write(f"  {fault}\n")
    attempts = " ".join(f"{name} {count}" for name, count in result.attempts.items())
    sys.stdout.write(f"letters {result.letters} {attempts} faults {len(result.faults)}\n")
    return 1 if result.faults else 0


if __name__ == "__main__":
    sys.exit(main())
