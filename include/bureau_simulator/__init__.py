"""The other side: a simulator of the credit bureau's system, for tests and demonstrations.

It is written from ``bureau_interface.md`` and ``lifecycle.md`` 8.1, 8.4, 9 and 12 alone. Where
these are silent, it does as follows:

- Only records 110, 220 and 210 are received; a file of another type is refused with ABN003. In
  them, the segments D, E, G, I, IDSgmt and IncInfSgmt are unknown (ABR006): their tags or their
  use are not described.
- Elements and segments must stand in the order of the interface (ABR006). A missing element reads
  as an empty one. AN is half-width letters and digits, e-mail is text.
- Keys: account code, agreement code, or source code and three marks; each with the report date.
  A key twice in a file rejects every record that has it. A second segment H of a month is ABR004.
- The lines of a file are applied by report date, then line. A late record of an earlier month is
  accepted, before a stored closing too.
- Checks go in three steps: XML and single elements; rules inside the record; rules against the
  state. The answer lists all faults of the first step that finds some.
- ABE001 also covers the number of a resident ID (V65), ABE007 also a birth date after its update
  date (V66). ABR001 is a report date after the date in the file name. BLE001 is a closed account
  without close date, BLE004 a close date without closing. BLR005 has no rule: no source gives it.
- Of the bureau's rules those are applied whose codes the life cycle lists in section 12, so not
  V08, V23, V28, V52 and V54.
- A person is known where any source reported the three marks, whatever the report dates: a record
  may be of a month before the one in which its person was reported first. Nation is empty for
  another document than a resident ID.
- The header of an answer is that of the answered file with the count of the messages, its time
  too. The sealed answer is kept: a repeated file gets the same bytes.
- The answer to a second file of one name (ABN004) is numbered, ``NAME1.2.enc``, so that it never
  replaces the first.
- ``--reject`` takes its sample from 210 files unless told otherwise, in all files of one call
  together. The records that depend on a rejected one then fail by themselves.
"""
