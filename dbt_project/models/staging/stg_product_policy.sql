-- The product policy in force: the seed, or the file that the setting REPORTING_POLICY names.
-- The allocation order becomes a rank per part (smaller is paid first).
select
    product_code,
    account_type,
    reporting_basis,
    document_code,
    repay_mode,
    repay_frequency,
    business_detail,
    cast(grace_days as integer) as grace_days,
    due_basis,
    prepayment,
    on_withdrawal,
    instr(allocation_order, 'penalty') as penalty_rank,
    instr(allocation_order, 'fee') as fee_rank,
    instr(allocation_order, 'interest') as interest_rank,
    instr(allocation_order, 'principal') as principal_rank
from {{ source('policy', 'product_policy') if var('policy_file') else ref('product_policy') }}
