"""The bureau's rules: a clean book breaks none, and each breaks on a record spoilt on purpose."""

from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest
from oracle.bureau_book import CODE, RECOVERY, Book, Row, clean_book, tables

from reporting.core.errors import BadCall
from reporting.records.elements import with_faulty_elements
from reporting.records.rules import PAGE, REGISTRY, hits, load_rules, render_page

# The interface reviews these; the two mended ones it withholds, though a true record breaks them.
REVIEWED = {"V34", "V40", "V41", "V43", "V47", "V48", "V55", "V60", "V70"}
MENDED = {"V28", "V39", "V49"}
RULES = {rule.id: rule for rule in load_rules()}
SCOPES = sorted({(rule.record, rule.scope) for rule in RULES.values()})


@dataclass(frozen=True)
class Break:
    """A change of one record of the clean book and the rules that must hit then, no others.

    Two rules stand together where the facts they judge cannot be spoilt apart.

    ``added``: the record stays as it is and a changed copy of it joins the book.
    """

    rules: str
    record: str
    changes: Row = field(default_factory=dict)
    added: bool = False

    def __str__(self) -> str:
        return f"{self.rules} {self.record} {', '.join(self.changes)}"


# hb: the revolving account of the worked example, by month; jb: its draw; late: an account whose
# authorization came late, with one record, in April.
BREAKS = [
    Break("H01", "hb-02", {"has_quarantined_bill": True}),
    Break("H02", "hb-02", {"has_quarantined_transaction": True}),
    Break("H03", "hb-02", {"has_quarantined_limit": True}),
    Break("H04", "hb-02", {"has_quarantined_consent": True}),
    Break("H05", "agreement", {"has_quarantined_limit": True}),
    Break("H06", "person", {"has_quarantined_consent": True}),
    Break("H07", "agreement", {"has_quarantined_consent": True}),
    Break("H08", "hb-02", {"is_rejected_content": True}),
    Break("H08", "agreement", {"is_rejected_content": True}),
    Break("H08", "person", {"is_rejected_content": True}),
    Break("H09", "hb-02", {"has_changed_owner": True}),
    Break("H11", "hb-02", {"has_moved_row": True}),
    Break("H12", "hb-02", {"has_quarantined_owner": True}),
    Break("H13", "agreement", {"is_sent_already": True}),
    Break("H13", "person", {"is_sent_already": True}),
    Break("V01", "hb-01", {"seg_f": False}),
    Break("V02", "hb-02", {"seg_h": False}),
    Break("V03", "late", {"acct_type": "C1"}),
    Break("V04", "hb-02", {"rpt_date_code": "40", "seg_h": False}),
    Break("V05", "hb-06", RECOVERY | {"seg_h": True, "rpt_date": date(2023, 6, 30)}),
    Break("V06", "hb-02", {"seg_g": True}),
    Break("V06", "hb-02", {"seg_i": True}),
    Break("V07", "hb-01", {"rpt_date_code": "10", "seg_k": True}),
    Break("V08", "hb-01", {"guar_mode": "3"}),
    Break("V09", "late", {"acct_type": "D1", "flag": "0", "acct_cred_line": None, "loan_amt": 9}),
    Break("V10", "hb-06", RECOVERY | {"rpt_date": date(2023, 6, 30)}, added=True),
    Break("V11", "hb-02", {"rpt_date": date(2023, 2, 20), "sett_date": date(2023, 2, 20)}, True),
    Break("V12", "hb-02", {"acct_code": "N101W1100H0099HB000001"}),
    Break("V12", "hb-01", {"mcc": "N101W1100H0099HB000001"}),
    Break("V13", "hb-02", {"rpt_date_code": "50"}),
    Break("V13", "late", {"acct_type": "R9"}),
    Break("V14", "hb-02", {"rpy_status": "A"}),
    Break("V14", "hb-02", {"rpy_status": "/"}),
    Break("V15", "hb-02", {"acct_status": "9"}),
    Break("V15", "hb-02", {"five_cate": "6"}),
    Break("V16", "hb-02", {"rem_rep_prd": None}),
    Break("V16", "hb-02", {"cur_rpy_amt": None}),
    Break("V17", "hb-02", {"used_amt": 2600}),
    Break("V17", "hb-02", {"rpy_prct": 100}),
    Break("V18", "hb-02", {"rem_rep_prd": -1}),
    Break("V19", "hb-01", {"acct_cred_line": None}),
    Break("V19", "jb-03", {"loan_amt": None}),
    Break("V19", "jb-03", {"acct_cred_line": 3000}),
    Break("V20", "hb-01", {"repay_mode": "11"}),
    Break("V20", "jb-03", {"repay_mode": "33"}),
    Break("V21", "hb-01", {"repay_freqcy": "02"}),
    Break("V22", "jb-03", {"repay_mode": "21"}),
    Break("V23", "late", {"acct_type": "R2"}),
    Break("V24", "hb-01", {"cur_rpy_amt": 100}),
    Break("V24", "hb-01", {"overd_prd": 1}),
    Break("V25", "hb-02", {"overd_prd": 1}),
    Break("V25", "hb-06", {"overd_prd": 1}),
    Break("V26", "hb-03", {"acct_status": "1", "tot_overd": 0, "overd_princ": 0}),
    Break("V26 V41", "hb-03", {"overd_prd": 0, "overd_princ": 0}),
    Break("V27", "hb-03", {"overd_princ": 2100}),
    Break("V28", "hb-02", {"acct_status": "42", "rpy_status": "B"}),
    Break("V29", "hb-08", {"acct_bal": 100}),
    Break("V29", "hb-08", {"close_date": None}),
    Break("V29", "hb-08", {"overd_prd": 1}),
    Break("V29 V43", "hb-08", {"tot_overd": 5}),
    Break("V30", "hb-08", {"rpy_status": "N"}),
    Break("V30", "hb-02", {"rpy_status": "C"}),
    Break("V31", "hb-08", {"rpt_date_code": "30"}),
    Break("V31", "hb-07", {"rpt_date_code": "20"}),
    Break("V32", "hb-08", {"close_date": date(2023, 8, 14)}),
    Break("V33", "hb-02", {"sett_date": date(2023, 1, 31)}),
    Break("V34", "hb-07", {"rpt_date": date(2023, 8, 1)}),
    Break("V35", "hb-02", {"five_cate_adj_date": date(2023, 3, 1)}),
    Break("V36", "hb-01", {"due_date": date(2023, 1, 4)}),
    Break("V36", "jb-03", {"five_cate_adj_date": date(2023, 3, 4)}),
    Break("V37", "hb-05", {"acct_status": "42", "rpy_status": "B", "overd_prd": 0}),
    Break("V38", "hb-04", {"oved31_60": 2600}),
    Break("V39", "hb-03", {"acct_bal": 1900}),
    Break("V40", "hb-03", {"oved31_60": 500}),
    Break("V41", "hb-03", {"overd_prd": 2}),
    Break("V42", "hb-03", {"acct_status": "1"}),
    Break("V43", "hb-03", {"five_cate": "1"}),
    Break("V44", "hb-02", {"lat_rpy_date": date(2023, 1, 5)}),
    Break("V45", "jb-04", {"acct_type": "R1"}),
    Break(
        "V46",
        "hb-07",
        {"month": "2023-09", "rpt_date": date(2023, 9, 30), "sett_date": date(2023, 9, 30)}
        | {"lat_rpy_date": date(2023, 9, 10)},
        added=True,
    ),
    Break("V46", "hb-08", {"is_followed": True}),
    Break(
        "V47",
        "hb-08",
        {"month": "2023-09"}
        | dict.fromkeys(("rpt_date", "sett_date", "close_date"), date(2023, 9, 15)),
    ),
    Break("V48", "hb-03", {"rpy_status": "2", "overd_prd": 2, "oved31_60": 2000}),
    Break("V49", "hb-07", {"five_cate_adj_date": date(2023, 1, 5)}),
    Break(
        "V50",
        "hb-02",
        {"seg_c": True, "open_date": date(2023, 1, 6), "five_cate_adj_date": date(2023, 1, 6)},
    ),
    Break("V51", "late", {"rpt_date_code": "30"}),
    Break("V52", "hb-06", RECOVERY | {"j_rpy_status": "*"}, added=True),
    Break("V53", "hb-06", RECOVERY | {"j_acct_status": "3"}, added=True),
    Break("V54", "hb-06", RECOVERY | {"j_tot_overd": 5}, added=True),
    Break("V55", "hb-02", RECOVERY | {"rpt_date": date(2023, 2, 9)}, added=True),
    Break("V56", "agreement", {"con_eff_date": date(2023, 2, 1)}),
    Break("V56", "agreement", {"con_exp_date": date(2023, 1, 4)}),
    Break("V57", "agreement", {"credit_rest": 100}),
    Break("V57", "agreement", {"credit_rest_code": "1"}),
    Break("V58", "agreement", {"rpt_date": date(2023, 9, 30)}, added=True),
    Break("V58", "agreement", {"is_followed": True}),
    Break("V59", "jb-03", {"mcc": CODE + "OTHER"}),
    Break("V60", "hb-01", {"acct_cred_line": 12000}),
    Break("V61", "person", {"seg_mlg": False}),
    Break("V62", "person", {"mari_status": "20"}),
    Break("V62", "person", {"mari_status": "20", "spo_name": ""}),
    Break("V62", "person", {"spo_name": "测试乙"}),
    Break("V63", "person", {"emp_status": "11"}),
    Break("V63", "person", {"cpn_name": "测试公司"}),
    Break("V64", "person", {"edu_level": "30", "aca_degree": "4"}),
    Break("V65", "person", {"sex": "2"}),
    Break("V65", "person", {"dob": date(1990, 3, 8)}),
    Break("V65", "person", {"id_num": "110105199003078511"}, added=True),  # check digit
    Break("V65", "person", {"id_num": "11010519900307851x"}, added=True),  # pattern
    Break("V65", "person", {"id_num": "110105900307851"}, added=True),  # the old 15 digits
    Break("V66", "person", {"updated_on": date(2023, 2, 1)}),
    Break("V66", "person", {"updated_on": date(1990, 3, 6)}),
    Break("V67", "file", {"line_count": 14}),
    Break("V67", "file", {"header": "A050"}),
    Break("V67", "file", {"header": "A0502102.0.0  N101W1100H00992023090300000000000013"}),
    Break("V67", "file", {"file_name": f"{CODE}2023090322000010.txt"}),
    Break("V67", "file", {"file_name": f"{CODE}2023090321000010.enc"}),
    Break("V68", "hb-02", {"name": "测试乙"}),
    Break("V69", "hb-06", {"rpy_status": "*", "cur_rpy_amt": 0}),
    Break("V70", "hb-06", {"rpy_status": "N"}),
    Break("V71", "hb-01", {"busi_lines": "12"}),
    Break("V71", "hb-02", {"acct_bal": 10**15}),
    Break("V71", "agreement", {"con_eff_date": date(1900, 12, 31)}),
    Break("V71", "agreement", {"con_exp_date": date(2100, 1, 1)}),
    Break("V71", "person", {"cell_phone": "1.99E+10"}),
]

# What must not hit: each would break the rule in its unmended reading.
KEPT = [
    Break("", "hb-06", {"rpy_status": "*", "has_reversal_in_month": True}),  # V69
    Break("", "hb-06", RECOVERY, added=True),  # V04, V05, V46, V51-V55
    Break("", "hb-03", {"oved31_60": 500, "is_oldest_late_principal": False}),  # V40
    # V51: opened for reporting and closed in one month
    Break("", "late", {"rpt_date_code": "20", "rpy_status": "C", "acct_status": "3"}
          | {"close_date": date(2023, 4, 30)}
          | dict.fromkeys(("acct_bal", "rem_rep_prd", "overd_prd", "tot_overd", "overd_princ"), 0)
          | {"oved31_60": 0}),
    # V68: the person's record is dated later than this one
    Break("", "person", {"rpt_date": date(2023, 8, 15)}),
]  # fmt: skip


def hits_of(*books: Book) -> list[dict[tuple[str, str], list[str]]]:
    """Of each book the broken rules by subject and report date."""
    found: list[dict[tuple[str, str], list[str]]] = [{} for _ in books]
    with tables(*books) as connection:
        for record, scope in SCOPES:
            if record in ("every", "file"):  # the first are asked with the rules of each type
                continue
            relation = f"(select * replace (book as reporter_code) from secure.checked_{record})"
            for _, book, subject, on, ids, _ in connection.execute(
                hits(record, scope, relation)
            ).fetchall():
                found[book][subject, str(on)] = ids
        for place, _ in enumerate(books):
            files = hits("file", "file", f"(select * from files where book = {place})")
            for _, reporter, subject, on, ids, _ in connection.execute(files).fetchall():
                assert reporter == CODE
                found[place][subject, str(on)] = ids
    return found


def spoilt(spoiling: Break) -> Book:
    book = clean_book()
    changed = book[spoiling.record] | spoiling.changes
    return book | {spoiling.record + (" again" if spoiling.added else ""): changed}


def rules_hit(hit: dict[tuple[str, str], list[str]]) -> set[str]:
    return {rule_id for ids in hit.values() for rule_id in ids}


@pytest.fixture(scope="module")
def rules_hit_by_each() -> list[set[str]]:
    """The rules that hit each spoilt book, in order; all are asked together."""
    return [rules_hit(hit) for hit in hits_of(*map(spoilt, (*BREAKS, *KEPT)))]


def test_every_rule_stands_once_in_the_severity_of_the_interface() -> None:
    ours = [f"H{number:02d}" for number in (*range(1, 10), 11, 12, 13)]
    assert list(RULES) == [*ours, *(f"V{number:02d}" for number in range(1, 72))]
    assert {RULES[rule_id].severity for rule_id in ours} == {"E"}
    assert {rule.id for rule in load_rules() if rule.severity == "W"} == REVIEWED | MENDED
    assert all(RULES[rule_id].mended for rule_id in MENDED)
    assert {rule.id for rule in load_rules() if rule.scope == "batch"} == {"V51", "V59", "V68"}
    assert {rule.id for rule in load_rules() if rule.scope == "file"} == {"V67"}


def test_every_rule_has_a_record_that_breaks_it_alone() -> None:
    assert {spoiling.rules for spoiling in BREAKS} >= set(RULES)


def test_the_worked_example_breaks_no_rule_at_all() -> None:
    assert hits_of(clean_book()) == [{}]


@pytest.mark.parametrize("place", range(len(BREAKS)), ids=lambda place: str(BREAKS[place]))
def test_a_spoilt_record_is_hit_by_its_rule_alone(
    place: int, rules_hit_by_each: list[set[str]]
) -> None:
    assert rules_hit_by_each[place] == set(BREAKS[place].rules.split())


@pytest.mark.parametrize("place", range(len(KEPT)), ids=lambda place: str(KEPT[place]))
def test_a_true_record_is_not_hit(place: int, rules_hit_by_each: list[set[str]]) -> None:
    assert rules_hit_by_each[len(BREAKS) + place] == set()


def test_after_a_gap_the_month_before_is_unknown_and_only_the_gap_is_shown() -> None:
    """Authorized anew after two months: what the earlier period ended with says nothing now."""
    book = clean_book()
    june = book["hb-06"] | {"rpy_status": "*", "cur_rpy_amt": 0}
    book = {name: row for name, row in book.items() if name not in ("hb-04", "hb-05")}
    (hit,) = hits_of(book | {"hb-06": june})
    assert rules_hit(hit) == {"V47"}
    anew = {"authorized_on": date(2023, 6, 2)}
    later = {name: book[name] | anew for name in ("hb-07", "hb-08")}
    assert hits_of(book | later | {"hb-06": june | anew}) == [{}]


def test_a_record_is_answered_with_all_its_hits_in_order() -> None:
    broken = spoilt(Break("", "hb-08", {"acct_bal": 100, "close_date": None, "rpy_status": "N"}))
    assert hits_of(broken) == [{("HB000001", "2023-08-15"): ["V29", "V30"]}]
    broken = spoilt(Break("", "person", {"dob": None}, added=True))
    assert hits_of(broken) == [{("C1", "2023-01-31"): ["V65", "V66"]}]


@pytest.mark.parametrize("column", ["records_on_date", "is_closed_before", "is_person_known"])
def test_what_is_unknown_counts_as_broken(column: str) -> None:
    rule_id = {"records_on_date": "V10", "is_closed_before": "V46", "is_person_known": "V68"}
    with tables(clean_book()) as connection:
        connection.execute(f"update secure.checked_210 set {column} = null")
        found = [
            connection.execute(hits("210", scope, "secure.checked_210")).fetchall()
            for scope in ("record", "batch")
        ]
    answers = [row for rows in found for row in rows]
    assert len(answers) == 13
    assert all(ids == [rule_id[column]] for *_, ids, _ in answers)


def test_every_predicate_answers_yes_or_no_also_of_a_row_that_knows_nothing() -> None:
    with tables(clean_book()) as connection:
        for rule in RULES.values():
            if rule.record == "every":
                relation = with_faulty_elements("210", "secure.checked_210")
            else:
                relation = "files" if rule.record == "file" else f"secure.checked_{rule.record}"
            answers = connection.execute(
                f"select typeof({rule.hit}), {rule.fails()} from {relation}"
            )
            assert set(answers.fetchall()) == {("BOOLEAN", False)}, rule.id
            nothing = connection.execute(
                f"select typeof({rule.fails()}) from (values (1)) as one"
                f" left join (select * from {relation} where false) on true"
            )
            assert nothing.fetchall() == [("BOOLEAN",)], rule.id


def test_the_page_is_the_registry() -> None:
    assert PAGE.read_text(encoding="utf-8") == render_page(load_rules()), "run: make rules-page"


GOOD = REGISTRY.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD.replace("severity: W", "severity: X", 1), "id V28, field severity"),
        (GOOD.replace("  scope: file\n", "", 1), "id V67, field scope"),
        (GOOD.replace("  why: ", "  reason: ", 1), "id H01, field"),
        (GOOD.replace("id: V03", "id: V02"), "V02 stands after V02"),
        (GOOD.replace("id: V03", "id: three"), "id three, field id"),
        (GOOD + "- text\n", "entry 84"),
        ("rules: none\n", "must be a list"),
        ("", "must be a list"),
        ("- [\n", "is not YAML"),
    ],
)
def test_a_wrong_registry_is_named_in_one_line(tmp_path: Path, text: str, named: str) -> None:
    path = tmp_path / "rules.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(BadCall) as caught:
        load_rules(path)
    assert named in str(caught.value)
    assert all(line.startswith(str(path)) for line in str(caught.value).splitlines())


def test_a_missing_registry_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadCall, match="cannot be read"):
        load_rules(tmp_path / "absent.yml")
