-- From schema version 2 to 3, last part. No article of version 2 was quiet, withdrawn, merged or at a gate.

INSERT INTO article (id, public_id, state, source, url, title, breaking, reason, revision, newest,
        content, hash, source_updated_at, created_at, updated_at, seen_at, names)
    SELECT id, public_id, state, source, url, title, breaking, reason, revision, newest,
        content, hash, source_updated_at, created_at, updated_at, seen_at, names
    FROM old_article ORDER BY id;
DROP TABLE old_article;
