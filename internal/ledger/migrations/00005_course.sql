-- +goose Up
-- Responses with a disclosure, each in the step of its first. What is there already counts as before: each disclosure as one.
ALTER TABLE course ADD COLUMN responses BIGINT NOT NULL DEFAULT 0;
UPDATE course SET responses = disclosures;

-- +goose Down
ALTER TABLE course DROP COLUMN responses;
