-- Where calls belong: what they go on from, what they stand beside, and the marks by which they find each other.

ALTER TABLE observation ADD COLUMN prior INTEGER;
ALTER TABLE observation ADD COLUMN tools_version INTEGER;
ALTER TABLE observation ADD COLUMN side INTEGER;

-- `at`: when the call began, in seconds.
CREATE TABLE mark (
    hash INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    at INTEGER NOT NULL,
    observation INTEGER NOT NULL,
    PRIMARY KEY (hash, kind, at, observation)
) STRICT, WITHOUT ROWID;

ALTER TABLE trace ADD COLUMN title TEXT;
ALTER TABLE trace ADD COLUMN title_at INTEGER;
ALTER TABLE session ADD COLUMN title TEXT;
ALTER TABLE session ADD COLUMN title_at INTEGER;

-- What was asked with each version of a system prompt and of a set of tools.
CREATE TABLE prompt (
    version INTEGER NOT NULL,
    tools INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    observation INTEGER NOT NULL,
    lossy INTEGER NOT NULL,
    sums BLOB NOT NULL,
    duration BLOB NOT NULL,
    first_token BLOB NOT NULL,
    PRIMARY KEY (version, tools)
) STRICT, WITHOUT ROWID;

DROP VIEW observations;
CREATE VIEW observations AS
SELECT
    printf('%016x', o.id) AS id,
    lower(hex(t.id)) AS trace_id,
    s.id AS session_id,
    CASE WHEN o.parent IS NOT NULL THEN printf('%016x', o.parent) END AS parent_id,
    lower(hex(e.id)) AS exchange_id,
    o.place AS exchange_index,
    CASE o.kind WHEN 0 THEN 'generation' WHEN 1 THEN 'tool' WHEN 2 THEN 'retriever' WHEN 3 THEN 'embedding'
        WHEN 4 THEN 'span' ELSE 'event' END AS type,
    (SELECT text FROM word WHERE id = o.name) AS name,
    strftime('%Y-%m-%dT%H:%M:%S', o.start / 1000000, 'unixepoch') || printf('.%06dZ', o.start % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', (o.start + o.took) / 1000000, 'unixepoch')
        || printf('.%06dZ', (o.start + o.took) % 1000000) AS end_time,
    o.took / 1000.0 AS duration_ms,
    o.ttft / 1000.0 AS ttft_ms,
    CASE o.status WHEN 0 THEN 'ok' WHEN 1 THEN 'error' WHEN 2 THEN 'cancelled' WHEN 3 THEN 'interrupted' ELSE 'open' END
        AS status,
    (SELECT text FROM word WHERE id = o.error) AS error_type,
    o.http_status AS http_status,
    (SELECT text FROM word WHERE id = o.provider) AS provider,
    (SELECT text FROM word WHERE id = o.upstream) AS upstream,
    (SELECT text FROM word WHERE id = o.dialect) AS dialect,
    (SELECT text FROM word WHERE id = o.operation) AS operation,
    (SELECT text FROM word WHERE id = o.request_model) AS request_model,
    (SELECT text FROM word WHERE id = o.response_model) AS response_model,
    o.response_id AS response_id,
    o.streamed AS streamed,
    (SELECT text FROM word WHERE id = o.finish) AS finish_reason,
    o.input AS input_tokens,
    o.output AS output_tokens,
    o.cache_read AS cache_read_tokens,
    o.cache_write AS cache_write_tokens,
    o.reasoning AS reasoning_tokens,
    CASE o.usage_source WHEN 0 THEN 'reported' WHEN 1 THEN 'estimated' WHEN 2 THEN 'partial' END AS usage_source,
    o.cost / 1e12 AS cost,
    (SELECT text FROM word WHERE id = o.user) AS user,
    (SELECT text FROM word WHERE id = o.client) AS client,
    (SELECT text FROM word WHERE id = o.prompt_version) AS prompt_version,
    o.attempt AS attempt,
    o.pinned AS pinned,
    (SELECT group_concat(w.text, ',') FROM tag g JOIN word w ON w.id = g.tag WHERE g.observation = o.seq) AS tags,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = o.seq) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = o.seq) AS output_preview,
    CASE WHEN o.prior IS NOT NULL THEN printf('%016x', o.prior) END AS prior_id,
    (SELECT text FROM word WHERE id = o.side) AS side,
    (SELECT text FROM word WHERE id = o.tools_version) AS tools_version
FROM observation o
LEFT JOIN trace t ON t.seq = o.trace
LEFT JOIN session s ON s.seq = o.session
LEFT JOIN exchange e ON e.seq = o.exchange;

DROP VIEW traces;
CREATE VIEW traces AS
SELECT
    lower(hex(t.id)) AS id,
    s.id AS session_id,
    strftime('%Y-%m-%dT%H:%M:%S', t.first / 1000000, 'unixepoch') || printf('.%06dZ', t.first % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', t.last / 1000000, 'unixepoch') || printf('.%06dZ', t.last % 1000000) AS end_time,
    (t.last - t.first) / 1000.0 AS duration_ms,
    t.observations AS observations,
    t.generations AS generations,
    t.tools AS tools,
    t.errors AS errors,
    t.input AS input_tokens,
    t.output AS output_tokens,
    t.cost / 1e12 AS cost,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = t.first_observation) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = t.last_observation) AS output_preview,
    t.title AS title
FROM trace t
LEFT JOIN session s ON s.seq = t.session;

DROP VIEW sessions;
CREATE VIEW sessions AS
SELECT
    s.id AS id,
    strftime('%Y-%m-%dT%H:%M:%S', s.first / 1000000, 'unixepoch') || printf('.%06dZ', s.first % 1000000) AS start_time,
    strftime('%Y-%m-%dT%H:%M:%S', s.last / 1000000, 'unixepoch') || printf('.%06dZ', s.last % 1000000) AS end_time,
    (s.last - s.first) / 1000.0 AS duration_ms,
    s.traces AS traces,
    s.observations AS observations,
    s.generations AS generations,
    s.tools AS tools,
    s.errors AS errors,
    s.input AS input_tokens,
    s.output AS output_tokens,
    s.cost / 1e12 AS cost,
    (SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = s.first_observation) AS input_preview,
    (SELECT d.output_preview FROM detail d WHERE d.observation = s.last_observation) AS output_preview,
    s.title AS title
FROM session s;
