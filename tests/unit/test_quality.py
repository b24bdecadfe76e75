"""The checks on a small good month; planted faults, each caught by the right check."""

import html
import logging
import re
import shutil
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import pytest
from sqlalchemy import create_engine, inspect, text

from reporting.checks import duckdb_dialect, evaluate, guide, waivers
from reporting.checks.results import (
    LAYERS,
    CheckReport,
    CheckResult,
    forget,
    require_fit,
    results_of,
    saved_reports,
)
from reporting.core.errors import BadCall, DataNotFit
from reporting.core.run import Run
from reporting.core.safe_text import looks_personal
from reporting.core.seeds import seed_rows
from reporting.core.settings import EXPECTATIONS, Settings
from reporting.pages.month_checks import write_checks

# as the pipeline calls it: with its page
evaluate_layer = partial(evaluate.evaluate_layer, write_page=write_checks)

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
REPORTER = "N101W1100H0017"
PLANTED = "PLANTEDVALUE77"  # must never come out of a check
HASH = "58e4d117493c0501bea9f870e73c64d08d87896b9bdbb4132debc0520cafbd57"

# Thirty customers with an account each. Accounts 1-20 are reported and current; 21 is 45 days late,
# 22 closed in the month, 23 written off, 24 without notice, the others not authorized.
GOOD_MONTH = """
create schema raw; create schema marts; create schema secure;

create table raw.base as select i, 'C' || i as customer_id, 'A' || i as account_id,
    timestamp '2026-06-01 08:00:00' as recorded_at from range(1, 31) as t(i);
create view raw.customers as select customer_id,
    '测试' || array_extract('甲乙丙丁戊己庚辛壬癸', i % 10 + 1) as name, '10' as id_type,
    'X' || i as id_number,
    recorded_at from raw.base;
create table raw.accounts as select account_id, customer_id, 'HUABEI' as product_code,
    '<reporter>' as reporter_code, recorded_at from raw.base;
create table raw.transactions as select 'T' || i as transaction_id, account_id,
    timestamp '2026-05-20 10:00:00' as occurred_at, recorded_at from raw.base;
create schema history;
create table history.accounts_known as select account_id, false as was_closed from raw.base;
create table raw.bills as select 'B' || i as bill_id, account_id, date '2026-05-10' as due_on,
    date '2026-04-10' as statement_on, 2 as period_number, 12 as period_count,
    recorded_at from raw.base;
create table raw.consents as select 'E' || i as consent_event_id, customer_id,
    timestamp '2026-05-20 10:00:00' as occurred_at,
    '<reporter>' as reporter_code, 'CREDIT_REPORTING_AUTHORIZATION' as document_code,
    'v1' as document_version, '<hash>' as document_sha256, recorded_at from raw.base;
create table raw.credit_limits as select account_id, date '2025-06-01' as effective_on, recorded_at
    from raw.base;
create table raw.delivered_files as select 'bills' as table_name, 'bills/b.csv' as file,
    true as is_delivered, true as has_total, true as is_total_expected, 5 as rows_landed,
    5 as rows_stated, 1.5 as amount_landed, null::decimal(18, 2) as amount_stated;
create table raw.adverse_notices as select 'N' || i as notice_id, account_id, recorded_at
    from raw.base;
create table raw.disputes as select 'D' || i as dispute_id, account_id, recorded_at,
    date '2026-05-02' as received_on, date '2026-05-03' as annotated_on,
    date '2026-05-22' as answered_on, 'unverifiable' as outcome, 'contested' as remark
    from raw.base limit 10;
create table raw.internal_scores as select customer_id, date '2026-05-31' as scored_on, recorded_at
    from raw.base;

create table marts.reportable_population as select
    date '2026-05-01' as report_month, account_id, customer_id, 'HUABEI' as product_code,
    '<reporter>' as reporter_code, i <= 23 as is_reportable,
    case when i <= 23 then 'REPORTED' when i = 24 then 'NOTICE_PENDING' else 'NOT_AUTHORIZED' end
        as reason_code,
    'authorization' as reporting_basis, case when i <= 24 then 'E' || i end as consent_event_id,
    case when i <= 24 then date '2025-07-01' end as authorized_on,
    date '2025-07-01' as opened_on, date '2026-05-31' as report_date,
    timestamp '2025-07-01 08:00:00' as first_signed_at,
    case when i <= 23 then date '2026-03-01' end as first_reported_month
from raw.base;

create table secure.stg_customers as select customer_id, i = 30 as is_student from raw.base;
update marts.reportable_population set opened_on = '2021-02-28' where account_id = 'A30';

create table marts.repayment_status as select
    date '2026-05-01' as report_month, account_id,
    case when i = 22 then date '2026-05-20' else date '2026-05-31' end as report_date,
    1000.00::decimal(18, 2) as credit_limit,
    case when i = 22 then 0 else 200 end::decimal(18, 2) as balance,
    0::decimal(18, 2) as credit_balance, 100::decimal(18, 2) as amount_due,
    100::decimal(18, 2) as amount_paid, date '2026-05-10' as last_paid_on,
    late as days_past_due, late > 0 as is_late, is_late::integer as overdue_periods,
    if(is_late, 110, 0)::decimal(18, 2) as overdue_total,
    if(is_late, 100, 0)::decimal(18, 2) as overdue_principal,
    if(is_late, 100, 0)::decimal(18, 2) as overdue_principal_31_60,
    0::decimal(18, 2) as overdue_principal_61_90, 0::decimal(18, 2) as overdue_principal_91_180,
    0::decimal(18, 2) as overdue_principal_over_180,
    case when late > 0 then date '2026-05-31' - late end as oldest_unpaid_due_on,
    if(i = 22, 0, 1) as remaining_periods,
    case when i = 22 then 'C' when i = 23 then 'B' when late > 0 then '2' else 'N' end
        as repayment_status,
    case when i = 22 then '3' when i = 23 then '42' when late > 0 then '2' else '1' end
        as account_status,
    case when i = 23 then '5' when late > 0 then '2' else '1' end as five_tier_class,
    date '2025-07-01' as five_tier_assigned_on,
    case when i = 22 then date '2026-05-20' end as closed_on
from (select *, case when i in (21, 23, 24) then 45 else 0 end as late from raw.base);

create table marts.feed_counts as select date '2026-05-01' as report_month, table_name,
    1000 as delivered, if(table_name = 'bills', 994, 995) as good, 2 as duplicates, 2 as superseded,
    1 as after_cut_off, if(table_name = 'bills', 1, 0) as quarantined
from unnest(['customers', 'accounts', 'credit_limits', 'consents', 'transactions', 'bills',
    'adverse_notices', 'disputes', 'internal_scores']) as t(table_name);
create table marts.quarantined_rows as select 'bills' as table_name, 'B99' as row_key,
    null::varchar as account_id, 'KEY_MISSING' as rule_id, 'The row has no key.' as reason,
    timestamp '2026-06-01 08:00:00' as recorded_at;

create table marts.batch_figures as select date '2026-05-01' as report_month, figure,
    'transactions' as scope, 100.0 as value, 6 as months_before, 80.0 as allowed_from,
    120.0 as allowed_to,
    false as is_unusual
from unnest(['feed_rows', 'feed_amount']) as t(figure);
create table marts.connected_groups as select date '2026-05-01' as report_month,
    'HUABEI' as product_code, group_kind, 'one' as group_value, 30 as customers,
    24 as connected_customers, 0.8::decimal(9, 4) as share, 10 as minimum_group_size
from unnest(['wave', 'limit_band', 'score_band', 'opened_year']) as t(group_kind);
create table marts.internal_score_feed as select population.report_month, account_id,
    repayment_status, date '2026-05-31' as scored_on
from marts.reportable_population as population join marts.repayment_status using (account_id)
where not is_reportable;
create schema staging;
create table staging.stg_adverse_notices as select account_id, null::date as episode_started_on,
    null::timestamp as delivered_at from raw.base limit 0;
alter table marts.reportable_population add column episode_started_on date;
update marts.reportable_population set episode_started_on = '2026-04-16'
where reason_code = 'NOTICE_PENDING';
create table marts.notices_due as select date '2026-05-01' as report_month, account_id,
    episode_started_on, date '2026-05-01' as held_month, repayment_status, overdue_total,
    'A24: 110.00, 2026-07-03' as text, 'A24: 110.00, 2026年7月3日' as text_zh,
    date '2026-07-03' as earliest_report_on
from marts.reportable_population join marts.repayment_status using (account_id)
where reason_code = 'NOTICE_PENDING';

create table secure.record_210 as select
    '<reporter>' as reporter_code, account_id, 'C' || account_id[2:] as customer_id, report_month,
    report_date, report_date as rpt_date,
    case when repayment_status = 'C' then '20' when account_id = 'A1' then '31' else '30' end
        as rpt_date_code,
    'R1' as acct_type, reporter_code || account_id as acct_code, '测试' || account_id[2:] as name,
    '10' as id_type, 'X' || account_id[2:] as id_num, reporter_code as mngmt_org_code,
    account_id = 'A1' as seg_c, account_id = 'A1' as seg_f, true as seg_h,
    date '2025-06-01' as open_date, 1000 as acct_cred_line, null::bigint as loan_amt,
    date '2099-12-31' as due_date, acct_code as mcc, '2026-05' as month, report_date as sett_date,
    account_status as acct_status, balance::bigint as acct_bal,
    remaining_periods as rem_rep_prd, five_tier_class as five_cate,
    five_tier_assigned_on as five_cate_adj_date, repayment_status as rpy_status,
    overdue_periods as overd_prd, overdue_total::bigint as tot_overd,
    overdue_principal::bigint as overd_princ, overdue_principal_31_60::bigint as oved31_60,
    0 as oved61_90, 0 as oved91_180, 0 as oved180, 100 as cur_rpy_amt, 100 as act_rpy_amt,
    last_paid_on as lat_rpy_date, closed_on as close_date
from marts.repayment_status semi join (
    select account_id from marts.reportable_population where is_reportable) using (account_id);
create table secure.record_110 as select reporter_code, customer_id, name, id_type, id_num,
    rpt_date, '10' as rpt_date_code, true as seg_fcs, true as seg_sps, true as seg_edu,
    true as seg_octpn, true as seg_rednc, true as seg_mlg, false as is_spouse_missing,
    0 as values_left_out,
    false as is_employer_missing from secure.record_210;
create table secure.record_220 as select reporter_code, customer_id, mcc as contract_code,
    account_id as agreement_id, rpt_date,
    case when acct_status = '3' then '20' else '10' end as rpt_date_code, mngmt_org_code,
    date '2025-06-01' as con_eff_date, date '2099-12-31' as con_exp_date,
    case when acct_status = '3' then '2' else '1' end as con_status from secure.record_210;
create table secure.validated_records as select '210' as record_type, account_id as subject_id,
    '<reporter>' as reporter_code,
    account_id, 'BUILT' as state, []::varchar[] as rule_ids from secure.record_210;
create schema ledger;
create table ledger.int_accounts_at_report_date as select report_month, account_id, customer_id,
    account_id as agreement_id, reporter_code,
    case when account_id = 'A22' then date '2026-05-20' end as closed_on
    from marts.reportable_population;
create table ledger.int_accounts_in_quarantine (account_id varchar, held_since date);
create table history.months_owed as select account_id, date '2026-04-01' as owed_month
    from marts.repayment_status where account_id = 'A24';
create table ledger.int_months_read as select account_id, report_month, true as is_to_send
    from marts.reportable_population;
create table marts.built_months as select false as is_supplement;
create table history.pending_records (record_type varchar, reporter_code varchar,
    subject_id varchar, report_date date, report_date_code varchar);
create table history.submission_records as select account_id, reporter_code, '210' as record_type,
    'BUILT' as state, '30' as report_date_code, date '2026-04-30' as last_report_date,
    customer_id, product_code, false as was_closed
    from marts.reportable_population where account_id = 'A19';
""".replace("<reporter>", REPORTER).replace("<hash>", HASH)

# What is done to the good month, the check that must catch it, and how many rows it must count.
# The faults of one block do not touch each other and are planted together.
Fault = tuple[str, str, int]
FAULTS: list[tuple[str, list[Fault]]] = [
    (
        "landing",
        [
            (
                "insert into raw.accounts select 'A-' || i, 'C1', 'HUABEI', 'N101W1100H0017',"
                " timestamp '2026-06-01' from range(40) as t(i)",
                "landing.accounts.account_id_readable",
                40,
            ),
            (
                "update raw.accounts set reporter_code = 'N101W1100H9999' where account_id = 'A3'",
                "landing.accounts.reporter_known",
                1,
            ),
            (
                "update raw.transactions set recorded_at = '2026-05-20'",
                "landing.transactions.fresh",
                1,
            ),
            (
                "update raw.bills set due_on = '2026-06-10'",
                "landing.bills.month_present",
                1,
            ),
            (
                "update raw.consents set document_sha256 = 'other'"
                " where consent_event_id in ('E1', 'E2')",
                "landing.consents.text_known",
                2,
            ),
            (
                "insert into raw.credit_limits select null, null, timestamp '2026-06-01'"
                " from range(21)",
                "landing.credit_limits.key_filled",
                21,
            ),
            (  # the newest version says that it was never answered
                "insert into raw.disputes select * replace (null as answered_on,"
                " recorded_at + interval 1 hour as recorded_at)"
                " from raw.disputes where dispute_id = 'D1'",
                "landing.disputes.answered_in_time",
                1,
            ),
            (
                "update raw.disputes set annotated_on = '2026-05-04' where dispute_id = 'D2'",
                "landing.disputes.marked_at_once",
                1,
            ),
            (
                "update raw.disputes set remark = ' ' where dispute_id in ('D3', 'D4')",
                "landing.disputes.unverifiable_remarked",
                2,
            ),
        ],
    ),
    (
        "landing",
        [
            (
                "update raw.transactions set occurred_at = '2026-06-03' where account_id = 'A4'",
                "landing.transactions.happened_first",
                1,
            ),
            (
                "update raw.consents set occurred_at = '2036-05-20' where customer_id = 'C4'",
                "landing.consents.happened_first",
                1,
            ),
            (
                "update raw.bills set due_on = '2126-05-10' where account_id = 'A5'",
                "landing.bills.due_plausible",
                1,
            ),
            (
                "update raw.bills set period_number = 13 where account_id = 'A6'",
                "landing.bills.period_in_plan",
                1,
            ),
            (
                "insert into raw.bills select * replace ('B7D' as bill_id) from raw.bills"
                " where account_id = 'A7'",
                "landing.bills.period_once",
                1,
            ),
            (
                "insert into raw.bills select * replace ('B8L' as bill_id, 5 as period_number)"
                " from raw.bills where account_id = 'A8'",
                "landing.bills.period_gap",
                1,
            ),
            (
                "create or replace view raw.customers as select 'C' || i as customer_id, case i"
                " when 1 then '测试7' when 2 then chr(229) || chr(188)"
                " when 3 then 'a' || chr(65533)"
                " when 4 then 'José' else '测试' end as name, '10' as id_type,"
                " 'X' || greatest(i, 3) as id_number, recorded_at from raw.base",
                "landing.customers.name_readable",
                3,
            ),
            (
                "select 1",  # 1, 2 and 3 share a number by the view above
                "landing.customers.one_person_one_customer",
                3,
            ),
            (
                "insert into raw.transactions select null, 'A1', null, timestamp '2026-06-01'"
                " from range(21)",
                "landing.transactions.key_filled",
                21,
            ),
        ],
    ),
    (
        "marts",
        [
            (
                "update marts.batch_figures set is_unusual = true where figure = 'feed_rows'",
                "batch.feed_rows",
                1,
            ),
            (
                "insert into history.accounts_known values ('GONE', false), ('CLOSED', true)",
                "population.reported_remain",
                1,
            ),
            (
                "update history.submission_records set product_code = 'BAITIAO'",
                "population.reporter_unchanged",
                1,
            ),
            (
                "update marts.batch_figures set report_month = '2026-04-01'"
                " where figure = 'feed_amount'",
                "figures.of_this_month",
                1,
            ),
        ],
    ),
    (
        "landing",
        [
            (
                "update raw.transactions set occurred_at = '2026-04-10'; insert into"
                " raw.transactions select 'F' || i, 'A1', timestamp '2026-04-10',"
                " timestamp '2026-06-01' from range(200) as t(i)",
                "landing.transactions.month_forgotten",
                1,
            ),
            ("select 1", "landing.transactions.month_present", 1),
        ],
    ),
    (
        "landing",
        [
            (
                "update raw.base set recorded_at = '2026-06-04'",  # one day after the cut-off
                "landing.customers.delivered",
                1,
            ),
        ],
    ),
    (
        "marts",
        [
            (
                "insert into marts.reportable_population"
                " from marts.reportable_population where account_id = 'A10'",
                "population.account_once_a_month",
                1,
            ),
            (
                "update marts.reportable_population set is_reportable = true"
                " where account_id = 'A29'",
                "population.reported_means_reportable",
                1,
            ),
            (
                "update marts.reportable_population set authorized_on = '2026-06-01'"
                " where account_id = 'A1'",
                "population.authorized_by_report_date",
                2,  # and A29, which nobody authorized
            ),
            (
                "update marts.reportable_population set reason_code = 'BECAUSE'"
                " where account_id = 'A28'",
                "population.reason_known",
                1,
            ),
            (
                "update marts.reportable_population set reason_code = 'CONTRACT_CONSENT_MISSING'"
                " where account_id in ('A26', 'A27')",
                "population.contract_consent_missing",
                2,
            ),
            (
                "update secure.stg_customers set is_student = true"
                " where customer_id in ('C12', 'C13')",
                "population.students",
                2,
            ),
            (
                "update marts.repayment_status set days_past_due = null where account_id = 'A11'",
                "status.amounts_not_negative",
                1,
            ),
            (
                "update marts.repayment_status set overdue_principal_61_90 = 0.01"
                " where account_id = 'A21'",
                "status.overdue_parts_fit",
                1,
            ),
            (
                "update marts.repayment_status set repayment_status = '1' where account_id = 'A21'",
                "status.digit_follows_days",
                1,
            ),
            (
                "update marts.repayment_status set repayment_status = 'N' where account_id = 'A24'",
                "status.digit_means_overdue",
                2,  # and A11, whose days are unknown
            ),
            (
                "update marts.repayment_status set repayment_status = 'N' where account_id = 'A22'",
                "status.closed_means_c_or_g",
                1,
            ),
            (
                "update marts.feed_counts set good = good - 1"
                " where table_name in ('accounts', 'disputes')",
                "feeds.places_add_up",
                2,
            ),
            (
                "update marts.feed_counts set good = 894, quarantined = 101"
                " where table_name = 'bills'",
                "feeds.quarantine_bearable",
                1,
            ),
            (
                "update marts.feed_counts set good = 984, quarantined = 11"
                " where table_name = 'consents'",
                "feeds.quarantine_small",
                2,  # and the bills
            ),
            (  # 21 with the one that the good month holds
                "insert into marts.quarantined_rows select rows.* replace (null as row_key,"
                " 'ACCOUNT_UNKNOWN' as rule_id) from marts.quarantined_rows as rows, range(20)",
                "feeds.keys_filled",
                1,
            ),
        ],
    ),
    (
        "marts",
        [
            (
                "delete from marts.repayment_status where account_id in ('A5', 'A6', 'A7')",
                "population.open_means_status",
                3,
            ),
            (
                "delete from marts.reportable_population where account_id = 'A30'",
                "status.of_the_population",
                1,
            ),
            ("delete from marts.quarantined_rows", "feeds.quarantine_explained", 1),
        ],
    ),
    (
        "marts",
        [
            (
                "insert into marts.connected_groups from marts.connected_groups"
                " where group_kind = 'wave'",
                "groups.key_unique",
                1,
            ),
            (
                "update marts.connected_groups set report_month = '2026-04-01'"
                " where group_kind = 'limit_band'",
                "groups.of_this_month",
                1,
            ),
            (
                "update marts.connected_groups set connected_customers = 31"
                " where group_kind = 'score_band'",
                "groups.connected_within_customers",
                1,
            ),
            (
                "update marts.connected_groups set minimum_group_size = 31"
                " where group_kind = 'opened_year'",
                "groups.small_ones_folded",
                1,
            ),
            (
                "update marts.connected_groups set share = 0.7 where group_kind = 'opened_year'",
                "groups.share_of_customers",
                2,  # and the score bands with one connected too many
            ),
            (
                "insert into marts.internal_score_feed from marts.internal_score_feed"
                " where account_id = 'A25'",
                "score_feed.account_once_a_month",
                2,
            ),
            (
                "update marts.internal_score_feed set scored_on = '2026-06-01'"
                " where account_id = 'A26'",
                "score_feed.of_this_month",
                1,
            ),
            (
                "update marts.internal_score_feed set account_id = 'A1' where account_id = 'A27'",
                "score_feed.nothing_reportable",
                1,
            ),
            (
                "update marts.internal_score_feed set repayment_status = '7'"
                " where account_id = 'A28'",
                "score_feed.behaviour_of_the_open",
                1,
            ),
            (
                "insert into marts.notices_due from marts.notices_due",
                "notices.episode_once",
                1,
            ),
            (
                "insert into marts.notices_due select * replace ('A1' as account_id,"
                " date '2026-06-01' as held_month) from marts.notices_due limit 1",
                "notices.of_this_month",
                1,
            ),
        ],
    ),
    (
        "marts",
        [
            (
                "update marts.connected_groups set customers = 31 where group_kind = 'wave'",
                "groups.everybody_once_a_kind",
                1,
            ),
            (
                "delete from marts.internal_score_feed where account_id in ('A29', 'A30')",
                "score_feed.nobody_missing",
                2,
            ),
            (
                "update marts.reportable_population set reason_code = 'NOTICE_PENDING',"
                " episode_started_on = '2026-03-10' where account_id in ('A27', 'A28')",
                "notices.nobody_forgotten",
                1,
            ),
            (
                "insert into staging.stg_adverse_notices values"
                " ('A27', '2026-03-10', '2026-06-02 10:00:00'), ('A28', '2026-03-10', null)",
                "notices.nobody_forgotten",
                1,
            ),
            (
                "update marts.notices_due set repayment_status = 'N'",
                "notices.adverse",
                1,
            ),
            (
                "update marts.notices_due set earliest_report_on = '2026-06-03'",
                "notices.before_the_report",
                1,
            ),
            (
                "update marts.notices_due set text = text || ' {month}'",
                "notices.text_complete",
                1,
            ),
            (
                "alter table marts.notices_due add column name varchar",
                "notices.nothing_personal",
                1,
            ),
        ],
    ),
    (
        "records",
        [
            (
                "insert into secure.record_210 from secure.record_210 where account_id = 'A2'",
                "record_210.key_unique",
                1,
            ),
            (
                "update marts.reportable_population set is_reportable = false,"
                " reason_code = 'AUTHORIZATION_WITHDRAWN' where account_id in ('A3', 'A5')",
                "record_210.reported_in_its_month",
                3,  # and A12, whose March has no verdict
            ),
            (
                "update secure.record_210 set month = '2025-06' where account_id = 'A4'",
                "record_210.not_before_authorization",
                2,  # and A12
            ),
            (
                "delete from secure.record_210 where account_id = 'A7'",
                "record_210.complete",
                1,
            ),
            (
                "update secure.record_210 set acct_code = 'N101W1100H0025' || account_id"
                " where account_id = 'A8'",
                "record_210.codes_prefixed",
                1,
            ),
            (
                "insert into secure.record_210 select * replace (date '2026-03-31' as report_date,"
                " date '2026-03-31' as rpt_date) from secure.record_210 where account_id = 'A12'",
                "record_210.owed_from_before",
                1,
            ),
            (
                "update secure.record_110 set values_left_out = 2 where customer_id = 'C11'",
                "record_110.values_sent",
                1,
            ),
            (
                "update secure.record_110 set is_spouse_missing = true where customer_id = 'C11'",
                "record_110.spouse_named",
                1,
            ),
            (
                "update secure.record_110 set is_employer_missing = true where customer_id = 'C11'",
                "record_110.employer_named",
                1,
            ),
            (
                "insert into secure.record_220 select * replace ('A25' as agreement_id)"
                " from secure.record_220 where agreement_id = 'A13'",
                "record_220.customer_authorized",
                1,
            ),
            (
                "update secure.validated_records set reporter_code = 'N999W1100H0099'"
                " where account_id in ('A12', 'A13')",
                "bureau.reporter_registered",
                2,
            ),
            (
                "update secure.validated_records set rule_ids = ['V29'], state = 'WITHHELD'"
                " where account_id = 'A14'",
                "bureau.V29",
                2,  # and A15
            ),
            (
                "update secure.validated_records set rule_ids = ['V29', 'V41']"
                " where account_id = 'A15'",
                "bureau.nothing_leaves_broken",
                1,
            ),
            (
                "update secure.record_110 set name = 'somebody else' where customer_id = 'C9'",
                "record_110.same_person_as_210",
                1,
            ),
            (
                "insert into secure.record_110 select * replace ('C99' as customer_id)"
                " from secure.record_110 where customer_id = 'C10'",
                "record_110.has_account",
                2,  # and C7, whose account record is gone
            ),
            (
                "update secure.record_220 set con_status = '1' where rpt_date_code = '20'",
                "record_220.ended_agrees",
                1,
            ),
        ],
    ),
]


@pytest.fixture(scope="module")
def good_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "good.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(GOOD_MONTH)
    return path


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


@pytest.fixture
def run(settings: Settings) -> Run:
    return Run.of("2026-05", None, settings)


@pytest.fixture
def spoil(good_store: Path, run: Run, settings: Settings) -> Iterator[Callable[[str], None]]:
    """The good month in its place, and a way to change it."""
    store = run.build_store(settings)
    store.parent.mkdir(parents=True)
    shutil.copy(good_store, store)

    def change(sql: str) -> None:
        with duckdb.connect(str(store)) as connection:
            connection.execute(sql)

    yield change
    change("create table a_writer_can_open_the_store (i integer)")


def everything_written(settings: Settings) -> str:
    """The text of every page and result below the home folder, the database left out."""
    home = settings.home.resolve()
    files = [p for p in home.rglob("*") if p.suffix in (".html", ".json", ".parquet", "")]
    return "".join(p.read_bytes().decode("utf-8", "replace") for p in files if p.is_file())


@pytest.mark.usefixtures("spoil")
@pytest.mark.parametrize("layer", LAYERS)
def test_a_good_month_passes(layer: str, run: Run, settings: Settings) -> None:
    report = evaluate_layer(layer, run, settings)

    failed = {r.check_id for r in report.results if not r.passed and r.severity != "info"}
    assert failed == set()
    require_fit(report)
    assert len(report.results) > 15
    assert len({r.check_id for r in report.results}) == len(report.results)
    assert {r.table_name.split(".")[1] for r in report.results} == {
        path.stem for path in (EXPECTATIONS / layer).glob("*.py")
    }


@pytest.mark.parametrize(("layer", "faults"), FAULTS)
def test_planted_faults_are_caught(
    layer: str,
    faults: list[Fault],
    run: Run,
    settings: Settings,
    spoil: Callable[[str], None],
) -> None:
    for sql, _, _ in faults:
        spoil(sql)

    report = evaluate_layer(layer, run, settings)

    failing = {r.check_id: r.rows_failing for r in report.results if not r.passed}
    expected = {check_id: rows for _, check_id, rows in faults}
    assert {check_id: failing.get(check_id) for check_id in expected} == expected
    with pytest.raises(DataNotFit, match=f"2026-05: .* failed in layer {layer}: ") as stopped:
        require_fit(report)
    critical = {r.check_id for r in report.critical_failures}
    told = {id_ for id_, rows in expected.items() if f"{id_} ({rows} of " in str(stopped.value)}
    assert told == critical & set(expected)
    assert "\n" not in str(stopped.value)


def test_no_value_of_a_row_is_written(
    run: Run,
    settings: Settings,
    spoil: Callable[[str], None],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    spoil(
        """
        update raw.accounts set reporter_code = '<planted>' where account_id = 'A3';
        update raw.consents set document_sha256 = '<planted>', reporter_code = '<planted>';
        update marts.reportable_population set reason_code = '<planted>', product_code = '<planted>'
            where account_id in ('A29', 'A30');
        alter table marts.repayment_status alter days_past_due type varchar;
        update marts.repayment_status set days_past_due = '<planted>' where account_id = 'A1';
        update secure.record_110 set name = '<planted>';
        update secure.record_210 set acct_code = '<planted>', name = '<planted>';
        """.replace("<planted>", PLANTED)
    )
    with caplog.at_level(logging.DEBUG):
        for layer in LAYERS:
            report = evaluate_layer(layer, run, settings)
            assert report.critical_failures or report.warnings

    unevaluated = [r for r in results_of(run, settings) if "Not evaluated" in r.description]
    assert unevaluated, "a value that does not convert must have stopped a check"
    written = everything_written(settings)
    assert "record_210.codes_prefixed" in written
    assert PLANTED not in written
    assert "测试" not in written
    assert PLANTED not in caplog.text
    out, err = capfd.readouterr()
    assert out + err == ""


def test_a_failed_check_shows_three_pseudonymous_keys(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil(
        """
        update raw.accounts set account_id = '110101199001011234' where account_id = 'A1';
        update raw.accounts set account_id = 'ID13800138000' where account_id = 'A2';
        update raw.accounts set account_id = '张三' where account_id = 'A3';
        update raw.accounts set account_id = '138-0013-8000' where account_id = 'A4';
        update raw.accounts set account_id = 'ZhangSan' where account_id = 'A5';
        update raw.accounts set reporter_code = 'NOBODY' where customer_id in
            ('C1', 'C2', 'C3', 'C4', 'C5', 'C12', 'C11', 'C9', 'C8');
        """
    )
    report = evaluate_layer("landing", run, settings)

    found = next(r for r in report.results if r.check_id == "landing.accounts.reporter_known")
    assert found.rows_failing == 9
    assert found.example_keys == ("A11", "A12", "A8")
    assert found.owner == "data_delivery"
    assert all(r.evidence == "" and r.example_keys == () for r in report.results if r.passed)


def waiver_of(report: CheckReport, until: date) -> waivers.Waiver:
    found = next(r for r in report.results if r.check_id == "landing.accounts.reporter_known")
    return waivers.Waiver(found.check_id, found.evidence, "Li Na", "new branch", until)


def reporter_known(run: Run, settings: Settings) -> CheckResult:
    results = evaluate_layer("landing", run, settings).results
    return next(r for r in results if r.check_id == "landing.accounts.reporter_known")


def test_a_waiver_holds_for_its_evidence_and_until_its_day(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("update raw.accounts set reporter_code = 'NOBODY' where account_id in ('A1', 'A2')")
    report = evaluate_layer("landing", run, settings)
    last_day = run.as_of.date()
    waivers.add(waiver_of(report, last_day), settings)

    waived = reporter_known(run, settings)
    assert (waived.passed, waived.is_waived, waived.is_open) == (False, True, False)
    assert waived.waiver_note == f"waived by Li Na until {last_day}: new branch"

    spoil("update raw.accounts set reporter_code = 'NOBODY' where account_id = 'A3'")
    spoil("update raw.accounts set reporter_code = 'N101W1100H0017' where account_id = 'A2'")
    other = reporter_known(run, settings)
    assert other.rows_failing == 2
    assert other.is_open
    assert other.waiver_note == "the waiver of Li Na no longer holds: other rows fail now"

    spoil("update raw.accounts set reporter_code = 'NOBODY' where account_id = 'A2'")
    spoil("update raw.accounts set reporter_code = 'N101W1100H0017' where account_id = 'A3'")
    assert reporter_known(run, settings).is_waived

    waivers.waivers_file(settings).unlink()
    waivers.add(waiver_of(report, last_day - timedelta(days=1)), settings)
    ended = reporter_known(run, settings)
    assert ended.is_open
    assert ended.waiver_note == f"the waiver of Li Na ended on {last_day - timedelta(days=1)}"


def test_a_critical_check_is_not_waived(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("update marts.repayment_status set account_status = '9' where account_id = 'A1'")
    failed = evaluate_layer("marts", run, settings).critical_failures[0]
    one = waivers.Waiver(failed.check_id, failed.evidence, "Li Na", "no", date(2099, 1, 1))
    waivers.add(one, settings)

    again = evaluate_layer("marts", run, settings).critical_failures
    assert [r.check_id for r in again] == [failed.check_id]
    assert not again[0].is_waived


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("check,who\n", "line 1: must be the header check_id,evidence,waived_by,reason,expires_on"),
        ("{head}\na,b,c,,2026-01-01\n", "line 2, column reason: is empty"),
        ("{head}\na,b,c,d,soon\n", "line 2, column expires_on: must be a date"),
        ("{head}\na,b,c,d,20261231\n", "line 2, column expires_on: must be a date"),
        ("{head}\na,b,c,d,e,2026-12-31\n", "line 2: has 6 fields instead of 5"),
    ],
)
def test_a_wrong_file_of_waivers_is_named(text: str, told: str, settings: Settings) -> None:
    path = waivers.waivers_file(settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text.format(head=",".join(waivers.COLUMNS)), encoding="utf-8")

    with pytest.raises(BadCall, match=told):
        waivers.load(settings)


def test_a_missing_column_is_a_failed_critical_check(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("alter table marts.repayment_status drop column five_tier_class")
    spoil("alter table raw.accounts drop column reporter_code")

    marts = {r.check_id: r for r in evaluate_layer("marts", run, settings).results}
    landing = {r.check_id: r for r in evaluate_layer("landing", run, settings).results}

    five_tier = marts["status.five_tier_follows_days"]
    assert (five_tier.passed, five_tier.severity, five_tier.rows_failing) == (False, "critical", 30)
    assert "five_tier_class" in five_tier.description
    known = landing["landing.accounts.reporter_known"]  # a warning, had it been asked
    assert (known.passed, known.severity) == (False, "critical")
    assert "reporter_code" in known.description
    assert marts["status.account_once_a_month"].passed


def test_a_missing_table_or_store_is_named(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("drop table marts.feed_counts")
    with pytest.raises(DataNotFit, match=r"2026-05: table marts\.feed_counts"):
        evaluate_layer("marts", run, settings)

    with pytest.raises(DataNotFit, match="2026-04 has no build store"):
        evaluate_layer("marts", Run.of("2026-04", None, settings), settings)


def test_a_few_bad_rows_stop_nobody(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil(
        "insert into raw.accounts select 'A-' || i, null, 'HUABEI', 'N101W1100H0017',"
        " timestamp '2026-06-01' from range(20) as t(i)"
    )
    require_fit(evaluate_layer("landing", run, settings))


def test_an_empty_table_has_no_failing_rows(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("delete from marts.quarantined_rows")
    spoil("update marts.feed_counts set good = good + quarantined, quarantined = 0")

    report = evaluate_layer("marts", run, settings)

    require_fit(report)
    known = next(r for r in report.results if r.check_id == "quarantine.rule_known")
    assert (known.rows_checked, known.rows_failing, known.passed) == (0, 0, True)


def test_results_are_saved_and_read_back(
    run: Run, settings: Settings, spoil: Callable[[str], None]
) -> None:
    spoil("delete from secure.record_210 where account_id = 'A7'")
    reports = [evaluate_layer(layer, run, settings) for layer in ("landing", "records")]

    assert [p.stem for p in saved_reports(run, settings)] == ["landing", "records"]
    assert results_of(run, settings) == [r for report in reports for r in report.results]
    page = html.unescape(settings.check_page(run.label).read_text("utf-8"))
    for failed in (r for report in reports for r in report.results if not r.passed):
        assert failed.description in page
        assert f'To do: <span lang="en">{guide.entry(failed.check_id).do}' in page
    assert page.count("To do:") > 0
    forget(run, settings)
    assert results_of(run, settings) == []


@pytest.mark.usefixtures("spoil")
def test_the_page_of_a_month_gathers_its_layers(run: Run, settings: Settings) -> None:
    index = settings.check_page(run.label)
    assert index == settings.pages / "2026-05" / "checks" / "index.html"
    evaluate_layer("landing", run, settings)
    assert "raw.accounts" in index.read_text("utf-8")
    assert "marts.feed_counts" not in index.read_text("utf-8")

    evaluate_layer("marts", run, settings)
    evaluate_layer("marts", run, settings)

    assert "raw.accounts" in index.read_text("utf-8")
    assert "marts.feed_counts" in index.read_text("utf-8")
    assert "An account has one verdict per month." in index.read_text("utf-8")
    # nothing is fetched from anywhere else when the page is opened
    assert not re.search(r"<(script|img|iframe)\b|url\(|@import|//", index.read_text("utf-8")[200:])
    assert sorted(p.name for p in settings.pages.iterdir()) == ["2026-05", "style.css"]


def test_the_dialect_reads_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a $strange? name.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create schema s; create table s.t as select 1 as a, 'x' as b")
    duckdb_dialect.register()
    engine = create_engine(duckdb_dialect.URL, connect_args={"database": str(path)})

    assert [c["name"] for c in inspect(engine).get_columns("t", schema="s")] == ["a", "b"]
    with engine.connect() as connection:
        result = connection.execute(text("select * from s.t"))
    assert result.fetchall() == [(1, "x")]  # still there after the connection went back
    with engine.connect() as connection, pytest.raises(Exception, match="read-only"):
        connection.execute(text("insert into s.t values (2, 'y')"))
    engine.dispose()

    with duckdb.connect(str(path)) as connection:
        connection.execute("insert into s.t values (3, 'z')")


def test_the_owner_of_a_bound_is_whoever_is_told() -> None:
    for bound in seed_rows("batch_bounds"):
        assert guide.entry(f"batch.{bound['figure']}").owner == bound["owner"], bound["figure"]
        assert bound["rationale"]


def test_a_newer_waiver_also_shortens() -> None:
    long, short = (
        waivers.Waiver("c", "e", "Li Na", "r", day)
        for day in (date(2026, 12, 31), date(2026, 6, 1))
    )
    assert waivers.judge([long], "c", "e", date(2026, 7, 1)).is_waived
    assert not waivers.judge([long, short], "c", "e", date(2026, 7, 1)).is_waived


@pytest.mark.parametrize(
    ("text", "is_personal"),
    [
        ("holiday sale, confirmed by sales on 2026-05-01", False),
        ("call 138 0013 8000 first", True),
        ("ID 110101199003071234", True),
        ("ticket 4711", False),
        ("on 2026-05-01 13800138000 said so", True),
        ("008613800138000", True),
        ("card 6222 0212 3456 7890", True),
        ("".join(chr(0xFEE0 + ord(digit)) for digit in "13800138000"), True),  # full width
    ],
)
def test_a_reason_holds_no_number_of_a_person(text: str, is_personal: bool) -> None:
    assert looks_personal(text) is is_personal


@pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine")
@pytest.mark.usefixtures("spoil")
@pytest.mark.parametrize("width", [1280, 400])
def test_the_check_page_is_no_wider_than_the_screen(
    width: int, run: Run, settings: Settings
) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    evaluate_layer("landing", run, settings)
    evaluate_layer("marts", run, settings)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": width, "height": 900})
        for path in sorted(settings.check_page(run.label).parent.rglob("*.html")):
            page.goto(path.as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path.parent
        browser.close()
