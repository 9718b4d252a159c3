//! What an interrupted run has done already: one line a thread, written when the store has all of it. A run
//! that came to its end leaves none behind, so the next one looks at everything again.

use super::report::ThreadReport;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Why it cannot be kept.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// The file.
    #[error("{0} cannot be written: {1}")]
    File(PathBuf, std::io::Error),
    /// Another process has it.
    #[error("another import from this server into this data folder is running")]
    Busy,
}

/// The first line: a run with other users or other identities is another one.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Head {
    import: String,
}

/// The file, held by this process alone.
pub struct Journal {
    path: PathBuf,
    file: File,
}

impl Journal {
    /// Goes on with the one that is there, if it is of a run as `run` describes it; gives what that has done.
    pub fn open(
        path: &Path,
        run: &str,
        from_start: bool,
    ) -> Result<(Self, Vec<ThreadReport>), JournalError> {
        let failed = |error| JournalError::File(path.to_owned(), error);
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::Busy),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let head = Head {
            import: run.to_owned(),
        };
        let (done, length) = match from_start {
            true => (Vec::new(), 0),
            false => read(&file, &head).map_err(failed)?,
        };
        // A line that a kill cut off is no line.
        file.set_len(length).map_err(failed)?;
        file.seek(SeekFrom::End(0)).map_err(failed)?;
        let path = path.to_owned();
        let mut journal = Self { path, file };
        if length == 0 {
            journal.write(&head)?;
        }
        Ok((journal, done))
    }

    /// The store has all of a thread.
    pub(super) fn done(&mut self, thread: &ThreadReport) -> Result<(), JournalError> {
        self.write(thread)
    }

    /// The run has come to its end.
    pub(super) fn finish(&mut self) -> Result<(), JournalError> {
        let removed = std::fs::remove_file(&self.path);
        removed.map_err(|error| JournalError::File(self.path.clone(), error))
    }

    fn write(&mut self, line: &impl Serialize) -> Result<(), JournalError> {
        let failed = |error| JournalError::File(self.path.clone(), error);
        let mut line = serde_json::to_vec(line).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)
    }
}

/// The threads of whole lines, and where these end; nothing, if it is of another run.
fn read(file: &File, head: &Head) -> std::io::Result<(Vec<ThreadReport>, u64)> {
    let mut lines = BufReader::new(file);
    let mut line = Vec::new();
    let mut end = 0;
    let mut done = Vec::new();
    loop {
        line.clear();
        let length = lines.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Ok((done, end));
        }
        if end == 0 {
            if serde_json::from_slice::<Head>(&line).ok().as_ref() != Some(head) {
                return Ok((Vec::new(), 0));
            }
        } else {
            match serde_json::from_slice(&line) {
                Ok(thread) => done.push(thread),
                Err(_) => return Ok((done, end)),
            }
        }
        end += length as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_line_is_forgotten_and_a_finished_run_begins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal");
        let (mut journal, done) = Journal::open(&path, "run", false).unwrap();
        assert!(done.is_empty());
        let (a, b) = (ThreadReport::new("a"), ThreadReport::new("b"));
        journal.done(&a).unwrap();
        assert!(matches!(
            Journal::open(&path, "run", false),
            Err(JournalError::Busy)
        ));
        drop(journal);
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"source":"cu"#).unwrap();
        let (mut journal, done) = Journal::open(&path, "run", false).unwrap();
        assert_eq!(done, std::slice::from_ref(&a));
        journal.done(&b).unwrap();
        drop(journal);
        let (journal, done) = Journal::open(&path, "run", false).unwrap();
        assert_eq!(done, [a, b]);
        drop(journal);
        let (mut journal, done) = Journal::open(&path, "other users", false).unwrap();
        assert!(done.is_empty());
        journal.finish().unwrap();
        assert!(!path.exists());
    }
}
