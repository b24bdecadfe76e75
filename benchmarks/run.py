"""Floor, program and peers side by side: builds the books, measures, writes docs/benchmarks.md.

    make benchmark                                            every row
    python benchmarks/run.py --only month_1m --repeats 5      measure one row again
    python benchmarks/run.py --scale 0.01 --results trial.json --page trial.md

Each measured command is a process of its own. Raw figures are kept in benchmarks/results.json, from
which the page is rendered.
"""

import argparse
import json
from datetime import date
from pathlib import Path
from typing import Any

from measuring import machine, versions
from page import USUAL_LIMIT, render
from reporting.core.settings import PROJECT_ROOT
from scenarios import SCENARIOS, Bench

FOLDER = PROJECT_ROOT / "data" / "benchmarks"


def main() -> None:
    """Measure what the command line asks for and render the page."""
    args = _arguments()
    bench = Bench(
        folder=args.folder.resolve(),
        repeats=args.repeats,
        scale=args.scale,
        memory_limit=args.memory_limit,
        threads=args.threads,
        other_python=args.other_python,
        spark_python=args.spark_python,
    )
    results: dict[str, Any] = {"rows": {}}
    if args.results.exists():
        results = json.loads(args.results.read_text(encoding="utf-8"))
    results["versions"] = results.get("versions", {}) | versions(
        bench.other_python, bench.spark_python
    )
    for name in args.only or SCENARIOS:
        print(f"{name} ...", flush=True)
        figures = SCENARIOS[name](bench)
        about = {
            "measured_on": date.today().isoformat(),
            "machine": machine(),
            "scale": bench.scale,
            "memory_limit": bench.memory_limit,
        }
        results["rows"][name] = about | figures
        # after each row: what is measured is kept whatever becomes of the next
        args.results.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        args.page.write_text(render(results), encoding="utf-8")
    print(f"see {args.page}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="this row; repeatable")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each command (3)")
    parser.add_argument("--scale", type=float, default=1, help="smaller books, to try it out")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="books and homes lie here")
    parser.add_argument(
        "--memory-limit", default=USUAL_LIMIT, help="of DuckDB, floor and program alike"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--other-python",
        type=Path,
        default=FOLDER / "venv" / "bin" / "python",
        help="of the environment with Polars, pandas, lxml and pandera",
    )
    parser.add_argument(
        "--spark-python",
        type=Path,
        default=PROJECT_ROOT / ".venv-spark" / "bin" / "python",
        help="of the environment with Spark",
    )
    parser.add_argument(
        "--results",
        type=Path,
        default=Path(__file__).with_name("results.json"),
        help="raw figures, renewed row by row (benchmarks/results.json)",
    )
    parser.add_argument(
        "--page",
        type=Path,
        default=PROJECT_ROOT / "docs" / "benchmarks.md",
        help="what is rendered from them (docs/benchmarks.md)",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
