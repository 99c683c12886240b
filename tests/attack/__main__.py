"""`make attack`: attack a service for ten minutes, and say what it came to.

make attack ATTACK_SEED=7 ATTACK_SECONDS=60

Half of the time it runs on SQLite, half on PostgreSQL; meanwhile somebody writes to the database of
copies of a store that has lived.
"""

import os
import secrets
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

from tests.attack.copies import copies
from tests.attack.service import attack
from tests.attack.tampering import Tampered, by_dice, tamper
from tests.servers.key_value import KeyValueServer, installed_server
from tests.servers.postgres import Databases, choose_postgres


def main() -> int:
    """Attack on both databases; 0 if nothing was lost, forged, reached or made public."""
    seed = int(os.environ.get("ATTACK_SEED") or secrets.randbelow(1_000_000))
    seconds = float(os.environ.get("ATTACK_SECONDS") or 600)
    _say(f"ATTACK_SEED={seed}")
    with choose_postgres(os.environ.get("HOTLINE_TEST_POSTGRES_URL")) as server:
        faults = sum(_attack(database, seconds / 2, seed) for database in (None, server))
    _say(f"faults {faults}")
    return 1 if faults else 0


def _attack(database: Databases | None, seconds: float, seed: int) -> int:
    """Attack a service on one database; returns how much went wrong."""
    with (
        tempfile.TemporaryDirectory(prefix="hotline-attack-") as name,
        ProcessPoolExecutor(1) as pool,
    ):
        folder = Path(name)
        for part in ("service", "copies"):
            (folder / part).mkdir()
        admin = database.url() if database is not None else None
        # a process of its own: Alembic upgrades one store at a time
        writing = pool.submit(_write, folder / "copies", admin, seconds, seed)
        server = KeyValueServer(folder / "valkey", installed_server())
        result = attack(folder / "service", server, seconds, seed, database)
        written = writing.result()
    faults = result.faults + written.faults
    for fault in faults:
        _say(f"  {fault}")
    attempts = " ".join(f"{name} {count}" for name, count in result.attempts.items())
    _say(f"{'postgresql' if database else 'sqlite'}: letters {result.letters} {attempts}")
    memory = " ".join(f"{role} {sizes}" for role, sizes in result.memory.items())
    _say(f"  DatabaseAttacker {written.changes} faults {len(faults)} MiB: {memory}")
    return len(faults)


def _write(folder: Path, admin: str | None, seconds: float, seed: int) -> Tampered:
    """Write to the databases of copies by dice; `admin` is the URL of a server."""
    rng = Random(seed)
    with copies(folder, Databases(admin) if admin is not None else None) as copied:
        return tamper(copied, rng, by_dice(rng, seconds))


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
