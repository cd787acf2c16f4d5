select distinct terms.*
from {{ source('inputs', 'terms') }} as terms
inner join {{ source('inputs', 'periods') }} as periods on terms.terms_id = periods.terms_id
