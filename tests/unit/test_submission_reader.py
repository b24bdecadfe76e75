"""The oracle's reader takes a well-formed folder and names each fault of a broken one."""

import hashlib
import json

import pytest
from oracle.submission_reader import SubmissionFaultError, read_month

REPORTER = "N101W1100H0017"
NAME = f"{REPORTER}2026060321000010.txt"
MONTHLY = (
    "<AcctMthlyBlgInfSgmt><Month>2026-05</Month><SettDate>2026-05-31</SettDate>"
    "<AcctStatus>1</AcctStatus><AcctBal>12</AcctBal><RemRepPrd>1</RemRepPrd>"
    "<FiveCate>1</FiveCate><FiveCateAdjDate>2026-01-05</FiveCateAdjDate><RpyStatus>N</RpyStatus>"
    "<OverdPrd>0</OverdPrd><TotOverd>0</TotOverd><OverdPrinc>0</OverdPrinc>"
    "<Oved31_60Princ>0</Oved31_60Princ><Oved61_90Princ>0</Oved61_90Princ>"
    "<Oved91_180Princ>0</Oved91_180Princ><OvedPrinc180>0</OvedPrinc180><CurRpyAmt>5</CurRpyAmt>"
    "<ActRpyAmt>5</ActRpyAmt><LatRpyDate>2026-05-09</LatRpyDate><CloseDate></CloseDate>"
    "</AcctMthlyBlgInfSgmt>"
)


def line(account, day="2026-05-31"):
    return (
        "<Document><InAcctInf><AcctBsSgmt><InfRecType>210</InfRecType><AcctType>R1</AcctType>"
        f"<AcctCode>{REPORTER}{account}</AcctCode><RptDate>{day}</RptDate>"
        "<RptDateCode>30</RptDateCode><Name>测试甲 &amp; Co</Name></AcctBsSgmt>"
        f"{MONTHLY}</InAcctInf></Document>"
    )


def header(records):
    return f"A0502102.0.0  {REPORTER}202606030000000{records:07d}"


class Folder:
    """A submission folder under construction."""

    def __init__(self, home):
        self.home = home
        self.path = home / "submissions" / REPORTER / "2026-05"
        self.path.mkdir(parents=True)
        self.path.chmod(0o700)
        self.name = NAME
        self.lines = [header(2), line("A1"), line("A2")]
        self.end = "\n"
        self.encoding = "utf-8"
        self.manifest_change = {}

    def read(self):
        data = "".join(text + self.end for text in self.lines).encode(self.encoding)
        (self.path / self.name).write_bytes(data)
        entry = {"name": self.name, "records": 2, "sha256": hashlib.sha256(data).hexdigest()}
        manifest = {"files": [entry | self.manifest_change]}
        (self.path / "manifest.json").write_text(json.dumps(manifest))
        return read_month(self.home, "2026-05")


@pytest.fixture
def folder(tmp_path):
    return Folder(tmp_path)


def test_well_formed(folder):
    submission = folder.read()[REPORTER]
    first, second = submission.records("210")
    assert first["AcctBsSgmt"]["Name"] == "测试甲 & Co"
    assert second["AcctBsSgmt"]["AcctCode"] == f"{REPORTER}A2"
    assert first["AcctMthlyBlgInfSgmt"]["CloseDate"] == ""
    assert submission.records("110") == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"name": NAME.replace("20260603", "20260604")}, "creation dates differ"),
        ({"name": NAME.replace("0010.txt", "0011.txt")}, "file name"),
        ({"lines": [header(3), line("A1"), line("A2")]}, "counts other"),
        ({"lines": [header(2)[:-1], line("A1"), line("A2")]}, "50 bytes"),
        ({"lines": [header(2).replace("  ", "10"), line("A1"), line("A2")]}, "template"),
        ({"lines": [header(2), line("A2"), line("A1")]}, "not sorted"),
        ({"lines": [header(2), line("A1"), line("A1")]}, "two records"),
        ({"lines": [header(2), line("A1"), line("A2")[:-3]]}, "line 3: not XML"),
        ({"lines": [header(2), line("A1"), line("A2").replace("SettDate", "Settle")]}, "tags"),
        ({"lines": [header(2), line("A1"), line("A2").replace(f"{REPORTER}A2", "X2")]}, "another"),
        ({"end": "\r\n"}, "carriage return"),
        ({"encoding": "gb18030"}, "not UTF-8"),
        ({"manifest_change": {"sha256": "0" * 64}}, "SHA-256"),
        ({"manifest_change": {"records": 1}}, "another count"),
        ({"manifest_change": {"name": "other.txt"}}, "other files"),
    ],
)
def test_each_fault_is_named(folder, change, fault):
    for name, value in change.items():
        setattr(folder, name, value)
    with pytest.raises(SubmissionFaultError, match=fault):
        folder.read()


def test_nothing_else_lies_in_the_folder(folder):
    (folder.path / "notes.md").write_text("x")
    with pytest.raises(SubmissionFaultError, match="file name"):
        folder.read()


def test_the_folder_is_private(folder):
    folder.path.chmod(0o755)
    with pytest.raises(SubmissionFaultError, match="0700"):
        folder.read()
