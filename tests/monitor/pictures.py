"""Draws each screen from the fixed scene: `python -m tests.monitor.pictures FOLDER [COLSxROWS]`."""

import sys
import tempfile
from pathlib import Path

from models.i18n import activate
from monitor.app import MonitorApp
from monitor.screenshot import SCREENSHOTS, save
from tests.monitor.scene import NOW, make_scene


def main() -> None:
    """Draw all of them."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    columns, rows = (int(n) for n in (sys.argv[2] if len(sys.argv) > 2 else "132x38").split("x"))
    activate("zh")
    with tempfile.TemporaryDirectory() as place:
        store = make_scene(Path(place))
        for name in SCREENSHOTS:
            app = MonitorApp(
                store,
                lambda: NOW,
                wall=lambda: NOW,
                broker_ok=lambda: True,
                every=None,
                board=name == "board",
            )
            print(save(app, name, (columns, rows), folder))
        store.close()


if __name__ == "__main__":
    main()
