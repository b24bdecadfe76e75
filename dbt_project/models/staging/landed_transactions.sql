-- Every delivered transaction and the one place it has. A reversal must name an earlier row of its
-- own account that is inside the rules, is no reversal and is not reversed already (contracts,
-- section 2, rule 1).
{{ config(materialized='table') }}

with versions as ({{ versions('transactions') }}),

accounts as (
    select
        account_id as known_account_id,
        standing,
        opened_on,
        closed_on
    from {{ ref('known_accounts') }}
    where not is_agreement
),

judged as (
    select
        versions.*,
        accounts.*,
        {{ broken_rules('transactions', account_rules() + [
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
        ]) }} as broken_rules
    from versions
    left join accounts
        on versions.account_id = accounts.known_account_id
),

placed as (
    select
        *,
        {{ place(is_waiting="coalesce(standing = 'waiting', false)") }} as row_place
    from judged
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
        and target.row_place = 'good'
    where
        reversal.transaction_type = 'reversal'
        and reversal.row_place = 'good'
)

select
    placed.*,
    case
        when placed.row_place <> 'good' then placed.row_place
        when reversals.is_applicable is null then 'good'
        when reversals.is_applicable and reversals.nth_reversal = 1 then 'good'
        else 'quarantined'
    end as place,
    case
        when placed.row_place <> 'good' then null
        when not reversals.is_applicable then 'REVERSAL_NOT_APPLICABLE'
        when reversals.nth_reversal > 1 then 'REVERSED_ALREADY'
    end as broken_reversal_rule
from placed
left join reversals
    on placed.transaction_id = reversals.transaction_id
