-- +goose Up
-- Counters of the present minute. Unlogged: nobody waits for their way to disk,
-- and a server that crashes begins the minute anew.
CREATE UNLOGGED TABLE limit_counters (
    minute bigint NOT NULL,
    key    text   NOT NULL,
    hits   bigint NOT NULL,
    PRIMARY KEY (minute, key)
);

-- +goose Down
DROP TABLE limit_counters;
