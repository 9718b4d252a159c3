//! How a database's tables came to be what they are: one file a step, in `migrations/`, never changed again.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::SqlSafeStr;

/// A step: what it brought, and its statements. The first is number 1.
type Step = (&'static str, &'static str);

pub const SQLITE: &[Step] = &[
    (
        "start",
        include_str!("../../migrations/sqlite/0001_start.sql"),
    ),
    (
        "breakout",
        include_str!("../../migrations/sqlite/0002_breakout.sql"),
    ),
    (
        "chat",
        include_str!("../../migrations/sqlite/0003_chat.sql"),
    ),
    (
        "recordings",
        include_str!("../../migrations/sqlite/0004_recordings.sql"),
    ),
    (
        "changes",
        include_str!("../../migrations/sqlite/0005_changes.sql"),
    ),
];

pub const POSTGRES: &[Step] = &[
    (
        "start",
        include_str!("../../migrations/postgres/0001_start.sql"),
    ),
    (
        "chat",
        include_str!("../../migrations/postgres/0002_chat.sql"),
    ),
    (
        "recordings",
        include_str!("../../migrations/postgres/0003_recordings.sql"),
    ),
    (
        "changes",
        include_str!("../../migrations/postgres/0004_changes.sql"),
    ),
];

pub fn migrator(steps: &'static [Step]) -> Migrator {
    let numbered = (1..).zip(steps);
    let migrations = numbered.map(|(number, (brought, statements))| {
        let statements = statements.into_sql_str();
        Migration::new(
            number,
            (*brought).into(),
            MigrationType::Simple,
            statements,
            false,
        )
    });
    Migrator::with_migrations(migrations.collect())
}

#[cfg(test)]
mod tests {
    use super::{Step, POSTGRES, SQLITE};

    /// A file that nobody runs is a table that is missing at a user's.
    #[test]
    fn every_file_is_a_step() {
        let in_order = |folder: &str, steps: &[Step]| {
            let folder = format!("{}/migrations/{folder}", env!("CARGO_MANIFEST_DIR"));
            let files = std::fs::read_dir(folder).expect("a folder");
            let files = files.map(|f| {
                f.expect("a file")
                    .file_name()
                    .into_string()
                    .expect("a name")
            });
            let mut files: Vec<String> = files.collect();
            files.sort();
            let steps = (1..).zip(steps);
            let named: Vec<String> = steps
                .map(|(n, (what, _))| format!("{n:04}_{what}.sql"))
                .collect();
            assert_eq!(files, named);
        };
        in_order("sqlite", SQLITE);
        in_order("postgres", POSTGRES);
    }
}
