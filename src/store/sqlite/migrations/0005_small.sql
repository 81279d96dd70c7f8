-- What takes less room: previews that several have in common, and hashes in a number.

-- Texts that wait to be indexed: twice an exchange's number, or twice an observation's and one.
CREATE TABLE unsaid (row INTEGER PRIMARY KEY) STRICT;

-- The index merges what was written one by one as soon as there are two of a size.
INSERT INTO said (said, rank) VALUES ('usermerge', 2);
INSERT INTO answer (answer, rank) VALUES ('usermerge', 2);

-- The sums of everything.
INSERT INTO meta SELECT 'lossy', lossy FROM total UNION ALL SELECT 'total', sums FROM total
    UNION ALL SELECT name, value FROM counter;
DROP TABLE total;

-- A trace and a session are short. Calls of tools are met all the time. A provider has its few models, and most models
-- have one provider.
DROP INDEX observation_trace;
CREATE INDEX observation_trace ON observation (trace) WHERE trace IS NOT NULL;
DROP INDEX observation_session;
CREATE INDEX observation_session ON observation (session) WHERE session IS NOT NULL;
DROP INDEX observation_request_model;
DROP INDEX observation_provider;
CREATE INDEX observation_request_model ON observation (provider, request_model, start)
    WHERE provider IS NOT NULL OR request_model IS NOT NULL;
DROP INDEX observation_kind;
CREATE INDEX observation_kind ON observation (kind, start) WHERE kind > 1;

-- `hash` has the kind in it: the two are always looked for together.
CREATE TABLE mark_new (
    hash INTEGER NOT NULL,
    at INTEGER NOT NULL,
    observation INTEGER NOT NULL,
    PRIMARY KEY (hash, at, observation)
) STRICT, WITHOUT ROWID;
INSERT OR IGNORE INTO mark_new
SELECT (hash | key) - (hash & key), at, observation FROM (SELECT *, CASE kind
    WHEN 1 THEN -7046029254386353131 WHEN 2 THEN 4354685564936845354 WHEN 3 THEN -2691343689449507777
    WHEN 4 THEN 8709371129873690708 WHEN 5 THEN 1663341875487337577 WHEN 6 THEN -5382687378899015554
    WHEN 7 THEN 6018027440424182931 WHEN 8 THEN -1028001813962170200 WHEN 9 THEN -8074031068348523331
    WHEN 10 THEN 3326683750974675154
    ELSE 0 END AS key FROM mark);
DROP TABLE mark;
ALTER TABLE mark_new RENAME TO mark;

DROP VIEW observations;
DROP VIEW traces;
DROP VIEW sessions;

-- `output_preview` is a preview's number now; 0 stands for none, there too.
INSERT INTO counter SELECT 'previews', coalesce(max(id), 0) FROM preview;
INSERT INTO preview (id, uses, text)
SELECT observation + (SELECT value FROM counter WHERE name = 'previews'), 1, output_preview FROM detail WHERE output_preview <> '';
CREATE TABLE detail_new (
    observation INTEGER PRIMARY KEY,
    packed INTEGER NOT NULL,
    data BLOB NOT NULL,
    text BLOB NOT NULL,
    content BLOB,
    input_preview INTEGER NOT NULL,
    output_preview INTEGER NOT NULL
) STRICT;
INSERT INTO detail_new
SELECT observation, packed, data, text, content, input_preview,
    CASE output_preview WHEN '' THEN 0 ELSE observation + (SELECT value FROM counter WHERE name = 'previews') END
FROM detail ORDER BY observation;
DROP TABLE detail;
ALTER TABLE detail_new RENAME TO detail;
DROP TABLE counter;

DROP INDEX observation_response_id;
CREATE INDEX observation_response_id ON observation (substr(response_id, -4)) WHERE response_id IS NOT NULL;

-- `hash`: the first eight bytes; `piece`: its number, times 65536, and two more bytes.
ALTER TABLE hash RENAME TO hash_before;
CREATE TABLE hash (hash INTEGER PRIMARY KEY, piece INTEGER NOT NULL) STRICT;

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
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = o.seq), '') AS input_preview,
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.output_preview WHERE d.observation = o.seq), '') AS output_preview,
CASE WHEN o.prior IS NOT NULL THEN printf('%016x', o.prior) END AS prior_id,
(SELECT text FROM word WHERE id = o.side) AS side,
(SELECT text FROM word WHERE id = o.tools_version) AS tools_version
FROM observation o
LEFT JOIN trace t ON t.seq = o.trace
LEFT JOIN session s ON s.seq = o.session
LEFT JOIN exchange e ON e.seq = o.exchange;

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
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = t.first_observation), '') AS input_preview,
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.output_preview WHERE d.observation = t.last_observation), '') AS output_preview,
t.title AS title
FROM trace t
LEFT JOIN session s ON s.seq = t.session;

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
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.input_preview WHERE d.observation = s.first_observation), '') AS input_preview,
coalesce((SELECT p.text FROM detail d JOIN preview p ON p.id = d.output_preview WHERE d.observation = s.last_observation), '') AS output_preview,
s.title AS title
FROM session s;
