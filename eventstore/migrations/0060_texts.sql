-- What does a text mean? Vectors by the model and by the SHA-256 of exactly what was embedded, so that
-- the same text is embedded once, wherever it stands and whatever is rebuilt. Written by processes
-- alone; what was lost is embedded again.
create table processes.embeddings (
    -- Which model: vectors of different ones do not compare.
    model text not null,
    sha256 bytea not null,
    -- 384 numbers, little-endian, 4 bytes each.
    vector bytea not null,
    primary key (model, sha256)
);

-- What is there to read in an attached file? Markdown made of the content with this SHA-256 (in hex),
-- once. Written by processes alone.
create table processes.extracts (
    file text primary key,
    text text not null
);
