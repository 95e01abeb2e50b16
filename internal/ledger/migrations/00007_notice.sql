-- +goose Up
-- Notices: what people wrote, who is told, and what became of each. 00006 is another's.

-- By content; body is base64.
CREATE TABLE document (
    hash TEXT PRIMARY KEY,
    type TEXT NOT NULL,
    body TEXT NOT NULL
);

-- body is notice.Campaign as JSON; the columns beside it are what queries ask for.
CREATE TABLE campaign (
    id       TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    kind     TEXT NOT NULL,
    phase    TEXT NOT NULL,
    body     TEXT NOT NULL
);

-- The frozen set, numbered from 0, with what the ledger knew of each person then; and where their notice stands. again is the attempt from
-- which a human lets it be sent once more, 0: none does.
CREATE TABLE recipient (
    campaign    TEXT NOT NULL,
    n           BIGINT NOT NULL,
    owner       TEXT NOT NULL,
    kinds       TEXT NOT NULL,
    viewers     BIGINT NOT NULL,
    times       BIGINT NOT NULL,
    first       BIGINT NOT NULL,
    last        BIGINT NOT NULL,
    credentials TEXT NOT NULL,
    unlooked    BIGINT NOT NULL,
    country     TEXT NOT NULL,
    locale      TEXT NOT NULL,
    state       TEXT NOT NULL,
    attempt     BIGINT NOT NULL,
    again       BIGINT NOT NULL,
    key         TEXT NOT NULL,
    code        TEXT NOT NULL,
    time        BIGINT NOT NULL,
    cause       TEXT NOT NULL,
    status      TEXT NOT NULL,
    detail      TEXT NOT NULL,
    provider    TEXT NOT NULL,
    complaint   INTEGER NOT NULL,
    PRIMARY KEY (campaign, n)
);
CREATE INDEX recipient_owner ON recipient (owner);
CREATE INDEX recipient_key ON recipient (key);
CREATE INDEX recipient_state ON recipient (campaign, state, cause);

-- How far each campaign's deliveries have been folded.
CREATE TABLE delivery (
    campaign TEXT PRIMARY KEY,
    seq      BIGINT NOT NULL
);

-- What those who saw other people's data said, on the shop's own site: each viewer's last answer.
CREATE TABLE answer (
    incident TEXT NOT NULL,
    digest   TEXT NOT NULL,
    answer   TEXT NOT NULL,
    time     BIGINT NOT NULL,
    PRIMARY KEY (incident, digest)
);

-- +goose Down
DROP TABLE answer;
DROP TABLE delivery;
DROP TABLE recipient;
DROP TABLE campaign;
DROP TABLE document;
