-- Who first held which value, from `events` and `lake_owners` (what earlier runs kept of the same values).
-- A value is a leaf, or a shingle of a long text (`passage`). Events become numbers in order of time, people numbers too:
-- ids that one address stands behind are one person. What a server says of itself and of its tools is no one's. Who reads a
-- resource names its URI (`uri`), of which there is no leaf.
CREATE OR REPLACE TABLE aliases AS
SELECT user_id, min(alias) AS alias FROM (
    SELECT DISTINCT user_id, min(user_id) OVER (PARTITION BY lower(user_email)) AS alias FROM events
    WHERE user_id IS NOT NULL AND user_email IS NOT NULL)
GROUP BY user_id HAVING alias <> user_id;

CREATE OR REPLACE TABLE holders AS
WITH earlier AS (
    SELECT *, -row_number() OVER () AS spot FROM (
        SELECT DISTINCT ON (event_id) event_id, event_time, user_id, server_name, tool_name, named FROM lake_owners ANTI JOIN events USING (event_id))
), places AS MATERIALIZED ( -- `spot` is where an event stands: its row of `events`, or less than nothing
    SELECT spot, row_number() OVER (ORDER BY event_time, event_id) AS place FROM (
        SELECT rowid AS spot, event_time, event_id FROM events
        WHERE user_id IS NOT NULL AND coalesce(event_kind NOT IN ('session_open', 'discover', 'tool_list'), true)
        UNION ALL SELECT spot, event_time, event_id FROM earlier)
), every AS (
    SELECT rowid AS spot, event_id, event_time, user_id, server_name, tool_name,
           list_concat(args_leaves[:4], uri) AS named, uri, fresh,
           len(result_leaves) AS leaves, coalesce(list_has_any(args_leaves, result_leaves), false) AS echo,
           outcome = 'tool_error' AS failed,
           (source_system, vantage) IN (
               SELECT (source_system, vantage) FROM events WHERE result_leaves IS NOT NULL OR result_shingles IS NOT NULL) AS telling
    FROM (SELECT rowid, *, if(resource_uri IS NULL, NULL, [('0x' || md5(resource_uri)[2:16])::BIGINT]) AS uri FROM events)
    WHERE user_id IS NOT NULL
    UNION ALL BY NAME SELECT *, false AS fresh, NULL AS leaves, false AS echo, false AS telling FROM earlier
), people AS (
    SELECT user_id, dense_rank() OVER (ORDER BY coalesce(alias, user_id)) AS person
    FROM (SELECT user_id FROM events WHERE user_id IS NOT NULL UNION SELECT user_id FROM earlier) LEFT JOIN aliases USING (user_id)
)
SELECT every.*, place, person FROM every JOIN places USING (spot) JOIN people USING (user_id);

-- The first time each person was given a value (`returned`) or named it: one row a value, person and way. `anew`: the first
-- time in the window.
CREATE OR REPLACE TABLE held AS
WITH part AS (
    SELECT rowid AS spot, true AS returned, false AS passage, unnest(result_leaves) AS leaf FROM events
    UNION ALL SELECT rowid, true, true, unnest(result_shingles) FROM events
    UNION ALL SELECT rowid, false, false, unnest(args_leaves) FROM events
    UNION ALL SELECT rowid, false, true, unnest(args_shingles) FROM events
    UNION ALL SELECT spot, returned, passage, leaf FROM lake_owners JOIN holders USING (event_id)
)
SELECT leaf, person, returned, bool_or(passage) AS passage, min(place) AS place, min(place) FILTER (fresh) AS anew
FROM part JOIN holders USING (spot) GROUP BY leaf, person, returned;

-- Values that between two and five people held. What more hold is a template, a public page, a word.
CREATE OR REPLACE TABLE owners AS
WITH several AS (
    FROM held WHERE leaf IN (SELECT leaf FROM held GROUP BY leaf HAVING min(person) < max(person))
)
FROM several WHERE leaf IN (SELECT leaf FROM several GROUP BY leaf HAVING count(DISTINCT person) <= 5);

-- Values that reach a person (given, or named) who neither had nor named them, and that another was given first. `minted`:
-- nobody had named it when it was given, so the server made it, or held it. A source that tells no
-- results, as a client's own telemetry, cannot say what its people were not given.
CREATE OR REPLACE TABLE strays AS
WITH first AS (
    SELECT leaf, min(place) FILTER (returned) AS source, arg_min(person, place) FILTER (returned) AS owner,
           coalesce(min(place) FILTER (NOT returned) > source, true) AS minted
    FROM owners GROUP BY leaf HAVING source IS NOT NULL
)
SELECT o.leaf, o.passage, o.returned, o.person, o.place AS target, f.source, f.owner, f.minted
FROM owners o JOIN first f USING (leaf) JOIN holders t ON t.place = o.place AND t.fresh
LEFT JOIN owners mine ON mine.leaf = o.leaf AND mine.person = o.person AND mine.returned <> o.returned
      AND mine.place < o.place + o.returned::INT
WHERE f.owner <> o.person AND f.source < o.place AND mine.leaf IS NULL
  AND (o.returned OR t.telling);

-- Strays by the two events they join, where they are two values or a passage of a dozen words and more (three shingles; two
-- are `brief`, which may be a phrase). What the owner's call was asked about (`named`) is of its record too, though a search may have given it before. `strong`: four
-- values, which is a record; less may be chance, or what all letters of a kind end with. `entitled`: the receiver had named
-- something of that record before, or named now what the owner holds too, or reads the same resource. `tied`: both have
-- named the same rare thing, not of that record, as those do who work on the same.
CREATE OR REPLACE TABLE crossings AS
WITH together AS (
    FROM strays
    UNION ALL BY NAME
    SELECT s.* REPLACE (h.place AS source)
    FROM (SELECT place, unnest(named) AS leaf FROM holders WHERE place IN (SELECT source FROM strays)) h
    JOIN strays s ON s.leaf = h.leaf AND s.source <> h.place
    SEMI JOIN strays o ON o.target = s.target AND o.returned = s.returned AND o.source = h.place AND o.owner = s.owner
), pairs AS (
    SELECT returned, target, source, person, owner, count(*) FILTER (NOT passage) AS leaves,
           count(*) FILTER (passage) AS passages, leaves >= 4 AS strong, leaves < 2 AND passages < 3 AS brief,
           bool_or(minted) AS minted
    FROM together GROUP BY ALL
), everywhere AS (
    SELECT leaf FROM held WHERE NOT returned GROUP BY leaf HAVING count(*) > 20
), record AS MATERIALIZED ( -- without what everybody names: it entitles nobody, and a join by it is endless
    SELECT source, leaf FROM (
        SELECT place AS source, leaf FROM held WHERE place IN (SELECT source FROM pairs)
        UNION SELECT place, unnest(named) FROM holders WHERE place IN (SELECT source FROM pairs)
        UNION SELECT place, unnest(result_leaves) FROM events JOIN holders USING (event_id)
        WHERE place IN (SELECT source FROM pairs))
    WHERE leaf NOT IN (FROM everywhere)
), request AS MATERIALIZED (
    SELECT DISTINCT place AS target, leaf FROM (
        SELECT place, unnest(named) AS leaf FROM holders WHERE place IN (SELECT target FROM pairs WHERE returned))
    WHERE leaf NOT IN (FROM everywhere)
), entitled AS (
    SELECT p.target, p.source FROM pairs p JOIN record r USING (source)
    JOIN held m ON m.leaf = r.leaf AND m.person = p.person AND NOT m.returned AND m.place <= p.target
    WHERE p.returned
    UNION
    SELECT p.target, p.source FROM pairs p JOIN request t USING (target)
    JOIN held a ON a.leaf = t.leaf AND a.person = p.owner
    WHERE p.returned
    UNION
    SELECT p.target, p.source FROM pairs p JOIN holders t ON t.place = p.target JOIN holders s ON s.place = p.source
    WHERE p.returned AND list_has_any(t.uri, s.named)
), ties AS MATERIALIZED (
    SELECT a.person, b.person AS owner, leaf FROM owners a JOIN owners b USING (leaf)
    WHERE a.person <> b.person AND NOT a.returned AND NOT b.returned
), work AS (
    SELECT person, owner, count(*) AS things FROM ties GROUP BY ALL
), of_record AS (
    SELECT target, source, count(*) AS things FROM pairs JOIN record USING (source) JOIN ties USING (person, owner, leaf)
    WHERE pairs.returned GROUP BY ALL
)
SELECT p.*, e.source IS NOT NULL AS entitled, coalesce(work.things > coalesce(r.things, 0), false) AS tied
FROM pairs p LEFT JOIN entitled e USING (target, source) LEFT JOIN work USING (person, owner)
LEFT JOIN of_record r USING (target, source)
WHERE leaves >= 2 OR passages >= 2 OR NOT returned;

-- What is remarkable of each event of the window. `single` values are mostly chance (dates, streets): where they are usual,
-- so are two at a time. `named`: it names what somebody was given
-- before; `carried`: and its caller was not. `asked`: it names what is not everybody's; `unheard`: and something of that
-- nobody was given before, so it was known from elsewhere. `again`: its reader had read it all before. `opened`: it was
-- answered with what it names, which only others had been given, and few.
CREATE OR REPLACE TABLE marks AS
WITH given AS (
    SELECT leaf, min(place) AS first FROM held WHERE returned GROUP BY leaf
), asked AS (
    SELECT place, NOT bool_and(coalesce(g.first < place, false)) AS unheard
    FROM (SELECT place, unnest(args_leaves) AS leaf FROM events JOIN holders USING (event_id) WHERE holders.fresh)
    LEFT JOIN given g USING (leaf)
    WHERE leaf NOT IN (SELECT leaf FROM held GROUP BY leaf HAVING count(DISTINCT person) > 5) GROUP BY place
), known AS (
    SELECT h.place, bool_or(mine.leaf IS NULL) AS carried
    FROM held h JOIN given g ON g.leaf = h.leaf AND g.first < h.place JOIN holders t ON t.place = h.place AND t.fresh
    LEFT JOIN held mine ON mine.leaf = h.leaf AND mine.person = h.person AND mine.returned AND mine.place < h.place
    WHERE NOT h.returned GROUP BY h.place
), opened AS (
    SELECT DISTINCT target AS place FROM strays WHERE NOT returned AND NOT passage
), one AS (
    SELECT target AS place FROM (SELECT target, source, count(*) AS n FROM strays WHERE returned AND NOT passage GROUP BY ALL)
    GROUP BY target HAVING max(n) = 1
), crossed AS (
    SELECT target AS place, bool_or(returned AND strong) AS shared,
           bool_or(returned AND NOT entitled AND NOT brief) AS loose, bool_or(returned AND NOT entitled AND strong) AS strong,
           bool_or(returned AND NOT entitled AND strong AND NOT tied) AS strange
    FROM crossings GROUP BY target
), new AS (
    SELECT place, count(*) AS n FROM held WHERE returned GROUP BY place
)
SELECT event_id, server_name, tool_name, one.place IS NOT NULL AS single, loose AND NOT strong AND NOT echo AS weak, strong, strange,
       known.place IS NOT NULL AS named, carried, asked.place IS NOT NULL AS asked, unheard, leaves >= 4 AND coalesce(n, 0) <= leaves / 2 AND NOT coalesce(shared, false) AS again,
       shared, opened.place IS NOT NULL AND echo AND NOT coalesce(failed, false) AS opened
FROM holders LEFT JOIN known USING (place) LEFT JOIN asked USING (place) LEFT JOIN opened USING (place) LEFT JOIN one USING (place)
LEFT JOIN crossed USING (place) LEFT JOIN new USING (place)
WHERE fresh;

-- How often each tool gives, or is given, what another person had first: the habit a crossing is held against. Without
-- the records that were found to cross (`found`, by event): a leak is no habit, however often it happens.
CREATE OR REPLACE TABLE found (event_id VARCHAR);
CREATE OR REPLACE VIEW fresh_habits AS
SELECT server_name, tool_name, count(*) AS results, count(*) FILTER (single) AS single,
       count(*) FILTER (weak AND NOT leaked) AS weak, count(*) FILTER (strong AND NOT leaked) AS strong,
       count(*) FILTER (strange AND NOT leaked) AS strange, count(*) FILTER (named) AS named, count(*) FILTER (carried) AS carried,
       count(*) FILTER (again) AS again, count(*) FILTER (shared AND NOT leaked) AS shared,
       count(*) FILTER (asked) AS asked, count(*) FILTER (unheard) AS unheard, count(*) FILTER (opened) AS opened
FROM (SELECT *, event_id IN (FROM found) AS leaked FROM marks) GROUP BY ALL;

-- The habits of each tool before the window; of one that is new, those of the window itself (`own`), of which what is
-- judged is then one. That records are read again
-- by their first reader (`again`) and not by others (`shared`) is only learned from before.
CREATE OR REPLACE TABLE habits AS
WITH before AS (
    SELECT server_name, tool_name, sum(results) AS results, sum(single) AS single, sum(weak) AS weak, sum(strong) AS strong,
           sum(strange) AS strange, sum(named) AS named, sum(carried) AS carried,
           sum(again) AS again, sum(shared) AS shared, coalesce(sum(asked), 0) AS asked, coalesce(sum(unheard), 0) AS unheard
    FROM lake_habits GROUP BY ALL
)
SELECT f.server_name, f.tool_name, coalesce(b.results, 0) < 50 AS own, if(coalesce(b.results, 0) >= 50, b.results, f.results) AS results,
       if(coalesce(b.results, 0) >= 50, b.single, f.single) AS single,
       if(coalesce(b.results, 0) >= 50, b.weak, f.weak) AS weak,
       if(coalesce(b.results, 0) >= 50, b.strong, f.strong) AS strong,
       if(coalesce(b.results, 0) >= 50, b.strange, f.strange) AS strange,
       if(coalesce(b.results, 0) >= 50, b.named, f.named) AS named,
       if(coalesce(b.results, 0) >= 50, b.carried, f.carried) AS carried,
       coalesce(b.again, 0) AS again, coalesce(b.shared, 0) AS shared,
       if(b.asked >= 50, b.asked, f.asked) AS asked, if(b.asked >= 50, b.unheard, f.unheard) AS unheard
FROM fresh_habits f LEFT JOIN before b ON b.server_name IS NOT DISTINCT FROM f.server_name
 AND b.tool_name IS NOT DISTINCT FROM f.tool_name
