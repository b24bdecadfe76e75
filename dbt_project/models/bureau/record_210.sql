-- One row per reported account and report date: record 210 as it is sent. Where an earlier record
-- of the account is withheld, code and segments are decided as if that record did not exist.
{{ config(materialized='view') }}

select
    composed.* replace (
        coalesce(moved.rpt_date_code, composed.rpt_date_code) as rpt_date_code,
        coalesce(moved.seg_c, composed.seg_c) as seg_c,
        coalesce(moved.seg_f, composed.seg_f) as seg_f
    )
from {{ ref('composed_210') }} as composed
left join {{ source('checks', 'resequenced_210') }} as moved
    on composed.account_id = moved.account_id
    and composed.reporter_code = moved.reporter_code
    and composed.report_date = moved.report_date
