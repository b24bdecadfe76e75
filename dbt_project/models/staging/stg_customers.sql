-- Customers as known at the cut-off. Clear personal data: schema secure.
{{ config(schema='secure') }}

{{ good_rows('customers') }}
