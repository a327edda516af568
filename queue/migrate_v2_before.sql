-- From schema version 1 to 2, first part: the old tables out of the way. Then come schema_v2.sql and
-- migrate_v2_after.sql.

DROP INDEX article_public;
DROP INDEX article_seen;
DROP INDEX alias_article;
DROP INDEX seen_at;
DROP INDEX delivery_of;
DROP INDEX delivery_open;
DROP INDEX delivery_due;
DROP INDEX delivery_limit;
DROP INDEX delivery_list;
ALTER TABLE article RENAME TO old_article;
ALTER TABLE alias RENAME TO old_alias;
ALTER TABLE revision RENAME TO old_revision;
ALTER TABLE seen RENAME TO old_seen;
ALTER TABLE channel RENAME TO old_channel;
ALTER TABLE tally RENAME TO old_tally;
ALTER TABLE delivery RENAME TO old_delivery;
ALTER TABLE attempt RENAME TO old_attempt;
ALTER TABLE post RENAME TO old_post;
ALTER TABLE click RENAME TO old_click;
ALTER TABLE event RENAME TO old_event;
