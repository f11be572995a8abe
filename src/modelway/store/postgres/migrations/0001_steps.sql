-- The server's clock, held to go forward: one row for the database.
create table modelway.clock (
    one boolean primary key default true check (one),
    seen float8 not null,
    shift float8 not null
);

insert into modelway.clock (seen, shift) values (date_part('epoch', clock_timestamp()), 0);

-- Seconds of a time of our own: the wall clock, less every step that it was seen to take.
create function modelway.now_s() returns float8 language plpgsql volatile as $$
begin
    -- first the row, then the wall: nobody's reading in the row is later than ours
    return (
        select greatest(c.seen, date_part('epoch', clock_timestamp()) + c.shift)
        from modelway.clock c where c.one
    );
end
$$;

-- The same for a step, after which it goes on from there. `since_s` is the most that can have
-- passed since the asker's last step, by a clock that nobody sets; infinity where there was none.
-- `seen` follows within a second, so a smaller step back may go by unseen: then what ends, ends
-- later by as much, and nothing earlier.
create function modelway.step_s(since_s float8) returns float8 language plpgsql volatile as $$
declare
    now_s float8;
    last_s float8;
    shift_s float8;
begin
    select c.seen, c.shift into last_s, shift_s from modelway.clock c where c.one;
    now_s := date_part('epoch', clock_timestamp()) + shift_s;
    if now_s < last_s then
        update modelway.clock c
        set shift = greatest(c.shift, c.seen - date_part('epoch', clock_timestamp()))
        where c.one
        returning c.shift into shift_s;
        now_s := date_part('epoch', clock_timestamp()) + shift_s;
    elsif now_s > last_s + 1 + since_s then
        update modelway.clock c
        set shift = least(c.shift, c.seen + 1 + since_s - date_part('epoch', clock_timestamp()))
        where c.one
        returning c.shift into shift_s;
        now_s := date_part('epoch', clock_timestamp()) + shift_s;
    elsif now_s > last_s + 1 then
        -- whoever finds it being moved goes on
        perform from modelway.clock c where c.one for no key update skip locked;
        if found then
            update modelway.clock c set seen = greatest(c.seen, now_s) where c.one;
        end if;
    end if;
    return now_s;
end
$$;

-- Begins a step on a pool or a stream: one at a time, each sees all of those before it. The time.
create function modelway.begin_step(kind text, name text, since_s float8) returns float8
language plpgsql volatile as $$
begin
    if current_setting('transaction_isolation') <> 'read committed' then
        raise 'a step needs the isolation read committed, and has %',
            current_setting('transaction_isolation');
    end if;
    perform pg_advisory_xact_lock(hashtextextended('modelway ' || kind || ' ' || name, 0));
    return modelway.step_s(since_s);
end
$$;
