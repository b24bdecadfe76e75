-- The book in numbers, from the plan alone.

create view rolls as
with bucketed as (
    select
        *,
        case
            when status in ('*', 'N', 'M') then 'current' when
                status in ('C', 'G')
                then 'closed'
            else status
        end as bucket
    from month_ends
)

select before.bucket, after.bucket as next_bucket, count(*) as accounts
from bucketed as before
join bucketed as after on after.account_no = before.account_no and after.m = before.m + 1
where before.m >= 0
group by all
order by all;

create view document_sets as
with last_words as (
    select *
    from signatures
    qualify row_number() over (
        partition by contract_no, reporter_code, document_code
        order by occurred_at desc, action desc
    ) = 1
),

sets as (
    select
        contracts.contract_no,
        if(contracts.is_draw, 'contract', 'authorization') as basis,
        count(*) filter (
            where action = 'signed' and document_code <> 'CREDIT_REPORTING_AUTHORIZATION'
        ) as papers,
        coalesce(
            bool_or(action = 'signed' and last_words.reporter_code = contracts.reporter_code)
            filter (where document_code = 'CREDIT_REPORTING_AUTHORIZATION'), null
        ) as is_authorized,
        coalesce(
            bool_or(action = 'signed') filter (
                where document_code = 'CREDIT_REPORTING_AUTHORIZATION'
            ),
            false
        )
            as is_signed
    from contracts left join last_words using (contract_no)
    group by all
)

select
    basis,
    case
        when is_authorized then 'the authorization and the other documents'
        when is_signed then 'an authorization that names another institution'
        when is_authorized is not null then 'authorization withdrawn'
        when papers > 0 then 'only documents that authorize nothing'
        else 'none'
    end as documents,
    count(*) as contracts
from sets
group by all
order by all;
