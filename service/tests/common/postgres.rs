//! A PostgreSQL server of the tests' own, from the programs that are installed. It ends with the process that
//! started it, however that ends, and leaves nothing.
#![allow(dead_code, clippy::unwrap_used, missing_docs)]

use sqlx::{ConnectOptions, Connection};
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::OnceLock;

/// Looked for in everything that is written (S15).
pub const PASSWORD: &str = "sesame-in-a-database";

/// The shell waits for the end of its input, which comes with the end of the tests. Words are ordered as people
/// order them where the server can do that, so that a test sees what relies on the order of bytes. No power is
/// cut here, and without `fsync` a database is made in a tenth of the time.
const SCRIPT: &str = r#"
set -eu
bin=$1 port=$2 password=$3 certificate=$4 key=$5
folder=$(mktemp -d -t plenary-postgres.XXXXXX)
trap 'rm -rf "$folder"' EXIT
printf %s "$password" > "$folder/password"
make() {
    "$bin/initdb" -D "$folder/data" -U plenary --pwfile="$folder/password" --auth=scram-sha-256 -E UTF8 \
        --no-sync "$@" > "$folder/initdb.log" 2>&1
}
make --locale-provider=icu --icu-locale=en || make || { cat "$folder/initdb.log" >&2; exit 1; }
umask 077
printf %s "$certificate" > "$folder/server.crt"
printf %s "$key" > "$folder/server.key"
cat >> "$folder/data/postgresql.conf" <<END
ssl = on
ssl_cert_file = '$folder/server.crt'
ssl_key_file = '$folder/server.key'
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$folder'
fsync = off
END
"$bin/pg_ctl" -w -D "$folder/data" -l "$folder/log" start > /dev/null || { cat "$folder/log" >&2; exit 1; }
echo "$folder"
cat > /dev/null
"$bin/pg_ctl" -w -D "$folder/data" -m immediate stop > /dev/null 2>&1 || true
"#;

/// The rest of the command is run with a small disk of its own for temporary folders, and not as root.
const ON_A_SMALL_DISK: &str = r#"
mount -t tmpfs -o "$2,mode=777" tmpfs "$1" && export TMPDIR="$1" && shift 2 &&
    exec unshare --user --map-user=1000 --map-group=1000 "$@"
"#;

/// A server.
pub struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    databases: AtomicU32,
    /// Its input is ours, and open as long as we are.
    shell: Child,
}

impl Cluster {
    /// None where PostgreSQL is not installed, and then it is said.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            // Past the capture of the tests' output: who reads it has to know.
            let _ = writeln!(
                std::io::stderr(),
                "skipped: tests on PostgreSQL, which is not installed (sudo apt-get install --no-install-recommends postgresql)"
            );
            return None;
        };
        Some(Self::started(&programs, || unprivileged("sh")))
    }

    /// On a disk of that size (`size=…` of a tmpfs), mounted at a folder in a namespace that goes with it. None
    /// where PostgreSQL is not installed; whether there are such namespaces is known before.
    pub fn start_on_a_small_disk(disk: &Path, size: &str) -> Option<Self> {
        let programs = programs()?;
        Some(Self::started(&programs, || {
            let mut command = Command::new("unshare");
            command
                .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
                .args([ON_A_SMALL_DISK, "sh"])
                .arg(disk)
                .args([size, "sh"]);
            command
        }))
    }

    /// That disk, as it is seen from here.
    pub fn disk(&self, disk: &Path) -> PathBuf {
        let id = self.shell.id();
        PathBuf::from(format!("/proc/{id}/root{}", disk.display()))
    }

    fn started(programs: &Path, shell: impl Fn() -> Command) -> Self {
        // Somebody else may take the port before the server does.
        let cluster = (0..3).find_map(|_| Self::try_start(programs, shell()));
        cluster.expect("PostgreSQL is installed and does not start; see above")
    }

    fn try_start(programs: &Path, mut shell: Command) -> Option<Self> {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let mut shell = shell
            .args(["-c", SCRIPT, "sh"])
            .arg(programs)
            .args([&port.to_string(), PASSWORD])
            .args([made.cert.pem(), made.signing_key.serialize_pem()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // An interrupted test ends it by its input, not by the terminal's signal.
            .process_group(0)
            .current_dir("/")
            .spawn()
            .unwrap();
        let mut folder = String::new();
        BufReader::new(shell.stdout.take().unwrap())
            .read_line(&mut folder)
            .unwrap();
        let cluster = Self {
            programs: programs.to_owned(),
            folder: PathBuf::from(folder.trim_end()),
            port,
            databases: AtomicU32::new(0),
            shell,
        };
        (!folder.is_empty()).then_some(cluster)
    }

    pub fn url(&self, database: &str) -> String {
        let port = self.port;
        format!("postgres://plenary:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    /// The certificate by which it proves who it is.
    pub fn certificate(&self) -> PathBuf {
        self.folder.join("server.crt")
    }

    /// The URL of an empty database.
    pub async fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::SeqCst));
        self.tell(&format!("CREATE DATABASE {name}")).await;
        self.url(&name)
    }

    /// Has a statement carried out, outside of the tests' databases.
    pub async fn tell(&self, statement: &str) {
        let url = self.url("postgres");
        let options = sqlx::postgres::PgConnectOptions::from_str(&url).unwrap();
        let mut connection = options.connect().await.unwrap();
        let statement = sqlx::AssertSqlSafe(statement.to_owned());
        sqlx::raw_sql(statement)
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
    }

    /// At once, as in a crash. It is down afterwards.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    /// It answers afterwards.
    pub fn start_again(&self) {
        let log = self.folder.join("log");
        self.control(&["-l", log.to_str().unwrap(), "start"]);
    }

    fn control(&self, order: &[&str]) {
        let status = unprivileged(self.programs.join("pg_ctl").to_str().unwrap())
            .args(["-w", "-s", "-D"])
            .arg(self.folder.join("data"))
            .args(order)
            .status();
        assert!(status.unwrap().success(), "{order:?}");
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The server of this process, made when it is first asked for.
pub fn shared() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    CLUSTER.get_or_init(Cluster::start).as_ref()
}

/// The URL of an empty database on the server of this process. None where PostgreSQL is not installed.
pub async fn database() -> Option<String> {
    Some(shared()?.database().await)
}

/// Has that server carry out a statement.
pub async fn tell(statement: &str) {
    shared().unwrap().tell(statement).await;
}

/// Debian keeps them beside the PATH, a folder for each release.
fn programs() -> Option<PathBuf> {
    let release = |folder: &PathBuf| {
        let name = folder.file_name()?.to_str()?;
        name.parse::<u32>().ok()
    };
    let folders = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten();
    let mut folders: Vec<PathBuf> = folders.flatten().map(|entry| entry.path()).collect();
    folders.sort_by_key(release);
    let newest_first = folders.into_iter().rev().map(|folder| folder.join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    newest_first
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// The server refuses to be root; its packages make a user for it.
fn unprivileged(program: &str) -> Command {
    let id = Command::new("id").arg("-u").output().unwrap().stdout;
    let mut command = if id == b"0\n" {
        let mut command = Command::new("setpriv");
        command.args([
            "--reuid=postgres",
            "--regid=postgres",
            "--init-groups",
            program,
        ]);
        command
    } else {
        Command::new(program)
    };
    // Wherever the tests are may be closed to that user.
    command.current_dir("/");
    command
}
