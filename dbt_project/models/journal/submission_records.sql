-- One row per record of the month that was built or withheld (contracts, section 4).
-- The hash of its line is keyed: all of a line but name and number is published, so that a plain
-- hash would allow every identity number to be tried out.
with hashed as (  -- before the join: what is joined should not carry whole lines
    select
        lines.* exclude (line),  -- noqa: RF02
        {{ adapter.dispatch("hmac_sha256")("lines.line") }} as content_sha256
    from {{ source('records', 'record_lines') }} as lines
    cross join {{ source('keys', 'hash_key') }} as hash_key
)

select
    left(sha256(concat_ws(
        '|', hashed.record_type, hashed.reporter_code, hashed.subject_id,
        hashed.report_month, hashed.report_date
    )), 24) as record_id,
    hashed.reporter_code,
    hashed.record_type,
    hashed.subject_id,
    hashed.account_id,
    hashed.report_month,
    hashed.report_date,
    hashed.report_date_code,
    hashed.segment_hashes,
    hashed.content_sha256,
    status.repayment_status,
    status.overdue_total,
    hashed.file_name,
    hashed.state,
    nullif(array_to_string(hashed.rule_ids, ', '), '') as rule_ids,
    hashed.faulty_elements,
    cast(null as timestamp) as released_at,
    cast(null as varchar) as feedback_code,
    hashed.account_type,
    hashed.opened_on,
    hashed.five_tier_assigned_on,
    hashed.identity_hash,
    hashed.values_hash,
    hashed.agreement_id,
    hashed.credit_limit,
    hashed.customer_id,
    hashed.product_code
from hashed
left join {{ ref('repayment_status') }} as status
    on hashed.account_id = status.account_id
    and date_trunc('month', hashed.report_date) = status.report_month
