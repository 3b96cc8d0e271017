-- With which weights is recommended? The log says which fit serves (stream model/likings); here are
-- its weights, and those of the fit before it. Written by the trainer alone; what was lost is
-- fitted again.
create table processes.models (
    -- SHA-256 of `weights`, in hex.
    model_hash text primary key,
    position bigint not null,
    -- What rows and columns of the weights stand for, in order.
    kinds text[] not null,
    items uuid[] not null,
    weights bytea not null,
    serving boolean not null default false
);

create unique index models_serving on processes.models (serving) where serving;
