-- What the customers signed. From June 2025 on, waves of service upgrades come every third month:
-- those who agree sign the authorization together with a higher limit. Loan contracts hold the
-- authorization from the first draw on.

create table contracts as  -- one row per customer, product and institution
with firsts as (
    select
        customer_no,
        customer_id,
        product_code,
        reporter_code,
        is_draw,
        min(opened_on) as first_opened_on,
        min(account_no) as contract_no
    from plan
    group by all
)

select
    *,
    contract_no // 20 as block,
    contract_no % 20 as slot,
    dice(1000, 'attitude', contract_no) as attitude,
    -- Some of each kind of story, whatever the seed says.
    case
        when slot = 13 and block % 41 = 2 then 'never signed'
        when slot = 15 and block % 37 = 3 then 'signed after opening'
        when slot = 19 and block % 31 = 4 then 'withdrew'
        when is_draw then 'signed at once'
        when attitude < 180 then 'authorizes nothing'
        when attitude < 210 then 'signed nothing'
        when attitude < 235 then 'names another'
        when attitude < 285 then 'withdrew'
        when attitude < 310 then 'came back'
        when attitude < 380 then 'signed at once'
        else 'signed in a wave'
    end as story
from firsts;

create table waves as
select
    row_number() over (order by starts_on) as wave_no,
    starts_on::date as starts_on,
    'UPGRADE-' || strftime(starts_on, '%Y-%m') as campaign_code
from range(
    timestamp '2025-06-01', getvariable('ends_before'), interval 3 months
) as months (starts_on);

-- When each contract's authorization was signed: not before the first wave, most in the first wave
-- they met.
create table authorizations as
with met as (
    select
        contracts.*,
        (select min(wave_no) from waves where last_day(starts_on) > first_opened_on)
        + [0, 0, 0, 0, 0, 0, 1, 1, 1, 2][1 + dice(10, 'wave', contract_no)] as wave_no
    from contracts
)

select
    met.*,
    campaign_code,
    case
        when is_draw
            then
                moment(first_opened_on, 18000 + dice(14000, 'signing', contract_no))
                + case
                    when story = 'signed after opening' then interval 5 days else interval 0 days
                end
        when story = 'signed at once' and first_opened_on >= date '2025-06-01'
            then moment(first_opened_on, 18000 + dice(14000, 'signing', contract_no))
        else moment(
            greatest(starts_on, first_opened_on + 1) + dice(
                1 + last_day(starts_on) - greatest(starts_on, first_opened_on + 1),
                'signed on',
                contract_no
            )::integer,
            25200 + dice(54000, 'signing', contract_no)
        )
    end as signed_at,
    case
        when not is_draw and date_trunc('day', signed_at) > first_opened_on then campaign_code
    end as signed_in_campaign
from met left join waves using (wave_no)
where
    story not in ('never signed', 'authorizes nothing', 'signed nothing')
    and (is_draw or starts_on is not null);

create table signatures as
with events as (
    -- The documents of the first day, which authorize nothing.
    select
        contract_no, customer_id, product_code, reporter_code, document_code, 'signed' as action,
        moment(first_opened_on, 14400 + dice(3600, 'papers', contract_no)) as occurred_at,
        null as campaign_code,
        place
    from contracts, (
        values
        ('HUABEI_SERVICE_AGREEMENT', 1), ('ZHIMA_SERVICE_AGREEMENT', 2), ('PRODUCT_DESCRIPTION', 3)
    ) as documents (document_code, place)
    where
        story <> 'signed nothing'
        and case when is_draw then place = 3 else product_code = 'HUABEI' or place > 1 end
    union all
    select
        contract_no, customer_id, product_code,
        case
            when story <> 'names another' then reporter_code
            when reporter_code = 'N101W1100H0017' then 'N101W1100H0025'
            else 'N101W1100H0017'
        end,
        'CREDIT_REPORTING_AUTHORIZATION', 'signed', signed_at, signed_in_campaign, 4
    from authorizations
    union all
    select
        contract_no,
        customer_id,
        product_code,
        reporter_code,
        'CREDIT_REPORTING_AUTHORIZATION',
        'withdrawn',
        moment(signed_at::date + 20 + dice(80, 'withdrawn', contract_no)::integer, 43200),
        null,
        5
    from authorizations where story in ('withdrew', 'came back')
    union all
    select
        contract_no,
        customer_id,
        product_code,
        reporter_code,
        'CREDIT_REPORTING_AUTHORIZATION',
        'signed',
        moment(signed_at::date + 110 + dice(60, 'back', contract_no)::integer, 43200),
        null,
        6
    from authorizations where story = 'came back'
    union all
    -- A new version of the text, signed again.
    select
        contract_no,
        customer_id,
        product_code,
        reporter_code,
        'CREDIT_REPORTING_AUTHORIZATION',
        'signed',
        moment(signed_at::date + 190 + dice(60, 'again', contract_no)::integer, 50000),
        null,
        7
    from authorizations where story = 'signed in a wave' and dice(12, 'again', contract_no) = 0
)

select
    *,
    case
        when
            document_code = 'CREDIT_REPORTING_AUTHORIZATION'
            and occurred_at >= timestamp '2025-12-01'
            then 'v2'
        else 'v1'
    end as document_version
from events
where occurred_at < getvariable('ends_before');

create view out_consents as
select
    'E' || lpad(contract_no::varchar, 8, '0') || 'N' || place as consent_event_id,
    customer_id,
    product_code,
    reporter_code,
    document_code,
    document_version,
    document_sha256,
    action,
    occurred_at,
    ['app', 'app', 'app', 'web'][1 + dice(4, 'channel', contract_no)] as channel,
    campaign_code,
    case
        when contract_no % 577 = 5 and place = 4 then after_cut_off(occurred_at, contract_no, place)
        else occurred_at + to_seconds(60 + dice(7200, 'consent', contract_no, place))
    end as recorded_at
from signatures join consent_texts using (document_code, document_version);

create view out_credit_limits as
with limits as (
    select
        coalesce(agreement_id, account_id) as account_id,
        any_value(customer_no) as customer_no,
        min(account_no) as contract_no,
        min(opened_on) as effective_on,
        max(case when is_draw then loan * 3 else monthly_spending * 8 end)
        // 50000 * 50000
        + 50000 as base,
        any_value(is_draw) as is_draw
    from plan
    group by coalesce(agreement_id, account_id)
),

signed as (
    select
        authorizations.contract_no,
        signed_in_campaign,
        signed_at::date as signed_on
    from authorizations
    where signed_in_campaign is not null and signed_at < getvariable('ends_before')
),

changes as (
    select
        account_id,
        contract_no,
        effective_on,
        base as credit_limit,
        'initial' as change_reason,
        null as campaign_code,
        1 as place
    from limits
    union all
    select
        account_id, limits.contract_no, signed_on, base * 3 // 2, 'increase', signed_in_campaign, 2
    from limits join signed using (contract_no)
    union all
    -- Three months late: the limit is lowered.
    select
        account_id,
        limits.contract_no,
        min(statement_on),
        least(base, base // 2),
        'decrease',
        null,
        3
    from limits join cycles on cycles.account_no = limits.contract_no
    where not limits.is_draw and months_late = 3
    group by all
    union all
    select account_id, limits.contract_no, closed_on, 0, 'ended', null, 0
    from limits join endings on endings.account_no = limits.contract_no
    where not limits.is_draw
)

select
    account_id,
    effective_on,
    yuan(credit_limit) as credit_limit,
    change_reason,
    campaign_code,
    moment(effective_on, 46800 + dice(36000, 'limit', contract_no, place)) as recorded_at
from changes left join endings on endings.account_no = contract_no and account_id not like '%AG%'
where
    effective_on < getvariable('ends_before')
    and (endings.closed_on is null or effective_on <= endings.closed_on)
qualify row_number() over (partition by account_id, effective_on order by place) = 1;
