-- One row per report month, figure and what it is about: the month as a whole beside the months
-- before it. A figure is unusual where it leaves what the months before spanned by more than its
-- bounds allow (seed batch_bounds, one row per figure with its owner and the reason); a small one,
-- or one without a past, never is. A month that was unusual itself is no measure for the next,
-- unless somebody has waived it: a fault that no one corrects does not become the norm.
with before as (
    select
        figures.figure,
        figures.scope,
        min(figures.value) filter (where unusual.figure is null) as least,
        max(figures.value) filter (where unusual.figure is null) as greatest,
        count(figures.value) filter (where unusual.figure is null) as months_before,
        min(figures.rows_counted) as rows_counted
    from {{ source('history', 'batch_figures') }} as figures
    left join {{ source('history', 'unusual_figures') }} as unusual
        on figures.report_month = unusual.report_month
        and figures.figure = unusual.figure
        and figures.scope = unusual.scope
    group by
        figures.figure,
        figures.scope
),

book as (
    select *
    from {{ ref('book_figures') }}
    union all
    select  -- an institution that is gone has no accounts, and is no missing figure
        before.figure,
        before.scope,
        0 as value,
        0 as rows_counted
    from before
    anti join {{ ref('book_figures') }} as now
        on before.figure = now.figure
        and before.scope = now.scope
    where before.figure = 'accounts_open'
),

figures as (
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
        book.figure,
        book.scope,
        book.value,
        before.least,
        before.greatest,
        coalesce(before.months_before, 0) as months_before,
        -- basis of a count: the counts of earlier months; of all else: the fewer rows, now or then
        case
            when book.figure = 'accounts_open' then before.rows_counted
            else least(book.rows_counted, before.rows_counted)
        end as rows_counted
    from book
    left join before
        on book.figure = before.figure
        and book.scope = before.scope
),

bounds as (  -- of a feed's own bounds and those of every feed, its own
    select
        figures.*,
        bounds.compare,
        bounds.lowest,
        bounds.highest,
        bounds.least_rows
    from figures
    left join {{ ref('batch_bounds') }} as bounds
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
        and (months_before >= 2 or compare = 'absolute')
        and (value < allowed_from or value > allowed_to),
        false
    ) as is_unusual
from allowed
