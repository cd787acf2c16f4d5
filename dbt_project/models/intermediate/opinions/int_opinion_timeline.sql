{{ ticket_timeline(ref('int_opinion_events'), ['ticket_id', 'has_set_aside']) }}
