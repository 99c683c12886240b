"""The supervisor keeps the log of its children small."""

from pathlib import Path

from scripts.service.supervisor import Supervisor


def test_a_long_log_is_rotated(tmp_path: Path) -> None:
    """Its writers hold it open and write on; its content is kept until the next rotation."""
    log, before = tmp_path / "service.log", tmp_path / "service.log.1"
    supervisor = Supervisor(log, lambda _text: None, log_bytes=15)
    supervisor.poll()
    with log.open("ab", buffering=0) as held:
        held.write(b"short\n")
        supervisor.log_checked_at = 0.0
        supervisor.poll()
        assert not before.exists()
        for text in (b"the first long line\n", b"the second long line\n"):
            held.write(text)
            supervisor.log_checked_at = 0.0
            supervisor.poll()
            assert before.read_bytes().endswith(text)
            assert log.read_bytes() == b""
        held.write(b"on\n")
    assert log.read_bytes() == b"on\n"
    assert before.read_bytes() == b"the second long line\n"
