select
    series.component_id, spans.series_id, spans.first_s, spans.last_s, spans.state,
    lead(spans.first_s) over (partition by spans.series_id order by spans.first_s) as next_s
from {{ source('landed', 'check_spans') }} as spans
inner join {{ source('landed', 'check_series') }} as series on spans.series_id = series.series_id
cross join {{ source('inputs', 'run') }} as run
where spans.first_s <= run.as_of_s and {{ is_in_force('series.component_id', 'components') }}
