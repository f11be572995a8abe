-- What counts against a pool: grants that nobody settled, and what was used of the others.
-- A pool of which nothing counts has no rows.
create sequence modelway.grant_ids;

create table modelway.grants (
    pool text collate "C" not null,
    id bigint not null default nextval('modelway.grant_ids'),
    amount bigint not null,
    until double precision not null,
    primary key (pool, id)
) with (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000
);

create table modelway.used (
    pool text collate "C" not null,
    until double precision not null,
    amount bigint not null,
    primary key (pool, until)
) with (
    fillfactor = 70, autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000
);

create view modelway.counts as
select pool, until, amount from modelway.used
union all
select pool, until, amount from modelway.grants;

-- When what was used no longer counts, rounded up to the end of its bucket: 240 to a window.
create function modelway.used_until(now_s float8, ago_s float8, window_s float8) returns float8
language sql immutable as $$
    select case
        when window_s > 0 and window_s < 'Infinity' then greatest(
            now_s - ago_s + window_s,
            ceil((now_s - ago_s + window_s) / (window_s / 240)) * (window_s / 240)
        )
        else now_s - ago_s + window_s
    end
$$;

-- Grants become what was used of them. Those that are not there, or not any more, are passed over.
create function modelway.book(
    the_pool text, window_s float8, now_s float8, ids bigint[], amounts bigint[], agos_s float8[]
) returns void language plpgsql volatile as $$
begin
    with spent as (
        select * from unnest(ids, amounts, agos_s) as s (id, amount, ago_s)
    ), settled as (
        delete from modelway.grants g using spent
        where g.pool = the_pool and g.id = spent.id and g.until > now_s
        returning spent.amount, modelway.used_until(now_s, spent.ago_s, window_s) as until
    )
    insert into modelway.used as u (pool, until, amount)
    select the_pool, s.until, least(sum(s.amount), 9223372036854775807)
    from settled s where s.amount > 0 and s.until > now_s group by s.until
    on conflict (pool, until) do update
    set amount = least(u.amount::numeric + excluded.amount, 9223372036854775807);
end
$$;

create function modelway.take(
    since_s float8, the_pool text, most bigint, window_s float8, life_s float8,
    want bigint, least_amount bigint, share bigint,
    spent_ids bigint[], spent_amounts bigint[], spent_agos_s float8[],
    out amount bigint, out id bigint, out remaining bigint, out wait_s float8
) language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.begin_step('pool', the_pool, since_s);
    any_ended boolean;
begin
    if cardinality(spent_ids) > 0 then
        perform modelway.book(
            the_pool, window_s, now_s, spent_ids, spent_amounts, spent_agos_s
        );
    end if;
    select most - least(coalesce(sum(c.amount) filter (where c.until > now_s), 0), 9.2e18),
        bool_or(c.until <= now_s)
    into remaining, any_ended
    from modelway.counts c where c.pool = the_pool;
    if any_ended then
        delete from modelway.used u where u.pool = the_pool and u.until <= now_s;
        delete from modelway.grants g where g.pool = the_pool and g.until <= now_s;
    end if;
    amount := 0;
    id := 0;
    wait_s := 0;
    if remaining < least_amount then
        select coalesce(min(e.until) - now_s + 1e-6, 'Infinity') into wait_s
        from (
            select c.until, sum(c.amount) over (order by c.until) as freed
            from modelway.counts c where c.pool = the_pool and c.until > now_s
        ) e where e.freed >= least_amount::numeric - remaining;
    else
        amount := greatest(0, least(want, greatest(least_amount, remaining / share)));
    end if;
    if amount > 0 then
        insert into modelway.grants as g (pool, amount, until)
        values (the_pool, take.amount, now_s + life_s + window_s) returning g.id into id;
    end if;
    remaining := greatest(0, remaining - amount);
end
$$;

create function modelway.settle(
    since_s float8, the_pool text, window_s float8, ids bigint[], amounts bigint[], agos_s float8[]
) returns void language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.begin_step('pool', the_pool, since_s);
begin
    perform modelway.book(the_pool, window_s, now_s, ids, amounts, agos_s);
end
$$;

create function modelway.renew(
    since_s float8, the_pool text, window_s float8, life_s float8, ids bigint[]
) returns setof bigint language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.begin_step('pool', the_pool, since_s);
begin
    return query update modelway.grants g set until = now_s + life_s + window_s
    where g.pool = the_pool and g.id = any (ids) and g.until > now_s
    returning g.id;
end
$$;
