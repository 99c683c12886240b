"""The forge runs the same command as everybody, and its forms are well formed."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
GITHUB = ROOT / ".github"
FORMS = sorted(path for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config")
SCHEMAS = {
    **dict.fromkeys((GITHUB / "workflows").glob("*.yml"), "vendor.github-workflows"),
    GITHUB / "ISSUE_TEMPLATE" / "config.yml": "vendor.github-issue-config",
    **dict.fromkeys(FORMS, "vendor.github-issue-forms"),
}


@pytest.mark.parametrize("path", SCHEMAS, ids=lambda p: p.name)
def test_files_follow_the_forges_schema(path: Path) -> None:
    """A file that does not is silently ignored there."""
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", SCHEMAS[path]]
    done = subprocess.run([*check, str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_workflow_runs_make_test_on_the_oldest_and_newest_python() -> None:
    """With no rights but to read, and by the interpreter that it has set up."""
    workflow = yaml.safe_load((GITHUB / "workflows" / "test.yml").read_text("utf-8"))
    job = workflow["jobs"]["test"]
    assert job["steps"][-1] == {"run": "make test PYTHON=python"}
    assert workflow["permissions"] == {"contents": "read"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    oldest, newest = job["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={oldest}"
    assert f"python{newest} " in (ROOT / "Makefile").read_text("utf-8")
