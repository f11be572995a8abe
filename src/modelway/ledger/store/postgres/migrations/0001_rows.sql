create table modelway.ledger (
    number bigint generated always as identity,
    id text primary key,
    tenant text not null, key text not null, team text not null, "user" text not null,
    tags text[] not null, operation text not null, stream boolean not null, asked text not null,
    deployment text not null, provider text not null, model text not null, service text not null,
    price_version text not null, basis text not null, error text not null, cache text not null,
    time double precision not null, reserved_pico_usd bigint, same bigint not null,
    cost_pico_usd bigint, expected_pico_usd bigint, saved_pico_usd bigint,
    took_us bigint, first_us bigint,
    input_tokens bigint, output_tokens bigint, cached_tokens bigint, cache_write_tokens bigint,
    cache_write_1h_tokens bigint, reasoning_tokens bigint, input_audio_tokens bigint,
    output_audio_tokens bigint, search_units bigint
);
create index ledger_by_time on modelway.ledger (time, number);
