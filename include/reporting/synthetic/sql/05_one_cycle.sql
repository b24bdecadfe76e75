-- The cycles of month $m. Reads the state that month $m - 1 left behind.
insert into cycles
with carried as (
    select
        plan.account_no,
        is_draw,
        risk,
        periods,
        loan,
        monthly_permille,
        opened_on,
        calendar.m,
        calendar.turn,
        calendar.statement_on,
        calendar.due_on,
        calendar.next_on,
        coalesce(earlier.unbilled, allowances.everything, 0) as unbilled,
        coalesce(earlier.is_written_off, false) as was_written_off,
        coalesce(earlier.bounces_in_m = $m, false) as is_bounced_now,
        earlier.bounces_in_m > $m as is_bounce_coming,
        coalesce(earlier.owed, 0)
        + case when is_bounced_now then earlier.bounced else 0 end as owed_before,
        case when is_bounced_now then least($m - 1, earlier.oldest_m) else earlier.oldest_m end
            as oldest_before,
        case when is_bounce_coming then earlier.bounced end as bounced_before,
        case when is_bounce_coming then earlier.bounced_m end as bounced_m_before,
        case when is_bounce_coming then earlier.bounces_in_m end as bounces_in_m_before
    from calendar
    join plan using (account_no)
    left join cycles as earlier on earlier.account_no = calendar.account_no and earlier.m = $m - 1
    left join allowances on allowances.account_no = calendar.account_no and allowances.m = $m - 1
    where
        calendar.m = $m
        and (calendar.turn = 1 or (earlier.account_no is not null and earlier.closed_on is null))
),

billed as (
    select
        *,
        case
            when not is_draw then unbilled
            when turn < periods then loan // periods
            when turn = periods then loan - loan // periods * (periods - 1)
            else 0
        end as principal,
        case
            when is_draw and turn <= periods then loan * monthly_permille // 1000
            when
                not is_draw and unbilled > 0 and dice(16, 'interest', account_no, m) = 0
                then 100 + unbilled * 12 // 1000
            else 0
        end as interest,
        case
            when
                not is_draw and unbilled > 0 and dice(8, 'fee', account_no, m) = 0
                then 50 + unbilled // 100
            else 0
        end as fee,
        principal + interest + fee as bill,
        owed_before + bill as total,
        case when owed_before > 0 then m - oldest_before else 0 end as months_late,
        dice(1000000, 'behaviour', account_no, m) as luck,
        dice(1000000, 'event', account_no, m) as event
    from carried
),

acted as (
    select
        *,
        case
            when
                was_written_off
                then case when luck < 30000 and total > 0 then 'cure' else 'none' end
            when
                months_late = 0 and total = 0
                then case when event < 8000 then 'close' else 'idle' end
            when months_late = 0
                then case
                    when luck < 320 * risk then 'none'
                    when luck < 380 * risk then 'partial'
                    when luck < 430 * risk then 'late'
                    when is_bounce_coming then 'on time'
                    when event < 3000 and (not is_draw or turn + 1 <= periods) then 'bounce'
                    when event < 5000 and (not is_draw or turn + 2 <= periods) then 'bounce later'
                    when not is_draw and event < 10000 then 'close'
                    when is_draw and turn < periods and event < 35000 then 'settle'
                    else 'on time'
                end
            when months_late >= 3 and event < 15000 then 'transfer'
            when months_late >= 7 and event < 250000 then 'write off'
            when months_late = 1
                then case
                    when luck < 230000 then 'none'
                    when luck < 260000 then 'some'
                    when luck < 380000 and bill > 0 then 'older'
                    else 'cure'
                end
            when
                luck < [520000, 700000, 790000, 840000, 870000][least(months_late, 6) - 1]
                then 'none'
            when
                luck < [580000, 750000, 840000, 890000, 920000][least(months_late, 6) - 1]
                then 'some'
            else 'cure'
        end as action,
        action in ('on time', 'partial', 'bounce', 'bounce later', 'close', 'settle')
            as is_punctual,
        dice(100, 'when', account_no, m) as moment_of_choice,
        greatest(1, least(last_day(due_on), next_on - 1) - due_on) as days_to_be_late
    from billed
),

timed as (
    select
        *,
        case
            when action in ('none', 'idle') then null
            when
                action = 'late'
                then due_on + 1 + dice(days_to_be_late, 'day', account_no, m)::integer
            when not is_punctual
                then
                    statement_on
                    + 3
                    + dice(greatest(1, next_on - statement_on - 6), 'day', account_no, m)::integer
            when moment_of_choice < 25 or due_on - statement_on < 4
                then case
                    when
                        moment_of_choice < 10
                        and action = 'on time'
                        and is_draw
                        and turn < periods
                        and months_late = 0
                        and statement_on - 3 > opened_on then statement_on - 2
                    else due_on
                end
            else statement_on + 3 + dice(due_on - statement_on - 2, 'day', account_no, m)::integer
        end as acts_on,
        case
            when
                not is_draw and action in ('on time', 'idle', 'late', 'bounce', 'bounce later')
                then 3
            when
                not is_draw
                and months_late = 0
                and action in ('none', 'partial')
                and not was_written_off
                then 2
            when action = 'close' then 1
            else 0
        end as spending_level,
        case
            when
                not is_draw
                and action = 'on time'
                and owed_before = 0
                and dice(33, 'refund', account_no, m) = 0
                then principal // 5
            else 0
        end as refunded,
        case
            when
                action = 'late' and dice(10, 'charged', account_no, m) < 7
                then total * (acts_on - due_on) // 2000
            when
                action in ('cure', 'older', 'transfer')
                and not was_written_off
                and dice(10, 'charged', account_no, m) < 7
                then owed_before * (acts_on - statement_on) // 2000
            else 0
        end as penalty_when_paid,
        case
            when
                action in ('settle', 'transfer')
                then coalesce(greatest(0, loan - turn * (loan // nullif(periods, 0))), 0)
            else 0
        end as ahead,
        case
            when action = 'transfer' then total + penalty_when_paid + coalesce(ahead, 0)
            when
                action = 'cure' and months_late >= 2 and dice(5, 'waiver', account_no, m) = 0
                then total // 20
            else 0
        end as waived,
        case
            when action = 'settle' then 1 + ahead * (1 + acts_on - statement_on) * 3 // 10000 else 0
        end as settlement_interest
    from acted
),

spent as (
    select
        timed.*,
        coalesce(case spending_level
            when 3 then everything when 2 then until_due when 1 then first_only else 0
        end, 0) as spending,
        case
            when
                action = 'close'
                or (action = 'on time' and not is_draw and dice(66, 'pays all', account_no, m) = 0)
                then coalesce(first_only, 0)
            else 0
        end as leftover
    from timed
    left join allowances using (account_no, m)
),

settled as (
    select
        *,
        case
            when action in ('on time', 'late', 'cure', 'close', 'bounce', 'bounce later')
                then total + penalty_when_paid - refunded - waived
            when action = 'settle' then total + settlement_interest
            when action = 'partial' then total * (30 + dice(50, 'part', account_no, m)) // 100
            when action = 'older' then owed_before + penalty_when_paid
            when action = 'some' then owed_before * (10 + dice(30, 'part', account_no, m)) // 100
            else 0
        end as applied,
        case
            when action = 'transfer' then 0
            else total + penalty_when_paid + settlement_interest - refunded - waived - applied
        end as still_owed,
        case
            when
                still_owed > 0
                and not was_written_off
                and action <> 'write off'
                and next_on - 1 > due_on
                then
                    still_owed
                    * (
                        next_on
                        - 1
                        - case
                            when months_late > 0 and action <> 'older' then statement_on else due_on
                        end
                    )
                    // 2000
            else 0
        end as penalty_at_end
    from spent
)

select
    account_no,
    m,
    turn,
    statement_on,
    due_on,
    next_on,
    principal,
    interest,
    fee,
    months_late,
    action,
    acts_on,
    applied + leftover + case when action = 'settle' then ahead else 0 end as paid,
    leftover,
    refunded,
    waived,
    settlement_interest,
    penalty_when_paid,
    penalty_at_end,
    spending_level,
    case
        when
            action = 'close' and dice(10, 'closing day', account_no, m) < 4
            then greatest(acts_on, last_day(statement_on))
        when
            action = 'close'
            then least(acts_on + dice(4, 'closing day', account_no, m)::integer, next_on - 1)
        when action in ('settle', 'transfer') then acts_on
        when
            is_draw and turn >= periods and still_owed = 0 and bounces_in_m_before is null
            then acts_on
    end as closed_on,
    case when action = 'transfer' then 'transferred' when closed_on is not null then 'settled' end
        as closure_kind,
    still_owed + penalty_at_end as owed,
    spending - leftover as unbilled,
    case
        when still_owed = 0 then null
        when action = 'older' or months_late = 0 then m
        else oldest_before
    end as oldest_m,
    was_written_off or action = 'write off' as is_written_off,
    case when action in ('bounce', 'bounce later') then applied else bounced_before end as bounced,
    case when action in ('bounce', 'bounce later') then m else bounced_m_before end as bounced_m,
    case action
        when 'bounce' then m + 1 when 'bounce later' then m + 2 else bounces_in_m_before
    end as bounces_in_m
from settled;
