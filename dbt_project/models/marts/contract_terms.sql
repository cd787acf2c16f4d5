select distinct
    terms.contract_id, terms.contract_version, term_values.policy_key, term_values.value,
    term_values.document
from {{ source('inputs', 'term_values') }} as term_values
inner join {{ ref('int_terms') }} as terms on term_values.terms_id = terms.terms_id
