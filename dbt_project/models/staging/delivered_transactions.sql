-- Every delivered transaction that this run reads: all of the accounts that are read from the
-- beginning, and the news of those that are brought forward.
{{ config(materialized='table', enabled=var('brought_forward_as_of') != '') }}

{{ delivered_to_read('transactions') }}
