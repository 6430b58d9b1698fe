-- +goose Up
-- Counters of the present minute.
CREATE TABLE limit_counters (
    minute integer NOT NULL,
    key    text    NOT NULL,
    hits   integer NOT NULL,
    PRIMARY KEY (minute, key)
) WITHOUT ROWID;

-- +goose Down
DROP TABLE limit_counters;
