-- +goose Up
-- A person's first viewer stands in affected, for nearly everybody was shown to one; others stand in further, and sight has both. viewer has
-- the viewers of an incident. (What came before this: which viewer was the first is not known any more, and the least stands for it.)
ALTER TABLE affected ADD COLUMN viewer TEXT NOT NULL DEFAULT '';
UPDATE affected SET viewer = COALESCE((SELECT MIN(v.digest) FROM viewer v WHERE v.incident = affected.incident AND v.owner = affected.owner AND v.outcome = affected.outcome), '');
CREATE TABLE further (
    incident TEXT NOT NULL,
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome, digest)
) WITHOUT ROWID;
INSERT INTO further SELECT v.incident, v.owner, v.outcome, v.digest FROM viewer v
    JOIN affected a ON a.incident = v.incident AND a.owner = v.owner AND a.outcome = v.outcome AND a.viewer <> v.digest ORDER BY 1, 2, 3, 4;
CREATE TABLE viewer_new (
    incident TEXT NOT NULL,
    digest   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (incident, digest)
) WITHOUT ROWID;
INSERT INTO viewer_new SELECT incident, digest, kind FROM viewer WHERE owner = '' AND outcome = '' ORDER BY incident, digest;
DROP TABLE viewer;
ALTER TABLE viewer_new RENAME TO viewer;
CREATE VIEW sight AS SELECT incident, owner, outcome, viewer AS digest FROM affected UNION ALL SELECT incident, owner, outcome, digest FROM further;

-- Only those that are not recorded to their end stay (pending.go); the course has how many there were.
DELETE FROM response WHERE NOT EXISTS (SELECT 1 FROM pending p WHERE p.incident = response.incident AND p.response = response.id);
ALTER TABLE incident DROP COLUMN unnumbered;

-- +goose Down
ALTER TABLE incident ADD COLUMN unnumbered BIGINT NOT NULL DEFAULT 0;
UPDATE incident SET unnumbered = responses;
CREATE TABLE viewer_old (
    incident TEXT NOT NULL,
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome, digest)
) WITHOUT ROWID;
INSERT INTO viewer_old SELECT incident, '', '', digest, kind FROM viewer
    UNION ALL SELECT s.incident, s.owner, s.outcome, s.digest, v.kind FROM sight s JOIN viewer v ON v.incident = s.incident AND v.digest = s.digest;
DROP VIEW sight;
DROP TABLE viewer;
ALTER TABLE viewer_old RENAME TO viewer;
DROP TABLE further;
ALTER TABLE affected DROP COLUMN viewer;
