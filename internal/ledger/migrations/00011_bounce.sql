-- +goose Up
-- What comes back for a notice, and in which order the journal's actions and the deliveries were folded. 00010 is another's.

-- 1: a soft report has nothing sent once more: it was once, or a report says that it was delivered.
ALTER TABLE recipient ADD COLUMN final INTEGER NOT NULL DEFAULT 0;
-- 1: in a file for whoever sends letters.
ALTER TABLE recipient ADD COLUMN exported INTEGER NOT NULL DEFAULT 0;

-- The journal's last entry with an action on notices; and that which each campaign's deliveries were folded behind (delivery.Mark).
ALTER TABLE applied ADD COLUMN acted BIGINT NOT NULL DEFAULT 0;
ALTER TABLE delivery ADD COLUMN marked BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE delivery DROP COLUMN marked;
ALTER TABLE applied DROP COLUMN acted;
ALTER TABLE recipient DROP COLUMN exported;
ALTER TABLE recipient DROP COLUMN final;
