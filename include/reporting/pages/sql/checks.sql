-- Every check of the run, failed ones first.
select
    layer,
    table_name,
    check_id,
    severity,
    owner,
    description,
    rows_failing,
    rows_checked,
    passed,
    is_waived,
    waiver_note,
    example_keys
from marts.data_quality_results
where
    report_month = $month
    and as_of = $as_of
    and run_id is not distinct from $run_id
order by
    passed or is_waived,
    passed,
    list_position(['critical', 'warning', 'info'], severity),
    rows_failing desc,
    check_id,
    table_name;
