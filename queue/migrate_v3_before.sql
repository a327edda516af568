-- From schema version 2 to 3, first part: the one table that changes, out of the way. Then what is missing is
-- made from schema_v3.sql, and migrate_v3_after.sql follows. All others stay: a ledger of ten million deliveries
-- is not copied for the sake of a column.

-- The references to it in other tables stay what they are, as the new one takes its name.
PRAGMA legacy_alter_table = ON;
ALTER TABLE article RENAME TO old_article;
PRAGMA legacy_alter_table = OFF;
