"""The submission files as a user of lxml would write them: an element per record, part and field.

Reads the rows that benchmarks/peers.py puts aside. It knows what the bureau's interface asks for
beyond XML: a line per record, no declaration, and an empty element as two tags. It does not know of
characters that XML cannot hold: with one of them lxml raises, and nothing is written.
"""

import argparse
import json
import time
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from lxml import etree

Row = dict[str, Any]


def add(parent: Any, parts: list[Any], row: Row) -> None:
    """Add the parts of a record that apply, each with its value or the parts in it."""
    for tag, when, content in parts:
        if when is None or row[when]:
            element = etree.SubElement(parent, tag)
            if isinstance(content, list):
                add(element, content, row)
            else:
                value = None if content is None else row[content]
                element.text = "" if value is None else str(value)


def line(envelope: list[str], segments: list[Any], row: Row) -> bytes:
    """A record as its line."""
    root = inner = etree.Element(envelope[0])
    for tag in envelope[1:]:
        inner = etree.SubElement(inner, tag)
    add(inner, segments, row)
    return bytes(etree.tostring(root, encoding="utf-8", xml_declaration=False))


def write(aside: Path, out: Path) -> dict[str, int]:
    """Write every file; how many records and bytes that was."""
    records = size = 0
    for file in json.loads((aside / "files.json").read_text(encoding="utf-8")):
        with (out / file["name"]).open("wb") as target:
            target.write(file["header"].encode() + b"\n")
            for batch in pq.ParquetFile(aside / f"{file['name']}.parquet").iter_batches():
                for row in batch.to_pylist():
                    target.write(line(file["envelope"], file["segments"], row) + b"\n")
                records += batch.num_rows
            size += target.tell()
    return {"records": records, "bytes": size}


def main() -> None:
    """Write the files and print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("aside", type=Path, help="the rows")
    parser.add_argument("out", type=Path, help="an empty folder")
    args = parser.parse_args()
    started = time.perf_counter()
    figures = write(args.aside, args.out)
    print(json.dumps({"seconds": time.perf_counter() - started, **figures}))


if __name__ == "__main__":
    main()
