-- The recordings and transcriptions of a meeting that go on, as JSON: read and written as a whole.
ALTER TABLE meeting ADD COLUMN recordings TEXT;
