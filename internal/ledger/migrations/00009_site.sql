-- +goose Up
-- What the shop's own site shows of a notice.

-- When it went out: the intent that was not refused or put off since; 0: it did not.
ALTER TABLE recipient ADD COLUMN sent BIGINT NOT NULL DEFAULT 0;
CREATE INDEX recipient_code ON recipient (code);

-- +goose Down
DROP INDEX recipient_code;
ALTER TABLE recipient DROP COLUMN sent;
