-- A meeting's breakout rooms, as JSON: read and written as a whole.
ALTER TABLE meeting ADD COLUMN breakout TEXT;

-- Where an admission is now: who comes back after a restart is in that room again.
ALTER TABLE admission ADD COLUMN room TEXT;
-- The call on hold in the main meeting, and the one before the last move: it is found by these, too.
ALTER TABLE admission ADD COLUMN held TEXT;
ALTER TABLE admission ADD COLUMN former TEXT;
ALTER TABLE admission ADD COLUMN moves INTEGER NOT NULL DEFAULT 0;
