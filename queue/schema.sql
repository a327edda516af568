-- The ledger's schema, version 1. Compiled into the program and run once, in one transaction, when
-- a ledger file is made. Later versions are reached by the migrations in sqlite_open.c, which also
-- keeps the number (PRAGMA user_version); this file always shows the newest version whole.
--
-- Units and words. Every *_at and not_after is wall clock, milliseconds since 1970-01-01 UTC; 0 means
-- "never" or "not told" unless NULL is allowed. Ids of articles, deliveries and attempts are the
-- numbers of base/id.h: they grow with time, so "ORDER BY id" is the order of arrival and new rows go
-- to the end of their tree. Booleans are 0 and 1. JSON is compact text.
--
-- Speed. A queue of ten million deliveries must cost no more than an empty one, so every question
-- asked while running is answered from an index whose size is what is waiting, never what has ended:
-- see delivery_due, delivery_limit, and the table tally, which keeps the counts.

-- One row per article: what holds for it now.
CREATE TABLE article (
    id                INTEGER PRIMARY KEY, -- base/id.h
    public_id         TEXT,                -- the id others use; NULL: "art_…", made from id
    state             INTEGER NOT NULL,    -- 0 published, 1 retracted
    source            TEXT NOT NULL,       -- which source named it first
    url               TEXT NOT NULL,       -- as in its newest content
    title             TEXT NOT NULL,       -- as in its newest content
    breaking          INTEGER NOT NULL,    -- as decided for its newest content
    reason            TEXT,                -- why it is breaking; NULL: it is not
    revision          INTEGER NOT NULL,    -- its newest revision, counts from 1
    content_revision  INTEGER NOT NULL,    -- its newest revision that is not a retraction
    hash              BLOB,                -- 32 bytes, article_hash of that content
    source_updated_at INTEGER NOT NULL,    -- the newest updated_at a source told; 0: none did
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,    -- of its newest revision
    seen_at           INTEGER NOT NULL     -- when a source last brought it, also unchanged (then
                                           -- noted now and then only)
);
-- Public ids that were wished for. Most articles have none of their own and are not in it.
CREATE UNIQUE INDEX article_public ON article (public_id) WHERE public_id IS NOT NULL;
-- For pruning: what no source has brought for longest first, without reading those that stay. What
-- is brought again and again must stay known, or it would be published again.
CREATE INDEX article_seen ON article (seen_at);

-- Under which names an article is known. A name belongs to one article, for ever or until that
-- article is pruned.
CREATE TABLE alias (
    kind    TEXT NOT NULL,    -- "id", "guid": within one source; "url": everywhere
    scope   TEXT NOT NULL,    -- the source for id and guid, "" for url
    value   TEXT NOT NULL,    -- normalised by the door
    article INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    PRIMARY KEY (kind, scope, value)
) WITHOUT ROWID;
-- The names of one article: to show them, and to drop them with it.
CREATE INDEX alias_article ON alias (article);

-- One row per revision. The document stands last, so that reading the other columns of a long
-- article touches one page.
CREATE TABLE revision (
    article  INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    revision INTEGER NOT NULL, -- counts from 1
    kind     INTEGER NOT NULL, -- 0 published, 1 updated, 2 retracted
    at       INTEGER NOT NULL,
    source   TEXT NOT NULL,    -- which source brought it
    breaking INTEGER NOT NULL,
    reason   TEXT,             -- of breaking, or of the retraction
    title    TEXT,             -- NULL for a retraction
    hash     BLOB,             -- 32 bytes; NULL for a retraction
    face     BLOB,             -- 32 bytes, article_face_hash; NULL for a retraction
    document TEXT,             -- JSON, article_to_json; NULL for a retraction
    PRIMARY KEY (article, revision)
) WITHOUT ROWID;

-- Requests of the doors that were answered: the same signature or message id again gets the same
-- answer. Kept for 48 hours, longer than any sender repeats.
CREATE TABLE seen (
    replay_key TEXT PRIMARY KEY,
    article    INTEGER NOT NULL, -- which article it named; may have been pruned since
    at         INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX seen_at ON seen (at); -- for pruning

-- One row per channel that was ever named, configured now or not.
CREATE TABLE channel (
    id            INTEGER PRIMARY KEY, -- small, so that the indexes of delivery are
    name          TEXT NOT NULL UNIQUE,
    paused        INTEGER NOT NULL DEFAULT 0, -- by hand
    blocked       INTEGER NOT NULL DEFAULT 0, -- by a verdict: an operator must act
    blocked_why   TEXT,
    blocked_at    INTEGER NOT NULL DEFAULT 0,
    last_error    TEXT,
    last_error_at INTEGER NOT NULL DEFAULT 0,
    last_done_at  INTEGER NOT NULL DEFAULT 0,
    tokens        REAL NOT NULL DEFAULT 0,    -- its token bucket after the last start
    bucket_at     INTEGER NOT NULL DEFAULT 0, -- 0: none kept yet
    account       TEXT                        -- JSON, the adapter's memory (session tokens): never shown
);

-- How many deliveries of a channel are in which state. Kept in the transaction that moves them, so it
-- is exact and no question has to count rows.
CREATE TABLE tally (
    channel INTEGER NOT NULL REFERENCES channel (id),
    state   INTEGER NOT NULL, -- queue/state.h
    count   INTEGER NOT NULL,
    PRIMARY KEY (channel, state)
) WITHOUT ROWID;

-- One row per revision on its way to a channel.
CREATE TABLE delivery (
    id         INTEGER PRIMARY KEY,
    article    INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    revision   INTEGER NOT NULL,
    channel    INTEGER NOT NULL REFERENCES channel (id),
    state      INTEGER NOT NULL, -- queue/state.h; moved in one place, sqlite_state.c
    breaking   INTEGER NOT NULL, -- of the revision: goes first
    due_at     INTEGER,          -- when its turn is: set for ready, again, and unknown with a planned
                                 -- look; NULL for all others, which keeps them out of delivery_due
    not_after  INTEGER NOT NULL, -- worthless from then on; 0: never
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL, -- of its last move
    failures   INTEGER NOT NULL DEFAULT 0, -- failed attempts that count; back to 0 on replay
    tries      INTEGER NOT NULL DEFAULT 0, -- attempts begun, ever
    exposed    INTEGER NOT NULL DEFAULT 0, -- something of it may be public
    in_doubt   INTEGER NOT NULL DEFAULT 0, -- it was unknown and no look has settled it: a crash while
                                           -- looking leaves it unknown, not ready
    by_hand    INTEGER NOT NULL DEFAULT 0, -- cancelled by a person: later revisions stay away too
    repeatable INTEGER NOT NULL DEFAULT 0, -- of the step at hand: sending it twice does no harm
    publishes  INTEGER NOT NULL DEFAULT 0, -- of the step at hand: it can make something public
    adapter    TEXT NOT NULL,    -- of the channel when it was made
    course     TEXT,             -- "publish", "update", "retract", "verify"; NULL: not begun
    step       TEXT,             -- where the course stands; NULL: at its start
    step_at    INTEGER NOT NULL DEFAULT 0, -- first request of that step
    remote_id  TEXT,
    remote_url TEXT,             -- public link
    detail     TEXT,             -- of the last verdict or move, for people
    sent_ms    INTEGER NOT NULL DEFAULT 0, -- time spent in requests, all attempts
    text       TEXT,             -- as sent
    record     TEXT NOT NULL DEFAULT '{}'  -- JSON, the delivery's memory between steps
);
-- One delivery per article, revision and channel, whatever happens; also finds the deliveries of an
-- article, and what stands before or behind one on its channel.
CREATE UNIQUE INDEX delivery_of ON delivery (article, channel, revision);
-- The open ones of an article on a channel: those in states 0, 1, 2, 4, 5, 7, whose bits make 183. An
-- article may have thousands of revisions; what comes in behind them must not read them all.
CREATE INDEX delivery_open ON delivery (article, channel, revision) WHERE (183 >> state) & 1;
-- What a channel has to do by due time: breaking apart from the rest, and what is new apart from what
-- is tried again, so that neither hides behind the other. Holds only what has a due time.
CREATE INDEX delivery_due ON delivery (channel, breaking, state, due_at) WHERE due_at IS NOT NULL;
-- What can expire, first the first. Holds only what waits (held 0, ready 1, again 4, blocked 7) and
-- cannot be public: of the rest the service decides when its turn comes. 147 has the bits of those four
-- states: for a list behind IN SQLite 3.40 builds a table of its own at every insert and update, a
-- quarter of the ledger's time. Whoever asks must use these very words.
CREATE INDEX delivery_limit ON delivery (not_after)
    WHERE (147 >> state) & 1 AND not_after > 0 AND exposed = 0;
-- Lists by channel and state, what was in flight at a crash, what is blocked, the oldest waiting.
-- Not partial: a list of what is done is asked for as well.
CREATE INDEX delivery_list ON delivery (channel, state, id);

-- One row per request that left: written before it left and again after its answer.
CREATE TABLE attempt (
    delivery   INTEGER NOT NULL REFERENCES delivery (id) ON DELETE CASCADE,
    id         INTEGER NOT NULL, -- of the attempt
    seq        INTEGER NOT NULL, -- its steps, from 1
    step       TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    ended_at   INTEGER,          -- NULL: no answer was recorded
    verdict    TEXT,
    status     INTEGER,          -- HTTP; 0: none
    detail     TEXT,
    sent_ms    INTEGER,
    PRIMARY KEY (delivery, id, seq)
) WITHOUT ROWID;

-- What stands on a channel: one row from the first success on, none after a retraction.
CREATE TABLE post (
    article    INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    channel    INTEGER NOT NULL REFERENCES channel (id),
    delivery   INTEGER NOT NULL, -- which one made it what it is
    at         INTEGER NOT NULL,
    face       BLOB,             -- 32 bytes: what a reader sees there
    record     TEXT NOT NULL,    -- JSON of that delivery: remote ids for update and retract
    PRIMARY KEY (article, channel)
) WITHOUT ROWID;

-- Share links followed.
CREATE TABLE click (
    article INTEGER NOT NULL REFERENCES article (id) ON DELETE CASCADE,
    target  TEXT NOT NULL,
    count   INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    PRIMARY KEY (article, target)
) WITHOUT ROWID;

-- Every state change, in the order of commits. The newest row is never pruned, so numbers never come
-- twice.
CREATE TABLE event (
    id   INTEGER PRIMARY KEY,
    at   INTEGER NOT NULL,
    kind TEXT NOT NULL, -- "article.accepted", "delivery.state", "channel.state"
    data TEXT NOT NULL  -- JSON
);
