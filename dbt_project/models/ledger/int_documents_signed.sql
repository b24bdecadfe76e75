-- One row per account and month that is read whose customer signed anything for its product by the
-- report date: the documents of the set, and the institutions that its authorizations name; for
-- whoever asks why.
select
    accounts.account_id,
    accounts.report_month,
    {{ joined_distinct('consents.document_code') }} as documents_signed,
    {{ joined_distinct("case when consents.document_code = accounts.document_code "
        ~ "then consents.reporter_code end") }} as reporters_named
from {{ ref('int_accounts_at_report_date') }} as accounts
inner join {{ ref('stg_consents') }} as consents
    on accounts.customer_id = consents.customer_id
    and accounts.product_code = consents.product_code
    and consents.occurred_at < {{ day_after('accounts.report_date') }}
where consents.action = 'signed'
group by accounts.account_id, accounts.report_month
