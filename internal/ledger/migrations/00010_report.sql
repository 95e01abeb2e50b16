-- +goose Up
-- The revisions of public reports, in the order in which they were published. hash is that of the document, manifest that of the log's entry.
CREATE TABLE report (
    incident  TEXT NOT NULL,
    revision  BIGINT NOT NULL,
    hash      TEXT NOT NULL,
    manifest  TEXT NOT NULL,
    log_index BIGINT NOT NULL,
    time      BIGINT NOT NULL,
    actor     TEXT NOT NULL,
    PRIMARY KEY (incident, revision)
);

-- +goose Down
DROP TABLE report;
