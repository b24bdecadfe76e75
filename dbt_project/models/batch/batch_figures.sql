-- One row per report month, figure and what it is about: the month as a whole beside the months
-- before it. A figure is unusual where it leaves what the months before spanned by more than its
-- bounds allow (seed batch_bounds, one row per figure with its owner and the reason); a small one,
-- or one without a past, never is.
with figures as (
    select
        figure,
        scope,
        value,
        least,
        greatest,
        months_before,
        rows_counted
    from {{ ref('feed_figures') }}
    union all
    select
        now.figure,
        now.scope,
        now.value,
        min(before.value) as least,
        max(before.value) as greatest,
        count(before.value) as months_before,
        least(now.rows_counted, min(before.rows_counted)) as rows_counted
    from {{ ref('book_figures') }} as now
    left join {{ source('history', 'batch_figures') }} as before
        on now.figure = before.figure
        and now.scope = before.scope
    group by
        now.figure,
        now.scope,
        now.value,
        now.rows_counted
),

bounds as (  -- of a feed's own bounds and those of every feed, its own
    select
        figures.*,
        bounds.compare,
        bounds.lowest,
        bounds.highest,
        bounds.least_rows
    from figures
    inner join {{ ref('batch_bounds') }} as bounds
        on figures.figure = bounds.figure
        and bounds.scope in (figures.scope, '*')
    qualify row_number() over (
        partition by figures.figure, figures.scope
        order by bounds.scope = '*'
    ) = 1
),

allowed as (
    select
        *,
        case compare
            when 'ratio' then least * lowest
            when 'difference' then least + lowest
            else lowest
        end as allowed_from,
        case compare
            when 'ratio' then greatest * highest
            when 'difference' then greatest + highest
            else highest
        end as allowed_to
    from bounds
)

select
    {{ report_month() }} as report_month,
    figure,
    scope,
    value,
    least,
    greatest,
    cast(months_before as integer) as months_before,
    cast(rows_counted as bigint) as rows_counted,
    cast(allowed_from as double) as allowed_from,
    cast(allowed_to as double) as allowed_to,
    coalesce(
        rows_counted >= least_rows
        and (months_before >= 2 or compare = 'absolute' or figure = 'feed_same_as_before')
        and (value < allowed_from or value > allowed_to),
        false
    ) as is_unusual
from allowed
