-- Every delivered transaction that the month before did not read: in a file that came since, or
-- recorded after its cut-off.
{{ config(materialized='table', enabled=var('brought_forward_as_of') != '') }}

{{ news('transactions') }}
