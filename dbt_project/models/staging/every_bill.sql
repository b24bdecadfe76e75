-- Every good bill since opening, whether this run read it or brought it forward: for whoever
-- asks why.
{{ good_rows_among(
    'bills',
    source('raw', 'bills'),
    screened_rows('bills'),
) }}
