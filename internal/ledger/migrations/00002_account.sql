-- +goose Up
-- The account of an incident: its evidence, its people's countries, what may yet leak, what was done about it.

ALTER TABLE incident ADD COLUMN responses BIGINT NOT NULL DEFAULT 0;
-- Of the responses, those without an id: what a candor before this recorded, and views of links that broke later.
ALTER TABLE incident ADD COLUMN unnumbered BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN in_url BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN third_party BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN in_header BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incident ADD COLUMN purge_cut INTEGER NOT NULL DEFAULT 0;
UPDATE incident SET responses = disclosures, unnumbered = disclosures;

-- The table viewer has them; a sum beside it costs a read for each person folded.
ALTER TABLE affected DROP COLUMN viewers;
-- Why something weak counts; kinds of credentials in the same responses; of how many disclosures it is not known that all of their
-- response was looked at for those. country and locale are the last known.
ALTER TABLE affected ADD COLUMN evidence TEXT NOT NULL DEFAULT '';
ALTER TABLE affected ADD COLUMN credentials TEXT NOT NULL DEFAULT '';
ALTER TABLE affected ADD COLUMN unlooked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE affected ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE affected ADD COLUMN locale TEXT NOT NULL DEFAULT '';
UPDATE affected SET unlooked = count;

-- A bounded sample of responses, as JSON: those with the smallest ids, which are random.
CREATE TABLE evidence (
    incident TEXT NOT NULL REFERENCES incident (id),
    id       TEXT NOT NULL,
    ended    INTEGER NOT NULL,
    body     TEXT NOT NULL,
    PRIMARY KEY (incident, id)
);

-- What CDNs must forget: kind is "url", "masked" (a URL that was masked, so that it can only tell where to look) or "key".
CREATE TABLE purge (
    incident TEXT NOT NULL REFERENCES incident (id),
    kind     TEXT NOT NULL,
    value    TEXT NOT NULL,
    PRIMARY KEY (incident, kind, value)
);

-- The right owner was shown it, in a response that a shared cache may keep.
CREATE TABLE latent (
    site    TEXT NOT NULL,
    route   TEXT NOT NULL,
    owner   TEXT NOT NULL,
    first   BIGINT NOT NULL,
    last    BIGINT NOT NULL,
    count   BIGINT NOT NULL,
    country TEXT NOT NULL,
    locale  TEXT NOT NULL,
    PRIMARY KEY (site, route, owner)
);

-- Sums of latent.
CREATE TABLE latent_route (
    site   TEXT NOT NULL,
    route  TEXT NOT NULL,
    people BIGINT NOT NULL,
    first  BIGINT NOT NULL,
    last   BIGINT NOT NULL,
    count  BIGINT NOT NULL,
    PRIMARY KEY (site, route)
);

-- What only the notifier can read: the first of each kind for each owner and public key.
CREATE TABLE sealed (
    owner TEXT NOT NULL,
    kind  TEXT NOT NULL,
    key   TEXT NOT NULL,
    blob  TEXT NOT NULL, -- base64
    PRIMARY KEY (owner, kind, key)
);

-- Responses that showed their viewer the viewer's own data.
CREATE TABLE personal (
    site          TEXT NOT NULL,
    route         TEXT NOT NULL,
    place         TEXT NOT NULL,
    hour          BIGINT NOT NULL,
    responses     BIGINT NOT NULL,
    shareable     BIGINT NOT NULL,
    repaired      BIGINT NOT NULL,
    cache_control TEXT NOT NULL,
    PRIMARY KEY (site, route, place, hour)
);

-- Every action, in order. hash is SHA-256 over the hash before it and the row (audit.go); refused says why it changed nothing.
CREATE TABLE audit (
    n        BIGINT PRIMARY KEY,
    id       TEXT NOT NULL UNIQUE,
    time     BIGINT NOT NULL,
    actor    TEXT NOT NULL,
    what     TEXT NOT NULL,
    incident TEXT NOT NULL,
    why      TEXT NOT NULL,
    details  TEXT NOT NULL,
    refused  TEXT NOT NULL,
    hash     TEXT NOT NULL
);
CREATE INDEX audit_incident ON audit (incident, n);

-- When something was so, and who or what said it.
CREATE TABLE moment (
    incident TEXT NOT NULL REFERENCES incident (id),
    name     TEXT NOT NULL,
    time     BIGINT NOT NULL,
    actor    TEXT NOT NULL,
    PRIMARY KEY (incident, name)
);

-- What is done to a route; route '' is all of a site.
CREATE TABLE containment (
    site   TEXT NOT NULL,
    route  TEXT NOT NULL,
    mode   TEXT NOT NULL,
    count  BIGINT NOT NULL,
    within BIGINT NOT NULL,
    since  BIGINT NOT NULL,
    actor  TEXT NOT NULL,
    tripped BIGINT NOT NULL,
    reset  BIGINT NOT NULL,
    PRIMARY KEY (site, route)
);

-- Where the operator departs from the presumed severity: decimals, as they were written.
CREATE TABLE assessment (
    incident TEXT PRIMARY KEY REFERENCES incident (id),
    dpc      TEXT NOT NULL,
    ei       TEXT NOT NULL,
    cb       TEXT NOT NULL,
    why      TEXT NOT NULL,
    time     BIGINT NOT NULL,
    actor    TEXT NOT NULL
);

-- How far captures have been folded, in exchanges, by a digest of their content.
CREATE TABLE capture (
    digest TEXT PRIMARY KEY,
    upto   BIGINT NOT NULL,
    done   INTEGER NOT NULL
);

-- +goose Down
DROP TABLE capture;
DROP TABLE assessment;
DROP TABLE containment;
DROP TABLE moment;
DROP TABLE audit;
DROP TABLE personal;
DROP TABLE sealed;
DROP TABLE latent_route;
DROP TABLE latent;
DROP TABLE purge;
DROP TABLE evidence;
ALTER TABLE affected DROP COLUMN locale;
ALTER TABLE affected DROP COLUMN country;
ALTER TABLE affected DROP COLUMN unlooked;
ALTER TABLE affected DROP COLUMN credentials;
ALTER TABLE affected DROP COLUMN evidence;
ALTER TABLE affected ADD COLUMN viewers BIGINT NOT NULL DEFAULT 0;
UPDATE affected SET viewers = (SELECT COUNT(*) FROM viewer v WHERE v.incident = affected.incident AND v.owner = affected.owner AND v.outcome = affected.outcome);
ALTER TABLE incident DROP COLUMN purge_cut;
ALTER TABLE incident DROP COLUMN in_header;
ALTER TABLE incident DROP COLUMN third_party;
ALTER TABLE incident DROP COLUMN in_url;
ALTER TABLE incident DROP COLUMN unnumbered;
ALTER TABLE incident DROP COLUMN responses;
