-- The few words that the other files are written in. Amounts are whole cents (bigint) until they
-- are delivered, so that no sum depends on the order in which threads add it up.

-- A throw from 0 to sides - 1, fixed by the seed, the subject, the turn and the question. The
-- outer hash makes throws about different questions independent of each other.
create macro dice(sides, question, subject, turn := 0) as (
    hash(hash(getvariable('seed'), subject::bigint, turn::bigint, question)) % sides::ubigint
)::bigint;

-- The first day of month m of the book (0 = its first month, negative = before).
create macro month_at(m) as (getvariable('first_month') + to_months(m::integer))::date;

-- The month of the book that a day lies in.
create macro month_of(day) as date_diff('month', getvariable('first_month'), day)::integer;

-- A moment of a day, by its second.
create macro moment(day, seconds) as day::timestamp + to_seconds(seconds::bigint);

-- When the source system learns of a moment: five minutes to a good day later.
create macro learnt(happened_at, subject, turn := 0) as
    happened_at + to_seconds(300 + dice(90000, 'learnt', subject, turn));

-- A moment safely after the default cut-off of the month that a moment lies in.
create macro after_cut_off(happened_at, subject, turn := 0) as
    moment(last_day(happened_at::date), 5 * 86400 + dice(15 * 86400, 'too late', subject, turn));

create macro yuan(cents) as (cents::decimal(18, 0) / 100)::decimal(18, 2);

create macro check_digit(body) as substr(
    '10X98765432',
    1 + (list_sum(list_transform(
        [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2],
        lambda weight, place: weight * substr(body, place::integer, 1)::integer
    )) % 11)::integer,
    1
);

-- A test resident ID (GB 11643): 17 digits, the last odd for men (sex 1), and the check digit.
create macro resident_digits(person, sex, born_on) as
    ['110101', '310101', '440103', '500103', '510104'][1 + dice(5, 'area', person)]
    || strftime(born_on, '%Y%m%d')
    || lpad((2 * (person // 15000 % 500) + (sex = '1')::integer)::varchar, 3, '0');

create macro test_resident_id(person, sex, born_on) as
    resident_digits(person, sex, born_on) || check_digit(resident_digits(person, sex, born_on));

-- A name that is unique in the book: four characters spell the person's number in base 64.
create macro letter(code, place) as substr(
    '安宝长晨诚丹德东芳飞峰福刚国海浩和红华慧吉佳建江杰洁静娟军俊康兰'
    || '乐丽林龙梅敏明宁鹏平琴青清荣瑞珊诗思涛婷伟文霞欣秀雪雅燕阳英勇玉',
    (1 + (code >> (6 * place)) % 64)::integer,
    1
);

create macro spelt(code) as
    letter(code, 0) || letter(code, 1) || letter(code, 2) || letter(code, 3);

create macro test_name(person) as '测试' || spelt(person::bigint * 6700417 % 16777216);
