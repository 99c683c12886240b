"""What a crew does beside starting processes."""

from pathlib import Path

from scripts.service.supervisor import Supervisor


def test_a_long_log_is_begun_anew(tmp_path: Path) -> None:
    """Those who write hold it open and write on; what it held is kept until the next time."""
    log, before = tmp_path / "service.log", tmp_path / "service.log.1"
    crew = Supervisor(log, lambda _text: None, log_long=15)
    crew.look()
    with log.open("ab", buffering=0) as held:
        held.write(b"short\n")
        crew.log_at = 0.0
        crew.look()
        assert not before.exists()
        for text in (b"the first long line\n", b"the second long line\n"):
            held.write(text)
            crew.log_at = 0.0
            crew.look()
            assert before.read_bytes().endswith(text)
            assert log.read_bytes() == b""
        held.write(b"on\n")
    assert log.read_bytes() == b"on\n"
    assert before.read_bytes() == b"the second long line\n"
