"""What the project says of itself holds together."""

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from oral_cancer.cli import build_parser
from tests.conftest import REPOSITORY
from tests.docs.pages import text_of

TEMPLATES = sorted((REPOSITORY / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))
MOST_WORDS = 1200


def project() -> dict[str, Any]:
    return tomllib.loads(text_of("pyproject.toml"))


def test_the_readme_is_short_and_its_links_and_pictures_are_there() -> None:
    readme = text_of("README.md")
    assert len(readme.split()) <= MOST_WORDS
    links = [link for link in re.findall(r"\]\(([^)#\s]+)", readme) if not link.startswith("https:")]
    assert len(links) > 30
    assert not [link for link in links if not (REPOSITORY / link).exists()]
    assert readme.count("![") >= 8


def test_hooks_are_what_make_lint_runs() -> None:
    recipe = re.search(r"^lint:[^\n]*\n((?:\t.*\n)+)", text_of("Makefile"), re.MULTILINE)
    assert recipe
    lines = {line.strip().replace("$(BIN)", ".venv/bin") for line in recipe[1].splitlines()}
    (repository,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    assert {hook["entry"] for hook in repository["hooks"]} == lines | {"make audit"}  # on which lint depends


def test_the_workflow_calls_what_every_change_must_pass() -> None:
    (job,) = yaml.safe_load(text_of(".github/workflows/ci.yml"))["jobs"].values()
    assert any(".ci/run" in step.get("run", "") for step in job["steps"])


@pytest.mark.parametrize("template", [path for path in TEMPLATES if path.stem != "config"], ids=lambda path: path.stem)
def test_templates_ask_for_what_the_command_prints(template: Path) -> None:
    content = yaml.safe_load(template.read_text(encoding="utf-8"))
    asked = " ".join(str(field["attributes"].get("label")) for field in content["body"])
    assert "oral-cancer status <study> --json" in asked
    assert build_parser().parse_args(["status", "study", "--json"]).json


def test_the_licence_is_the_one_that_is_named() -> None:
    citation = yaml.safe_load(text_of("CITATION.cff"))
    assert text_of("LICENSE").startswith("MIT License")
    assert project()["project"]["license"] == citation["license"] == "MIT"
    assert citation["references"][0]["doi"] in text_of("README.md")


def test_no_host_of_a_package_registry_is_named() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    hosts = ("py" + "pi.org", "python" + "hosted.org", "download." + "pytorch.org", "registry." + "npmjs.org")
    for name in filter(None, tracked.stdout.split("\0")):
        content = (REPOSITORY / name).read_bytes()
        assert not [host for host in hosts if host.encode() in content], name


def test_every_pinned_group_is_in_the_constraints() -> None:
    normal = {re.sub(r"[-_.]+", "-", line.partition("==")[0]).lower() for line in text_of("constraints.txt").split()}
    for packages in project()["dependency-groups"].values():
        for package in packages:
            name = re.match(r"[\w.-]+", package)
            assert name
            assert re.sub(r"[-_.]+", "-", name[0]).lower() in normal, package
