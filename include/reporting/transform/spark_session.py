"""dbt in a Spark session: ``python -m reporting.transform.spark_session FILE dbt-arguments...``.

FILE (JSON) names the master, the folder for the tables, and the Parquet files of each relation that
the models read but do not build. It runs in a process of its own, in the environment with PySpark
and dbt-spark, and writes all tables as Parquet. On failure, a line that begins with FAILED names
the nodes.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from reporting.transform.dbt_session import call_dbt

FAILED = "reporting: dbt failed: "
LOCAL_MEMORY = "4g"


def end_with_caller() -> None:
    """End this process, and Spark with it, when the caller is gone and standard input has ended.

    Else the session of a killed run would write its tables among those of the next run.
    """

    def wait() -> None:
        while os.read(sys.stdin.fileno(), 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def start_session(master: str, warehouse: str) -> Any:
    """Start a session whose settings give SQL the same meaning as in DuckDB.

    Times have no zone, so no conversion may happen. Folders are named as files, since a cluster may
    take HDFS for a path without a scheme. On one machine as many partitions as threads
    are enough, but Spark's default of one gigabyte is not; a cluster has its own configuration,
    which also overrides LOCAL_MEMORY.
    """
    from pyspark.sql import SparkSession

    if master.startswith("local"):
        os.environ.setdefault("SPARK_DRIVER_MEMORY", LOCAL_MEMORY)

    builder = (
        SparkSession.builder.master(master)
        .appName("reporting")
        .config("spark.sql.warehouse.dir", f"file:{warehouse}")
        .config("spark.sql.catalogImplementation", "in-memory")
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.timestampType", "TIMESTAMP_NTZ")
        .config("spark.sql.ansi.enabled", "true")
        .config("spark.ui.showConsoleProgress", "false")
        # with the long expressions of a record Spark infers constraints until memory runs out
        .config("spark.sql.constraintPropagation.enabled", "false")
        # a table is much larger than its Parquet files: else Spark broadcasts too large tables
        .config("spark.sql.sources.fileCompressionFactor", "20")
    )
    if master.startswith("local"):
        builder = builder.config("spark.ui.enabled", "false")
        builder = builder.config("spark.sql.shuffle.partitions", "4")
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session


def register(session: Any, relation: str, source: dict[str, Any]) -> None:
    """Register the files of a relation as a table with the contract's columns and types.

    ``root``, if a feed has one, is the part of a path before the name in ``_file``.
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
        f"path 'file:{source['path']}', recursiveFileLookup 'true')"
    )
    if root:
        path = "_metadata.file_path"
        session.sql(
            f"create view `{schema}`.`{table}` as select *, "
            f"substr({path}, instr({path}, '{root}') + {len(root)}) as _file from {files}"
        )


def main() -> int:
    """Start the session, register what the models read, and run dbt in it."""
    end_with_caller()
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
