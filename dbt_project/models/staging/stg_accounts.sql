-- Accounts as known at the cut-off: the newest version of each key, only rows inside the rules. A
-- maturity or closing after 2099 means none.
{{ good_rows('accounts') }}
