-- The ledger's schema, version 4. Compiled into the program and run once, in one transaction, when
-- a ledger file is made. Older files are brought here by the steps in queue/migrate_v*.sql; this
-- file always shows the newest version whole.
--
-- Units and words. Every *_at and not_after is wall clock, milliseconds since 1970-01-01 UTC; 0 means
-- "never" or "not told" unless NULL is allowed. Ids of articles, revisions, deliveries and attempts
-- are the numbers of base/id.h: they grow with time, so "ORDER BY id" is the order of arrival and new
-- rows go to the end of their tree. Booleans are 0 and 1. JSON is compact text.
--
-- Speed. An article that is accepted, sent and done writes to as few trees as can be: each costs a page
-- of the log with every commit. So rows point at each other (newest, previous, last, front) instead of
-- being found through an index, and what an index holds is what is waiting, never what is done: a queue
-- of ten million deliveries costs no more than an empty one, and the table tally keeps the counts.
--
-- References are written down, not enforced: `crier check --ledger` looks whether they hold.
--
-- The words of a statement, its comments too, are kept in the file, and a file whose words are others is
-- taken for damaged. So a new word inside a statement is a new version of the schema; outside it is not.

-- One row per article: what holds for it now.
CREATE TABLE article (
    id                INTEGER PRIMARY KEY, -- base/id.h
    public_id         TEXT,                -- the id others use, one of its names of kind "id"; NULL: "art_…",
                                           -- made from id
    state             INTEGER NOT NULL,    -- 0 published, 1 retracted
    source            TEXT NOT NULL,       -- which source named it first
    url               TEXT NOT NULL,       -- as in its newest content
    title             TEXT NOT NULL,       -- as in its newest content
    breaking          INTEGER NOT NULL,    -- as decided for its newest content
    reason            TEXT,                -- why it is breaking; NULL: it is not
    revision          INTEGER NOT NULL,    -- the number of its newest revision, counts from 1
    newest            INTEGER NOT NULL REFERENCES revision (id), -- that revision
    content           INTEGER NOT NULL REFERENCES revision (id), -- the newest that is not a retraction
    hash              BLOB,                -- 32 bytes, article_hash of that content
    source_updated_at INTEGER NOT NULL,    -- the newest updated_at a source told; 0: none did
    created_at        INTEGER NOT NULL,
    updated_at        INTEGER NOT NULL,    -- of its newest revision
    seen_at           INTEGER NOT NULL,    -- when a source last brought it, also unchanged (then noted now
                                           -- and then only); what is brought again and again must stay
                                           -- known, or it would be published again
    names             TEXT NOT NULL,       -- JSON: its rows in alias, as [[kind, value, scope, source, at,
                                           -- why], …]: which source brought the name, when, and how it
                                           -- was found; why is left out where the source said it, all
                                           -- three in files that were version 2
    quiet             TEXT,                -- it was only recorded, sent to nobody: the source that brought
                                           -- it so; NULL: it is sent
    quiet_why         TEXT,                -- … and why
    held              INTEGER NOT NULL DEFAULT 0, -- of a quiet one: 1 a person shall decide, 2 a person has
                                           -- decided that it is not sent
    retract_at        INTEGER,             -- withdrawn: to be retracted then unless it comes back; NULL: no
    retract_since     INTEGER,             -- … when that was, by our clock
    retract_by        TEXT,                -- … the source that said so
    retract_why       TEXT,
    merged_into       INTEGER REFERENCES article (id), -- it is that one, which has its names; NULL: it is
                                           -- itself. Never one that was merged away in turn
    gate_until        INTEGER,             -- its page is being looked at: what is first sent of it waits, but
                                           -- not longer than until then; NULL: no
    gate_note         TEXT,                -- what the page lacks, for people; NULL: nothing
    page              TEXT                 -- JSON, what the page said; NULL: not looked at, or not there.
                                           -- Last, since it may be long
);
-- What waits, and nothing else: an article that is accepted and sent is in none of these, but in gate for
-- as long as its page is being looked at.
CREATE INDEX article_gate ON article (gate_until) WHERE gate_until IS NOT NULL;
CREATE INDEX article_retract ON article (retract_at) WHERE retract_at IS NOT NULL;
CREATE INDEX article_held ON article (id) WHERE held = 1;
CREATE INDEX article_merged ON article (merged_into) WHERE merged_into IS NOT NULL;

-- Under which names an article is known. A name belongs to one article, until that article is pruned or
-- merged into another, whose it is then. Value before scope: a public id is found whatever source gave it.
-- An article that was merged away keeps one name, of kind "merged" and with no scope: its public id, so that
-- it is still found where somebody wrote that down.
CREATE TABLE alias (
    kind    TEXT NOT NULL,    -- "id", "guid": within one source; "url": everywhere
    value   TEXT NOT NULL,    -- normalised by the door
    scope   TEXT NOT NULL,    -- the source for id and guid, "" for url
    article INTEGER NOT NULL REFERENCES article (id),
    PRIMARY KEY (kind, value, scope)
) WITHOUT ROWID;

-- One row per revision. There is a kind 3 as well: corrected, an update that says of itself that it corrects
-- a mistake. The document stands last, so that reading the other columns of a long
-- article touches one page. With a rowid: two documents of usual length share a page then, in a tree
-- without one each would have an overflow page to itself.
CREATE TABLE revision (
    id       INTEGER PRIMARY KEY, -- the first one's is the article's (migrated later ones: below 0)
    article  INTEGER NOT NULL REFERENCES article (id),
    revision INTEGER NOT NULL,    -- counts from 1
    previous INTEGER REFERENCES revision (id), -- NULL: it is the first
    content  INTEGER NOT NULL REFERENCES revision (id), -- whose document holds for it: its own, or, for a
                                  -- retraction, the last one's before
    kind     INTEGER NOT NULL,    -- 0 published, 1 updated, 2 retracted
    at       INTEGER NOT NULL,
    source   TEXT NOT NULL,       -- which source brought it
    breaking INTEGER NOT NULL,
    reason   TEXT,                -- of breaking, or of the retraction
    title    TEXT,                -- NULL for a retraction
    face     BLOB,                -- 32 bytes, article_face_hash; NULL for a retraction
    document TEXT                 -- JSON, article_write; NULL for a retraction
);

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
    account       TEXT                        -- JSON, the adapter's memory (session tokens): never shown
);

-- What changes of a channel with every delivery: how many of its deliveries are in which state, its
-- token bucket, its last success. Kept in the transaction that moves them, so the counts are exact and
-- no question has to count rows; written once per channel and commit.
CREATE TABLE tally (
    channel      INTEGER PRIMARY KEY REFERENCES channel (id),
    held         INTEGER NOT NULL DEFAULT 0,
    ready        INTEGER NOT NULL DEFAULT 0,
    in_flight    INTEGER NOT NULL DEFAULT 0,
    done         INTEGER NOT NULL DEFAULT 0,
    again        INTEGER NOT NULL DEFAULT 0,
    unknown      INTEGER NOT NULL DEFAULT 0,
    rejected     INTEGER NOT NULL DEFAULT 0,
    blocked      INTEGER NOT NULL DEFAULT 0,
    expired      INTEGER NOT NULL DEFAULT 0,
    cancelled    INTEGER NOT NULL DEFAULT 0,
    tokens       REAL NOT NULL DEFAULT 0,    -- its token bucket after the last start
    bucket_at    INTEGER NOT NULL DEFAULT 0, -- 0: none kept yet
    last_done_at INTEGER NOT NULL DEFAULT 0
);

-- One row per revision on its way to a channel.
CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY,
    article     INTEGER NOT NULL REFERENCES article (id),
    revision    INTEGER NOT NULL, -- its number
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    retracts    INTEGER NOT NULL, -- that revision is a retraction
    channel     INTEGER NOT NULL REFERENCES channel (id),
    previous    INTEGER REFERENCES delivery (id), -- of the article on this channel; NULL: it is the first
    state       INTEGER NOT NULL, -- queue/state.h; moved in one place, sqlite_state.c
    breaking    INTEGER NOT NULL, -- of the revision: goes first
    due_at      INTEGER,          -- when its turn is: set for again, and for unknown with a planned look;
                                  -- NULL for all others, which keeps them out of delivery_due
    not_after   INTEGER NOT NULL, -- worthless from then on; 0: never
    created_at  INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL, -- of its last move
    failures    INTEGER NOT NULL DEFAULT 0, -- failed attempts that count; back to 0 on replay
    tries       INTEGER NOT NULL DEFAULT 0, -- attempts begun, ever
    exposed     INTEGER NOT NULL DEFAULT 0, -- something of it may be public
    in_doubt    INTEGER NOT NULL DEFAULT 0, -- it was unknown and no look has settled it: a crash while
                                            -- looking leaves it unknown, not ready
    by_hand     INTEGER NOT NULL DEFAULT 0, -- cancelled by a person: later revisions stay away too
    repeatable  INTEGER NOT NULL DEFAULT 0, -- of the step at hand: sending it twice does no harm
    publishes   INTEGER NOT NULL DEFAULT 0, -- of the step at hand: it can make something public
    adapter     TEXT NOT NULL,    -- of the channel when it was made
    course      TEXT,             -- "publish", "update", "retract", "verify"; NULL: not begun
    step        TEXT,             -- where the course stands; NULL: at its start
    step_at     INTEGER NOT NULL DEFAULT 0, -- first request of that step
    attempt     INTEGER NOT NULL DEFAULT 0, -- in flight: the number of the attempt at hand
    attempt_at  INTEGER NOT NULL DEFAULT 0, -- … and when the step at hand left; its row in attempt comes
                                            -- with its end
    remote_id   TEXT,
    remote_url  TEXT,             -- public link
    detail      TEXT,             -- of the last verdict or move, for people
    sent_ms     INTEGER NOT NULL DEFAULT 0, -- time spent in requests, all attempts
    text        TEXT,             -- as sent
    record      TEXT NOT NULL DEFAULT '{}'  -- JSON, the delivery's memory between steps
);
-- What is ready on a channel, breaking apart from the rest; what was in flight at a crash; what is
-- blocked; lists by channel and state. All but what is done: that is most, and is asked for by number
-- only. Whoever asks must say "state <> 3" in these very words.
CREATE INDEX delivery_state ON delivery (channel, state, breaking) WHERE state <> 3;
-- What a channel has to do by due time: what is tried again apart from what is looked for, so that
-- neither hides behind the other. Holds only what has a due time.
CREATE INDEX delivery_due ON delivery (channel, state, breaking, due_at) WHERE due_at IS NOT NULL;
-- What can expire, first the first. Holds only what waits (held 0, ready 1, again 4, blocked 7) and
-- cannot be public: of the rest the service decides when its turn comes. 147 has the bits of those four
-- states: for a list behind IN SQLite 3.40 builds a table of its own at every insert and update, a
-- quarter of the ledger's time. Whoever asks must use these very words.
CREATE INDEX delivery_limit ON delivery (not_after)
    WHERE (147 >> state) & 1 AND not_after > 0 AND exposed = 0;

-- Where an article stands on a channel: one row for each channel that ever had something of it. At most
-- two of its deliveries there are open: one that goes on to its end, and a newer one held behind it.
CREATE TABLE standing (
    article    INTEGER NOT NULL REFERENCES article (id),
    channel    INTEGER NOT NULL REFERENCES channel (id),
    last       INTEGER NOT NULL REFERENCES delivery (id), -- its newest delivery there, open or not
    front      INTEGER REFERENCES delivery (id), -- the open one; NULL: none
    behind     INTEGER REFERENCES delivery (id), -- the one held behind it; NULL: none
    worth_till INTEGER NOT NULL, -- not_after of its newest delivery that is no retraction, never: the
                                 -- largest number; 0: there is none
    doubt      INTEGER NOT NULL DEFAULT 0, -- one ended without being done and may be public, and none was
                                           -- done since
    post       INTEGER REFERENCES delivery (id), -- a post stands, and this one made it what it is; NULL:
                                                 -- none stands
    post_at    INTEGER NOT NULL DEFAULT 0,
    face       BLOB,             -- 32 bytes: what a reader sees there
    record     TEXT,             -- JSON of that delivery: remote ids for update and retract
    PRIMARY KEY (article, channel)
) WITHOUT ROWID;

-- One row per request that left and was answered, or whose answer never came.
CREATE TABLE attempt (
    delivery   INTEGER NOT NULL REFERENCES delivery (id),
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

-- Share links followed.
CREATE TABLE click (
    article INTEGER NOT NULL REFERENCES article (id),
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

-- What the watcher of a source must know after a restart: validators of the last answer, whether it was
-- seen before, leases. One row per source that ever saved something.
CREATE TABLE source (
    name     TEXT PRIMARY KEY,
    saved_at INTEGER NOT NULL,
    restored INTEGER NOT NULL DEFAULT 0, -- the file is a backup that came back, and it was not saved since
    state    TEXT NOT NULL               -- JSON, the watcher's
) WITHOUT ROWID;

-- What a source said and was answered for, and cannot be accepted yet: its page must be read first. A row
-- goes in the transaction that accepts it.
CREATE TABLE inbox (
    id         INTEGER PRIMARY KEY,        -- base/id.h
    source     TEXT NOT NULL,
    at         INTEGER NOT NULL,
    due_at     INTEGER NOT NULL,           -- when it is looked at next
    tries      INTEGER NOT NULL DEFAULT 0, -- so often it was put back
    why        TEXT,                       -- what it waits for, for people
    replay_key TEXT,                       -- as in seen; NULL: none
    restored   INTEGER NOT NULL DEFAULT 0, -- it stood in a backup that came back: it may have been sent since
    body       TEXT NOT NULL               -- JSON, its owner's
);
CREATE INDEX inbox_key ON inbox (replay_key) WHERE replay_key IS NOT NULL;

-- What of a platform's quota a channel has used: posts that were made, or may have been, written with the
-- begin of the request that makes one and taken back by an answer that says for certain that it did not. Only
-- of channels that have a quota, and for 32 days, longer than any.
CREATE TABLE quota_use (
    delivery INTEGER PRIMARY KEY, -- may have been pruned since
    channel  INTEGER NOT NULL REFERENCES channel (id),
    at       INTEGER NOT NULL     -- when its last such request left
);
CREATE INDEX quota_use_at ON quota_use (at); -- for pruning

-- Where an article went because channels were blocked: for each channel that it would not have gone to
-- otherwise one row per blocked one.
CREATE TABLE fallback (
    article    INTEGER NOT NULL REFERENCES article (id),
    channel    INTEGER NOT NULL REFERENCES channel (id),
    instead_of INTEGER NOT NULL REFERENCES channel (id), -- the blocked one
    at         INTEGER NOT NULL,
    why        TEXT NOT NULL,    -- what was said of that one, for people
    PRIMARY KEY (article, channel, instead_of)
) WITHOUT ROWID;

-- What a channel was allowed to by whoever owns its account: tokens that end and are renewed. One row per
-- channel that was signed in, or whose tokens were renewed. Nobody reads it without the key of `vault`.
CREATE TABLE credential (
    channel  TEXT PRIMARY KEY,
    saved_at INTEGER NOT NULL,
    origin   TEXT NOT NULL,   -- hex, of the tokens in the settings it was made from; they are others now: it
                              -- does not hold any more. "": of a sign-in
    sealed   TEXT NOT NULL    -- base64 of what base/seal.h makes
) WITHOUT ROWID;

-- Audiences: who is addressed one by one on a channel. In the order of number, so that a wave walks a channel's
-- members from one end to the other in one tree, a batch a time. What a wave reads stands first.
CREATE TABLE member (
    channel     INTEGER NOT NULL REFERENCES channel (id),
    id          INTEGER NOT NULL,            -- base/id.h; one that comes again keeps its number
    state       INTEGER NOT NULL DEFAULT 0,  -- enum member_state
    topics      INTEGER NOT NULL DEFAULT -1, -- bits of `topic`; -1: all
    test        INTEGER NOT NULL DEFAULT 0,  -- gets tests, and what goes out while the channel is being tried
    address     TEXT NOT NULL,               -- normalised, as the adapter wants it
    language    TEXT,                        -- BCP 47; NULL: not known
    keys        BLOB,                        -- Web Push: p256dh and auth, 81 bytes
    key_id      INTEGER NOT NULL DEFAULT 0,  -- which of our keys it was made for
    zone        TEXT,                        -- IANA time zone; NULL: not known
    quiet_from  INTEGER NOT NULL DEFAULT 0,  -- minutes of their day; equal: no quiet hours
    quiet_to    INTEGER NOT NULL DEFAULT 0,
    state_at    INTEGER NOT NULL DEFAULT 0,  -- since when; 0: since it came
    state_why   TEXT,                        -- for people; never an address
    opted_in_at INTEGER NOT NULL,            -- the proof of consent: when …
    opted_in_by TEXT NOT NULL,               -- … and where: "form on /news", "whatsapp: START"
    failures    INTEGER NOT NULL DEFAULT 0,  -- days on which nothing reached them, in a row
    failed_at   INTEGER NOT NULL DEFAULT 0,  -- … the last of them
    wave        INTEGER NOT NULL DEFAULT 0,  -- the newest delivery of which the platform told something …
    told        INTEGER NOT NULL DEFAULT 0,  -- … which: bits of enum member_status
    PRIMARY KEY (channel, id)
) WITHOUT ROWID;
-- Those who get nothing, for lists of them. Whoever asks must say "state <> 0" in these very words.
CREATE INDEX member_out ON member (channel, state) WHERE state <> 0;
-- Those whom answers have put out (gone 2, quarantined 3), by when, so that it can be undone. Likewise; 12 has the
-- bits of these two, and is no condition that SQLite would take for a range of the index.
CREATE INDEX member_gone ON member (channel, state, state_at) WHERE (12 >> state) & 1;

-- By which a member is found whose address is known. Addresses of browsers are long, so it is a mark of it: the first
-- 8 bytes of its SHA-256, big-endian, signed. Marks are random, so each new one is on another page of a large tree:
-- a list of new members would write a page for each. So they come into a small tree, and from there, some at a time
-- in their order, into the large one. A mark is in one of the two.
CREATE TABLE member_mark (
    channel INTEGER NOT NULL REFERENCES channel (id),
    mark    INTEGER NOT NULL,
    member  INTEGER NOT NULL,
    PRIMARY KEY (channel, mark, member)
) WITHOUT ROWID;
CREATE TABLE member_mark_new (
    channel INTEGER NOT NULL REFERENCES channel (id),
    mark    INTEGER NOT NULL,
    member  INTEGER NOT NULL,
    PRIMARY KEY (channel, mark, member)
) WITHOUT ROWID;

-- How many they are, kept in the transaction that changes it. One row per channel with an audience.
CREATE TABLE audience (
    channel     INTEGER PRIMARY KEY REFERENCES channel (id),
    active      INTEGER NOT NULL DEFAULT 0,
    stopped     INTEGER NOT NULL DEFAULT 0,
    gone        INTEGER NOT NULL DEFAULT 0,
    quarantined INTEGER NOT NULL DEFAULT 0,
    prepared    INTEGER NOT NULL DEFAULT 0,  -- of all blocks of `prepared`: the sum of count
    new_marks   INTEGER NOT NULL DEFAULT 0,  -- about so many rows has member_mark_new
    told_at     INTEGER NOT NULL DEFAULT 0,  -- the platform last told us of a message then; 0: never
    brake_at    INTEGER NOT NULL DEFAULT 0,  -- the hour in which so many …
    brake_count INTEGER NOT NULL DEFAULT 0,  -- … were found to be gone …
    braked      INTEGER NOT NULL DEFAULT 0   -- … and that this was too many was told
);

-- What members want to be told of: a bit for each name, for ever.
CREATE TABLE topic (
    channel INTEGER NOT NULL REFERENCES channel (id),
    name    TEXT NOT NULL,
    bit     INTEGER NOT NULL, -- 1, 2, 4 …
    PRIMARY KEY (channel, name)
) WITHOUT ROWID;

-- What was prepared for members while there was nothing to do, to be used once: blocks of some hundred members, so
-- that what is used is erased with few writes. Blocks of a channel do not overlap. What a copy of
-- the file holds may have been used since, so it is dropped when one comes back.
CREATE TABLE prepared (
    channel    INTEGER NOT NULL REFERENCES channel (id),
    first      INTEGER NOT NULL, -- the members of its first …
    last       INTEGER NOT NULL, -- … and last entry
    count      INTEGER NOT NULL, -- entries
    holes      INTEGER NOT NULL, -- so many members between may have none
    each_bytes INTEGER NOT NULL,
    made_at    INTEGER NOT NULL,
    bytes      BLOB NOT NULL,    -- entries, by member: its id, a mark of the keys it was made for (8 bytes each,
                                 -- little-endian), and what was prepared
    PRIMARY KEY (channel, first)
) WITHOUT ROWID;

-- A delivery on its way to an audience. There is no row per member: members up to the cursor have had their
-- turn, but for those of a batch on its way (wave_batch) and the exceptions.
CREATE TABLE wave (
    delivery       INTEGER PRIMARY KEY REFERENCES delivery (id),
    channel        INTEGER NOT NULL REFERENCES channel (id),
    started_at     INTEGER NOT NULL,
    total          INTEGER NOT NULL,            -- members that were active then
    last           INTEGER NOT NULL,            -- the newest of them; later ones get the next message
    topics         INTEGER NOT NULL DEFAULT -1, -- for members with one of these bits; -1: for everybody
    test           INTEGER NOT NULL DEFAULT 0,  -- for test members only
    go_at          INTEGER NOT NULL DEFAULT 0,  -- nothing leaves before; 0: at once
    waits_for_word INTEGER NOT NULL DEFAULT 0,  -- nothing leaves before a person confirms it
    halted         INTEGER NOT NULL DEFAULT 0,  -- a person has stopped it
    said_by        TEXT,                        -- who confirmed or stopped it
    cursor         INTEGER NOT NULL DEFAULT 0,  -- up to here all have had their turn; last: the end
    batches        INTEGER NOT NULL DEFAULT 0,  -- begun so far: the number of the newest
    skipped        INTEGER NOT NULL DEFAULT 0,  -- passed over: it was not for them, or they are spared it
    accepted       INTEGER NOT NULL DEFAULT 0,
    refused        INTEGER NOT NULL DEFAULT 0,
    undeliverable  INTEGER NOT NULL DEFAULT 0,
    stopped        INTEGER NOT NULL DEFAULT 0,  -- found out by this message
    again          INTEGER NOT NULL DEFAULT 0,  -- of wave_exception, in these states
    unknown        INTEGER NOT NULL DEFAULT 0,
    was_sent       INTEGER NOT NULL DEFAULT 0,  -- told by the platform, each member once
    was_delivered  INTEGER NOT NULL DEFAULT 0,
    was_read       INTEGER NOT NULL DEFAULT 0,
    was_failed     INTEGER NOT NULL DEFAULT 0
);
-- What other waves a member has had lately.
CREATE INDEX wave_started ON wave (channel, started_at);

-- Which answers the members of one push service gave, and how soon.
CREATE TABLE wave_service (
    delivery INTEGER NOT NULL REFERENCES wave (delivery),
    name     TEXT NOT NULL,
    accepted INTEGER NOT NULL,
    retried  INTEGER NOT NULL,
    gone     INTEGER NOT NULL,
    refused  INTEGER NOT NULL,
    unknown  INTEGER NOT NULL,
    times    BLOB NOT NULL, -- 64 numbers of 4 bytes, little-endian: ledger_time_bucket()
    PRIMARY KEY (delivery, name)
) WITHOUT ROWID;

-- A batch of a wave that is about to leave, or has left: its members are those behind `after` up to `upto` and
-- the exceptions with its number. Found at a start, they may have the message and we do not know.
CREATE TABLE wave_batch (
    delivery INTEGER NOT NULL REFERENCES wave (delivery),
    number   INTEGER NOT NULL,
    after    INTEGER NOT NULL,
    upto     INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (delivery, number)
) WITHOUT ROWID;

-- Members of a wave that are not through although the cursor has passed them, and those that were refused.
CREATE TABLE wave_exception (
    delivery INTEGER NOT NULL REFERENCES wave (delivery),
    member   INTEGER NOT NULL,            -- may have been removed since
    state    INTEGER NOT NULL,            -- 0 again at due_at, 1 on its way with `batch`, 2 unknown since due_at,
                                          -- 3 refused, 4 had it at due_at and not at once, 5 spared it
    due_at   INTEGER NOT NULL,
    batch    INTEGER NOT NULL DEFAULT 0,
    tries    INTEGER NOT NULL DEFAULT 0,
    detail   TEXT,                        -- for people; never an address
    PRIMARY KEY (delivery, member)
) WITHOUT ROWID;
CREATE INDEX wave_exception_due ON wave_exception (delivery, state, due_at);
