-- Messages that were edited or deleted, in the order of that: few, so that a new message costs nothing here.
CREATE INDEX chat_message_changed ON chat_message (thread, version) WHERE version > id;
