"""The reconciliation of a run: its last step, and that every step closes (life cycle, section 11).

dbt builds steps 0 to 3 (``models/journal/reconciliation.sql``). Step 4 is counted here, in the
submission files as they were written, because they exist only then.
"""

from collections.abc import Sequence
from pathlib import Path

import duckdb

from reporting.core.database import filled, literal
from reporting.core.errors import DataNotFit
from reporting.core.run import Run
from reporting.records.files import SubmissionFile

STORED = "marts.reconciliation"
LAST_STORED = 4  # later steps are views over the bureau's answers
WHAT_TO_DO = "nothing is wrong with the delivered data: report this fault (docs/runbook.md)"

# Journal against files, by institution, record type and status; no item explains a difference.
IN_FILES = """
    insert into marts.reconciliation by name
    with journal as (
        select
            reporter_code, record_type, rpy_status as repayment_status,
            count(*) as accounts, sum(acct_bal) as balance, sum(tot_overd) as overdue
        from marts.submission_records
        where state = 'BUILT'
        group by all
    ),
    counted as (
        select
            files.reporter_code, files.record_type,
            {RpyStatus} as repayment_status,
            count(*) as accounts,
            sum(cast({AcctBal} as decimal(18, 0))) as balance,
            sum(cast({TotOverd} as decimal(18, 0))) as overdue
        from {lines} as lines inner join submission_files as files using (filename)
        group by all
    ),
    both_sides as (
        select 'start' as part, 'records' as item, * from journal
        union all by name
        select 'total' as part, 'lines' as item, * from counted
    )
    select
        months.report_month, months.as_of, {step} as step_number, 'file' as step, both_sides.*,
        count(*) over grain = 2
        and count(distinct (accounts, balance, overdue)) over grain = 1 as is_closed
    from both_sides cross join marts.built_months as months
    window grain as (partition by reporter_code, record_type, repayment_status)
"""


def count_files(
    connection: duckdb.DuckDBPyConnection,
    root: Path,
    run: Run,
    files: Sequence[SubmissionFile],
) -> None:
    """Add step 4: count the lines of the files below ``root``, and sum the amounts in them.

    Raises DataNotFit where a file cannot be read as the lines that were written.
    """
    paths = [str(root / one.reporter_code / run.label / one.name) for one in files]
    connection.execute(
        "create or replace temp table submission_files as select unnest(?::varchar[]) as filename, "
        "unnest(?::varchar[]) as reporter_code, unnest(?::varchar[]) as record_type",
        [paths, [one.reporter_code for one in files], [one.record_type for one in files]],
    )
    connection.execute(f"delete from marts.reconciliation where step_number = {LAST_STORED}")
    if not files:
        return
    lines = (
        f"read_csv([{', '.join(map(literal, paths))}], columns = {{'line': 'VARCHAR'}}, "
        "header = true, delim = '\t', quote = '', escape = '', auto_detect = false, "
        "filename = true)"
    )
    values = {tag: _value(tag) for tag in ("RpyStatus", "AcctBal", "TotOverd")}
    try:
        connection.execute(IN_FILES.format(lines=lines, step=LAST_STORED, **values))
    except (duckdb.IOException, duckdb.InvalidInputException, duckdb.ConversionException):
        # the cause may quote a line
        raise DataNotFit(
            f"month {run.label}: a file below {root} is not what was written; run the month again"
        ) from None


def _value(tag: str) -> str:
    """The SQL expression of the value of an element of a record 210; null in other records."""
    return (
        f"case when files.record_type = '210' "
        f"then nullif(regexp_extract(lines.line, '<{tag}>([^<]*)<', 1), '') end"
    )


def require_closed(connection: duckdb.DuckDBPyConnection, run: Run, source: str = STORED) -> None:
    """Require that every stored step of the run's reconciliation closes, to the fen.

    ``source``: the SQL relation that holds it.
    Raises DataNotFit naming institution, product, step and difference of the first that does not,
    or where the run has no reconciliation.
    """
    accounts, balance, overdue = (
        f"coalesce(sum(case when part = 'total' then {measure} else -{measure} end), 0)"
        for measure in ("accounts", "balance", "overdue")
    )
    try:
        found = connection.execute(
            filled(
                "select step_number, coalesce(reporter_code, 'all'), "
                f"coalesce(product_code, 'all'), step, {accounts}, {balance}, {overdue}, "
                f"bool_and(is_closed) from {source} "
                "where report_month = $month and as_of = $as_of and step_number <= $last "
                "group by step_number, step, reporter_code, product_code, record_type, "
                "account_group, repayment_status order by all",
                month=run.month,
                as_of=run.as_of,
                last=LAST_STORED,
            )
        ).fetchall()
    except duckdb.CatalogException:  # published by an older version
        found = []
    if not found and not run.is_supplement:  # one of persons alone has no step before its files
        raise DataNotFit(f"month {run.label} has no reconciliation; run the month again")
    for _, institution, product, step, accounts, balance, overdue, is_closed in found:
        if not is_closed:
            raise DataNotFit(
                f"month {run.label}: reconciliation does not close: institution {institution}, "
                f"product {product}, step {step}, difference {accounts} accounts, balance "
                f"{balance:.2f}, overdue {overdue:.2f}; {WHAT_TO_DO}"
            )
