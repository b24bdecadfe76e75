-- In-house scores as known at the cut-off: the newest version of each key, only rows inside the
-- rules.
{{ good_rows('internal_scores') }}
