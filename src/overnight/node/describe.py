"""`describe RUN N`: writes down in what environment an attempt runs, beside it, once."""

from __future__ import annotations

from overnight.node import environment, fs, layout


def main(root: str, project: str, name: str, number: str) -> None:
    run = layout.run(root, project, name)
    spec = fs.read_json(run.file("spec.json")) or {}
    variables = fs.read_json(run.attempt(int(number), "variables.json")) or {}
    found = environment.collect(
        spec.get("environment") or {"kind": "none"}, run.work, run.project_folder, variables
    )
    fs.publish_json(run.attempt(int(number), "environment.json"), found, durable=False)
