select series.component_id, spans.series_id, spans.first_s, spans.last_s, spans.state
from {{ source('landed', 'check_spans') }} as spans
inner join {{ source('landed', 'check_series') }} as series on spans.series_id = series.series_id
inner join {{ ref('stg_components') }} as components on series.component_id = components.component_id
cross join {{ source('inputs', 'run') }} as run
where spans.first_s <= run.as_of_s
