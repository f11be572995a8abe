-- What happened, by stream. Keys are bytes, for text here cannot be all that theirs can.
create sequence modelway.record_ids;

create table modelway.records (
    stream text collate "C" not null,
    id bigint not null,
    key bytea not null,
    time float8 not null,
    until float8 not null,
    data bytea not null,
    primary key (stream, id)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

create index on modelway.records (stream, md5(key), id);
create index on modelway.records (until) where until < 'Infinity';

-- One at a time to a stream, so that ids are seen in their order. The last one's id.
create function modelway.append(
    since_s float8, the_stream text, keys bytea[], data bytea[], life_s float8
) returns bigint language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.begin_step('stream', the_stream, since_s);
    wall_s constant float8 := date_part('epoch', clock_timestamp());
begin
    insert into modelway.records as r (stream, id, key, time, until, data)
    select the_stream, nextval('modelway.record_ids'), e.key, wall_s, now_s + life_s, e.data
    from (
        select * from unnest(keys, append.data) with ordinality as e (key, data, place)
        order by place
    ) e;
    perform pg_notify('modelway_records', the_stream);
    return (select coalesce(max(r.id), 0) from modelway.records r where r.stream = the_stream);
end
$$;
