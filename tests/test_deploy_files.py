"""The files of `hotline deploy`: they fit the program, and those that read them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml

from models.clock import system_clock
from models.database import Store
from models.operations.access_log import record_access
from models.operations.event_channels import hold_channel
from models.operations.processes import report_process
from models.rules.vocabulary import Permission, UserRole
from models.security.roles import Actor
from scripts.service.deploy_files import KINDS, deploy_files
from scripts.service.metrics import MetricsCollector
from tests.scripts.hotline_in_process import InProcessHotline
from tests.store.factories import advance_tickets, feed, letter
from workers.broker import Bells, connect

pytestmark = pytest.mark.store(databases=["sqlite"])

(RULES,) = deploy_files("prometheus").values()
(DASHBOARD,) = deploy_files("grafana").values()
_OF_SCRAPES = {"district", "instance", "job"}
_SELECTOR = re.compile(r"\b(hotline_\w+|up)\b(?:\{([^}]*)\})?")
_GROUPING = re.compile(r"\b(?:by|without|on) \(([^)]*)\)")
_DURATION = re.compile(r"\d+[smhd]")


def alerts() -> list[dict[str, Any]]:
    """The alerts of the rules file."""
    (group,) = yaml.safe_load(RULES)["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


def dashboard() -> dict[str, Any]:
    """The dashboard as JSON has it."""
    board: dict[str, Any] = json.loads(DASHBOARD)
    return board


def expressions() -> Iterator[tuple[str, str]]:
    """Every expression, with the text beside it that names labels."""
    for alert in alerts():
        yield alert["expr"], " ".join(alert["annotations"].values())
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"], target["legendFormat"]


@pytest.fixture
def exposed(store: Store, broker_url: str) -> dict[str, set[str]]:
    """The labels of every metric of a store in which there is something of everything."""
    now = system_clock()
    feed(store, [letter("T1", "2026-11-02T09:00")], now)
    advance_tickets(store, ["T1"], now)
    with store.writing() as session:
        report_process(session, now, name="worker@test:1", role="worker", started_at=now, doing="",
               lateness_ms=0, done=1, failed=0)  # fmt: skip
        hold_channel(session, "city", "test", now, now + timedelta(minutes=1), from_now=False)
        who = Actor("wang", UserRole.SUPERVISOR)
        record_access(session, who, Permission.BACKUP, None, [], now)
    bells = Bells(connect(broker_url, store.cipher.store_id))
    return {
        metric.name: {label for sample in metric.samples for label in sample.labels}
        for metric in MetricsCollector(store, bells, system_clock).collect()
    } | {"up": set()}


def test_alerts_and_dashboard_ask_for_what_is_exposed(exposed: dict[str, set[str]]) -> None:
    """Every metric is one that the exporter has, with every label that is used with it."""
    asked = set()
    for expression, text in expressions():
        metrics = _SELECTOR.findall(expression)
        assert metrics, expression
        known = set(_OF_SCRAPES)
        for name, selected in metrics:
            asked.add(name)
            assert name in exposed, expression
            known |= exposed[name]
            labels = set(re.findall(r"(\w+)=", selected))
            assert labels <= exposed[name] | _OF_SCRAPES, expression
        grouped = {g.strip() for labels in _GROUPING.findall(expression) for g in labels.split(",")}
        named = set(re.findall(r"\{\{ ?(?:\$labels\.)?(\w+) ?\}\}", text))
        assert grouped | named <= known, expression
    assert exposed.keys() - asked == set(), "each metric is looked at by somebody"


def test_each_alert_says_what_to_do() -> None:
    names = [alert["alert"] for alert in alerts()]
    assert len(set(names)) == len(names)
    for alert in alerts():
        assert alert["annotations"].keys() == {"summary", "description"}
        assert alert["labels"]["severity"] in ("critical", "warning")
        assert _DURATION.fullmatch(alert["for"]), alert
        # it has no district, and is silent where one of several has what is looked for
        assert "absent(" not in alert["expr"], alert


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_prometheus_takes_the_rules(tmp_path: Path) -> None:
    """By its own checker."""
    file = tmp_path / "rules.yml"
    file.write_text(RULES, encoding="utf-8")
    done = subprocess.run(["promtool", "check", "rules", file], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout


def test_grafana_has_what_it_needs_of_a_dashboard() -> None:
    """The parts that it asks for at an import; no two panels at the same place."""
    board = dashboard()
    assert {"uid", "title", "schemaVersion", "panels", "templating", "time"} <= board.keys()
    assert board["timezone"] == "Asia/Shanghai"
    variables = {v["name"]: v["type"] for v in board["templating"]["list"]}
    assert variables == {"source": "datasource", "district": "query"}
    cells: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        assert panel["type"] in ("stat", "timeseries")
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & mine, panel["title"]
        cells |= mine
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)


def test_logs_of_processes_are_rotated_as_these_need_it() -> None:
    """They hold their log open and append, so it is copied; the service's user does it."""
    (text,) = deploy_files("logrotate").values()
    lines = [line.strip() for line in text.splitlines() if not line.strip().startswith("#")]
    assert lines[0].endswith("{")
    assert lines[-1] == "}"
    assert {"copytruncate", "su hotline hotline", "missingok"} <= set(lines[1:-1])


def test_files_are_printed_or_written(hotline: InProcessHotline, tmp_path: Path) -> None:
    """As they are; one that somebody has changed is kept unless it is to be replaced."""
    assert hotline("deploy", "grafana").stdout == DASHBOARD
    printed = hotline("deploy", "systemd").stdout
    assert all(text in printed for text in deploy_files("systemd").values())
    folder = tmp_path / "etc"
    assert "no such folder" in hotline("deploy", "prometheus", folder, code=1).stderr
    folder.mkdir()
    for kind in KINDS:
        hotline("deploy", kind, folder)
        assert all((folder / n).read_text("utf-8") == t for n, t in deploy_files(kind).items())
        assert hotline("deploy", kind, folder).stdout == ""
    (name,) = deploy_files("logrotate")
    (folder / name).write_text("changed")
    assert "--replace" in hotline("deploy", "logrotate", folder, code=1).stderr
    assert (folder / name).read_text() == "changed"
    assert hotline("deploy", "logrotate", folder, "--replace").stdout == f"{folder / name}\n"
    assert "systemd" in hotline("deploy", "nomad", code=1).stderr
