-- Every delivered transaction that is screened, and its one disposition. A reversal must
-- name an earlier row of its own account that is inside the rules, is no reversal and is not
-- reversed already (contracts, section 2, rule 1); so reversals and the rows they name are all
-- here.
{{ config(materialized='table') }}

with placed as (
    {{ placed('transactions', ref('singled_out_transactions')) | indent(4) }}
),

reversals as (
    select
        reversal.transaction_id,
        coalesce(
            target.transaction_type <> 'reversal'
            and target.account_id = reversal.account_id
            and target.occurred_at <= reversal.occurred_at,
            false
        ) as is_applicable,
        row_number() over (
            partition by
                reversal.reverses_transaction_id,
                target.account_id = reversal.account_id
                and target.occurred_at <= reversal.occurred_at
            order by reversal.occurred_at, reversal.transaction_id
        ) as nth_reversal
    from placed as reversal
    left join placed as target
        on reversal.reverses_transaction_id = target.transaction_id
        and target.place = 'good'
    where
        reversal.transaction_type = 'reversal'
        and reversal.place = 'good'
),

judged as (
    select
        placed.*,
        case
            when placed.place <> 'good' then null
            when not reversals.is_applicable then 'REVERSAL_NOT_APPLICABLE'
            when reversals.nth_reversal > 1 then 'REVERSED_ALREADY'
        end as broken_reversal_rule
    from placed
    left join reversals
        on placed.transaction_id = reversals.transaction_id
)

select
    {{ raw_columns('transactions') | join(',\n    ') }},
    source_file,
    row_key,
    broken_rules,
    is_conflicting,
    changes_subject,
    broken_reversal_rule,
    case when broken_reversal_rule is null then place else 'quarantined' end as place
from judged
