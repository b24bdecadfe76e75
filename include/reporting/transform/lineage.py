"""What each table feeds, by dbt's manifest: the published marts, and where data leaves the project.

``expectations/endangered.json`` keeps it for alerts, which must not wait for dbt;
``python -m reporting.cli.reference_docs`` renews it, and a test holds it to the manifest.
"""

from collections.abc import Iterator, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any

from reporting.core.settings import DBT_PROJECT
from reporting.store.published import TABLES

MODEL = "model.credit_reporting."
SCHEMAS = ("raw", "marts", "secure")


def endangered() -> dict[str, dict[str, list[str]]]:
    """For each raw, published or secure table: the marts and exposures that it feeds.

    The marts come in the order of publication, which puts who is reported first.
    """
    from dbt.cli.main import dbtRunner

    with TemporaryDirectory() as folder:
        done = dbtRunner().invoke(
            [
                *("--quiet", "--log-level", "none", "--log-path", folder, "parse"),
                *("--no-write-json", "--target-path", folder),
                *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            ]
        )
    manifest: Any = done.result
    manifest.build_parent_and_child_maps()
    found = {}
    for node_id, node in [*manifest.sources.items(), *manifest.nodes.items()]:
        schema = getattr(node, "source_name", None) or node.config.get("schema")
        if node.resource_type not in ("source", "model") or schema not in SCHEMAS:
            continue
        below = {node_id, *_below(node_id, manifest.child_map)}
        found[f"{schema}.{node.name}"] = {
            "exposures": [
                manifest.exposures[one].label for one in sorted(below) if one in manifest.exposures
            ],
            "marts": [table for table in TABLES if f"{MODEL}{table}" in below],
        }
    return dict(sorted(found.items()))


def _below(node: str, children: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Every node that reads this one, directly or not, each once."""
    seen = {node}
    waiting = [node]
    while waiting:
        readers = set(children.get(waiting.pop(), ())) - seen
        seen |= readers
        waiting += readers
        yield from readers
