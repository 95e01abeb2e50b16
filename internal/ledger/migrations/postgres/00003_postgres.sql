-- +goose Up
-- What PostgreSQL says in its own way. Text is compared by its bytes, as in SQLite, whatever the database's locale.
-- +goose StatementBegin
DO $$
DECLARE c record;
BEGIN
    FOR c IN SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = current_schema() AND data_type = 'text'
        AND table_name IN ('incident', 'affected', 'viewer', 'course', 'link', 'coverage', 'release', 'evidence', 'purge', 'latent', 'latent_route',
            'sealed', 'personal', 'audit', 'moment', 'containment', 'assessment')
    LOOP
        EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', c.table_name, c.column_name);
    END LOOP;
END $$;
-- +goose StatementEnd

-- The fold is their only writer, and the check cost a look-up a row.
ALTER TABLE affected DROP CONSTRAINT affected_incident_fkey;
ALTER TABLE viewer DROP CONSTRAINT viewer_incident_fkey;

-- Every response with a disclosure, once, so that responses are counted exactly.
CREATE TABLE response (
    incident TEXT COLLATE "C" NOT NULL,
    id       TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (incident, id)
);

-- Whom responses showed that are not recorded to their end: what that says of credentials holds for each.
CREATE TABLE pending (
    incident TEXT COLLATE "C" NOT NULL,
    response TEXT COLLATE "C" NOT NULL,
    owner    TEXT COLLATE "C" NOT NULL,
    outcome  TEXT COLLATE "C" NOT NULL,
    count    BIGINT NOT NULL,
    PRIMARY KEY (incident, response, owner, outcome)
);

-- The union of two sets of words; for SQLite it is written in Go (words.go).
-- +goose StatementBegin
CREATE FUNCTION candor_union(a text, b text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT COALESCE(string_agg(w, ' ' ORDER BY w), '') FROM (SELECT DISTINCT unnest(string_to_array(a || ' ' || b, ' ')) COLLATE "C" AS w) words WHERE w <> ''
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION candor_append_only() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the audit is append-only'; END $$;
-- +goose StatementEnd
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION candor_append_only();

-- +goose Down
DROP TRIGGER audit_append_only ON audit;
DROP FUNCTION candor_append_only();
DROP FUNCTION candor_union(text, text);
DROP TABLE pending;
DROP TABLE response;
ALTER TABLE viewer ADD CONSTRAINT viewer_incident_fkey FOREIGN KEY (incident) REFERENCES incident (id);
ALTER TABLE affected ADD CONSTRAINT affected_incident_fkey FOREIGN KEY (incident) REFERENCES incident (id);
