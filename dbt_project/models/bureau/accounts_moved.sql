-- One row per account of this run that is another's at the bureau: what was sent of it while it was
-- open names another institution, person or product than its row does now (H09). Of it nothing is
-- said until a person has looked into it, also no agreement.
with sent_to as (  -- whose account each open one is at the bureau, of which institution and product
    select
        account_id,
        reporter_code,
        max(customer_id) as customer_id,
        max(product_code) as product_code
    from {{ ref('records_sent') }}
    where record_type = '210'
    group by account_id, reporter_code
    having max(case when was_closed then 1 else 0 end) = 0
)

select distinct records.account_id
from {{ ref('record_210') }} as records
inner join sent_to
    on records.account_id = sent_to.account_id
where
    records.reporter_code <> sent_to.reporter_code
    or records.customer_id <> sent_to.customer_id
    or records.product_code <> sent_to.product_code
