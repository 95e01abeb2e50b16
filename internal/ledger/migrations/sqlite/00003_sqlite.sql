-- +goose Up
-- What SQLite says in its own way: the large tables without a rowid, so that a row is stored once and not a second time in an index
-- (sqlite.org/withoutrowid.html). They refer to incident no more: the fold is their only writer, and the check cost a look-up a row.

CREATE TABLE affected_new (
    incident    TEXT NOT NULL,
    owner       TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    first       BIGINT NOT NULL,
    last        BIGINT NOT NULL,
    count       BIGINT NOT NULL,
    kinds       TEXT NOT NULL,
    evidence    TEXT NOT NULL,
    credentials TEXT NOT NULL,
    unlooked    BIGINT NOT NULL,
    country     TEXT NOT NULL,
    locale      TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome)
) WITHOUT ROWID;
INSERT INTO affected_new SELECT incident, owner, outcome, first, last, count, kinds, evidence, credentials, unlooked, country, locale FROM affected ORDER BY incident, owner, outcome;
DROP TABLE affected;
ALTER TABLE affected_new RENAME TO affected;

CREATE TABLE viewer_new (
    incident TEXT NOT NULL,
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome, digest)
) WITHOUT ROWID;
INSERT INTO viewer_new SELECT incident, owner, outcome, digest, kind FROM viewer ORDER BY incident, owner, outcome, digest;
DROP TABLE viewer;
ALTER TABLE viewer_new RENAME TO viewer;

-- Every response with a disclosure, once, so that responses are counted exactly.
CREATE TABLE response (
    incident TEXT NOT NULL,
    id       TEXT NOT NULL,
    PRIMARY KEY (incident, id)
) WITHOUT ROWID;

-- Whom responses showed that are not recorded to their end: what that says of credentials holds for each.
CREATE TABLE pending (
    incident TEXT NOT NULL,
    response TEXT NOT NULL,
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (incident, response, owner, outcome)
) WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER audit_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER audit_delete;
DROP TRIGGER audit_update;
DROP TABLE pending;
DROP TABLE response;
