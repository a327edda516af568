-- From schema version 1 to 2, last part: what the old tables hold goes into the new ones. Rows point at
-- each other now: newest, previous, last, front.

-- A first revision gets its article's number, the others numbers below 0, which no id has.
CREATE TEMP TABLE numbered AS
    SELECT article, revision, kind,
        iif(revision = 1, article, -row_number() OVER (ORDER BY article, revision)) AS id
    FROM old_revision;
CREATE UNIQUE INDEX temp.numbered_of ON numbered (article, revision);

CREATE TEMP TABLE chained AS
    SELECT d.id, d.article, d.channel, d.revision, d.state, d.exposed, d.not_after, n.kind = 2 AS retracts,
        n.id AS revision_id,
        lag(d.id) OVER (PARTITION BY d.article, d.channel ORDER BY d.revision) AS previous
    FROM old_delivery d JOIN numbered n ON n.article = d.article AND n.revision = d.revision;
CREATE UNIQUE INDEX temp.chained_id ON chained (id);
CREATE INDEX temp.chained_of ON chained (article, channel, revision);

-- The step in flight: its row comes with its end from now on.
CREATE TEMP TABLE under_way AS
    SELECT a.delivery, a.id, a.started_at, max(a.seq) AS seq FROM old_attempt a
    JOIN old_delivery d ON d.id = a.delivery AND d.state = 2
    WHERE a.ended_at IS NULL AND a.id = (SELECT max(id) FROM old_attempt WHERE delivery = d.id)
    GROUP BY a.delivery;
CREATE UNIQUE INDEX temp.under_way_of ON under_way (delivery);

INSERT INTO channel (id, name, paused, blocked, blocked_why, blocked_at, last_error, last_error_at, account)
    SELECT id, name, paused, blocked, blocked_why, blocked_at, last_error, last_error_at, account
    FROM old_channel;
INSERT INTO tally
    SELECT c.id,
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 0),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 1),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 2),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 3),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 4),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 5),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 6),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 7),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 8),
        (SELECT coalesce(sum(count), 0) FROM old_tally WHERE channel = c.id AND state = 9),
        c.tokens, c.bucket_at, c.last_done_at
    FROM old_channel c;

INSERT INTO alias (kind, value, scope, article) SELECT kind, value, scope, article FROM old_alias;
-- A public id is one of the names; in files of version 1 it was so by custom only.
INSERT OR IGNORE INTO alias (kind, value, scope, article)
    SELECT 'id', public_id, source, id FROM old_article WHERE public_id IS NOT NULL;
CREATE TEMP TABLE named AS
    SELECT article, json_group_array(json_array(kind, value, scope)) AS names FROM alias GROUP BY article;
CREATE UNIQUE INDEX temp.named_of ON named (article);

INSERT INTO article (id, public_id, state, source, url, title, breaking, reason, revision, newest,
        content, hash, source_updated_at, created_at, updated_at, seen_at, names)
    SELECT a.id, public_id, state, source, url, title, breaking, reason, a.revision, n.id, c.id, hash,
        source_updated_at, created_at, updated_at, seen_at, coalesce(k.names, '[]')
    FROM old_article a JOIN numbered n ON n.article = a.id AND n.revision = a.revision
    JOIN numbered c ON c.article = a.id AND c.revision = a.content_revision
    LEFT JOIN named k ON k.article = a.id;

INSERT INTO revision (id, article, revision, previous, content, kind, at, source, breaking, reason,
        title, face, document)
    SELECT n.id, r.article, r.revision,
        (SELECT id FROM numbered p WHERE p.article = r.article AND p.revision = r.revision - 1),
        (SELECT id FROM numbered c WHERE c.article = r.article AND c.revision <= r.revision
            AND c.kind < 2 ORDER BY c.revision DESC LIMIT 1),
        r.kind, r.at, r.source, r.breaking, r.reason, r.title, r.face, r.document
    FROM old_revision r JOIN numbered n ON n.article = r.article AND n.revision = r.revision
    ORDER BY n.id;

INSERT INTO delivery (id, article, revision, revision_id, retracts, channel, previous, state, breaking,
        due_at, not_after, created_at, updated_at, failures, tries, exposed, in_doubt, by_hand,
        repeatable, publishes, adapter, course, step, step_at, attempt, attempt_at, remote_id,
        remote_url, detail, sent_ms, text, record)
    SELECT d.id, d.article, d.revision, c.revision_id, c.retracts, d.channel, c.previous, d.state,
        d.breaking, iif(d.state = 1, NULL, d.due_at), d.not_after, d.created_at, d.updated_at, d.failures,
        d.tries, d.exposed, d.in_doubt, d.by_hand, d.repeatable, d.publishes, d.adapter, d.course,
        d.step, d.step_at, coalesce(u.id, 0), coalesce(u.started_at, 0), d.remote_id, d.remote_url,
        d.detail, d.sent_ms, d.text, d.record
    FROM old_delivery d JOIN chained c ON c.id = d.id LEFT JOIN under_way u ON u.delivery = d.id
    ORDER BY d.id;
INSERT INTO attempt SELECT a.* FROM old_attempt a WHERE NOT EXISTS (SELECT 1 FROM under_way u
    WHERE u.delivery = a.delivery AND u.id = a.id AND u.seq = a.seq);

-- 182: open but not held, as in state.h; 832: rejected, expired, cancelled.
INSERT INTO standing (article, channel, last, front, behind, worth_till, doubt, post, post_at, face,
        record)
    SELECT g.article, g.channel,
        (SELECT id FROM chained d WHERE d.article = g.article AND d.channel = g.channel
            ORDER BY revision DESC LIMIT 1),
        (SELECT id FROM chained d WHERE d.article = g.article AND d.channel = g.channel
            AND (182 >> state) & 1 ORDER BY revision LIMIT 1),
        (SELECT id FROM chained d WHERE d.article = g.article AND d.channel = g.channel
            AND state = 0 ORDER BY revision DESC LIMIT 1),
        coalesce((SELECT iif(not_after > 0, not_after, 9223372036854775807) FROM chained d
            WHERE d.article = g.article AND d.channel = g.channel AND NOT retracts
            ORDER BY revision DESC LIMIT 1), 0),
        EXISTS (SELECT 1 FROM chained d WHERE d.article = g.article AND d.channel = g.channel
            AND d.exposed AND (832 >> d.state) & 1 AND NOT d.retracts AND d.revision >
                (SELECT coalesce(max(revision), 0) FROM chained n WHERE n.article = g.article
                    AND n.channel = g.channel AND n.state = 3)),
        p.delivery, coalesce(p.at, 0), p.face, p.record
    FROM (SELECT DISTINCT article, channel FROM chained) g
    LEFT JOIN old_post p ON p.article = g.article AND p.channel = g.channel;

INSERT INTO seen SELECT * FROM old_seen;
INSERT INTO click SELECT * FROM old_click;
INSERT INTO event SELECT * FROM old_event;

DROP TABLE temp.numbered;
DROP TABLE temp.chained;
DROP TABLE temp.under_way;
DROP TABLE temp.named;
DROP TABLE old_event;
DROP TABLE old_click;
DROP TABLE old_post;
DROP TABLE old_attempt;
DROP TABLE old_delivery;
DROP TABLE old_tally;
DROP TABLE old_seen;
DROP TABLE old_revision;
DROP TABLE old_alias;
DROP TABLE old_channel;
DROP TABLE old_article;
