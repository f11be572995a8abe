-- Drops what has ended, and of the cache the oldest beyond so many bytes: at most `batch` rows of
-- each table, so that nobody waits long for a row. How many of the fullest, to know if there is more.
create function modelway.sweep(cache_bytes bigint, batch bigint) returns bigint
language plpgsql volatile as $$
declare
    -- what the last step saw: the wall may have been set since
    now_s constant float8 := (select c.seen from modelway.clock c where c.one);
    kept_since float8;
    dropped bigint;
    most_dropped bigint := 0;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('modelway sweep', 0)) then
        return 0;
    end if;

    -- a pool that is in use drops its own
    delete from modelway.used u using (
        select d.pool, d.until from modelway.used d where d.until < now_s - 60
        limit batch for update skip locked
    ) ended where u.pool = ended.pool and u.until = ended.until;
    get diagnostics dropped = row_count;
    most_dropped := greatest(most_dropped, dropped);

    delete from modelway.grants g using (
        select d.pool, d.id from modelway.grants d where d.until < now_s - 60
        limit batch for update skip locked
    ) ended where g.pool = ended.pool and g.id = ended.id;
    get diagnostics dropped = row_count;
    most_dropped := greatest(most_dropped, dropped);

    delete from modelway.records r using (
        select d.stream, d.id from modelway.records d where d.until < now_s
        limit batch for update skip locked
    ) ended where r.stream = ended.stream and r.id = ended.id;
    get diagnostics dropped = row_count;
    most_dropped := greatest(most_dropped, dropped);

    select coalesce(max(s.put_s), '-Infinity') into kept_since
    from (
        select c.put_s, sum(c.size) over (order by c.put_s desc) as bytes from modelway.cache c
    ) s where s.bytes > cache_bytes;
    delete from modelway.cache c using (
        select d.key from modelway.cache d where d.until <= now_s or d.put_s <= kept_since
        limit batch for update skip locked
    ) ended where c.key = ended.key;
    get diagnostics dropped = row_count;
    return greatest(most_dropped, dropped);
end
$$;
