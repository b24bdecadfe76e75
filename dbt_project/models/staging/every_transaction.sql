-- Every good transaction since opening, whether this run read it or brought it forward: for whoever
-- asks why.
{{ good_rows_among(
    'transactions',
    source('raw', 'transactions'),
    screened_rows('transactions'),
) }}
