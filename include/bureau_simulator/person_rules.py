"""Rules for record 110 (bureau-interface 2.9; V61 to V64 and V66)."""

from collections.abc import Iterator

from bureau_simulator import codes
from bureau_simulator.layouts import PERSON
from bureau_simulator.messages import NO_TAG, Message
from bureau_simulator.records import Record
from bureau_simulator.state import PERSON_SEGMENTS, State

UPDATE_DATES = {segment.key: segment.elements[-1].tag for segment in PERSON.segments[1:]}
SPOUSE = ("SpoName", "SpoIDType", "SpoIDNum", "SpoTel", "SpsCmpyNm")
EMPLOYER = tuple(
    element.tag
    for segment in PERSON.segments
    if segment.key == "OctpnInfSgmt"
    for element in segment.elements[1:-1]
)


def of_record(record: Record) -> Iterator[Message]:
    """Check one record against itself."""
    for key, tag in UPDATE_DATES.items():
        if key in record.segments and record.segments[key][tag] > record.report_date:
            yield Message("ABE007", tag, "the report date is before the update date")
    overview = record.segments.get("FcsInfSgmt")
    if overview and overview["DOB"] > overview["FcsInfoUpDate"]:
        yield Message("ABE007", "DOB", "the birth date is after the update date")
    job = record.segments.get("OctpnInfSgmt")
    if job:
        is_employed = job["EmpStatus"] in codes.EMPLOYED
        if is_employed and not job["CpnName"]:
            yield Message("BBD000", "CpnName", "the employer is missing for this job code")
        if not is_employed and any(job[tag] for tag in EMPLOYER):
            yield Message("BBD000", "EmpStatus", "this job code has no employer fields")
    marriage = record.segments.get("SpsInfSgmt")
    if marriage:
        is_married = marriage["MariStatus"] in codes.MARRIED
        if is_married and not marriage["SpoName"]:
            yield Message("BBD001", "SpoName", "the spouse is missing for this marriage code")
        if not is_married and any(marriage[tag] for tag in SPOUSE):
            yield Message("BBD001", "MariStatus", "this marriage code has no spouse fields")
    school = record.segments.get("EduInfSgmt")
    if (
        school
        and school["EduLevel"] in codes.LEVELS_WITHOUT_DEGREE
        and school["AcaDegree"] not in codes.NO_DEGREE
    ):
        yield Message("BBE004", "AcaDegree", "this school level has no degree")


def against_state(record: Record, state: State) -> Iterator[Message]:
    """Check one record against what the same source reported before."""
    stored = state.person(record)
    if record.code == "10" or stored is None:
        missing = [key for key in PERSON_SEGMENTS if key not in record.segments]
        if missing:
            yield Message("BBR000", NO_TAG, f"missing at first report: {', '.join(missing)}")
    if stored is None:
        return
    for key, tag in UPDATE_DATES.items():
        if key in record.segments and record.segments[key][tag] < stored[tag]:
            yield Message("BBR002", tag, "the segment is older than the stored one")
