-- Values that a crash of the server may lose: nothing of them is written ahead.
create unlogged table modelway.cache (
    key text collate "C" primary key,
    until float8 not null,
    put_s float8 not null,
    size bigint not null,
    value bytea not null
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

-- most values are compressed already, or not worth it
alter table modelway.cache alter column value set storage external;

create index on modelway.cache (put_s) include (size, until);

create function modelway.put(the_key text, new_value bytea, life_s float8) returns void
language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.now_s();
    new_size constant bigint := octet_length(new_value) + octet_length(the_key) + 200;
begin
    insert into modelway.cache as c (key, until, put_s, size, value)
    values (the_key, now_s + life_s, now_s, new_size, new_value)
    on conflict (key) do update set until = excluded.until, put_s = excluded.put_s,
        size = excluded.size, value = excluded.value;
end
$$;
