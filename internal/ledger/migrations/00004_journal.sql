-- +goose Up
-- Which journal the account is folded from: no row until the first is known.
CREATE TABLE journal (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    id  TEXT NOT NULL
);

-- +goose Down
DROP TABLE journal;
