-- +goose Up
-- Text is compared by its bytes, as in SQLite.
-- +goose StatementBegin
DO $$
DECLARE c record;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text'
        AND table_name IN ('document', 'campaign', 'recipient', 'delivery', 'answer')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', c.table_name, c.column_name);
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
SELECT 1;
