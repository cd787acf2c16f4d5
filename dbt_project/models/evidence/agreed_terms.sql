select
    term_values.terms_id, terms.contract_id, terms.contract_version, term_values.policy_key,
    term_values.value, term_values.document
from {{ source('inputs', 'term_values') }} as term_values
inner join {{ source('inputs', 'terms') }} as terms on term_values.terms_id = terms.terms_id
where exists (
    select 1
    from {{ source('inputs', 'term_spans') }} as spans
    where spans.terms_id = terms.terms_id and spans.scenario_id = 0
)
