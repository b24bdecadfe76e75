-- What happened to the alerts of the run: sent, answered, repeated, resolved.
select
    "at",
    event,
    finding,
    audience,
    actor,
    note
from marts.alert_events
where month = $label
order by
    "at",
    finding,
    audience;
