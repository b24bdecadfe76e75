-- Every delivered transaction with a question about it, and the one place it has. A reversal must
-- name an earlier row of its own account that is inside the rules, is no reversal and is not
-- reversed already (contracts, section 2, rule 1); so reversals and the rows they name are all
-- here.
{{ config(materialized='table') }}

with targets as (
    select reverses_transaction_id as also_key
    from {{ delivered('transactions') }}
    where
        transaction_type = 'reversal'
        and reverses_transaction_id is not null
        and recorded_at <= {{ as_of() }}
),

placed as (
    {{ questioned('transactions', account_rules() + [
        ('TRANSACTION_TYPE_UNKNOWN',
            "transaction_type in ('purchase', 'cash_draw', 'repayment', 'refund',"
            ~ " 'waiver', 'penalty', 'interest', 'fee', 'write_off', 'reversal')"),
        ('AMOUNT_NOT_POSITIVE', 'amount > 0'),
        ('AMOUNT_TOO_LARGE', 'amount <= ' ~ largest_amount()),
        ('OCCURRED_AT_MISSING', 'occurred_at is not null'),
        ('OCCURRED_BEFORE_OPENING',
            'occurred_at >= coalesce(cast(opened_on as timestamp), occurred_at)'),
        ('OCCURRED_AFTER_CLOSING',
            'closed_on is null or occurred_at < ' ~ day_after('closed_on')),
    ], of='account', also="transaction_type = 'reversal'", also_keys='targets') }}
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
    row_key,
    broken_rules,
    is_conflicting,
    broken_reversal_rule,
    case when broken_reversal_rule is null then place else 'quarantined' end as place
from judged
