-- What happened to the alerts of the run: sent, answered, repeated, resolved.
select
    happened_at,
    event,
    finding,
    reached,
    audience,
    actor,
    taken_by,
    note
from marts.alert_events
where month = $label
order by position;
