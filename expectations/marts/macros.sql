-- what the frames beside this file share; frames hold integers and text, so that no float decides
create temp macro milli(amount) as cast(cast(amount as decimal(38, 3)) * 1000 as bigint);
create temp macro micro(pct) as cast(cast(pct as decimal(38, 6)) * 1000000 as bigint);
-- the values of a statement (C7)
create temp macro statement(of_row) as cast(
    row(
        of_row.monthly_fee, of_row.availability_pct, of_row.availability_credit_pct,
        of_row.resolution_credit_pct, of_row.combined_pct, of_row.combination,
        of_row.credit_pct, of_row.credit_amount
    ) as varchar
);
