-- One row per record 210 that may leave in this run, with what the bureau's rules compare it with:
-- the account's records before it, sent by earlier runs or standing in this batch. The rules
-- themselves are expectations/bureau_rules.yml.
-- Long, because each rule reads one row, so all that any rule compares a record with is joined
-- here.
{{ config(materialized='view') }}

with sent as (
    select
        reporter_code,
        account_id,
        last_report_date as report_date,
        first_account_type as acct_type,
        last_account_type as other_acct_type,
        opened_on as open_date,
        repayment_status as rpy_status,
        overdue_total as tot_overd,
        five_tier_assigned_on as five_cate_adj_date,
        was_closed,
        was_overdue,
        false as is_candidate
    from {{ ref('records_sent') }}
    where
        record_type = '210'
        and account_id in (select records.account_id from {{ ref('record_210') }} as records)
    union all
    select
        reporter_code,
        account_id,
        report_date,
        acct_type,
        acct_type as other_acct_type,
        open_date,
        rpy_status,
        tot_overd,
        five_cate_adj_date,
        rpt_date_code in ('20', '32') as was_closed,
        tot_overd > 0 as was_overdue,
        true as is_candidate
    from {{ ref('record_210') }}
),

compared as (
    select
        *,
        {%- for name, condition in [
            ('is_closed_before', 'was_closed'), ('has_overdue_before', 'was_overdue')
        ] %}
        coalesce(max(case when {{ condition }} then 1 else 0 end) over (
            partition by reporter_code, account_id
            order by report_date, is_candidate
            rows between unbounded preceding and 1 preceding
        ), 0) = 1 as {{ name }},
        {%- endfor %}
        {%- for column in ['report_date', 'rpy_status', 'tot_overd', 'five_cate_adj_date'] %}
        lag({{ column }}) over (
            partition by reporter_code, account_id
            order by report_date, is_candidate
        ) as previous_{{ column }},
        {%- endfor %}
        lead(report_date) over (
            partition by reporter_code, account_id
            order by report_date, is_candidate
        ) as next_report_date,
        -- a closing learnt late, of before what the bureau has
        was_closed and coalesce(
            max(case when not is_candidate then report_date end) over (
                partition by reporter_code, account_id
            ) > report_date,
            false
        ) as is_followed,
        case
            when
                min(acct_type) over (partition by reporter_code, account_id)
                = max(other_acct_type) over (partition by reporter_code, account_id)
                then 1
            else 2
        end as account_types,
        coalesce(
            min(case when not is_candidate then open_date end) over (
                partition by reporter_code, account_id
            ),
            min(open_date) over (partition by reporter_code, account_id)
        ) as first_open_date
    from sent
),

months_held as (  -- a month held back counts as present: it stays owed
    select
        records.account_id,
        records.reporter_code,
        records.report_date,
        max(owed.owed_month) as month
    from {{ ref('record_210') }} as records
    inner join {{ source('history', 'months_owed') }} as owed
        on records.account_id = owed.account_id
        and owed.owed_month < {{ month_start('records.report_date') }}
    group by records.account_id, records.reporter_code, records.report_date
),

limits_told as (
    select
        subject_id as agreement_id,
        reporter_code,
        report_date,
        credit_limit
    from {{ ref('records_sent') }}
    where record_type = '220'
    union all
    select
        agreement_id,
        reporter_code,
        report_date,
        credit_limit
    from {{ ref('record_220') }}
),

agreement_limits as (  -- for the credit lines that are reported
    select
        records.account_id,
        records.reporter_code,
        records.report_date,
        max_by(limits_told.credit_limit, limits_told.report_date) as credit_limit
    from {{ ref('record_210') }} as records
    inner join limits_told
        on records.agreement_id = limits_told.agreement_id
        and records.reporter_code = limits_told.reporter_code
        and records.report_date >= limits_told.report_date
    where
        records.seg_c
        and records.acct_cred_line is not null
    group by records.account_id, records.reporter_code, records.report_date
),

with_month_before as (
    select
        records.*,
        moved.account_id is not null as has_changed_owner,
        rejected.subject_id is not null as is_rejected_content,
        false as is_sent_already,  -- of accounts V47 says so
        -- an account's records of one day or month stand side by side: its neighbours are counted
        {%- for name, day in [
            ('records_on_date', '{}'), ('records_in_month', "date_trunc('month', {})")
        ] %}
        1
        {%- for neighbour in ['previous_report_date', 'next_report_date'] %}
        + case
            when
                {{ day.format('compared.' ~ neighbour) }} = {{ day.format('compared.report_date') }}
                then 1
            else 0
        end
        {%- endfor %} as {{ name }},
        {%- endfor %}
        compared.account_types,
        compared.first_open_date,
        -- of a pending month nothing was sent
        {%- for column in ['rpy_status', 'tot_overd', 'five_cate_adj_date'] %}
        case
            when
                compared.previous_report_date >= coalesce(months_held.month, date '1900-01-01')
                then compared.previous_{{ column }}
        end as previous_{{ column }},
        {%- endfor %}
        compared.is_closed_before,
        compared.is_followed,
        compared.has_overdue_before,
        {{ yuan('agreement_limits.credit_limit') }} as agreement_limit,
        greatest(
            coalesce({{ month_start('compared.previous_report_date') }}, months_held.month),
            coalesce(months_held.month, {{ month_start('compared.previous_report_date') }})
        ) as month_before
    from {{ ref('record_210') }} as records
    inner join compared
        on records.account_id = compared.account_id
        and records.reporter_code = compared.reporter_code
        and records.report_date = compared.report_date
        and compared.is_candidate
    left join months_held
        on records.account_id = months_held.account_id
        and records.reporter_code = months_held.reporter_code
        and records.report_date = months_held.report_date
    left join {{ ref('accounts_moved') }} as moved
        on records.account_id = moved.account_id
    {{ join_rejected_content('210', 'account_id', {
        'B': 'true', 'C': 'records.seg_c', 'F': 'records.seg_f', 'H': 'true', 'K': 'records.seg_k',
    }) }}
    left join agreement_limits
        on records.account_id = agreement_limits.account_id
        and records.reporter_code = agreement_limits.reporter_code
        and records.report_date = agreement_limits.report_date
)

select
    checked.*,

    -- what these products never send
    {%- for segment in ['d', 'e', 'g', 'i', 'j'] %}
    false as seg_{{ segment }},
    {%- endfor %}
    {%- for tag in ['prid_acct_bal', 'used_amt', 'not_isu_bal', 'rpy_prct', 'j_overd_prd',
        'j_tot_overd'] %}
    cast(null as bigint) as {{ tag }},
    {%- endfor %}
    {%- for tag in ['flag', 'credit_id', 'j_rpy_status', 'j_acct_status'] %}
    cast(null as {{ dbt.type_string() }}) as {{ tag }},
    {%- endfor %}

    {%- for kind in ['bill', 'transaction', 'limit'] %}
    coalesce(quarantine.{{ kind }}_since <= checked.report_date, false)
        as has_quarantined_{{ kind }},
    {%- endfor %}
    {{ holds_consent('checked.report_date') }} as has_quarantined_consent,
    coalesce(quarantine.moved_since <= checked.report_date, false) as has_moved_row,
    coalesce(quarantine.owner_since <= checked.report_date, false) as has_quarantined_owner,
    checked.reporter_code as org_code,
    {{ month_text('checked.month_before') }} as previous_month,
    {{ months_between('checked.month_before', "try_cast(concat(checked.month, '-01') as date)") }}
        as months_since_previous,
    coalesce(checked.month_before >= {{ month_start('checked.authorized_on') }}, false)
        as is_previous_in_period
from with_month_before as checked
left join {{ ref('int_accounts_in_quarantine') }} as quarantine
    on checked.account_id = quarantine.account_id
