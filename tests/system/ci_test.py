"""The CI kit of packaging/ci: the commands in its files, executed in a repository as the services would."""

import json
import os
import re
import shlex
import shutil
import xml.etree.ElementTree

import harness
from git_test import HEAD, Repository

KIT = os.path.join(harness.ROOT, "packaging", "ci")


def read(name):
    with open(os.path.join(KIT, name), encoding="ascii") as file:
        return file.read()


def github_steps():
    """name -> script of the workflow's steps that run something."""
    steps, name, lines = {}, None, read("github-workflow.yml").splitlines()
    for i, line in enumerate(lines):
        if match := re.match(r"      - name: (.*)", line):
            name = match.group(1)
        elif match := re.match(r"        run: (.*)", line):
            script = match.group(1)
            if script == "|":
                block = []
                for further in lines[i + 1:]:
                    if not further.startswith(" " * 10):
                        break
                    block.append(further[10:])
                script = "\n".join(block)
            steps[name] = script
    return steps


def gitlab_script():
    text = read("gitlab-ci.yml")
    block = text[text.index("  script:\n"):text.index("  artifacts:\n")]
    return "\n".join(line[len("    - "):] for line in block.splitlines()[1:])


def zone(records):
    return HEAD.replace("$ORIGIN", "; a zone\n$ORIGIN") + records


def pull_request(space, records):
    """A repository whose branch `change` differs from origin/main by RECORDS."""
    repository = Repository(space)
    os.makedirs(os.path.join(repository.path, "zones"))
    shutil.copytree(KIT, os.path.join(repository.path, "packaging", "ci"))
    for text, branch in ((zone(""), "main"), (zone(records), "change")):
        repository.git("checkout", "-q", "-B", branch)
        repository.write("zones/example.org.zone", text)
        if "300" not in records:
            repository.run("zonetool", "fmt", "-w", "zones/example.org.zone")
        repository.git("add", ".")
        repository.git("commit", "--allow-empty", "-qm", branch)
    repository.git("update-ref", "refs/remotes/origin/main", "main")
    repository.environment.update(GITHUB_BASE_REF="main", CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main",
                                  GITHUB_STEP_SUMMARY=os.path.join(repository.path, "summary.md"))
    return repository


def test_github():
    steps = github_steps()
    assert set(steps) == {"Check", "Layout", "What changes", "Comment"}
    with harness.Workspace() as space:
        repository = pull_request(space, "news    A       192.0.2.9\n")
        for name in ("Check", "Layout", "What changes"):
            repository.run("sh", "-e", "-c", steps[name])
        review = repository.read("summary.md")
        assert "| added | `news.example.org.` | A | 1h |  | `192.0.2.9` |" in review, review
        assert "`news.example.org. A`: was no such name, is data" in review, review
    with harness.Workspace() as space:
        repository = pull_request(space, "news    A       192.0.2.300\n")
        line = HEAD.count("\n") + 2
        told = repository.run("sh", "-e", "-c", steps["Check"], status=1)
        assert re.search(rf"^::error file=zones/example.org.zone,line={line},", told, re.M), told
        assert "cannot be compared" in repository.run("sh", "-c", steps["What changes"] + "; cat review.md", status=None)


def test_gitlab():
    script = gitlab_script()
    with harness.Workspace() as space:
        repository = pull_request(space, "news    A       192.0.2.9\n")
        repository.run("sh", "-c", script)
        assert "news.example.org." in repository.read("review.md")
    with harness.Workspace() as space:
        repository = pull_request(space, "news    A       192.0.2.300\n")
        repository.run("sh", "-c", script, status=1)
        findings = json.loads(repository.read("gl-code-quality-report.json"))
        assert any(row["location"]["path"] == "zones/example.org.zone" for row in findings), findings
        xml.etree.ElementTree.fromstring(repository.read("zones.xml"))


def test_pre_commit():
    """pre-commit calls `entry` with the names of staged files that match `files`."""
    text = read("pre-commit-config.yaml")
    hooks = list(zip(re.findall(r"entry: (.*)", text), re.findall(r"files: '(.*)'", text)))
    assert len(hooks) == 2
    for _, files in hooks:
        for name in ("zones/example.org.zone", "db.example.org", "a/db.192.0.2"):
            assert re.search(files, name), name
        for name in ("README", "a.zone.orig", "mydb.x/readme"):
            assert not re.search(files, name), name
    with harness.Workspace() as space:
        repository = pull_request(space, "news    A       192.0.2.9\n")
        for entry, _ in hooks:
            repository.run(*shlex.split(entry), "zones/example.org.zone")
        repository.write("zones/bad.zone", zone("x  A 192.0.2.300\n"))
        for entry, _ in hooks:
            repository.run(*shlex.split(entry), "zones/bad.zone", status=1)


def test_the_review_script():
    with harness.Workspace() as space:
        repository = pull_request(space, "")
        repository.write("zones/new.zone", zone("").replace("example.org", "example.net"))
        repository.git("rm", "-q", "zones/example.org.zone")
        repository.git("add", ".")
        repository.git("commit", "-qm", "more")
        review = repository.run("sh", "packaging/ci/zone-review.sh", "main")
        assert "New zone file `zones/new.zone`" in review and "`zones/example.org.zone` is removed" in review, review
