-- policies that differ in nothing but the threshold share states and exclusions
select distinct observed_as as availability_policy_id, customer_scope, service_id, region
from {{ ref('int_availability_scopes') }}
