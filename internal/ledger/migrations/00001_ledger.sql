-- +goose Up
-- Times are nanoseconds since 1970 in UTC. Sets of kinds are space-separated and sorted.

-- What has been folded: one row.
CREATE TABLE applied (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    seq BIGINT NOT NULL
);
INSERT INTO applied (one, seq) VALUES (1, 0);

-- One for each site and route.
CREATE TABLE incident (
    id          TEXT PRIMARY KEY,
    site        TEXT NOT NULL,
    route       TEXT NOT NULL,
    state       TEXT NOT NULL,
    first_seen  BIGINT NOT NULL,
    last_seen   BIGINT NOT NULL,
    release     TEXT NOT NULL,
    kinds       TEXT NOT NULL,
    encodings   TEXT NOT NULL,
    disclosures BIGINT NOT NULL,
    cached      BIGINT NOT NULL,
    exposed     BIGINT NOT NULL,
    prevented   BIGINT NOT NULL,
    possible    BIGINT NOT NULL,
    viewers     BIGINT NOT NULL,
    UNIQUE (site, route)
);

-- The sets: each person once for each incident and outcome.
CREATE TABLE affected (
    incident TEXT NOT NULL REFERENCES incident (id),
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    first    BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    count    BIGINT NOT NULL,
    viewers  BIGINT NOT NULL,
    kinds    TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome)
);

-- Who was sent whose data, by keyed digest of the viewer. With owner '' and outcome '' it is the viewer as such.
CREATE TABLE viewer (
    incident TEXT NOT NULL REFERENCES incident (id),
    owner    TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    kind     TEXT NOT NULL,
    PRIMARY KEY (incident, owner, outcome, digest)
);

-- The course of an incident, in steps of ten seconds.
CREATE TABLE course (
    incident    TEXT NOT NULL REFERENCES incident (id),
    step        BIGINT NOT NULL,
    disclosures BIGINT NOT NULL,
    exposed     BIGINT NOT NULL,
    prevented   BIGINT NOT NULL,
    PRIMARY KEY (incident, step)
);

-- Views of links: each link, owner and viewer once. promoted is set once they count as a disclosure.
CREATE TABLE link (
    link     TEXT NOT NULL,
    owner    TEXT NOT NULL,
    digest   TEXT NOT NULL,
    viewer   TEXT NOT NULL,
    site     TEXT NOT NULL,
    route    TEXT NOT NULL,
    kind     TEXT NOT NULL,
    encoding TEXT NOT NULL,
    outcome  TEXT NOT NULL,
    release  TEXT NOT NULL,
    cached   INTEGER NOT NULL,
    first    BIGINT NOT NULL,
    last     BIGINT NOT NULL,
    count    BIGINT NOT NULL,
    promoted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (link, owner, digest, kind)
);
CREATE INDEX link_digest ON link (digest);

CREATE TABLE coverage (
    minute    BIGINT NOT NULL,
    site      TEXT NOT NULL,
    route     TEXT NOT NULL,
    skip      TEXT NOT NULL,
    responses BIGINT NOT NULL,
    bytes     BIGINT NOT NULL,
    PRIMARY KEY (minute, site, route, skip)
);

CREATE TABLE release (
    site   TEXT NOT NULL,
    time   BIGINT NOT NULL,
    name   TEXT NOT NULL,
    source TEXT NOT NULL,
    PRIMARY KEY (site, time, name)
);

-- +goose Down
DROP TABLE release;
DROP TABLE coverage;
DROP TABLE link;
DROP TABLE course;
DROP TABLE viewer;
DROP TABLE affected;
DROP TABLE incident;
DROP TABLE applied;
