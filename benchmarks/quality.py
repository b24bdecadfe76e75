"""What of the planted defects is found, and what good is thrown away: docs/data_quality.md.

    make quality-benchmark                                    three seeds, 100 clean months
    python benchmarks/quality.py --seeds 5 --clean-months 20 --page trial.md

Every book is run by the real pipeline. Row and key classes stand side by side in one book;
deliveries and months that are wrong as a whole come one at a time.
"""

import argparse
import json
import logging
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from rich.progress import track

from quality_findings import Findings, found_in, planted_in, score_deliveries, score_rows
from quality_page import render
from reporting.checks.results import results_of
from reporting.core.errors import ReportingError
from reporting.core.run import Run, parse_month, previous_month
from reporting.core.settings import PROJECT_ROOT, Settings
from reporting.pipeline import steps as pipeline
from reporting.synthetic.defects import Defect, load_classes
from reporting.synthetic.lender import generate

LAST = "2026-05"
MONTHS = 8  # of a book; the last one is spoilt
HISTORY = 4  # months that are run before it where the month as a whole is judged
ROWS, WHOLE, FILES = 6000, 3000, 800  # accounts of the books
YEARS = 24  # months of a book whose months are all clean; the first four are its history
Score = dict[str, Any]


def main() -> None:
    """Run all parts and write the page."""
    args = _arguments()
    folder = Path(mkdtemp(prefix="quality-", dir=args.folder))
    seeds = range(args.first_seed, args.first_seed + args.seeds)
    jobs: list[tuple[Callable[..., Score], tuple[Any, ...]]] = []
    jobs += [(rows_of_a_book, (folder, seed)) for seed in seeds]
    jobs += [(months_as_a_whole, (folder, seed)) for seed in seeds]
    jobs += [(deliveries, (folder, args.first_seed))]
    books = -(-args.clean_months // (YEARS - HISTORY))
    jobs += [
        (clean_months, (folder, 1000 + args.first_seed + number, args.clean_months, number))
        for number in range(books)
    ]
    try:
        with ProcessPoolExecutor(args.processes) as pool:
            waiting = [pool.submit(job, *args) for job, args in jobs]
            scores = [one.result() for one in track(waiting, "books")]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    results = {
        "measured_on": date.today().isoformat(),
        "seeds": list(seeds),
        "classes": {},
        "false": [],
        "silently_clean": 0,
        "clean_months": 0,
        "false_alarms": [],
    }
    for score in scores:
        for name, (hit, planted) in score.get("classes", {}).items():
            hits, all_planted = results["classes"].get(name, (0, 0))
            results["classes"][name] = (hits + hit, all_planted + planted)
        for name in ("false", "false_alarms"):
            results[name] += score.get(name, [])
        for name in ("silently_clean", "clean_months"):
            results[name] += score.get(name, 0)
    args.results.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    args.page.write_text(render(results), encoding="utf-8")
    print(f"see {args.page}")


def rows_of_a_book(folder: Path, seed: int) -> Score:
    """All row and key classes in one book, beside the same book without them."""
    with _home(folder, f"clean-{seed}") as clean, _home(folder, f"rows-{seed}") as spoilt:
        generate(Path(clean.landing), ROWS, MONTHS, seed)
        generate(Path(spoilt.landing), ROWS, MONTHS, seed, journal=_journal(spoilt))
        before = found_in(_built(clean), clean)
        after = found_in(_built(spoilt), spoilt)
        return score_rows(planted_in(_journal(spoilt)), before, after)


def months_as_a_whole(folder: Path, seed: int) -> Score:
    """Each class that is a matter of the whole month, in the last month of the same clean book."""
    classes: dict[str, tuple[int, int]] = {}
    alarms = []
    with _home(folder, f"whole-{seed}") as clean:
        generate(Path(clean.landing), WHOLE, MONTHS, seed)
        for month in _months_before(LAST, HISTORY):
            _built(clean, month)
        for one in [None, *(c for c in load_classes() if c.kind == "statistics")]:
            with _home(folder, f"whole-{seed}-{one.id if one else 'clean'}") as spoilt:
                shutil.copytree(clean.home, spoilt.home, dirs_exist_ok=True)
                journal = _journal(spoilt)
                names = [one.id] if one else []
                generate(
                    Path(spoilt.landing),
                    *(WHOLE, MONTHS, seed),
                    journal=journal if one else None,
                    defects=names,
                )
                found = _checks_of(spoilt)
                if one:
                    classes[one.id] = (int(_is_seen(one, found)), 1)
                else:
                    alarms += [f"{LAST} of {seed}: {name} {key}" for name, key in _batch(found)]
    return {"classes": classes, "false_alarms": alarms, "clean_months": 1}


def deliveries(folder: Path, seed: int) -> Score:
    """Each delivery that goes wrong: it stops the month, is warned of, or changes nothing."""
    classes: dict[str, tuple[int, int]] = {}
    with _home(folder, "files") as clean:
        generate(Path(clean.landing), FILES, MONTHS, seed)
        _built(clean)
        for one in (c for c in load_classes() if c.kind == "delivery"):
            with _home(folder, f"files-{one.id}") as spoilt:
                generate(
                    Path(spoilt.landing),
                    *(FILES, MONTHS, seed),
                    journal=_journal(spoilt),
                    defects=[one.id],
                )
                messages = _messages(spoilt, only_landing=one.seen_in == "structure")
                classes[one.id] = (int(score_deliveries(one, messages, clean, spoilt)), 1)
    return {"classes": classes}


def clean_months(folder: Path, seed: int, wanted: int, number: int) -> Score:
    """Months of a book in which nothing was planted: every unusual figure is a false alarm."""
    each = YEARS - HISTORY
    months = [*_months_before(LAST, YEARS - 1), LAST]
    measured = months[HISTORY : HISTORY + min(each, wanted - number * each)]
    alarms = []
    with _home(folder, f"long-{seed}") as clean:
        generate(Path(clean.landing), WHOLE, YEARS, seed)
        for month in months[: HISTORY + len(measured)]:
            found = _checks_of(clean, month)
            if month in measured:
                alarms += [f"{month} of {seed}: {name} {key}" for name, key in _batch(found)]
    return {"clean_months": len(measured), "false_alarms": alarms}


def _checks_of(settings: Settings, month: str = LAST) -> set[tuple[str, str]]:
    """The checks that failed, with the keys of what failed; why the month stopped, if it did."""
    try:
        findings: Findings = found_in(_built(settings, month), settings)
    except ReportingError:
        results = results_of(Run.of(month, None, settings), settings)
        return {("stopped", month)} | {(one.check_id, "") for one in results if not one.passed}
    return findings.checks


def _batch(found: set[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return (one for one in sorted(found) if one[0].startswith("batch.") or one[0] == "stopped")


def _is_seen(one: Defect, found: set[tuple[str, str]]) -> bool:
    """Whether the check that ought to see it did, for what it is about."""
    return any(name == one.rule and (not one.key or key.startswith(one.key)) for name, key in found)


def _built(settings: Settings, month: str = LAST) -> Run:
    run = Run.of(month, None, settings)
    pipeline.run_month(run, settings)
    return run


def _messages(settings: Settings, only_landing: bool) -> str:
    """The line that stopped the month, or the warnings of its landing."""
    heard: list[str] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            heard.append(record.getMessage())

    listener = Listener(logging.WARNING)
    logging.getLogger("reporting").addHandler(listener)
    run = Run.of(LAST, None, settings)
    steps = pipeline.STEPS[:3] if only_landing else pipeline.STEPS
    try:
        for step in steps:
            step(run, settings)
    except ReportingError as stop:
        heard.append(str(stop))
    finally:
        logging.getLogger("reporting").removeHandler(listener)
    return " ".join(heard)


@contextmanager
def _home(folder: Path, name: str) -> Iterator[Settings]:
    """Settings of a home and a landing zone that are gone afterwards."""
    place = folder / name
    place.mkdir()
    try:
        yield Settings(
            home=place / "home", landing=str(place / "landing"), threads=1, memory_limit="3GB"
        )
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _journal(settings: Settings) -> Path:
    return Path(settings.landing).with_name("journal.csv")


def _months_before(month: str, count: int) -> list[str]:
    found, day = [], parse_month(month)
    for _ in range(count):
        day = previous_month(day)
        found.append(f"{day:%Y-%m}")
    return found[::-1]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="books of each kind")
    parser.add_argument("--first-seed", type=int, default=4711)
    parser.add_argument("--clean-months", type=int, default=100)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--folder", type=Path, default=None, help="for the books, deleted after")
    here = Path(__file__)
    parser.add_argument("--results", type=Path, default=here.with_name("quality_results.json"))
    parser.add_argument("--page", type=Path, default=PROJECT_ROOT / "docs" / "data_quality.md")
    return parser.parse_args()


if __name__ == "__main__":
    main()
