-- Questions by their vectors. @vector is the schema of the extension pgvector.
-- What a crash of the server may lose: nothing of it is written ahead.
create unlogged table modelway.vectors (
    id bigint generated always as identity primary key,
    tenant text collate "C" not null,
    space bytea not null,
    dimension int not null,
    digest bytea not null,
    until float8 not null,
    put_s float8 not null,
    size bigint not null,
    embedding @vector.vector not null,
    question bytea not null,
    value bytea not null,
    unique (tenant, space, dimension, digest)
) with (autovacuum_vacuum_scale_factor = 0.05, autovacuum_vacuum_threshold = 1000);

alter table modelway.vectors alter column value set storage external;

create index on modelway.vectors (tenant, put_s);
create index on modelway.vectors (put_s) include (size, until);

create function modelway.put_vector(
    the_tenant text, the_space bytea, the_digest bytea, vector text, the_question bytea,
    new_value bytea, life_s float8
) returns void language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.now_s();
    new_vector constant @vector.vector := vector::@vector.vector;
    new_size constant bigint := octet_length(new_value) + octet_length(the_question)
        + 8 * @vector.vector_dims(new_vector) + 500;
begin
    insert into modelway.vectors as v
        (tenant, space, dimension, digest, until, put_s, size, embedding, question, value)
    values (the_tenant, the_space, @vector.vector_dims(new_vector), the_digest, now_s + life_s, now_s,
        new_size, new_vector, the_question, new_value)
    on conflict (tenant, space, dimension, digest) do update set until = excluded.until,
        put_s = excluded.put_s, size = excluded.size, embedding = excluded.embedding,
        value = excluded.value;
end
$$;

-- The nearest of a space: one by one where there are few of them, and by the index else.
create function modelway.nearest_vectors(
    the_tenant text, the_space bytea, vector text, nearness float8, most int, few int
) returns table (similarity float8, question bytea, value bytea, age_s float8)
language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.now_s();
    asked constant @vector.vector := vector::@vector.vector;
    dims constant int := @vector.vector_dims(asked);
    kind constant text := case when dims <= 2000 then 'vector' else 'halfvec' end;
    count bigint;
begin
    select count(*) into count from (
        select from modelway.vectors v
        where v.tenant = the_tenant and v.space = the_space and v.dimension = dims limit few + 1
    ) there;
    if count <= few or dims > 4000 then
        return query select 1 - n.distance, n.question, n.value, now_s - n.put_s from (
            select v.embedding operator(@vector.<=>) asked as distance, v.question, v.value, v.put_s
            from modelway.vectors v
            where v.tenant = the_tenant and v.space = the_space and v.dimension = dims
                and v.until > now_s
            order by 1 limit most
        ) n where 1 - n.distance >= nearness order by n.distance;
    else
        if @iterates then  -- it looks on until it has found enough that are of this space
            perform set_config('hnsw.iterative_scan', 'strict_order', true);
        end if;
        return query execute format($query$
            select 1 - n.distance, n.question, n.value, $1 - n.put_s from (
                select v.embedding operator(@vector.<=>) $2 as distance, v.question, v.value, v.put_s
                from modelway.vectors v
                where v.tenant = $3 and v.space = $4 and v.dimension = %1$s and v.until > $1
                order by v.embedding::@vector.%2$I(%1$s) operator(@vector.<=>) $2::@vector.%2$I(%1$s)
                limit $5
            ) n where 1 - n.distance >= $6 order by n.distance
        $query$, dims, kind) using now_s, asked, the_tenant, the_space, most, nearness;
    end if;
end
$$;

-- Drops what has ended, of a tenant the oldest beyond so many, and of all the oldest beyond so many bytes.
create function modelway.trim_vectors(the_tenant text, most_entries bigint, most_bytes bigint)
returns void language plpgsql volatile as $$
declare
    now_s constant float8 := modelway.now_s();
    kept_since float8;
    tenants_since float8;
begin
    if not pg_try_advisory_xact_lock(hashtextextended('modelway trim vectors', 0)) then
        return;
    end if;
    select v.put_s into tenants_since from modelway.vectors v where v.tenant = the_tenant
        order by v.put_s desc offset most_entries limit 1;
    delete from modelway.vectors v
        where v.tenant = the_tenant and v.put_s <= coalesce(tenants_since, '-Infinity');
    select coalesce(max(s.put_s), '-Infinity') into kept_since from (
        select v.put_s, sum(v.size) over (order by v.put_s desc) as bytes from modelway.vectors v
    ) s where s.bytes > most_bytes;
    delete from modelway.vectors v where v.until <= now_s or v.put_s <= kept_since;
end
$$;
