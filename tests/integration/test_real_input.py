"""The 30,000 real card accounts of the public data set, where they are at hand."""

import pytest
from oracle.submission_reader import read_month
from support.lender_months import SHARED, build, settings_in

REAL = SHARED / "data" / "uci350"


@pytest.mark.skipif(not REAL.is_dir(), reason="the real input is not at hand")
def test_a_month_of_real_accounts(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = settings_in(tmp_path_factory.mktemp("real")).model_copy(
        update={"landing": str(REAL)}
    )
    real = build(settings, "2005-08")
    verdicts = dict(
        real.query("select reason_code, count(*) from marts.reportable_population group by all")
    )
    assert sum(verdicts.values()) == 30_000
    assert 1_300 < verdicts["NOTICE_PENDING"] < 1_500
    (submission,) = read_month(settings.home, "2005-08").values()
    assert len(submission.records("210")) == verdicts["REPORTED"]
    assert real.query("select sum(quarantined) from marts.feed_counts") == [(0,)]
