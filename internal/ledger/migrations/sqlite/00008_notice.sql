-- +goose Up
-- SQLite compares text by its bytes.
SELECT 1;

-- +goose Down
SELECT 1;
