//! `plenary-service import`: brings over what another server keeps, into this service's data folder.

use super::client_trusting;
use crate::config::{Config, Flags};
use crate::import::{
    Access, AccessError, ConnectionString, Identities, IdentityError, Import, ImportError, Journal,
    JournalError, Report, Source, SourceError, Step, UserTokens, Watch, Way,
};
use crate::server::{self, StartError};
use crate::store::postgres::address::DatabaseUrl;
use aws_lc_rs::digest::{digest, SHA256};
use clap::{Args, Subcommand};
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use url::Url;

/// Something could not be taken; the report says what.
const NOT_WHOLE: u8 = 3;
/// As shells say it of what SIGINT ended.
const INTERRUPTED: u8 = 130;
/// The connection string, where it is not in a file.
const CONNECTION_STRING: &str = "PLENARY_ACS_CONNECTION_STRING";

const HELP: &str = "\
The interface has no list of all threads, so it is told with whose threads to begin; from there it goes on to
everybody who takes part in them (not with --tokens, nor with --no-follow). Secrets come from files or the
environment, never from the command line:

  PLENARY_ACS_CONNECTION_STRING=\"$(cat connection-string)\" \\
    plenary-service import acs-chat --users users.txt --data plenary-data
  plenary-service import acs-chat --endpoint https://name.communication.azure.com --tokens tokens.txt

users.txt has a user id (8:acs:…) in each line, tokens.txt a user id and a token with the scope chat.

Users keep their ids, and from then on the key of this service's resource issues their tokens. Run it again as
often as you like: what is here is brought up to date, and a run that was ended in any way goes on where it was.
A thread into which somebody has written here is left as it is. Threads of meetings are left out: their guests
may read them in the meeting alone, and the meeting is not here.

Exit code: 0 everything was taken, 3 something could not be taken (the report says what and why), 1 it could not
go on, 130 it was interrupted. After 1 and 130 the same command goes on.";

/// Bring over what another server keeps.
#[derive(Debug, Subcommand)]
pub enum ImportCommand {
    /// Threads, participants and messages of a server with the chat REST interface of Communication Services
    AcsChat(Box<AcsChat>),
}

/// The flags of `import acs-chat`.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub struct AcsChat {
    /// File with the resource's connection string; or set PLENARY_ACS_CONNECTION_STRING
    #[arg(long, value_name = "FILE", conflicts_with = "tokens")]
    connection_string_file: Option<PathBuf>,
    /// A user to begin with; may be given several times
    #[arg(long = "user", value_name = "ID", conflicts_with = "tokens")]
    users: Vec<String>,
    /// File with users to begin with, one in each line
    #[arg(long = "users", value_name = "FILE", conflicts_with = "tokens")]
    users_file: Option<PathBuf>,
    /// Take the threads of the users given alone, not those of whom they met
    #[arg(long)]
    no_follow: bool,
    /// Where there is no key: file with a user id and a token in each line
    #[arg(long, value_name = "FILE", requires = "endpoint")]
    tokens: Option<PathBuf>,
    /// The other server, where there is no connection string
    #[arg(long, value_name = "URL", requires = "tokens")]
    endpoint: Option<Url>,
    /// Who its users become here
    #[arg(long, value_enum, default_value_t = Way::Keep)]
    identities: Way,
    /// File with a user id there and a user id here in each line, for users who exist here already
    #[arg(long, value_name = "FILE")]
    map: Option<PathBuf>,
    /// The resource of this service whose users they become, if it has several
    #[arg(long, value_name = "ID")]
    resource: Option<String>,
    /// Where the report goes, JSON [default: import-report.json in the data folder]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Do not go on where an interrupted run was, but look at every thread again
    #[arg(long)]
    from_start: bool,
    /// Version of the chat interface that the other server is asked for
    #[arg(long, value_name = "DATE", default_value = "2025-03-15")]
    api_version: String,
    /// Send tokens without encryption to a host that is not this machine
    #[arg(long)]
    allow_http: bool,
    /// Certificate of an authority to trust, PEM; such as the development authority's
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// TOML file with the settings of this service
    #[arg(long, value_name = "FILE", env = "PLENARY_CONFIG")]
    config: Option<PathBuf>,
    /// Folder of this service's database [default: ./plenary-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// This service's PostgreSQL database, if it has one, as postgres://USER@HOST/NAME. A password is better given
    /// in PLENARY_DATABASE or ~/.pgpass, where the list of processes does not show it
    #[arg(long, value_name = "URL")]
    database: Option<DatabaseUrl>,
}

/// Why it does not begin, or does not go on.
#[derive(Debug, thiserror::Error)]
pub enum ImportCommandError {
    /// Nothing opens the other server.
    #[error("say how to reach the other server: its connection string in PLENARY_ACS_CONNECTION_STRING or --connection-string-file, or --endpoint with --tokens")]
    NoAccess,
    /// Nobody to begin with.
    #[error("say with whose threads to begin: --user, or --users with a file of user ids")]
    NoUsers,
    /// A user id.
    #[error("{0} is not a user id of the form 8:acs:<resource>_<user>")]
    NotAUser(String),
    /// A file.
    #[error("{0} cannot be read: {1}")]
    File(PathBuf, std::io::Error),
    /// The report.
    #[error("the report cannot be written to {0}: {1}")]
    Report(PathBuf, std::io::Error),
    /// The certificate.
    #[error("{0} is not a PEM certificate that can be read")]
    Certificate(PathBuf),
    /// What opens it.
    #[error(transparent)]
    Access(#[from] AccessError),
    /// The service's own folder.
    #[error(transparent)]
    Start(#[from] StartError),
    /// Who is who.
    #[error(transparent)]
    Identities(#[from] IdentityError),
    /// The journal.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The other server.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// On the way.
    #[error("{0}\nWhat was taken is kept; the same command goes on from there.")]
    Import(#[from] ImportError),
}

type Result<T> = std::result::Result<T, ImportCommandError>;

/// Do it.
pub async fn run(command: ImportCommand) -> Result<ExitCode> {
    let ImportCommand::AcsChat(args) = command;
    args.run().await
}

impl AcsChat {
    async fn run(self) -> Result<ExitCode> {
        let flags = Flags {
            config: self.config.clone(),
            data: self.data.clone(),
            database: self.database.clone(),
            ..Flags::default()
        };
        let config = Config::load(&flags).map_err(StartError::from)?;
        let watch: Watch = Arc::new(progress());
        let (access, users) = self.access()?;
        let http = client_trusting(self.ca.as_deref());
        let http = http.map_err(ImportCommandError::Certificate)?;
        let source = Source::new(
            access,
            http,
            &self.api_version,
            self.allow_http,
            watch.clone(),
        )?;
        let store = server::open_stores(&config).await?;
        let map = self
            .map
            .as_deref()
            .map(read)
            .transpose()?
            .unwrap_or_default();
        let resource = self.resource.as_deref();
        let identities = Identities::new(&*store, resource, self.identities, &map).await?;
        let follow = !self.no_follow && self.tokens.is_none();
        let run = format!(
            "{} {} {:?} {follow} {users:?} {map}",
            source.endpoint(),
            identities.resource(),
            self.identities
        );
        let journal = config.data.join(journal_name(&source, &identities));
        let journal = Journal::open(&journal, &hash(&run), self.from_start)?;
        let limits = config.limits.chat.clone();
        let import = Import::new(source, store.clone(), identities, limits, journal, watch);
        let mut import = import.of(users, follow);
        // Dropped in the middle it leaves what the next run goes on from.
        let done = tokio::select! {
            done = import.run() => Some(done),
            () = super::interrupted() => None,
        };
        let report = import.report();
        let file = self.report.clone();
        let file = file.unwrap_or_else(|| config.data.join("import-report.json"));
        write(&file, &report).map_err(|error| ImportCommandError::Report(file.clone(), error))?;
        store.close().await;
        println!("{}", report.summary());
        println!("report: {}", file.display());
        match done {
            Some(Ok(())) if report.is_whole() => Ok(ExitCode::SUCCESS),
            Some(Ok(())) => Ok(ExitCode::from(NOT_WHOLE)),
            Some(Err(error)) => Err(error.into()),
            None => {
                eprintln!("import: interrupted; the same command goes on from here");
                Ok(ExitCode::from(INTERRUPTED))
            }
        }
    }

    /// What opens the other server, and with whom to begin.
    fn access(&self) -> Result<(Access, Vec<String>)> {
        if let (Some(file), Some(endpoint)) = (&self.tokens, &self.endpoint) {
            let tokens: UserTokens = read(file)?.parse()?;
            let users: Vec<String> = tokens.users().cloned().collect();
            return Ok((Access::tokens(endpoint, tokens)?, checked(users)?));
        }
        let string = match &self.connection_string_file {
            Some(file) => read(file)?,
            None => std::env::var(CONNECTION_STRING).map_err(|_| ImportCommandError::NoAccess)?,
        };
        let string: ConnectionString = string.parse()?;
        let mut users = self.users.clone();
        if let Some(file) = &self.users_file {
            let text = read(file)?;
            let lines = text.lines().map(str::trim);
            let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
            users.extend(lines.map(str::to_owned));
        }
        Ok((Access::Key(string), checked(users)?))
    }
}

fn checked(users: Vec<String>) -> Result<Vec<String>> {
    if let Some(other) = users.iter().find(|user| !user.starts_with("8:acs:")) {
        return Err(ImportCommandError::NotAUser(other.clone()));
    }
    match users.is_empty() {
        true => Err(ImportCommandError::NoUsers),
        false => Ok(users),
    }
}

fn read(file: &Path) -> Result<String> {
    std::fs::read_to_string(file).map_err(|error| ImportCommandError::File(file.to_owned(), error))
}

fn hash(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    hash.as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// One for each pair of server and resource.
fn journal_name(source: &Source, identities: &Identities) -> String {
    let pair = format!("{} {}", source.endpoint(), identities.resource());
    format!("import-{}.journal", &hash(&pair)[..16])
}

/// Whole or not at all, for its owner's eyes.
fn write(file: &Path, report: &Report) -> std::io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    let mut new = file.as_os_str().to_owned();
    new.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let mut out = options.open(&new)?;
    out.write_all(&serde_json::to_vec_pretty(report)?)?;
    out.write_all(b"\n")?;
    std::fs::rename(&new, file)
}

/// A line for each step; on a terminal one that changes. Ids are a stranger's text, and escaped.
fn progress() -> impl Fn(Step<'_>) + Send + Sync {
    let terminal = std::io::stderr().is_terminal();
    move |step| {
        let (line, passing) = match step {
            Step::User(user, threads) => {
                let user = user.escape_debug();
                (format!("{user} has {threads} threads"), true)
            }
            Step::Read(thread, messages) => {
                let thread = thread.escape_debug();
                (format!("{thread}: {messages} messages read"), true)
            }
            Step::Written(thread, written, all) => {
                let thread = thread.escape_debug();
                (
                    format!("{thread}: {written} of {all} messages written"),
                    true,
                )
            }
            Step::Thread(report) => {
                let thread = report.source.escape_debug();
                let outcome = format!("{:?}", report.outcome);
                let (added, changed) = (report.added, report.changed);
                let line = format!("{thread}: {outcome}, {added} added, {changed} changed");
                (line, false)
            }
            Step::Waiting(wait, why) => {
                let seconds = wait.as_secs_f32();
                (format!("{why}; again in {seconds:.1} s"), false)
            }
        };
        let mut err = std::io::stderr().lock();
        // Nobody may be reading, and then it goes on all the same.
        let _ = match (terminal, passing) {
            (false, _) => writeln!(err, "import: {line}"),
            (true, true) => write!(err, "\r\x1b[Kimport: {line}"),
            (true, false) => writeln!(err, "\r\x1b[Kimport: {line}"),
        };
    }
}
