"""dbt in a Spark session: ``python -m reporting.transform.spark_session FILE dbt-arguments...``.

FILE (JSON) names the master, where the tables are written and the Parquet files that stand for each
relation the models read and do not build. Runs in a process of its own, in the environment that
holds PySpark and dbt-spark; everything it builds lies as Parquet when it ends. Where it fails,
a line that begins with FAILED names the nodes.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from reporting.transform.dbt_session import call_dbt

FAILED = "reporting: dbt failed: "
LOCAL_MEMORY = "4g"


def start_session(master: str, warehouse: str) -> Any:
    """A session whose settings make Spark mean what DuckDB means; the rest is Spark's own file.

    Times have no zone, so none may be put in or taken out. On this machine alone as many partitions
    as threads are enough, and one gigabyte, which is what Spark takes, is not; a cluster takes both
    from its own configuration, which also goes before LOCAL_MEMORY.
    """
    from pyspark.sql import SparkSession

    if master.startswith("local"):
        os.environ.setdefault("SPARK_DRIVER_MEMORY", LOCAL_MEMORY)

    builder = (
        SparkSession.builder.master(master)
        .appName("reporting")
        .config("spark.sql.warehouse.dir", warehouse)
        .config("spark.sql.catalogImplementation", "in-memory")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.showConsoleProgress", "false")
        # in the long expressions of a record Spark looks for constraints until memory ends
        .config("spark.sql.constraintPropagation.enabled", "false")
        # a table is many times its Parquet files: else it is sent whole to where it does not fit
        .config("spark.sql.sources.fileCompressionFactor", "20")
    )
    if master.startswith("local"):
        builder = builder.config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.shuffle.partitions", "4")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def register(session: Any, relation: str, source: dict[str, Any]) -> None:
    """Give the files of a relation its name, in the columns and types of the contract.

    ``root``, where a feed has one, is what stands before a file's name in ``_file``.
    """
    schema, table = relation.split(".")
    columns = ", ".join(f"`{name}` {type_}" for name, type_ in source["columns"].items())
    files = f"`{schema}`.`{table}`"
    root = source.get("root")
    if root:
        session.sql("create database if not exists files")
        files = f"files.`{table}`"
    session.sql(f"create database if not exists `{schema}`")
    session.sql(
        f"create table {files} ({columns}) using parquet options ("
        f"path '{source['path']}', recursiveFileLookup 'true')"
    )
    if root:
        path = "_metadata.file_path"
        session.sql(
            f"create view `{schema}`.`{table}` as select *, "
            f"substr({path}, instr({path}, '{root}') + {len(root)}) as _file from {files}"
        )


def main() -> int:
    """Start the session, name what the models read, and run dbt in it."""
    plan = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    session = start_session(plan["master"], plan["warehouse"])
    for relation, source in plan["relations"].items():
        register(session, relation, source)
    failed = call_dbt(sys.argv[2:])
    if failed is None:
        return 0
    sys.stdout.write(f"\n{FAILED}{'; '.join(node.name for node in failed)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
