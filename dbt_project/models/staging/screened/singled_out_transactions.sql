-- Every delivered transaction that is examined alone: rows that may fail a rule (has_question), and
-- rows that change what is owed without being spending (interest and fees fall due by bills). They
-- are few of all rows, and one scan finds both. A reversal and the row it names always have a
-- question.
{{ config(materialized='table') }}

with targets as (
    select reverses_transaction_id as also_key
    from {{ delivered('transactions') }}
    where
        transaction_type = 'reversal'
        and reverses_transaction_id is not null
),

singled_out as (
    {{ singled_out('transactions', account_rules() + [
        ('TRANSACTION_TYPE_UNKNOWN',
            is_one_of('transaction_type', ['purchase', 'cash_draw', 'repayment', 'refund',
                'waiver', 'penalty', 'interest', 'fee', 'write_off', 'reversal'])),
        ('AMOUNT_NOT_POSITIVE', 'amount > 0'),
        ('AMOUNT_TOO_LARGE', 'amount is null or amount <= ' ~ largest_amount()),
        ('OCCURRED_AT_MISSING', 'occurred_at is not null'),
        ('OCCURRED_BEFORE_OPENING', 
            'occurred_at is null or occurred_at >= coalesce(opened_at, occurred_at)'),
        ('OCCURRED_AFTER_CLOSING', 
            'closed_before is null or occurred_at is null or occurred_at < closed_before'),
    ], of='account', also="transaction_type = 'reversal'", also_keys='targets',
    beside=is_one_of('transaction_type',
        ['repayment', 'waiver', 'refund', 'penalty', 'write_off'])) | indent(4) }}
)

select *
from singled_out
