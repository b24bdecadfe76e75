-- Advance notices as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
{{ good_rows('adverse_notices') }}
