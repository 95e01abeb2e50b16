-- +goose Up
-- What is known of mail, and comes from no journal: a ledger that is built anew has none of it until somebody says it again. 00010 is another's.

-- What the processes that send a campaign say of themselves, every two seconds; body is notice.Progress as JSON.
CREATE TABLE sending (
    campaign TEXT PRIMARY KEY,
    time     BIGINT NOT NULL,
    body     TEXT NOT NULL
);

-- How many people of a frozen set are at which receiver of mail, as only who can open addresses could count; body is an object of numbers by name.
CREATE TABLE receiver (
    campaign TEXT PRIMARY KEY,
    frozen   TEXT NOT NULL,
    body     TEXT NOT NULL
);

-- +goose Down
DROP TABLE receiver;
DROP TABLE sending;
